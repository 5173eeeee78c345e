//! Two cases that turn out to be one matter: linked, merged step by step, or told apart. No step covers anything, and none
//! closes a case of which another does not have everything.

use std::sync::Arc;

use belay_domain::{
    Absorb, Case, Command, Contact, ContextEntry, Coverage, Digest, Event, Next, Provenance,
    Reported, Severity, Source, Status, apply, decide, next_between,
};
use proptest::prelude::*;

use crate::laws;
use crate::script::{Story, check};
use crate::terms::{at, id, key};

/// The verbs of this page: `recognise fp`, `same d by=ann`, `part d`, `apart d`, `goes d`, `stays d`, `takes d 2 critical`,
/// `noted d e1/r1s1`, `sees A old`, `merged d late`.
pub(crate) fn command(story: &Story, verb: &str, words: &[&str]) -> Option<Command> {
    let case = &story.case;
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    let has = |wanted: &str| words.contains(&wanted);
    let by = words.iter().find_map(|word| word.strip_prefix("by="));
    Some(match verb {
        "recognise" => Command::Recognise { fingerprint: key(word(0)) },
        "same" => Command::ShareMatter {
            with: id(word(0)),
            fingerprint: has("fp").then(|| key("fp")),
            by: by.map(id),
        },
        "part" => Command::Part { with: id(word(0)), why: "it was resolved".to_owned() },
        "apart" => {
            Command::TellApart { from: id(word(0)), by: id("ann"), note: "two orders".to_owned() }
        }
        "goes" => Command::ProposeMerge { into: id(word(0)) },
        "stays" => Command::EndMerge { into: id(word(0)), why: "no room".to_owned() },
        "takes" => Command::Absorb(Box::new(taken(word(0), word(1), has("critical"), has("fp")))),
        "noted" => Command::NoteMerge {
            from: id(word(0)),
            correlation: id(&format!("{}/{}", case.id, word(1))),
        },
        "sees" => Command::SeeContext {
            agent: id(word(0)),
            epoch: case.epoch,
            context: match word(1) {
                "old" => Digest::of(b"something else"),
                "first" => belay_domain::Context::digest_of(
                    case.context.entries().iter().take(1).map(AsRef::as_ref),
                ),
                _ => case.context.digest(),
            },
        },
        "merged" => Command::Merge {
            into: id(word(0)),
            reported: Reported {
                contacts: case.reported().contacts + usize::from(has("late")),
                ..case.reported()
            },
        },
        _ => return None,
    })
}

/// What a case of `count` reports, one entry each, would bring.
fn taken(from: &str, count: &str, critical: bool, fingerprint: bool) -> Absorb {
    let count: i64 = count.parse().expect("how many reports");
    let context: Vec<_> = (1..=count)
        .map(|number| {
            Arc::new(ContextEntry {
                kind: "message".to_owned(),
                body: format!("{number} of {from}"),
                provenance: Provenance { source: Source::Customer, reference: from.to_owned() },
                at: at(0),
            })
        })
        .collect();
    let contact = |number| Contact {
        request: id(&format!("q{number}-{from}")),
        channel: "phone".to_owned(),
        at: at(0),
    };
    Absorb {
        from: id(from),
        tenant: id(if from == "elsewhere" { "umbrella" } else { "acme" }),
        subject: "charged twice".to_owned(),
        reported: Reported {
            contacts: usize::try_from(count).expect("a few"),
            entries: context.len(),
            context: belay_domain::Context::digest_of(context.iter().map(AsRef::as_ref)),
            severity: if critical { Severity::Critical } else { Severity::Normal },
        },
        contacts: (1..=count).map(contact).collect(),
        context,
        writes: vec![format!("{from}/a1 (refund@1) is verified")],
        fingerprint: fingerprint.then(|| key("fp")),
        uncovered_since: None,
    }
}

