//! Accounts payable in a real Tryton, by a playbook that was written from the documentation alone.
//!
//! `deploy/bench/business/up` starts the ERP and prints the variables that these tests read. Without them every test says
//! that it is skipped. What the playbook decides without any system is in `crates/cli/tests/payables.rs`.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

#[path = "payables/bench.rs"]
mod bench;
#[path = "payables/office.rs"]
mod office;
#[path = "promises/stage.rs"]
#[allow(dead_code, reason = "the stage is shared; the other programs use the rest of it")]
mod stage;

use std::sync::Arc;

use belay_agent::ActionResult;
use belay_api::v1;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tonic::Code;

use bench::{book, report, wish};
use office::{NEW, OLD, Office, Supplier};
use stage::agents::hear;
use stage::callers::refused;

fn change(supplier: &Supplier, from: &str, to: &str) -> Value {
    json!({
        "supplier_id": supplier.id, "account_id": supplier.account, "from": from, "to": to,
        "called_back_on": supplier.phone, "reason": "bank-merged",
    })
}

fn is_undone(found: &v1::Case) -> Option<()> {
    (found.plans.first()?.state() == v1::PlanState::Undone).then_some(())
}

/// The names of the reasons of a denial.
#[track_caller]
fn denied(result: ActionResult) -> Vec<String> {
    let ActionResult::Denied(reasons) = result else { panic!("it was not denied: {result:?}") };
    reasons.into_iter().map(|reason| reason.rule).collect()
}

