use super::*;
use belay_domain::after;
use belay_journal::{Hash, StoredEvent};
use serde_json::{Value, json};

#[test]
fn an_agent_covers_a_case_while_its_lease_runs() {
    let story = [opened(), accepted(5, 15), renewed(10, 20)];
    check(&story, 19, "covered");
    check(&story, 25, "pending");
    check(&story, 33, "GAP since 20");
}

#[test]
fn a_person_covers_a_case_while_the_evidence_is_fresh_and_they_work() {
    let taken = acknowledged(10, shown("E4", 9, 69), json!("1970-01-01T00:01:00Z"));
    let story = [opened(), asking(0, 30), taken.clone()];
    check(&story, 59, "covered");
    check(&story, 73, "GAP since 60");
    let idle =
        [story.to_vec(), vec![evidence(40, shown("E4", 39, 99), false, Value::Null)]].concat();
    check(&idle, 73, "GAP since 60");
    let works = evidence(40, shown("E5", 39, 99), true, Value::Null);
    let worked = [story.to_vec(), vec![works]].concat();
    check(&worked, 98, "covered");
}

#[test]
fn somebody_who_is_asked_in_time_is_enough_for_now() {
    check(&[opened(), sought(0, 10)], 9, "pending");
    check(&[opened(), sought(0, 10)], 22, "GAP since 10");
    check(&[opened(), asking(0, 10)], 9, "pending");
    check(&[opened(), asking(0, 10)], 22, "GAP since 10, OVERDUE since 10");
    let declined = event(2, "handoff_declined", json!({}));
    check(&[opened(), offered(0, 10), declined], 14, "GAP since 2");
}

#[test]
fn people_who_are_asked_to_decide_do_not_cover_the_case() {
    let purpose = json!({ "approval": { "action": "c/a1" } });
    let asked = event(0, "escalation_opened", json!({ "escalation": "c/e1", "purpose": purpose }));
    check(&[opened(), asked.clone(), step(0, 60)], 20, "GAP since 0");
    let mut taken = acknowledged(5, shown("E4", 4, 64), Value::Null);
    taken.2["epoch"] = Value::Null;
    check(&[opened(), asked, step(0, 60), taken], 30, "GAP since 5");
}

#[test]
fn an_alarm_is_enough_until_people_should_be_asked_again() {
    let exhausted =
        event(10, "escalation_exhausted", json!({ "escalation": "c/e1", "retry_at": at(40) }));
    let raised = event(10, "coverage_raised", json!({ "since": at(10), "reason": "nobody" }));
    let story = [opened(), asking(0, 10), exhausted, raised];
    check(&story, 39, "uncovered");
    check(&story, 51, "uncovered");
    check(&story, 52, "uncovered OVERDUE since 40");
    let lowered = event(20, "coverage_lowered", json!({}));
    check(&[story.to_vec(), vec![lowered]].concat(), 35, "GAP since 20");
}

#[test]
fn a_lapse_ends_the_cover_at_once() {
    let taken = acknowledged(5, shown("E4", 4, 64), Value::Null);
    let lapsed = event(20, "escalation_lapsed", json!({ "escalation": "c/e1", "epoch": 3 }));
    check(&[opened(), asking(0, 10), taken, lapsed], 33, "GAP since 20");
}

#[test]
fn evidence_that_does_not_show_it_is_no_cover_whoever_says_so() {
    let case = |shown: Value| [opened(), asking(0, 10), acknowledged(10, shown, Value::Null)];
    check(&case(shown("E3", 9, 69)), 25, "UNPROVEN, GAP since 10");
    check(&case(shown("E4", 11, 69)), 25, "FUTURE, GAP since 10");
    check(&case(shown("E4", 9, 400)), 25, "LONG, GAP since 10");
    let mut nobody = shown("E4", 9, 69);
    nobody["actor"] = Value::Null;
    check(&case(nobody), 25, "UNPROVEN, GAP since 10");
    let mut other = shown("E4", 9, 69);
    other["actor"] = json!("bob");
    check(&case(other), 25, "UNPROVEN, GAP since 10");
    check(&[opened(), accepted(5, 90)], 30, "LEASE, GAP since 5");
}

#[test]
fn what_is_missing_or_cannot_be_read_is_found() {
    let mut known = Known::default();
    let mut first = stored(1, &opened());
    known.hear(&first);
    first.position = 4;
    first.kind = "lease_renewed".to_owned();
    first.body = b"{".to_vec();
    known.hear(&first);
    let pass = judging::judge(&known, moment(1), GRACE);
    let said: Vec<String> = pass.findings.iter().map(ToString::to_string).collect();
    assert!(said[0].contains("2 to 3") && said[1].contains("lease_renewed"), "{said:?}");
}

#[test]
fn resolved_cases_and_canaries_are_not_counted() {
    let mut known = Known::default();
    known.hear(&stored(1, &opened()));
    known.hear(&stored(2, &event(1, "case_resolved", json!({ "by": "ana" }))));
    let canary = StoredEvent { tenant: crate::canary::CANARIES.to_owned(), ..stored(3, &opened()) };
    known.hear(&canary);
    let pass = judging::judge(&known, moment(2), GRACE);
    assert_eq!((pass.open, pass.canaries), (0, 1));
}

