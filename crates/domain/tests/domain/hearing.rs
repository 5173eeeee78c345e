//! Decisions that people write on the ticket itself.

use belay_domain::{ActionStage, Command, EventKind, Statement, decide};

use crate::script::{Story, check};
use crate::terms::{at, id};

/// `A` holds the case and proposed what needs `quorum` of the leads, who may decide on the ticket. The ticket has been
/// seen at 5 s.
fn asked(quorum: u32, switches: &str) -> Story {
    let mut story = Story::new();
    for line in [
        "0 open by=opal",
        "1 offer A",
        "2 accept A h1",
        &format!("3 propose A p1 {{}} tier=2 ask={quorum} {switches}"),
        "4 placed e1/r1s1 T1",
        "5 look e1/r1s1 rev=1",
    ] {
        let told = story.tell(line);
        assert!(!told.starts_with("refused"), "{line}: {told}");
    }
    story
}

#[track_caller]
fn hears(quorum: u32, lines: &str) {
    let mut story = asked(quorum, "ticket");
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (command, outcome) = line.split_once("->").expect("an outcome");
        assert_eq!(story.tell(command.trim()), outcome.trim(), "{line}");
    }
}

/// Why the last statement did not count.
#[track_caller]
fn refused(statement: &str, why: &str) {
    let mut story = asked(1, "ticket");
    assert_eq!(story.tell(&format!("6 hear e1/r1s1 {statement}")), "statement_refused");
    let Some(EventKind::StatementRefused { why: said, .. }) =
        story.history.last().map(|event| &event.kind)
    else {
        panic!("nothing was refused")
    };
    assert!(said.contains(why), "{said}");
    assert_eq!(story.tell("7 action a1"), "awaiting_approval");
}

