//! What a real RT answered, recorded, and then bent.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use belay_domain::{
    ActKind, ActorKind, PersonId, Reading, Severity, Standing, TicketFacts, TicketId,
    TicketReading, Unreachable,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{ANY_LIFECYCLE, RequestTracker, RequestTrackerConfig, record};
use crate::{HumanQueue, NewTicket, QueueErrorKind};

mod proving;

const QUEUE: &str = "/REST/2.0/queue/billing-escalations";
const GROUP: &str = "/REST/2.0/group/39";
const OWNERS: &str = "/Helpers/Autocomplete/Owners";
const TICKET: &str = "/REST/2.0/ticket/7";
const HISTORY: &str = "/REST/2.0/ticket/7/history";
const CREATE: &str = "/REST/2.0/ticket";
const ALICE: &str = "/REST/2.0/user/27";

#[tokio::test]
async fn a_recorded_ticket_is_understood() {
    let rt = Recorded::start(|_| {}).await;
    let reading = rt.read().await;
    reading.queue.as_ref().unwrap().reachable().unwrap();
    let staff = reading.queue.as_ref().unwrap().staff.iter().map(|member| member.name.as_str());
    assert_eq!(staff.collect::<Vec<_>>(), ["alice", "bob"]);
    let facts = facts(reading);
    assert_eq!(facts.ticket.as_str(), "7");
    assert_eq!(facts.case.unwrap().as_str(), "c-1");
    assert_eq!(facts.correlation.unwrap().as_str(), "c-1/e1/r1s1");
    assert_eq!(facts.queue.as_str(), "billing-escalations");
    assert_eq!(facts.standing, Standing::Open);
    assert_eq!(facts.revision, 321);
    assert_eq!(facts.holder.unwrap().kind, ActorKind::Person);
    let acts = facts.acts.iter().map(|act| (act.actor.name.as_str(), act.kind.clone()));
    let wanted = [("alice", ActKind::Took), ("alice", ActKind::ChangedState)];
    assert_eq!(acts.collect::<Vec<_>>(), wanted);
    assert_eq!(facts.resolution, None);
}

#[tokio::test]
async fn a_read_that_answers_nothing_is_of_no_ticket() {
    for body in [Value::Null, json!({})] {
        let rt = Recorded::start(|answers| answers[TICKET]["body"] = body.clone()).await;
        assert_eq!(rt.read().await.ticket, TicketReading::Missing, "{body}");
    }
    let rt = Recorded::start(|answers| drop(answers.as_object_mut().unwrap().remove(TICKET))).await;
    assert_eq!(rt.read().await.ticket, TicketReading::Missing);
}

