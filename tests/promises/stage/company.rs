//! The company: one HTTP service for CRM, billing, ERP and ITSM. It checks nothing, writes down every write that
//! reaches it, and can be told to lie.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use belay_agent::{Outcome, Permit};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};

/// The company and what it holds; cheap to clone.
#[derive(Clone)]
pub(crate) struct Company {
    url: String,
    books: Arc<Mutex<Books>>,
}

/// A write that reached the company.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// What the company does with writes to some path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// Says yes and keeps nothing.
    Forgetful,
    /// Keeps it and answers 500.
    Confused,
    /// Keeps it and ends the connection in the middle of the answer.
    Abrupt,
    /// Says no with 422 and keeps nothing.
    Stubborn,
}

#[derive(Default)]
struct Books {
    customers: BTreeMap<String, Value>,
    charges: BTreeMap<String, Value>,
    orders: BTreeMap<String, Value>,
    records: BTreeMap<String, Value>,
    notes: Vec<Value>,
    refunds: Vec<Value>,
    credit_notes: Vec<Value>,
    writes: Vec<Write>,
    moods: Vec<(Method, String, Mood)>,
    asked: usize,
    made: u64,
}

impl Company {
    /// Opens its doors, for as long as the test runs.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let company = Self { url, books: Arc::new(Mutex::new(Books::stocked())) };
        let service = Router::new().fallback(serve).with_state(company.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        company
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on, writes to paths that begin so are treated so.
    pub(crate) fn is(&self, mood: Mood, method: Method, path: &str) {
        self.books().moods.push((method, path.to_owned(), mood));
    }

    /// Every write that reached it, whatever became of it.
    pub(crate) fn writes(&self) -> Vec<Write> {
        self.books().writes.clone()
    }

    /// How many requests of any kind reached it.
    pub(crate) fn asked(&self) -> usize {
        self.books().asked
    }

    /// How many writes reached a path that begins so.
    pub(crate) fn writes_to(&self, path: &str) -> usize {
        self.books().writes.iter().filter(|write| write.path.starts_with(path)).count()
    }

    /// The refunds it holds.
    pub(crate) fn refunds(&self) -> Vec<Value> {
        self.books().refunds.clone()
    }

    /// The notes it holds.
    pub(crate) fn notes(&self) -> Vec<Value> {
        self.books().notes.clone()
    }

    /// The credit notes it holds.
    pub(crate) fn credit_notes(&self) -> Vec<Value> {
        self.books().credit_notes.clone()
    }

    /// What an agent does with a permit: writes exactly what it says, and says what came back.
    pub(crate) async fn carry_out(&self, permit: Permit) -> Outcome {
        let input = permit.input().clone();
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let mut body = input.clone();
        body["key"] = json!(permit.idempotency_key());
        let (method, path) = match permit.contract() {
            "crm.add_note@1" => (Method::POST, "/notes".to_owned()),
            "billing.refund@1" => (Method::POST, "/refunds".to_owned()),
            "crm.update_address@1" => {
                body = input["address"].clone();
                (Method::PUT, format!("/customers/{}/address", text("customer_id")))
            }
            "itsm.update_record@1" => (Method::PATCH, format!("/records/{}", text("record_id"))),
            other => return Outcome::failed(format!("nobody carries out {other}")),
        };
        let request = reqwest::Client::new()
            .request(method, format!("{}{path}", self.url))
            .timeout(Duration::from_secs(5))
            .json(&body);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(failure) => return Outcome::unknown(failure.to_string()),
        };
        let status = answer.status();
        match answer.json::<Value>().await {
            Ok(output) if status.is_success() => Outcome::executed(output),
            Ok(output) if status.is_client_error() => Outcome::failed(output.to_string()),
            Ok(output) => Outcome::unknown(format!("{status}: {output}")),
            Err(failure) => Outcome::unknown(failure.to_string()),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }
}

async fn serve(State(company): State<Company>, method: Method, uri: Uri, body: Bytes) -> Response {
    company.books().asked += 1;
    if method == Method::GET {
        return match company.books().read(&uri) {
            Some(found) => answer(StatusCode::OK, &found),
            None => answer(StatusCode::NOT_FOUND, &json!({"error": "there is no such thing"})),
        };
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let mut books = company.books();
    let path = uri.path().to_owned();
    books.writes.push(Write {
        method: method.clone(),
        path: path.clone(),
        body: Value::clone(&body),
    });
    let about = |mood: &&(Method, String, Mood)| mood.0 == method && path.starts_with(&mood.1);
    match books.moods.iter().find(about).map(|found| found.2) {
        None => match books.keep(&method, &path, body) {
            Some(kept) => answer(StatusCode::OK, &kept),
            None => answer(StatusCode::NOT_FOUND, &json!({"error": "there is no such thing"})),
        },
        Some(Mood::Forgetful) => answer(StatusCode::OK, &json!({"id": "x-0", "status": "ok"})),
        Some(Mood::Stubborn) => {
            answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({"error": "not like this"}))
        }
        Some(Mood::Confused) => {
            books.keep(&method, &path, body);
            answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": "something broke"}))
        }
        Some(Mood::Abrupt) => {
            books.keep(&method, &path, body);
            let cut = [Ok(Bytes::from("{\"id\":")), Err(std::io::Error::other("the line is cut"))];
            Response::new(Body::from_stream(futures_util::stream::iter(cut)))
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body.to_string())).unwrap()
}

impl Books {
    fn stocked() -> Self {
        let mut books = Self::default();
        for customer in ["c-1", "c-2"] {
            let address =
                json!({"street": "Old Road 1", "city": "Riga", "zip": "1001", "country": "LV"});
            let found = json!({"id": customer, "status": "active", "address": address});
            books.customers.insert(customer.to_owned(), found);
        }
        for number in 1..=9 {
            let id = format!("ch-{number}");
            let found = json!({
                "id": id, "customer_id": "c-1", "amount_minor": 40_000, "refunded_minor": 0,
                "currency": "USD", "status": "paid",
            });
            books.charges.insert(id, found);
        }
        let lines = json!([{"sku": "rope-60", "quantity": 2}]);
        let order = json!({
            "id": "o-1", "customer_id": "c-1", "status": "open", "lines": lines, "adjustments": [],
        });
        books.orders.insert("o-1".to_owned(), order);
        let record = json!({"id": "r-1", "fields": {"state": "in-use", "owner": "nobody"}});
        books.records.insert("r-1".to_owned(), record);
        books
    }

