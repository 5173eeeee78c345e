//! Jira Service Management.

use axum::http::StatusCode;
use belay_replay::{Asked, Deed, Lie, Limit, Which};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::shape::{differences, recorded};
use crate::visit::{Answer, Visit, send};

/// `belay@office.example:secret`.
const AUTHORIZED: (&str, &str) = ("authorization", "Basic YmVsYXlAb2ZmaWNlLmV4YW1wbGU6c2VjcmV0");

#[tokio::test]
async fn a_new_issue_is_answered_with_its_id_key_and_address() {
    let visit = Visit::new();
    let made = create(&visit, "c-1").await.expect("an answer");
    let mut example = recorded("jira", "create_issue");
    // A transition is answered only where one was asked for.
    example["response"].as_object_mut().expect("an object").remove("transition");
    assert_eq!(differences(&example["response"], &made.body, &[]), Vec::<String>::new());
    assert_eq!((made.status, &made.body["key"]), (StatusCode::CREATED, &json!("ONCALL-1")));
}

#[tokio::test]
async fn issues_their_changelogs_comments_and_transitions_look_like_the_documented_ones() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    visit.pass(60);
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    visit.office.happen(&Which::Number(1), &Deed::reply("erin", "looking"));
    let issue = get(&visit, "/rest/api/3/issue/10001").await;
    let example = recorded("jira", "read_issue");
    for field in ["description", "project"] {
        let mut wanted = example["response"]["fields"][field].clone();
        for rare in ["insight", "projectCategory"] {
            wanted.as_object_mut().expect("an object").remove(rare);
        }
        let found =
            differences(&wanted, &issue.body["fields"][field], &["projectTypeKey", "archived"]);
        assert_eq!(found, Vec::<String>::new(), "{field}");
    }
    assert_eq!(issue.body["fields"]["created"], "2016-02-29T09:00:00.000+0000");
    assert_eq!(issue.body["fields"]["status"]["statusCategory"]["key"], "indeterminate");
    let changelog = get(&visit, "/rest/api/3/issue/ONCALL-1/changelog").await;
    check("changelog", &changelog, &["accountType"], &["nextPage"]);
    assert_eq!(changelog.body["values"][0]["items"][0]["toString"], "Erin");
    check(
        "comments",
        &get(&visit, "/rest/api/3/issue/10001/comment").await,
        COMMENT,
        &["visibility"],
    );
    check(
        "transitions",
        &get(&visit, "/rest/api/3/issue/10001/transitions").await,
        &[],
        &["summary"],
    );
    let note = json!({ "body": { "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "no longer needed" }] }
    ] }, "properties": [{ "key": "sd.public.comment", "value": { "internal": true } }] });
    let made =
        ask(&visit, "POST /rest/api/3/issue/10001/comment", Some(note)).await.expect("an answer");
    check("create_comment", &made, COMMENT, &["visibility"]);
    assert_eq!(made.body["jsdPublic"], false);
}

#[tokio::test]
async fn people_look_like_the_documented_ones_and_apps_are_told_apart() {
    let visit = Visit::new();
    let me = get(&visit, "/rest/api/3/myself").await;
    check("myself", &me, &[], &["applicationRoles", "groups", "key", "name"]);
    assert_eq!(me.body["accountType"], "app");
    visit.office.happen(&Which::Office, &Deed::Disable { person: "frank".to_owned() });
    let assignable = get(&visit, "/rest/api/3/user/assignable/search?project=ONCALL").await;
    let names: Vec<_> =
        assignable.body.as_array().into_iter().flatten().map(|user| &user["displayName"]).collect();
    assert_eq!(names, [&json!("Erin"), &json!("Autobot")]);
    let role = get(&visit, "/rest/api/3/project/ONCALL/role/10002").await;
    assert_eq!(role.body["actors"].as_array().map(Vec::len), Some(3));
    let account =
        role.body["actors"][1]["actorUser"]["accountId"].as_str().expect("an id").to_owned();
    let frank = get(&visit, &format!("/rest/api/3/user?accountId={account}")).await;
    check("user", &frank, &[], &["applicationRoles", "groups", "key", "name"]);
    assert_eq!(
        (&frank.body["active"], &frank.body["accountType"]),
        (&json!(false), &json!("atlassian"))
    );
}

#[tokio::test]
async fn a_search_answers_ids_only_lags_and_can_be_asked_to_catch_up() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    create(&visit, "c-2").await;
    let search = "/rest/api/3/search/jql?jql=labels%20%3D%20c-1%20AND%20project%20%3D%20ONCALL";
    let found = get(&visit, search).await;
    assert_eq!(found.body, json!({ "issues": [{ "id": "10001" }], "isLast": true }));
    let page = json!({ "jql": "labels in (c-1, c-2) ORDER BY created DESC", "maxResults": 1, "fields": ["labels"] });
    let page = ask(&visit, "POST /rest/api/3/search/jql", Some(page)).await.expect("an answer");
    assert_eq!(
        (&page.body["isLast"], &page.body["issues"][0]["fields"]),
        (&json!(false), &json!({ "labels": ["c-2"] }))
    );
    assert!(page.body["nextPageToken"].is_string());
    let unbounded = get(&visit, "/rest/api/3/search/jql").await;
    check("bad_issue", &unbounded, &[], &[]);
    assert_eq!(
        get(&visit, "/rest/api/3/search/jql?jql=label%20%3D%20c-1").await.status,
        StatusCode::BAD_REQUEST
    );

    visit.office.lie(Lie::SearchLags(SignedDuration::from_secs(30)));
    create(&visit, "c-3").await;
    let search = "/rest/api/3/search/jql?jql=labels%20%3D%20c-3";
    assert_eq!(get(&visit, search).await.body["issues"], json!([]));
    let now = get(&visit, &format!("{search}&reconcileIssues=10003")).await;
    assert_eq!(now.body["issues"], json!([{ "id": "10003" }]));
}

