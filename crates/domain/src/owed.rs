//! What a case still owes the outside world, and when it wants to be looked at again. Both are functions of
//! the state, so a crash forgets nothing.

use crate::decide::deadlines;
use crate::{
    Action, ActionStage, Case, Effect, EffectId, Escalation, Owed, PersonId, PlanStage, Purpose,
    Stage, Timestamp,
};

/// Every effect the case owes at `now`. Those whose `due` lies ahead are owed later.
#[must_use]
pub fn owed(case: &Case, now: Timestamp) -> Vec<Owed> {
    let mut owing = Vec::new();
    if case.is_open() {
        passing(case, now, &mut owing);
        for action in case.actions.values() {
            acting(action, now, &mut owing);
        }
        merging(case, now, &mut owing);
        comparing(case, now, &mut owing);
    }
    for escalation in case.escalations.values() {
        asking(case, escalation, now, &mut owing);
    }
    owing
}

/// When a [`Tick`](crate::Command::Tick) is next worth sending; none for a case that is done.
#[must_use]
pub fn next_moment(case: &Case) -> Option<Timestamp> {
    if case.is_open() { deadlines(case) } else { None }
}

fn passing(case: &Case, now: Timestamp, owing: &mut Vec<Owed>) {
    // The search is named after everything that changes whom it may find or starts it anew.
    match (&case.routing, &case.offer) {
        (_, Some(offer)) => {
            let context = case.context.digest();
            owing.push(Owed {
                id: EffectId(format!("{}/offer/{context}", offer.handoff)),
                due: now,
                effect: Effect::Offer {
                    handoff: offer.handoff.clone(),
                    to: offer.to.clone(),
                    context,
                },
            });
        }
        (Some(routing), None) => {
            let mut tried = routing.tried.clone();
            if let Some(owner) = case.owning_agent()
                && !tried.contains(owner)
            {
                tried.push(owner.clone());
            }
            owing.push(Owed {
                id: EffectId(format!(
                    "{}/seek/{}/{}/{}",
                    case.id, case.handoffs, case.epoch, routing.until
                )),
                due: now,
                effect: Effect::Seek { target: routing.target.clone(), tried },
            });
        }
        (None, None) => {}
    }
}

/// What is owed to the other cases of the matter, and to those who have to know of them.
fn merging(case: &Case, now: Timestamp, owing: &mut Vec<Owed>) {
    let id = &case.id;
    let mut owe = |name: String, effect| owing.push(Owed { id: EffectId(name), due: now, effect });
    for with in &case.ties.same {
        owe(format!("{id}/unite/{with}"), Effect::Unite { with: with.clone() });
    }
    if let Some(fingerprint) = case.fingerprint
        && !case.ties.claimed
        && case.ties.same.is_empty()
    {
        owe(format!("{id}/recognise/{fingerprint}"), Effect::Recognise { fingerprint });
    }
    for untold in case.untold() {
        let Some(ticket) = untold.escalation.ticket().cloned() else { continue };
        let (from, step) = (untold.from, &untold.escalation.step.correlation);
        let effect = Effect::NoteMerge {
            from: from.clone(),
            correlation: step.clone(),
            queue: untold.escalation.step_plan().queue.clone(),
            ticket,
        };
        owe(format!("{step}/merged/{from}/{}", untold.place), effect);
    }
}

fn acting(action: &Action, now: Timestamp, owing: &mut Vec<Owed>) {
    let id = &action.id;
    let attempt = action.attempts;
    let mut owe = |name: String, due, effect| owing.push(Owed { id: EffectId(name), due, effect });
    match &action.stage {
        ActionStage::Proposed { .. } => {
            let revision = action.revision;
            let effect = Effect::Assess { action: id.clone(), revision };
            owe(format!("{id}/assess/{revision}"), now, effect);
        }
        ActionStage::Authorized { permit } => {
            let effect = Effect::DeliverPermit { action: id.clone() };
            owe(format!("{}/deliver", permit.permit), now, effect);
        }
        ActionStage::Dispatched { permit: None, .. } => {
            let effect = Effect::Execute { action: id.clone(), attempt };
            owe(format!("{id}/execute/{attempt}"), now, effect);
        }
        ActionStage::Executed { .. } | ActionStage::Unknown { .. } => {
            let effect = Effect::ReadBack { action: id.clone(), attempt };
            owe(format!("{id}/read/{attempt}"), now, effect);
        }
        ActionStage::Compensating { attempt, at } => {
            let effect = Effect::Compensate { action: id.clone(), attempt: *attempt };
            owe(format!("{id}/compensate/{attempt}"), *at, effect);
        }
        ActionStage::Dispatched { permit: Some(_), .. }
        | ActionStage::Denied { .. }
        | ActionStage::Shadowed
        | ActionStage::AwaitingApproval(_)
        | ActionStage::Rejected { .. }
        | ActionStage::Expired
        | ActionStage::Withdrawn { .. }
        | ActionStage::Retrying { .. }
        | ActionStage::Failed { .. }
        | ActionStage::Verified { .. }
        | ActionStage::Diverged { .. }
        | ActionStage::Compensated
        | ActionStage::CompensationFailed { .. } => {}
    }
}

