//! An agent covers a case only while it shows progress on exactly that case. When it goes silent, another takes over
//! without a gap, and whatever it says later counts for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use jiff::{SignedDuration, Timestamp};

use crate::stage::agents::{Wish, hear};
use crate::stage::line::Line;
use crate::stage::watching::{Watcher, agent_of, as_of, check_no_gap, covered_until};
use crate::stage::{Stage, within};

/// How long a case may be on its way to the next agent, beyond the lease, on a busy machine.
const A_BIT: SignedDuration = SignedDuration::from_secs(3);

#[tokio::test]
async fn the_cases_of_an_agent_whose_line_is_cut_pass_to_another_without_a_gap() {
    let stage = short_leases().await;
    let (tool, case) = (stage.tool(), stage.open("refund").await);
    let (first, mut took) = stage.agent_keeping("billing-1");
    hear("the first agent to take it", &mut took).await;
    let watcher = Watcher::of(&tool, &case);
    let (_second, mut took) = stage.agent_keeping("billing-2");
    tool.sees_event(&case, "lease_renewed", 1).await;
    first.kill().await;
    let killed = Timestamp::now();
    let (taken, epoch) = hear("the second agent to take it", &mut took).await;
    assert_eq!((taken.as_str(), epoch > 1), (case.as_str(), true));
    check_passing(watcher, "billing-1", "billing-2", killed).await;
}

