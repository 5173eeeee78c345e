//! A refusal says the same whether it came on the stream or ended it.

use super::*;
use tonic_types::ErrorDetails;

#[test]
fn a_refusal_on_the_stream_and_one_that_ends_it_say_the_same() {
    let mut details = ErrorDetails::new();
    details.set_error_info("STALE_EPOCH", "belay", [("epoch".to_owned(), "4".to_owned())]);
    details.add_bad_request_violation("epoch", "must be the one assigned");
    details.add_precondition_failure_violation("UNSETTLED_ACTIONS", "c-1/a1", "settle it");
    details.set_retry_info(Some(Duration::from_secs(2)));
    let status = Status::with_error_details(Code::FailedPrecondition, "changed hands", details);

    let error = v1::Error {
        code: Code::FailedPrecondition.into(),
        message: "changed hands".into(),
        reason: ErrorReason::StaleEpoch.into(),
        metadata: [("epoch".to_owned(), "4".to_owned())].into(),
        field_violations: vec![v1::FieldViolation {
            field: "epoch".into(),
            description: "must be the one assigned".into(),
        }],
        precondition_violations: vec![v1::PreconditionViolation {
            r#type: "UNSETTLED_ACTIONS".into(),
            subject: "c-1/a1".into(),
            description: "settle it".into(),
        }],
        retry_after: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
    };

    let refused = Refused::from(status);
    assert_eq!(refused, Refused::from_wire(error));
    assert_eq!(refused.reason, ErrorReason::StaleEpoch);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(2)));
    assert!(refused.is_loss());
}

#[test]
fn a_reason_that_is_not_known_counts_like_its_code() {
    let mut details = ErrorDetails::new();
    details.set_error_info("FROM_THE_FUTURE", "belay", [("a".to_owned(), "b".to_owned())]);
    let refused = Refused::from(Status::with_error_details(Code::Aborted, "later", details));
    assert_eq!((refused.reason, refused.code), (ErrorReason::Unspecified, Code::Aborted));
}
