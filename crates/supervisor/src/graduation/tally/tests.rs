//! Stories of actions, counted.

use belay_domain::Verdict;
use serde_json::{Value, json};

use super::*;

/// One that is sent and verified.
const VERIFIED: &str = "0 proposed a1; 0 assessed a1; 1 dispatched a1; 2 verified a1";

#[test]
fn what_was_sent_and_verified_is_counted_once() {
    check(VERIFIED, Figures { decided: 1, sent: 1, verified: 1, ..Figures::default() });
    // What is proven twice, or about nobody, is not counted again.
    let again = format!("{VERIFIED}; 3 verified a1; 3 diverged a1; 3 verified a9");
    check(&again, Figures { decided: 1, sent: 1, verified: 1, ..Figures::default() });
}

#[test]
fn attempts_are_one_action() {
    check(
        "0 proposed a1; 0 assessed a1; 1 dispatched a1; 2 dispatched a1 again; 3 failed a1",
        Figures { decided: 1, sent: 1, failed: 1, ..Figures::default() },
    );
}

#[test]
fn what_is_found_out_after_people_were_told_is_not_unresolved_any_more() {
    let told = "0 proposed a1; 0 assessed a1; 1 dispatched a1; 2 unresolved a1; 3 unresolved a1";
    let open = Figures { decided: 1, sent: 1, unresolved: 1, ..Figures::default() };
    check(told, open);
    let found = format!("{told}; 9000 verified a1");
    check(&found, Figures { unresolved: 0, verified: 1, ..open });
}

#[test]
fn people_who_reject_or_change_override_it() {
    check(
        "0 proposed a1; 0 assessed a1; 1 ended a1 approved; 0 proposed a2; 1 ended a2 rejected; \
         0 proposed a3; 1 ended a3 amended; 2 assessed a3; 0 proposed a4; 1 ended a4 expired",
        Figures { decided: 2, asked: 3, overridden: 2, ..Figures::default() },
    );
}

#[test]
fn what_people_did_instead_is_compared_only_where_it_was_not_there_before() {
    let shadowed = "0 proposed a1; 0 assessed a1; 1 shadowed a1";
    let one = Figures { decided: 1, shadowed: 1, ..Figures::default() };
    check(shadowed, one);
    for (how, expected) in [
        ("applied fresh", Figures { agreed: 1, ..one }),
        ("different fresh", Figures { differed: 1, ..one }),
        ("absent fresh", Figures { absent: 1, ..one }),
        ("absent", Figures { absent: 1, ..one }),
        ("applied stood", Figures { untold: 1, ..one }),
        ("different stood", Figures { untold: 1, ..one }),
        ("applied", Figures { untold: 1, ..one }),
        ("unreadable fresh", Figures { untold: 1, ..one }),
    ] {
        check(&format!("{shadowed}; 5 compared a1 {how}; 6 compared a1 applied fresh"), expected);
    }
}

#[test]
fn what_was_not_written_waits_until_its_case_is_over() {
    let tally = heard("0 proposed a1; 0 assessed a1; 1 shadowed a1");
    let waiting: Vec<_> = tally.shadowed().collect();
    assert_eq!((waiting.len(), waiting[0].0, waiting[0].1.over_at), (1, "c", None));
    let tally = heard("0 proposed a1; 0 assessed a1; 1 shadowed a1; 5 resolved");
    let settled = Some(at(5 + 7));
    assert_eq!(tally.shadowed().map(|(_, one)| one.over_at).collect::<Vec<_>>(), [settled]);
    let tally = heard("0 proposed a1; 1 shadowed a1; 5 resolved; 6 compared a1 absent");
    assert_eq!(tally.shadowed().count(), 0);
}

#[test]
fn a_demotion_begins_another_story_in_which_what_was_under_way_does_not_count() {
    let tally = heard(&format!(
        "{VERIFIED}; 3 proposed a2; 3 assessed a2; 4 dispatched a2; 5 demoted; 6 diverged a2; \
         7 proposed a3; 7 assessed a3; 7 dispatched a3; 8 verified a3"
    ));
    let figures = tally.figures_within(&contract(), Span::from_hours(1), at(10));
    assert_eq!(figures, Figures { decided: 1, sent: 1, verified: 1, ..Figures::default() });
    let demotions: Vec<_> = tally.demotions().collect();
    assert_eq!((demotions.len(), &demotions[0].contract), (1, &contract()));
    // A case that anybody else opens under that name is none.
    assert_eq!(heard("1 demoted by=program:another").demotions().count(), 0);
}

#[test]
fn a_window_forgets_what_is_older_by_the_hour() {
    let tally = heard(&format!("{VERIFIED}; 7300 proposed a2; 7300 assessed a2; 7301 denied a2"));
    let within = |hours| tally.figures_within(&contract(), Span::from_hours(hours), at(7_400));
    assert_eq!(within(1), Figures { decided: 1, denied: 1, ..Figures::default() });
    assert_eq!(within(3).verified, 1);
    assert_eq!(tally.contracts().count(), 1);
}