#[test]
fn a_matter_is_recognised_once_and_stays_what_it_was_recognised_as() {
    check(
        "0 open
         1 recognise fp -> matter_recognised
         1 recognise fp -> -
         1 recognise other -> -
         2 same d -> matter_shared
         2 same d -> -
         2 same c -> refused NOT_SAME_MATTER
         3 part d -> matter_parted
         4 recognise fp -> matter_recognised",
    );
}

#[test]
fn a_case_that_nobody_holds_goes_when_everything_that_it_knows_was_taken_over() {
    check(
        "0 open
         1 goes d -> refused NOT_SAME_MATTER
         1 same d -> matter_shared
         2 goes d -> merge_proposed
         2 goes d -> -
         2 goes e -> refused MERGE_UNDER_WAY
         2 takes e 1 -> refused NOT_SAME_MATTER
         2 coverage -> pending until 10
         3 contact q2 -> contact_linked
         3 merged d late -> refused REPORTED_MEANWHILE
         3 merged e -> refused NOT_SAME_MATTER
         4 merged d -> case_merged
         4 coverage -> that of d
         4 owes -> nothing
         5 know ann more -> refused CASE_MERGED
         5 contact q3 -> refused CASE_MERGED
         5 open -> -
         5 tick -> -",
    );
}

#[test]
fn a_merge_closes_what_people_were_asked_and_tells_them() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 same d
         2 goes d -> merge_proposed
         2 coverage -> pending until 10
         3 merged d -> escalation_closed, case_merged
         3 owes -> c/e1/r1s1/withdraw/T1
         4 told e1/r1s1 T1 -> ticket_withdrawn",
    );
}

#[test]
fn an_alarm_is_on_until_the_other_case_has_the_matter() {
    check(
        "0 open people one
         10 tick -> step_failed, escalation_exhausted, coverage_raised
         11 same d
         11 goes d -> merge_proposed
         11 coverage -> uncovered since 0: nobody answered the escalation c/e1
         12 merged d -> escalation_closed, coverage_lowered, case_merged
         12 coverage -> that of d",
    );
}

#[test]
fn a_case_on_which_something_stands_does_not_go() {
    check(
        "0 open
         1 same d
         1 offer A
         1 goes d -> refused CASE_STANDS
         2 accept A h1
         3 propose A p1 {1} ask=1
         3 goes d -> refused CASE_STANDS
         4 vote lea a1 no -> approval_ended, escalation_closed
         5 goes d -> merge_proposed
         6 propose A p2 {2} ask=1 -> action_proposed, action_assessed, approval_requested, escalation_opened, step_started, merge_ended
         7 merged d -> refused NOT_SAME_MATTER",
    );
    check(
        "0 open people
         1 same d
         1 goes d
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged, merge_ended
         3 goes d -> refused CASE_STANDS",
    );
}

#[test]
fn what_was_taken_over_brings_every_entry_once_with_where_it_came_from() {
    check(
        "0 open
         1 takes d 2 -> refused NOT_SAME_MATTER
         1 same d
         1 takes d 2 critical -> context_added, context_added, context_added, case_amended, case_absorbed, absorption_told
         1 takes d 2 critical -> -
         2 takes d 3 critical -> context_added, context_added, case_absorbed, absorption_told
         3 same e
         3 goes e -> refused CASE_STANDS",
    );
    let mut story = Story::new();
    for line in ["0 open", "1 same d", "1 takes d 2 fp"] {
        story.tell(line);
    }
    let bodies: Vec<_> =
        story.case.context.entries().iter().map(|entry| entry.body.clone()).collect();
    assert_eq!(bodies[0], "charged twice");
    assert!(bodies[1].starts_with("The case d (charged twice) is the same matter"), "{bodies:?}");
    assert!(
        bodies[1].ends_with("2 reports, 2 entries.\nd/a1 (refund@1) is verified"),
        "{bodies:?}"
    );
    assert_eq!(bodies[2..], ["1 of d", "2 of d"]);
    assert_eq!(story.case.context.entries()[2].provenance.reference, "d");
    assert_eq!(story.case.context.entries()[2].at, at(0), "when it was said there");
    let requests: Vec<_> =
        story.case.contacts.iter().map(|contact| contact.request.to_string()).collect();
    assert_eq!(requests, ["q1", "q1-d", "q2-d"]);
    assert_eq!(story.case.fingerprint, Some(key("fp")), "its reports come here now");
}

