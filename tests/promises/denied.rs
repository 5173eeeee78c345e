//! What is outside the boundary is denied, every reason by the name of its rule, and nothing reaches the target.

use belay_agent::{ActionResult, ReasonKind, Source};
use belay_api::v1;
use serde_json::json;

use crate::stage::Stage;
use crate::stage::agents::{Wish, hear};

#[tokio::test]
async fn a_contract_outside_the_boundary_is_denied() {
    check(
        "crm-1",
        "note",
        Wish::refund("ch-1", 500),
        &[
            (ReasonKind::Boundary, "crm"),
            (ReasonKind::Boundary, "crm"),
            (ReasonKind::Policy, "no-permit"),
        ],
    )
    .await;
}

#[tokio::test]
async fn more_than_the_limits_and_the_policies_allow_is_denied_for_each_reason() {
    check(
        "billing-1",
        "refund",
        Wish::refund("ch-1", 250_000),
        &[
            (ReasonKind::Precondition, "not-more-than-paid"),
            (ReasonKind::Limit, "boundary"),
            (ReasonKind::Limit, "customer-day"),
            (ReasonKind::Policy, "refunds-have-an-end"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_amount_that_a_model_made_up_is_denied() {
    let wish = Wish { source: Source::Model, ..Wish::refund("ch-1", 500) };
    check(
        "billing-1",
        "refund",
        wish,
        &[(ReasonKind::Provenance, "model"), (ReasonKind::Provenance, "model")],
    )
    .await;
}

#[tokio::test]
async fn the_charge_of_another_customer_is_denied() {
    let mut wish = Wish::refund("ch-1", 500);
    wish.input["customer_id"] = json!("c-2");
    check("billing-1", "refund", wish, &[(ReasonKind::Precondition, "own-charge")]).await;
}

#[tokio::test]
async fn a_charge_that_does_not_exist_is_denied() {
    let wish = Wish::refund("ch-77", 500);
    check("billing-1", "refund", wish, &[(ReasonKind::Precondition, "charge-exists")]).await;
}

#[tokio::test]
async fn an_input_of_another_form_is_denied_at_its_place() {
    let mut wish = Wish::refund("ch-1", 500);
    wish.input["amount_minor"] = json!("lots");
    let reasons = denied("billing-1", "refund", wish).await;
    assert_eq!((reasons[0].kind, reasons[0].field.as_str()), (ReasonKind::Schema, "/amount_minor"));
}

/// Checks that a wish is denied for exactly these reasons.
async fn check(agent: &str, kind: &str, wish: Wish, wanted: &[(ReasonKind, &str)]) {
    let reasons = denied(agent, kind, wish).await;
    let found: Vec<_> = reasons.iter().map(|one| (one.kind, one.rule.as_str())).collect();
    assert_eq!(found, wanted, "{reasons:#?}");
    assert!(reasons.iter().all(|one| !one.detail.is_empty()), "{reasons:#?}");
}

/// The reasons for which a wish was denied. Nothing must have reached the company.
async fn denied(agent: &str, kind: &str, wish: Wish) -> Vec<belay_agent::Reason> {
    let stage = Stage::start().await;
    let (_agent, mut said) = stage.agent_wishing(agent, vec![wish]);
    let case = stage.open(kind).await;
    let result = hear("how it was ruled", &mut said).await;
    let ActionResult::Denied(reasons) = result else { panic!("{result:?}") };
    assert!(stage.company.writes().is_empty(), "{:?}", stage.company.writes());
    let found = stage.tool().case(&case).await;
    assert_eq!(found.actions[0].state(), v1::ActionState::Denied);
    assert_eq!(found.actions[0].reasons.len(), reasons.len());
    reasons
}
