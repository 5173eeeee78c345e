//! Webhooks: whatever they say, they make Belay look at the ticket and do nothing else. Here it looks by itself only once
//! a minute, so what is seen sooner was hinted at.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::bench::{Bench, Plan, free_address};
use crate::proxy::Proxy;
use crate::stage::until;
use crate::stage::watching::covered_until;
use crate::story::Story;
use crate::tracker::{Tracker, var};
use crate::{DESK, NEXT};

/// What is hinted at is seen within this.
const SOON: Duration = Duration::from_secs(5);

/// The second look that a webhook causes comes three seconds after it.
const SETTLED: Duration = Duration::from_secs(4);

/// Longer than it takes from a webhook to the look that it causes.
const A_MOMENT: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_webhook_causes_a_look_and_nothing_else() {
    let Some(tracker) = Tracker::start().await else { return };
    let door = free_address();
    let proxy = Proxy::to(tracker.address()).await;
    let through = Some(proxy.address.clone());
    let bench = Bench::with(tracker, &Plan { through, ..Plan::seldom(&[DESK, NEXT], door) }).await;
    let mut story = Story::begin(&bench).await;
    let ticket = story.ticket(DESK).await;
    story.tool.sees_event(&story.case, "ticket_routed", 1).await;
    let known = story.tool.story(&story.case).await;
    let looks = || proxy.asked(&format!("GET /REST/2.0/ticket/{ticket} "));
    let looked =
        async |after: usize| until("a look", async || (looks() > after).then_some(())).await;

    // Those that prove nothing cause nothing.
    let before = looks();
    let (now, secret) = (Timestamp::now().as_second(), var("RT_HOOK_SECRET"));
    let sent =
        |id: &'static str| Webhook { id, at: now, ticket: ticket.clone(), secret: secret.clone() };
    let stranger = format!("whsec_{}", STANDARD.encode("another secret"));
    assert_eq!(Webhook { secret: stranger, ..sent("forged") }.post(door).await, 401);
    assert_eq!(Webhook { at: now - 400, ..sent("old") }.post(door).await, 401);
    assert_eq!(Webhook { at: now + 400, ..sent("early") }.post(door).await, 401);
    assert_eq!(Webhook { ticket: "999999".to_owned(), ..sent("unknown") }.post(door).await, 202);
    tokio::time::sleep(A_MOMENT).await;
    assert_eq!(looks(), before, "the ticket was looked at");

    // One that is right and says what is not so, or not yet, shows what is.
    let claims = sent("claims");
    assert_eq!(claims.post(door).await, 202);
    looked(before).await;
    let first = looks();
    looked(first).await;
    tokio::time::sleep(A_MOMENT).await;
    let second = looks();
    assert_eq!(claims.post(door).await, 202, "whoever repeats one learns nothing");
    tokio::time::sleep(A_MOMENT).await;
    assert_eq!(looks(), second, "a webhook that was sent again was followed");
    assert_eq!(story.tool.story(&story.case).await, known, "nothing happened to the case");
    assert!(covered_until(&story.tool.coverage(&story.case).await).is_none());

    // One that is sent before what it tells of can be read.
    let since = Instant::now();
    assert_eq!(sent("before-commit").post(door).await, 202);
    looked(second).await;
    tokio::time::sleep(A_MOMENT).await;
    story.takes_unseen("alice", &ticket).await;
    story.is_covered_by("alice").await;
    assert!(since.elapsed() < SOON, "seen after {:?}", since.elapsed());

    // A loss, and a take, that are told of when they can be read.
    story.loses(bench.does("alice", "untake", &ticket)).await;
    assert_eq!(sent("given-back").post(door).await, 202);
    story.lapses().await;
    let next = story.ticket(NEXT).await;
    story.tool.sees_event(&story.case, "ticket_routed", 2).await;
    story.takes_unseen("bob", &next).await;
    let since = Instant::now();
    assert_eq!(Webhook { ticket: next, ..sent("taken") }.post(door).await, 202);
    story.is_covered_by("bob").await;
    assert!(since.elapsed() < SOON, "seen after {:?}", since.elapsed());
    check_soon(&story.end().await);
}

#[tokio::test]
async fn a_request_tracker_with_our_script_tells_of_what_people_do_within_seconds() {
    let Some(tracker) = Tracker::start().await else { return };
    let port = var("RT_HOOK_PORT").parse().unwrap();
    let door = SocketAddr::from(([127, 0, 0, 1], port));
    let bench = Bench::with(tracker, &Plan::seldom(&[DESK, NEXT], door)).await;
    let mut story = Story::begin(&bench).await;
    for (number, (queue, who)) in [(DESK, "alice"), (NEXT, "bob")].into_iter().enumerate() {
        let ticket = story.ticket(queue).await;
        story.tool.sees_event(&story.case, "ticket_routed", number + 1).await;
        // The looks that its creation caused are over.
        tokio::time::sleep(SETTLED).await;
        let since = Instant::now();
        story.takes(who, &ticket).await;
        eprintln!("the take was seen after {:?}", since.elapsed());
        assert!(since.elapsed() < SOON, "seen after {:?}", since.elapsed());
        if who == "alice" {
            story.loses(bench.does(who, "untake", &ticket)).await;
            story.lapses().await;
        }
    }
    check_soon(&story.end().await);
}

fn check_soon(told: &[SignedDuration]) {
    let soon = SignedDuration::try_from(SOON).unwrap();
    assert!(!told.is_empty() && told.iter().all(|told| *told < soon), "told after {told:?}");
}

/// A webhook as Standard Webhooks describe it: github.com/standard-webhooks, spec/standard-webhooks.md.
struct Webhook {
    id: &'static str,
    /// When it was sent, in seconds since 1970.
    at: i64,
    ticket: String,
    secret: String,
}

impl Webhook {
    /// Sends it, and says how it was answered.
    async fn post(&self, door: SocketAddr) -> u16 {
        let body = format!(r#"{{"ticket":{{"id":"{}"}}}}"#, self.ticket);
        let key = STANDARD.decode(self.secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{body}", self.id, self.at);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let request = reqwest::Client::new().post(format!("http://{door}/hooks/tracker"));
        let request = request.header("webhook-id", self.id).header("webhook-timestamp", self.at);
        let request = request.header("webhook-signature", format!("v1,{}", STANDARD.encode(mac)));
        request.body(body).send().await.unwrap().status().as_u16()
    }
}
