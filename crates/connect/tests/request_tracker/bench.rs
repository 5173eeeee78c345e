//! The bench's Request Tracker, its people, and what they do there.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, SystemTime};

use belay_connect::request_tracker::StatusMeaning;
use belay_connect::{HumanQueue, NewTicket, RequestTracker, RequestTrackerConfig};
use belay_domain::{QueueId, Reading, Severity, TicketId};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

/// The ordinary desk: alice and bob.
pub(crate) const DESK: &str = "billing-escalations";

static SKIPPED: Once = Once::new();

/// One test at a time: some disable people or stop the server.
static ALONE: Mutex<()> = Mutex::const_new(());

pub(crate) struct Bench {
    pub(crate) rt: RequestTracker,
    rest: String,
    run: String,
    client: reqwest::Client,
    _alone: MutexGuard<'static, ()>,
}

/// The server stands still until this is dropped.
pub(crate) struct Stopped(String);

impl Bench {
    /// The bench, or none with a word about why.
    pub(crate) async fn start() -> Option<Self> {
        let Ok(rest) = std::env::var("RT_REST") else {
            // Past the capture of the test's output, so that it is seen; once, so that it is read.
            SKIPPED.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: all tests against Request Tracker. Start one with \
                     deploy/bench/request-tracker/up and set the variables it prints."
                );
            });
            return None;
        };
        let alone = ALONE.lock().await;
        let run = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let rt = RequestTracker::new(config()).unwrap();
        let client = reqwest::Client::new();
        Some(Self { rt, rest, run: format!("c-{run:x}"), client, _alone: alone })
    }

    /// The case that all tickets of this test are for.
    pub(crate) fn case(&self) -> &str {
        &self.run
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> String {
        self.rest.trim_start_matches("http://").split('/').next().unwrap().to_owned()
    }

    pub(crate) fn new_ticket(&self, queue: &str) -> NewTicket {
        let nonce = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        NewTicket {
            case: self.run.parse().unwrap(),
            correlation: format!("{}/e1/{nonce:x}", self.run).parse().unwrap(),
            queue: queue.parse().unwrap(),
            subject: "Refund stuck".to_owned(),
            body: "The customer waits.".to_owned(),
            severity: Severity::Normal,
        }
    }

    pub(crate) async fn create(&self, queue: &str) -> TicketId {
        self.rt.create(&self.new_ticket(queue)).await.unwrap()
    }

    pub(crate) async fn read(&self, ticket: &TicketId, queue: &str) -> Reading {
        let queue: QueueId = queue.parse().unwrap();
        self.rt.read(ticket, &queue).await
    }

    /// Another adapter for the same server.
    pub(crate) fn adapter(&self, change: impl FnOnce(&mut RequestTrackerConfig)) -> RequestTracker {
        let mut config = config();
        change(&mut config);
        RequestTracker::new(config).unwrap()
    }

    /// The adapter with an account that may change tickets.
    pub(crate) fn strong_adapter(&self) -> RequestTracker {
        self.adapter(|config| {
            config.token = var("RT_BOB_TOKEN").into();
            config.account = "bob".parse().unwrap();
        })
    }

    pub(crate) async fn put(&self, who: &str, path: &str, body: Value) -> Value {
        self.send(self.request(who, Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn post(&self, who: &str, path: &str, body: Value) -> Value {
        self.send(self.request(who, Method::POST, path).json(&body)).await
    }

    pub(crate) async fn say(&self, who: &str, path: &str, text: &str) -> Value {
        let request = self.request(who, Method::POST, path).header("content-type", "text/plain");
        self.send(request.body(text.to_owned())).await
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.send(self.request("root", Method::DELETE, path)).await;
    }

    /// Stops the server and its workers in the middle of whatever they do.
    pub(crate) fn stop_server(&self) -> Stopped {
        let group = format!("-{}", var("RT_PID"));
        signal("-STOP", &group);
        Stopped(group)
    }

    fn request(&self, who: &str, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.rest));
        let request = request.timeout(Duration::from_secs(20));
        if who == "root" {
            return request.basic_auth("root", Some(var("RT_ROOT_PASSWORD")));
        }
        let token = var(&format!("RT_{}_TOKEN", who.to_uppercase()));
        request.header("authorization", format!("token {token}"))
    }

    /// Sends what must work for the test to mean anything.
    async fn send(&self, request: RequestBuilder) -> Value {
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        assert!(!text.contains("Permission Denied"), "{text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

fn signal(which: &str, group: &str) {
    let status = Command::new("kill").args([which, "--", group]).status().unwrap();
    assert!(status.success(), "kill {which} {group}");
}

fn config() -> RequestTrackerConfig {
    let mut statuses = RequestTrackerConfig::default_statuses();
    let major = [
        ("new", StatusMeaning::Open),
        ("acknowledged", StatusMeaning::Open),
        ("mitigating", StatusMeaning::Open),
        ("resolved", StatusMeaning::Resolved),
        ("cancelled", StatusMeaning::Rejected),
    ];
    let major = major.into_iter().map(|(status, meaning)| (status.to_owned(), meaning)).collect();
    statuses.insert("major-incident".to_owned(), major);
    RequestTrackerConfig {
        base_url: var("RT_REST"),
        token: var("RT_SVC_TOKEN").into(),
        account: var("RT_SVC_USER").parse().unwrap(),
        machines: [var("RT_AUTOBOT_USER").parse().unwrap()].into(),
        case_field: var("RT_CF_CASE"),
        correlation_field: var("RT_CF_CORRELATION"),
        resolution_field: Some(var("RT_CF_RESOLUTION")),
        resolutions: BTreeMap::new(),
        statuses,
        timeout: Duration::from_secs(20),
        roots_pem: None,
    }
}

fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; the bench's `up` prints it"))
}
