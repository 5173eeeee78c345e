//! What lies between Belay and one real system: it passes everything on, and shows the faults that the system itself
//! cannot be made to show.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::sync::Notify;

/// One step of a repair, or of its way back, as it looks on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Draft,
    Refund,
    Post,
    Note,
    UndoDraft,
    UndoNote,
    /// The first write of the way back of a posted credit note.
    DraftCounter,
    /// The second.
    PostCounter,
}

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused for good, and not done.
    Refused,
    /// 500, and not done.
    Broken,
    /// Done, and 500.
    BrokenAfter,
    /// Done, and the connection ends in the middle of the answer.
    CutAfter,
    /// Not done, and no answer.
    SilentBefore,
    /// Done, and no answer.
    SilentAfter,
    /// Not done, and a good answer.
    Lie,
    /// The supervisor is killed before it is passed on.
    KillBefore,
    /// The supervisor is killed when it is done, before it is answered.
    KillAfter,
}

/// A fault that waits for its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) step: Step,
    pub(crate) fault: Fault,
    /// At every attempt, or at the first only.
    pub(crate) always: bool,
}

/// The way to one system; cheap to clone.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    upstream: String,
    client: reqwest::Client,
    script: Script,
}

/// What is planned for all systems of one repair, and what has happened.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Book>);

#[derive(Default)]
struct Book {
    planned: Mutex<VecDeque<Planned>>,
    /// Writes that were passed on.
    seen: Mutex<Vec<Step>>,
    kill: Notify,
    shown: AtomicUsize,
    /// Documents that counter others, by their ids.
    counters: Mutex<Vec<String>>,
    /// From this step on reads fail, so many of them.
    blind: Mutex<Option<(Step, u32)>>,
}

/// How many reads fail of a system that cannot be read for a while.
const BLIND_READS: u32 = 6;

/// Longer than Belay waits for an answer here.
const SILENCE: Duration = Duration::from_secs(4);

impl Script {
    pub(crate) fn plan(&self, faults: &[Planned]) {
        self.0.planned.lock().unwrap().extend(faults);
    }

    /// Once this step has been done, reads fail for a while.
    pub(crate) fn blind_from(&self, step: Step) {
        *self.0.blind.lock().unwrap() = Some((step, BLIND_READS));
    }

    /// Whether reads are answered.
    pub(crate) fn is_seeing(&self) -> bool {
        !matches!(*self.0.blind.lock().unwrap(), Some((_, 1..)))
    }

    /// How many faults were shown.
    pub(crate) fn shown(&self) -> usize {
        self.0.shown.load(Ordering::Relaxed)
    }

    /// Whether this read fails.
    fn fails(&self) -> bool {
        let mut blind = self.0.blind.lock().unwrap();
        match blind.as_mut() {
            Some((step, left)) if *left > 0 && self.0.seen.lock().unwrap().contains(step) => {
                *left -= 1;
                self.0.shown.fetch_add(1, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Whether every planned fault has been shown.
    pub(crate) fn is_played(&self) -> bool {
        let planned = self.0.planned.lock().unwrap();
        planned.iter().all(|planned| planned.always)
    }

    /// Waits until the supervisor is to be killed.
    pub(crate) async fn kill_is_due(&self) {
        self.0.kill.notified().await;
    }

    /// What happens to this write: the first fault that is planned for its step.
    fn next(&self, step: Step) -> Option<Fault> {
        let mut planned = self.0.planned.lock().unwrap();
        let place = planned.iter().position(|planned| planned.step == step)?;
        let found = planned[place];
        if !found.always {
            planned.remove(place);
        }
        self.0.shown.fetch_add(1, Ordering::Relaxed);
        Some(found.fault)
    }
}

impl Script {
    /// Which step a request is; none for a read and for a login, which change nothing.
    fn step_of(&self, method: &Method, path: &str, body: &Bytes) -> Option<Step> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), &parts[..]) {
            ("GET", _) | ("POST", ["auth", "login"]) => None,
            ("POST", ["v1", "refunds"]) => Some(Step::Refund),
            ("POST", ["account.invoice"]) if body.windows(6).any(|part| part == b"\"undo/") => {
                Some(Step::DraftCounter)
            }
            ("POST", ["account.invoice"]) => Some(Step::Draft),
            ("POST", ["account.invoice", id, "post"]) => {
                let is_counter = self.0.counters.lock().unwrap().iter().any(|known| known == id);
                Some(if is_counter { Step::PostCounter } else { Step::Post })
            }
            ("POST", ["accounts", _]) => Some(Step::Note),
            ("DELETE", ["account.invoice", _]) => Some(Step::UndoDraft),
            ("DELETE", ["accounts", "comment", _]) => Some(Step::UndoNote),
            (method, parts) => panic!("no step of a repair: {method} {parts:?}"),
        }
    }

    /// Learns from an answer by which id a document is posted that counters another one.
    async fn hear(&self, step: Step, answer: Response) -> Response {
        if step != Step::DraftCounter {
            return answer;
        }
        let (parts, body) = answer.into_parts();
        let text = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let made: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        self.0.counters.lock().unwrap().push(made["id"].to_string());
        Response::from_parts(parts, Body::from(text))
    }
}

impl Proxy {
    /// Before this system, until the test ends.
    pub(crate) async fn before(upstream: &str, script: &Script) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let inner = Inner { upstream: upstream.to_owned(), client, script: script.clone() };
        let proxy = Self { url, inner: Arc::new(inner) };
        let service = Router::new().fallback(serve).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        proxy
    }

