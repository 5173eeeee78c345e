//! Repairs across real business systems: Tryton, BottleCRM and two card processors.
//!
//! `deploy/bench/business/up` starts them and prints the variables that these tests read. Without them every test says
//! that it is skipped.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "business/agreeing.rs"]
mod agreeing;
#[path = "business/bench.rs"]
mod bench;
#[path = "business/company.rs"]
mod company;
#[path = "business/ends.rs"]
mod ends;
#[path = "business/faults.rs"]
mod faults;
#[path = "business/proxy.rs"]
mod proxy;
#[path = "business/repair.rs"]
mod repair;
#[path = "promises/stage.rs"]
#[allow(dead_code, reason = "the stage is shared; the other programs use the rest of it")]
mod stage;
#[path = "business/storm.rs"]
mod storm;

use belay_api::v1;

use bench::Bench;
use company::{AMOUNT, Company};

#[tokio::test]
async fn a_double_charge_is_found_refunded_credited_and_noted_when_two_people_agree() {
    let Some(company) = Company::open("SSM").await else { return };
    let customer = match company.cobalt().await {
        Some(cobalt) => cobalt,
        // It has been repaired since the systems were started.
        None => company.charged_twice().await,
    };
    let bench = Bench::start(&company).await;
    let _agent = bench.agent("billing-1");
    let case = bench.complain(&customer).await;
    let tool = bench.stage.tool();

    let shown = tool.asked(&case).await;
    assert!(shown.id.ends_with("/a2"), "the draft needs nobody, the refund does: {shown:?}");
    let refunded = |standing: &company::Standing| standing.refunded.iter().any(|one| one.1 > 0);
    let (ann, ben) =
        (bench.stage.person("ann", &["finance"]), bench.stage.person("ben", &["finance"]));
    let stranger = bench.stage.person("lea", &[]);
    assert!(stranger.approve(&shown).await.is_err(), "lea is not of finance");
    ann.approve(&shown).await.unwrap();
    ann.approve(&shown).await.ok();
    assert!(!refunded(&company.standing(&customer).await), "one person counts once");
    ben.approve(&shown).await.unwrap();

    assert_eq!(tool.sees_resolved(&case).await, "repaired");
    let found = tool.case(&case).await;
    assert_eq!(found.plans[0].state(), v1::PlanState::Verified);
    let standing = company.standing(&customer).await;
    assert!(standing.is_repaired(), "{} of {}: {standing:?}", customer.name, customer.erp_code);
    let (_, note) = &standing.notes[0];
    assert!(note.contains(&AMOUNT.to_string()) && note.len() <= 255, "{note}");
}

#[tokio::test]
async fn who_cannot_be_told_apart_is_a_matter_for_people() {
    let Some(company) = Company::open("SSM").await else { return };
    let mut customer = company.charged_twice().await;
    // The same address twice at the processor: two legal entities, or one; nobody knows from here.
    company.customer(&customer.email).await;
    let bench = Bench::start(&company).await;
    let _agent = bench.agent("billing-1");
    let case = bench.complain(&customer).await;
    bench.stage.person("ann", &[]).ticket(&case, "billing-desk").await;
    let untouched = company.standing(&customer).await;
    assert!(untouched.is_untouched(), "{untouched:?}");
    // Nobody at all.
    customer.email = "ap@nobody.example".to_owned();
    let case = bench.complain(&customer).await;
    bench.stage.person("ann", &[]).ticket(&case, "billing-desk").await;
}
