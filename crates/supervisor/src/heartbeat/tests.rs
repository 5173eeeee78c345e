//! Heartbeats to a stand-in for a watcher, over a real socket.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use belay_domain::{Timestamp, after};
use belay_journal::{Entry, NewEvent};
use serde_json::Value;

use super::*;
use crate::upkeep::AuditSettings;
use crate::upkeep::testbed::Bed;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const EVERY: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_come_signed_and_say_what_was_audited() {
    let (watcher, bed) = watched().await;
    bed.open("c-1").await;
    bed.until("one with the case has come", async || {
        watcher.last().is_some_and(|last| last["open"] == 1)
    })
    .await;
    let last = watcher.last().unwrap();
    assert_eq!(last["type"], "belay.heartbeat");
    assert_eq!((&last["pending"], &last["uncovered"]), (&Value::from(1), &Value::from(0)));
    assert!(last["position"].as_u64() > Some(0), "{last}");
    assert_eq!(last["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(watcher.unproven(), 0);
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_nobody_has_and_nobody_raised_stops_the_heartbeat_within_one_interval() {
    let (watcher, bed) = watched().await;
    bed.until("heartbeats come", async || watcher.count() >= 2).await;
    plant_a_gap(&bed).await;
    bed.until("the auditor found it", async || {
        bed.running.audited().is_some_and(|pass| !pass.is_sound())
    })
    .await;
    // One may be on its way; none begins any more.
    tokio::time::sleep(EVERY).await;
    let count = watcher.count();
    tokio::time::sleep(EVERY * 4).await;
    assert_eq!(watcher.count(), count, "silence");
    let pass = bed.running.audited().unwrap();
    assert!(pass.findings[0].to_string().contains("c-lost"), "{:?}", pass.findings);
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_answer_stops_the_heartbeat() {
    let (watcher, bed) = watched().await;
    bed.until("heartbeats come", async || watcher.count() >= 1).await;
    let engine = bed.running.engine().clone();
    assert!(engine.answers(Duration::from_secs(5)).await);
    let (told, passes) = tokio::sync::watch::channel(bed.running.audited());
    let playbooks = bed.running.playbooks().unwrap().clone();
    let wall: Wall = Arc::new(Timestamp::now);
    let heart = |fresh| Heart {
        playbooks: playbooks.clone(),
        engine: engine.clone(),
        passes: passes.clone(),
        fresh,
        wall: wall.clone(),
    };
    let wanted = playbooks.current().operations().heartbeat.clone().unwrap();
    let hour = Span::from_hours(1);
    assert!(heart(hour).may_beat(&wanted).await.is_ok());
    let old = heart(Span::ZERO).may_beat(&wanted).await.unwrap_err();
    assert!(matches!(old, Withheld::AuditTooOld { .. }), "{old}");
    bed.running.drain().await;
    assert!(!engine.answers(Duration::from_secs(5)).await);
    assert_eq!(heart(hour).may_beat(&wanted).await.unwrap_err(), Withheld::EngineSilent);
    told.send_replace(None);
    assert_eq!(heart(hour).may_beat(&wanted).await.unwrap_err(), Withheld::NotAudited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_fails_is_tried_again_with_the_same_id() {
    let (watcher, bed) = watched().await;
    bed.until("heartbeats come", async || watcher.count() >= 1).await;
    watcher.fails(2);
    bed.until("both failures were heard", async || watcher.0.lock().unwrap().failing == 0).await;
    let count = watcher.count();
    bed.until("and the next try", async || watcher.count() > count).await;
    let refused = watcher.0.lock().unwrap().refused.clone();
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0], refused[1], "one heartbeat, tried again");
    bed.running.drain().await;
}

/// Writes a case into the journal that the engine is never told of.
async fn plant_a_gap(bed: &Bed) {
    let at = after(bed.running.engine().clock().now(), Span::from_secs(-60));
    let body =
        format!("{{\"at\":\"{at}\",\"event\":\"case_opened\",\"terms\":{{\"lease\":\"PT15S\"}}}}");
    let event = NewEvent { kind: "case_opened".to_owned(), at, body: body.into_bytes() };
    let entry = Entry {
        tenant: "acme".to_owned(),
        case: "c-lost".to_owned(),
        events: vec![event],
        ..Entry::default()
    };
    bed.running.engine().journal().submit(vec![entry]).await.unwrap();
}

async fn watched() -> (Watcher, Bed) {
    let watcher = Watcher::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/beat", post(heard)).with_state(watcher.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let operations = format!(
        "heartbeat: {{url: 'http://{address}/beat', secret: {{file: '{{dir}}/secret'}}, every: {}ms}}\n",
        EVERY.as_millis()
    );
    let audit = AuditSettings { every: Duration::from_millis(100), grace: Span::from_secs(12) };
    let bed = Bed::start(&operations, SECRET, |config| config.audit = audit).await;
    (watcher, bed)
}

/// Waits for heartbeats, and believes those that are signed as the standard says.
#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    beats: Vec<Value>,
    unproven: usize,
    failing: usize,
    refused: Vec<String>,
}

impl Watcher {
    fn count(&self) -> usize {
        self.0.lock().unwrap().beats.len()
    }

    fn last(&self) -> Option<Value> {
        self.0.lock().unwrap().beats.last().cloned()
    }

    fn unproven(&self) -> usize {
        self.0.lock().unwrap().unproven
    }

    fn fails(&self, times: usize) {
        self.0.lock().unwrap().failing = times;
    }
}

async fn heard(State(watcher): State<Watcher>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut heard = watcher.0.lock().unwrap();
    if heard.failing > 0 {
        heard.failing -= 1;
        heard.refused.push(text("webhook-id"));
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let (id, at) = (text("webhook-id"), text("webhook-timestamp"));
    let signed = [format!("{id}.{at}.").as_bytes(), &body].concat();
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = base64.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = base64.decode(text("webhook-signature").trim_start_matches("v1,")).unwrap();
    let age = Timestamp::now().as_second() - at.parse::<i64>().unwrap();
    if hmac::verify(&key, &signed, &tag).is_err() || age.abs() > 300 {
        heard.unproven += 1;
        return StatusCode::UNAUTHORIZED;
    }
    heard.beats.push(serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}
