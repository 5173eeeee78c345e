//! An agent that comes back is told what it holds, however much that is, and after a restart, too.

use std::collections::BTreeSet;

use belay_api::v1::connect_response::Message as Told;

use super::stage::Stage;

/// More cases than messages are kept for one agent.
const MANY: usize = 1_200;

#[tokio::test]
async fn an_agent_that_holds_many_cases_is_told_about_all_as_it_takes_them_and_is_not_cut_off() {
    let stage = Stage::start().await;
    let held = stage.held_by("billing-1", MANY).await;
    // A program that knows nothing of before, that wants a few cases only, and is ready for a few messages at a time.
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let mut told = BTreeSet::new();
    while told.len() < MANY {
        let heard = line.expect(|told| matches!(told, Told::CaseAssigned(_))).await.message;
        let Some(Told::CaseAssigned(assigned)) = heard else { unreachable!() };
        told.insert(assigned.case_id);
        if told.len() % 16 == 0 {
            line.grant(16).await;
        }
    }
    assert_eq!(told, held);
    // And everything it claims to hold and does not is said to be lost.
    let session = line.registered.session_id.clone();
    let claims: Vec<_> = (0..MANY).map(|number| (format!("c-not-{number}"), 1)).collect();
    let taken = line.taken;
    drop(line);
    let mut again = stage.resume("billing-1", &session, taken, &claims).await;
    assert!(again.registered.resumed);
    for _ in 0..MANY {
        again.expect(|told| matches!(told, Told::LeaseLost(_))).await;
    }
    stage.stop().await;
}

#[tokio::test]
async fn an_agent_that_begins_anew_after_a_restart_is_told_what_it_holds() {
    let stage = Stage::start().await;
    let held = stage.held_by("billing-1", 3).await;
    let stage = stage.restart().await;
    let mut line = stage.connect("billing-1").await;
    line.grant(32).await;
    let mut told = BTreeSet::new();
    for _ in 0..3 {
        let heard = line.expect(|told| matches!(told, Told::CaseAssigned(_))).await.message;
        let Some(Told::CaseAssigned(assigned)) = heard else { unreachable!() };
        told.insert(assigned.case_id);
    }
    assert_eq!(told, held);
    stage.stop().await;
}
