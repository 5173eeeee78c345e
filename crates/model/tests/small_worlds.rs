//! The small worlds are explored to their end, and no law is broken in them.

use belay_model::{Setting, explore};

#[test]
fn two_agents_hand_a_case_around() {
    check("quick-ownership");
}

#[test]
fn people_machines_and_accidents_happen_to_a_ticket() {
    check("quick-escalation");
}

#[test]
fn an_agent_writes_with_a_permit() {
    check("quick-writing");
}

#[test]
fn people_approve_a_write() {
    check("quick-approval");
}

#[test]
fn reviewers_name_others_and_take_the_case_from_its_agent() {
    check("quick-takeover");
}

#[test]
fn two_writes_stand_and_fall_together() {
    check("quick-plan");
}

#[test]
fn a_second_supervisor_decides_and_dies() {
    check("quick-crash");
}

#[test]
fn two_supervisors_carry_out_one_write() {
    check("quick-connector");
}

/// Explores a world to its end.
#[track_caller]
fn check(name: &str) {
    let setting = Setting::named(name).expect("a world of that name");
    let explored = explore(setting, 1, false);
    assert!(explored.broken.is_none(), "{name}:\n{}", explored.broken.unwrap_or_default());
    assert!(explored.missing.is_empty(), "{name}: never happened: {:?}", explored.missing);
    assert!(explored.complete, "{name}: not every state was gone on from");
}
