//! People decide on one action, bound to exactly what they were shown.

use crate::script::check;

/// `A` holds the case at 2 s and proposed at 3 s what needs `quorum` of the leads.
#[track_caller]
fn asked(quorum: u32, lines: &str) {
    check(&format!(
        "0 open by=opal\n1 offer A\n2 accept A h1
         3 propose A p1 {{}} tier=2 ask={quorum} -> action_proposed, action_assessed, approval_requested, escalation_opened, step_started
         3 owes -> c/e1/r1s1/place
         {lines}"
    ));
}

#[test]
fn enough_people_let_it_happen() {
    asked(
        2,
        "4 vote lea a1 yes -> approval_given
         4 action a1 -> awaiting_approval
         5 vote lea a1 yes -> refused ALREADY_VOTED
         6 vote leo a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized
         7 vote lia a1 yes -> refused STALE_APPROVAL
         7 begin A a1 p1 -> action_dispatched",
    );
}

#[test]
fn one_no_is_enough() {
    asked(
        2,
        "4 vote lea a1 yes
         5 vote leo a1 no -> approval_ended, escalation_closed
         5 action a1 -> rejected
         6 begin A a1 p1 -> refused WRONG_STAGE",
    );
}

#[test]
fn who_is_involved_or_of_no_group_decides_nothing() {
    asked(
        1,
        "4 vote lea a1 yes outsider -> refused NOT_AN_APPROVER
         4 vote opal a1 yes -> refused INVOLVED
         4 vote carl a1 yes -> refused INVOLVED
         4 vote owner-of-A a1 yes -> refused INVOLVED
         4 vote lea a1 yes blind -> refused APPROVAL_DIGEST_MISMATCH
         4 vote lea a9 yes -> refused UNKNOWN_ACTION",
    );
}

#[test]
fn silence_is_a_denial_and_brings_people_in() {
    asked(
        1,
        "10 progress A
         20 progress A
         30 progress A
         40 progress A
         50 progress A
         60 progress A
         70 progress A
         80 progress A
         90 progress A
         100 progress A
         103 tick -> approval_ended, escalation_closed, escalation_opened, step_started
         103 action a1 -> expired
         103 vote lea a1 yes -> refused STALE_APPROVAL",
    );
}

