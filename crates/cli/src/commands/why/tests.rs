use belay_api::v1;
use jiff::{SignedDuration, Timestamp};

use super::render;
use crate::output::{Style, time};

const NOW: &str = "2025-03-01T10:00:00Z";

#[test]
fn cover_by_a_person_shows_what_proves_it() {
    let evidence = v1::Evidence {
        level: v1::EvidenceLevel::E4Acknowledged.into(),
        system: "desk".into(),
        queue: "billing".into(),
        ticket_id: "d-7".into(),
        revision: 3,
        actor: "dana".into(),
        sent_at: at(-1),
        valid_until: at(5),
        ..Default::default()
    };
    let by = v1::CoveredByPerson {
        person: "dana".into(),
        evidence: Some(evidence),
        valid_until: at(5),
        ..Default::default()
    };
    check(
        v1::coverage::Coverage::CoveredByPerson(by),
        "\
case      c-1
coverage  covered by dana
          stands until 10:00:05Z (in 5.0 s)
          E4 acknowledged by dana: ticket d-7 in desk/billing, revision 3, read 09:59:59Z (1.0 s ago), fresh until 10:00:05Z (in 5.0 s)
next      10:00:05Z (in 5.0 s) the evidence is too old; then the next step is taken
",
    );
}

#[test]
fn asking_is_not_called_cover() {
    let pending = v1::Pending {
        until: at(2),
        asking: Some(v1::pending::Asking::Offer(v1::Offer {
            agent_id: "billing-2".into(),
            ..Default::default()
        })),
    };
    check(
        v1::coverage::Coverage::Pending(pending),
        "\
case      c-1
coverage  pending, not covered: offered to billing-2
          until 10:00:02Z (in 2.0 s)
next      10:00:05Z (in 5.0 s) the evidence is too old; then the next step is taken
",
    );
}

#[test]
fn nobody_is_said_loudly() {
    let uncovered = v1::Uncovered { since: at(-90), reason: "every step was in vain".into() };
    check(
        v1::coverage::Coverage::Uncovered(uncovered),
        "\
case      c-1
coverage  UNCOVERED since 09:58:30Z (90 s ago)
          every step was in vain
next      10:00:05Z (in 5.0 s) the evidence is too old; then the next step is taken
",
    );
}

#[track_caller]
fn check(coverage: v1::coverage::Coverage, expected: &str) {
    let answer = v1::ExplainCaseResponse {
        case: Some(v1::CaseSummary { id: "c-1".into(), ..Default::default() }),
        coverage: Some(v1::Coverage { coverage: Some(coverage), as_of: at(0) }),
        next_moments: vec![v1::NextMoment {
            at: at(5),
            about: "c-1".into(),
            what: "the evidence is too old".into(),
            then: "the next step is taken".into(),
        }],
        ..Default::default()
    };
    let style = Style { colour: false, now: NOW.parse().unwrap() };
    let found = render(&answer, &style);
    assert_eq!(found, expected, "\n{found}");
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    let now: Timestamp = NOW.parse().unwrap();
    Some(time::to_wire(now + SignedDuration::from_secs(seconds)))
}
