//! ServiceNow's Table API.

use std::time::Duration;

use axum::http::StatusCode;
use belay_replay::{Asked, Deed, Lie, Limit, Right, Script, Which};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::shape::{differences, recorded};
use crate::visit::{Answer, Visit, send};

const INCIDENT: &str = "/api/now/table/incident";

#[tokio::test]
async fn a_new_incident_looks_like_the_documented_one() {
    let visit = Visit::new();
    let answer = create(&visit, "c-1").await;
    check("create_incident", &answer, &["hold_reason", "u_belay_case"]);
    assert_eq!(
        answer.headers["location"].to_str().ok(),
        answer.body["result"]["sys_id"]
            .as_str()
            .map(|id| { format!("http://office.example{INCIDENT}/{id}") })
            .as_deref()
    );
}

#[tokio::test]
async fn an_incident_that_was_worked_on_looks_like_the_documented_ones() {
    let visit = Visit::new();
    let id = id(&create(&visit, "c-1").await);
    visit.pass(60);
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    let read = get(&visit, &format!("{INCIDENT}/{id}")).await;
    let router = belay_replay::service_now(visit.office.clone());
    let note = Some(json!({ "work_notes": "seen" }));
    let patch = send(&router, &format!("PATCH {INCIDENT}/{id}"), &[AUTHORIZED], note)
        .await
        .expect("an answer");
    for (name, answer) in [("read_record", &read), ("update_record", &patch)] {
        let mut example = recorded("service_now", name);
        // The ones in the documentation were made by the system itself, which has no id.
        example["response"]["result"]["opened_by"]["value"] = json!("");
        let found =
            differences(&example["response"], &answer.body, &["hold_reason", "u_belay_case"]);
        assert_eq!(found, Vec::<String>::new(), "{name}");
    }
    let result = &read.body["result"];
    assert_eq!(result["state"], "2");
    assert!(result["assigned_to"]["value"].is_string());
    assert_eq!(result["sys_updated_on"], "2016-02-29 09:01:00");
    // The documented problem has the columns of every task.
    let task = recorded("service_now", "list_problem");
    let columns = task["response"]["result"][0].as_object().expect("a record");
    let missing: Vec<_> = columns.keys().filter(|column| result.get(column).is_none()).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[tokio::test]
async fn references_can_be_read_as_ids_as_names_and_as_both() {
    let visit = Visit::new();
    let id = id(&create(&visit, "c-1").await);
    let group = |query: &'static str| {
        let (visit, id) = (&visit, &id);
        async move {
            let path = format!("{INCIDENT}/{id}?sysparm_fields=assignment_group,state&{query}");
            get(visit, &path).await.body["result"].clone()
        }
    };
    let plain = group("").await;
    assert_eq!(plain["state"], "1");
    let (value, link) = (&plain["assignment_group"]["value"], &plain["assignment_group"]["link"]);
    assert!(value.is_string() && link.is_string(), "{plain}");
    let bare = group("sysparm_exclude_reference_link=true").await;
    assert_eq!(bare["assignment_group"], *value);
    let shown = group("sysparm_display_value=true").await;
    assert_eq!(
        shown,
        json!({
            "assignment_group": { "display_value": "oncall", "link": link },
            "state": "New",
        })
    );
    let both = group("sysparm_display_value=all").await;
    assert_eq!(
        both,
        json!({
            "assignment_group": { "display_value": "oncall", "link": link, "value": value },
            "state": { "display_value": "New", "value": "1" },
        })
    );
}

#[tokio::test]
async fn a_list_is_counted_and_leads_to_its_other_pages() {
    let visit = Visit::new();
    for number in 0..5 {
        create(&visit, &format!("c-{number}")).await;
    }
    let page = get(&visit, &format!(
        "{INCIDENT}?sysparm_query=active=true^ORDERBYDESCnumber&sysparm_limit=2&sysparm_offset=2&sysparm_fields=number"
    )).await;
    assert_eq!(page.headers["x-total-count"], "5");
    assert_eq!(
        page.body["result"],
        json!([{ "number": "INC0010003" }, { "number": "INC0010002" }])
    );
    let link = page.headers["link"].to_str().expect("text");
    for rel in ["first", "prev", "next", "last"] {
        assert!(link.contains(&format!("rel=\"{rel}\"")), "{link}");
    }
    assert!(link.contains("sysparm_limit=2&sysparm_offset=4>;rel=\"next\""), "{link}");
}

