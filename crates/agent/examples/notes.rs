//! The outside system of `docs/first-agent.md`: keeps notes, in memory, and knows nothing of Belay.
//!
//! ```text
//! cargo run -p belay-agent --example notes
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, State};
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Note {
    /// Given by this service: its place among all notes.
    #[serde(default)]
    id: usize,
    /// The same key again is the same note.
    key: String,
    customer: String,
    text: String,
}

#[derive(Deserialize)]
struct Wanted {
    key: Option<String>,
}

type Notes = Arc<Mutex<Vec<Option<Note>>>>;

async fn add(State(notes): State<Notes>, Json(new): Json<Note>) -> Json<Note> {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = notes.iter().flatten().find(|note| note.key == new.key) {
        return Json(known.clone());
    }
    let note = Note { id: notes.len(), ..new };
    println!("note {} about {}: {}", note.id, note.customer, note.text);
    notes.push(Some(note.clone()));
    Json(note)
}

async fn list(State(notes): State<Notes>, Query(wanted): Query<Wanted>) -> Json<Vec<Note>> {
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |note: &&Note| wanted.key.as_ref().is_none_or(|key| note.key == *key);
    Json(notes.iter().flatten().filter(fits).cloned().collect())
}

async fn remove(State(notes): State<Notes>, Path(id): Path<usize>) {
    if let Some(note) = notes.lock().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
        *note = None;
    }
}

/// The whole service.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/notes", post(add).get(list))
        .route("/notes/{id}", delete(remove))
        .with_state(Notes::default())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:7400").await?;
    println!("notes are kept at http://127.0.0.1:7400/notes");
    axum::serve(listener, routes()).await
}
