//! Webhooks over a real socket, into a whole supervisor.

use belay_domain::Coverage;
use belay_playbook::Playbook;
use reqwest::Client;

use super::*;
use crate::heartbeat::Signer;
use crate::upkeep::HookDoor;
use crate::upkeep::testbed::{Bed, PATIENCE};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OPERATIONS: &str = "hooks:\n  rt: {like: standard-webhooks, secrets: [{file: '{dir}/secret'}], ticket: [/ticket/id]}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_good_webhook_makes_us_look_sooner_and_what_the_look_shows_counts() {
    let bed = bed().await;
    let case = bed.open("c-1").await;
    bed.until("the ticket is routed", async || waits_for_people(&bed, &case).await).await;

    // The system sends its webhook and commits a moment later.
    let looks = bed.itsm.looks();
    assert_eq!(send(&bed, Sent::default()).await, (202, HookOutcome::Taken));
    bed.until("we looked at once", async || bed.itsm.looks() > looks).await;
    assert!(!bed.coverage(&case).await.is_covered(), "before the commit nothing is shown");
    let committed = bed.running.engine().clock().now();
    bed.itsm.is_taken();
    bed.until("we looked again", async || bed.coverage(&case).await.is_covered()).await;
    let Coverage::Covered(cover) = bed.coverage(&case).await else { panic!("covered") };
    let belay_domain::Holder::Person { evidence, .. } = cover.holder() else { panic!("by ana") };
    assert!(evidence.sent_at() >= committed, "what counts was read after it was true");
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_webhook_is_counted_and_dropped_and_nothing_is_covered_by_any() {
    let bed = bed().await;
    let case = bed.open("c-1").await;
    bed.until("the ticket is routed", async || waits_for_people(&bed, &case).await).await;
    let looks = bed.itsm.looks();
    let now = jiff_seconds();

    let forged = Sent { secret: "whsec_b3RoZXI=", ..Sent::default() };
    assert_eq!(send(&bed, forged).await, (401, HookOutcome::Forged));
    for at in [now - 400, now + 400] {
        let late = Sent { at: Some(at), id: "late", ..Sent::default() };
        assert_eq!(send(&bed, late).await, (401, HookOutcome::Late));
    }
    let changed = Sent { tamper: true, ..Sent::default() };
    assert_eq!(send(&bed, changed).await, (401, HookOutcome::Forged));
    let long = Sent { body: format!("\"{}\"", "x".repeat(70_000)), ..Sent::default() };
    assert_eq!(send(&bed, long).await, (413, HookOutcome::Oversized));
    let malformed = Sent { body: "{ticket:".to_owned(), ..Sent::default() };
    assert_eq!(send(&bed, malformed).await, (400, HookOutcome::Malformed));
    let elsewhere = Sent { system: "jira", ..Sent::default() };
    assert_eq!(send(&bed, elsewhere).await, (404, HookOutcome::UnknownSystem));
    let unknown = Sent { body: ticket("T99"), id: "unknown", ..Sent::default() };
    assert_eq!(send(&bed, unknown).await, (202, HookOutcome::UnknownTicket));
    let nothing = Sent { body: "{\"ping\": true}".to_owned(), id: "ping", ..Sent::default() };
    assert_eq!(send(&bed, nothing).await, (202, HookOutcome::NoTicket));
    assert_eq!(bed.itsm.looks(), looks, "none of these caused a look");

    // Whatever a webhook claims, it is not read for it: the ticket still is nobody's.
    let lies = r#"{"ticket": {"id": "T1", "owner": "ana", "status": "acknowledged"}}"#;
    let lies = || Sent { body: lies.to_owned(), id: "lies", ..Sent::default() };
    assert_eq!(send(&bed, lies()).await, (202, HookOutcome::Taken));
    assert_eq!(send(&bed, lies()).await, (202, HookOutcome::Replayed));
    bed.until("we looked", async || bed.itsm.looks() > looks).await;
    assert!(waits_for_people(&bed, &case).await);

    // Belay never heard of a ticket that is not placed yet, or is of another case: nothing is remembered of it.
    let early = Sent { body: ticket("T2"), id: "early", ..Sent::default() };
    assert_eq!(send(&bed, early).await, (202, HookOutcome::UnknownTicket));
    let later = bed.open("c-2").await;
    bed.until("it is routed", async || waits_for_people(&bed, &later).await).await;
    assert!(!bed.coverage(&later).await.is_covered());
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_are_turned_away_and_those_of_others_are_not_followed_more_often_than_it_helps() {
    let bed = bed().await;
    let case = bed.open("c-1").await;
    bed.until("the ticket is routed", async || waits_for_people(&bed, &case).await).await;
    let client = Client::new();
    let mut ends = std::collections::BTreeMap::new();
    for number in 0..60 {
        let id = format!("many-{number}");
        let sent = Sent { id: &id, ..Sent::default() };
        *ends.entry(post(&client, &bed, &sent).await).or_insert(0) += 1;
    }
    assert!(ends[&202] >= 40 && ends[&429] >= 1, "{ends:?}");
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_exchanged_by_having_both_for_a_while_and_unknown_paths_are_not_there() {
    let both = "hooks:\n  rt: {like: standard-webhooks, secrets: [{file: '{dir}/secret'}, {file: '{dir}/new'}], ticket: [/ticket/id]}\n";
    let bed = bed().await;
    std::fs::write(bed.path("new"), "whsec_bmV3LXNlY3JldA==").unwrap();
    let new = || Sent { secret: "whsec_bmV3LXNlY3JldA==", ..Sent::default() };
    assert_eq!(send(&bed, new()).await.0, 401);
    // The playbook is changed while webhooks come in.
    let text = both.replace("{dir}", &bed.path("").display().to_string());
    std::fs::write(bed.path("playbook/operations.yaml"), text).unwrap();
    let playbook = Playbook::load(&bed.path("playbook")).unwrap();
    bed.running.playbooks().unwrap().put(Arc::new(playbook));
    assert_eq!(send(&bed, new()).await.0, 202);
    assert_eq!(send(&bed, Sent { id: "old", ..Sent::default() }).await.0, 202);
    // One whose secret is not there does not come into force here.
    std::fs::remove_file(bed.path("new")).unwrap();
    let text =
        std::fs::read_to_string(bed.path("playbook/operations.yaml")).unwrap() + "canaries: []\n";
    std::fs::write(bed.path("playbook/operations.yaml"), text).unwrap();
    let playbook = Playbook::load(&bed.path("playbook")).unwrap();
    bed.running.playbooks().unwrap().put(Arc::new(playbook));
    assert_eq!(send(&bed, Sent { id: "still", ..Sent::default() }).await.0, 202);

    let root = format!("http://{}", bed.running.hooks().unwrap());
    let get = |path: &str| Client::new().get(format!("{root}{path}")).send();
    assert_eq!(get("/").await.unwrap().status(), 404);
    assert_eq!(get("/hooks/rt").await.unwrap().status(), 405);
    let drained = tokio::time::timeout(PATIENCE, bed.running.drain()).await;
    assert!(drained.is_ok(), "leaves with an open connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_exchanged_in_its_file_counts_without_a_new_playbook() {
    let bed = bed().await;
    let (old, new) = (|id| Sent { id, ..Sent::default() }, "whsec_bmV3LXNlY3JldA==");
    let newer = |id| Sent { secret: new, ..old(id) };
    assert_eq!(send(&bed, newer("1")).await.1, HookOutcome::Forged);
    // Both, while the system is told of the new one.
    std::fs::write(bed.path("secret"), format!("{SECRET}\n{new}\n")).unwrap();
    bed.until("the new one counts", async || send(&bed, newer("2")).await.0 == 202).await;
    assert_eq!(send(&bed, old("3")).await.0, 202);
    // What cannot be used changes nothing.
    std::fs::write(bed.path("secret"), "").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(send(&bed, newer("4")).await.0, 202);
    std::fs::write(bed.path("secret"), new).unwrap();
    bed.until("the old one does not any more", async || send(&bed, old("5")).await.0 == 401).await;
    assert_eq!(send(&bed, newer("6")).await.0, 202);
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_do_not_cross_a_network_in_the_open() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = crate::Config::development(&directory.path().join("data"), directory.path());
    config.hooks = Some(HookDoor { listen: "0.0.0.0:0".parse().unwrap(), certificate: None });
    let door = config.hooks.as_ref().unwrap();
    let refused = door.check().unwrap_err();
    assert!(refused.to_string().contains("need a certificate"), "{refused}");
}

/// A webhook that is sent.
struct Sent<'a> {
    system: &'a str,
    id: &'a str,
    /// Now, if nothing else is said.
    at: Option<i64>,
    secret: &'a str,
    body: String,
    /// The body is changed after it was signed.
    tamper: bool,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        let body = ticket("T1");
        Self { system: "rt", id: "msg_1", at: None, secret: SECRET, body, tamper: false }
    }
}

fn ticket(id: &str) -> String {
    format!("{{\"ticket\": {{\"id\": \"{id}\"}}}}")
}

async fn bed() -> Bed {
    let listen = "127.0.0.1:0".parse().unwrap();
    let door = HookDoor { listen, certificate: None };
    Bed::start(OPERATIONS, SECRET, |config| config.hooks = Some(door)).await
}

/// People are asked, can be reached, and nobody has taken it.
async fn waits_for_people(bed: &Bed, case: &belay_domain::CaseId) -> bool {
    let case = bed.case(case).await;
    case.escalations.values().any(|found| found.stage_name() == "routed")
}

/// Sends it, and says how it was answered and as what it was counted.
async fn send(bed: &Bed, sent: Sent<'_>) -> (u16, HookOutcome) {
    let counted = || HookOutcome::ALL.map(|outcome| bed.running.hooks_counted(outcome));
    let before = counted();
    let status = post(&Client::new(), bed, &sent).await;
    let after = counted();
    let grown = (0..after.len()).filter(|index| after[*index] > before[*index]);
    let grown: Vec<_> = grown.map(|index| HookOutcome::ALL[index]).collect();
    assert_eq!(grown.len(), 1, "{grown:?}");
    (status, grown[0])
}

async fn post(client: &Client, bed: &Bed, sent: &Sent<'_>) -> u16 {
    let address = bed.running.hooks().unwrap();
    let signer = Signer::new(&secrecy::SecretString::from(sent.secret)).unwrap();
    let at = sent.at.unwrap_or_else(jiff_seconds);
    let signature = signer.sign(sent.id, at, sent.body.as_bytes());
    let body = if sent.tamper { format!("{} ", sent.body) } else { sent.body.clone() };
    let asked = client
        .post(format!("http://{address}/hooks/{}", sent.system))
        .header("webhook-id", sent.id)
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", signature)
        .body(body);
    asked.send().await.unwrap().status().as_u16()
}

fn jiff_seconds() -> i64 {
    belay_domain::Timestamp::now().as_second()
}
