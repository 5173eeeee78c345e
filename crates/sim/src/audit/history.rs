//! What the events of one case have to look like, whatever happened around them.

use std::collections::BTreeSet;
use std::time::Duration;

use belay_domain::{
    Case, CaseId, Coverage, Epoch, Event, EventKind, Owner, Stage, Status, TicketId, Timestamp,
    apply,
};

use super::Known;
use super::claims::{self, Claim, FRESHNESS, Holder, SLACK};
use crate::operators::{self, Edition, InForce, LEFT_OUT};
use crate::world::{Moment, State};

/// How much later than its deadline something may be journaled: timers, queues and the disk take time, and after a
/// crash the case is found again within one round of the recovery.
const LATE_MOST: Duration = Duration::from_secs(12);

/// What is known of a case so far.
struct History<'s> {
    state: &'s mut State,
    case: CaseId,
    /// The life in which the event was written that is looked at.
    life: usize,
    folded: Case,
    owners: Vec<(Epoch, Owner)>,
    permits: BTreeSet<String>,
    covered_once: bool,
    opened: Moment,
}

/// Checks the events of a case in their order.
pub(super) fn check(state: &mut State, case: &CaseId, events: &[Known]) {
    let mut history = History {
        state,
        case: case.clone(),
        life: 0,
        folded: Case::unopened(case.clone()),
        owners: Vec::new(),
        permits: BTreeSet::new(),
        covered_once: false,
        opened: Moment::ZERO,
    };
    // Events of one decision have one time; between them nobody can look.
    let mut events = events.iter().peekable();
    while let Some(Known { event, life }) = events.next() {
        history.life = *life;
        history.fold(event);
        let next = events.peek().map(|next| (next.event.at, next.life));
        if next.is_none_or(|next| next != (event.at, *life)) {
            let next = next.map(|(at, life)| history.state.moment_in(life, at));
            history.rest(event.at, next);
        }
    }
}

