//! What the case is about: opening it, adding to what is known, closing it.

use super::Deciding;
use crate::command::{Actor, NewEntry, Open};
use crate::{
    ActionId, ActionStage, Cause, ContextEntry, Escalation, EventKind, Provenance, Rejection,
    RequestId, ResolutionCode, Severity, Source,
};

/// The longest line: a subject, a reason, a label.
pub(super) const LINE_MAX: usize = 1_024;
/// The longest text: an entry of the context, an input.
pub(super) const TEXT_MAX: usize = 256 * 1_024;
/// The most entries of context. A conversation that is longer is one for people.
pub(crate) const CONTEXT_MAX: usize = 2_000;
/// The most labels of a case.
const LABELS_MAX: usize = 64;
/// The most reports of one matter that are remembered one by one.
pub(crate) const CONTACTS_MAX: usize = 256;

impl Deciding {
    pub(super) fn open(&mut self, open: &Open) -> Result<(), Rejection> {
        within("subject", &open.subject, LINE_MAX)?;
        within("kind", &open.kind, LINE_MAX)?;
        within("customer", &open.customer, LINE_MAX)?;
        within("channel", &open.channel, LINE_MAX)?;
        labels_within(&open.labels)?;
        if open.terms.takeover.steps.is_empty() {
            return Err(Rejection::EmptyPlan { policy: open.terms.takeover.policy.clone() });
        }
        self.check_entries(&open.context)?;
        self.emit(EventKind::CaseOpened {
            tenant: open.tenant.clone(),
            request: open.request.clone(),
            subject: open.subject.clone(),
            kind: open.kind.clone(),
            customer: open.customer.clone(),
            channel: open.channel.clone(),
            fingerprint: open.fingerprint,
            labels: open.labels.clone(),
            by: open.by.reference(),
            terms: Box::new(open.terms.clone()),
        });
        self.enter(&open.context);
        match &open.terms.route {
            Some(target) => self.route(target.clone(), "opened", Vec::new()),
            None => self.ask_people(Cause::Routed),
        }
        Ok(())
    }

    /// The same request again is answered as the first one was; another one cannot open the same case.
    pub(super) fn open_again(&mut self, open: &Open) -> Result<(), Rejection> {
        let known = self.case.contacts.iter().any(|contact| contact.request == open.request);
        if known { Ok(()) } else { Err(Rejection::AlreadyOpen) }
    }

    /// The same matter again: what the report says becomes known, and the case matters as much as the report says if that
    /// is more. Who holds the case, and who is asked, stays as it is.
    pub(super) fn link_contact(
        &mut self,
        request: &RequestId,
        channel: &str,
        context: &[NewEntry],
        severity: Option<Severity>,
    ) -> Result<(), Rejection> {
        within("channel", channel, LINE_MAX)?;
        let known = self.case.contacts.iter().any(|contact| contact.request == *request);
        if known || self.case.contacts.len() >= CONTACTS_MAX {
            return Ok(());
        }
        self.check_entries(context)?;
        let channel = channel.to_owned();
        self.emit(EventKind::ContactLinked { request: request.clone(), channel });
        self.enter(context);
        let present = self.case.terms.as_ref().map(|terms| terms.severity);
        if present.is_some_and(|present| severity.is_some_and(|said| said > present)) {
            self.emit(EventKind::CaseAmended { subject: None, severity, labels: None });
        }
        Ok(())
    }

    pub(super) fn add_context(
        &mut self,
        entries: &[NewEntry],
        by: &Actor,
    ) -> Result<(), Rejection> {
        self.check_actor(by)?;
        self.check_entries(entries)?;
        self.enter(entries);
        Ok(())
    }

    pub(super) fn amend(
        &mut self,
        subject: Option<&String>,
        severity: Option<Severity>,
        labels: Option<&Vec<(String, String)>>,
    ) -> Result<(), Rejection> {
        if let Some(subject) = subject {
            within("subject", subject, LINE_MAX)?;
        }
        if let Some(labels) = labels {
            labels_within(labels)?;
        }
        if subject.is_some() || severity.is_some() || labels.is_some() {
            self.emit(EventKind::CaseAmended {
                subject: subject.cloned(),
                severity,
                labels: labels.cloned(),
            });
        }
        Ok(())
    }

