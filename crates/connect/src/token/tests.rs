use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response as Answer};
use serde_json::json;
use tokio::net::TcpListener;

use crate::business::{
    Body, BusinessConfig, BusinessSystem, Credential, Login, ReadError, ReadRequest, WriteOutcome,
    WriteRequest,
};

#[tokio::test]
async fn a_token_is_asked_for_once_however_many_want_it_and_used_for_all() {
    let (desk, system) = start(Desk::default()).await;
    let reads = (0..20).map(|_| read(&system));
    for answer in futures_util::future::join_all(reads).await {
        assert_eq!(answer, Ok(200));
    }
    assert!(matches!(write(&system).await, WriteOutcome::Done { .. }));
    assert_eq!(desk.logins(), 1, "reading and writing have one login, so one token");
}

#[tokio::test]
async fn a_token_that_is_not_accepted_any_more_is_renewed_once_and_a_write_is_not_repeated() {
    let (desk, system) = start(Desk::default()).await;
    assert_eq!(read(&system).await, Ok(200));
    desk.ends_tokens();
    let reads = (0..20).map(|_| read(&system));
    for answer in futures_util::future::join_all(reads).await {
        assert_eq!(answer, Ok(200));
    }
    assert_eq!(desk.logins(), 2);

    let (desk, system) = start(Desk::default()).await;
    assert_eq!(read(&system).await, Ok(200));
    desk.ends_tokens();
    let outcome = write(&system).await;
    assert!(matches!(outcome, WriteOutcome::NotSent { permanent: false, .. }), "{outcome:?}");
    assert_eq!(desk.writes(), 1, "refused at the door, and not sent again by itself");
    assert!(matches!(write(&system).await, WriteOutcome::Done { .. }));
}

#[tokio::test]
async fn tokens_that_are_never_accepted_are_not_asked_for_again_and_again() {
    let (desk, system) = start(Desk { accepts_none: true, ..Desk::default() }).await;
    for _ in 0..10 {
        assert!(matches!(read(&system).await, Err(ReadError::Unauthorized { .. })));
        let refused = write(&system).await;
        assert!(matches!(refused, WriteOutcome::Refused { status: 401, .. }), "{refused:?}");
    }
    assert_eq!(desk.logins(), 2, "one, and one more because it may have run out");
}

#[tokio::test]
async fn whoever_is_refused_at_the_login_does_not_try_again_at_once() {
    let (desk, system) = start(Desk { refuses_with: Some(401), ..Desk::default() }).await;
    for _ in 0..10 {
        let refused = read(&system).await.unwrap_err();
        let ReadError::Unauthorized { detail } = &refused else { panic!("{refused:?}") };
        assert_eq!(detail, "no token was given (401)");
    }
    let outcome = write(&system).await;
    assert!(matches!(outcome, WriteOutcome::Refused { permanent: false, .. }), "{outcome:?}");
    assert_eq!(desk.logins(), 1);
    let (_, system) = start(Desk { refuses_with: Some(429), ..Desk::default() }).await;
    let wait = Some(Duration::from_secs(7));
    assert_eq!(read(&system).await, Err(ReadError::RateLimited { retry_after: wait }));
    let (_, system) = start(Desk { refuses_with: Some(503), ..Desk::default() }).await;
    assert!(matches!(read(&system).await, Err(ReadError::Unavailable { .. })));
    let outcome = write(&system).await;
    assert!(matches!(outcome, WriteOutcome::NotSent { permanent: false, .. }), "{outcome:?}");
    let (_, system) = start(Desk { refuses_with: Some(200), ..Desk::default() }).await;
    assert!(matches!(read(&system).await, Err(ReadError::Unauthorized { .. })), "no token in it");
}

