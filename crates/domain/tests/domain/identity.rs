//! Whom a case is about: recorded once, told to its holder without a word about others, and brought to people where it
//! is not certain.

use std::collections::BTreeMap;

use belay_domain::{Actor, Candidate, Command, Digest, Finding, Identification, Source, decide};

use crate::script::{Story, check};
use crate::terms::{at, id};

/// `weak`, `two`, `nobody`, `unread`, or the id of somebody who was identified.
pub(crate) fn finding(word: &str) -> Identification {
    let ids = |id_of: &str| BTreeMap::from([(id("processor"), id_of.to_owned())]);
    let candidate = |of: &str, score| Candidate {
        ids: ids(of),
        score,
        excluded: false,
        lines: vec![format!("email agrees: +{score}")],
    };
    let (finding, confidence, candidates) = match word {
        "nobody" => (Finding::Nobody, 0, vec![]),
        "weak" => (Finding::BelowBar, 50, vec![candidate("cus_other", 50)]),
        "two" => (Finding::Ambiguous, 90, vec![candidate("cus_1", 90), candidate("cus_2", 90)]),
        "unread" => (Finding::Unreadable, 0, vec![]),
        known => (Finding::Identified, 90, vec![candidate(known, 90)]),
    };
    Identification {
        object: "customer".to_owned(),
        playbook: Digest::of(b"playbook"),
        finding,
        confidence,
        bar: 80,
        margin: 20,
        ids: if finding == Finding::Identified { ids(word) } else { BTreeMap::new() },
        lines: vec!["payer: 1 record".to_owned()],
        candidates,
        reads: 1,
    }
}

#[test]
fn who_was_identified_is_recorded_once_with_a_fact_for_each_system() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 identify A cus_1 -> identity_recorded, context_added, context_added
         4 identify A cus_1 -> -
         5 identify B cus_1 -> refused NOT_OWNER
         5 identify A cus_1 @9 -> refused STALE_EPOCH
         20 identify A cus_1 -> refused STALE_EPOCH",
    );
}

#[test]
fn who_is_not_identified_is_a_matter_for_people_who_are_asked_once() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 identify A weak -> identity_recorded, context_added, escalation_opened, step_started
         4 identify A weak -> -
         4 owner -> agent A @1
         5 identify A two -> identity_recorded, context_added, escalation_widened
         6 placed e1/r1s1 T1
         7 look e1/r1s1 taken=ann -> escalation_acknowledged
         8 coverage -> covered by ann of itsm/first until 27",
    );
}

#[test]
fn what_was_decided_on_another_finding_is_withdrawn() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 identify A cus_1
         4 propose A p1 {1} ask=1
         5 identify A cus_1 -> -
         6 identify A cus_2 -> approval_ended, escalation_closed, action_withdrawn, identity_recorded, context_added, context_added
         6 action a1 -> withdrawn
         7 propose A p2 {2} ask=1
         8 identify A unread -> approval_ended, escalation_closed, action_withdrawn, identity_recorded, context_added, escalation_opened, step_started",
    );
}

#[test]
fn whoever_holds_the_case_is_told_nothing_about_others() {
    for word in ["weak", "two", "nobody", "unread"] {
        let mut story = Story::new();
        for line in ["0 open", "1 offer A", "2 accept A h1", &format!("3 identify A {word}")] {
            story.tell(line);
        }
        let told = story.case.context.entries();
        let entry = told.last().expect("an entry");
        assert_eq!(
            (entry.kind.as_str(), entry.provenance.source),
            ("identification", Source::Belay)
        );
        for secret in ["cus_", "agrees", "payer"] {
            assert!(told.iter().all(|entry| !entry.body.contains(secret)), "{word}: {entry:?}");
        }
    }
}

#[test]
fn what_no_search_finds_is_refused() {
    let mut story = Story::new();
    ["0 open", "1 offer A", "2 accept A h1"].iter().for_each(|line| drop(story.tell(line)));
    let refused = |change: &dyn Fn(&mut Identification)| {
        let mut found = finding("two");
        change(&mut found);
        let by = belay_domain::Actor::Person(id("ann"));
        let command = belay_domain::Command::RecordIdentity { by, identification: Box::new(found) };
        belay_domain::decide(&story.case, &command, crate::terms::at(3)).map_err(|why| why.code())
    };
    assert!(refused(&|_| ()).is_ok());
    let many = |found: &mut Identification| {
        found.candidates = vec![found.candidates[0].clone(); 21];
    };
    assert_eq!(refused(&many), Err("TOO_MANY"));
    assert_eq!(refused(&|found| found.lines = vec![String::new(); 101]), Err("TOO_MANY"));
    assert_eq!(refused(&|found| found.object = "o".repeat(1_025)), Err("TOO_LONG"));
    assert_eq!(refused(&|found| found.lines = vec!["x".repeat(1_025)]), Err("TOO_LONG"));
}

#[test]
fn a_first_certain_finding_withdraws_nothing() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 identify A weak
         4 propose A p1 {1} by=supervisor ask=1
         5 identify A cus_1 -> identity_recorded, context_added, context_added
         5 action a1 -> awaiting_approval",
    );
}

/// What becomes of a finding that was changed so.
fn found(story: &mut Story, changed: impl Fn(&mut Identification)) -> String {
    let mut identification = Box::new(finding("cus_1"));
    changed(&mut identification);
    let by = Actor::Program("tool".to_owned());
    match decide(&story.case, &Command::RecordIdentity { by, identification }, at(1)) {
        Ok(events) => {
            events.iter().for_each(|event| belay_domain::apply(&mut story.case, event));
            "recorded".to_owned()
        }
        Err(refused) => refused.code().to_owned(),
    }
}

#[test]
fn a_finding_is_as_large_as_is_read_and_no_larger() {
    #[track_caller]
    fn most(most: usize, changed: impl Fn(&mut Identification, usize)) {
        let at_most = |size: usize| {
            let mut story = Story::new();
            story.tell("0 open");
            found(&mut story, |finding| changed(finding, size))
        };
        assert_eq!([at_most(most), at_most(most + 1)], ["recorded", "TOO_MANY"]);
    }
    let systems = |size: usize| (0..size).map(|n| (id(&format!("s{n}")), n.to_string())).collect();
    let lines = |size: usize| (0..size).map(|n| n.to_string()).collect::<Vec<_>>();
    most(20, |found, size| found.candidates = vec![found.candidates[0].clone(); size]);
    most(50, |found, size| found.ids = systems(size));
    most(50, |found, size| found.candidates[0].ids = systems(size));
    most(100, |found, size| found.lines = lines(size));
    most(100, |found, size| found.candidates[0].lines = lines(size));
}

#[test]
fn only_so_many_objects_are_looked_for_and_those_again() {
    let mut story = Story::new();
    story.tell("0 open");
    for number in 0..16 {
        let object = format!("object{number}");
        assert_eq!(found(&mut story, |found| found.object.clone_from(&object)), "recorded");
    }
    assert_eq!(found(&mut story, |found| found.object = "more".to_owned()), "TOO_MANY");
    assert_eq!(found(&mut story, |found| found.object = "object3".to_owned()), "recorded");
}