    pub(super) fn resolve(
        &mut self,
        by: &Actor,
        code: &ResolutionCode,
        note: &str,
    ) -> Result<(), Rejection> {
        self.check_actor(by)?;
        within("note", note, TEXT_MAX)?;
        let person = matches!(by, Actor::Person(_));
        if person {
            // What this leaves half done begins to be undone, and then counts as unsettled.
            self.withdraw_undispatched("a person resolves the case");
        } else if self.case.takeover().is_some_and(Escalation::is_for_people_only) {
            return Err(Rejection::EscalationUnderWay);
        }
        let unsettled = self.unsettled(person);
        if !unsettled.is_empty() {
            return Err(Rejection::Unsettled { actions: unsettled });
        }
        self.check_compared(person)?;
        self.close_case(&by.reference(), code, note);
        Ok(())
    }

    /// The actions that keep a case from being resolved. An outcome of which people have been told does not
    /// keep people from resolving it.
    pub(super) fn unsettled(&self, person: bool) -> Vec<ActionId> {
        let open = self.case.actions.values().filter(|action| match action.stage {
            ActionStage::Executed { told: true, .. } | ActionStage::Unknown { told: true, .. } => {
                !person
            }
            _ => !action.is_settled(),
        });
        open.map(|action| action.id.clone()).collect()
    }

    /// The case is done: nobody needs to be asked any more.
    pub(super) fn close_case(&mut self, by: &str, code: &ResolutionCode, note: &str) {
        self.wind_up("the case is resolved");
        self.emit(EventKind::CaseResolved {
            by: by.to_owned(),
            code: code.clone(),
            note: note.to_owned(),
        });
    }

    /// Nobody is asked any more, and nothing that was not sent is.
    pub(super) fn wind_up(&mut self, why: &str) {
        self.withdraw_undispatched(why);
        let open: Vec<_> = self
            .case
            .escalations
            .values()
            .filter(|escalation| escalation.is_open())
            .map(|escalation| escalation.id.clone())
            .collect();
        for escalation in open {
            self.emit(EventKind::EscalationClosed { escalation, why: why.to_owned() });
        }
        self.lower_alarm();
    }

    pub(super) fn check_entries(&self, entries: &[NewEntry]) -> Result<(), Rejection> {
        for entry in entries {
            within("context kind", &entry.kind, LINE_MAX)?;
            within("context body", &entry.body, TEXT_MAX)?;
            within("context reference", &entry.provenance.reference, LINE_MAX)?;
        }
        if self.case.context.entries().len() + entries.len() > CONTEXT_MAX {
            return Err(Rejection::TooMany { what: "context entries", most: CONTEXT_MAX });
        }
        Ok(())
    }

    /// Adds entries that have been checked.
    pub(super) fn enter(&mut self, entries: &[NewEntry]) {
        for entry in entries {
            let entry = ContextEntry {
                kind: entry.kind.clone(),
                body: entry.body.clone(),
                provenance: entry.provenance.clone(),
                at: self.now,
            };
            let before = self.case.context.digest();
            let digest = crate::Context::digest_after(before, &entry);
            self.emit(EventKind::ContextAdded { entry, digest });
        }
    }

    /// Something that Belay itself knows and the next owner should.
    pub(super) fn remember(&mut self, kind: &str, body: String, source: Source, reference: &str) {
        let provenance = Provenance { source, reference: reference.to_owned() };
        self.enter(&[NewEntry { kind: kind.to_owned(), body, provenance }]);
    }
}

pub(super) fn within(field: &'static str, text: &str, most: usize) -> Result<(), Rejection> {
    if text.len() <= most { Ok(()) } else { Err(Rejection::TooLong { field, most }) }
}

fn labels_within(labels: &[(String, String)]) -> Result<(), Rejection> {
    if labels.len() > LABELS_MAX {
        return Err(Rejection::TooMany { what: "labels", most: LABELS_MAX });
    }
    for (name, value) in labels {
        within("label", name, LINE_MAX)?;
        within("label", value, LINE_MAX)?;
    }
    Ok(())
}
