//! PagerDuty's REST API v2.

use axum::http::StatusCode;
use belay_replay::{Asked, Deed, Lie, Limit, Which};
use serde_json::{Value, json};

use crate::shape::{differences, recorded};
use crate::visit::{Answer, Visit, send};

const HEADERS: [(&str, &str); 2] =
    [("authorization", "Token token=secret"), ("from", "belay@office.example")];

#[tokio::test]
async fn incidents_look_like_the_documented_ones_at_every_stage() {
    let visit = Visit::new();
    let made = create(&visit, KEY).await.expect("an answer");
    check("create_incident", &made, READ);
    let id = id(&made);
    visit.pass(60);
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    let read = get(&visit, &format!("/incidents/{id}")).await;
    check("read_incident", &read, &[]);
    let incident = &read.body["incident"];
    assert_eq!(
        (&incident["status"], &incident["created_at"]),
        (&json!("acknowledged"), &json!("2016-02-29T09:00:00Z"))
    );
    assert_eq!(incident["acknowledgements"][0]["acknowledger"]["summary"], "Erin");
    check(
        "list_incidents",
        &get(&visit, &format!("/incidents?incident_key={KEY}")).await,
        &["total", "custom_fields"],
    );
    let resolved = json!({ "incident": { "type": "incident_reference", "status": "resolved", "resolution": "done" } });
    let put =
        ask(&visit, &format!("PUT /incidents/{id}"), Some(resolved)).await.expect("an answer");
    check("update_incident", &put, READ);
    assert_eq!(put.body["incident"]["status"], "resolved");
}

#[tokio::test]
async fn the_log_tells_who_did_what_the_newest_first() {
    let visit = Visit::new();
    let id = id(&create(&visit, "k-1").await.expect("an answer"));
    for deed in [
        Deed::assign("frank", "erin"),
        Deed::take("erin"),
        Deed::give_back("erin"),
        Deed::take("autobot"),
    ] {
        visit.pass(10);
        assert!(visit.office.happen(&Which::Number(1), &deed), "{deed:?}");
    }
    let note = ask(
        &visit,
        &format!("POST /incidents/{id}/notes"),
        Some(json!({ "note": { "content": "well" } })),
    )
    .await;
    check("create_note", &note.expect("an answer"), &[]);
    let log = get(&visit, &format!("/incidents/{id}/log_entries")).await;
    check(
        "log_entries",
        &log,
        &["limit", "offset", "more", "total", "service", "note", "summary", "summary"],
    );
    let told: Vec<_> = log.body["log_entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!(
                "{} {} {}",
                text(&entry["type"]),
                text(&entry["agent"]["type"]),
                text(&entry["agent"]["summary"])
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "annotate_log_entry user_reference Belay",
            "acknowledge_log_entry generic_events_api_inbound_integration_reference autobot",
            "unacknowledge_log_entry user_reference Erin",
            "assign_log_entry user_reference Frank",
            "assign_log_entry user_reference Belay",
            "trigger_log_entry user_reference Belay",
        ]
    );
}

#[tokio::test]
async fn a_key_is_taken_while_its_incident_is_open_and_no_longer() {
    let visit = Visit::new();
    create(&visit, "k-1").await;
    let again = create(&visit, "k-1").await.expect("an answer");
    assert_eq!(
        (again.status, &again.body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(2002))
    );
    visit.office.happen(&Which::Number(1), &Deed::resolve("erin", None));
    assert_eq!(create(&visit, "k-1").await.expect("an answer").status, StatusCode::CREATED);
}

#[tokio::test]
async fn services_policies_people_and_calls_look_like_the_documented_ones() {
    let visit = Visit::new();
    visit.office.happen(
        &Which::Office,
        &Deed::Duty { person: "frank".to_owned(), queue: "oncall".to_owned(), on: false },
    );
    let services = get(&visit, "/services?query=oncall").await;
    let service = services.body["services"][0].clone();
    let one = |path: &str, id: &Value| format!("/{path}/{}", id.as_str().expect("an id"));
    let mut example = recorded("pager_duty", "service");
    // The documented one has hours, and a rule that goes with them.
    example["response"]["service"]["incident_urgency_rule"] = Value::Null;
    let read = get(&visit, &one("services", &service["id"])).await;
    assert_eq!(differences(&example["response"], &read.body, &[]), Vec::<String>::new());
    let policy = &service["escalation_policy"]["id"];
    check("escalation_policy", &get(&visit, &one("escalation_policies", policy)).await, &[]);
    let oncalls = get(
        &visit,
        &format!("/oncalls?escalation_policy_ids[]={}", policy.as_str().expect("an id")),
    )
    .await;
    check("oncalls", &oncalls, &[]);
    assert_eq!(oncalls.body["oncalls"].as_array().map(Vec::len), Some(2));
    let user = one("users", &oncalls.body["oncalls"][0]["user"]["id"]);
    check("user", &get(&visit, &user).await, &[]);
    visit.office.happen(&Which::Office, &Deed::Disable { person: "erin".to_owned() });
    check("not_found", &get(&visit, &user).await, &[]);
}