#[test]
fn nobody_approves_what_they_wrote_themselves() {
    asked(
        1,
        "4 vote lea a1 {half} -> approval_ended, escalation_closed, action_amended
         4 owes -> c/a1/assess/1
         4 assess a1 r0 ask=1 tier=2 -> refused STALE_REVISION
         5 assess a1 r1 ask=1 tier=2 -> action_assessed, approval_requested, escalation_opened, step_started
         6 vote lea a1 yes -> refused INVOLVED
         6 vote leo a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn an_amended_input_may_be_amended_again_or_refused_by_its_author() {
    asked(
        1,
        "4 vote lea a1 {half}
         5 assess a1 r1 ask=1 tier=2
         6 vote lea a1 {third} -> approval_ended, escalation_closed, action_amended
         7 assess a1 r2 ask=1 tier=2
         8 vote lea a1 no -> approval_ended, escalation_closed",
    );
}

#[test]
fn what_was_approved_before_an_amendment_is_not_approved_after_it() {
    asked(
        2,
        "4 vote leo a1 yes -> approval_given
         5 vote lea a1 {half}
         6 assess a1 r1 ask=2 tier=2
         7 vote lia a1 yes -> approval_given
         7 action a1 -> awaiting_approval
         8 vote leo a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn a_change_of_owner_ends_the_asking() {
    asked(
        1,
        "4 release A -> approval_ended, escalation_closed, action_withdrawn, case_released, routing_started
         5 vote lea a1 yes -> refused STALE_APPROVAL",
    );
}

#[test]
fn another_playbook_voids_what_the_one_before_let_through() {
    asked(
        2,
        "4 vote leo a1 yes -> approval_given
         5 playbook playbook -> -
         6 playbook stricter -> approval_ended, escalation_closed, action_withdrawn
         6 vote lea a1 yes -> refused STALE_APPROVAL
         6 playbook stricter -> -
         7 propose A p2 {2}
         7 action a2 -> authorized
         8 playbook stricter -> action_withdrawn
         8 begin A a2 p1 -> refused WRONG_STAGE
         9 propose A p3 {3}
         9 begin A a3 p1 -> action_dispatched
         9 playbook stricter -> -",
    );
}

#[test]
fn asking_climbs_like_any_escalation_and_closing_the_ticket_decides_nothing() {
    asked(
        1,
        "4 placed e1/r1s1 T1
         5 look e1/r1s1 rev=2 taken=ann -> escalation_acknowledged
         5 owner -> agent A @1
         6 look e1/r1s1 rev=3 closed=ann:solved -> escalation_lapsed, step_started
         6 owner -> agent A @1
         7 placed e1/r1s2 T2
         8 look e1/r1s2 ticket=T2 closed=ann:solved -> step_failed, escalation_exhausted
         8 action a1 -> awaiting_approval
         8 vote leo a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn input_snapshot_and_rendering_are_what_is_approved() {
    use crate::script::Story;
    use belay_domain::ActionStage;
    let binding = |input: &str, switches: &str| {
        let mut story = Story::new();
        for line in ["0 open", "1 offer A", "2 accept A h1"] {
            story.tell(line);
        }
        story.tell(&format!("3 propose A p1 {input} ask=1 key=k {switches}"));
        match &story.case.actions.values().next().expect("an action").stage {
            ActionStage::AwaitingApproval(approval) => approval.binding,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(binding("{}", "seen=paid"), binding("{}", "seen=paid"));
    assert_ne!(binding("{}", "seen=paid"), binding("{}", "seen=open"));
    assert_ne!(binding("{}", "shown=much"), binding("{}", "shown=little"));
    assert_ne!(binding("{1}", ""), binding("{2}", ""));
}

#[test]
fn a_no_gives_a_reason_that_the_taxonomy_knows() {
    let coded = |lines: &str| {
        check(&format!(
            "0 open\n1 offer A\n2 accept A h1\n3 propose A p1 {{}} tier=2 ask=1 coded\n{lines}"
        ));
    };
    coded(
        "4 vote lea a1 no:bad-mood -> refused UNKNOWN_REASON
         4 vote lea a1 no -> refused REASON_MISSING
         4 action a1 -> awaiting_approval
         5 vote lea a1 no:no-proof -> approval_ended, escalation_closed
         5 action a1 -> rejected",
    );
    asked(1, "4 vote lea a1 no:no-proof -> refused UNKNOWN_REASON\n5 vote lea a1 no");
}

#[test]
fn the_reason_of_a_no_is_on_the_record() {
    use crate::script::Story;
    use belay_domain::{ActionStage, EventKind};
    let mut story = Story::new();
    for line in ["0 open", "1 offer A", "2 accept A h1", "3 propose A p1 {} ask=1 coded"] {
        story.tell(line);
    }
    story.tell("4 vote lea a1 no:goodwill");
    let ended = story.history.iter().find_map(|event| match &event.kind {
        EventKind::ApprovalEnded { code, .. } => code.clone(),
        _ => None,
    });
    assert_eq!(ended.as_ref().map(|code| code.as_str()), Some("goodwill"));
    let ActionStage::Rejected { code, .. } = &story.case.actions.values().next().unwrap().stage
    else {
        panic!("not rejected")
    };
    assert_eq!(*code, ended);
}

#[test]
fn a_question_is_answered_by_who_proposed_or_reported_and_decides_nothing() {
    asked(
        1,
        "4 vote lea a1 ask:why? -> approval_asked, context_added
         4 action a1 -> awaiting_approval
         4 vote lea a1 ask:and? -> refused ALREADY_ASKED
         5 vote leo a1 ask:who? -> approval_asked, context_added
         6 reply B a1 1 because -> refused NOT_OWNER
         6 reply A a1 1 because @0 -> refused STALE_EPOCH
         6 reply lia a1 1 because -> refused NOT_ASKED
         6 reply tool a1 1 because -> refused NOT_ASKED
         6 reply A a1 3 because -> refused UNKNOWN_QUESTION
         6 reply A a9 1 because -> refused UNKNOWN_ACTION
         6 reply A a1 1 because -> approval_answered, context_added
         7 reply A a1 1 because -> -
         7 reply A a1 1 really -> refused ALREADY_ANSWERED
         7 reply opal a1 1 because -> refused ALREADY_ANSWERED
         8 reply opal a1 2 me -> approval_answered, context_added
         9 vote lea a1 ask:again? -> approval_asked, context_added
         9 vote lea a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized
         9 reply A a1 3 late -> refused STALE_APPROVAL",
    );
}

#[test]
fn only_who_may_decide_may_ask_name_others_or_take_over() {
    for choice in ["ask:why?", "to:leo", "over"] {
        asked(
            1,
            &format!(
                "4 vote lea a1 {choice} outsider -> refused NOT_AN_APPROVER
                 4 vote opal a1 {choice} -> refused INVOLVED
                 4 vote owner-of-A a1 {choice} -> refused INVOLVED
                 4 vote lea a1 {choice} blind -> refused APPROVAL_DIGEST_MISMATCH
                 4 vote lea a9 {choice} -> refused UNKNOWN_ACTION
                 5 vote lea a1 no
                 5 vote leo a1 {choice} -> refused STALE_APPROVAL"
            ),
        );
    }
}

#[test]
fn questions_stop_no_deadline_and_there_are_not_many() {
    use crate::script::Story;
    let mut story = Story::new();
    for line in ["0 open", "1 offer A", "2 accept A h1", "3 propose A p1 {} ask=1"] {
        story.tell(line);
    }
    for number in 1..=8 {
        assert_eq!(story.tell("4 vote lea a1 ask:why?"), "approval_asked, context_added");
        let answered = story.tell(&format!("4 reply A a1 {number} so"));
        assert_eq!(answered, "approval_answered, context_added");
    }
    assert_eq!(story.tell("4 vote lea a1 ask:why?"), "refused TOO_MANY");
    for second in (10..=100).step_by(10) {
        story.tell(&format!("{second} progress A"));
    }
    let ended = story.tell("103 tick");
    assert!(ended.starts_with("approval_ended"), "{ended}");
}

#[test]
fn who_names_another_gives_up_their_yes_and_gives_nobody_a_right() {
    asked(
        2,
        "4 vote lea a1 to:lea -> refused DELEGATION_CIRCLE
         4 vote lea a1 to:opal -> refused INVOLVED
         4 vote lea a1 to:owner-of-A -> refused INVOLVED
         4 vote lea a1 to:leo -> approval_delegated
         4 vote lea a1 to:leo -> -
         4 vote lea a1 to:lia -> refused HANDED_OVER
         5 vote lea a1 yes -> refused HANDED_OVER
         5 vote leo a1 to:lea -> refused DELEGATION_CIRCLE
         5 vote leo a1 to:lia -> refused DELEGATION_TOO_DEEP
         5 vote lia a1 to:lea -> refused DELEGATION_TOO_DEEP
         6 vote leo a1 yes outsider -> refused NOT_AN_APPROVER
         6 vote leo a1 yes -> approval_given
         6 vote leo a1 to:lou -> refused DELEGATION_TOO_DEEP
         6 action a1 -> awaiting_approval
         6 vote lou a1 to:leo -> refused ALREADY_VOTED
         7 vote lou a1 yes -> approval_given, approval_ended, escalation_closed, action_authorized",
    );
}

#[test]
fn who_handed_their_yes_on_may_still_say_no() {
    asked(
        2,
        "4 vote lou a1 yes
         4 vote lou a1 to:leo -> refused ALREADY_VOTED
         5 vote lea a1 to:leo
         6 vote lea a1 no -> approval_ended, escalation_closed",
    );
}

#[test]
fn who_changed_the_input_is_not_the_one_to_look_at_it() {
    asked(
        1,
        "4 vote lea a1 {half}
         5 assess a1 r1 ask=1 tier=2
         6 vote leo a1 to:lea -> refused INVOLVED
         6 vote leo a1 to:lia -> approval_delegated",
    );
}

#[test]
fn who_takes_it_over_takes_it_from_the_agent_and_covers_nothing_by_saying_so() {
    asked(
        2,
        "3 propose A p2 {2}
         4 vote leo a1 yes
         5 vote lea a1 over -> approval_ended, escalation_closed, action_withdrawn, action_withdrawn, case_taken_over, escalation_opened, step_started
         5 action a1 -> withdrawn
         5 action a2 -> withdrawn
         5 owner -> the supervisor @2
         5 coverage -> pending until 15
         5 progress A @1 -> refused STALE_EPOCH
         5 propose A p3 {3} -> refused NOT_OWNER
         5 vote leo a1 yes -> refused STALE_APPROVAL
         6 placed e2/r1s1 T1
         7 look e2/r1s1 rev=1 -> ticket_routed
         8 look e2/r1s1 rev=2 taken=ann -> escalation_acknowledged
         8 coverage -> covered by ann of itsm/first until 28",
    );
}

#[test]
fn a_case_that_was_taken_over_is_raised_when_nobody_takes_it() {
    asked(
        1,
        "4 vote lea a1 over
         14 tick
         24 tick -> step_failed, escalation_exhausted, coverage_raised
         24 coverage -> uncovered since 4: nobody answered the escalation c/e2",
    );
}

#[test]
fn a_search_for_another_agent_ends_with_the_takeover() {
    asked(
        1,
        "4 handoff A crm -> context_added, routing_started
         4 offer B -> handoff_offered
         5 vote lea a1 over
         5 accept B h2 -> refused NO_SUCH_OFFER
         5 offer C -> refused NOT_ROUTING",
    );
}

#[test]
fn one_more_reason_is_added_where_people_are_asked_already() {
    asked(
        1,
        "4 escalate A -> escalation_opened, step_started
         5 vote lea a1 over -> approval_ended, escalation_closed, action_withdrawn, case_taken_over, escalation_widened",
    );
}
