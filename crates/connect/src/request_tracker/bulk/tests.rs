//! Many tickets in few requests, against what a real RT answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use belay_domain::{Reading, TicketReading};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::request_tracker::{RequestTracker, RequestTrackerConfig};
use crate::{HumanQueue, QueueErrorKind, Wanted};

const SEARCH: &str = "/REST/2.0/tickets";
const TICKET: &str = "/REST/2.0/ticket/7";
const HISTORY: &str = "/REST/2.0/ticket/7/history";
const QUEUE: &str = "/REST/2.0/queue/billing-escalations";

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

#[tokio::test]
async fn many_are_read_as_one_is_and_nothing_is_read_twice_that_has_not_changed() {
    let rt = Recorded::start(|_| {}).await;
    let alone = rt.rt.read(&"7".parse().unwrap(), &queue()).await;
    let before = rt.rt.requests_for(&wanted());
    rt.forget_asked();
    assert_eq!(rt.read().await, alone);
    assert_eq!((rt.asked(SEARCH), rt.asked(QUEUE), rt.asked(HISTORY)), (1, 1, 1));
    assert_eq!(rt.read().await, alone);
    assert_eq!((rt.asked(SEARCH), rt.asked(QUEUE), rt.asked(HISTORY)), (2, 2, 1));
    assert!(rt.rt.requests_for(&wanted()) < before);
}

#[tokio::test]
async fn what_has_changed_is_read_anew() {
    let rt = Recorded::start(|_| {}).await;
    rt.read().await;
    rt.bend(|answers| {
        answers[SEARCH]["body"]["items"][0]["LastUpdated"] = json!("2026-01-02T00:00:00Z")
    });
    rt.read().await;
    assert_eq!(rt.asked(HISTORY), 2);
    // Also if only the ticket itself says so.
    rt.bend(|answers| answers[SEARCH]["body"]["items"][0]["Status"] = json!("stalled"));
    rt.read().await;
    assert_eq!(rt.asked(HISTORY), 3);
}

#[tokio::test]
async fn what_changed_a_moment_ago_may_change_again_in_the_same_second() {
    let rt = Recorded::start(|answers| {
        answers[SEARCH]["body"]["items"][0]["LastUpdated"] = json!("2999-01-01T00:00:00Z");
    })
    .await;
    rt.read().await;
    rt.read().await;
    assert_eq!(rt.asked(HISTORY), 2);
}

#[tokio::test]
async fn a_ticket_that_no_search_shows_is_asked_for_by_itself() {
    let rt = Recorded::start(|answers| answers[SEARCH]["body"]["items"] = json!([])).await;
    assert!(matches!(rt.read().await.ticket, TicketReading::Present(_)));
    assert_eq!(rt.asked(TICKET), 1);
    rt.bend(|answers| drop(answers.as_object_mut().unwrap().remove(TICKET)));
    assert_eq!(rt.read().await.ticket, TicketReading::Missing);
}

#[tokio::test]
async fn a_search_that_fails_says_nothing_of_any_ticket() {
    for status in [401, 403, 429, 500, 503] {
        let rt = Recorded::start(|answers| answers[SEARCH]["status"] = json!(status)).await;
        let reading = rt.read().await;
        assert!(matches!(reading.ticket, TicketReading::Unreadable { .. }), "{status}");
        assert!(reading.queue.is_some(), "the queue was read all the same");
    }
    let rt = Recorded::start(|answers| answers[SEARCH]["body"] = json!({})).await;
    assert!(matches!(rt.read().await.ticket, TicketReading::Unreadable { .. }));
}

#[tokio::test]
async fn our_tickets_are_listed_with_who_holds_them() {
    let rt = Recorded::start(|_| {}).await;
    let listed = rt.rt.ours(None).await.unwrap();
    assert_eq!(listed.next, None);
    let [one] = listed.tickets.as_slice() else { panic!("{listed:?}") };
    assert_eq!(one.ticket.as_str(), "7");
    assert_eq!(one.correlation.as_str(), "c-1/e1/r1s1");
    assert_eq!(one.case.as_ref().unwrap().as_str(), "c-1");
    assert_eq!(one.queue.as_ref().unwrap().as_str(), "billing-escalations");
    assert_eq!(one.holder.as_ref().unwrap().as_str(), "alice");
    assert_eq!(one.subject.as_deref(), Some("Refund stuck"));
}

