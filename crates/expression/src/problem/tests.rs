use super::suggest;

#[test]
fn a_slip_of_the_finger_is_recognised() {
    check("biling.refund@1", "did you mean billing.refund@1?");
    check("billing.refnud@1", "did you mean billing.refund@1?");
}

#[test]
fn something_else_altogether_lists_what_there_is() {
    check("shipping", "there are: billing.refund@1, crm.add_note@1");
}

#[track_caller]
fn check(written: &str, expected: &str) {
    assert_eq!(suggest(written, ["crm.add_note@1", "billing.refund@1"]), expected);
}
