//! Whether a claim that somebody has a case is true.

use std::time::Duration;

use belay_domain::{CaseId, TicketId};

use crate::itsm::adapter::STALE_MOST_MILLIS;
use crate::itsm::{Heard, Ticket};
use crate::world::{Moment, State};

/// How long evidence stays fresh in the simulated playbook.
pub(crate) const FRESHNESS: Duration = Duration::from_secs(40);
/// How long a lease lasts in it.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How long a message may wait before it is decided on, and a decision before it is durable and told.
pub(crate) const SLACK: Duration = Duration::from_secs(2);

/// How far a moment may move when it goes over clocks and wires: they know milliseconds.
const ROUNDED: Duration = Duration::from_millis(2);

/// Somebody has a case, says Belay.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) case: CaseId,
    pub(crate) holder: Holder,
    /// The moment of which it speaks.
    pub(crate) as_of: Moment,
    /// Until when it says it stands.
    pub(crate) valid_until: Moment,
}

/// Who.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// An agent.
    Agent { agent: String, epoch: u64 },
    /// A person, by a ticket that was read at a moment.
    Person { person: String, ticket: TicketId, sent_at: Moment },
}

/// Holds a claim against what is true.
pub(crate) fn check(state: &mut State, claim: &Claim) {
    if claim.valid_until <= claim.as_of {
        state.wrong("COV-3 no answer outlives its end", format!("{claim:?}"));
    }
    let wrong = match &claim.holder {
        Holder::Agent { agent, epoch } => agent_wrong(state, claim, agent, *epoch, claim.as_of),
        Holder::Person { person, ticket, sent_at } => {
            person_wrong(state, person, ticket, *sent_at, claim.as_of)
        }
    };
    if let Holder::Person { person, ticket, .. } = &claim.holder
        && !state
            .house_of(ticket)
            .and_then(|house| house.tickets.get(ticket))
            .is_some_and(|found| found.was_held(person, claim.as_of, claim.as_of))
    {
        // Evidence may be as old as it says; what it showed may have ended since.
        state.tally.count("coverage: nobody had it at that moment");
    }
    if let Some(wrong) = wrong {
        state.tally.count("coverage: FALSE");
        let line = format!("{} is said to be covered: {wrong}: {:?}", claim.case, claim.holder);
        state.wrong("COV-1 covered means held", line);
    }
}

fn agent_wrong(
    state: &State,
    claim: &Claim,
    agent: &str,
    epoch: u64,
    as_of: Moment,
) -> Option<String> {
    let key = (agent.to_owned(), claim.case.clone(), epoch);
    if let Some(ended) = state.ended.get(&key).filter(|ended| **ended + SLACK < as_of) {
        return Some(format!("the agent knows since {:.3} that it has not", ended.as_secs_f64()));
    }
    let accepted = (agent.to_owned(), claim.case.clone(), 0);
    let worked = [key, accepted];
    let worked = worked.iter().filter_map(|key| state.worked.get(key)).flatten();
    let from = as_of.saturating_sub(LEASE + SLACK);
    let last = worked.filter(|at| **at <= as_of).max()?;
    (*last < from).then(|| format!("its last work on it was at {:.3}", last.as_secs_f64()))
}

fn person_wrong(
    state: &State,
    person: &str,
    ticket: &TicketId,
    sent_at: Moment,
    as_of: Moment,
) -> Option<String> {
    let house = state.house_of(ticket);
    let Some(found) = house.and_then(|house| house.tickets.get(ticket)) else {
        return Some("there is no such ticket".to_owned());
    };
    let stale = Duration::from_millis(STALE_MOST_MILLIS);
    let stale = if state.lies.contains(&14) { stale } else { Duration::ZERO };
    let from = as_of.saturating_sub(FRESHNESS + stale);
    if !found.was_held(person, from, as_of) {
        let truth = found.truth.iter().rev().take(4).collect::<Vec<_>>();
        return Some(format!("nobody of that name truly held it of late: {truth:?}"));
    }
    if as_of > sent_at + FRESHNESS {
        return Some(format!("its evidence is of {:.3}", sent_at.as_secs_f64()));
    }
    let read = found.heard.iter().any(|heard| {
        heard.at <= as_of + ROUNDED && heard.sent + ROUNDED >= sent_at && shows(heard, person)
    });
    if !read {
        let sent_at = sent_at.as_secs_f64();
        return Some(format!("its evidence is said to be of {sent_at:.3}, and was read before"));
    }
    known_otherwise(state, found, person, as_of)
}

/// Whether an answer shows that this person holds it.
fn shows(heard: &Heard, person: &str) -> bool {
    heard.shows.as_ref().is_some_and(|shows| shows.as_str() == person)
}

/// Belay was shown something newer that says otherwise, long enough ago to have understood it.
fn known_otherwise(state: &State, ticket: &Ticket, person: &str, as_of: Moment) -> Option<String> {
    let age = |heard: &&Heard| (heard.revision, heard.sent);
    let heard = || {
        let heard = ticket.heard.iter();
        heard.filter(|heard| heard.at <= as_of && state.same_life(heard.at, as_of))
    };
    let newest = heard().filter(|heard| heard.at + SLACK < as_of).max_by_key(age)?;
    let since = heard().any(|heard| age(&heard) >= age(&newest) && shows(heard, person));
    (!since).then(|| {
        let at = newest.at.as_secs_f64();
        format!("at {at:.3} it was shown revision {} with {:?}", newest.revision, newest.shows)
    })
}
