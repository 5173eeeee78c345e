//! A system of somebody's own that asks for tokens, pages by the Link header, knows ETags, and wants rest.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use belay_adapter::{Description, Settings};
use belay_domain::QueueFacts;
use futures_util::future::join_all;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

use super::{Itsm, ItsmConfig, run};
use crate::{HumanQueue, NewTicket, QueueError, QueueErrorKind};

#[test]
fn a_token_is_asked_for_once_and_again_shortly_before_it_expires() {
    run(async {
        let (desk, itsm) = start(|_| ());
        let looks = join_all((0..5).map(|_| look(&itsm))).await;
        assert!(looks.iter().all(Result::is_ok), "{looks:?}");
        assert_eq!(desk.see().issued, 1, "whoever comes second waits for the first one's token");
        advance(Duration::from_secs(3_569)).await;
        look(&itsm).await.expect("the token is good");
        assert_eq!(desk.see().issued, 1);
        advance(Duration::from_secs(2)).await;
        look(&itsm).await.expect("a new token");
        assert_eq!(desk.see().issued, 2);
    });
}

#[test]
fn a_token_that_ends_before_its_time_is_renewed_once() {
    run(async {
        let (desk, itsm) = start(|_| ());
        look(&itsm).await.expect("read");
        desk.see().good = None;
        let before = desk.sent();
        look(&itsm).await.expect("with another token");
        // The request that was refused, the token, the same again, and the members.
        assert_eq!(desk.sent() - before, 4);
        assert_eq!(desk.see().issued, 2);
        desk.see().good = None;
        let looks = join_all((0..5).map(|_| look(&itsm))).await;
        assert!(looks.iter().all(Result::is_ok), "{looks:?}");
        assert_eq!(desk.see().issued, 3);
    });
}

#[test]
fn a_write_with_a_token_that_ended_is_not_repeated() {
    run(async {
        let (desk, itsm) = start(|_| ());
        look(&itsm).await.expect("read");
        desk.see().good = None;
        let refused = itsm.create(&new_ticket()).await.map_err(|error| error.kind);
        assert_eq!(refused, Err(QueueErrorKind::Unauthorized));
        assert_eq!(desk.count("POST /tickets"), 1);
        itsm.create(&new_ticket()).await.expect("with another token");
        assert_eq!(desk.count("POST /tickets"), 2);
        assert_eq!(desk.see().issued, 2);
    });
}

#[test]
fn a_client_that_is_refused_is_told_apart_from_a_system_that_is_down() {
    for (granting, expected, asked) in [
        (Granting::Never, QueueErrorKind::Unauthorized, 1),
        (Granting::Down, QueueErrorKind::Unavailable, 1),
        (Granting::Prose, QueueErrorKind::NotUnderstood, 1),
        // Twice: the first one may have run out.
        (Granting::Useless, QueueErrorKind::Unauthorized, 4),
    ] {
        run(async {
            let (desk, itsm) = start(|desk| desk.granting = granting);
            let error = look(&itsm).await.expect_err("no token");
            assert_eq!((error.kind, desk.sent()), (expected, asked), "{granting:?}");
        });
    }
}

#[test]
fn links_to_the_next_page_are_followed_and_loops_are_left() {
    run(async {
        let (desk, itsm) = start(|desk| desk.pages = 3);
        let staff = look(&itsm).await.expect("read").staff;
        let names: Vec<&str> = staff.iter().map(|member| member.name.as_str()).collect();
        assert_eq!((names, desk.count("GET /members")), (vec!["m0", "m1", "m2"], 3));
    });
    for (pages, asked) in [(usize::MAX, 5), (Stated::LOOP, 2)] {
        run(async {
            let (desk, itsm) = start(|desk| desk.pages = pages);
            let error = look(&itsm).await.expect_err("it never ends");
            assert_eq!(error.kind, QueueErrorKind::NotUnderstood, "{error}");
            assert_eq!(desk.count("GET /members"), asked);
        });
    }
}

#[test]
fn an_answer_that_is_unchanged_is_the_one_we_have() {
    run(async {
        let (desk, itsm) = start(|_| ());
        let first = look(&itsm).await.expect("read");
        let second = look(&itsm).await.expect("read");
        assert_eq!((&first, desk.see().unchanged), (&second, 1));
        desk.see().open = false;
        desk.see().version = 2;
        assert!(!look(&itsm).await.expect("read").enabled, "what changed is answered");
        assert!(!look(&itsm).await.expect("read").enabled);
        assert_eq!(desk.see().unchanged, 2);
        desk.see().confirms = Some(7);
        let error = look(&itsm).await.expect_err("that is not what we have");
        assert_eq!(error.kind, QueueErrorKind::NotUnderstood);
    });
}

