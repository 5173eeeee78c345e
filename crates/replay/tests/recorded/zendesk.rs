//! Zendesk Support.

use axum::http::StatusCode;
use belay_replay::{Asked, Deed, Lie, Limit, Which};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::shape::{differences, recorded};
use crate::visit::{Answer, Visit, send};

/// `belay@office.example/token:secret`.
const AUTHORIZED: (&str, &str) =
    ("authorization", "Basic YmVsYXlAb2ZmaWNlLmV4YW1wbGUvdG9rZW46c2VjcmV0");

#[tokio::test]
async fn tickets_look_like_the_documented_ones() {
    let visit = Visit::new();
    let made = create(&visit, "x-1", &[]).await.expect("an answer");
    check("create_ticket", &made, &made.body, &["audit"]);
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    let read = get(&visit, "/api/v2/tickets/1.json").await;
    check("read_ticket", &read, &read.body, &[]);
    let ticket = &read.body["ticket"];
    assert_eq!(
        (&ticket["status"], &ticket["created_at"]),
        (&json!("open"), &json!("2016-02-29T09:00:00Z"))
    );
    assert_eq!(
        ticket["custom_fields"],
        json!([{ "id": 27_642, "value": null }, { "id": 27_648, "value": "case-1" }])
    );
}

#[tokio::test]
async fn audits_tell_who_did_what_and_rules_are_nobody() {
    let visit = Visit::new();
    create(&visit, "x-1", &[]).await;
    for deed in [
        Deed::take("autobot"),
        Deed::take("erin"),
        Deed::reply("erin", "hello"),
        Deed::resolve("erin", Some("fixed")),
    ] {
        visit.pass(10);
        assert!(visit.office.happen(&Which::Number(1), &deed), "{deed:?}");
    }
    let audits = get(&visit, "/api/v2/tickets/1/audits").await;
    let all = audits.body["audits"].as_array().expect("audits");
    let mut example = recorded("zendesk", "audit");
    example["response"]["metadata"]["custom"] = json!({});
    let replied = &all[3];
    let more = ["author_id", "html_body", "plain_body", "audit_id"];
    assert_eq!(differences(&example["response"], replied, &more), Vec::<String>::new());
    let me = get(&visit, "/api/v2/users/me").await.body["user"]["id"].clone();
    let authors: Vec<_> = all.iter().map(|audit| audit["author_id"].clone()).collect();
    assert_eq!((&authors[0], &authors[1]), (&me, &json!(-1)));
    assert!(authors[2] == authors[3] && authors[2] != me);
    let mut events = all[2]["events"].as_array().expect("events").iter();
    let assigned = events.find(|event| event["field_name"] == "assignee_id").expect("one");
    assert_eq!(assigned["value"], json!(authors[2].to_string()));
    let page = get(&visit, "/api/v2/tickets/1/audits?page[size]=2").await;
    assert_eq!(page.body["meta"]["has_more"], true);
    let next =
        page.body["links"]["next"].as_str().expect("a link").replace("http://office.example", "");
    let rest = get(&visit, &next).await;
    assert_eq!(rest.body["audits"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_key_is_answered_again_with_the_same_ticket_for_two_hours() {
    let visit = Visit::new();
    let key = [("idempotency-key", "k-1")];
    visit.office.lie(Lie::LosesAnswer.on(Asked::Create).times(1));
    assert!(create(&visit, "x-1", &key).await.is_none());
    let again = create(&visit, "x-1", &key).await.expect("an answer");
    assert_eq!(
        (&again.headers["x-idempotency-lookup"], &again.body["ticket"]["id"]),
        (&"hit".parse().expect("text"), &json!(1))
    );
    let other = create(&visit, "x-2", &key).await.expect("an answer");
    assert_eq!(
        (other.status, &other.body["error"]),
        (StatusCode::BAD_REQUEST, &json!("IdempotentRequestError"))
    );
    visit.pass(3 * 3600);
    assert_eq!(
        create(&visit, "x-1", &key).await.expect("an answer").body["ticket"]["id"],
        json!(2)
    );
}

#[tokio::test]
async fn the_list_by_external_id_is_ahead_of_the_search() {
    let visit = Visit::new();
    visit.office.lie(Lie::SearchLags(SignedDuration::from_secs(120)));
    create(&visit, "x-1", &[]).await;
    let found = |path: &'static str, list: &'static str| {
        let visit = &visit;
        async move { get(visit, path).await.body[list].as_array().map(Vec::len) }
    };
    let search = "/api/v2/search?query=type:ticket%20external_id:x-1";
    assert_eq!(found("/api/v2/tickets?external_id=x-1", "tickets").await, Some(1));
    assert_eq!(found("/api/v2/tickets?external_id=x-2", "tickets").await, Some(0));
    assert_eq!(found(search, "results").await, Some(0));
    visit.pass(120);
    assert_eq!(found(search, "results").await, Some(1));
    assert_eq!(found("/api/v2/tickets/show_many?ids=1,7", "tickets").await, Some(1));
    assert_eq!(found("/api/v2/incremental/tickets/cursor?start_time=0", "tickets").await, Some(1));
}

#[tokio::test]
async fn groups_and_people_look_like_the_documented_ones() {
    let visit = Visit::new();
    visit.office.happen(&Which::Office, &Deed::Disable { person: "frank".to_owned() });
    let groups = get(&visit, "/api/v2/groups").await;
    check("group", &groups, &groups.body["groups"][0], &[]);
    let id = groups.body["groups"][1]["id"].clone();
    let members = get(&visit, &format!("/api/v2/groups/{id}/memberships")).await;
    assert_eq!(members.body["group_memberships"].as_array().map(Vec::len), Some(3));
    let users = get(&visit, &format!("/api/v2/groups/{id}/users")).await;
    let suspended: Vec<_> = users.body["users"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|user| &user["suspended"])
        .collect();
    assert_eq!(suspended, [&json!(false), &json!(true), &json!(false)]);
    let user = get(&visit, &format!("/api/v2/users/{}", users.body["users"][0]["id"])).await;
    check("user", &user, &user.body["user"], &["role_type"]);
}

#[tokio::test]
async fn updates_are_audited_and_refusals_have_their_form() {
    let visit = Visit::new();
    create(&visit, "x-1", &[]).await;
    let note = json!({ "ticket": { "comment": { "body": "no longer needed", "public": false } } });
    let put =
        ask(&visit, "PUT /api/v2/tickets/1", &[], Some(note.clone())).await.expect("an answer");
    assert_eq!(
        (put.status, &put.body["audit"]["events"][0]["public"]),
        (StatusCode::OK, &json!(false))
    );
    visit.office.happen(&Which::Number(1), &Deed::become_("erin", belay_replay::Status::Closed));
    let late = ask(&visit, "PUT /api/v2/tickets/1", &[], Some(note)).await.expect("an answer");
    assert_eq!(
        (late.status, &late.body["error"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("RecordInvalid"))
    );
    let missing = get(&visit, "/api/v2/tickets/9").await;
    assert_eq!(
        (missing.status, missing.body),
        (StatusCode::NOT_FOUND, json!({ "error": "RecordNotFound", "description": "Not found" }))
    );
    let router = belay_replay::zendesk(visit.office.clone());
    let nobody = send(&router, "GET /api/v2/tickets/1", &[], None).await.expect("an answer");
    assert_eq!(
        (nobody.status, nobody.body),
        (StatusCode::UNAUTHORIZED, json!({ "error": "Couldn't authenticate you" }))
    );
    visit.office.limit(Some(Limit { requests: 1, seconds: 60 }));
    assert_eq!(get(&visit, "/api/v2/tickets/1").await.headers["x-rate-limit-remaining"], "0");
    let limited = get(&visit, "/api/v2/tickets/1").await;
    assert_eq!(
        (limited.status, &limited.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"60".parse().expect("text"))
    );
}

async fn create(visit: &Visit, external: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let quiet = Visit::new();
    let groups = get(&quiet, "/api/v2/groups").await;
    let body = json!({ "ticket": {
        "subject": "Help, my printer is on fire!",
        "comment": { "body": "The fire is very colorful." },
        "group_id": groups.body["groups"][1]["id"],
        "external_id": external,
        "priority": "high",
        "custom_fields": [{ "id": 27_648, "value": "case-1" }],
    } });
    ask(visit, "POST /api/v2/tickets", headers, Some(body)).await
}

async fn get(visit: &Visit, path: &str) -> Answer {
    ask(visit, &format!("GET {path}"), &[], None).await.expect("an answer")
}

async fn ask(
    visit: &Visit,
    line: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Option<Answer> {
    let headers: Vec<_> = headers.iter().copied().chain([AUTHORIZED]).collect();
    send(&belay_replay::zendesk(visit.office.clone()), line, &headers, body).await
}

#[track_caller]
fn check(example: &str, answer: &Answer, body: &Value, more: &[&str]) {
    let example = recorded("zendesk", example);
    assert_eq!(differences(&example["response"], body, more), Vec::<String>::new());
    assert_eq!(json!(answer.status.as_u16()), example["status"]);
}
