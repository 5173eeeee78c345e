use serde_json::json;

use super::Answer;

#[track_caller]
fn check(status: u16, body: &str, expected: Answer) {
    assert_eq!(Answer::from_http(status, body.as_bytes()), expected, "{status} {body}");
}

#[test]
fn a_record_is_found_missing_or_could_not_be_read() {
    for status in [200, 201, 299] {
        check(status, r#"{"paid": 1}"#, Answer::Found(json!({"paid": 1})));
    }
    for status in [404, 410] {
        check(status, r#"{"paid": 1}"#, Answer::Missing);
    }
    for status in [199, 204 + 96, 301, 400, 401, 403, 409, 429, 500, 503] {
        let detail = format!("the system answered with status {status}");
        check(status, r#"{"paid": 1}"#, Answer::Unreadable { detail });
    }
}

#[test]
fn a_yes_with_something_else_than_a_record_could_not_be_read() {
    for body in ["", "<html>", "{"] {
        let answer = Answer::from_http(200, body.as_bytes());
        assert!(matches!(answer, Answer::Unreadable { .. }), "{body}: {answer:?}");
    }
}