#[test]
fn a_weak_tag_confirms_nothing() {
    run(async {
        let (desk, itsm) = start(|desk| desk.weak = true);
        look(&itsm).await.expect("read");
        desk.see().open = false;
        assert!(!look(&itsm).await.expect("read").enabled);
        assert_eq!(desk.see().unchanged, 0);
    });
}

#[test]
fn unchanged_is_no_answer_to_whoever_did_not_ask() {
    run(async {
        let (desk, itsm) = start(|_| ());
        desk.see().confirms = Some(1);
        let error = look(&itsm).await.expect_err("nothing is known yet");
        assert_eq!(error.kind, QueueErrorKind::NotUnderstood);
    });
}

#[test]
fn a_system_that_wants_rest_is_left_alone_for_so_long() {
    for (said, expected) in [("45", 45), ("900000", 600)] {
        run(async {
            let (desk, itsm) = start(|_| ());
            look(&itsm).await.expect("read");
            desk.see().throttled = Some(said);
            let begun = Instant::now();
            let error = look(&itsm).await.expect_err("too many requests");
            assert!(matches!(error.kind, QueueErrorKind::RateLimited { .. }), "{error}");
            desk.see().throttled = None;
            let asked = desk.sent();
            let waits = look(&itsm).await.expect_err("it is too long to wait for");
            assert!(matches!(waits.kind, QueueErrorKind::RateLimited { .. }), "{waits}");
            assert_eq!(desk.sent(), asked, "nothing was sent");
            advance(Duration::from_secs(expected - 10)).await;
            look(&itsm).await.expect("waited for");
            assert_eq!(begun.elapsed().as_secs(), expected);
        });
    }
}

