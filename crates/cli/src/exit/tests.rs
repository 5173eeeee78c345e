use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Exit, Failure};

#[test]
fn a_reason_brings_its_exit_code_and_what_to_do() {
    check(Code::NotFound, "UNKNOWN_CASE", Exit::NotFound, Some("belay case list"));
    check(Code::PermissionDenied, "NOT_AN_APPROVER", Exit::Refused, Some("belay approval show"));
    check(Code::FailedPrecondition, "OFF_SHIFT", Exit::Refused, Some("belay desk shift on"));
    check(Code::AlreadyExists, "KEY_REUSED", Exit::Refused, Some("--request-id"));
    check(Code::InvalidArgument, "INVALID_FIELD", Exit::Usage, None);
    check(Code::Unavailable, "DRAINING", Exit::Unavailable, Some("belay serve"));
    check(Code::Internal, "INTERNAL", Exit::Failed, Some("log of the supervisor"));
}

#[test]
fn every_wrong_field_is_named() {
    let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "belay", HashMap::new());
    details.add_bad_request_violation("subject", "must be set");
    details.add_bad_request_violation("labels", "at most 64");
    let status = Status::with_error_details(Code::InvalidArgument, "two fields are wrong", details);
    assert_eq!(
        Failure::from(status).to_string(),
        "two fields are wrong (INVALID_FIELD)\n  subject: must be set\n  labels: at most 64"
    );
}

#[test]
fn programs_get_the_same_as_people() {
    let failure = Failure::new(Exit::NotFound, "there is no such case").hint("look elsewhere");
    let json = failure.json();
    assert_eq!(json["error"]["exit"], 3);
    assert_eq!(json["error"]["message"], "there is no such case");
    assert_eq!(json["error"]["hint"], "look elsewhere");
}

#[track_caller]
fn check(code: Code, reason: &str, exit: Exit, hint: Option<&str>) {
    let details = ErrorDetails::with_error_info(reason, "belay", HashMap::new());
    let failure = Failure::from(Status::with_error_details(code, "no", details));
    assert_eq!(failure.exit, exit);
    assert_eq!(failure.reason.as_deref(), Some(reason));
    match hint {
        Some(part) => {
            let found = failure.hint.clone().unwrap_or_default();
            assert!(found.contains(part), "{found:?} does not say {part:?}");
        }
        None => assert_eq!(failure.hint, None),
    }
}