#[test]
fn enough_people_who_write_it_on_the_ticket_let_it_happen() {
    hears(
        2,
        "6 hear e1/r1s1 lea@itsm#1:approve -> approval_given
         7 hear e1/r1s1 lea@itsm#1:approve -> -
         8 hear e1/r1s1 lea@itsm#1:approve leo@itsm#2:approve -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn one_may_write_and_the_other_use_the_console() {
    hears(
        2,
        "6 hear e1/r1s1 lea@itsm#1:approve -> approval_given
         7 vote lea a1 yes -> refused ALREADY_VOTED
         8 vote leo a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn a_no_on_the_ticket_is_a_no() {
    hears(
        2,
        "6 hear e1/r1s1 lea@itsm#1:approve leo@itsm#2:reject -> approval_given, approval_ended, escalation_closed
         6 action a1 -> rejected
         7 hear e1/r1s1 leo@itsm#3:approve -> refused STALE_STEP",
    );
}

#[test]
fn one_person_counts_once_by_whatever_account() {
    hears(
        2,
        "6 hear e1/r1s1 lea@itsm#1:approve lea-admin@itsm#2:approve -> approval_given, statement_refused
         6 action a1 -> awaiting_approval
         7 hear e1/r1s1 lea@itsm#1:approve lea-admin@itsm#2:approve -> -",
    );
}

#[test]
fn another_digest_decides_nothing() {
    refused(
        "lea@itsm#1:approve:0123456789abcdef",
        "0123456789abcdef is not what is being decided on",
    );
    refused("lea@itsm#1:approve:short", "is not what is being decided on");
    refused("lea@itsm#1:reject:0123456789abcdef", "is not what is being decided on");
}

#[test]
fn machines_strangers_and_those_involved_decide_nothing() {
    refused("robot#1:approve", "robot is not known to be a person");
    refused("ghost#1:approve", "ghost is not known to be a person");
    refused(
        "auto:lea@itsm#1:approve".replace("auto:lea", "robot").as_str(),
        "nobody who may decide",
    );
    refused("zoe#1:approve", "zoe is nobody who may decide this here");
    refused("lia@chat#1:approve", "nobody who may decide this here");
    refused("opal@itsm#1:approve", "opal may not decide this");
    refused("owner-of-A@itsm#1:approve", "owner-of-A may not decide this");
    refused("out@itsm#1:approve", "in none of the groups");
}

#[test]
fn what_we_write_ourselves_and_what_decides_nothing_is_passed_over() {
    hears(1, "6 hear e1/r1s1 us#1:approve lea@itsm#2:approved lea@itsm#3:thanks -> -");
}

#[test]
fn nobody_decides_on_a_ticket_unless_the_playbook_allows_it() {
    let mut story = asked(1, "");
    assert_eq!(story.tell("6 hear e1/r1s1 lea@itsm#1:approve"), "-");
}

#[test]
fn only_what_is_read_in_its_step_and_on_a_ticket_that_was_seen_lately_counts() {
    hears(1, "6 hear e1/r1s1 lea@itsm#1:approve sent=2 -> -");
    hears(1, "6 hear e1/r1s1 lea@itsm#1:approve sent=7 -> -");
    // What was seen of the ticket at 5 s is too old at 25 s.
    hears(1, "14 progress A -> lease_renewed\n25 hear e1/r1s1 lea@itsm#1:approve -> -");
    let mut story = Story::new();
    for line in ["0 open", "1 offer A", "2 accept A h1", "3 propose A p1 {} tier=2 ask=1 ticket"] {
        story.tell(line);
    }
    story.tell("4 placed e1/r1s1 T1");
    assert_eq!(story.tell("5 hear e1/r1s1 lea@itsm#1:approve"), "-", "never seen to be ours");
}

#[test]
fn a_vote_on_a_ticket_says_where_it_was_given() {
    let mut story = asked(2, "ticket");
    story.tell("6 hear e1/r1s1 lea@itsm#17:approve");
    let ActionStage::AwaitingApproval(approval) =
        &story.case.actions.values().next().expect("an action").stage
    else {
        panic!("decided already")
    };
    let said = approval.votes[0].said.as_ref().expect("a place");
    assert_eq!(approval.votes[0].person.as_str(), "lea");
    assert_eq!(
        (said.ticket.as_str(), said.statement.as_str(), said.account.as_str()),
        ("T1", "17", "lea@itsm")
    );
    assert_eq!(approval.votes[0].note, "as discussed");
}

#[test]
fn a_machine_that_goes_on_writing_does_not_fill_the_journal() {
    let mut story = asked(1, "ticket");
    let all: Vec<_> = (0..500).map(|number| format!("robot#{number}:approve")).collect();
    story.tell(&format!("6 hear e1/r1s1 {}", all.join(" ")));
    let refusals = story
        .history
        .iter()
        .filter(|event| matches!(event.kind, EventKind::StatementRefused { .. }))
        .count();
    assert_eq!(refusals, 50);
}

#[test]
fn whoever_wrote_what_does_not_count_is_told_so_once() {
    let mut story = asked(1, "ticket");
    let stands = "c/e1/r1s1/watch, c/e1/r1s1/listen";
    story.tell("6 hear e1/r1s1 robot#1:approve zoe#2:approve");
    assert_eq!(story.tell("6 owes"), format!("{stands}, c/e1/r1s1/answer/1, c/e1/r1s1/answer/2"));
    assert_eq!(story.tell("7 answered e1/r1s1 1"), "statement_answered");
    assert_eq!(story.tell("7 owes"), format!("{stands}, c/e1/r1s1/answer/2"));
    assert_eq!(story.tell("8 answered e1/r1s1 1"), "-", "answered before");
    assert_eq!(story.tell("8 answered e1/r1s1 9"), "-", "never written");
    assert_eq!(story.tell("8 hear e1/r1s1 robot#1:approve zoe#2:approve"), "-");
    assert_eq!(story.tell("9 answered e1/r1s1 2"), "statement_answered");
    assert_eq!(story.tell("9 owes"), stands);
}

#[test]
fn a_machine_that_our_answers_make_write_again_is_answered_three_times() {
    let mut story = asked(1, "ticket");
    for number in 0..9 {
        story.tell(&format!("6 hear e1/r1s1 robot#{number}:approve"));
        story.tell(&format!("6 answered e1/r1s1 {number}"));
    }
    let answered =
        |event: &&belay_domain::Event| matches!(event.kind, EventKind::StatementAnswered { .. });
    assert_eq!(story.history.iter().filter(answered).count(), 3);
    // Others are told all the same.
    story.tell("7 hear e1/r1s1 zoe#20:approve");
    assert!(story.tell("7 owes").ends_with("c/e1/r1s1/answer/20"));
}

#[test]
fn nobody_is_answered_any_more_once_it_is_decided() {
    let mut story = asked(1, "ticket");
    story.tell("6 hear e1/r1s1 robot#1:approve lea@itsm#2:approve");
    assert!(!story.tell("6 owes").contains("answer"));
}

#[test]
fn an_approval_that_was_taken_and_not_decided_moves_on() {
    check(
        "0 open by=opal\n1 offer A\n2 accept A h1
         3 propose A p1 {} tier=2 ask=1 decide=12
         4 placed e1/r1s1 T1
         5 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         10 look e1/r1s1 rev=3 taken=ann worked=1 -> evidence_renewed
         12 progress A
         16 look e1/r1s1 rev=3 taken=ann worked=1 -> evidence_renewed
         17 tick -> escalation_lapsed, step_started
         17 owner -> agent A @1
         17 action a1 -> awaiting_approval
         17 owes -> c/e1/r1s2/place, c/e1/r1s1/withdraw/T1
         18 placed e1/r1s2 T2
         19 look e1/r1s2 ticket=T2 rev=2 taken=bob -> escalation_acknowledged
         20 vote lea a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn an_approval_that_nobody_acknowledged_moves_on_and_never_expires_into_approved() {
    check(
        "0 open by=opal\n1 offer A\n2 accept A h1
         3 propose A p1 {} tier=2 ask=1 decide=12
         4 placed e1/r1s1 T1
         5 look e1/r1s1 -> ticket_routed
         14 progress A\n26 progress A
         35 tick -> step_failed, step_started
         36 progress A
         45 tick -> step_failed, escalation_exhausted
         45 action a1 -> awaiting_approval
         48 progress A\n60 progress A\n72 progress A\n84 progress A\n96 progress A
         103 tick -> approval_ended, escalation_closed, escalation_opened, step_started
         103 action a1 -> expired",
    );
}

#[test]
fn a_takeover_is_not_hurried_by_the_time_to_decide() {
    check(
        "0 open people
         1 placed e1/r1s1 T1
         2 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         20 look e1/r1s1 rev=2 taken=ann -> evidence_renewed
         39 look e1/r1s1 rev=2 taken=ann -> evidence_renewed",
    );
}

#[test]
fn what_was_read_longer_ago_than_evidence_stays_fresh_decides_nothing() {
    hears(
        1,
        "16 progress A -> lease_renewed
         20 look e1/r1s1 rev=2 -> ticket_routed
         26 hear e1/r1s1 lea@itsm#1:approve sent=6 -> -
         26 hear e1/r1s1 lea@itsm#1:approve sent=7 -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn a_yes_with_a_long_explanation_is_a_yes() {
    let story = asked(1, "ticket");
    let ActionStage::AwaitingApproval(approval) =
        &story.case.actions.values().next().expect("an action").stage
    else {
        panic!("nobody is asked")
    };
    let text = format!("approve {} {}", approval.short_form(), "€".repeat(2_000));
    let actor = crate::reading::actor("lea@itsm");
    let command = Command::Hear {
        correlation: id("c/e1/r1s1"),
        statements: vec![Statement { id: "1".to_owned(), actor, text }],
        sent_at: at(6),
    };
    let events = decide(&story.case, &command, at(6)).expect("heard");
    assert_eq!(events[0].kind.name(), "approval_given");
}