#[test]
fn a_write_that_is_refused_for_now_does_not_keep_looks_from_being_taken() {
    run(async {
        let (desk, itsm) = start(|_| ());
        look(&itsm).await.expect("read");
        desk.see().throttled = Some("45");
        itsm.create(&new_ticket()).await.expect_err("too many");
        desk.see().throttled = None;
        let begun = Instant::now();
        look(&itsm).await.expect("read");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_budget_that_is_used_up_is_waited_for_without_being_refused() {
    run(async {
        let (desk, itsm) = start(|_| ());
        look(&itsm).await.expect("read");
        desk.see().left = Some((0, 15));
        let begun = Instant::now();
        look(&itsm).await.expect("the second request waits");
        assert_eq!(begun.elapsed().as_secs(), 15);
    });
}

/// What the system does.
#[derive(Debug)]
struct Stated {
    granting: Granting,
    /// The token that is accepted.
    good: Option<String>,
    issued: usize,
    /// How many pages its members fill.
    pages: usize,
    open: bool,
    version: u32,
    weak: bool,
    /// The version that 304 speaks of, whatever it was asked.
    confirms: Option<u32>,
    unchanged: usize,
    throttled: Option<&'static str>,
    left: Option<(u32, u32)>,
    asked: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Granting {
    Always,
    Never,
    Down,
    Prose,
    /// Tokens that nobody accepts.
    Useless,
}

#[derive(Clone)]
struct Desk(Arc<Mutex<Stated>>);

impl Stated {
    /// So many pages that the last one leads to itself.
    const LOOP: usize = usize::MAX - 1;
}

impl Desk {
    fn see(&self) -> MutexGuard<'_, Stated> {
        self.0.lock().expect("no test panics within")
    }

    fn sent(&self) -> usize {
        self.see().asked.len()
    }

    fn count(&self, line: &str) -> usize {
        self.see().asked.iter().filter(|asked| *asked == line).count()
    }
}

fn start(tune: impl FnOnce(&mut Stated)) -> (Desk, Itsm) {
    let mut stated = Stated {
        granting: Granting::Always,
        good: None,
        issued: 0,
        pages: 1,
        open: true,
        version: 1,
        weak: false,
        confirms: None,
        unchanged: 0,
        throttled: None,
        left: None,
        asked: Vec::new(),
    };
    tune(&mut stated);
    let desk = Desk(Arc::new(Mutex::new(stated)));
    let description = Description::compile("mini.yaml", include_str!("mini.yaml"));
    let config = ItsmConfig {
        base_url: "https://mini.example".to_owned(),
        description: Arc::new(description.unwrap_or_else(|problems| panic!("{problems}"))),
        settings: Settings::of("belay".parse().expect("an id")),
        secret: SecretString::from("belay:s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    let service = axum::Router::new().fallback(serve).with_state(desk.clone());
    (desk, Itsm::over(service, config).expect("it is right"))
}

async fn look(itsm: &Itsm) -> Result<QueueFacts, QueueError> {
    itsm.inspect(&"q".parse().expect("an id")).await
}

fn new_ticket() -> NewTicket {
    NewTicket {
        case: "C-1".parse().expect("an id"),
        correlation: "C-1/e1/r1s1".parse().expect("an id"),
        queue: "q".parse().expect("an id"),
        subject: "A refund needs a person".to_owned(),
        body: "The customer waits.".to_owned(),
        severity: belay_domain::Severity::High,
    }
}

async fn serve(State(desk): State<Desk>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 4_096).await.expect("a small body");
    let header = |name: &str| {
        head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let mut stated = desk.see();
    stated.asked.push(format!("{} {}", head.method, head.uri.path()));
    if head.uri.path() == "/oauth/token" {
        return stated.grant(&String::from_utf8_lossy(&body));
    }
    if stated.good.is_none() || Some(header("authorization")) != stated.good {
        return answer(401, &[], json!({ "error": "invalid_token" }));
    }
    if let Some(wait) = stated.throttled {
        return answer(429, &[("retry-after", wait)], json!({ "error": "slow down" }));
    }
    let budget = stated.left.take().map(|(left, resets)| (left.to_string(), resets.to_string()));
    let budget: Vec<(&str, &str)> = match &budget {
        Some((left, resets)) => vec![("x-left", left), ("x-resets", resets)],
        None => Vec::new(),
    };
    match (&head.method, head.uri.path()) {
        (&Method::POST, "/tickets") => answer(201, &[], json!({ "id": "t-1" })),
        (_, "/desk") => stated.desk(&header("if-none-match"), budget),
        (_, "/members") => stated.members(head.uri.query().unwrap_or_default()),
        _ => answer(404, &[], json!({})),
    }
}

impl Stated {
    fn grant(&mut self, form: &str) -> Response<Body> {
        let asked = "grant_type=client_credentials&client_id=belay&client_secret=s3cret";
        assert_eq!(form, asked, "as RFC 6749, 4.4.2, says");
        match self.granting {
            Granting::Never => return answer(401, &[], json!({ "error": "invalid_client" })),
            Granting::Down => return answer(503, &[], json!({})),
            Granting::Prose => return answer(200, &[], json!("come back tomorrow")),
            Granting::Always | Granting::Useless => {}
        }
        self.issued += 1;
        let token = format!("t{}", self.issued);
        if let Granting::Always = self.granting {
            self.good = Some(format!("Bearer {token}"));
        } else {
            self.good = Some("Bearer another".to_owned());
        }
        let granted = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3_600 });
        answer(200, &[], granted)
    }

    fn desk(&mut self, known: &str, budget: Vec<(&str, &str)>) -> Response<Body> {
        let weak = if self.weak { "W/" } else { "" };
        let tag = format!("{weak}\"v{}\"", self.version);
        if let Some(version) = self.confirms {
            let other = format!("\"v{version}\"");
            return answer(304, &[("etag", &other)], Value::Null);
        }
        let headers: Vec<(&str, &str)> =
            budget.into_iter().chain([("etag", tag.as_str())]).collect();
        if known == tag {
            self.unchanged += 1;
            return answer(304, &headers, Value::Null);
        }
        answer(200, &headers, json!({ "open": self.open }))
    }

    fn members(&self, query: &str) -> Response<Body> {
        let at: usize = query.strip_prefix("after=").map_or(0, |at| at.parse().expect("a number"));
        let next = if self.pages == Self::LOOP { 1 } else { at + 1 };
        let link = format!(
            "</members?after=0>; rel=\"first\", </members?after={next}>; title=\"on\"; rel=\"next last\""
        );
        let link = if next < self.pages { vec![("link", link.as_str())] } else { Vec::new() };
        answer(200, &link, json!({ "members": [{ "id": format!("m{at}") }] }))
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: Value) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    response.body(body).expect("a response")
}
