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
         7 vote lia a1 yes -> refused WRONG_STAGE
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
         103 vote lea a1 yes -> refused WRONG_STAGE",
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
         5 vote lea a1 yes -> refused WRONG_STAGE",
    );
}

#[test]
fn another_playbook_voids_what_the_one_before_let_through() {
    asked(
        2,
        "4 vote leo a1 yes -> approval_given
         5 playbook playbook -> -
         6 playbook stricter -> approval_ended, escalation_closed, action_withdrawn
         6 vote lea a1 yes -> refused WRONG_STAGE
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