#[tokio::test]
async fn a_queue_is_called_as_it_is_asked_for() {
    let rt = Recorded::start(|answers| {
        for name in ["3", "Billing-Escalations"] {
            answers[format!("/REST/2.0/queue/{name}")] = answers[QUEUE].clone();
        }
    })
    .await;
    let listed = async || rt.rt.ours(None).await.unwrap().tickets[0].queue.clone();
    rt.rt.inspect(&"3".parse().unwrap()).await.unwrap();
    assert_eq!(listed().await.unwrap().as_str(), "3");
    // Whoever asks for it under two names cannot be told which one is meant.
    rt.rt.inspect(&"Billing-Escalations".parse().unwrap()).await.unwrap();
    assert_eq!(listed().await, None);
}

#[tokio::test]
async fn a_full_page_has_a_next_one_and_a_place_that_is_none_is_refused() {
    let rt = Recorded::start(|answers| {
        let one = answers[SEARCH]["body"]["items"][0].clone();
        let numbered = |number: u32| {
            let mut one = one.clone();
            one["id"] = json!(number.to_string());
            one
        };
        answers[SEARCH]["body"]["items"] = (101..=200).map(numbered).collect();
    })
    .await;
    assert_eq!(rt.rt.ours(None).await.unwrap().next.as_deref(), Some("200"));
    let error = rt.rt.ours(Some("1 OR id > 0")).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Refused);
}

#[tokio::test]
async fn a_list_of_what_is_not_ours_is_not_believed() {
    let rt = Recorded::start(|answers| {
        answers[SEARCH]["body"]["items"][0]["CustomFields"] = json!([]);
    })
    .await;
    let error = rt.rt.ours(None).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::NotUnderstood);
}

struct Recorded {
    rt: RequestTracker,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    answers: Value,
    asked: HashMap<String, u32>,
}

impl Recorded {
    async fn start(bend: impl FnOnce(&mut Value)) -> Self {
        let mut answers: Value =
            serde_json::from_str(include_str!("../tests/recorded.json")).unwrap();
        let mut listed = answers[TICKET]["body"].clone();
        listed["LastUpdated"] = json!(LONG_AGO);
        listed["Subject"] = json!("Refund stuck");
        listed["Queue"]["Name"] = json!("billing-escalations");
        answers[SEARCH] = json!({"status": 200, "body": {"items": [listed]}});
        bend(&mut answers);
        let shared = Arc::new(Mutex::new(Shared { answers, asked: HashMap::new() }));
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(&format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { rt: RequestTracker::new(config).unwrap(), shared }
    }

    async fn read(&self) -> Reading {
        self.rt.read_many(&wanted()).await.pop().unwrap()
    }

    fn bend(&self, bend: impl FnOnce(&mut Value)) {
        bend(&mut self.shared.lock().unwrap().answers);
    }

    fn asked(&self, path: &str) -> u32 {
        self.shared.lock().unwrap().asked.get(path).copied().unwrap_or(0)
    }

    fn forget_asked(&self) {
        self.shared.lock().unwrap().asked.clear();
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, uri: Uri) -> Response {
    let mut shared = shared.lock().unwrap();
    *shared.asked.entry(uri.path().to_owned()).or_default() += 1;
    let Some(found) = shared.answers.get(uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = u16::try_from(found["status"].as_u64().unwrap()).unwrap();
    let tag = found["etag"].as_str().unwrap_or("\"\"").to_owned();
    let body = found["body"].to_string();
    (StatusCode::from_u16(status).unwrap(), [(header::ETAG, tag)], body).into_response()
}

fn wanted() -> Vec<Wanted> {
    let (ticket, correlation) = ("7".parse().unwrap(), "c-1/e1/r1s1".parse().unwrap());
    vec![Wanted { ticket, queue: queue(), correlation }]
}

fn queue() -> belay_domain::QueueId {
    "billing-escalations".parse().unwrap()
}

fn config(url: &str) -> RequestTrackerConfig {
    RequestTrackerConfig {
        base_url: url.to_owned(),
        token: "hush".to_owned().into(),
        account: "belay-svc".parse().unwrap(),
        machines: ["autobot".parse().unwrap()].into(),
        case_field: "belay-case-id".to_owned(),
        correlation_field: "belay-correlation-id".to_owned(),
        resolution_field: None,
        resolutions: BTreeMap::new(),
        statuses: RequestTrackerConfig::default_statuses(),
        timeout: Duration::from_secs(5),
        roots_pem: None,
    }
}