#[tokio::test]
async fn a_condition_on_a_misspelt_column_finds_everything() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    create(&visit, "c-2").await;
    let found = |query: &'static str| {
        let visit = &visit;
        async move {
            let path = format!("{INCIDENT}?sysparm_query={query}&sysparm_fields=correlation_id");
            let answer = get(visit, &path).await;
            answer.body["result"].as_array().map_or(0, Vec::len)
        }
    };
    assert_eq!(found("correlation_id=c-1").await, 1);
    assert_eq!(found("correlation_idINc-1,c-2,c-3").await, 2);
    assert_eq!(found("correlation_id=c-3").await, 0);
    assert_eq!(found("corelation_id=c-3").await, 2);
    assert_eq!(found("correlation_id=c-3^ORcorrelation_id=c-2").await, 1);
    assert_eq!(found("correlation_id=c-1^NQstate=1^correlation_idSTARTSWITHc-2").await, 2);
    assert_eq!(found("assignment_group.name=oncall^assigned_toISEMPTY").await, 2);
}

#[tokio::test]
async fn the_audit_tells_who_did_what_in_the_words_of_the_instance() {
    let visit = Visit::new();
    let id = id(&create(&visit, "c-1").await);
    visit.pass(30);
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    visit.pass(30);
    visit.office.happen(&Which::Number(1), &Deed::note("erin", "looking"));
    let path = format!(
        "/api/now/table/sys_audit?sysparm_query=tablename=incident^documentkey={id}^ORDERBYsys_created_on\
         &sysparm_fields=fieldname,oldvalue,newvalue,user,sys_created_on"
    );
    let audit = get(&visit, &path).await;
    let rows = audit.body["result"].as_array().cloned().unwrap_or_default();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", text("user"), text("fieldname"), text("sys_created_on"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "erin assigned_to 2016-02-29 09:00:30",
            "erin state 2016-02-29 09:00:30",
            "erin incident_state 2016-02-29 09:00:30",
            "erin work_notes 2016-02-29 09:01:00",
        ]
    );
    let journal = get(&visit, &format!(
        "/api/now/table/sys_journal_field?sysparm_query=element_id={id}&sysparm_fields=element,value,sys_created_by"
    )).await;
    assert_eq!(
        journal.body["result"],
        json!([
            { "element": "work_notes", "value": "looking", "sys_created_by": "erin" }
        ])
    );
}

#[tokio::test]
async fn people_groups_roles_and_shifts_can_be_read() {
    let visit = Visit::new();
    visit.office.happen(&Which::Office, &Deed::Disable { person: "frank".to_owned() });
    let duty = Deed::Duty { person: "frank".to_owned(), queue: "oncall".to_owned(), on: false };
    visit.office.happen(&Which::Office, &duty);
    let members = get(
        &visit,
        "/api/now/table/sys_user_grmember?sysparm_query=group.name=oncall\
         &sysparm_fields=user.user_name,user.active,user.web_service_access_only",
    )
    .await;
    assert_eq!(
        members.body["result"],
        json!([
            { "user.user_name": "erin", "user.active": "true", "user.web_service_access_only": "false" },
            { "user.user_name": "frank", "user.active": "false", "user.web_service_access_only": "false" },
            { "user.user_name": "autobot", "user.active": "true", "user.web_service_access_only": "true" },
        ])
    );
    let group = get(
        &visit,
        "/api/now/table/sys_user_group?name=oncall&sysparm_exclude_reference_link=true",
    )
    .await;
    let id = group.body["result"][0]["sys_id"].as_str().expect("an id").to_owned();
    let calls = get(&visit, &format!("/api/now/on_call_rota/whoisoncall?group_ids={id}")).await;
    check("who_is_on_call", &calls, &[]);
    assert_eq!(calls.body["result"].as_array().map(Vec::len), Some(2));
    let roles = get(
        &visit,
        "/api/now/table/sys_user_has_role?sysparm_query=user.user_name=erin&sysparm_display_value=true\
         &sysparm_fields=role,role.name,user,user.name,user.sys_id,user.department",
    ).await;
    check("dot_walked", &roles, &[]);
}