#[tokio::test]
async fn the_cases_of_an_agent_whose_work_hangs_pass_to_another_and_its_work_is_dropped() {
    let stage = short_leases().await;
    let (tool, case) = (stage.tool(), stage.open("refund").await);
    let dropped = Arc::new(AtomicBool::new(false));
    let (say, mut took) = tokio::sync::mpsc::unbounded_channel();
    let guard = Arc::clone(&dropped);
    let patience = Duration::from_millis(300);
    let _first = stage.agent_with(
        "billing-1",
        |agent| agent.patience(patience),
        move |_case| {
            let (say, mark) = (say.clone(), Mark(Arc::clone(&guard)));
            Box::pin(async move {
                let _mark = mark;
                let _ = say.send(());
                std::future::pending().await
            })
        },
    );
    hear("the first agent to take it", &mut took).await;
    let watcher = Watcher::of(&tool, &case);
    let hung = Timestamp::now();
    let (_second, mut took) = stage.agent_keeping("billing-2");
    hear("the second agent to take it", &mut took).await;
    check_passing(watcher, "billing-1", "billing-2", hung + SignedDuration::from_millis(300)).await;
    crate::stage::until("the hung work to be dropped", async || {
        dropped.load(Ordering::SeqCst).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_lost_its_case_and_comes_back_can_do_nothing() {
    let stage = short_leases().await;
    let case = stage.open("refund").await;
    let mut stale = Line::open(&stage, "billing-1").await;
    let assigned = stale.take_case().await;
    let (_second, mut took) = stage.agent_keeping("billing-2");
    let propose = propose(&case, assigned.epoch);
    let (_, epoch) = hear("the second agent to take it", &mut took).await;

    let (case_id, request_id) = (case.clone(), "r".to_owned());
    let entries = vec![v1::NewContextEntry {
        kind: "note".to_owned(),
        body: "I am still here".to_owned(),
        provenance: Some(v1::Provenance {
            source: v1::ProvenanceSource::Model.into(),
            reference: String::new(),
        }),
    }];
    let target = v1::handoff_target::Target::Role("crm".to_owned());
    let old = assigned.epoch;
    let late = [
        Say::Propose(propose.clone()),
        Say::AddContext(v1::AddContext {
            request_id: request_id.clone(),
            case_id: case_id.clone(),
            epoch: old,
            entries,
        }),
        Say::RequestHandoff(v1::RequestHandoff {
            request_id: request_id.clone(),
            case_id: case_id.clone(),
            epoch: old,
            target: Some(v1::HandoffTarget { target: Some(target) }),
            reason: "too late".to_owned(),
            entries: Vec::new(),
        }),
        Say::RequestEscalation(v1::RequestEscalation {
            request_id,
            case_id: case_id.clone(),
            epoch: old,
            reason: "too late".to_owned(),
            severity: 0,
        }),
        Say::ReleaseCase(v1::ReleaseCase {
            case_id: case_id.clone(),
            epoch: old,
            reason: "too late".to_owned(),
        }),
        Say::ResolveCase(v1::ResolveCase {
            case_id: case_id.clone(),
            epoch: old,
            resolution_code: "resolved".to_owned(),
            note: String::new(),
        }),
    ];
    for message in late {
        let what = format!("{message:?}");
        let (reason, error) = stale.refused(message).await;
        assert_eq!(reason, v1::ErrorReason::StaleEpoch, "{what}");
        assert_eq!(error.metadata["epoch"], epoch.to_string(), "{what}");
        assert_eq!(error.metadata["case_id"], case, "{what}");
    }
    // To know the epoch is not to own it.
    let guessed = Say::Propose(v1::Propose { epoch, ..propose });
    assert_eq!(stale.refused(guessed).await.0, v1::ErrorReason::NotOwner);
    stale.mention(Say::Progress(v1::Progress { case_id, epoch: old, ..Default::default() })).await;
    let lost = stale
        .next("the loss of the lease", |message| match message {
            Hear::LeaseLost(lost) => Some(lost.clone()),
            _ => None,
        })
        .await;
    assert_eq!((lost.case_id, lost.epoch), (case.clone(), old));
    assert!(stage.company.writes().is_empty());
    let found = stage.tool().case(&case).await;
    assert!(found.actions.is_empty() && found.context.len() == 2, "{found:?}");
}

#[tokio::test]
async fn a_permit_of_an_agent_that_lost_its_case_opens_nothing() {
    let stage = short_leases().await;
    let case = stage.open("refund").await;
    let mut stale = Line::open(&stage, "billing-1").await;
    let assigned = stale.take_case().await;
    let (_second, mut took) = stage.agent_keeping("billing-2");
    let answer = stale.ask(Say::Propose(propose(&case, assigned.epoch))).await;
    let Hear::Decision(decision) = answer else { panic!("{answer:?}") };
    let permit = stale
        .next("the permit", |message| match message {
            Hear::Permit(permit) => Some(permit.clone()),
            _ => None,
        })
        .await;
    hear("the second agent to take it", &mut took).await;
    let begin = v1::BeginExecution {
        action_id: decision.action_id,
        permit_id: permit.permit_id,
        input_digest: permit.input_digest,
        epoch: assigned.epoch,
    };
    let (reason, _) = stale.refused(Say::BeginExecution(begin)).await;
    let closed = [v1::ErrorReason::WrongStage, v1::ErrorReason::StaleEpoch];
    assert!(closed.contains(&reason), "{reason:?}");
    let state = stage.tool().case(&case).await.actions[0].state();
    assert_eq!(state, v1::ActionState::Withdrawn);
}

#[tokio::test]
async fn an_agent_that_comes_back_in_time_keeps_its_cases() {
    let stage = Stage::start().await;
    let case = stage.open("refund").await;
    let (first, mut took) = stage.agent_keeping("billing-1");
    let (_, epoch) = hear("the agent to take it", &mut took).await;
    first.kill().await;
    let (_again, mut took) = stage.agent_keeping("billing-1");
    let again = hear("the agent to have it again", &mut took).await;
    assert_eq!(again, (case.clone(), epoch));
    let story = stage.tool().story(&case).await;
    assert!(!story.contains(&"lease_expired".to_owned()), "{story:?}");
}

#[tokio::test]
async fn the_newer_session_of_an_agent_counts() {
    let stage = Stage::start().await;
    let older = Line::open(&stage, "billing-1").await;
    let mut newer = Line::open(&stage, "billing-1").await;
    let ended = older.ended().await.expect_err("the older one is ended");
    crate::stage::callers::refused::<()>(Err(ended), tonic::Code::Aborted, "SESSION_REPLACED");
    stage.open("refund").await;
    within("an offer on the newer one", newer.offer()).await;
}

async fn short_leases() -> Stage {
    Stage::with(|playbook| playbook.edit("playbook.yaml", "lease: 5s", "lease: 1s")).await
}

/// Checks everything that was said of a case while it passed from one agent to another: each covers it until the end
/// of its lease and not beyond, and the case arrives in time.
async fn check_passing(watcher: Watcher, from: &str, to: &str, silent: Timestamp) {
    let arrived = |coverage: &v1::Coverage| agent_of(coverage) == Some(to);
    watcher.sees("the next agent to cover it", arrived).await;
    let seen = watcher.end();
    let by = |agent| seen.iter().filter(move |coverage| agent_of(coverage) == Some(agent));
    let last = by(from).filter_map(covered_until).max().unwrap();
    // The lease is one second; what was sent before the silence may have renewed it until a moment after.
    assert!(last < silent + SignedDuration::from_millis(2500), "covered until {last} by nobody");
    for coverage in &seen {
        if agent_of(coverage) == Some(from) {
            assert!(as_of(coverage) < last, "{coverage:?}");
        }
    }
    let arrived = by(to).map(as_of).next().expect("the next agent was seen to cover it");
    assert!(arrived < last + A_BIT, "lost at {last}, arrived at {arrived}");
    check_no_gap(&seen);
}

/// Says when it is dropped.
struct Mark(Arc<AtomicBool>);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn propose(case: &str, epoch: u64) -> v1::Propose {
    let wish = Wish::refund("ch-1", 500);
    v1::Propose {
        proposal_id: "p1".to_owned(),
        case_id: case.to_owned(),
        epoch,
        contract_id: wish.contract.to_owned(),
        input_json: wish.input.to_string(),
        provenance: vec![v1::InputProvenance {
            pointer: String::new(),
            source: v1::ProvenanceSource::SystemOfRecord.into(),
            reference: "record".to_owned(),
        }],
        ..v1::Propose::default()
    }
}