#[tokio::test]
async fn what_cannot_be_read_is_unreadable() {
    for path in [TICKET, HISTORY, ALICE] {
        for status in [301, 400, 401, 403, 429, 500, 503] {
            let rt = Recorded::start(|answers| answers[path]["status"] = json!(status)).await;
            let ticket = rt.read().await.ticket;
            let unreadable = matches!(ticket, TicketReading::Unreadable { .. });
            assert!(unreadable, "{path} {status}: {ticket:?}");
        }
        let rt =
            Recorded::start(|answers| answers[path]["body"] = json!("<html>hello</html>")).await;
        assert!(matches!(rt.read().await.ticket, TicketReading::Unreadable { .. }), "{path}");
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_whole_is_not_read() {
    for path in [QUEUE, GROUP, OWNERS] {
        for status in [403, 500, 503] {
            let rt = Recorded::start(|answers| answers[path]["status"] = json!(status)).await;
            let reading = rt.read().await;
            assert_eq!(reading.queue, None, "{path} {status}");
        }
        let rt =
            Recorded::start(|answers| answers[path]["body"] = json!("<html>log in</html>")).await;
        assert_eq!(rt.read().await.queue, None, "{path}");
    }
    let hidden = |answers: &mut Value| drop(body(answers, GROUP).remove("Members"));
    assert_eq!(Recorded::start(hidden).await.read().await.queue, None);
}

#[tokio::test]
async fn a_queue_is_enabled_only_if_it_says_so() {
    let hidden = |answers: &mut Value| drop(body(answers, QUEUE).remove("Disabled"));
    let rt = Recorded::start(hidden).await;
    let queue = rt.read().await.queue.unwrap();
    assert_eq!(queue.reachable(), Err(Unreachable::Disabled { queue: queue.queue.clone() }));
}

#[tokio::test]
async fn a_queue_whose_tickets_cannot_be_marked_is_refused_before_anything_is_created() {
    let rt = Recorded::start(|answers| {
        body(answers, QUEUE).insert("TicketCustomFields".to_owned(), json!([]));
    })
    .await;
    let error = rt.rt.inspect(&"billing-escalations".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Refused);
    assert!(error.detail.contains("no custom field belay-case-id"), "{error}");
}

#[tokio::test]
async fn who_is_not_among_the_owners_may_not_take_and_is_enabled_only_if_rt_says_so() {
    for (disabled, enabled) in [(None, false), (Some("1"), false), (Some("0"), true)] {
        let rt = Recorded::start(|answers| {
            answers[OWNERS]["body"] = json!([{"value": "bob"}]);
            let alice = json!({"Name": "alice", "Privileged": 1, "Disabled": disabled});
            answers["/REST/2.0/user/alice"] = json!({"status": 200, "body": alice});
        })
        .await;
        let queue = rt.read().await.queue.unwrap();
        let member = |name: &str| queue.member(&name.parse().unwrap()).unwrap();
        let (alice, bob) = (member("alice"), member("bob"));
        assert_eq!((alice.may_take, alice.enabled), (false, enabled), "{disabled:?}");
        assert!(bob.is_able());
    }
}

#[tokio::test]
async fn groups_within_groups_are_opened_and_loops_end() {
    let rt = Recorded::start(|answers| {
        let inner = json!([{"type": "group", "id": "40"}]);
        body(answers, GROUP).insert("Members".to_owned(), inner);
        let members = json!([{"type": "user", "id": "alice"}, {"type": "group", "id": "39"}]);
        answers["/REST/2.0/group/40"] = json!({"status": 200, "body": {"Members": members}});
    })
    .await;
    let queue = rt.read().await.queue.unwrap();
    let staff: Vec<_> = queue.staff.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(staff, ["alice"]);
}

#[tokio::test]
async fn a_disabled_group_has_nobody() {
    let rt = Recorded::start(|answers| {
        body(answers, GROUP).insert("Disabled".to_owned(), json!("1"));
    })
    .await;
    assert!(rt.read().await.queue.unwrap().staff.is_empty());
}

#[tokio::test]
async fn a_mark_with_two_values_is_none() {
    let rt = Recorded::start(|answers| {
        for field in answers[TICKET]["body"]["CustomFields"].as_array_mut().unwrap() {
            field["values"].as_array_mut().unwrap().push(json!("c-2"));
        }
    })
    .await;
    let facts = facts(rt.read().await);
    assert_eq!((facts.case, facts.correlation), (None, None));
}

#[tokio::test]
async fn a_status_is_understood_by_its_lifecycle_or_not_at_all() {
    let check = async |lifecycle: &str, status: &str, mapped: &str, expected: Standing| {
        let rt = Recorded::start_with(
            |answers| {
                body(answers, QUEUE).insert("Lifecycle".to_owned(), json!(lifecycle));
                body(answers, TICKET).insert("Status".to_owned(), json!(status));
            },
            |config| {
                let statuses = RequestTrackerConfig::default_statuses().remove("default").unwrap();
                config.statuses = BTreeMap::from([(mapped.to_owned(), statuses)]);
            },
        )
        .await;
        assert_eq!(facts(rt.read().await).standing, expected, "{lifecycle} {status} {mapped}");
    };
    let unknown = |raw: &str| Standing::Unknown { raw: raw.to_owned() };
    check("default", "stalled", "default", Standing::Open).await;
    check("incident", "stalled", "default", unknown("stalled")).await;
    check("incident", "stalled", ANY_LIFECYCLE, Standing::Open).await;
    check("default", "parked", "default", unknown("parked")).await;
    check("default", "Open", "default", unknown("Open")).await;
    check("incident", "deleted", "default", Standing::Deleted).await;
}

#[tokio::test]
async fn a_machine_and_our_own_account_are_told_from_people() {
    for (name, kind) in [
        ("belay-svc", ActorKind::Ourselves),
        ("autobot", ActorKind::Machine),
        ("RT_System", ActorKind::Machine),
        ("root", ActorKind::Person),
        ("customer@example.com", ActorKind::Unknown),
        ("nowhere", ActorKind::Unknown),
    ] {
        let rt = Recorded::start(|answers| {
            answers[TICKET]["body"]["Owner"]["id"] = json!(name);
            let customer = json!({"Name": "customer@example.com", "Privileged": 0});
            answers["/REST/2.0/user/customer@example.com"] =
                json!({"status": 200, "body": customer});
        })
        .await;
        assert_eq!(facts(rt.read().await).holder.unwrap().kind, kind, "{name}");
    }
}

#[tokio::test]
async fn an_owner_whose_number_is_another_accounts_is_not_believed() {
    let rt = Recorded::start(|answers| {
        for link in answers[ALICE]["body"]["_hyperlinks"].as_array_mut().unwrap() {
            link["id"] = json!(99);
        }
    })
    .await;
    assert!(matches!(rt.read().await.ticket, TicketReading::Unreadable { .. }));
}

#[tokio::test]
async fn transactions_of_another_ticket_are_not_ours() {
    let rt = Recorded::start(|answers| {
        for item in answers[HISTORY]["body"]["items"].as_array_mut().unwrap() {
            item["ObjectId"] = json!("8");
        }
    })
    .await;
    assert_eq!(facts(rt.read().await).acts, []);
}

#[tokio::test]
async fn a_long_history_is_read_to_its_end() {
    let rt = Recorded::start(|answers| {
        let items = answers[HISTORY]["body"]["items"].as_array_mut().unwrap();
        for id in 1_000..1_250 {
            let creator = json!({"type": "user", "id": "bob"});
            items.push(json!({"id": id.to_string(), "Type": "Comment", "Creator": creator, "ObjectId": "7"}));
        }
        answers[TICKET]["etag"] = json!("\"1249\"");
    })
    .await;
    let facts = facts(rt.read().await);
    assert_eq!((facts.acts.len(), facts.revision), (252, 1_249));
}

#[tokio::test]
async fn a_ticket_that_changes_all_the_time_is_unreadable() {
    let rt = Recorded::start(|answers| answers[TICKET]["etag"] = json!("moving")).await;
    let ticket = rt.read().await.ticket;
    assert!(matches!(ticket, TicketReading::Unreadable { .. }), "{ticket:?}");
}

#[tokio::test]
async fn a_change_that_we_may_not_see_still_makes_a_new_revision() {
    let rt = Recorded::start(|answers| answers[TICKET]["etag"] = json!("\"400\"")).await;
    assert_eq!(facts(rt.read().await).revision, 400);
}

#[tokio::test]
async fn a_search_finds_only_what_carries_the_mark() {
    let rt = Recorded::start(|_| {}).await;
    let find = async |rt: &Recorded, text: &str| rt.rt.find(&text.parse().unwrap()).await;
    assert_eq!(find(&rt, "c-1/e1/r1s1").await.unwrap(), ["7".parse::<TicketId>().unwrap()]);
    let other = find(&rt, "c-1/e1/r1s2").await.unwrap_err();
    assert_eq!(other.kind, QueueErrorKind::NotUnderstood);
    let quoted = find(&rt, "c-1'OR''='").await.unwrap_err();
    assert_eq!(quoted.kind, QueueErrorKind::Refused);
}

#[tokio::test]
async fn the_answer_to_a_create_is_told_by_what_may_have_happened() {
    for (status, body, expected) in [
        (201, json!({"id": "12"}), None),
        (201, json!({"id": 12}), None),
        (201, json!({}), Some(QueueErrorKind::NotUnderstood)),
        (200, json!(["Permission Denied"]), Some(QueueErrorKind::NotUnderstood)),
        (202, Value::Null, Some(QueueErrorKind::NotUnderstood)),
        (401, json!({}), Some(QueueErrorKind::Unauthorized)),
        (403, json!({}), Some(QueueErrorKind::Refused)),
        (429, json!({}), Some(QueueErrorKind::RateLimited { retry_after: Some(SEVEN) })),
        (500, json!({}), Some(QueueErrorKind::Unknown)),
        (503, json!({}), Some(QueueErrorKind::Unknown)),
    ] {
        let rt = Recorded::start(|answers| {
            answers[CREATE] = json!({"status": status, "body": body});
        })
        .await;
        let created = rt.rt.create(&new_ticket()).await;
        match expected {
            None => assert_eq!(created.unwrap().as_str(), "12"),
            Some(kind) => assert_eq!(created.unwrap_err().kind, kind, "{status} {body}"),
        }
    }
}

#[tokio::test]
async fn a_comment_that_was_accepted_and_is_not_there_is_an_error() {
    let rt = Recorded::start(|answers| {
        answers["/REST/2.0/queue/3"] = answers[QUEUE].clone();
        answers["/REST/2.0/ticket/7/comment"] =
            json!({"status": 200, "body": ["Permission Denied"]});
    })
    .await;
    let error = rt.rt.withdraw(&"7".parse().unwrap(), "over").await.unwrap_err();
    assert_eq!(error.detail, "the comment was accepted and is not there");
}

#[tokio::test]
async fn a_note_is_left_once_and_another_one_of_ours_is_not_taken_for_it() {
    let told = async |there: &str, note: &str, hidden: bool| {
        let rt = Recorded::start(|answers| {
            answers["/REST/2.0/queue/3"] = answers[QUEUE].clone();
            let comment = json!({"Type": "Comment", "Creator": {"id": "belay-svc"},
                                 "ObjectId": "7", "id": "322"});
            answers[HISTORY]["body"]["items"].as_array_mut().unwrap().push(comment);
            answers[TICKET]["etag"] = json!("\"322\"");
            let text = json!({"id": "9", "TransactionId": "322", "ContentType": "text/plain",
                              "Content": there});
            let (status, items) = if hidden { (403, json!([])) } else { (200, json!([text])) };
            answers["/REST/2.0/ticket/7/attachments"] =
                json!({"status": status, "body": {"items": items}});
            // Accepted, and never to be seen.
            answers["/REST/2.0/ticket/7/comment"] = json!({"status": 201, "body": ["noted"]});
        })
        .await;
        (
            rt.rt.tell(&"7".parse().unwrap(), note).await.is_ok(),
            rt.rt.withdraw(&"7".parse().unwrap(), note).await.is_ok(),
        )
    };
    assert_eq!(told("it is over", "it is over", false).await, (true, true));
    assert_eq!(told("it\r\nis over\n", "it is\nover", false).await, (true, true), "wrapped by RT");
    assert_eq!(told("it does not count", "it is over", false).await, (false, false), "left anew");
    // Where our own words are not shown, what is there may be them.
    assert_eq!(told("", "it is over", false).await, (true, true));
    assert_eq!(told("it is over", "it is over", true).await, (true, true));
}

#[test]
fn two_names_never_become_one_id() {
    let names = ["a b", "a%20b", "a%2520b", "a%b", "ä", "%C3%A4", "a"];
    let ids: Vec<PersonId> = names.iter().map(|name| record::id(name).unwrap()).collect();
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "{id}");
    }
    assert_eq!(record::id::<PersonId>(""), None);
}