#[tokio::test]
async fn merging_resolves_the_others_and_says_why() {
    let visit = Visit::new();
    let first = id(&create(&visit, "k-1").await.expect("an answer"));
    let second = id(&create(&visit, "k-2").await.expect("an answer"));
    let sources = json!({ "source_incidents": [{ "id": second, "type": "incident_reference" }] });
    check(
        "merge",
        &ask(&visit, &format!("PUT /incidents/{first}/merge"), Some(sources))
            .await
            .expect("an answer"),
        &[],
    );
    let merged = get(&visit, &format!("/incidents/{second}")).await;
    let incident = &merged.body["incident"];
    assert_eq!(
        (&incident["status"], &incident["resolve_reason"]["incident"]["id"]),
        (&json!("resolved"), &json!(first))
    );
}

#[tokio::test]
async fn refusals_and_limits_are_told_as_documented() {
    let visit = Visit::new();
    let router = belay_replay::pager_duty(visit.office.clone());
    let nobody = send(&router, "GET /incidents", &[], None).await.expect("an answer");
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let nameless =
        send(&router, "POST /incidents", &HEADERS[..1], Some(json!({}))).await.expect("an answer");
    assert_eq!(
        (nameless.status, &nameless.body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(1008))
    );
    check("not_found", &get(&visit, "/incidents/Q0000000000009").await, &[]);
    visit.office.limit(Some(Limit { requests: 1, seconds: 60 }));
    assert_eq!(get(&visit, "/incidents").await.headers["ratelimit-remaining"], "0");
    let limited = get(&visit, "/incidents").await;
    assert_eq!(
        (limited.status, &limited.headers["ratelimit-reset"]),
        (StatusCode::TOO_MANY_REQUESTS, &"60".parse().expect("text"))
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_one_incident_that_its_key_finds() {
    let visit = Visit::new();
    visit.office.lie(Lie::LosesAnswer.on(Asked::Create).times(1));
    assert!(create(&visit, "k-1").await.is_none());
    let found = get(&visit, "/incidents?incident_key=k-1").await;
    assert_eq!(found.body["incidents"].as_array().map(Vec::len), Some(1));
    visit.pass(40 * 24 * 3600);
    let late = get(&visit, "/incidents?incident_key=k-1").await;
    assert_eq!(late.body["incidents"].as_array().map(Vec::len), Some(0));
    let all = get(&visit, "/incidents?incident_key=k-1&date_range=all").await;
    assert_eq!(all.body["incidents"].as_array().map(Vec::len), Some(1));
}

const KEY: &str = "baf7cf21b1da41b4b0221008339ff357";

/// What the answer to a read has beyond that to a write.
const READ: &[&str] = &[
    "alert_counts",
    "is_mergeable",
    "pending_actions",
    "acknowledgements",
    "alert_grouping",
    "resolve_reason",
    "conference_bridge",
    "custom_fields",
    "incidents_responders",
    "responder_requests",
    "last_status_change_by",
];

async fn create(visit: &Visit, key: &str) -> Option<Answer> {
    let quiet = Visit::new();
    let services = get(&quiet, "/services?query=oncall").await;
    let body = json!({ "incident": {
        "type": "incident",
        "title": "The server is on fire.",
        "service": { "id": services.body["services"][0]["id"], "type": "service_reference" },
        "urgency": "high",
        "incident_key": key,
        "body": { "type": "incident_body", "details": "A disk is getting full." },
    } });
    ask(visit, "POST /incidents", Some(body)).await
}

async fn get(visit: &Visit, path: &str) -> Answer {
    ask(visit, &format!("GET {path}"), None).await.expect("an answer")
}

async fn ask(visit: &Visit, line: &str, body: Option<Value>) -> Option<Answer> {
    send(&belay_replay::pager_duty(visit.office.clone()), line, &HEADERS, body).await
}

fn id(answer: &Answer) -> String {
    answer.body["incident"]["id"].as_str().expect("an id").to_owned()
}

#[track_caller]
fn check(example: &str, answer: &Answer, more: &[&str]) {
    let example = recorded("pager_duty", example);
    assert_eq!(differences(&example["response"], &answer.body, more), Vec::<String>::new());
    assert_eq!(json!(answer.status.as_u16()), example["status"]);
}