    async fn pass_on(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request =
            self.inner.client.request(method, format!("{}{path}", self.inner.upstream));
        for name in ["authorization", "content-type", "idempotency-key", "x-tryton-context"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        match request.body(body).send().await {
            Ok(answer) => {
                let status = answer.status();
                let text = answer.bytes().await.unwrap_or_default();
                told(status, text)
            }
            Err(failure) => told(StatusCode::BAD_GATEWAY, Bytes::from(failure.to_string())),
        }
    }
}

/// Serves to the end, also for those who have stopped waiting.
async fn serve(
    State(proxy): State<Proxy>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    tokio::spawn(act(proxy, method, uri, headers, body)).await.unwrap()
}

async fn act(proxy: Proxy, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let script = proxy.inner.script.clone();
    let Some(step) = script.step_of(&method, uri.path(), &body) else {
        if script.fails() {
            return told(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from("{}"));
        }
        return proxy.pass_on(method, &uri, &headers, body).await;
    };
    let fault = script.next(step);
    let passed = matches!(
        fault,
        None | Some(Fault::BrokenAfter | Fault::CutAfter | Fault::SilentAfter | Fault::KillAfter)
    );
    let done = match passed {
        true => {
            let done = proxy.pass_on(method, &uri, &headers, body).await;
            let done = script.hear(step, done).await;
            script.0.seen.lock().unwrap().push(step);
            done
        }
        false => told(StatusCode::OK, Bytes::new()),
    };
    match fault {
        None => done,
        Some(Fault::Refused) => {
            told(StatusCode::UNPROCESSABLE_ENTITY, Bytes::from(r#"{"message":"not like this"}"#))
        }
        Some(Fault::Broken | Fault::BrokenAfter) => {
            told(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from("<h1>Server Error (500)</h1>"))
        }
        Some(Fault::Lie) => told(StatusCode::OK, Bytes::from(r#"{"id":1,"status":"succeeded"}"#)),
        Some(Fault::CutAfter) => {
            let cut = [Ok(Bytes::from("{\"id\":")), Err(std::io::Error::other("the line is cut"))];
            Response::new(Body::from_stream(futures_util::stream::iter(cut)))
        }
        Some(Fault::SilentBefore | Fault::SilentAfter) => {
            tokio::time::sleep(SILENCE).await;
            told(StatusCode::GATEWAY_TIMEOUT, Bytes::new())
        }
        Some(Fault::KillBefore | Fault::KillAfter) => {
            script.0.kill.notify_one();
            tokio::time::sleep(SILENCE).await;
            told(StatusCode::GATEWAY_TIMEOUT, Bytes::new())
        }
    }
}

fn told(status: StatusCode, body: Bytes) -> Response {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body)).unwrap()
}
