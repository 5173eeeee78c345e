//! Why an action was decided as it was: read off the case's history as it stood then, and decided again with changes until
//! the smallest is found that would have changed the answer.

use std::sync::Arc;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_domain::{
    Action, ActionId, Case, Event, EventKind, Reason, Ruling, Timestamp, Verdict, replay,
};
use belay_playbook::{Explanation, Playbook, Recorded};

use crate::caller::Caller;
use crate::engine::decode;
use crate::facts::{case_facts, heard};
use crate::service::{Shared, case_of_action, invalid};
use crate::wire::{Fault, to_wire};

/// The latest decision on an action, in its case's history.
struct Decision {
    at: Timestamp,
    verdict: Verdict,
    /// What the case itself had against it, beyond the playbook's reasons.
    refused: Vec<Reason>,
    recorded: Recorded,
}

/// The whole answer.
pub(super) async fn explain(
    shared: &Shared,
    caller: &Caller,
    action_id: &str,
) -> Result<v1::ExplainActionResponse, Fault> {
    let id: ActionId = action_id.parse().map_err(|error| invalid("action_id", &error))?;
    let unknown = || {
        Fault::new(ErrorReason::UnknownAction, format!("there is no action {id}"))
            .with("action_id", id.as_str())
    };
    let case = case_of_action(&id).ok_or_else(unknown)?;
    let case = shared.case(caller, &case).await.map_err(|fault| match fault.reason() {
        ErrorReason::UnknownCase => unknown(),
        _ => fault,
    })?;
    let action = case.actions.get(&id).ok_or_else(unknown)?;
    let stored = shared.engine.journal().load(case.id.as_str()).await.map_err(Fault::from)?;
    let events: Vec<Event> = stored
        .iter()
        .map(decode)
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::internal("the history of the case cannot be read", &error))?;
    let mut answer = v1::ExplainActionResponse {
        action: Some(to_wire::action(&case.id, action)),
        approval: approval(&case, action, &events),
        ..Default::default()
    };
    let Some(decision) = latest(&case, &id, &events) else {
        answer.unknown.push("it has not been decided yet".to_owned());
        return Ok(answer);
    };
    let playbook = shared.playbooks.current();
    let again = match playbook.version() == decision.verdict.playbook {
        true => explained(playbook, decision.recorded.clone()).await?,
        false => Explanation {
            answer: None,
            more: Vec::new(),
            less: Vec::new(),
            unknown: vec![format!(
                "it was decided under playbook {}, and {} is in force: decide again with that one's folder \
                 (belay why {id} --playbook DIR)",
                decision.verdict.playbook,
                playbook.version(),
            )],
        },
    };
    fill(&mut answer, &decision, again);
    Ok(answer)
}

/// Deciding again and again is work for a thread that nobody waits for.
async fn explained(playbook: Arc<Playbook>, recorded: Recorded) -> Result<Explanation, Fault> {
    tokio::task::spawn_blocking(move || playbook.explain(&recorded))
        .await
        .map_err(|cause| Fault::internal("the decision could not be explained", &cause))
}

fn approval(case: &Case, action: &Action, events: &[Event]) -> Option<v1::Approval> {
    to_wire::approval(case, action)
        .or_else(|| to_wire::record(events, &action.id).map(|record| record.on_wire(case, action)))
}

/// The case is folded up to the decision, so that it is the case that was decided on.
fn latest(case: &Case, id: &ActionId, events: &[Event]) -> Option<Decision> {
    let place = events.iter().rposition(
        |event| matches!(&event.kind, EventKind::ActionAssessed { action, .. } if action == id),
    )?;
    let event = events.get(place)?;
    let EventKind::ActionAssessed { verdict, .. } = &event.kind else { return None };
    let then = replay(case.id.clone(), &events[..=place]);
    let action = then.actions.get(id)?;
    let own: &[Reason] = match &verdict.ruling {
        Ruling::Deny(reasons) => reasons,
        Ruling::Allow | Ruling::Ask(_) => &[],
    };
    let refused = events[place..].iter().find_map(|event| match &event.kind {
        EventKind::ActionDenied { action, reasons } if action == id => Some(reasons),
        _ => None,
    });
    let beyond = refused.into_iter().flatten().filter(|reason| !own.contains(reason));
    Some(Decision {
        at: event.at,
        refused: beyond.cloned().collect(),
        recorded: Recorded {
            case: case_facts(&then),
            epoch: action.epoch,
            agent: action.proposer.clone(),
            contract: action.contract.clone(),
            input: verdict.input.clone(),
            provenance: action.provenance.clone(),
            heard: Some(heard(&then)),
            ruling: verdict.ruling.clone(),
            basis: verdict.basis.as_deref().cloned(),
        },
        verdict: verdict.as_ref().clone(),
    })
}

fn fill(answer: &mut v1::ExplainActionResponse, decision: &Decision, again: Explanation) {
    let Decision { at, verdict, refused, recorded } = decision;
    let own: &[Reason] = match &verdict.ruling {
        Ruling::Deny(reasons) => reasons,
        Ruling::Allow | Ruling::Ask(_) => &[],
    };
    let live = verdict.terms.as_ref().is_some_and(|terms| terms.live);
    answer.decided_at = Some(to_wire::time(*at));
    answer.playbook_version = verdict.playbook.to_string();
    answer.policies = verdict.policies.iter().map(ToString::to_string).collect();
    answer.ruling = match &verdict.ruling {
        _ if !refused.is_empty() => v1::Ruling::Denied,
        Ruling::Deny(_) => v1::Ruling::Denied,
        _ if !live => v1::Ruling::Shadowed,
        Ruling::Ask(_) => v1::Ruling::AwaitingApproval,
        Ruling::Allow => v1::Ruling::Authorized,
    }
    .into();
    answer.reasons = own.iter().chain(refused).map(to_wire::reason).collect();
    if let Some(basis) = &recorded.basis {
        answer.used = basis
            .used
            .iter()
            .map(|used| v1::LimitUsed {
                limit: used.key.clone(),
                minor_units: used.minor,
                count: used.count,
            })
            .collect();
    }
    answer.more = again.more.iter().map(to_wire::change).collect();
    answer.less = again.less.iter().map(to_wire::change).collect();
    answer.unknown = again.unknown;
    if !refused.is_empty() {
        let what = "the case itself refused it, which no change of the proposal alters";
        answer.unknown.push(what.to_owned());
    }
    // What cannot be written as JSON cannot have been read from it either.
    answer.record_json = serde_json::to_string(recorded).unwrap_or_default();
}
