//! The business system that is written to and read back: notes in memory, over HTTP on this machine.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::exit::Failure;

/// How many notes are kept before it forgets them all; every note was read back long before.
const KEPT_MAX: usize = 200_000;

/// The notes, by the key under which each was written.
#[derive(Clone, Default)]
pub(crate) struct Records {
    notes: Arc<Mutex<HashMap<String, Value>>>,
    /// What is about to be written, by action, with its key.
    prepared: Arc<Mutex<HashMap<String, (String, Value)>>>,
}

/// The system while it is served.
pub(crate) struct Served {
    /// What it holds.
    pub(crate) records: Records,
    task: JoinHandle<()>,
}

impl Records {
    /// An agent gets a write ready.
    pub(crate) fn prepare(&self, action: &str, key: String, input: Value) {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.insert(action.to_owned(), (key, input));
    }

    /// And does it.
    pub(crate) fn write(&self, action: &str) {
        let ready = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(action);
        let Some((key, input)) = ready else { return };
        let note =
            json!({ "id": key, "key": key, "customer": input["customer"], "text": input["text"] });
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= KEPT_MAX {
            notes.clear();
        }
        notes.insert(key, note);
    }

    /// Answers the supervisor's reads at this address, until dropped.
    pub(crate) async fn serve(self, address: SocketAddr) -> Result<Served, Failure> {
        let failed = |error| Failure::of(format!("cannot listen on {address}"), &error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let router = Router::new().route("/notes", get(read)).with_state(self.clone());
        let task = tokio::spawn(async move {
            // It ends with the measurement; whatever ends it sooner is seen there.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Served { records: self, task })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    State(records): State<Records>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(key) = query.get("key") else { return StatusCode::BAD_REQUEST.into_response() };
    let found = records.notes.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    Json(found.into_iter().collect::<Vec<_>>()).into_response()
}
