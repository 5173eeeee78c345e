//! Whether somebody really had a case when the API said so, worked out anew from the events and from the desk's own
//! records, and not with the code that gave the answer.

use belay_domain::{Event, EventKind, Timestamp};

use belay_api::v1;

use crate::demo::observer::{Claim, Holder};
use crate::output::time;

/// Whether the claim was true; otherwise why not.
pub(super) fn holds(
    claim: &Claim,
    events: &[Event],
    tickets: &[v1::DeskTicket],
) -> Result<(), String> {
    let before = events.iter().take_while(|event| event.at <= claim.at);
    match &claim.holder {
        Holder::Agent { agent, epoch } => by_agent(before, agent, *epoch, claim.at),
        Holder::Person { person, ticket, sent_at } => {
            by_person(before, person, ticket, claim.at)?;
            at_desk(tickets, person, ticket, *sent_at)
        }
    }
}

/// An acceptance with an unexpired lease.
fn by_agent<'a>(
    before: impl Iterator<Item = &'a Event>,
    wanted: &str,
    under: u64,
    at: Timestamp,
) -> Result<(), String> {
    let mut lease: Option<Timestamp> = None;
    for event in before {
        let settled = event.at < at;
        match &event.kind {
            EventKind::HandoffAccepted { agent, .. } if agent.as_str() != wanted && !settled => {}
            EventKind::HandoffAccepted { agent, epoch, lease_until, .. } => {
                lease = (agent.as_str() == wanted && epoch.0 == under).then_some(*lease_until);
            }
            EventKind::LeaseRenewed { lease_until, .. } => {
                lease = lease.map(|lease| lease.max(*lease_until));
            }
            EventKind::LeaseExpired { .. }
            | EventKind::CaseReleased { .. }
            | EventKind::CaseTakenOver { .. }
            | EventKind::CaseResolved { .. }
            | EventKind::EscalationAcknowledged { epoch: Some(_), .. }
                if settled =>
            {
                lease = None;
            }
            _ => {}
        }
    }
    match lease {
        Some(until) if at < until => Ok(()),
        Some(until) => Err(format!("the lease of {wanted} ended at {until}")),
        None => Err(format!("{wanted} had not accepted it under epoch {under}")),
    }
}

/// An acknowledgement by a person whose evidence was fresh.
fn by_person<'a>(
    before: impl Iterator<Item = &'a Event>,
    wanted: &str,
    on: &str,
    at: Timestamp,
) -> Result<(), String> {
    let mut fresh: Option<Timestamp> = None;
    for event in before {
        let settled = event.at < at;
        match &event.kind {
            EventKind::EscalationAcknowledged { by, evidence, epoch: Some(_), .. } => {
                let same = by.as_str() == wanted && evidence.ticket().as_str() == on;
                fresh = same.then(|| evidence.valid_until());
            }
            EventKind::EvidenceRenewed { evidence, .. } if evidence.ticket().as_str() == on => {
                fresh = fresh.map(|fresh| fresh.max(evidence.valid_until()));
            }
            EventKind::EscalationLapsed { epoch: Some(_), .. }
            | EventKind::HandoffAccepted { .. }
            | EventKind::CaseReturned { .. }
            | EventKind::CaseResolved { .. }
                if settled =>
            {
                fresh = None;
            }
            _ => {}
        }
    }
    match fresh {
        Some(until) if at < until => Ok(()),
        Some(until) => Err(format!("the evidence of {wanted} was fresh until {until}")),
        None => Err(format!("{wanted} had not acknowledged it")),
    }
}

/// The desk itself says that the person had taken the ticket when it was read.
fn at_desk(
    tickets: &[v1::DeskTicket],
    person: &str,
    ticket: &str,
    sent_at: Timestamp,
) -> Result<(), String> {
    let Some(found) = tickets.iter().find(|found| found.id == ticket) else {
        return Err(format!("the desk has no ticket {ticket}"));
    };
    let mut holder = None;
    for act in &found.acts {
        // What is read was true when the read was sent or after, so a little later is early enough.
        if time::moment(act.at.as_ref()).is_none_or(|at| at > sent_at + READ_WITHIN) {
            break;
        }
        match act.kind() {
            v1::DeskActKind::Took => holder = act.human.then_some(act.by.as_str()),
            v1::DeskActKind::GaveBack
                if time::moment(act.at.as_ref()).is_some_and(|at| at < sent_at) =>
            {
                holder = None;
            }
            _ => {}
        }
    }
    match holder {
        Some(holder) if holder == person => Ok(()),
        Some(other) => Err(format!("at the desk, {other} had the ticket {ticket}")),
        None => Err(format!("at the desk, nobody had the ticket {ticket}")),
    }
}

/// The longest a read of the desk takes from being sent to being answered.
const READ_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

#[cfg(test)]
mod tests;