#[track_caller]
fn check(story: &str, expected: Figures) {
    let tally = heard(story);
    assert_eq!(tally.figures_within(&contract(), Span::from_hours(24), at(10_000)), expected);
}

fn heard(story: &str) -> Tally {
    let mut tally = Tally::default();
    for (position, line) in (1..).zip(story.split(';')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (moment, what) = (words[0].parse().unwrap(), &words[1..]);
        let kind = kind(what);
        let event = Event { at: at(moment), kind };
        tally.hear(&StoredEvent {
            position,
            tenant: "acme".to_owned(),
            case: "c".to_owned(),
            seq: position,
            kind: event.kind.name().to_owned(),
            at: event.at,
            body: serde_json::to_vec(&event).unwrap(),
            hash: belay_journal::Hash::NONE,
        });
    }
    assert!(tally.position > 0);
    tally
}

fn kind(words: &[&str]) -> EventKind {
    let action: ActionId = words.get(1).unwrap_or(&"a").parse().unwrap();
    let has = |word| words.contains(&word);
    let text = String::new;
    match words[0] {
        "proposed" => serde_json::from_value(json!({
            "event": "action_proposed", "action": action, "proposal": "p", "proposer": "billing-1", "epoch": 1,
            "contract": contract(), "input": "{}", "provenance": [], "plan": null, "justification": "",
            "until": at(100),
        }))
        .unwrap(),
        "assessed" => EventKind::ActionAssessed { action, verdict: Box::new(verdict()) },
        "denied" => EventKind::ActionDenied { action, reasons: Vec::new() },
        "shadowed" => EventKind::ActionShadowed { action },
        "compared" => EventKind::ActionCompared {
            action,
            before: if has("fresh") { Some(false) } else { has("stood").then_some(true) },
            shown: match words[2] {
                "applied" => ReadBack::Applied { shown: text() },
                "different" => ReadBack::Different { difference: text() },
                "absent" => ReadBack::NotApplied,
                _ => ReadBack::Unreadable { detail: text() },
            },
        },
        "ended" => {
            let by = if has("expired") { Value::Null } else { json!("lea") };
            serde_json::from_value(json!({
                "event": "approval_ended", "action": action, "decision": words[2], "by": by, "note": "",
            }))
            .unwrap()
        }
        "dispatched" => EventKind::ActionDispatched {
            action,
            attempt: if has("again") { 2 } else { 1 },
            permit: None,
            until: at(100),
        },
        "unresolved" => EventKind::ActionUnresolved { action, detail: text() },
        "failed" => EventKind::ActionFailed { action, reason: text() },
        "verified" => EventKind::ActionVerified { action, shown: text() },
        "diverged" => EventKind::ActionDiverged { action, difference: text() },
        "resolved" => serde_json::from_value(json!({
            "event": "case_resolved", "by": "person:lea", "code": "done", "note": "",
        }))
        .unwrap(),
        "demoted" => {
            let by = words.iter().find_map(|word| word.strip_prefix("by="));
            serde_json::from_value(json!({
                "event": "case_opened", "tenant": "acme", "request": "d-1", "subject": "it left its bounds",
                "kind": KIND, "customer": "belay", "channel": "belay", "fingerprint": null,
                "labels": [["contract", contract()]], "by": by.unwrap_or("program:belay-graduation"),
                "terms": {
                    "playbook": belay_domain::Digest::of(b"p"), "severity": "high", "route": null,
                    "seek_within": Span::ZERO, "offer_within": Span::ZERO, "lease": Span::ZERO, "bounces_max": 0,
                    "takeover": { "policy": "p", "steps": [],
                        "backoff": { "first": Span::ZERO, "most": Span::ZERO }, "resolutions": {} },
                },
            }))
            .unwrap()
        }
        other => panic!("no such event: {other}"),
    }
}

fn verdict() -> Verdict {
    let span = Span::from_secs(7);
    serde_json::from_value(json!({
        "playbook": belay_domain::Digest::of(b"p"), "boundary": null, "policies": [], "input": "{}",
        "snapshot": null, "shown": "", "ruling": "allow",
        "terms": {
            "contract": contract(), "live": true, "executor": "supervisor", "tier": 0, "key": "k", "amount": null,
            "permit_within": span, "outcome_within": span, "settle_within": span, "verify_within": span,
            "attempts_max": 1, "backoff": { "first": span, "most": span }, "compensable": false,
            "undo_divergence": false,
        },
    }))
    .unwrap()
}

fn contract() -> ContractId {
    "billing.refund@1".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 - 1_700_000_000 % 3_600 + seconds).unwrap()
}
