//! People decide in the ticket system of their own house: by a comment that is read back, with who wrote it, through a
//! described adapter.

use std::sync::Arc;

use belay_agent::ActionResult;
use belay_replay::{Deed, Office, Person, Queue, Shared, Which, jira};
use jiff::Timestamp;

use crate::stage::agents::{Wish, hear};
use crate::stage::{Stage, until};

/// Above what goes through by itself, within what two people may allow.
const LARGE: u64 = 12_000;

const SYSTEM: &str = "
  jsm:
    kind: itsm
    adapter: jira-service-management
    base_url: \"URL\"
    credential: {file: \"CREDENTIAL\"}
    service_account: 5b10a2844c20165700ed0003
    requests_per_minute: 6000
    fields: {case: customfield_10101}
    queues:
      finance: {called: FINANCE}
";

const PEOPLE: &str = "people:
  ann: {groups: [finance, operations], identities: {jsm: 5b10a2844c20165700ed0001}}
  ben: {groups: [finance, operations], identities: {jsm: 5b10a2844c20165700ed0002}}
";

const APPROVAL: &str = "name: approval
steps:
  - {queue: jsm/finance, place_within: 10s, reach_within: 10s, acknowledge_within: 60s}
backoff: {first: 500ms, most: 1s}
";

#[tokio::test]
async fn people_decide_by_a_comment_in_a_described_system() {
    let office = office();
    let stage = deciding_in(&office).await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    let case = stage.open("refund").await;
    let watcher = stage.person("cara", &[]);
    let digest = shown(&office).await;

    // A machine's word, a word that another person put into somebody's mouth, and a word about something else.
    happen(&office, Deed::note("robot", &format!("approve {digest}")));
    watcher.sees_event(&case, "statement_refused", 1).await;
    happen(&office, Deed::note("ann", "let me see"));
    happen(&office, Deed::rewrite("ben", &format!("approve {digest}")));
    watcher.sees_event(&case, "statement_refused", 2).await;
    happen(&office, Deed::note("ann", "approve 0123456789abcdef"));
    watcher.sees_event(&case, "statement_refused", 3).await;
    // Our own account decides nothing and is no news.
    happen(&office, Deed::note("belay", &format!("approve {digest}")));
    happen(&office, Deed::note("ann", &format!("approve {digest} she is right")));
    watcher.sees_event(&case, "approval_given", 1).await;
    assert!(stage.company.writes().is_empty(), "one person is not two");

    happen(&office, Deed::note("ben", "let me look"));
    happen(&office, Deed::rewrite("ben", &format!("approve {digest}")));
    let result = hear("what became of the refund", &mut said).await;
    assert!(matches!(result, ActionResult::Verified(_)), "{result:?}");
    assert_eq!(stage.company.writes_to("/refunds"), 1);
}

#[tokio::test]
async fn a_no_in_a_described_system_is_a_no_and_the_agent_hears_why() {
    let office = office();
    let stage = deciding_in(&office).await;
    let (_agent, mut said) = stage.agent_wishing("billing-1", vec![Wish::refund("ch-1", LARGE)]);
    stage.open("refund").await;
    let digest = shown(&office).await;
    happen(&office, Deed::reply("ben", &format!("reject {digest} the customer has sued us")));
    let result = hear("what became of the refund", &mut said).await;
    let ActionResult::Rejected(report) = result else { panic!("{result:?}") };
    assert!(report.detail.contains("sued us"), "{report:?}");
    assert!(stage.company.writes().is_empty());
}

/// Ann and Ben, our account, and a machine that says that it is one.
fn office() -> Shared {
    let office = Office::new(Arc::new(Timestamp::now));
    office.hire(&["ann", "ben"]);
    office.join(Person::account("belay", "s3cret"));
    office.join(Person::machine("robot"));
    office.open_queue(Queue::new("finance", &["ann", "ben"]));
    office
}

/// A stage on which approvals are asked for in the office's Jira.
async fn deciding_in(office: &Shared) -> Stage {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = jira(office.clone());
    tokio::spawn(async move { axum::serve(listener, service).await });
    Stage::with(|playbook| {
        let (file, how) = ("contracts/billing.refund.yaml", "escalation: approval");
        playbook.edit(file, how, &format!("{how}, approve_in_ticket: true"));
        playbook.put("people.yaml", PEOPLE);
        playbook.put("escalations/approval.yaml", APPROVAL);
        playbook.put("credential", "belay@office.example:s3cret");
        let credential = playbook.folder().join("credential");
        let system = SYSTEM.replace("URL", &url);
        let system = system.replace("CREDENTIAL", &credential.to_string_lossy());
        playbook.edit("systems.yaml", "\n  desk:\n", &format!("{system}\n  desk:\n"));
    })
    .await
}

/// The digest that the ticket shows to those who decide.
async fn shown(office: &Shared) -> String {
    until("a ticket that says how to decide", || async {
        let ticket = office.tickets().pop()?;
        let (_, rest) = ticket.face().body.split_once("approve ")?;
        rest.split_whitespace().next().map(str::to_owned)
    })
    .await
}

#[track_caller]
fn happen(office: &Shared, deed: Deed) {
    let number = office.tickets().pop().expect("a ticket").number;
    assert!(office.happen(&Which::Number(number), &deed), "{deed:?} makes sense");
}