/// The stored form is the domain's; this keeps the auditor able to read every event that was ever written.
#[test]
fn every_telling_event_that_was_ever_stored_can_be_read() {
    assert!(reading::TELLING.is_sorted());
    let golden = include_str!("../../../domain/tests/domain/events.golden");
    let mut seen = std::collections::BTreeSet::new();
    for (number, line) in golden.lines().enumerate() {
        let body: Value = serde_json::from_str(line).unwrap();
        let kind = body["event"].as_str().unwrap().to_owned();
        let at = body["at"].as_str().unwrap().parse().unwrap();
        let mut known = Known::default();
        known.hear(&stored(1, &opened()));
        let event = StoredEvent {
            kind: kind.clone(),
            at,
            body: line.as_bytes().to_vec(),
            ..stored(2, &opened())
        };
        known.hear(&event);
        let wrong = known.wrongs.iter().find(|(_, what)| matches!(what, What::Unreadable { .. }));
        assert_eq!(wrong, None, "line {}: {line}", number + 1);
        seen.insert(kind);
    }
    let unseen: Vec<_> = reading::TELLING.iter().filter(|kind| !seen.contains(**kind)).collect();
    assert!(unseen.is_empty(), "never in the golden file: {unseen:?}");
}

/// What the auditor says of one case with these events, at a second.
#[track_caller]
fn check(story: &[Told], second: i64, said: &str) {
    let mut known = Known::default();
    for told in story.iter().flat_map(spelled_out) {
        known.hear(&stored(known.position() + 1, &told));
    }
    let pass = judging::judge(&known, moment(second), GRACE);
    let seconds = |at: &Timestamp| at.as_second();
    let mut words = Vec::new();
    for (count, word) in
        [(pass.covered, "covered"), (pass.pending, "pending"), (pass.uncovered, "uncovered")]
    {
        words.extend((count == 1).then(|| word.to_owned()));
    }
    let mut found: Vec<String> = pass
        .findings
        .iter()
        .map(|finding| match &finding.what {
            What::Gap { since } => format!("GAP since {}", seconds(since)),
            What::Overdue { since, .. } => format!("OVERDUE since {}", seconds(since)),
            What::Unproven => "UNPROVEN".to_owned(),
            What::FromTheFuture { .. } => "FUTURE".to_owned(),
            What::LongEvidence { .. } => "LONG".to_owned(),
            What::LongLease { .. } => "LEASE".to_owned(),
            other => other.to_string(),
        })
        .collect();
    found.sort_by_key(|word| (word.starts_with("OVERDUE"), word.starts_with("GAP")));
    words.extend((!found.is_empty()).then(|| found.join(", ")));
    assert_eq!(words.join(" "), said, "{story:#?}");
}

/// Second, kind, body.
type Told = (i64, &'static str, Value);

fn event(second: i64, kind: &'static str, body: Value) -> Told {
    (second, kind, body)
}

fn opened() -> Told {
    event(0, "case_opened", json!({ "terms": { "lease": "PT15S" }, "by": "program:intake" }))
}

fn accepted(second: i64, until: i64) -> Told {
    event(second, "handoff_accepted", json!({ "lease_until": at(until), "epoch": 1 }))
}

fn renewed(second: i64, until: i64) -> Told {
    event(second, "lease_renewed", json!({ "lease_until": at(until) }))
}

fn sought(second: i64, until: i64) -> Told {
    event(second, "routing_started", json!({ "routing": { "until": at(until), "why": "opened" } }))
}

fn offered(second: i64, until: i64) -> Told {
    event(second, "handoff_offered", json!({ "until": at(until) }))
}

fn step(second: i64, until: i64) -> Told {
    event(second, "step_started", json!({ "escalation": "c/e1", "until": at(until) }))
}

/// People are asked to take the case.
fn asking(second: i64, until: i64) -> Told {
    event(second, ASKING, json!({ "until": at(until) }))
}

/// Stands for two events: an escalation is opened, and its first step begins.
const ASKING: &str = "asking";

fn spelled_out(told: &Told) -> Vec<Told> {
    let (second, kind, body) = told;
    if *kind != ASKING {
        return vec![told.clone()];
    }
    let purpose = json!({ "takeover": { "cause": "no_agent" } });
    let opened = json!({ "escalation": "c/e1", "purpose": purpose });
    let step = json!({ "escalation": "c/e1", "until": body["until"] });
    vec![event(*second, "escalation_opened", opened), event(*second, "step_started", step)]
}

fn acknowledged(second: i64, evidence: Value, work_until: Value) -> Told {
    let body = json!({
        "escalation": "c/e1", "by": "ana", "evidence": evidence, "work_until": work_until, "epoch": 2,
    });
    event(second, "escalation_acknowledged", body)
}

fn evidence(second: i64, evidence: Value, worked: bool, work_until: Value) -> Told {
    let body = json!({
        "escalation": "c/e1", "evidence": evidence, "work_until": work_until, "worked": worked,
    });
    event(second, "evidence_renewed", body)
}

fn shown(level: &str, sent: i64, until: i64) -> Value {
    json!({ "level": level, "actor": "ana", "sent_at": at(sent), "valid_until": at(until) })
}

fn stored(position: u64, (second, kind, body): &Told) -> StoredEvent {
    let mut body = body.clone();
    body["event"] = json!(kind);
    body["at"] = json!(at(*second));
    StoredEvent {
        position,
        tenant: "acme".to_owned(),
        case: "c".to_owned(),
        seq: position,
        kind: (*kind).to_owned(),
        at: moment(*second),
        body: body.to_string().into_bytes(),
        hash: Hash::NONE,
    }
}

fn at(second: i64) -> String {
    moment(second).to_string()
}

fn moment(second: i64) -> Timestamp {
    after(Timestamp::UNIX_EPOCH, Span::from_secs(second))
}
