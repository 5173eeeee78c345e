use super::{Approval, Ruled};
use crate::{ApprovalTerms, Backoff, Digest, EscalationPlan, Span, Timestamp, WhenExhausted};

#[track_caller]
fn check(text: &str, expected: Option<(bool, &str, &str)>) {
    let read = Ruled::read(text);
    let read = read.as_ref().map(|r| (r.yes, r.digest.as_str(), r.note.as_str()));
    assert_eq!(read, expected, "{text:?}");
}

#[test]
fn the_first_line_says_what_is_decided() {
    check("approve 3f9a0c12d4e5b678", Some((true, "3f9a0c12d4e5b678", "")));
    check(
        "\n  Approve 3F9A0C12D4E5B678 looks right\n-- \nLea",
        Some((true, "3f9a0c12d4e5b678", "looks right")),
    );
    check(
        "reject 3f9a twice as much as was paid",
        Some((false, "3f9a", "twice as much as was paid")),
    );
}

#[test]
fn what_is_quoted_further_down_or_meant_otherwise_decides_nothing() {
    check("", None);
    check("approve", None);
    check("I approve 3f9a0c12d4e5b678", None);
    check("> approve 3f9a0c12d4e5b678", None);
    check("Thanks.\napprove 3f9a0c12d4e5b678", None);
    check("approved 3f9a0c12d4e5b678", None);
}

/// An approval for which two reasons may be given, or none.
fn asked(reasons: &[&str]) -> Approval {
    let id = |text: &str| text.parse().expect("a reason code");
    let backoff = Backoff { first: Span::from_secs(1), most: Span::from_secs(1) };
    let ask = EscalationPlan {
        policy: "ladder".to_owned(),
        steps: vec![],
        backoff,
        resolutions: [].into(),
        calendars: [].into(),
        exhausted: WhenExhausted::StartOver,
    };
    Approval {
        escalation: "c/e1".parse().expect("an escalation"),
        binding: Digest::of(b"input"),
        terms: ApprovalTerms {
            quorum: 1,
            groups: vec![],
            excluded: vec![],
            decide_within: Span::from_secs(1),
            ask,
            in_ticket: vec![],
            reasons: reasons.iter().map(|code| id(code)).collect(),
        },
        until: Timestamp::UNIX_EPOCH,
        votes: vec![],
        refused: vec![],
        unanswered: vec![],
        questions: vec![],
        delegations: vec![],
    }
}

#[test]
fn a_note_may_begin_with_a_reason_that_may_be_given() {
    #[track_caller]
    fn check(note: &str, code: Option<&str>, rest: &str) {
        let asked = asked(&["no-proof", "goodwill"]);
        let (found, left) = asked.reason_in(note);
        assert_eq!((found.as_ref().map(|code| code.as_str()), left), (code, rest), "{note:?}");
    }
    check("no-proof there is no invoice", Some("no-proof"), "there is no invoice");
    check("Goodwill: they are right", Some("goodwill"), "they are right");
    check("no-proof", Some("no-proof"), "");
    check("there is no-proof", None, "there is no-proof");
    check("", None, "");
    assert_eq!(asked(&[]).reason_in("no-proof at all"), (None, "no-proof at all"));
}
