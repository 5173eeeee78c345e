//! `belay connector verify`, as an operator types it: against the built-in desk, and against trap queues of a real
//! Request Tracker, which `deploy/bench/request-tracker/up` starts. Without one that part says that it is skipped.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const DESK: &str = "systems:\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}}\n    people: {ann: {}}\n";

/// Queues of the bench, and the lies that each of them tells. Every ticket of Request Tracker has times in whole seconds.
const TRACKER: [(&str, &[u64]); 5] = [
    ("billing-escalations", &[22]),
    ("empty-queue", &[6]),
    ("bounce-desk", &[5, 22]),
    ("autoclose-desk", &[18, 22]),
    ("robot-desk", &[7, 22]),
];

#[test]
fn a_desk_tells_no_lie_and_keeps_no_open_ticket() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DESK, "desk/front");
    let shown = verify(folder.path(), "desk", "front");
    let told: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{told:#}");
    assert_eq!(told["rows"].as_array().unwrap().len(), 22);
    assert_eq!((&told["told"], &told["led_to_cover"]), (&Value::Array(vec![]), &false.into()));
    assert_eq!(told["tickets"][0]["clean"], true, "{told:#}");
    // Nothing goes over a wire, so what would be there was not tried.
    assert_eq!(row(&told, 2)["outcome"], "not_tried", "{told:#}");
    assert_eq!(row(&told, 22)["outcome"], "cannot_be_provoked", "{told:#}");
}

#[test]
fn a_system_that_is_not_in_the_playbook_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DESK, "desk/front");
    let shown = verify(folder.path(), "snow", "front");
    assert_eq!(shown.status.code(), Some(3));
}

#[test]
fn the_traps_of_a_real_request_tracker_are_told_and_none_leads_to_cover() {
    let Ok(url) = std::env::var("RT_URL") else {
        // Past the capture of the test's output, so that it is seen.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: belay connector verify against Request Tracker. Start one with \
             deploy/bench/request-tracker/up and set the variables it prints."
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &tracker(&url), "tracker/billing-escalations");
    for (queue, lies) in TRACKER {
        let shown = verify(folder.path(), "tracker", queue);
        let told: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let expected: Vec<Value> = lies.iter().map(|lie| (*lie).into()).collect();
        assert_eq!(told["told"], Value::Array(expected), "{queue}: {told:#}");
        assert_eq!(told["led_to_cover"], false, "{queue}: {told:#}");
        let tickets = told["tickets"].as_array().unwrap();
        assert!(tickets.iter().all(|left| left["clean"] == true), "{queue}: {told:#}");
        // It runs beside this test, so its clock is ours.
        let clock = row(&told, 22)["seen"].as_str().unwrap();
        assert!(clock.starts_with("its answers show our time"), "{queue}: {clock}");
        if !tickets.is_empty() {
            let unknown = row(&told, 2);
            assert_eq!(unknown["outcome"], "not_told", "{queue}: {told:#}");
            assert!(unknown["seen"].as_str().unwrap().ends_with("is answered with 404"));
            assert!(clock.contains("its tickets show our time"), "{queue}: {clock}");
        }
    }
}

fn row(told: &Value, number: u64) -> &Value {
    told["rows"].as_array().unwrap().iter().find(|row| row["number"] == number).unwrap()
}

fn verify(folder: &Path, system: &str, queue: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belay"));
    command.args(["connector", "verify", system, "--queue", queue, "--watch", "3"]);
    command.args(["--output", "json", "--playbook"]).arg(folder).output().unwrap()
}

fn write(folder: &Path, systems: &str, queue: &str) {
    let policy = format!(
        "name: takeover\nsteps:\n  - {{queue: {queue}, acknowledge_within: 5m}}\nbackoff: {{first: 1m, most: 1h}}\n"
    );
    fs::create_dir_all(folder.join("escalations")).unwrap();
    for (file, text) in [
        ("playbook.yaml", "name: live\n"),
        ("systems.yaml", systems),
        ("agents.yaml", "roles: {}\nagents: {}\n"),
        ("routing.yaml", "rules: []\notherwise: {to: people, takeover: takeover}\n"),
        ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
        ("escalations/takeover.yaml", policy.as_str()),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
}

fn tracker(url: &str) -> String {
    let queues = TRACKER.map(|(queue, _)| format!("      {queue}: {{}}\n")).concat();
    format!(
        "systems:
  tracker:
    kind: request-tracker
    base_url: {url}
    credential: {{env: RT_SVC_TOKEN}}
    service_account: belay-svc
    machines: [autobot]
    statuses: {{new: open, open: open, stalled: open, resolved: resolved, rejected: rejected}}
    fields: {{correlation: belay-correlation-id, case: belay-case-id, resolution: belay-resolution}}
    queues:
{queues}"
    )
}
