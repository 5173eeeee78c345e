use super::*;
use crate::wire::testbed::{Story, id};

#[test]
fn a_step_names_its_case() {
    let story = Story::escalated();
    assert_eq!(case_of_step(&story.step()), Some(story.case.id));
    assert_eq!(case_of_step(&id("nonsense")), None);
    assert_eq!(case_of_step(&id("half/nonsense")), None);
}

#[test]
fn an_escalation_that_is_under_way_is_named() {
    let story = Story::escalated();
    let fault = under_way(&story.case);
    assert_eq!(fault.reason(), ErrorReason::EscalationUnderWay);
    let error = v1::Error::from(fault);
    assert_eq!(error.metadata["escalation_id"], story.case.takeover().unwrap().id.as_str());
}

#[test]
fn no_state_means_all_that_are_not_over() {
    let mut fields = Fields::new();
    let open = wanted(&mut fields, Vec::new());
    assert!(!open.iter().any(is_over));
    assert_eq!(open.len() + 2, 7, "all but the two that are over");
    wanted(&mut fields, vec![v1::EscalationState::Closed.into(), 0, 99]);
    let error = v1::Error::from(fields.done(Some(())).unwrap_err());
    let named: Vec<_> = error.field_violations.iter().map(|found| found.field.as_str()).collect();
    assert_eq!(named, ["states[1]", "states[2]"]);
}

#[test]
fn a_rumour_is_about_one_thing() {
    let mut fields = Fields::new();
    assert!(hint(&mut fields, None).is_none());
    let empty = v1::report_rumour_request::About::TicketId(String::new());
    assert!(hint(&mut fields, Some(empty)).is_none());
    let error = v1::Error::from(fields.done(Some(())).unwrap_err());
    let named: Vec<_> = error.field_violations.iter().map(|found| found.field.as_str()).collect();
    assert_eq!(named, ["about", "ticket_id"]);
}
