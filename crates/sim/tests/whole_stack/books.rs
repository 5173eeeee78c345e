//! The system of record: an HTTP service on a host of its own. It checks nothing, and what is written twice it keeps
//! twice. Agents and the supervisor reach it over the simulated network.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use belay_connect::business::{self, ReadError, ReadRequest, Response, WriteOutcome, WriteRequest};
use belay_connect::{BoxFuture, HumanQueue, SystemOfRecord};
use belay_domain::SystemId;
use belay_supervisor::Outside;
use http::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use turmoil::net::TcpStream;

use crate::net::{BOOKS, Port, wall};
use crate::witness::{Witness, Write};

/// Where it listens.
const PORT: u16 = 80;

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest answer.
const ANSWER_MAX: usize = 1024 * 1024;

/// What the books hold. The host may go down; they are on paper.
#[derive(Clone, Default)]
pub(crate) struct Books {
    pages: Arc<Mutex<Vec<Page>>>,
    witness: Witness,
}

/// One note or credit.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) list: String,
    pub(crate) kept: Value,
}

impl Books {
    pub(crate) fn new(witness: Witness) -> Self {
        Self { pages: Arc::default(), witness }
    }

    /// Everything that they hold.
    pub(crate) fn pages(&self) -> Vec<Page> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves for as long as the host lives.
    pub(crate) async fn serve(self) -> turmoil::Result {
        let port = Port::open(PORT).await?;
        let service = Router::new().fallback(answer).with_state(self);
        axum::serve(port, service).await?;
        Ok(())
    }

    fn write(&self, method: &Method, path: &str, body: Value) -> StatusCode {
        let write = Write { path: path.to_owned(), body: body.clone(), at: wall() };
        self.witness.accounts().writes.push(write);
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = path.trim_matches('/').split('/');
        match (method, parts.next(), parts.next()) {
            (&Method::POST, Some(list @ ("notes" | "credits")), None) => {
                let mut kept = body;
                kept["id"] = json!(format!("x-{}", pages.len() + 1));
                pages.push(Page { list: list.to_owned(), kept });
                StatusCode::OK
            }
            (&Method::DELETE, Some(list), Some(id)) => {
                pages.retain(|page| page.list != list || page.kept["id"] != id);
                StatusCode::OK
            }
            _ => StatusCode::NOT_FOUND,
        }
    }

    fn read(&self, uri: &Uri) -> Value {
        let list = uri.path().trim_matches('/');
        let key = key_of(uri.query().unwrap_or_default());
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pages.iter().filter(|page| page.list == list && page.kept["key"] == key);
        found.map(|page| page.kept.clone()).collect()
    }
}

async fn answer(
    State(books): State<Books>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, String) {
    if method == Method::GET {
        return (StatusCode::OK, books.read(&uri).to_string());
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    (books.write(&method, uri.path(), body), json!({"status": "kept"}).to_string())
}

/// The key that a query asks for, as it was before it was written into the address.
fn key_of(query: &str) -> String {
    let coded = query.strip_prefix("key=").unwrap_or_default();
    let mut parts = coded.split('%');
    let mut key = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or(("", part));
        key.extend(u8::from_str_radix(hex, 16));
        key.extend(rest.as_bytes());
    }
    String::from_utf8(key).unwrap_or_default()
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, and nobody knows what became of it.
    Unknown(String),
}

/// One exchange with the books, from whatever host this runs on.
pub(crate) async fn exchange(
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(u16, Value), Silence> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let connecting = tokio::time::timeout_at(until, TcpStream::connect((BOOKS, PORT)));
    let stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Silence::NotSent(error.to_string())),
        Err(_) => return Err(Silence::NotSent("no connection in time".to_owned())),
    };
    let unknown = |error: &dyn std::fmt::Display| Silence::Unknown(error.to_string());
    let talking = async {
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, line) = shaken.map_err(|error| unknown(&error))?;
        let line = Line(tokio::spawn(line));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", BOOKS)
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .map_err(|error| Silence::NotSent(error.to_string()))?;
        let answer = sender.send_request(request).await.map_err(|error| unknown(&error))?;
        let status = answer.status().as_u16();
        let bytes = to_bytes(Body::new(answer.into_body()), ANSWER_MAX).await;
        let bytes = bytes.map_err(|error| unknown(&error))?;
        drop(line);
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    };
    match tokio::time::timeout_at(until, talking).await {
        Ok(answered) => answered,
        Err(_) => Err(Silence::Unknown("no answer in time".to_owned())),
    }
}

/// A connection that ends with whoever uses it.
struct Line<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Line<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The books as the supervisor reaches them.
pub(crate) struct Remote;

impl Outside for Remote {
    fn queues(&self, _: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        None
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        Some(Arc::new(Self))
    }
}

impl SystemOfRecord for Remote {
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(async move {
            match exchange(Method::GET, &read.path, None).await {
                Ok((status, body)) => Ok(Response { status, body }),
                Err(Silence::NotSent(detail) | Silence::Unknown(detail)) => {
                    Err(ReadError::Unavailable { detail })
                }
            }
        })
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(async move {
            let body = match &write.body {
                business::Body::Json(body) => Some(body),
                business::Body::None | business::Body::Form(_) => None,
            };
            let method = write.method.parse().unwrap_or(Method::POST);
            match exchange(method, &write.path, body).await {
                Ok((status @ 200..300, body)) => WriteOutcome::Done { status, body },
                Ok((status, body)) => {
                    WriteOutcome::Refused { status, body, permanent: true, retry_after: None }
                }
                Err(Silence::NotSent(detail)) => WriteOutcome::NotSent { detail, permanent: false },
                Err(Silence::Unknown(detail)) => WriteOutcome::unheard(detail),
            }
        })
    }
}
