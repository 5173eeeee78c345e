//! What the target answers proves nothing: only what a read-back shows counts.

use belay_agent::ActionResult;
use belay_api::v1;
use http::Method;

use crate::stage::Stage;
use crate::stage::agents::{Wish, hear};
use crate::stage::company::Mood;

#[tokio::test]
async fn a_target_that_says_yes_and_keeps_nothing_is_found_out_and_people_are_told() {
    let stage = Stage::start().await;
    stage.company.is(Mood::Forgetful, Method::POST, "/refunds");
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", 500)]);
    let case = stage.open("refund").await;
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Diverged(_)), "{result:?}");
    let ann = stage.person("ann", &[]);
    let escalation =
        ann.sees("people to be told", &case, |found| found.escalations.first().cloned()).await;
    assert_eq!(escalation.cause(), v1::EscalationCause::Divergence);
    assert_eq!(escalation.action_id, format!("{case}/a1"));
    ann.ticket(&case, "billing-desk").await;
    assert_eq!(stage.company.writes_to("/refunds"), 1, "money is not given twice on a doubt");
}

#[tokio::test]
async fn a_target_that_fails_after_it_committed_is_read_back_and_not_written_again() {
    check("billing-1", "refund", Wish::refund("ch-1", 500), "/refunds", Mood::Confused).await;
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_read_back_and_not_written_again() {
    check("billing-1", "refund", Wish::refund("ch-1", 500), "/refunds", Mood::Abrupt).await;
}

#[tokio::test]
async fn the_supervisors_own_writes_are_read_back_when_the_target_fails() {
    check("erp-1", "credit", Wish::credit(900), "/credit-notes", Mood::Confused).await;
}

#[tokio::test]
async fn the_supervisors_own_writes_are_read_back_when_the_answer_is_cut_off() {
    check("erp-1", "credit", Wish::credit(900), "/credit-notes", Mood::Abrupt).await;
}

#[tokio::test]
async fn a_target_that_refuses_has_the_last_word() {
    let stage = Stage::start().await;
    stage.company.is(Mood::Stubborn, Method::POST, "/refunds");
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", 500)]);
    stage.open("refund").await;
    let result = hear("what became of the refund", &mut said).await;
    let ActionResult::Failed(report) = result else { panic!("{result:?}") };
    assert!(report.detail.contains("not like this"), "{report:?}");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
}

/// Checks that a write whose answer lies is verified all the same, and was sent once.
async fn check(agent: &str, kind: &str, wish: Wish, path: &str, mood: Mood) {
    let stage = Stage::start().await;
    stage.company.is(mood, Method::POST, path);
    let (_agent, mut said) = stage.agent_wishing(agent, vec![wish]);
    let case = stage.open(kind).await;
    let result = hear("what became of the write", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    let story = stage.tool().story(&case).await;
    assert!(story.contains(&"action_unknown".to_owned()), "{story:?}");
    assert_eq!(stage.company.writes_to(path), 1);
}