#[test]
fn a_configuration_that_cannot_work_says_why() {
    let check = |change: fn(&mut RequestTrackerConfig), why: &str| {
        let mut config = config("https://rt.example");
        change(&mut config);
        assert_eq!(RequestTracker::new(config).unwrap_err().to_string(), why);
    };
    check(
        |config| config.correlation_field = "x} OR {y".to_owned(),
        "the custom field \"x} OR {y\" cannot be searched for: its name holds a brace or a quote",
    );
    check(
        |config| config.correlation_field = config.case_field.clone(),
        "case and correlation id need a custom field each; both are \"belay-case-id\"",
    );
    check(
        |config| config.token = "a\nb".to_owned().into(),
        "the token holds characters that cannot be sent in a header",
    );
    let shown = format!("{:?}", config("https://rt.example"));
    assert!(!shown.contains("hush"), "{shown}");
}

const SEVEN: Duration = Duration::from_secs(7);

struct Recorded {
    rt: RequestTracker,
}

type Answers = Arc<Mutex<Value>>;

impl Recorded {
    async fn start(bend: impl FnOnce(&mut Value)) -> Self {
        Self::start_with(bend, |_| {}).await
    }

    async fn start_with(
        bend: impl FnOnce(&mut Value),
        change: impl FnOnce(&mut RequestTrackerConfig),
    ) -> Self {
        let mut answers: Value = serde_json::from_str(include_str!("tests/recorded.json")).unwrap();
        bend(&mut answers);
        let router = Router::new().fallback(answer).with_state(Arc::new(Mutex::new(answers)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = config(&format!("http://{}", listener.local_addr().unwrap()));
        change(&mut config);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { rt: RequestTracker::new(config).unwrap() }
    }

    async fn read(&self) -> Reading {
        self.rt.read(&"7".parse().unwrap(), &"billing-escalations".parse().unwrap()).await
    }
}

async fn answer(
    State(answers): State<Answers>,
    _: Method,
    uri: Uri,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|token| token != "token hush") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut answers = answers.lock().unwrap();
    let moved = answers.as_object().unwrap().len();
    let Some(found) = answers.get_mut(uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = u16::try_from(found["status"].as_u64().unwrap()).unwrap();
    let mut body = found["body"].clone();
    if let (Some(Value::Array(items)), Some(page)) = (body.get_mut("items"), query.get("page")) {
        let size = query["per_page"].parse::<usize>().unwrap().min(100);
        let from = ((page.parse::<usize>().unwrap() - 1) * size).min(items.len());
        *items = items.split_off(from).into_iter().take(size).collect();
    }
    let tag = match found["etag"].as_str() {
        Some("moving") => {
            let count = found["count"].as_u64().unwrap_or(1_000) + moved as u64;
            found["count"] = json!(count);
            format!("\"{count}\"")
        }
        Some(tag) => tag.to_owned(),
        None => "\"\"".to_owned(),
    };
    let text = match body {
        Value::Null => String::new(),
        Value::String(text) => text,
        body => body.to_string(),
    };
    let headers = [(header::ETAG, tag), (header::RETRY_AFTER, "7".to_owned())];
    (StatusCode::from_u16(status).unwrap(), headers, text).into_response()
}

fn body<'a>(answers: &'a mut Value, path: &str) -> &'a mut serde_json::Map<String, Value> {
    answers[path]["body"].as_object_mut().unwrap()
}

#[track_caller]
fn facts(reading: Reading) -> TicketFacts {
    match reading.ticket {
        TicketReading::Present(facts) => *facts,
        other => panic!("the ticket was to be read, and is {other:?}"),
    }
}

fn config(url: &str) -> RequestTrackerConfig {
    RequestTrackerConfig {
        base_url: url.to_owned(),
        token: "hush".to_owned().into(),
        account: "belay-svc".parse().unwrap(),
        machines: ["autobot".parse().unwrap()].into(),
        case_field: "belay-case-id".to_owned(),
        correlation_field: "belay-correlation-id".to_owned(),
        resolution_field: None,
        resolutions: BTreeMap::new(),
        statuses: RequestTrackerConfig::default_statuses(),
        timeout: Duration::from_secs(5),
        roots_pem: None,
    }
}

fn new_ticket() -> NewTicket {
    NewTicket {
        case: "c-1".parse().unwrap(),
        correlation: "c-1/e1/r1s1".parse().unwrap(),
        queue: "billing-escalations".parse().unwrap(),
        subject: "Refund stuck".to_owned(),
        body: "Why".to_owned(),
        severity: Severity::Normal,
    }
}
