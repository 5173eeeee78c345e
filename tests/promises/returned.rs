//! What people do outside the console comes back: what they write on a ticket decides where the playbook allows it, and
//! what they left with a resolution is what an agent goes on with.

use belay_agent::ActionResult;
use belay_api::v1;
use serde_json::Value;

use crate::stage::agents::{Wish, hear};
use crate::stage::callers::Caller;
use crate::stage::{Stage, request};

/// Above what goes through by itself, within what two people may allow.
const LARGE: u64 = 12_000;

#[tokio::test]
async fn what_a_person_left_with_a_resolution_is_what_the_next_agent_is_handed() {
    let stage = Stage::start().await;
    let (cara, case) = (stage.person("cara", &[]), stage.open("other").await);
    let ticket = cara.ticket(&case, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    let resolve = v1::ResolveTicketRequest {
        request_id: request(),
        ticket_id: ticket.id.clone(),
        resolution_code: "back-to-billing".to_owned(),
        note: "She may keep it. See https://wiki.example/keep/7, please.".to_owned(),
    };
    cara.desk().resolve_ticket(resolve).await.unwrap();
    let (_agent, mut took) = stage.agent_keeping("billing-1");
    assert_eq!(hear("an agent to take it", &mut took).await.0, case);

    let found = cara.case(&case).await;
    let entry = found.context.iter().find(|entry| entry.kind == "resolution").unwrap();
    let known: Value = serde_json::from_str(&entry.body).unwrap();
    assert_eq!(known["code"], "back-to-billing");
    assert_eq!(known["note"], "She may keep it. See https://wiki.example/keep/7, please.");
    assert_eq!(known["links"], serde_json::json!(["https://wiki.example/keep/7"]));
    let place = [&known["system"], &known["queue"], &known["ticket"], &known["person"]];
    assert_eq!(place, ["desk", "support-desk", ticket.id.as_str(), "cara"]);
    let provenance = entry.provenance.as_ref().unwrap();
    assert_eq!(provenance.source(), v1::ProvenanceSource::Staff);
    assert_eq!(provenance.reference, format!("person:cara ticket:desk/{}", ticket.id));
}

#[tokio::test]
async fn people_decide_by_what_they_write_on_the_ticket() {
    let stage = deciding_on_tickets().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let (ann, ben) = (stage.person("ann", &[]), stage.person("ben", &[]));
    let ticket = ann.ticket(&case, "billing-desk").await;
    let digest = shown_on(&ticket);

    note(&ben, &ticket, "approve 0123456789abcdef looks right").await;
    ann.sees_event(&case, "statement_refused", 1).await;
    note(&ann, &ticket, &format!("approve {digest} looks right")).await;
    ann.sees_event(&case, "approval_given", 1).await;
    assert!(stage.company.writes().is_empty(), "one person is not two");
    note(&ann, &ticket, &format!("approve {digest} really")).await;
    ann.sees_event(&case, "statement_refused", 2).await;
    assert!(stage.company.writes().is_empty(), "one person twice is not two");
    note(&ben, &ticket, &format!("Approve {digest}")).await;
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
}

#[tokio::test]
async fn a_no_on_the_ticket_is_a_no_and_the_agent_hears_why() {
    let stage = deciding_on_tickets().await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let ann = stage.person("ann", &[]);
    let ticket = ann.ticket(&case, "billing-desk").await;
    note(&ann, &ticket, &format!("reject {} the customer has sued us", shown_on(&ticket))).await;
    let result = hear("what became of the refund", &mut said).await;
    let ActionResult::Rejected(report) = result else { panic!("{result:?}") };
    assert!(report.detail.contains("sued us"), "{report:?}");
    assert!(stage.company.writes().is_empty());
    let action = ann.case(&case).await.actions[0].clone();
    assert_eq!(action.rejected_by.unwrap().id, "ann");
}

/// The support desk where `ann` and `ben` may decide on refunds by a note on the ticket.
async fn deciding_on_tickets() -> Stage {
    Stage::with(|playbook| {
        let (file, how) = ("contracts/billing.refund.yaml", "escalation: approval");
        playbook.edit(file, how, &format!("{how}, approve_in_ticket: true"));
        playbook.put("people.yaml", "people: {ann: {groups: [finance, operations]}, ben: {groups: [finance, operations]}}\n");
    })
    .await
}

/// The digest that the ticket shows to those who decide.
fn shown_on(ticket: &v1::DeskTicket) -> String {
    let (_, rest) = ticket.body.split_once("approve ").expect("the ticket says how to decide");
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn note(who: &Caller, ticket: &v1::DeskTicket, text: &str) {
    let request = v1::AddNoteRequest {
        request_id: request(),
        ticket_id: ticket.id.clone(),
        note: text.to_owned(),
    };
    who.desk().add_note(request).await.unwrap();
}