#[tokio::test]
async fn refusals_are_worded_and_numbered_as_the_instance_does() {
    let visit = Visit::new();
    let router = belay_replay::service_now(visit.office.clone());
    let nobody = send(&router, &format!("GET {INCIDENT}"), &[], None).await.expect("an answer");
    check("not_authenticated", &nobody, &[]);
    let wrong = [("authorization", "Bearer wrong")];
    let wrong = send(&router, &format!("GET {INCIDENT}"), &wrong, None).await.expect("an answer");
    check("not_authenticated", &wrong, &[]);
    check(
        "no_record",
        &get(&visit, &format!("{INCIDENT}/0123456789abcdef0123456789abcdef")).await,
        &[],
    );
    visit.office.limit(Some(Limit { requests: 1, seconds: 3600 }));
    let first = get(&visit, INCIDENT).await;
    assert_eq!(
        (first.status, &first.headers["x-ratelimit-limit"]),
        (StatusCode::OK, &"1".parse().expect("text"))
    );
    let limited = get(&visit, INCIDENT).await;
    check("rate_limited", &limited, &[]);
    assert_eq!(limited.headers["retry-after"], "3600");
    visit.pass(3600);
    assert_eq!(get(&visit, INCIDENT).await.status, StatusCode::OK);
    visit.office.limit(None);
    let unknown = get(&visit, "/api/now/table/incidents").await;
    assert_eq!(
        (unknown.status, &unknown.body["error"]["message"]),
        (StatusCode::BAD_REQUEST, &json!("Invalid table incidents"))
    );
    visit.office.join(belay_replay::Person::account("belay", "secret").without(Right::History));
    assert_eq!(get(&visit, "/api/now/table/sys_audit").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_lie_of_the_wire_is_told_once_and_the_truth_is_kept_beside_it() {
    let visit = Visit::new();
    let tell = |lie: Lie| visit.office.lie(lie.times(1));

    tell(Lie::Forgets);
    let ghost = create(&visit, "ghost").await;
    assert_eq!(ghost.status, StatusCode::CREATED);
    assert_eq!(visit.office.carrying("ghost"), Vec::<u64>::new());
    tell(Lie::Empty);
    let path = format!("{INCIDENT}/{}", id(&ghost));
    assert_eq!(get(&visit, &path).await.body, json!({ "result": {} }));
    assert_eq!(get(&visit, &path).await.status, StatusCode::NOT_FOUND);

    visit.office.lie(Lie::LosesAnswer.on(Asked::Create).times(1));
    assert!(post(&visit, "lost").await.is_none());
    assert_eq!(visit.office.carrying("lost").len(), 1);

    tell(Lie::Doubles);
    create(&visit, "double").await;
    assert_eq!(visit.office.carrying("double").len(), 2);

    tell(Lie::Elsewhere("empty".to_owned()));
    let moved = create(&visit, "moved").await;
    let group =
        get(&visit, &format!("{INCIDENT}/{}?sysparm_fields=assignment_group.name", id(&moved)))
            .await;
    assert_eq!(group.body["result"]["assignment_group.name"], "empty");

    tell(Lie::RefusesInProse);
    let prose = create(&visit, "prose").await;
    assert_eq!((prose.status, prose.body), (StatusCode::OK, Value::Null));
    assert!(prose.text.contains("hibernating") && visit.office.carrying("prose").is_empty());

    tell(Lie::Drops(vec!["correlation".to_owned(), "u_belay_case".to_owned()]));
    let dropped = create(&visit, "dropped").await;
    assert_eq!(
        (&dropped.body["result"]["correlation_id"], dropped.status),
        (&json!(""), StatusCode::CREATED)
    );

    tell(Lie::Down(503));
    assert_eq!(get(&visit, INCIDENT).await.status, StatusCode::SERVICE_UNAVAILABLE);
    tell(Lie::RefusesCredential);
    assert_eq!(get(&visit, INCIDENT).await.status, StatusCode::UNAUTHORIZED);
    tell(Lie::Throttles(17));
    assert_eq!(get(&visit, INCIDENT).await.headers["retry-after"], "17");
    tell(Lie::Garbles);
    let garbled = get(&visit, INCIDENT).await;
    assert_eq!((garbled.status, garbled.body), (StatusCode::OK, Value::Null));
    tell(Lie::LeavesOut(vec!["assigned_to".to_owned()]));
    assert!(
        get(&visit, &format!("{INCIDENT}/{}", id(&moved))).await.body["result"]
            .get("assigned_to")
            .is_none()
    );
}

#[tokio::test]
async fn searches_and_reads_can_lag_behind_what_is() {
    let visit = Visit::new();
    let lag = SignedDuration::from_secs(10);
    visit.office.lie(Lie::SearchLags(lag));
    let id = id(&create(&visit, "c-1").await);
    let search = format!("{INCIDENT}?sysparm_query=correlation_id=c-1&sysparm_fields=number");
    assert_eq!(get(&visit, &search).await.body["result"], json!([]));
    assert_eq!(get(&visit, &format!("{INCIDENT}/{id}")).await.status, StatusCode::OK);
    let listed = get(&visit, &format!("{INCIDENT}?sysparm_query=sys_idIN{id}")).await;
    assert_eq!(listed.body["result"].as_array().map(Vec::len), Some(1));
    visit.pass(10);
    assert_eq!(get(&visit, &search).await.body["result"], json!([{ "number": "INC0010001" }]));

    visit.office.lie(Lie::ReadsLag(lag).on(Asked::Read).on(Asked::History));
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    let state = format!("{INCIDENT}/{id}?sysparm_fields=state");
    let audit = format!("/api/now/table/sys_audit?sysparm_query=documentkey={id}");
    assert_eq!(get(&visit, &state).await.body["result"]["state"], "1");
    assert_eq!(get(&visit, &audit).await.body["result"], json!([]));
    visit.pass(10);
    assert_eq!(get(&visit, &state).await.body["result"]["state"], "2");
    assert_eq!(get(&visit, &audit).await.body["result"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_hidden_history_is_counted_and_not_shown() {
    let visit = Visit::new();
    create(&visit, "c-1").await;
    visit.office.happen(&Which::Number(1), &Deed::take("erin"));
    visit.office.lie(Lie::HidesHistory);
    let audit = get(&visit, "/api/now/table/sys_audit").await;
    assert_eq!(
        (&audit.body["result"], &audit.headers["x-total-count"]),
        (&json!([]), &"3".parse().expect("text"))
    );
}

#[tokio::test]
async fn the_clock_can_be_off_and_coarse() {
    let visit = Visit::new();
    visit.office.lie(Lie::ClockCoarse(60));
    visit.office.lie(Lie::ClockOff(SignedDuration::from_mins(-5)));
    visit.pass(59);
    let made = create(&visit, "c-1").await;
    assert_eq!(made.body["result"]["sys_created_on"], "2016-02-29 08:55:00");
}

#[tokio::test(start_paused = true)]
async fn slowness_passes_in_the_runtimes_time() {
    let visit = Visit::new();
    visit.office.lie(Lie::Slow(Duration::from_secs(20)));
    let begun = tokio::time::Instant::now();
    get(&visit, INCIDENT).await;
    assert_eq!(begun.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn scripts_and_habits_play_by_the_clock_and_truth_is_kept() {
    let visit = Visit::new();
    visit.office.habit(Script::new().at(0, Deed::take("autobot")));
    visit.office.script(Script::new().at(60, Deed::take("erin")).at(120, Deed::give_back("erin")));
    create(&visit, "c-1").await;
    let had = |seconds: i64| {
        let at = visit.now() - SignedDuration::from_secs(180 - seconds);
        visit.office.ticket(1).expect("a ticket").had_by(at).map(str::to_owned)
    };
    visit.pass(180);
    assert_eq!(
        (had(30), had(60), had(119), had(120)),
        (None, Some("erin".to_owned()), Some("erin".to_owned()), None)
    );
}

async fn create(visit: &Visit, correlation: &str) -> Answer {
    post(visit, correlation).await.expect("an answer")
}

async fn post(visit: &Visit, correlation: &str) -> Option<Answer> {
    let group = visit.group().await;
    let router = belay_replay::service_now(visit.office.clone());
    let body = json!({
        "short_description": "Unable to connect to office wifi",
        "assignment_group": group,
        "correlation_id": correlation,
        "u_belay_case": "case-1",
        "urgency": "2",
        "impact": "2",
    });
    send(&router, &format!("POST {INCIDENT}"), &[AUTHORIZED], Some(body)).await
}

/// `belay:secret`.
const AUTHORIZED: (&str, &str) = ("authorization", "Basic YmVsYXk6c2VjcmV0");

async fn get(visit: &Visit, path: &str) -> Answer {
    let router = belay_replay::service_now(visit.office.clone());
    send(&router, &format!("GET {path}"), &[AUTHORIZED], None).await.expect("an answer")
}

fn id(answer: &Answer) -> String {
    answer.body["result"]["sys_id"].as_str().expect("an id").to_owned()
}

impl Visit {
    /// The id of the group `oncall`, which was opened after five people. Read without using up a lie.
    async fn group(&self) -> String {
        let quiet = Visit::new();
        let group = get(&quiet, "/api/now/table/sys_user_group?name=oncall").await;
        group.body["result"][0]["sys_id"].as_str().expect("an id").to_owned()
    }
}

#[track_caller]
fn check(example: &str, answer: &Answer, more: &[&str]) {
    let example = recorded("service_now", example);
    assert_eq!(differences(&example["response"], &answer.body, more), Vec::<String>::new());
    assert_eq!(json!(answer.status.as_u16()), example["status"]);
    for header in example["headers"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(answer.headers.contains_key(header), "{header} is missing");
    }
}
