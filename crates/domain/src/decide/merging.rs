//! How two cases that are the same matter become one, as far as one of the two can decide it: see [`Ties`](crate::Ties) for
//! the steps and their order.

use belay_planted::{Bug, planted};

use super::Deciding;
use super::matter::{CONTACTS_MAX, CONTEXT_MAX, LINE_MAX, within};
use crate::command::Absorb;
use crate::{
    ActionStage, AgentId, CaseId, Context, ContextEntry, Correlation, Digest, Epoch, EventKind,
    PersonId, Rejection, Reported, Source,
};

/// The most cases that one is tied to. More reports of one matter than that come to a case directly.
const TIES_MAX: usize = 64;

impl Deciding {
    /// It became known by what the matter is recognised. A fingerprint stays what it was first found to be.
    pub(super) fn recognise(&mut self, fingerprint: Digest) {
        let known = self.case.fingerprint;
        let others = known.is_some_and(|known| known != fingerprint);
        // Where it is the same matter as an open case, new reports go there.
        let shared = known.is_some() && !self.case.ties.same.is_empty();
        if !others && !shared && !self.case.ties.claimed {
            self.emit(EventKind::MatterRecognised { fingerprint });
        }
    }

    /// Another open case is the same matter. What a person said of the two is only changed by a person.
    pub(super) fn share_matter(
        &mut self,
        with: &CaseId,
        fingerprint: Option<Digest>,
        by: Option<&PersonId>,
    ) -> Result<(), Rejection> {
        if *with == self.case.id {
            return Err(Rejection::NotSameMatter { other: with.clone() });
        }
        let ties = &self.case.ties;
        let settled = if by.is_some() {
            ties.same.contains(with) && !ties.apart.contains(with)
        } else {
            ties.same.contains(with) || ties.apart.contains(with)
        };
        if settled {
            return Ok(());
        }
        if ties.same.len() + ties.absorbed.len() >= TIES_MAX {
            return Err(Rejection::TooMany { what: "cases of the same matter", most: TIES_MAX });
        }
        let (with, by) = (with.clone(), by.cloned());
        self.emit(EventKind::MatterShared { with, fingerprint, by });
        Ok(())
    }

    /// The other case is over, so that there is nothing left to be merged with.
    pub(super) fn part(&mut self, with: &CaseId, why: &str) -> Result<(), Rejection> {
        within("reason", why, LINE_MAX)?;
        if self.case.ties.same.contains(with) {
            self.end_merge_with(with, why);
            self.emit(EventKind::MatterParted { with: with.clone(), why: why.to_owned() });
        }
        Ok(())
    }

    /// A person says that the other case is another matter.
    pub(super) fn tell_apart(
        &mut self,
        from: &CaseId,
        by: &PersonId,
        note: &str,
    ) -> Result<(), Rejection> {
        within("note", note, LINE_MAX)?;
        if *from == self.case.id {
            return Err(Rejection::NotSameMatter { other: from.clone() });
        }
        if self.case.ties.apart.contains(from) {
            return Ok(());
        }
        if self.case.ties.apart.len() >= TIES_MAX {
            return Err(Rejection::TooMany { what: "cases told apart", most: TIES_MAX });
        }
        self.end_merge_with(from, "a person says that it is another matter");
        self.emit(EventKind::MatterToldApart {
            from: from.clone(),
            by: by.clone(),
            note: note.to_owned(),
        });
        Ok(())
    }

    /// This case is to be merged into another. Nothing else changes: it is held, or people are asked, as before.
    pub(super) fn propose_merge(&mut self, into: &CaseId) -> Result<(), Rejection> {
        let ties = &self.case.ties;
        match &ties.into {
            Some(known) if known == into => return Ok(()),
            Some(known) => return Err(Rejection::MergeUnderWay { into: known.clone() }),
            None => {}
        }
        if !ties.same.contains(into) {
            return Err(Rejection::NotSameMatter { other: into.clone() });
        }
        if planted(Bug::MergeHidesUncovered) {
            let (into, reported) = (into.clone(), self.case.reported());
            self.wind_up("the case was merged into another");
            self.emit(EventKind::CaseMerged { into, reported });
            return Ok(());
        }
        if let Some(why) = self.case.stands() {
            return Err(Rejection::Standing { why });
        }
        self.emit(EventKind::MergeProposed { into: into.clone() });
        Ok(())
    }