#[test]
fn an_agent_has_to_show_that_it_knows_what_was_taken_over() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 sees A -> -
         3 same d
         3 takes d 2 -> context_added, context_added, context_added, case_absorbed
         3 coverage -> covered by A until 17
         4 sees B -> refused NOT_OWNER
         4 sees A old -> refused CONTEXT_DIGEST_MISMATCH
         4 sees A first -> -
         5 know ann more
         6 sees A -> context_seen, absorption_told
         6 sees A -> -",
    );
}

#[test]
fn whoever_takes_the_case_next_knows_all_of_it() {
    check(
        "0 open
         1 offer A
         2 accept A h1
         3 same d
         3 takes d 2 -> context_added, context_added, context_added, case_absorbed
         18 tick -> lease_expired, routing_started, absorption_told
         19 takes d 3 -> context_added, context_added, case_absorbed, absorption_told
         20 offer B
         21 takes d 4 -> context_added, context_added, case_absorbed, absorption_told
         21 accept B h2 -> handoff_accepted",
    );
}

#[test]
fn a_person_with_the_ticket_is_told_on_it() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann
         3 same d
         3 takes d 2 -> context_added, context_added, context_added, case_absorbed
         3 owes -> c/unite/d, c/e1/r1s1/merged/d/4, c/e1/r1s1/watch
         4 noted d e1/r1s2 -> -
         4 noted e e1/r1s1 -> -
         4 noted d e1/r1s1 -> merge_noted, absorption_told
         4 noted d e1/r1s1 -> -
         5 takes d 3 -> context_added, context_added, case_absorbed
         6 noted d e1/r1s1 -> merge_noted, absorption_told",
    );
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 same d
         2 takes d 1 -> context_added, context_added, case_absorbed
         10 tick -> step_failed, step_started, absorption_told",
    );
}

#[test]
fn what_a_person_told_apart_is_never_proposed_again_unless_a_person_does() {
    check(
        "0 open
         1 apart c -> refused NOT_SAME_MATTER
         1 same d fp -> matter_shared
         1 goes d
         2 apart d -> merge_ended, matter_told_apart
         2 apart d -> -
         2 owes -> c/seek/0/0/2023-11-14T22:13:30Z
         3 same d -> -
         3 goes d -> refused NOT_SAME_MATTER
         3 takes d 1 -> refused NOT_SAME_MATTER
         4 same d by=ann -> matter_shared
         4 same d by=ann -> -",
    );
}

#[test]
fn a_merge_that_came_to_nothing_leaves_the_case_as_it_was() {
    check(
        "0 open
         1 same d
         1 goes d
         1 stays e -> -
         1 stays d -> merge_ended
         1 stays d -> -
         2 goes d
         2 takes d 1 -> refused MERGE_UNDER_WAY
         2 part d -> merge_ended, matter_parted
         2 part d -> -
         3 coverage -> pending until 10",
    );
}

/// Two cases of one matter, brought together by whoever looks at them: with old eyes, more than one at a time, and with
/// anything else happening in between.
struct Pair {
    one: Story,
    other: Story,
    /// What was reported to either, by its request.
    reported: Vec<String>,
    second: i64,
}

impl Pair {
    fn new() -> Self {
        let mut pair =
            Self { one: Story::new(), other: Story::named("d"), reported: Vec::new(), second: 0 };
        pair.tell(0, "open request=q-c");
        pair.tell(1, "open people request=q-d");
        pair.reported = vec!["q-c".to_owned(), "q-d".to_owned()];
        pair.tell(0, "same d");
        pair
    }

    fn of(&mut self, which: usize) -> &mut Story {
        if which == 0 { &mut self.one } else { &mut self.other }
    }

    fn tell(&mut self, which: usize, line: &str) -> String {
        let line = format!("{} {line}", self.second);
        self.of(which).tell(&line)
    }