#[tokio::test]
async fn an_account_is_changed_when_two_agree_who_do_not_run_the_agent_and_changed_back() {
    let Some(office) = Office::open() else { return };
    let supplier = office.supplier().await;
    let stage = bench::stage(&office).await;
    let (say, mut said) = mpsc::unbounded_channel();
    let regret = Arc::new(Notify::new());
    let (theirs, told) = (supplier.clone(), Arc::clone(&regret));
    let _agent = stage.agent("suppliers-1", move |case| {
        let (supplier, say, told) = (theirs.clone(), say.clone(), Arc::clone(&told));
        Box::pin(async move {
            let account = "suppliers.set_account@1";
            let first = change(&supplier, OLD, NEW);
            let _ = say.send(wish(case, "change", account, first).await?);
            let second = change(&supplier, NEW, "GB82WEST12345698765432");
            let _ = say.send(wish(case, "", account, second).await?);
            told.notified().await;
            case.abandon_plan("change", "the supplier never asked for it").await?;
            std::future::pending().await
        })
    });
    let labels = [("called-back-by", "ann")];
    let opened = stage.tool().open(report("supplier-change", &supplier, &labels)).await.unwrap();
    let case = opened.case.unwrap().summary.unwrap().id;

    let shown = stage.tool().asked(&case).await;
    let person = |name: &str, groups: &[&str]| stage.person(name, groups);
    let operator = person("dev", &["controllers"]);
    refused(operator.approve(&shown).await, Code::PermissionDenied, "INVOLVED");
    let clerk = person("ann", &["payables-leads"]);
    refused(clerk.approve(&shown).await, Code::PermissionDenied, "NOT_AN_APPROVER");
    let carla = person("carla", &["controllers"]);
    carla.approve(&shown).await.unwrap();
    refused(carla.approve(&shown).await, Code::FailedPrecondition, "ALREADY_VOTED");
    assert_eq!(office.contact(supplier.account).await, OLD, "one person counts once");
    person("tess", &["treasury"]).approve(&shown).await.unwrap();

    let result = hear("what became of the change", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(office.contact(supplier.account).await, NEW);
    assert_eq!(denied(hear("a second change", &mut said).await), ["a-week"]);

    regret.notify_one();
    stage.tool().sees("the change to be undone", &case, is_undone).await;
    assert_eq!(office.contact(supplier.account).await, OLD);
}

#[tokio::test]
async fn an_account_is_not_changed_for_a_supplier_whom_nobody_called_or_by_another_number() {
    let Some(office) = Office::open() else { return };
    let stage = bench::stage(&office).await;
    let known = Arc::new(std::sync::Mutex::new(Vec::<Supplier>::new()));
    let (say, mut said) = mpsc::unbounded_channel();
    let theirs = Arc::clone(&known);
    let _agent = stage.agent("suppliers-1", move |case| {
        let (known, say) = (Arc::clone(&theirs), say.clone());
        Box::pin(async move {
            let code = case.about().customer.clone();
            let found = known.lock().unwrap().iter().find(|one| one.code == code).cloned().unwrap();
            let mut input = change(&found, OLD, NEW);
            if !case.about().labels.contains_key("called-back-by") {
                input["called_back_on"] = "+19005550123".into();
            }
            let _ = say.send(wish(case, "", "suppliers.set_account@1", input).await?);
            std::future::pending().await
        })
    });
    let supplier = office.supplier().await;
    known.lock().unwrap().push(supplier.clone());
    stage.tool().open(report("supplier-change", &supplier, &[])).await.unwrap();
    let mut names = denied(hear("what became of it", &mut said).await);
    names.sort();
    assert_eq!(names, ["called-on-a-known-number", "no-account-without-a-call"]);
    assert_eq!(office.contact(supplier.account).await, OLD);
}

#[tokio::test]
async fn an_invoice_is_drafted_by_the_agent_posted_by_belay_refused_a_second_time_and_undone() {
    let Some(office) = Office::open() else { return };
    let supplier = office.supplier().await;
    let stage = bench::stage(&office).await;
    let (say, mut said) = mpsc::unbounded_channel();
    let regret = Arc::new(Notify::new());
    let (theirs, erp, told) = (supplier.clone(), office.clone(), Arc::clone(&regret));
    let _agent = stage.agent("invoices-1", move |case| {
        let (supplier, office) = (theirs.clone(), erp.clone());
        let (say, told) = (say.clone(), Arc::clone(&told));
        Box::pin(async move {
            let number = case.about().labels["invoice"].clone();
            let reams = if number.starts_with("BIG") { 240 } else { 10 };
            let _ = say.send(book(case, &office, &supplier, &number, reams).await?);
            if number.starts_with("BIG") {
                told.notified().await;
                case.abandon_plan("book", "the paper was never delivered").await?;
            }
            std::future::pending().await
        })
    });
    let tool = stage.tool();
    let open = async |number: &str| {
        let asked = report("supplier-invoice", &supplier, &[("invoice", number)]);
        let opened = tool.open(asked).await.unwrap();
        (opened.case.unwrap().summary.unwrap().id, opened.opened)
    };

    // Up to 250.00 nobody is asked.
    let (first, _) = open("HP-1001").await;
    let result = hear("what became of the first", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    let posted = ("HP-1001".to_owned(), "posted".to_owned());
    assert_eq!(office.invoices(&supplier).await, std::slice::from_ref(&posted));
    // The same matter by another way is the same case; the same invoice in other letters is refused.
    assert_eq!(open("HP-1001").await, (first, false));
    let (_, opened) = open("HP1001").await;
    assert!(opened);
    let names = denied(hear("what became of the second", &mut said).await);
    assert_eq!(names, ["not-known-yet"]);
    assert_eq!(office.invoices(&supplier).await, std::slice::from_ref(&posted));

    // Above it, somebody is, and what was booked is taken back: the posting, then the draft.
    let (big, _) = open("BIG-1").await;
    let shown = tool.asked(&big).await;
    assert!(shown.id.ends_with("/a2"), "the draft needs nobody, the posting does: {shown:?}");
    stage.person("lea", &["payables-leads"]).approve(&shown).await.unwrap();
    let result = hear("what became of the big one", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    regret.notify_one();
    tool.sees("the booking to be undone", &big, is_undone).await;
    let cancelled = ("BIG-1".to_owned(), "cancelled".to_owned());
    assert_eq!(office.invoices(&supplier).await, [cancelled, posted]);
}

#[tokio::test]
async fn a_contract_in_shadow_writes_nothing_and_one_in_canary_for_some_cases_and_both_say_so() {
    let Some(office) = Office::open() else { return };
    let stage = bench::stage(&office).await;
    let known = Arc::new(std::sync::Mutex::new(Vec::<Supplier>::new()));
    let (say, mut said) = mpsc::unbounded_channel();
    let theirs = Arc::clone(&known);
    let _agent = stage.agent("suppliers-1", move |case| {
        let (known, say) = (Arc::clone(&theirs), say.clone());
        Box::pin(async move {
            let code = case.about().customer.clone();
            let found = known.lock().unwrap().iter().find(|one| one.code == code).cloned().unwrap();
            let contact = json!({
                "supplier_id": found.id, "contact_id": found.email, "type": "email",
                "from": "ar@harrow.example", "to": "billing@harrow.example", "reason": "supplier-request",
            });
            let changed = wish(case, "", "suppliers.set_contact@1", contact).await?;
            let block = json!({"supplier_id": found.id, "reason": "suspected-fraud"});
            let _ = say.send((changed, wish(case, "", "suppliers.block@1", block).await?));
            Ok(case.resolve("changed", "").await?)
        })
    });
    let (mut written, mut left) = (0, 0);
    // Half of the cases; that forty of them are all on one side does not happen.
    for _ in 0..40 {
        let supplier = office.supplier().await;
        known.lock().unwrap().push(supplier.clone());
        stage.tool().open(report("supplier-change", &supplier, &[])).await.unwrap();
        let (changed, blocked) = hear("what became of a contact", &mut said).await;
        assert_eq!(blocked, ActionResult::Shadowed);
        assert!(office.is_active(&supplier).await);
        match changed {
            ActionResult::Verified(_) => {
                assert_eq!(office.contact(supplier.email).await, "billing@harrow.example");
                written += 1;
            }
            ActionResult::Shadowed => {
                assert_eq!(office.contact(supplier.email).await, "ar@harrow.example");
                left += 1;
            }
            other => panic!("{other:?}"),
        }
        if written > 0 && left > 0 {
            return;
        }
    }
    panic!("{written} written, {left} in shadow");
}
