//! The real incidents, played through the ServiceNow stand-in: what is read there at each moment is what the data says.

#[path = "recorded/visit.rs"]
#[expect(dead_code, reason = "this test makes its own office")]
mod visit;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use belay_replay::{Incident, Incidents, Office, Person, Row};
use jiff::Timestamp;
use serde_json::{Value, json};
use visit::send;

/// `belay:secret`.
const AUTHORIZED: (&str, &str) = ("authorization", "Basic YmVsYXk6c2VjcmV0");

#[tokio::test]
async fn every_update_of_every_incident_is_read_back_as_it_was() {
    let Some(path) = Incidents::find() else { return };
    let incidents = Incidents::load(&path).expect("the incidents");
    let clock = Arc::new(AtomicI64::new(0));
    let time = Arc::clone(&clock);
    let office = Office::new(Arc::new(move || second(time.load(Ordering::Relaxed))));
    incidents.staff(&office);
    office.join(Person::account("belay", "secret"));
    let router = belay_replay::service_now(office.clone());
    let groups = groups(&router).await;

    // What is to be done at each moment, in the order of time: ask for a ticket, or look at it after an update.
    let mut moments: BTreeMap<(Timestamp, usize), (&Incident, Option<&Row>)> = BTreeMap::new();
    for (place, incident) in incidents.incidents.iter().enumerate() {
        office.script_for(&incident.number, incident.script());
        moments.insert((incident.opened, 2 * place), (incident, None));
        for row in &incident.rows {
            // Of several updates within a minute, the last is what can be read.
            moments.insert((row.at.max(incident.opened), 2 * place + 1), (incident, Some(row)));
        }
    }
    let mut read = 0;
    let mut ids = BTreeMap::new();
    for ((at, _), (incident, row)) in &moments {
        clock.store(at.as_second(), Ordering::Relaxed);
        match row {
            None => {
                let id = ask_for(&router, incident, &groups[&incident.queue]).await;
                ids.insert(incident.number.clone(), id);
            }
            Some(row) => {
                let seen = look(&router, &ids[&incident.number]).await;
                assert_eq!(seen, as_recorded(incident, row), "{} at {at}", incident.number);
                read += 1;
            }
        }
    }
    // 248 of the 3,019 updates are followed by another one within the same minute.
    assert_eq!(read, 3_019 - 248);
}

async fn groups(router: &Router) -> BTreeMap<String, String> {
    let path = "GET /api/now/table/sys_user_group?sysparm_fields=name,sys_id";
    let answer = send(router, path, &[AUTHORIZED], None).await.expect("an answer");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = answer.body["result"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| (text(&row["name"]), text(&row["sys_id"]))).collect()
}

async fn ask_for(router: &Router, incident: &Incident, group: &str) -> String {
    let body = json!({
        "short_description": incident.number,
        "correlation_id": incident.number,
        "assignment_group": group,
    });
    let answer = send(router, "POST /api/now/table/incident", &[AUTHORIZED], Some(body)).await;
    answer.expect("an answer").body["result"]["sys_id"].as_str().expect("an id").to_owned()
}

/// The group, the assignee and the state.
async fn look(router: &Router, id: &str) -> (String, String, String) {
    let fields = "sysparm_fields=assignment_group.name,assigned_to.user_name,state";
    let line = format!("GET /api/now/table/incident/{id}?{fields}&sysparm_display_value=true");
    let answer = send(router, &line, &[AUTHORIZED], None).await.expect("an answer");
    let text = |column: &str| answer.body["result"][column].as_str().unwrap_or_default().to_owned();
    (text("assignment_group.name"), text("assigned_to.user_name"), text("state"))
}

fn as_recorded(incident: &Incident, row: &Row) -> (String, String, String) {
    // Where no group is recorded the ticket stays where it was.
    let earlier = incident
        .rows
        .iter()
        .take_while(|it| !std::ptr::eq(*it, row))
        .filter_map(|it| it.group.as_ref());
    let group = row.group.as_ref().or(earlier.last()).unwrap_or(&incident.queue);
    let assignee = row.assignee.as_deref().unwrap_or_default().to_lowercase().replace(' ', "-");
    let state = match row.state.as_str() {
        "Active" => "In Progress",
        awaiting if awaiting.starts_with("Awaiting") => "On Hold",
        other => other,
    };
    (group.clone(), assignee, state.to_owned())
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a moment")
}