#[tokio::test]
async fn a_token_that_says_for_how_long_it_is_good_is_renewed_before_that() {
    let (desk, system) = start(Desk { lasts: Some(1), ..Desk::default() }).await;
    assert_eq!(read(&system).await, Ok(200));
    assert_eq!(read(&system).await, Ok(200));
    assert_eq!(desk.logins(), 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(read(&system).await, Ok(200));
    assert_eq!(desk.logins(), 2);
}

#[tokio::test]
async fn a_login_is_sent_as_the_system_takes_it_and_never_shown() {
    let (desk, system) = start(Desk { takes_forms: true, ..Desk::default() }).await;
    assert_eq!(read(&system).await, Ok(200));
    assert_eq!(desk.logins(), 1);
    let shown = format!("{system:?} {:?}", login(true));
    assert!(!shown.contains("hush") && !shown.contains("token-"), "{shown}");
}

/// A system that gives tokens, and counts.
#[derive(Default)]
struct Desk {
    refuses_with: Option<u16>,
    accepts_none: bool,
    takes_forms: bool,
    lasts: Option<u64>,
    logins: AtomicUsize,
    writes: AtomicUsize,
    /// Tokens up to this one are over.
    ended: AtomicUsize,
}

impl Desk {
    fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    fn ends_tokens(&self) {
        self.ended.store(self.logins(), Ordering::SeqCst);
    }
}

async fn start(desk: Desk) -> (Arc<Desk>, BusinessSystem) {
    let takes_forms = desk.takes_forms;
    let desk = Arc::new(desk);
    let router = Router::new().fallback(answer).with_state(Arc::clone(&desk));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let config = BusinessConfig {
        base_url: format!("http://{address}"),
        read_credential: Credential::Login(login(takes_forms)),
        write_credential: Credential::Login(login(takes_forms)),
        timeout: Duration::from_secs(5),
        answer_max: 4_096,
        roots_pem: None,
    };
    (desk, BusinessSystem::new(config).unwrap())
}

fn login(form: bool) -> Login {
    let fields = [("email", "me@here.example"), ("password", "hush")];
    Login {
        path: "/login".to_owned(),
        fields: fields.map(|(name, text)| (name.to_owned(), text.into())).into(),
        form,
        token_at: "/auth/token".to_owned(),
        expires_in_at: Some("/expires_in".to_owned()),
        lasts: None,
        scheme: "JWT".to_owned(),
    }
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    if uri.path() == "/login" {
        // Whoever comes at the same time comes while this one is still at the door.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let number = desk.logins.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(status) = desk.refuses_with {
            let status = StatusCode::from_u16(status).unwrap();
            return (status, [(header::RETRY_AFTER, "7")], "{}").into_response();
        }
        let expected = match desk.takes_forms {
            true => "email=me%40here.example&password=hush",
            false => r#"{"email":"me@here.example","password":"hush"}"#,
        };
        assert_eq!(String::from_utf8(body.to_vec()).unwrap(), expected);
        let token = json!({"auth": {"token": format!("token-{number}")}, "expires_in": desk.lasts});
        return token.to_string().into_response();
    }
    if uri.path() == "/write" {
        desk.writes.fetch_add(1, Ordering::SeqCst);
    }
    let shown = headers[header::AUTHORIZATION].to_str().unwrap().strip_prefix("JWT token-");
    let number: usize = shown.and_then(|number| number.parse().ok()).unwrap();
    if desk.accepts_none || number <= desk.ended.load(Ordering::SeqCst) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    "{}".into_response()
}

async fn read(system: &BusinessSystem) -> Result<u16, ReadError> {
    let read = ReadRequest {
        method: "GET".to_owned(),
        path: "/read".to_owned(),
        query: vec![],
        headers: vec![],
        body: Body::None,
    };
    system.read(&read).await.map(|answer| answer.status)
}

async fn write(system: &BusinessSystem) -> WriteOutcome {
    let write = WriteRequest {
        method: "POST".to_owned(),
        path: "/write".to_owned(),
        query: vec![],
        headers: vec![],
        body: Body::None,
        idempotency: None,
    };
    system.write(&write).await
}
