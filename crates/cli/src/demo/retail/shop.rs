//! The shop: a small JSON service over the records that checks nothing, so that only Belay stands in between.
//!
//! Every case is played in a world of its own, because the data's tasks are told from the same moment and many of them
//! are about the same orders. A world is a copy of the records; every id of an order, a customer or a product begins with
//! its name (`12~#W2378156`), as if the shop had many branches. Whatever is written is also written into a ledger.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::records::{Records, text};
use super::reference::carry_out;
use super::task::{Tool, Write};

/// What stands between a world's name and an id.
const SEPARATOR: char = '~';

/// The shop; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    worlds: BTreeMap<String, Records>,
    /// What was answered under each idempotency key.
    answered: HashMap<String, Value>,
    ledger: Vec<Entry>,
}

/// One write that has reached the shop.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// In which world.
    pub(crate) world: String,
    /// What was written.
    pub(crate) write: Write,
    /// Whether it came again under a key that was answered before, and changed nothing.
    pub(crate) again: bool,
}

/// What a request comes to.
type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

impl Shop {
    /// Serves the shop on this machine until it is stopped, and says where.
    pub(crate) async fn serve(
        &self,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> std::io::Result<SocketAddr> {
        let router = Router::new()
            .route("/orders/{id}", get(order))
            .route("/orders/{id}/{act}", post(write_order))
            .route("/users", get(find))
            .route("/users/{id}", get(user))
            .route("/users/{id}/address", post(write_user))
            .route("/products/{id}", get(product))
            .with_state(self.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tasks.spawn(async move {
            let serving =
                axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the shop has stopped serving");
            }
        });
        Ok(address)
    }

    /// Opens a world with these records.
    pub(crate) fn open(&self, world: &str, records: Records) {
        self.books().worlds.insert(world.to_owned(), records);
    }

    /// The records of a world as they stand.
    pub(crate) fn records(&self, world: &str) -> Option<Records> {
        self.books().worlds.get(world).cloned()
    }

    /// Everything that was written.
    pub(crate) fn ledger(&self) -> Vec<Entry> {
        self.books().ledger.clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(
        &self,
        id: &str,
        what: &str,
        record: impl FnOnce(&Records, &str) -> Option<Value>,
    ) -> Answer {
        let books = self.books();
        let (world, own) = split(id);
        let record = books.worlds.get(world).and_then(|records| record(records, own));
        record
            .map(|mut record| {
                name(&mut record, world);
                Json(record)
            })
            .ok_or_else(|| missing(&format!("there is no {what} {id}")))
    }

    fn write(&self, id: &str, tool: Tool, headers: &HeaderMap, body: Map<String, Value>) -> Answer {
        let mut books = self.books();
        let (world, own) = split(id);
        let mut write = Write { tool, input: body };
        let subject = if tool == Tool::UserAddress { "user_id" } else { "order_id" };
        write.input.insert(subject.to_owned(), own.into());
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
        let known = key.and_then(|key| books.answered.get(key)).cloned();
        let again = known.is_some();
        books.ledger.push(Entry { world: world.to_owned(), write: write.clone(), again });
        if let Some(known) = known {
            return Ok(Json(known));
        }
        let records = books.worlds.get_mut(world);
        let records = records.ok_or_else(|| missing(&format!("there is no world {world}")))?;
        let mut record = carry_out(records, &write).map_err(|error| missing(&error.to_string()))?;
        name(&mut record, world);
        if let Some(key) = key {
            books.answered.insert(key.to_owned(), record.clone());
        }
        Ok(Json(record))
    }
}

/// An id as it is called in a world.
pub(crate) fn in_world(world: &str, id: &str) -> String {
    format!("{world}{SEPARATOR}{id}")
}

/// A write with the ids of a world.
pub(crate) fn write_in_world(world: &str, write: &Write) -> Write {
    ["order_id", "user_id"].into_iter().filter(|part| write.input.contains_key(*part)).fold(
        write.clone(),
        |write, part| {
            let id = in_world(world, write.text(part));
            write.with(part, id)
        },
    )
}

/// The path of a write, below the shop's address.
pub(crate) fn act(tool: Tool) -> &'static str {
    match tool {
        Tool::Cancel => "cancel",
        Tool::Address | Tool::UserAddress => "address",
        Tool::Payment => "payment",
        Tool::Items => "items",
        Tool::Return => "return",
        Tool::Exchange => "exchange",
    }
}

async fn order(State(shop): State<Shop>, Path(id): Path<String>) -> Answer {
    shop.read(&id, "order", |records, id| records.order(id).cloned())
}

async fn user(State(shop): State<Shop>, Path(id): Path<String>) -> Answer {
    shop.read(&id, "customer", |records, id| records.user(id).cloned())
}

async fn product(State(shop): State<Shop>, Path(id): Path<String>) -> Answer {
    shop.read(&id, "product", |records, id| {
        if !id.is_empty() {
            return records.product(id).cloned();
        }
        // The empty id stands for all of them: their names and ids.
        let names =
            records.products().map(|(id, product)| (text(product, "/name").to_owned(), id.into()));
        Some(Value::Object(names.collect()))
    })
}

async fn find(State(shop): State<Shop>, Query(query): Query<HashMap<String, String>>) -> Answer {
    let part = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let world = part("world").to_owned();
    let books = shop.books();
    let found = books.worlds.get(&world).and_then(|records| {
        if query.contains_key("email") {
            records.user_by_email(part("email"))
        } else {
            records.user_by_name(part("first_name"), part("last_name"), part("zip"))
        }
    });
    found
        .map(|id| Json(json!({"user_id": in_world(&world, id)})))
        .ok_or_else(|| missing("there is no such customer"))
}

async fn write_order(
    State(shop): State<Shop>,
    Path((id, named)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Answer {
    let tool = Tool::ALL.into_iter().find(|tool| tool.status().is_some() && act(*tool) == named);
    let tool = tool.ok_or_else(|| missing(&format!("nobody can {named} an order here")))?;
    shop.write(&id, tool, &headers, body)
}

async fn write_user(
    State(shop): State<Shop>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Answer {
    shop.write(&id, Tool::UserAddress, &headers, body)
}

fn missing(what: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({"error": what})))
}

/// The world of an id, and the id within it.
fn split(id: &str) -> (&str, &str) {
    id.split_once(SEPARATOR).unwrap_or(("", id))
}

/// Gives the ids in a record the name of their world.
fn name(record: &mut Value, world: &str) {
    let rename = |value: Option<&mut Value>| {
        if let Some(Value::String(id)) = value {
            *id = in_world(world, id);
        }
    };
    rename(record.get_mut("order_id"));
    rename(record.get_mut("user_id"));
    rename(record.get_mut("product_id"));
    for item in record.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        rename(item.get_mut("product_id"));
    }
    for order in record.get_mut("orders").and_then(Value::as_array_mut).into_iter().flatten() {
        rename(Some(order));
    }
}

#[cfg(test)]
mod tests;