    fn report(&mut self, which: usize, number: usize) {
        let request = format!("q-{which}-{number}");
        let told = self.tell(which, &format!("contact {request} says=again"));
        if told.contains("contact_linked") {
            self.reported.push(request);
        }
    }

    /// Takes the step that someone saw to be next who looked at the cases as they were `then`.
    fn step(&mut self, from: usize, then: &(Case, Case)) {
        let (ours, theirs) = if from == 0 { (&then.0, &then.1) } else { (&then.1, &then.0) };
        let (to, command) = match next_between(ours, &theirs.id, Some(theirs)) {
            Next::Over | Next::Wait { .. } => return,
            Next::Tell { case, command } => (usize::from(case.as_str() == "d"), *command),
            Next::Absorb { from: goes, into } => {
                let goes = if ours.id == goes { ours } else { theirs };
                let absorb = Absorb::of(goes, None).expect("a case of a tenant");
                (usize::from(into.as_str() == "d"), Command::Absorb(Box::new(absorb)))
            }
        };
        let now = at(self.second);
        self.of(to).obey_at(&command, now);
        self.audit();
    }

    fn now(&self) -> (Case, Case) {
        (self.one.case.clone(), self.other.case.clone())
    }

    /// No report is lost, and none is in a case that is over without another one that answers for it.
    fn audit(&self) {
        let cases = [&self.one.case, &self.other.case];
        let kept = |request: &str, case: &Case| {
            case.contacts.iter().any(|contact| contact.request.as_str() == request)
        };
        for request in &self.reported {
            let answered = cases.iter().any(|case| {
                let speaks = match case.coverage(at(self.second)) {
                    Coverage::Covered(_) | Coverage::Pending(_) | Coverage::Uncovered(_) => true,
                    Coverage::Closed => matches!(case.status, Status::Resolved { .. }),
                    Coverage::Merged { .. } => false,
                };
                speaks && kept(request, case)
            });
            assert!(answered, "nothing answers for what {request} reported");
        }
        for (case, other) in [(cases[0], cases[1]), (cases[1], cases[0])] {
            let Some(into) = case.merged_into() else { continue };
            assert_eq!(*into, other.id);
            assert!(other.merged_into().is_none(), "both were merged away");
            let taken = other.ties.absorbed.get(&case.id).expect("it took nothing over");
            assert_eq!(taken.reported, case.reported(), "it took over something else");
            assert!(taken.told, "nobody there was seen to know");
            let bodies = |case: &Case| {
                let entries = case.context.entries();
                entries.iter().map(|entry| entry.body.clone()).collect::<Vec<_>>()
            };
            let known = bodies(other);
            for body in bodies(case) {
                assert!(known.contains(&body), "{body} was lost");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Random histories of two cases, with steps that are decided on an old look (a crash between two steps, two who drive
    /// the same merge) between reports, agents, people, writes, lapses and resolutions.
    #[test]
    fn no_report_is_ever_lost_between_two_cases(moves in prop::collection::vec((0..24_u8, 0..2_usize, 0..4_u8), 1..60)) {
        let mut pair = Pair::new();
        let mut seen = pair.now();
        for (number, (which, side, chance)) in moves.into_iter().enumerate() {
            pair.second += i64::from(chance);
            let line = match which {
                0..=5 => {
                    pair.step(side, &seen);
                    seen = pair.now();
                    continue;
                }
                6..=9 => {
                    let now = pair.now();
                    pair.step(side, &now);
                    continue;
                }
                10 | 11 => {
                    pair.report(side, number);
                    pair.audit();
                    continue;
                }
                12 => "offer A".to_owned(),
                13 => format!("accept A h{}", pair.of(side).case.handoffs),
                14 => "progress A".to_owned(),
                15 | 16 => "sees A".to_owned(),
                17 => format!("propose A p{number} {{1}} ask=1"),
                18 => "placed e1/r1s1 T1".to_owned(),
                19 => "look e1/r1s1 rev=2 taken=ann".to_owned(),
                20 => format!("noted {} e1/r1s1", if side == 0 { "d" } else { "c" }),
                21 => "resolve ann".to_owned(),
                22 => "release A".to_owned(),
                _ => { pair.second += 7; "tick".to_owned() }
            };
            pair.tell(side, &line);
            pair.audit();
        }
    }
}

#[test]
fn two_quiet_cases_become_one_and_the_older_stays() {
    let mut pair = Pair::new();
    for _ in 0..20 {
        let now = pair.now();
        pair.step(0, &now);
        let now = pair.now();
        pair.step(1, &now);
    }
    assert_eq!(pair.other.case.merged_into(), Some(&id("c")), "{:?}", pair.other.case.ties);
    assert!(pair.one.case.is_open() && pair.one.case.ties.same.is_empty());
    let names: Vec<&str> =
        pair.other.history.iter().map(|event: &Event| event.kind.name()).collect();
    assert!(names.ends_with(&["escalation_closed", "case_merged"]), "{names:?}");
}

#[test]
fn the_survivor_is_resolved_before_it_knew_so_the_other_goes_on_by_itself() {
    let mut pair = Pair::new();
    for line in ["offer A", "accept A h1"] {
        pair.tell(0, line);
    }
    for _ in 0..4 {
        for side in [0, 1] {
            let now = pair.now();
            pair.step(side, &now);
        }
    }
    assert!(pair.one.case.ties.absorbed.contains_key(&id("d")), "{:?}", pair.one.case.ties);
    assert_eq!(pair.tell(0, "resolve A"), "case_resolved");
    for _ in 0..4 {
        let now = pair.now();
        pair.step(1, &now);
    }
    assert!(pair.other.case.is_open(), "the agent was never seen to know of it");
    assert!(pair.other.case.ties.same.is_empty());
    pair.audit();
}

#[test]
fn which_one_stays_is_the_same_from_both_sides() {
    let mut pair = Pair::new();
    let both = |pair: &Pair| {
        let (one, other) = pair.now();
        assert_eq!(
            format!("{:?}", one.union_with(&other)).contains("Merge"),
            format!("{:?}", other.union_with(&one)).contains("Merge")
        );
        one.union_with(&other)
    };
    let goes =
        |from: &str, into: &str| belay_domain::Union::Merge { from: id(from), into: id(into) };
    assert_eq!(both(&pair), goes("d", "c"), "the older");
    pair.tell(0, "offer A");
    assert_eq!(both(&pair), goes("d", "c"), "an offer stands");
    laws::check(&pair.one.case, &pair.one.history, at(0));
    let mut replayed = Case::unopened(id("c"));
    pair.one.history.iter().for_each(|event| apply(&mut replayed, event));
    assert_eq!(replayed, pair.one.case);
    assert!(decide(&replayed, &Command::Tick, at(0)).is_ok());
}

/// What a case with so many reports and so many entries brings, and what comes of it.
#[track_caller]
fn brings(story: &mut Story, contacts: usize, entries: usize, outcome: &str) {
    let mut absorb = taken("d", &contacts.max(entries).to_string(), false, false);
    absorb.contacts.truncate(contacts);
    absorb.context.truncate(entries);
    absorb.reported.contacts = contacts;
    absorb.reported.entries = entries;
    absorb.reported.context =
        belay_domain::Context::digest_of(absorb.context.iter().map(AsRef::as_ref));
    let told = match decide(&story.case, &Command::Absorb(Box::new(absorb)), at(2)) {
        Ok(events) if events.is_empty() => "nothing".to_owned(),
        Ok(events) => {
            events.iter().for_each(|event| apply(&mut story.case, event));
            "taken over".to_owned()
        }
        Err(refused) => refused.code().to_owned(),
    };
    assert_eq!(told, outcome, "{contacts} reports, {entries} entries");
}

fn shared() -> Story {
    let mut story = Story::new();
    story.tell("0 open");
    story.tell("1 same d");
    story
}

#[test]
fn more_of_either_is_taken_over_and_less_of_either_is_old() {
    let mut story = shared();
    brings(&mut story, 2, 2, "taken over");
    brings(&mut story, 2, 2, "nothing");
    brings(&mut story, 2, 3, "taken over");
    brings(&mut story, 3, 3, "taken over");
    brings(&mut story, 2, 4, "nothing");
    brings(&mut story, 4, 2, "nothing");
    let prefaces: Vec<_> = story
        .case
        .context
        .entries()
        .iter()
        .filter(|entry| entry.kind == "merge")
        .map(|entry| entry.body.contains("was more known"))
        .collect();
    assert_eq!(prefaces, [false, true, true], "only the first is not more of the same");
}

#[test]
fn a_merge_takes_as_many_reports_and_entries_as_a_case_may_have_and_no_more() {
    // One report and one entry are its own, and one more entry says where the others came from.
    brings(&mut shared(), 255, 1, "taken over");
    brings(&mut shared(), 256, 1, "TOO_MANY");
    brings(&mut shared(), 1, 1_998, "taken over");
    brings(&mut shared(), 1, 1_999, "TOO_MANY");
}

#[test]
fn a_case_is_tied_to_so_many_others_and_no_more() {
    let mut story = shared();
    story.tell("2 takes d 1");
    let tied = (0..200)
        .take_while(|number| story.tell(&format!("2 same other{number}")) == "matter_shared")
        .count();
    let ties = &story.case.ties;
    assert_eq!((ties.same.len() + ties.absorbed.len(), ties.absorbed.len()), (64, 1), "{tied}");
}

#[test]
fn a_matter_is_claimed_by_whoever_took_it_over_with_its_fingerprint() {
    let claimed = |takes: &str| {
        let mut story = shared();
        story.tell(takes);
        story.case.ties.claimed
    };
    assert!(claimed("2 takes d 1 fp"));
    assert!(!claimed("2 takes d 1"));
}

#[test]
fn a_fingerprint_that_is_nobodys_any_more_is_looked_up_again() {
    let recognises = |lines: &[&str]| {
        let mut story = Story::new();
        for line in lines {
            story.tell(line);
        }
        story.tell("9 owes").contains("c/recognise/")
    };
    assert!(!recognises(&["0 open", "1 recognise fp"]));
    assert!(!recognises(&["0 open", "1 recognise fp", "2 same d"]));
    let apart = ["0 open", "1 same d", "1 recognise fp", "2 same e", "3 part d", "3 part e"];
    let found = {
        let mut story = Story::new();
        for line in apart {
            story.tell(line);
        }
        (story.case.fingerprint.is_some(), story.case.ties.claimed)
    };
    assert_eq!(recognises(&apart), found.0 && !found.1, "{found:?}");
}

#[test]
fn a_plan_that_is_over_keeps_no_case_and_one_that_is_not_does() {
    check(
        "0 open
         1 same d
         2 offer A
         2 accept A h1
         3 propose A p1 {1} plan=x shadow -> action_proposed, action_assessed, action_shadowed
         3 goes d -> refused CASE_STANDS
         4 abandon A x
         4 plan x -> undone
         4 goes d -> merge_proposed",
    );
}

#[test]
fn of_two_cases_the_one_that_somebody_holds_stays() {
    let mut pair = Pair::new();
    let held = |pair: &Pair| {
        let (one, mut other) = pair.now();
        let accepted = belay_domain::EventKind::HandoffAccepted {
            handoff: id("d/h1"),
            from: other.owner.clone(),
            agent: id("A"),
            key: key("A"),
            context: other.context.digest(),
            epoch: belay_domain::Epoch(1),
            lease_until: at(15),
        };
        apply(&mut other, &Event { at: at(0), kind: accepted });
        assert_eq!(one.union_with(&other), other.union_with(&one));
        one.union_with(&other)
    };
    let stays = belay_domain::Union::Merge { from: id("c"), into: id("d") };
    assert_eq!(held(&pair), stays, "although it is the younger");
    pair.tell(0, "offer B");
    assert!(matches!(held(&pair), belay_domain::Union::Wait { .. }), "an offer stands");
}