    /// It is not merged after all, and goes on by itself.
    pub(super) fn end_merge(&mut self, into: &CaseId, why: &str) -> Result<(), Rejection> {
        within("reason", why, LINE_MAX)?;
        self.end_merge_with(into, why);
        Ok(())
    }

    fn end_merge_with(&mut self, into: &CaseId, why: &str) {
        if self.case.ties.into.as_ref() == Some(into) {
            self.emit(EventKind::MergeEnded { into: into.clone(), why: why.to_owned() });
        }
    }

    /// Takes over what was reported to a case of the same matter, with where each thing came from. What was taken over
    /// before is not taken twice. Who holds this case, and who is asked, stays as it is.
    pub(super) fn absorb(&mut self, absorb: &Absorb) -> Result<(), Rejection> {
        let Absorb { from, reported, contacts, context, .. } = absorb;
        let ties = &self.case.ties;
        if self.case.tenant.as_ref() != Some(&absorb.tenant) || !ties.same.contains(from) {
            return Err(Rejection::NotSameMatter { other: from.clone() });
        }
        if let Some(into) = &ties.into {
            return Err(Rejection::MergeUnderWay { into: into.clone() });
        }
        let known = ties.absorbed.get(from).map(|absorbed| absorbed.reported.clone());
        // Whoever looked at the other case before the last one who did brings nothing new.
        let older = known.as_ref().is_some_and(|known| {
            reported.contacts < known.contacts || reported.entries < known.entries
        });
        if older || known.as_ref() == Some(reported) {
            return Ok(());
        }
        let told = known.as_ref().map_or(0, |known| known.entries);
        let (again, entries) = (told > 0, context.get(told..).unwrap_or_default());
        let is_new = |contact: &&crate::Contact| {
            !self.case.contacts.iter().any(|known| known.request == contact.request)
        };
        let contacts: Vec<_> = contacts.iter().filter(is_new).cloned().collect();
        if self.case.contacts.len() + contacts.len() > CONTACTS_MAX {
            return Err(Rejection::TooMany { what: "reports", most: CONTACTS_MAX });
        }
        if self.case.context.entries().len() + entries.len() + 1 > CONTEXT_MAX {
            return Err(Rejection::TooMany { what: "context entries", most: CONTEXT_MAX });
        }
        let body = preface(absorb, contacts.len(), entries.len(), again);
        self.remember("merge", body, Source::Belay, &format!("case:{from}"));
        for entry in entries {
            self.enter_as(ContextEntry::clone(entry));
        }
        let present = self.case.terms.as_ref().map(|terms| terms.severity);
        if present.is_some_and(|present| reported.severity > present) {
            let severity = Some(reported.severity);
            self.emit(EventKind::CaseAmended { subject: None, severity, labels: None });
        }
        self.emit(EventKind::CaseAbsorbed {
            from: from.clone(),
            reported: reported.clone(),
            contacts,
            fingerprint: absorb.fingerprint,
            uncovered_since: absorb.uncovered_since,
        });
        Ok(())
    }

    /// The people of a ticket were told on it what the case took over.
    pub(super) fn note_merge(&mut self, from: &CaseId, step: &Correlation) {
        let wanted = self
            .case
            .untold()
            .any(|untold| untold.from == from && untold.escalation.step.correlation == *step);
        if wanted {
            let (from, correlation) = (from.clone(), step.clone());
            self.emit(EventKind::MergeNoted { from, correlation });
        }
    }

