//! The bench's Request Tracker as its people and its administrator use it. Shared by the tests of the adapter and those
//! of a whole supervisor.

use std::io::Write;
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

static SKIPPED: Once = Once::new();

/// One test at a time: some disable people or stop the server.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A running Request Tracker that nobody else uses meanwhile.
pub(crate) struct Tracker {
    rest: String,
    client: Client,
    _alone: MutexGuard<'static, ()>,
}

/// The server stands still until this is dropped.
pub(crate) struct Stopped(String);

/// Something that is undone when this is dropped, so that a test that fails leaves people as they were.
pub(crate) struct Undo(Option<Asked>);

/// A request to be made in any runtime.
struct Asked {
    method: Method,
    url: String,
    body: Value,
}

impl Tracker {
    /// The one that the environment names, or none with a word about why.
    pub(crate) async fn start() -> Option<Self> {
        let Ok(rest) = std::env::var("RT_REST") else {
            // Past the capture of the test's output, so that it is seen; once, so that it is read.
            SKIPPED.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: everything against Request Tracker. Start one with \
                     deploy/bench/request-tracker/up and set the variables it prints."
                );
            });
            return None;
        };
        Some(Self { rest, client: Client::new(), _alone: ALONE.lock().await })
    }

    /// Where its REST interface is.
    pub(crate) fn rest(&self) -> &str {
        &self.rest
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> String {
        self.rest.trim_start_matches("http://").split('/').next().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, who: &str, path: &str, query: &[(&str, &str)]) -> Value {
        self.send(self.request(who, Method::GET, path).query(query)).await
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

    /// The administrator does this when what is returned is dropped.
    pub(crate) fn undo(&self, method: Method, path: &str, body: Value) -> Undo {
        Undo(Some(Asked { method, url: format!("{}{path}", self.rest), body }))
    }

    /// Stops the server and its workers in the middle of whatever they do.
    pub(crate) fn stop_server(&self) -> Stopped {
        let stopped = self.lets_go();
        stop();
        stopped
    }

    /// Lets a server go on that something else [stops](stop), when what is returned is dropped.
    pub(crate) fn lets_go(&self) -> Stopped {
        Stopped(group())
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

impl Drop for Undo {
    fn drop(&mut self) {
        let Some(Asked { method, url, body }) = self.0.take() else { return };
        // The runtime of the test may be ending.
        let undone = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let request = Client::new().request(method, url).json(&body);
                let request = request.basic_auth("root", Some(var("RT_ROOT_PASSWORD")));
                request.send().await.unwrap().error_for_status().unwrap();
            });
        });
        let undone = undone.join();
        assert!(undone.is_ok() || std::thread::panicking(), "what was done was not undone");
    }
}

/// A value that the bench's `up` prints.
pub(crate) fn var(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; the bench's `up` prints it"))
}

/// Stops the server and its workers.
pub(crate) fn stop() {
    signal("-STOP", &group());
}

fn group() -> String {
    format!("-{}", var("RT_PID"))
}

fn signal(which: &str, group: &str) {
    let status = Command::new("kill").args([which, "--", group]).status().unwrap();
    assert!(status.success(), "kill {which} {group}");
}