fn comparing(case: &Case, now: Timestamp, owing: &mut Vec<Owed>) {
    for plan in case.plans.values() {
        if let PlanStage::Comparing { .. } = plan.stage {
            owing.push(Owed {
                id: EffectId(format!("{}/compare/{}", case.id, plan.id)),
                due: now,
                effect: Effect::CompareSystems { plan: plan.id.clone() },
            });
        }
    }
}

fn asking(case: &Case, found: &Escalation, now: Timestamp, owing: &mut Vec<Owed>) {
    let escalation = &found.id;
    let step = &found.step.correlation;
    if case.is_open() {
        let queue = found.step_plan().queue.clone();
        match &found.stage {
            Stage::Opened { .. } => owing.push(Owed {
                id: EffectId(format!("{step}/place")),
                due: now,
                effect: Effect::PlaceTicket {
                    escalation: escalation.clone(),
                    correlation: step.clone(),
                    queue,
                },
            }),
            Stage::Placed { ticket, .. }
            | Stage::Routed { ticket, .. }
            | Stage::Acknowledged { ticket, .. } => owing.push(Owed {
                id: EffectId(format!("{step}/watch")),
                due: now,
                effect: Effect::Watch {
                    escalation: escalation.clone(),
                    correlation: step.clone(),
                    queue,
                    ticket: ticket.clone(),
                    every: found.step_plan().look_every,
                    until: found.deadline(),
                    held: holder(found),
                    together_within: found.step_plan().sweep.map(|sweep| sweep.within),
                },
            }),
            Stage::AwaitingHours { .. }
            | Stage::Resolved { .. }
            | Stage::Exhausted { .. }
            | Stage::Closed => {}
        }
    }
    listening(case, found, now, owing);
    for (step, ticket) in &found.abandoned {
        let Some(plan) = found.plan_of(step) else { continue };
        owing.push(Owed {
            id: EffectId(format!("{}/withdraw/{ticket}", step.correlation)),
            due: now,
            effect: Effect::Withdraw {
                escalation: escalation.clone(),
                correlation: step.correlation.clone(),
                queue: plan.queue.clone(),
                ticket: ticket.clone(),
            },
        });
    }
}

/// Who has been seen to take the ticket, and when.
fn holder(found: &Escalation) -> Option<(PersonId, Timestamp)> {
    match &found.stage {
        Stage::Acknowledged { by, since, .. } => Some((by.clone(), *since)),
        _ => None,
    }
}

/// What is written on the ticket of an approval is read where it may decide something, and answered where it does not
/// count.
fn listening(case: &Case, found: &Escalation, now: Timestamp, owing: &mut Vec<Owed>) {
    let Purpose::Approval { action } = &found.purpose else { return };
    let (Some(ticket), Some(action)) = (found.ticket(), case.actions.get(action)) else { return };
    let ActionStage::AwaitingApproval(asked) = &action.stage else { return };
    if asked.terms.in_ticket.is_empty() || !case.is_open() {
        return;
    }
    let step = &found.step.correlation;
    owing.push(Owed {
        id: EffectId(format!("{step}/listen")),
        due: now,
        effect: Effect::Listen {
            escalation: found.id.clone(),
            correlation: step.clone(),
            queue: found.step_plan().queue.clone(),
            ticket: ticket.clone(),
            every: found.step_plan().look_every,
        },
    });
    // Those of a ticket that was given up hear that it is over.
    for refusal in asked.unanswered.iter().filter(|one| one.said.correlation == *step) {
        owing.push(Owed {
            id: EffectId(format!("{step}/answer/{}", refusal.said.statement)),
            due: now,
            effect: Effect::Answer {
                escalation: found.id.clone(),
                queue: found.step_plan().queue.clone(),
                refusal: refusal.clone(),
                short_form: asked.short_form(),
            },
        });
    }
}