    /// The agent that holds the case shows which context it has. Only written down where somebody waits for it.
    pub(super) fn see_context(
        &mut self,
        agent: &AgentId,
        epoch: Epoch,
        context: Digest,
    ) -> Result<(), Rejection> {
        self.check_owner(agent, epoch)?;
        if self.case.ties.absorbed.values().all(|absorbed| absorbed.told) {
            return Ok(());
        }
        let Some(entries) = self.case.context.place_of(context) else {
            let current = self.case.context.digest();
            return Err(Rejection::ContextMismatch { given: context, current });
        };
        if entries > self.case.ties.seen {
            self.emit(EventKind::ContextSeen { agent: agent.clone(), entries });
        }
        Ok(())
    }

    /// Everything that was reported here is known there: this case is over. Refused where that is not so any more.
    pub(super) fn merge(&mut self, into: &CaseId, reported: &Reported) -> Result<(), Rejection> {
        if self.case.ties.into.as_ref() != Some(into) {
            return Err(Rejection::NotSameMatter { other: into.clone() });
        }
        if let Some(why) = self.case.stands() {
            return Err(Rejection::Standing { why });
        }
        if self.case.reported() != *reported {
            return Err(Rejection::ReportedMeanwhile);
        }
        self.wind_up("the case was merged into another");
        self.emit(EventKind::CaseMerged { into: into.clone(), reported: reported.clone() });
        Ok(())
    }

    /// What follows from any other change: a merge does not go on where something begins to stand, and whoever has to know
    /// of what was taken over may just have come to know it.
    pub(super) fn see_to_merges(&mut self) {
        if !self.case.is_open() {
            return;
        }
        if let Some(into) = self.case.ties.into.clone()
            && let Some(why) = self.case.stands()
        {
            self.emit(EventKind::MergeEnded { into, why });
        }
        let open = self.case.ties.absorbed.iter().filter(|(_, absorbed)| !absorbed.told);
        let told = open.filter(|(_, absorbed)| self.case.knows_of(absorbed));
        let told: Vec<CaseId> = told.map(|(from, _)| from.clone()).collect();
        for from in told {
            self.emit(EventKind::AbsorptionTold { from });
        }
    }

    /// Adds an entry as another case had it.
    fn enter_as(&mut self, entry: ContextEntry) {
        let digest = Context::digest_after(self.case.context.digest(), &entry);
        self.emit(EventKind::ContextAdded { entry, digest });
    }
}

/// What whoever holds the case reads before the entries that were taken over.
fn preface(absorb: &Absorb, contacts: usize, entries: usize, again: bool) -> String {
    let Absorb { from, subject, writes, .. } = absorb;
    let more = if again { "more " } else { "" };
    let mut text = format!(
        "The case {from} ({subject}) is the same matter and is being merged into this one. What follows was {more}known \
         there: {contacts} reports, {entries} entries."
    );
    for write in writes {
        text.push_str(&format!("\n{write}"));
    }
    text
}

/// What was written on behalf of a case, for whoever takes the matter over.
pub(crate) fn writes(case: &crate::Case) -> Vec<String> {
    let effective = case.actions.values().filter(|action| !action.is_without_effect());
    let line = |action: &std::sync::Arc<crate::Action>| match &action.stage {
        ActionStage::Diverged { difference } => {
            format!("{} ({}) diverged: {difference}", action.id, action.contract)
        }
        _ => format!("{} ({}) is {}", action.id, action.contract, action.stage_name()),
    };
    effective.map(line).collect()
}

impl Absorb {
    /// What another case takes over from this one.
    #[must_use]
    pub fn of(case: &crate::Case, fingerprint: Option<Digest>) -> Option<Self> {
        Some(Self {
            from: case.id.clone(),
            tenant: case.tenant.clone()?,
            subject: case.subject.clone(),
            reported: case.reported(),
            contacts: case.contacts.clone(),
            context: case.context.entries().to_vec(),
            writes: writes(case),
            fingerprint,
            uncovered_since: case.uncovered_since,
        })
    }
}
