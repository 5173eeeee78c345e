//! Every deadline that runs in a case, and what Belay does when it passes.

use belay_api::v1;
use belay_domain::{Action, ActionStage, Case, Escalation, Owner, Stage, Timestamp, WhenExhausted};

use crate::wire::to_wire;

/// Every deadline, the earliest first.
pub(super) fn moments(case: &Case) -> Vec<v1::NextMoment> {
    if !case.is_open() {
        return Vec::new();
    }
    let mut moments = holding(case);
    moments.extend(case.actions.values().filter_map(|action| acting(action)));
    moments.extend(case.escalations.values().flat_map(|found| asking(found)));
    moments.sort_by_key(|(at, _)| *at);
    moments.into_iter().map(|(_, moment)| moment).collect()
}

type Moment = (Timestamp, v1::NextMoment);

fn moment(at: Timestamp, about: &str, what: String, then: String) -> Moment {
    (at, v1::NextMoment { at: Some(to_wire::time(at)), about: about.to_owned(), what, then })
}

/// Leases, offers and searches.
fn holding(case: &Case) -> Vec<Moment> {
    let mut moments = Vec::new();
    let policy = case.terms.as_ref().map_or("", |terms| terms.takeover.policy.as_str());
    let people = format!("people are asked by {policy}");
    if let Owner::Agent { agent, lease_until, .. } = &case.owner {
        let route = case.terms.as_ref().and_then(|terms| terms.route.as_ref());
        let then = match (&case.routing, route) {
            (Some(_), _) => "the supervisor holds the case and the search goes on".to_owned(),
            (None, Some(target)) => format!("the supervisor holds the case and looks for {target}"),
            (None, None) => format!("the supervisor holds the case and {people}"),
        };
        let what = format!("the lease of agent {agent} ends");
        moments.push(moment(*lease_until, case.id.as_str(), what, then));
    }
    if let Some(offer) = &case.offer {
        let what = format!("the time of {} to take the case ends", offer.to);
        let then = format!("the next candidate has its turn; when none is left, {people}");
        moments.push(moment(offer.until, offer.handoff.as_str(), what, then));
    } else if let Some(routing) = &case.routing {
        let what = format!("the search for {} ends", routing.target);
        moments.push(moment(routing.until, case.id.as_str(), what, people));
    }
    moments
}

/// The deadline of an action.
fn acting(action: &Action) -> Option<Moment> {
    let contract = &action.contract;
    let (at, what, then) = match &action.stage {
        ActionStage::Proposed { until } => {
            (*until, format!("the ruling on {contract} is due"), "it is denied".to_owned())
        }
        ActionStage::AwaitingApproval(approval) => (
            approval.until,
            format!("the time to decide {contract} ends"),
            "it expires, which is a no".to_owned(),
        ),
        ActionStage::Authorized { permit } => (
            permit.expires,
            format!("the permit {} runs out unused", permit.permit),
            "a fresh one is issued while the case is held".to_owned(),
        ),
        ActionStage::Dispatched { until, .. } => (
            *until,
            format!("an answer about attempt {} of {contract} is due", action.attempts),
            "its outcome counts as unknown and is read back".to_owned(),
        ),
        ActionStage::Executed { verify_until, told: false, .. } => (
            *verify_until,
            format!("the effect of {contract} has to have been shown"),
            "people are told that it cannot be shown".to_owned(),
        ),
        ActionStage::Unknown { verify_until, told: false, .. } => (
            *verify_until,
            format!("the outcome of {contract} has to have been found out"),
            "people are told that nobody knows".to_owned(),
        ),
        ActionStage::Retrying { at, .. } => (
            *at,
            format!("the wait after a failure of {contract} ends"),
            format!("it is tried again, attempt {}", action.attempts.saturating_add(1)),
        ),
        ActionStage::Compensating { attempt, at } => (
            *at,
            format!("taking back {contract} is due"),
            format!("it is taken back, attempt {attempt}"),
        ),
        _ => return None,
    };
    Some(moment(at, action.id.as_str(), what, then))
}

/// The deadlines of an escalation.
fn asking(found: &Escalation) -> Vec<Moment> {
    let about = found.step.correlation.as_str();
    let next = next_step(found);
    let queue = |index: usize| {
        let steps = &found.plan().steps;
        let step = steps.get(index).or(steps.last());
        step.map_or_else(String::new, |step| step.queue.to_string())
    };
    let here = queue(found.step.index);
    let one = |at: Timestamp, what: String, then: String| vec![moment(at, about, what, then)];
    match &found.stage {
        Stage::Opened { until } => one(*until, format!("a ticket has to be in {here}"), next),
        Stage::Placed { ticket, evidence: None, until } => {
            one(*until, format!("ticket {ticket} has to be seen in {here}"), next)
        }
        Stage::Placed { ticket, evidence: Some(_), until } => one(
            *until,
            format!("somebody of {here} who can take ticket {ticket} has to be there"),
            next,
        ),
        Stage::Routed { ticket, until, .. } => {
            one(*until, format!("somebody of {here} has to take ticket {ticket}"), next)
        }
        Stage::Acknowledged { ticket, by, evidence, work_until, .. } => {
            let lapse = format!("{by} no longer counts as having it, and {next}");
            let what =
                format!("what was last read of ticket {ticket} is too old, unless read again");
            let mut moments = one(evidence.valid_until(), what, lapse.clone());
            if let Some(work_until) = work_until {
                let what = format!("{by} has to have worked on ticket {ticket}");
                moments.extend(one(*work_until, what, lapse.clone()));
            }
            if let Some(decide_until) = found.decide_until() {
                let what = format!("{by} has to have decided");
                moments.extend(one(decide_until, what, lapse));
            }
            moments
        }
        Stage::AwaitingHours { until } => one(
            *until,
            format!("the hours of {here} begin, and nobody is asked before"),
            format!("{here} is asked"),
        ),
        Stage::Exhausted { retry_at } if found.plan().exhausted == WhenExhausted::AlarmOnly => {
            let what = "the alarm is repeated".to_owned();
            one(*retry_at, what, "nobody is asked again until a person says so".to_owned())
        }
        Stage::Exhausted { retry_at } => {
            let round = found.step.round.saturating_add(1);
            let what = "the wait after every step was in vain ends".to_owned();
            one(*retry_at, what, format!("round {round} begins with {}", queue(0)))
        }
        Stage::Resolved { .. } | Stage::Closed => Vec::new(),
    }
}

fn next_step(found: &Escalation) -> String {
    match found.plan().steps.get(found.step.index + 1) {
        Some(step) => format!("{} is asked", step.queue),
        None => {
            let wait = found.plan().backoff.wait(found.step.round);
            format!("the alarm is raised, and everything starts over after {} s", wait.as_secs())
        }
    }
}
