//! GoAlert.

use axum::http::StatusCode;
use belay_replay::{Asked, Deed, Lie, Which};
use serde_json::{Value, json};

use crate::shape::{differences, recorded};
use crate::visit::{Answer, Visit, send};

const AUTHORIZED: (&str, &str) = ("authorization", "Bearer secret");

#[tokio::test]
async fn an_alert_is_made_once_for_what_it_is_about_while_it_is_open() {
    let visit = Visit::new();
    let made = incoming(&visit, "summary=test&dedup=c-1").await.expect("an answer");
    let example = recorded("goalert", "incoming");
    assert_eq!(differences(&example["response"], &made.body, &[]), Vec::<String>::new());
    assert_eq!((&made.body["IsNew"], &made.body["AlertID"]), (&json!(true), &json!(1)));
    let again = incoming(&visit, "summary=test&dedup=c-1").await.expect("an answer");
    assert_eq!((&again.body["IsNew"], &again.body["AlertID"]), (&json!(false), &json!(1)));
    incoming(&visit, "summary=test&dedup=c-1&action=close").await;
    let anew = incoming(&visit, "summary=test&dedup=c-1").await.expect("an answer");
    assert_eq!(anew.body["AlertID"], json!(2));
}

#[tokio::test]
async fn every_type_that_is_served_has_the_fields_of_the_schema() {
    let visit = Visit::new();
    incoming(&visit, "summary=test&dedup=c-1").await;
    let schema = recorded("goalert", "schema");
    let scalars = [
        "ID!",
        "Int!",
        "String!",
        "Boolean!",
        "ISOTimestamp!",
        "AlertStatus!",
        "UserRole!",
        "TargetType!",
        "String",
        "ISOTimestamp",
    ];
    let fields = |kind: &str| {
        let fields = schema["types"][kind].as_object().expect("a type").iter();
        let plain = fields.filter(|(name, of)| {
            scalars.contains(&of.as_str().expect("text")) && *name != "metaValue"
        });
        plain.map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ")
    };
    let service = service(&visit).await;
    let (alert, log, state) = (fields("Alert"), fields("AlertLogEntry"), fields("AlertState"));
    let (served, called, policy) =
        (fields("Service"), fields("ServiceOnCallUser"), fields("EscalationPolicy"));
    let (step, target, page) =
        (fields("EscalationPolicyStep"), fields("Target"), fields("PageInfo"));
    let query = format!(
        "query All($id: ID!) {{
            alerts(input: {{ filterByServiceID: [$id], first: 5 }}) {{
                nodes {{
                    {alert} metaValue(key: \"case\") meta {{ key value }} state {{ {state} }}
                    recentEvents(input: {{ limit: 5 }}) {{ nodes {{ {log} }} pageInfo {{ {page} }} }}
                }}
                pageInfo {{ {page} }}
            }}
            service(id: $id) {{
                {served} onCallUsers {{ {called} }} escalationPolicy {{ {policy} steps {{ {step} targets {{ {target} }} }} }}
            }}
        }}"
    );
    let answer = graphql(&visit, &query, json!({ "id": service })).await;
    assert_eq!((answer.status, &answer.body["errors"]), (StatusCode::OK, &Value::Null));
    let alert = &answer.body["data"]["alerts"]["nodes"][0];
    for (name, of) in schema["types"]["Alert"].as_object().expect("a type") {
        let (of, value) = (of.as_str().expect("text"), &alert[name.as_str()]);
        match of {
            "ID!" | "String!" | "AlertStatus!" | "ISOTimestamp!" => {
                assert!(value.is_string(), "{name}: {value}")
            }
            "Int!" => assert!(value.is_number(), "{name}: {value}"),
            _ => {}
        }
    }
    assert_eq!(alert["createdAt"], "2016-02-29T09:00:00Z");
    assert_eq!(answer.body["data"]["service"]["onCallUsers"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn who_did_what_stands_in_the_prose_of_the_log() {
    let visit = Visit::new();
    incoming(&visit, "summary=test&dedup=c-1").await;
    for deed in [
        Deed::take("autobot"),
        Deed::take("erin"),
        Deed::give_back("erin"),
        Deed::take("frank"),
        Deed::resolve("frank", None),
    ] {
        visit.pass(5);
        assert!(visit.office.happen(&Which::Number(1), &deed), "{deed:?}");
    }
    let query = "{ alert(id: 1) { status recentEvents { nodes { message } } } }";
    let answer = graphql(&visit, query, Value::Null).await;
    let alert = &answer.body["data"]["alert"];
    let messages: Vec<_> = alert["recentEvents"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it["message"].as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "Closed by Frank",
            "Acknowledged by Frank",
            "Escalated to step #1 (policy repeat) due to manual escalation",
            "Escalation requested by Erin",
            "Acknowledged by Erin",
            "Acknowledged via Autobot integration",
            "Escalated to step #1",
            "Created via belay integration",
        ]
    );
    assert_eq!(alert["status"], "StatusClosed");
}

#[tokio::test]
async fn alerts_can_be_made_and_closed_through_graphql_too() {
    let visit = Visit::new();
    let service = service(&visit).await;
    let make = "mutation Make($input: CreateAlertInput!) { createAlert(input: $input) { alertID metaValue(key: \"case\") } }";
    let input = json!({ "input": { "summary": "help", "serviceID": service, "dedup": "c-1", "meta": [{ "key": "case", "value": "case-1" }] } });
    let made = graphql(&visit, make, input.clone()).await;
    assert_eq!(made.body["data"]["createAlert"], json!({ "alertID": 1, "metaValue": "case-1" }));
    assert_eq!(graphql(&visit, make, input).await.body["data"]["createAlert"]["alertID"], 1);
    let close = "mutation { updateAlerts(input: { alertIDs: [1], newStatus: StatusClosed }) { id status } }";
    let closed = graphql(&visit, close, Value::Null).await;
    assert_eq!(
        closed.body["data"]["updateAlerts"],
        json!([{ "id": "1", "status": "StatusClosed" }])
    );
}

#[tokio::test]
async fn refusals_have_their_form() {
    let visit = Visit::new();
    let router = belay_replay::goalert(visit.office.clone());
    let wrong =
        send(&router, "POST /api/v2/generic/incoming?token=wrong&summary=x", &[], None).await;
    assert_eq!(wrong.expect("an answer").status, StatusCode::UNAUTHORIZED);
    let nobody = send(
        &router,
        "POST /api/graphql",
        &[],
        Some(json!({ "query": "{ alert(id: 1) { id } }" })),
    )
    .await;
    assert_eq!(nobody.expect("an answer").status, StatusCode::UNAUTHORIZED);
    let unknown = graphql(&visit, "{ alerts { nodes { owner } } }", Value::Null).await;
    assert_eq!(unknown.status, StatusCode::OK, "nothing is asked of no alert");
    incoming(&visit, "summary=x&dedup=c-1").await;
    let unknown = graphql(&visit, "{ alerts { nodes { owner } } }", Value::Null).await;
    assert_eq!(
        (unknown.status, &unknown.body["errors"][0]["message"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!("Cannot query field \"owner\" on type \"Alert\".")
        )
    );
    let broken = graphql(&visit, "{ alerts { ", Value::Null).await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY);
    let missing = graphql(&visit, "{ alert(id: 9) { id } }", Value::Null).await;
    assert_eq!((missing.status, &missing.body["data"]["alert"]), (StatusCode::OK, &Value::Null));
    assert_eq!(missing.body["errors"][0]["path"], json!(["alert"]));
    visit.office.lie(Lie::LosesAnswer.on(Asked::Create).times(1));
    assert!(incoming(&visit, "summary=y&dedup=c-2").await.is_none());
    let again = incoming(&visit, "summary=y&dedup=c-2").await.expect("an answer");
    assert_eq!((&again.body["IsNew"], visit.office.carrying("c-2").len()), (&json!(false), 1));
}

async fn incoming(visit: &Visit, form: &str) -> Option<Answer> {
    let quiet = Visit::new();
    let query =
        "{ services(input: { search: \"oncall\" }) { nodes { integrationKeys { href } } } }";
    let answer = graphql(&quiet, query, Value::Null).await;
    let href = answer.body["data"]["services"]["nodes"][0]["integrationKeys"][0]["href"]
        .as_str()
        .expect("an address");
    let path = href.replace("http://office.example", "");
    let router = belay_replay::goalert(visit.office.clone());
    send(&router, &format!("POST {path}&{form}"), &[("accept", "application/json")], None).await
}

async fn service(visit: &Visit) -> Value {
    let answer =
        graphql(visit, "{ services(input: { search: \"oncall\" }) { nodes { id } } }", Value::Null)
            .await;
    answer.body["data"]["services"]["nodes"][0]["id"].clone()
}

async fn graphql(visit: &Visit, query: &str, variables: Value) -> Answer {
    let body = json!({ "query": query, "variables": variables });
    let router = belay_replay::goalert(visit.office.clone());
    send(&router, "POST /api/graphql", &[AUTHORIZED], Some(body)).await.expect("an answer")
}