    fn read(&self, uri: &Uri) -> Option<Value> {
        let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let keyed = |list: &[Value]| {
            let key = key_of(uri.query().unwrap_or_default());
            Value::Array(list.iter().filter(|one| one["key"] == key).cloned().collect())
        };
        match parts[..] {
            ["customers", id] => self.customers.get(id).cloned(),
            ["charges", id] => self.charges.get(id).cloned(),
            ["orders", id] => self.orders.get(id).cloned(),
            ["records", id] => self.records.get(id).cloned(),
            ["notes"] => Some(keyed(&self.notes)),
            ["refunds"] => Some(keyed(&self.refunds)),
            ["credit-notes"] => Some(keyed(&self.credit_notes)),
            _ => None,
        }
    }

    /// Does what a write says. Written twice is kept twice: it checks nothing.
    fn keep(&mut self, method: &Method, path: &str, mut body: Value) -> Option<Value> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        self.made += 1;
        let id = format!("x-{}", self.made);
        match (method.as_str(), &parts[..]) {
            ("POST", ["notes"]) => {
                body["id"] = json!(id);
                self.notes.push(body.clone());
            }
            ("POST", ["refunds"]) => {
                body["id"] = json!(id);
                body["status"] = json!("succeeded");
                self.refunds.push(body.clone());
            }
            ("POST", ["credit-notes"]) => {
                body["id"] = json!(id);
                self.credit_notes.push(body.clone());
            }
            ("DELETE", ["notes", id]) => self.notes.retain(|one| one["id"] != *id),
            ("DELETE", ["credit-notes", id]) => self.credit_notes.retain(|one| one["id"] != *id),
            ("PUT", ["customers", id, "address"]) => {
                self.customers.get_mut(*id)?["address"] = body.clone();
            }
            ("PATCH", ["records", id]) => {
                let field = body["field"].as_str()?.to_owned();
                self.records.get_mut(*id)?["fields"][field] = body["value"].clone();
            }
            _ => return None,
        }
        Some(body)
    }
}

/// The key that a query asks for, as it was before it was written into the address.
fn key_of(query: &str) -> String {
    let coded = query.strip_prefix("key=").unwrap_or_default().as_bytes();
    let mut key = Vec::new();
    let mut at = 0;
    while at < coded.len() {
        let hex = coded.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (coded[at], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                key.push(byte);
                at += 3;
            }
            (byte, _) => {
                key.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(key).unwrap()
}
