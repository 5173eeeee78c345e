//! What a case still owes the outside world, for people.

use belay_api::v1;
use belay_domain::{Case, Effect, Timestamp, owed};

use crate::wire::to_wire;

/// Every effect that is owed, the earliest first.
pub(super) fn effects(case: &Case, now: Timestamp) -> Vec<v1::OwedEffect> {
    let mut owing = owed(case, now);
    owing.sort_by_key(|owed| owed.due);
    owing
        .into_iter()
        .map(|owed| {
            let (about, what) = said(case, &owed.effect);
            v1::OwedEffect { about, what, due: Some(to_wire::time(owed.due)) }
        })
        .collect()
}

fn said(case: &Case, effect: &Effect) -> (String, String) {
    let contract = |action| {
        let found = case.actions.get(action);
        found.map_or_else(String::new, |found| found.contract.to_string())
    };
    match effect {
        Effect::Seek { target, .. } => (case.id.to_string(), format!("find {target}")),
        Effect::Offer { handoff, to, .. } => {
            (handoff.to_string(), format!("show {to} what it is offered"))
        }
        Effect::Assess { action, .. } => (
            action.to_string(),
            format!("read what {} presupposes and rule on it", contract(action)),
        ),
        Effect::DeliverPermit { action } => {
            (action.to_string(), format!("hand over the permit for {}", contract(action)))
        }
        Effect::Execute { action, attempt } => {
            (action.to_string(), format!("carry out {}, attempt {attempt}", contract(action)))
        }
        Effect::ReadBack { action, .. } => {
            (action.to_string(), format!("read back what {} did", contract(action)))
        }
        Effect::Compensate { action, attempt } => {
            (action.to_string(), format!("take back {}, attempt {attempt}", contract(action)))
        }
        Effect::CompareSystems { plan } => {
            (case.id.to_string(), format!("read whether the systems agree after plan {plan}"))
        }
        Effect::PlaceTicket { correlation, queue, .. } => {
            (correlation.to_string(), format!("put a ticket into {queue}"))
        }
        Effect::Watch { correlation, queue, ticket, .. } => {
            (correlation.to_string(), format!("read ticket {ticket} in {queue} again"))
        }
        Effect::Listen { correlation, queue, ticket, .. } => {
            (correlation.to_string(), format!("read what is written on ticket {ticket} in {queue}"))
        }
        Effect::Answer { queue, refusal, .. } => {
            let said = &refusal.said;
            let who = format!("tell {} on ticket {} in {queue}", said.account, said.ticket);
            (said.correlation.to_string(), format!("{who} why {} does not count", said.statement))
        }
        Effect::Unite { with } => {
            (case.id.to_string(), format!("see whether this case and {with} can be one"))
        }
        Effect::Recognise { .. } => {
            (case.id.to_string(), "see which other cases are the same matter".to_owned())
        }
        Effect::NoteMerge { from, correlation, queue, ticket } => {
            let what = format!("write on ticket {ticket} in {queue} what was reported to {from}");
            (correlation.to_string(), what)
        }
        Effect::Withdraw { correlation, queue, ticket, .. } => {
            let what = format!("tell the people at ticket {ticket} in {queue} that it is over");
            (correlation.to_string(), what)
        }
    }
}
