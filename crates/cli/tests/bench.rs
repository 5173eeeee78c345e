//! Every measurement runs to its end against a supervisor of its own, and says what it found under the names that programs read.
//! How fast it was says nothing here: this is a debug build.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use serde_json::Value;

#[test]
fn every_throughput_is_measured() {
    let lines = check(&["--scenario=echo,append,handoff,action,escalation,watch"]);
    assert_eq!(
        names(&lines),
        "echo 2, append 2, handoff 2, action 2, escalation 2, watch 2",
        "{lines:#?}"
    );
}

#[test]
fn every_size_is_measured() {
    let lines = check(&["--scenario=memory,cold-start,notice", "--agents=20", "--cases=100"]);
    assert_eq!(names(&lines), "memory 20, held 100, cold-start 100, notice 500", "{lines:#?}");
}

#[test]
fn what_cannot_be_measured_elsewhere_is_refused_before_anything_starts() {
    let args = ["bench", "--target=https://localhost:1", "--scenario=cold-start"];
    let ended = belay().args(args).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
}

#[test]
fn a_supervisor_elsewhere_is_measured_with_its_own_identities_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("identity");
    let ended = belay()
        .args(["bench", "--target=https://localhost:1", "--scenario=handoff", "--identity"])
        .arg(&identity)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("--identity DATA/identity"), "{told}");
    assert!(!identity.exists(), "no other authority is made");
}

/// Runs a short measurement; its lines.
#[track_caller]
fn check(args: &[&str]) -> Vec<Value> {
    let usual = ["bench", "--output=json", "--concurrency=2", "--seconds=0.5"];
    let ended = belay().args(usual).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    let lines = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        for field in ["per_second", "p50_us", "p99_us", "seconds"] {
            assert!(line[field].is_number(), "{field} in {line}");
        }
        assert!(line["per_second"].as_f64().unwrap() > 0.0, "{line}");
        assert!(
            line["scenario"] == "append" || line["rss_bytes"].as_u64() > Some(1 << 20),
            "{line}"
        );
    }
    lines
}

fn names(lines: &[Value]) -> String {
    let name = |line: &Value| {
        format!("{} {}", line["scenario"].as_str().unwrap_or("?"), line["concurrency"])
    };
    lines.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn belay() -> Command {
    Command::new(env!("CARGO_BIN_EXE_belay"))
}
