use super::*;

#[test]
fn refusals_from_before_a_service_get_their_reason() {
    let large = "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes";
    check(Status::out_of_range(large), Some((ErrorReason::TooLarge, Code::ResourceExhausted)));
    let late = Status::deadline_exceeded("the deadline of the call has passed");
    check(late, Some((ErrorReason::TooLate, Code::DeadlineExceeded)));
    let timeout = Status::invalid_argument("grpc-timeout is 1 to 8 digits");
    check(timeout, Some((ErrorReason::InvalidField, Code::InvalidArgument)));
    let garbled = "failed to decode Protobuf message: GetCaseRequest.case_id: buffer underflow";
    check(Status::internal(garbled), Some((ErrorReason::InvalidField, Code::InvalidArgument)));
}

#[test]
fn what_has_a_reason_or_none_that_fits_is_left_alone() {
    check(Fault::unknown_case("c-1").into(), None);
    check(Status::unimplemented("no such method"), None);
    check(Status::ok(""), None);
    check(Status::out_of_range("somebody else's"), None);
}

#[track_caller]
fn check(status: Status, expected: Option<(ErrorReason, Code)>) {
    let completed = complete(&status).map(|fault| (fault.reason(), fault.code()));
    assert_eq!(completed, expected);
}
