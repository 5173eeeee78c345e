//! How a repair ends: fully applied, fully undone, or with people who are told exactly what stands. Each end is held
//! against what the systems themselves show.

use std::time::Duration;

use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use serde_json::Value;

use crate::bench::{Bench, look};
use crate::company::{AMOUNT, Company, Customer, Standing};
use crate::stage::until;

/// The three ends that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Applied,
    Undone,
    Handed,
}

/// When the supervisor is killed, besides by what a proxy sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) event: &'static str,
    /// At which of them, from 1.
    pub(crate) number: usize,
}

/// The longest that a repair may take, with a supervisor that is killed meanwhile on a machine with other things to do.
const END_WITHIN: Duration = Duration::from_secs(150);

/// Lets the repair of a case come to its end, killing the supervisor when that is due. Says how it ended and how often
/// the supervisor was killed.
pub(crate) async fn come(
    bench: &mut Bench,
    case: &str,
    kill_at: Option<Moment>,
    name: &str,
) -> (End, usize) {
    let (script, mut tool) = (bench.script.clone(), bench.stage.tool());
    let (mut kills, mut kill_at) = (0, kill_at);
    let deadline = tokio::time::Instant::now() + END_WITHIN;
    let mut last = None;
    while tokio::time::Instant::now() < deadline {
        let kill = async {
            let Some(moment) = kill_at else { return std::future::pending().await };
            loop {
                if count(&tool, case, moment.event).await >= moment.number {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = script.kill_is_due() => {}
            () = kill => kill_at = None,
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                last = look(&tool, case).await.or(last);
                match last.as_ref().and_then(|found| ended(found, script.is_seeing())) {
                    Some(end) => return (end, kills),
                    None => continue,
                }
            }
        }
        bench.stage.crash();
        bench.stage.go_on().await;
        tool = bench.stage.tool();
        kills += 1;
    }
    let story = tool.story(case).await;
    panic!("{name}: {case} comes to no end: {story:?}\n{last:#?}");
}

/// How often something happened to a case, as far as the supervisor can be asked.
async fn count(tool: &crate::stage::callers::Caller, case: &str, event: &str) -> usize {
    let request =
        v1::ListEventsRequest { case_id: case.to_owned(), page_size: 500, ..Default::default() };
    match tool.audit().list_events(request).await {
        Ok(page) => page.into_inner().events.iter().filter(|found| found.event == event).count(),
        Err(_) => 0,
    }
}

fn ended(found: &v1::Case, is_seeing: bool) -> Option<End> {
    if found.resolution.is_some() {
        return Some(End::Applied);
    }
    let plan = found.plans.first()?;
    match plan.state() {
        v1::PlanState::Undone => Some(End::Undone),
        v1::PlanState::Stuck => Some(End::Handed),
        // Whether a write took effect cannot be read: people are told, and it may still be read one day.
        v1::PlanState::Open | v1::PlanState::Complete if !is_seeing => {
            manifest(found).map(|_| End::Handed)
        }
        _ => None,
    }
}

/// Holds an end against what the systems show.
pub(crate) async fn check(
    bench: &Bench,
    company: &Company,
    customer: &Customer,
    case: &str,
    end: End,
    name: &str,
) {
    let standing = company.standing(customer).await;
    let once = standing.refunded.iter().all(|one| one.1 <= 1)
        && standing.refunded.iter().map(|one| one.1).sum::<usize>() <= 1
        && standing.credits.len() <= 1
        && standing.counters.len() <= 1
        && standing.notes.len() <= 1;
    assert!(once, "{name}: something was done twice: {standing:?}");
    match end {
        End::Applied => assert!(standing.is_repaired(), "{name}: {standing:?}"),
        End::Undone => assert!(standing.is_untouched(), "{name}: {standing:?}"),
        End::Handed => {
            let found = until(&format!("{name}: a manifest"), async || {
                look(&bench.stage.tool(), case).await.filter(|found| manifest(found).is_some())
            })
            .await;
            let rows = manifest(&found).unwrap();
            is_exact(&rows, &standing, customer, name);
            is_covered(bench, case, &rows, name).await;
        }
    }
}

/// What the case keeps of what its people were told last.
fn manifest(found: &v1::Case) -> Option<Vec<Value>> {
    let entry = found.context.iter().rev().find(|entry| entry.kind == "manifest")?;
    serde_json::from_str(&entry.body).ok()
}

/// Every row is true, and nothing that stands is missing.
fn is_exact(rows: &[Value], standing: &Standing, customer: &Customer, name: &str) {
    let said = || format!("{name}: {rows:#?} of {standing:?}");
    let mut told = (0, 0, 0, 0);
    for row in rows {
        let unreadable = row["after"].as_str().is_some_and(|text| text.starts_with("not readable"));
        match (row["system"].as_str().unwrap(), row["object"].as_str().unwrap()) {
            ("processor", "charge") => {
                let charge = customer.charges.iter().position(|id| row["id"] == **id);
                let (minor, times) =
                    standing.refunded[charge.unwrap_or_else(|| panic!("{}", said()))];
                assert_eq!(row["before"]["amount_refunded"], 0, "{}", said());
                if !unreadable {
                    assert_eq!(row["after"]["amount_refunded"], minor, "{}", said());
                    assert_eq!(
                        row["after"]["refunds"].as_array().unwrap().len(),
                        times,
                        "{}",
                        said()
                    );
                }
                told.0 += usize::from(minor > 0);
            }
            ("erp-drafts" | "erp-ledger", "credit-note") => {
                let known = standing.credits.iter().find(|(id, ..)| row["id"] == *id);
                match known {
                    Some((_, state, minor)) if !unreadable => {
                        assert_eq!(row["after"]["state"], **state, "{}", said());
                        let total = format!("{}.00", minor / 100);
                        assert_eq!(row["after"]["total_amount"], *total, "{}", said());
                        told.1 = 1;
                    }
                    // It is gone, and that is what is said.
                    _ => assert!(unreadable || row["after"].is_null(), "{}", said()),
                }
            }
            ("erp-ledger", "counter-document") => match standing.counters.first() {
                Some((id, state, _)) if !unreadable => {
                    assert_eq!(row["id"], *id, "{}", said());
                    assert_eq!(row["after"]["state"], **state, "{}", said());
                    told.3 = 1;
                }
                _ => assert!(unreadable || row["after"].is_null(), "{}", said()),
            },
            ("crm", "comment") => match standing.notes.first() {
                Some((id, text)) if !unreadable => {
                    assert_eq!(row["id"], *id, "{}", said());
                    assert_eq!(row["after"]["comment"], **text, "{}", said());
                    told.2 += 1;
                }
                _ => assert!(unreadable || row["after"].is_null(), "{}", said()),
            },
            _ => panic!("an object that nobody wrote: {}", said()),
        }
    }
    let blind = rows.iter().any(|row| row["after"].is_string());
    let stand = (
        standing.refunded.iter().filter(|one| **one == (AMOUNT, 1)).count(),
        // What is countered counts no more, and what only began to counter it is told.
        if standing.is_countered() { 0 } else { standing.credits.len() },
        standing.notes.len(),
        if standing.is_countered() { 0 } else { standing.counters.len() },
    );
    assert!(blind || told == stand, "something stands that people are not told of: {}", said());
}

/// The people who are asked see the same on their ticket, and the one who takes it covers the case.
async fn is_covered(bench: &Bench, case: &str, rows: &[Value], name: &str) {
    let ann = bench.stage.person("ann", &["finance"]);
    let ticket = until(&format!("{name}: a ticket that asks to take {case}"), async || {
        let request = v1::ListTicketsRequest {
            case_id: case.to_owned(),
            queue: "billing-desk".to_owned(),
            ..Default::default()
        };
        let answer = ann.desk().list_tickets(request).await.ok()?.into_inner();
        let waiting = v1::DeskTicketState::Waiting;
        let mut tickets = answer.tickets.into_iter();
        tickets
            .find(|ticket| ticket.state() == waiting && ticket.subject.starts_with("Please take"))
    })
    .await;
    for row in rows {
        let said =
            [row["system"].as_str().unwrap(), &row["id"].to_string(), &row["after"].to_string()];
        assert!(
            said.iter().all(|part| ticket.body.contains(part)),
            "{name}: {row} in {}",
            ticket.body
        );
    }
    ann.take(&ticket.id).await.unwrap();
    until(&format!("{name}: ann to cover {case}"), async || {
        match ann.coverage(case).await.coverage {
            Some(Kind::CoveredByPerson(cover)) if cover.person == "ann" => Some(()),
            _ => None,
        }
    })
    .await;
}
