//! The company's systems: they do every write they are sent, however often, and count. So a write that was repeated
//! shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The company; cheap to clone.
#[derive(Clone)]
pub(crate) struct Company {
    url: String,
    /// What was written under each idempotency key.
    books: Arc<Mutex<BTreeMap<String, Vec<Value>>>>,
}

impl Company {
    /// Opens its doors, for as long as the test runs.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let company = Self { url, books: Arc::default() };
        let service = Router::new().fallback(serve).with_state(company.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        company
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How often each key was written.
    pub(crate) fn effects(&self) -> BTreeMap<String, usize> {
        self.books().iter().map(|(key, written)| (key.clone(), written.len())).collect()
    }

    fn books(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Value>>> {
        self.books.lock().unwrap()
    }
}

async fn serve(State(company): State<Company>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut books = company.books();
    if method == Method::GET {
        let key = uri.query().and_then(|query| query.strip_prefix("key=")).map(plain);
        let found = key.and_then(|key| books.get(&key).cloned()).unwrap_or_default();
        return axum::Json(found).into_response();
    }
    let Ok(mut written) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(key) = written["key"].as_str().map(str::to_owned) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let place = books.entry(key).or_default();
    written["id"] = json!(format!("x-{}", place.len() + 1));
    place.push(written.clone());
    axum::Json(written).into_response()
}

/// A part of an address as it was before it was written into one.
fn plain(coded: &str) -> String {
    let mut pieces = coded.split('%');
    let mut plain = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_at(2.min(piece.len()));
        plain.push(u8::from_str_radix(hex, 16).unwrap());
        plain.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(plain).unwrap()
}
