//! `belay check --live`, as an operator types it: against the built-in desk, and against a real Request Tracker with all
//! its trap queues, which `deploy/bench/request-tracker/up` starts. Without one that part says that it is skipped.

#![expect(clippy::unwrap_used, reason = "what surrounds a test may fail it")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const DESK: &str = "systems:\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}}\n    people: {ann: {}}\n";

/// The traps that can be told without creating a ticket, what is said about each, and a desk that is as it should be.
const TRACKER: [(&str, &str); 6] = [
    ("billing-escalations", ""),
    ("no-such-queue", "the queue exists"),
    ("private-desk", "the queue exists"),
    ("retired-desk", "the queue takes tickets"),
    ("empty-queue", "somebody can take its tickets"),
    ("leavers-desk", "somebody can take its tickets"),
];

#[test]
fn a_desk_is_as_its_playbook_says() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), DESK, &["desk/front"]);
    let shown = check(folder.path(), &[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(0), "{text}");
    assert!(text.contains("desk/front: somebody can take its tickets: ok\n"), "{text}");
    assert!(text.ends_with("the one route holds\n"), "{text}");
}

#[test]
fn a_system_that_cannot_be_reached_breaks_its_routes_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing listens there.
    write(folder.path(), &tracker("http://127.0.0.1:9", &["second"]), &["tracker/second"]);
    let shown = check(folder.path(), &[("RT_SVC_TOKEN", "1-2-3")]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.status.code(), Some(6), "{text}");
    assert!(text.contains("tracker/second: the system answers: BROKEN\n"), "{text}");
    assert!(text.contains("escalations/takeover.yaml:3:13: asked by takeover\n"), "{text}");
}

#[test]
fn every_trap_queue_of_a_real_request_tracker_is_found_out() {
    let Ok(url) = std::env::var("RT_URL") else {
        // Past the capture of the test's output, so that it is seen.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: belay check --live against Request Tracker. Start one with \
             deploy/bench/request-tracker/up and set the variables it prints."
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let queues = TRACKER.map(|(queue, _)| queue);
    let steps = queues.map(|queue| format!("tracker/{queue}"));
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    write(folder.path(), &tracker(&url, &queues), &steps);
    let shown = check(folder.path(), &[("BELAY_OUTPUT", "json")]);
    assert_eq!(shown.status.code(), Some(6));
    let told: Value = serde_json::from_slice(&shown.stdout).unwrap();
    for (place, (queue, expected)) in TRACKER.iter().enumerate() {
        let routes = told["routes"].as_array().unwrap();
        let route = routes.iter().find(|route| route["queue"] == *queue).unwrap();
        assert_eq!(route["steps"][0]["line"], place + 3, "{route}");
        let broken: Vec<_> = route["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["verdict"] == "broken")
            .map(|finding| finding["check"].as_str().unwrap())
            .collect();
        match *expected {
            "" => assert!(broken.is_empty() && route["holds"] == true, "{route}"),
            expected => assert!(broken.contains(&expected) && route["holds"] == false, "{route}"),
        }
    }
}

fn check(folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belay"));
    command.args(["check", "--live"]).arg(folder).envs(variables.iter().copied());
    command.output().unwrap()
}

fn write(folder: &Path, systems: &str, queues: &[&str]) {
    let steps: String = queues
        .iter()
        .map(|queue| format!("  - {{queue: {queue}, acknowledge_within: 5m}}\n"))
        .collect();
    fs::create_dir_all(folder.join("escalations")).unwrap();
    for (file, text) in [
        ("playbook.yaml", "name: live\n"),
        ("systems.yaml", systems),
        ("agents.yaml", "roles: {}\nagents: {}\n"),
        ("routing.yaml", "rules: []\notherwise: {to: people, takeover: takeover}\n"),
        ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
        (
            "escalations/takeover.yaml",
            &format!("name: takeover\nsteps:\n{steps}backoff: {{first: 1m, most: 1h}}\n"),
        ),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
}

fn tracker(url: &str, queues: &[&str]) -> String {
    let queues: String = queues.iter().map(|queue| format!("      {queue}: {{}}\n")).collect();
    format!(
        "systems:
  tracker:
    kind: request-tracker
    base_url: {url}
    credential: {{env: RT_SVC_TOKEN}}
    service_account: belay-svc
    statuses: {{new: open, open: open, stalled: open, resolved: resolved, rejected: rejected}}
    fields: {{correlation: belay-correlation-id, case: belay-case-id, resolution: belay-resolution}}
    queues:
{queues}"
    )
}
