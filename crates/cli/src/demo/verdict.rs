//! What was true, at the end: computed from the journal, read without the supervisor, and from what the company and the desk
//! really hold. No actor's own count is asked.

mod cover;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use belay_domain::{CaseId, Decision, Event, EventKind, Purpose, Span, Timestamp, replay};
use serde_json::{Value, json};

use belay_api::v1;

use super::answers::Answer;
use super::company::Ledger;
use super::observer::Claim;
use super::stories::{Opening, Proof, Story, prove};
use crate::commands::audit;
use crate::exit::{Exit, Failure};

/// Everything that happened, by case.
pub(crate) type Histories = BTreeMap<String, Vec<Event>>;

/// What the verdict is made from.
pub(crate) struct Facts<'a> {
    /// The journal.
    pub(crate) histories: &'a Histories,
    /// Every write the company made.
    pub(crate) ledger: &'a Ledger,
    /// The desk's tickets with everything that was done to them.
    pub(crate) tickets: &'a [v1::DeskTicket],
    /// Every time the API said "covered".
    pub(crate) claims: &'a [Claim],
    /// Every success that somebody relies on.
    pub(crate) answers: &'a [Answer],
    /// The cases that tell stories.
    pub(crate) told: &'a [(Opening, String)],
}

/// What was true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) events: u64,
    pub(crate) cases: usize,
    pub(crate) resolved: usize,
    pub(crate) verified: usize,
    pub(crate) denied: usize,
    pub(crate) compensated: usize,
    pub(crate) handoffs: usize,
    pub(crate) opened: usize,
    pub(crate) acknowledged: usize,
    pub(crate) lapsed: usize,
    pub(crate) exhausted: usize,
    pub(crate) approvals: usize,
    /// How often somebody was asked whether a case is covered and was told that it is.
    pub(crate) claims: usize,
    /// From asking people to take a case until somebody really had it, shortest first.
    pub(crate) waits: Vec<Span>,
    /// Answers that said "covered" when nobody had the case.
    pub(crate) false_coverage: Vec<String>,
    /// What was answered with success, or proven, and is not there.
    pub(crate) lost: Vec<String>,
    /// Writes that took effect more than once.
    pub(crate) doubled: Vec<String>,
    /// Stories that are not true, and what is missing.
    pub(crate) untold: Vec<(Story, String)>,
    /// Cases that are still open.
    pub(crate) open: Vec<String>,
}

/// How many events are read at a time.
const CHUNK: usize = 1_000;

/// Reads everything that happened, and whether the journal is as it was written.
pub(crate) fn read(data: &Path) -> Result<Histories, Failure> {
    let failed = |error| Failure::of("the journal cannot be read", &error);
    let auditor = audit::open(data)?;
    let report = auditor.verify(&[], |_| {}).map_err(failed)?;
    if let Some(first) = report.broken.first() {
        return Err(Failure::new(Exit::Found, format!("the journal is broken: {first}")));
    }
    let (mut histories, mut after) = (Histories::new(), 0);
    loop {
        let events = auditor.tail(after, CHUNK).map_err(failed)?;
        let Some(last) = events.last() else { return Ok(histories) };
        after = last.position;
        for stored in &events {
            let event = belay_supervisor::decode(stored)
                .map_err(|error| Failure::of("the journal cannot be read", &error))?;
            histories.entry(stored.case.clone()).or_default().push(event);
        }
    }
}

impl Verdict {
    /// Judges.
    pub(crate) fn of(facts: &Facts<'_>) -> Result<Self, Failure> {
        let mut verdict =
            Self { cases: facts.histories.len(), claims: facts.claims.len(), ..Self::default() };
        for (case, events) in facts.histories {
            verdict.count(case, events);
            verdict.effects(case, events, facts.ledger)?;
        }
        verdict.waits.sort_unstable();
        for claim in facts.claims {
            let events = facts.histories.get(&claim.case).map(Vec::as_slice).unwrap_or_default();
            if let Err(why) = cover::holds(claim, events, facts.tickets) {
                verdict.false_coverage.push(format!("{} at {}: {why}", claim.case, claim.at));
            }
        }
        for answer in facts.answers.iter().filter(|answer| !is_there(answer, facts)) {
            verdict.lost.push(format!("{answer:?}"));
        }
        for ((what, key), count) in facts.ledger.effects() {
            if count > 1 {
                verdict.doubled.push(format!("{what} {key} was made {count} times"));
            }
        }
        for (opening, case) in facts.told {
            let Some(story) = opening.story else { continue };
            let events = facts.histories.get(case).map(Vec::as_slice).unwrap_or_default();
            let proof = Proof { events, ledger: facts.ledger, record: &opening.record() };
            if let Err(missing) = prove(story, &proof) {
                verdict.untold.push((story, format!("{case}: {missing}")));
            }
        }
        Ok(verdict)
    }

