//! The company's HTTP face: the shapes that the support-desk playbook reads and writes.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::store::text;
use super::{Company, Fault, Records, Store};
use crate::exit::Failure;

/// Each system under its own name.
pub(super) fn router(company: Company) -> Router {
    let crm = Router::new()
        .route(
            "/customers/{id}",
            get(|c: State<Company>, id: Path<String>| one(c, id, |s| &s.customers)),
        )
        .route("/customers/{id}/address", put(set_address))
        .route("/notes", get(notes).post(add_note))
        .route("/notes/{id}", delete(remove_note));
    let billing = Router::new()
        .route(
            "/charges/{id}",
            get(|c: State<Company>, id: Path<String>| one(c, id, |s| &s.charges)),
        )
        .route("/refunds", get(refunds).post(refund));
    let erp = Router::new()
        .route("/orders/{id}", get(|c: State<Company>, id: Path<String>| one(c, id, |s| &s.orders)))
        .route("/orders/{id}/adjustments", post(adjust))
        .route("/credit-notes", get(credit_notes).post(credit))
        .route("/credit-notes/{id}", delete(remove_credit));
    let itsm = Router::new()
        .route(
            "/records/{id}",
            get(|c: State<Company>, id: Path<String>| one(c, id, |s| &s.records)),
        )
        .route("/records/{id}", patch(change));
    Router::new()
        .route("/", get(|| async { "a company that checks nothing" }))
        .nest("/crm", crm)
        .nest("/billing", billing)
        .nest("/erp", erp)
        .nest("/itsm", itsm)
        .with_state(company)
}

type Key = Query<HashMap<String, String>>;

async fn one(
    State(company): State<Company>,
    Path(id): Path<String>,
    of: impl FnOnce(&Store) -> &Records,
) -> Response {
    match company.read(|store| of(store).get(&id).cloned()) {
        Some(record) => Json(record).into_response(),
        None => nothing(),
    }
}

async fn notes(State(company): State<Company>, Query(query): Key) -> Response {
    company.read(|store| matching(&store.notes, &query))
}

async fn refunds(State(company): State<Company>, Query(query): Key) -> Response {
    company.read(|store| matching(&store.refunds, &query))
}

async fn credit_notes(State(company): State<Company>, Query(query): Key) -> Response {
    company.read(|store| matching(&store.credit_notes, &query))
}

async fn set_address(
    State(company): State<Company>,
    Path(customer): Path<String>,
    headers: HeaderMap,
    Json(address): Json<Value>,
) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let key = key.to_owned();
    let distorted = json!({ "street": "?", "city": "?", "zip": "?", "country": "??" });
    let id = customer.clone();
    misbehaving(&company, &customer, address, distorted, move |store, address| {
        store.set_address(&id, address, &key)
    })
    .await
}

async fn add_note(State(company): State<Company>, Json(note): Json<Value>) -> Response {
    let customer = text(&note, "customer_id");
    let distorted = with(&note, "text", json!("?"));
    misbehaving(&company, &customer, note, distorted, |store, note| Some(store.add_note(note)))
        .await
}

async fn remove_note(State(company): State<Company>, Path(id): Path<String>) -> Response {
    removed(company.write(|store| store.remove_note(&id)))
}

async fn refund(State(company): State<Company>, Json(refund): Json<Value>) -> Response {
    let charge = text(&refund, "charge_id");
    let distorted = with(&refund, "amount_minor", json!(1));
    misbehaving(&company, &charge, refund, distorted, |store, refund| Some(store.refund(refund)))
        .await
}

async fn credit(State(company): State<Company>, Json(note): Json<Value>) -> Response {
    let customer = text(&note, "customer_id");
    let distorted = with(&note, "amount_minor", json!(1));
    misbehaving(&company, &customer, note, distorted, |store, note| Some(store.credit(note))).await
}

async fn remove_credit(State(company): State<Company>, Path(id): Path<String>) -> Response {
    removed(company.write(|store| store.remove_credit(&id)))
}

async fn adjust(
    State(company): State<Company>,
    Path(order): Path<String>,
    Json(adjustment): Json<Value>,
) -> Response {
    let distorted = with(&adjustment, "quantity", json!(0));
    let id = order.clone();
    misbehaving(&company, &order, adjustment, distorted, move |store, adjustment| {
        store.adjust(&id, &adjustment)
    })
    .await
}

async fn change(
    State(company): State<Company>,
    Path(record): Path<String>,
    Json(change): Json<Value>,
) -> Response {
    let distorted = with(&change, "value", json!("?"));
    let id = record.clone();
    misbehaving(&company, &record, change, distorted, move |store, change| {
        store.change(&id, &change)
    })
    .await
}

/// Writes, unless the company was told to do something else on this record.
async fn misbehaving(
    company: &Company,
    record: &str,
    asked: Value,
    distorted: Value,
    write: impl FnOnce(&mut Store, Value) -> Option<Value> + Send + 'static,
) -> Response {
    let (company, record) = (company.clone(), record.to_owned());
    // What has begun is done, whether or not whoever asked for it is still there to hear of it.
    let done =
        tokio::spawn(async move { answer(&company, &record, asked, distorted, write).await });
    done.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn answer(
    company: &Company,
    record: &str,
    asked: Value,
    distorted: Value,
    write: impl FnOnce(&mut Store, Value) -> Option<Value>,
) -> Response {
    let fault = match company.write(|store| store.fault(record)) {
        Ok(fault) => fault,
        Err(failure) => return broken(&failure),
    };
    let body = match fault {
        Some(Fault::Slow(millis)) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            asked
        }
        Some(Fault::Lie) => return (StatusCode::OK, Json(asked)).into_response(),
        Some(Fault::Refuse) => {
            let body = json!({ "error": "not for this customer" });
            return (StatusCode::CONFLICT, Json(body)).into_response();
        }
        Some(Fault::Distort) => distorted,
        Some(Fault::FailAfterCommit) | None => asked,
    };
    match (company.write(|store| write(store, body)), fault) {
        (Err(failure), _) => broken(&failure),
        (Ok(None), _) => nothing(),
        (Ok(Some(_)), Some(Fault::FailAfterCommit)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "try again later" })))
                .into_response()
        }
        (Ok(Some(record)), _) => (StatusCode::OK, Json(record)).into_response(),
    }
}

fn matching(records: &[Value], query: &HashMap<String, String>) -> Response {
    let fits = |record: &&Value| query.iter().all(|(field, value)| text(record, field) == *value);
    Json(records.iter().filter(fits).cloned().collect::<Vec<_>>()).into_response()
}

fn with(record: &Value, field: &str, value: Value) -> Value {
    let mut record = record.clone();
    if let Some(record) = record.as_object_mut() {
        record.insert(field.to_owned(), value);
    }
    record
}

fn removed(removed: Result<bool, Failure>) -> Response {
    match removed {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => nothing(),
        Err(failure) => broken(&failure),
    }
}

fn nothing() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "there is no such record" }))).into_response()
}

fn broken(failure: &Failure) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "error": failure.to_string() }))).into_response()
}