impl History<'_> {
    fn fold(&mut self, event: &Event) {
        let before = self.folded.epoch;
        let acknowledged = self.acknowledged(&event.kind);
        apply(&mut self.folded, event);
        self.dispatched(event);
        let (epoch, owner) = (self.folded.epoch, self.folded.owner.clone());
        if epoch < before {
            self.wrong(event.at, "OWN-3 epochs grow", format!("{before:?} and then {epoch:?}"));
        }
        match self.owners.last() {
            Some((last, known)) if *last == epoch && !same_owner(known, &owner) => {
                let what = format!("{epoch:?} belongs to {known:?} and {owner:?}");
                self.wrong(event.at, "OWN-3 one owner for one epoch", what);
            }
            Some((last, _)) if *last == epoch => {}
            _ => self.owners.push((epoch, owner)),
        }
        match &event.kind {
            EventKind::CaseOpened { .. } => self.opened = self.moment(event.at),
            EventKind::HandoffOffered { to, .. } if to.as_str() == LEFT_OUT => {
                let without = |found: &InForce| found.edition == Edition::Stricter;
                if self.playbooks_at(event.at).iter().all(without) {
                    let what = format!("{to} is in the playbook no more");
                    self.wrong(event.at, "OWN an offer goes to an agent of the playbook", what);
                }
            }
            EventKind::ActionDispatched { permit: Some(permit), .. }
                if !self.permits.insert(permit.to_string()) =>
            {
                let what = format!("{permit} was used again");
                self.wrong(event.at, "PRM-1 a permit is used once", what);
            }
            EventKind::EscalationLapsed { .. } | EventKind::LeaseExpired { .. } => {
                self.state.tally.count("coverage: lapses");
                if let Some(ticket) = acknowledged {
                    self.lapsed(event.at, &ticket);
                }
            }
            EventKind::EscalationAcknowledged { by, evidence, .. } => {
                let person = by.to_string();
                let ticket = evidence.ticket().clone();
                let sent_at = self.state.moment_by(self.life, evidence.sent_at());
                let holder = Holder::Person { person, ticket, sent_at };
                let valid_until = evidence.valid_until();
                if event.at < valid_until {
                    self.claim(holder, event.at, valid_until);
                }
            }
            _ => {}
        }
    }

    /// The case rests as it is from one moment to the next, if there is one.
    fn rest(&mut self, from: Timestamp, to: Option<Moment>) {
        if self.folded.status != Status::Open {
            return;
        }
        let coverage = self.folded.coverage(from);
        if let Coverage::Covered(cover) = &coverage {
            if !self.covered_once {
                self.covered_once = true;
                let opened = self.opened;
                let covered = self.moment(from).saturating_sub(opened);
                self.state.tally.covered_after(covered);
            }
            let holder = match cover.holder() {
                belay_domain::Holder::Agent { agent, .. } => {
                    Holder::Agent { agent: agent.to_string(), epoch: self.folded.epoch.0 }
                }
                belay_domain::Holder::Person { person, evidence, .. } => Holder::Person {
                    person: person.to_string(),
                    ticket: evidence.ticket().clone(),
                    sent_at: self.state.moment_by(self.life, evidence.sent_at()),
                },
            };
            self.claim(holder, from, cover.valid_until());
        }
        if let Coverage::Uncovered(uncovered) = &coverage
            && self.folded.alarm.is_none()
        {
            self.wrong(from, "COV-9 no gap", format!("{uncovered:?} and no alarm"));
        }
        self.deadline(from, to);
    }

    /// Whatever was to end by a deadline ended by it.
    fn deadline(&mut self, from: Timestamp, to: Option<Moment>) {
        let offer = self.folded.offer.as_ref().map(|offer| (offer.until, "OWN-6 an offer ends"));
        let open = self.folded.escalations.values().filter(|found| found.is_open());
        let stages = open.filter_map(|found| match &found.stage {
            Stage::Opened { until } | Stage::Placed { until, .. } | Stage::Routed { until, .. } => {
                Some((*until, "LIV-3 a step ends"))
            }
            Stage::AwaitingHours { until } => Some((*until, "LIV-1 hours begin")),
            Stage::Exhausted { retry_at } => Some((*retry_at, "LIV-1 people are asked again")),
            _ => None,
        });
        let cover = match self.folded.coverage(from) {
            Coverage::Covered(cover) => Some((cover.valid_until(), "COV-9 no gap after cover")),
            Coverage::Pending(pending) => Some((pending.until(), "COV-9 no gap after waiting")),
            Coverage::Uncovered(_) | Coverage::Closed | Coverage::Merged { .. } => None,
        };
        let due: Vec<_> = offer.into_iter().chain(stages).chain(cover).collect();
        for (until, promise) in due {
            let end = to.unwrap_or_else(|| self.state.now());
            let begun = self.moment(from);
            // A deadline counts the time that somebody could count, and while no supervisor lives nothing comes.
            let due = self.moment(until) + self.state.uncounted(begun, end);
            let dead = self.state.dead_time(due, end);
            if end > due + dead + LATE_MOST {
                let late = end.saturating_sub(due + dead).as_secs_f64();
                let what = format!("what was due at {:.3} came {late:.3} late", due.as_secs_f64());
                self.wrong(from, promise, what);
            }
        }
    }

    /// `APR-5`, `PRM-3`: what an agent begins was let through by the playbook that is in force. The supervisor's own
    /// writes are looked at where they arrive.
    fn dispatched(&mut self, event: &Event) {
        let EventKind::ActionDispatched { action, permit: Some(_), .. } = &event.kind else {
            return;
        };
        let found = self.folded.actions.get(action);
        let Some(verdict) = found.and_then(|action| action.verdict.as_ref()) else { return };
        let version = verdict.playbook.to_string();
        if self.playbooks_at(event.at).iter().all(|found| found.version != version) {
            let what = format!("{action} was let through by {version}, which is in force no more");
            self.wrong(event.at, "APR-5 the playbook in force decides", what);
        }
    }

    /// The playbooks that may have been in force then.
    fn playbooks_at(&self, at: Timestamp) -> &[InForce] {
        operators::about(&self.state.in_force, self.moment(at), SLACK)
    }

    /// The ticket whose acknowledgement lapses with this event.
    fn acknowledged(&self, event: &EventKind) -> Option<TicketId> {
        let EventKind::EscalationLapsed { escalation, .. } = event else { return None };
        match &self.folded.escalations.get(escalation)?.stage {
            Stage::Acknowledged { evidence, .. } => Some(evidence.ticket().clone()),
            _ => None,
        }
    }

    /// How long a lapse of cover went unseen.
    fn lapsed(&mut self, at: Timestamp, ticket: &TicketId) {
        let moment = self.moment(at);
        let house = self.state.house_of(ticket);
        let Some(found) = house.and_then(|house| house.tickets.get(ticket)) else { return };
        let last = found.truth.iter().rev().find(|(since, _)| *since <= moment);
        // Somebody may still hold it and do nothing.
        let Some((ended, None)) = last else { return };
        let dead = self.state.dead_time(*ended, moment);
        let seen = moment.saturating_sub(*ended + dead);
        self.state.tally.lapse_seen_after(seen);
        if seen > FRESHNESS + LATE_MOST {
            let what = format!("it was over for {:.3}", seen.as_secs_f64());
            self.wrong(at, "LIV a lapse is seen while evidence is fresh", what);
        }
    }

    fn claim(&mut self, holder: Holder, as_of: Timestamp, valid_until: Timestamp) {
        let case = self.case.clone();
        let (as_of, valid_until) = (self.moment(as_of), self.moment(valid_until));
        claims::check(self.state, &Claim { case, holder, as_of, valid_until });
    }

    fn moment(&self, clock: Timestamp) -> Moment {
        self.state.moment_in(self.life, clock)
    }

    fn wrong(&mut self, at: Timestamp, promise: &str, what: String) {
        let moment: Moment = self.moment(at);
        let line = format!("{} in its history at {:.3}: {what}", self.case, moment.as_secs_f64());
        self.state.wrong(promise, line);
    }
}

fn same_owner(one: &Owner, other: &Owner) -> bool {
    match (one, other) {
        (Owner::Supervisor { .. }, Owner::Supervisor { .. }) => true,
        (Owner::Agent { agent, .. }, Owner::Agent { agent: other, .. }) => agent == other,
        (Owner::Queue { queue, .. }, Owner::Queue { queue: other, .. }) => queue == other,
        _ => false,
    }
}