    fn count(&mut self, case: &str, events: &[Event]) {
        let mut asked: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let mut resolved = false;
        self.events += events.len() as u64;
        for event in events {
            match &event.kind {
                EventKind::CaseResolved { .. } => resolved = true,
                EventKind::ActionVerified { .. } => self.verified += 1,
                EventKind::ActionDenied { .. } => self.denied += 1,
                EventKind::ActionCompensated { .. } => self.compensated += 1,
                EventKind::HandoffAccepted { .. } => self.handoffs += 1,
                EventKind::ApprovalEnded { decision: Decision::Approved, .. } => {
                    self.approvals += 1
                }
                EventKind::EscalationOpened { escalation, purpose, .. } => {
                    self.opened += 1;
                    if matches!(purpose, Purpose::Takeover { .. }) {
                        asked.insert(escalation.as_str(), event.at);
                    }
                }
                EventKind::EscalationAcknowledged { escalation, .. } => {
                    self.acknowledged += 1;
                    if let Some(since) = asked.remove(escalation.as_str()) {
                        self.waits.push(event.at.duration_since(since));
                    }
                }
                EventKind::EscalationLapsed { .. } => self.lapsed += 1,
                EventKind::EscalationExhausted { .. } => self.exhausted += 1,
                _ => {}
            }
        }
        if resolved {
            self.resolved += 1;
        } else {
            self.open.push(case.to_owned());
        }
    }

    /// What the journal calls verified must be in the company's ledger, and what it calls compensated must not stand.
    fn effects(&mut self, case: &str, events: &[Event], ledger: &Ledger) -> Result<(), Failure> {
        let id: CaseId =
            case.parse().map_err(|error| Failure::of(format!("{case} is no case"), &error))?;
        let state = replay(id, events);
        let had = |name: &str| -> BTreeSet<String> {
            let named = events.iter().filter(|event| event.kind.name() == name);
            named.filter_map(|event| action_of(&event.kind)).collect()
        };
        let (verified, compensated) = (had("action_verified"), had("action_compensated"));
        for (action, stand) in verified
            .difference(&compensated)
            .map(|action| (action, 1))
            .chain(compensated.iter().map(|action| (action, 0)))
        {
            let found = state.actions.iter().find(|(id, _)| id.as_str() == action);
            let key = found.and_then(|(_, found)| found.terms()).map(|terms| terms.key.clone());
            let standing = key.map(|key| ledger.standing(key.as_str()));
            if standing.is_none_or(|standing| (standing > 0) != (stand > 0)) {
                let standing = standing.unwrap_or_default();
                self.lost.push(format!("{action}: {stand} writes should stand, {standing} do"));
            }
        }
        Ok(())
    }

    /// Whether everything is as it should be.
    pub(crate) fn is_sound(&self) -> bool {
        self.false_coverage.is_empty()
            && self.lost.is_empty()
            && self.doubled.is_empty()
            && self.untold.is_empty()
            && self.open.is_empty()
    }

    /// The one object for programs.
    pub(crate) fn json(&self, took: Duration) -> Value {
        json!({
            "cases": self.cases,
            "resolved": self.resolved,
            "actions": {
                "verified": self.verified,
                "denied": self.denied,
                "compensated": self.compensated,
            },
            "handoffs": self.handoffs,
            "escalations": {
                "opened": self.opened,
                "acknowledged": self.acknowledged,
                "lapsed": self.lapsed,
                "exhausted": self.exhausted,
            },
            "approvals": self.approvals,
            "false_coverage": self.false_coverage.len(),
            "lost": self.lost.len(),
            "doubled": self.doubled.len(),
            "seconds": (took.as_secs_f64() * 10.0).round() / 10.0,
        })
    }
}

/// The action that an event of its end is about.
fn action_of(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::ActionVerified { action, .. } | EventKind::ActionCompensated { action } => {
            Some(action.to_string())
        }
        _ => None,
    }
}

/// Whether what was answered with success is in the journal, or at the desk.
fn is_there(answer: &Answer, facts: &Facts<'_>) -> bool {
    let any = |case: &str, is: &dyn Fn(&EventKind) -> bool| {
        let events = facts.histories.get(case).map(Vec::as_slice).unwrap_or_default();
        events.iter().any(|event| is(&event.kind))
    };
    let of_action = |id: &str| id.split('/').next().unwrap_or_default().to_owned();
    match answer {
        Answer::Opened { case, request: wanted } => any(case, &|kind| match kind {
            EventKind::CaseOpened { request, .. } | EventKind::ContactLinked { request, .. } => {
                request.as_str() == wanted
            }
            _ => false,
        }),
        Answer::Approved { approval, person } => any(&of_action(approval), &|kind| match kind {
            EventKind::ApprovalGiven { action, vote } => {
                action.as_str() == approval && vote.person.as_str() == person
            }
            _ => false,
        }),
        Answer::Verified { action: wanted } => any(&of_action(wanted), &|kind| match kind {
            EventKind::ActionVerified { action, .. } => action.as_str() == wanted,
            _ => false,
        }),
        Answer::Resolved { case } => {
            any(case, &|kind| matches!(kind, EventKind::CaseResolved { .. }))
        }
        Answer::Took { ticket, person } => facts.tickets.iter().any(|found| {
            found.id == *ticket
                && found.acts.iter().any(|act| {
                    act.kind() == v1::DeskActKind::Took && act.by == *person && act.human
                })
        }),
    }
}
