//! A stage whose human queues are those of the bench's Request Tracker, and its people at work there.

use std::io::Write;
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::stage::callers::Caller;
use crate::stage::{Stage, until};

static SKIPPED: Once = Once::new();

/// One test at a time: one of them stops the server.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The stage and the way to its Request Tracker.
pub(crate) struct Bench {
    stage: Stage,
    rest: String,
    client: reqwest::Client,
    _alone: MutexGuard<'static, ()>,
}

/// The server stands still until this is dropped.
pub(crate) struct Stopped(String);

impl Bench {
    /// A stage on which cases for people go through these queues, in this order; none with a word about why.
    pub(crate) async fn start(queues: &[&str]) -> Option<Self> {
        let Ok(rest) = std::env::var("RT_REST") else {
            // Past the capture of the test's output, so that it is seen; once, so that it is read.
            SKIPPED.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: all promises against Request Tracker. Start one with \
                     deploy/bench/request-tracker/up and set the variables it prints."
                );
            });
            return None;
        };
        let alone = ALONE.lock().await;
        let stage = Stage::with(|playbook| {
            let desk = std::fs::read_to_string(playbook.folder().join("systems.yaml")).unwrap();
            playbook.put("systems.yaml", &format!("{desk}{}", tracker(&rest, queues)));
            let steps: String = queues
                .iter()
                .map(|queue| {
                    format!(
                        "  - {{queue: tracker/{queue}, place_within: 6s, reach_within: 3s, \
                         acknowledge_within: {}}}\n",
                        if *queue == "robot-desk" { "3s" } else { "20s" }
                    )
                })
                .collect();
            let text = format!(
                "name: takeover\nfreshness: 8s\nlook_every: 300ms\nsteps:\n{steps}\
                 backoff: {{first: 500ms, most: 1s}}\n"
            );
            playbook.put("escalations/takeover.yaml", &text);
        })
        .await;
        Some(Self { stage, rest, client: reqwest::Client::new(), _alone: alone })
    }

    /// A case that is for people.
    pub(crate) async fn open(&self) -> (Caller, String) {
        (self.stage.tool(), self.stage.open("other").await)
    }

    /// Waits for the case's ticket in a queue.
    pub(crate) async fn ticket(&self, case: &str, queue: &str) -> String {
        until(&format!("a ticket for {case} in {queue}"), async || self.find(case, queue).await)
            .await
    }

    /// The newest ticket of a case in a queue.
    pub(crate) async fn find(&self, case: &str, queue: &str) -> Option<String> {
        let field = var("RT_CF_CASE");
        let query = format!("CF.{{{field}}} = '{case}' AND Queue = '{queue}'");
        let request = self.request("root", Method::GET, "/tickets").query(&[("query", query)]);
        let found = self.send(request).await;
        let newest = found["items"].as_array()?.iter().filter_map(|one| one["id"].as_str());
        newest.max_by_key(|id| id.parse::<u64>().unwrap()).map(str::to_owned)
    }

    /// Something a person does.
    pub(crate) async fn put(&self, who: &str, path: &str) {
        self.send(self.request(who, Method::PUT, path).json(&json!({}))).await;
    }

    /// A person closes a ticket, with a resolution code or without.
    pub(crate) async fn resolve(&self, who: &str, ticket: &str, code: Option<&str>) {
        let path = format!("/ticket/{ticket}");
        if let Some(code) = code {
            let fields = json!({"CustomFields": {var("RT_CF_RESOLUTION"): code}});
            self.send(self.request(who, Method::PUT, &path).json(&fields)).await;
        }
        let closed = json!({"Status": "resolved"});
        self.send(self.request(who, Method::PUT, &path).json(&closed)).await;
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

/// The Request Tracker as a playbook describes it.
fn tracker(rest: &str, queues: &[&str]) -> String {
    let listed: String = queues.iter().map(|queue| format!("      {queue}: {{}}\n")).collect();
    format!(
        "
  tracker:
    kind: request-tracker
    base_url: {rest}
    timeout: 5s
    credential: {{env: RT_SVC_TOKEN, scheme: token}}
    service_account: {account}
    machines: [{robot}]
    queues:
{listed}    statuses: {{new: open, open: open, stalled: open, resolved: resolved, rejected: rejected, deleted: deleted}}
    fields: {{correlation: {correlation}, case: {case}, resolution: {resolution}}}
",
        account = var("RT_SVC_USER"),
        robot = var("RT_AUTOBOT_USER"),
        correlation = var("RT_CF_CORRELATION"),
        case = var("RT_CF_CASE"),
        resolution = var("RT_CF_RESOLUTION"),
    )
}

fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; the bench's `up` prints it"))
}