#[tokio::test]
async fn a_moved_issue_has_another_key_and_the_old_one_leads_to_it() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    visit.office.happen(&Which::Number(1), &Deed::move_to("autobot", "empty"));
    let moved = get(&visit, "/rest/api/3/issue/ONCALL-1?fields=project&expand=changelog").await;
    assert_eq!(
        (&moved.body["key"], &moved.body["fields"]["project"]["key"]),
        (&json!("EMPTY-1"), &json!("EMPTY"))
    );
    let items = &moved.body["changelog"]["histories"][0]["items"];
    assert_eq!((&items[0]["field"], &items[1]["toString"]), (&json!("project"), &json!("EMPTY-1")));
    assert_eq!(get(&visit, "/rest/api/3/issue/OTHER-1").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn service_desks_show_their_queues() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    let desks = get(&visit, "/rest/servicedeskapi/servicedesk").await;
    assert_eq!((&desks.body["size"], &desks.body["isLastPage"]), (&json!(2), &json!(true)));
    let id = desks.body["values"][1]["id"].as_str().expect("an id").to_owned();
    let queues = get(&visit, &format!("/rest/servicedeskapi/servicedesk/{id}/queue")).await;
    assert_eq!(queues.body["values"][0]["jql"], "project = ONCALL AND resolution = Unresolved");
    let issues =
        get(&visit, &format!("/rest/servicedeskapi/servicedesk/{id}/queue/{id}/issue")).await;
    assert_eq!(issues.body["values"][0]["key"], "ONCALL-1");
}

#[tokio::test]
async fn transitions_resolve_only_with_a_resolution_and_refusals_have_their_form() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    let close = |fields: Value| json!({ "transition": { "id": "51" }, "fields": fields });
    let line = "POST /rest/api/3/issue/10001/transitions";
    let done = ask(&visit, line, Some(close(json!({})))).await.expect("an answer");
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    let issue = get(&visit, "/rest/api/3/issue/10001?fields=resolution,status").await;
    assert_eq!(
        (&issue.body["fields"]["resolution"], &issue.body["fields"]["status"]["name"]),
        (&Value::Null, &json!("Resolved"))
    );
    ask(&visit, line, Some(close(json!({ "resolution": { "name": "Done" } })))).await;
    let issue = get(&visit, "/rest/api/3/issue/10001?fields=resolution").await;
    assert_eq!(issue.body["fields"]["resolution"]["name"], "Done");

    check(
        "bad_issue",
        &get_status(&visit, "/rest/api/3/issue/10009", StatusCode::NOT_FOUND).await,
        &[],
        &[],
    );
    let unknown =
        json!({ "fields": { "project": { "key": "ONCALL" }, "summary": "x", "belay": "c" } });
    let refused = ask(&visit, "POST /rest/api/3/issue", Some(unknown)).await.expect("an answer");
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body["errors"]["belay"].is_string());
    let nobody =
        send(&belay_replay::jira(visit.office.clone()), "GET /rest/api/3/myself", &[], None).await;
    assert_eq!(nobody.expect("an answer").status, StatusCode::UNAUTHORIZED);
    visit.office.limit(Some(Limit { requests: 1, seconds: 60 }));
    get(&visit, "/rest/api/3/myself").await;
    let limited = get(&visit, "/rest/api/3/myself").await;
    assert_eq!(
        (limited.status, &limited.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"60".parse().expect("text"))
    );
    visit.office.limit(None);
    visit.office.lie(Lie::LosesAnswer.on(Asked::Create).times(1));
    assert!(create(&visit, "c-9").await.is_none());
    assert_eq!(visit.office.carrying("c-9").len(), 1);
}

/// What a comment has beyond the documented one.
const COMMENT: &[&str] = &["accountType", "avatarUrls", "emailAddress", "timeZone", "jsdPublic"];

async fn create(visit: &Visit, label: &str) -> Option<Answer> {
    let body = json!({ "fields": {
        "project": { "key": "ONCALL" },
        "issuetype": { "id": "10010" },
        "summary": "Main order flow broken",
        "description": { "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [{ "type": "text", "text": "Order entry fails when selecting supplier." }] }
        ] },
        "labels": [label],
        "customfield_10101": "case-1",
    } });
    ask(visit, "POST /rest/api/3/issue", Some(body)).await
}

async fn get(visit: &Visit, path: &str) -> Answer {
    ask(visit, &format!("GET {path}"), None).await.expect("an answer")
}

/// The answer, whose status is checked here and shown as the one of the example.
async fn get_status(visit: &Visit, path: &str, status: StatusCode) -> Answer {
    let mut answer = get(visit, path).await;
    assert_eq!(answer.status, status);
    answer.status = StatusCode::BAD_REQUEST;
    answer
}

async fn ask(visit: &Visit, line: &str, body: Option<Value>) -> Option<Answer> {
    send(&belay_replay::jira(visit.office.clone()), line, &[AUTHORIZED], body).await
}

/// `more` is what the answer may have beyond the example, `less` what it may lack.
#[track_caller]
fn check(example: &str, answer: &Answer, more: &[&str], less: &[&str]) {
    let example = recorded("jira", example);
    let mut found = differences(&example["response"], &answer.body, more);
    found.retain(|difference| {
        !less.iter().any(|it| difference.ends_with(&format!("/{it} is missing")))
    });
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(json!(answer.status.as_u16()), example["status"]);
}
