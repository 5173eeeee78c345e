//! A split brain is seen at once: the books are changed by hand after the last step of a plan, and before it is over.

use std::sync::Arc;

use belay_api::v1;
use tokio::sync::Notify;

use crate::bench::{Bench, look};
use crate::company::{Company, Customer};
use crate::stage::until;

#[tokio::test]
async fn a_credit_note_that_is_cancelled_by_hand_after_the_last_step_is_seen_and_told() {
    let Some((company, bench, case, customer)) = written().await else { return };
    let note = company.standing(&customer).await.credits[0].0;
    company.cancel(note).await;
    bench.go_on();

    let found = until("a plan that people have", async || {
        let found = look(&bench.stage.tool(), &case).await?;
        (found.plans[0].state() == v1::PlanState::Stuck).then_some(found)
    })
    .await;
    let difference = &found.plans[0].comparisons.iter().flat_map(|one| &one.differences).next();
    let told = difference.expect("a difference");
    assert_eq!((told.object.as_str(), told.field.as_str()), ("repayment", "standing"));
    assert_eq!((told.system.as_str(), told.id.clone()), ("erp-ledger", note.to_string()));
    assert_eq!((told.expected.as_str(), told.truth.as_str()), ("stands", "processor"));
    assert_eq!((told.found.as_str(), told.mapping), ("void", 1));
    assert!(found.resolution.is_none(), "nobody may say that it is repaired");
    let exact =
        format!("repayment.standing is void in erp-ledger ({note}) and stands in processor");
    assert!(found.plans[0].detail.contains(&exact), "{}", found.plans[0].detail);
    let told = |entry: &v1::ContextEntry| entry.kind == "divergence" && entry.body.contains(&exact);
    assert!(found.context.iter().any(told), "{:#?}", found.context);
    let ann = bench.stage.person("ann", &["finance"]);
    let ticket = ann.ticket(&case, "billing-desk").await;
    assert!(ticket.body.contains(&exact), "{}", ticket.body);
    // Nothing was taken back: what money did is for people.
    let standing = company.standing(&customer).await;
    assert_eq!(standing.notes.len(), 1, "{standing:?}");
}

#[tokio::test]
async fn systems_that_agree_verify_the_plan_and_say_on_what() {
    let Some((_, bench, case, _)) = written().await else { return };
    bench.go_on();
    let found = until("a case that is resolved", async || {
        look(&bench.stage.tool(), &case).await.filter(|found| found.resolution.is_some())
    })
    .await;
    let plan = &found.plans[0];
    assert_eq!(plan.state(), v1::PlanState::Verified);
    let equal = |one: &&v1::PlanComparison| one.state() == v1::ComparisonState::Equal;
    let mut names: Vec<&str> =
        plan.comparisons.iter().filter(equal).map(|one| one.equality.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["money-in-the-books", "money-was-credited", "one-customer"]);
    assert!(plan.comparisons.iter().any(|one| one.detail.contains("42000")), "{plan:?}");
}

/// A repair of which every step is verified, and whose agent has not said yet that it is complete.
async fn written() -> Option<(Company, Bench, String, Customer)> {
    let company = Company::open("SSM").await?;
    let customer = company.charged_twice().await;
    let bench = Bench::start(&company).await.holding(Arc::new(Notify::new()));
    // For as long as the test runs.
    std::mem::forget(bench.agent("billing-1"));
    let case = bench.complain(&customer).await;
    let _finance = bench.finance(&case);
    until("four verified writes", async || {
        let found = look(&bench.stage.tool(), &case).await?;
        let verified = |one: &&v1::Action| one.state() == v1::ActionState::Verified;
        (found.actions.iter().filter(verified).count() == 4).then_some(())
    })
    .await;
    Some((company, bench, case, customer))
}
