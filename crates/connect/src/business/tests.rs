use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response as Answer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{
    Body, BusinessConfig, BusinessSystem, Credential, Idempotency, ReadError, ReadRequest,
    Response, WriteOutcome, WriteRequest,
};

#[tokio::test]
async fn a_read_shows_status_and_json() {
    let server = Server::start().await;
    let shown = server.read("/orders/7").await.unwrap();
    assert_eq!(shown, Response { status: 200, body: json!({"order": 7}) });
}

#[tokio::test]
async fn what_is_not_there_is_an_answer_too() {
    let server = Server::start().await;
    assert_eq!(server.read("/status/404").await.unwrap().status, 404);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_text_and_none_is_null() {
    let server = Server::start().await;
    assert_eq!(server.read("/prose").await.unwrap().body, json!("well, no"));
    assert_eq!(server.read("/empty").await.unwrap().body, Value::Null);
}

#[tokio::test]
async fn reads_and_writes_have_a_credential_each() {
    let server = Server::start().await;
    server.read("/orders/7").await.unwrap();
    server.write("/orders/7").await;
    assert_eq!(server.seen(header::AUTHORIZATION.as_str()), ["Bearer reader", "token writer"]);
}

#[tokio::test]
async fn a_write_carries_its_idempotency_key() {
    let server = Server::start().await;
    assert!(matches!(server.write("/orders/7").await, WriteOutcome::Done { status: 200, .. }));
    assert_eq!(server.seen("idempotency-key"), ["k-1"]);
}

#[tokio::test]
async fn query_and_form_are_encoded() {
    let server = Server::start().await;
    let pairs = vec![("q".to_owned(), "a&b=c d".to_owned())];
    let write = WriteRequest { query: pairs.clone(), body: Body::Form(pairs), ..write("/echo") };
    let WriteOutcome::Done { body, .. } = server.system.write(&write).await else { panic!() };
    assert_eq!(body, json!({"query": "q=a%26b%3Dc+d", "body": "q=a%26b%3Dc+d"}));
}

#[tokio::test]
async fn a_refusal_says_whether_it_is_for_good() {
    let server = Server::start().await;
    for (status, expected) in [
        (400, Some(true)),
        (402, Some(true)),
        (404, Some(true)),
        (409, Some(true)),
        (422, Some(true)),
        (301, Some(true)),
        (501, Some(true)),
        (403, Some(true)),
        (405, Some(true)),
        (410, Some(true)),
        (415, Some(true)),
        (505, Some(true)),
        (423, Some(false)),
        (425, Some(false)),
        (429, Some(false)),
        (408, None),
        (500, None),
        (502, None),
        (503, None),
        (504, None),
        (599, None),
    ] {
        let outcome = server.write(&format!("/status/{status}")).await;
        let permanent = match &outcome {
            WriteOutcome::Refused { permanent, .. } => Some(*permanent),
            // Its contract may know better.
            WriteOutcome::Unknown { answer: Some(answer), .. } if answer.status == status => None,
            other => panic!("{status}: {other:?}"),
        };
        assert_eq!(permanent, expected, "{status}");
        assert_eq!(outcome.retry_after(), Some(Duration::from_secs(7)), "{status}");
    }
}

#[tokio::test]
async fn a_read_that_shows_nothing_is_an_error() {
    let server = Server::start().await;
    let read = async |path: &str| server.read(path).await.unwrap_err();
    assert!(matches!(read("/status/401").await, ReadError::Unauthorized { .. }));
    assert!(matches!(read("/status/403").await, ReadError::Unauthorized { .. }));
    let wait = Some(Duration::from_secs(7));
    assert_eq!(read("/status/429").await, ReadError::RateLimited { retry_after: wait });
    assert!(matches!(read("/status/503").await, ReadError::Unavailable { .. }));
    assert!(matches!(read("/status/302").await, ReadError::Unavailable { .. }));
    assert!(matches!(read("/long").await, ReadError::Unavailable { .. }));
    assert!(matches!(read("/slow").await, ReadError::Unavailable { .. }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start().await;
    server.write("/status/307").await;
    assert_eq!(server.seen("host").len(), 1);
}

#[tokio::test]
async fn a_write_that_gets_no_whole_answer_is_unknown() {
    let server = Server::start().await;
    for path in ["/slow", "/long"] {
        let outcome = server.write(path).await;
        assert!(
            matches!(outcome, WriteOutcome::Unknown { answer: None, .. }),
            "{path}: {outcome:?}"
        );
    }
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"half\":"] {
        let outcome = system(&cutting(answer).await).write(&write("/")).await;
        assert!(
            matches!(outcome, WriteOutcome::Unknown { answer: None, .. }),
            "{answer:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_write_that_never_left_can_be_tried_again() {
    // A port that was free a moment ago and that nobody listens on.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let outcome = system(&format!("http://{address}")).write(&write("/")).await;
    assert!(matches!(outcome, WriteOutcome::NotSent { permanent: false, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_path_does_not_lead_out_of_the_address() {
    let server = Server::start().await;
    for path in
        ["orders", "//evil.example/", "/a/../../b", "/%2e%2E/b", "/a#b", "/a\\..\\b", "/a\nb"]
    {
        let outcome = server.write(path).await;
        let stays = match &outcome {
            WriteOutcome::NotSent { permanent: true, .. } => true,
            // Two slashes are a path below the address, and the server got it.
            WriteOutcome::Refused { status: 404, .. } => path.starts_with("//"),
            _ => false,
        };
        assert!(stays, "{path}: {outcome:?}");
    }
    assert!(server.seen("host").iter().all(|host| host.starts_with("127.0.0.1")));
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let server = Server::start().await;
    let shown = format!("{:?} {:?}", server.system, config("http://127.0.0.1"));
    assert!(!shown.contains("reader") && !shown.contains("writer"), "{shown}");
    let query = vec![("key".to_owned(), "hush".to_owned())];
    let read = ReadRequest { query, ..read("/slow") };
    let error = server.system.read(&read).await.unwrap_err().to_string();
    assert!(!error.contains("hush"), "{error}");
}

#[test]
fn an_address_that_cannot_be_used_says_why() {
    for (url, why) in [
        ("billing", "\"billing\" is no URL; write it like https://host/path"),
        ("ftp://host/", "\"ftp://host/\" is not reached over http or https"),
        (
            "https://me:secret@host/",
            "the address of host holds a user or password; give the credential separately",
        ),
    ] {
        assert_eq!(BusinessSystem::new(config(url)).unwrap_err().to_string(), why);
    }
}

struct Server {
    system: BusinessSystem,
    requests: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Server {
    async fn start() -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&requests));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { system: system(&format!("http://{address}/api")), requests }
    }

    async fn read(&self, path: &str) -> Result<Response, ReadError> {
        self.system.read(&read(path)).await
    }

    async fn write(&self, path: &str) -> WriteOutcome {
        self.system.write(&write(path)).await
    }

    /// What came in this header, request by request.
    fn seen(&self, header: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let values = requests.iter().filter_map(|headers| headers.get(header));
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

async fn answer(
    State(requests): State<Arc<Mutex<Vec<HeaderMap>>>>,
    _: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    requests.lock().unwrap().push(headers);
    let path = uri.path().strip_prefix("/api").unwrap_or(uri.path());
    if let Some(status) = path.strip_prefix("/status/") {
        let status = StatusCode::from_u16(status.parse().unwrap()).unwrap();
        let headers = [(header::RETRY_AFTER, "7"), (header::LOCATION, "/api/orders/7")];
        return (status, headers, "{}").into_response();
    }
    match path {
        "/orders/7" => "{\"order\": 7}".into_response(),
        "/echo" => {
            let body = String::from_utf8(body.to_vec()).unwrap();
            json!({"query": uri.query(), "body": body}).to_string().into_response()
        }
        "/prose" => "well, no".into_response(),
        "/empty" => StatusCode::NO_CONTENT.into_response(),
        "/long" => "x".repeat(5_000).into_response(),
        "/slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            "late".into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A server that reads a request, answers with this, and hangs up.
async fn cutting(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = client.read(&mut request).await;
        client.write_all(answer.as_bytes()).await.unwrap();
    });
    format!("http://{address}")
}

fn system(url: &str) -> BusinessSystem {
    BusinessSystem::new(config(url)).unwrap()
}

fn config(url: &str) -> BusinessConfig {
    BusinessConfig {
        base_url: url.to_owned(),
        read_credential: Credential::Bearer("reader".to_owned().into()),
        write_credential: Credential::Authorization {
            scheme: "token".to_owned(),
            secret: "writer".to_owned().into(),
        },
        timeout: Duration::from_millis(500),
        answer_max: 4_096,
        roots_pem: None,
    }
}

fn read(path: &str) -> ReadRequest {
    ReadRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: vec![],
        headers: vec![],
        body: Body::None,
    }
}

fn write(path: &str) -> WriteRequest {
    WriteRequest {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: vec![],
        headers: vec![("X-Case".to_owned(), "c-1".to_owned())],
        body: Body::Json(json!({"amount": 5})),
        idempotency: Some(Idempotency {
            header: "Idempotency-Key".to_owned(),
            key: "k-1".to_owned(),
        }),
    }
}
