use serde_json::{Value, json};

use super::{Body, Template};
use crate::expression::Scope;

#[test]
fn a_value_stays_one_segment_of_the_path() {
    check("/orders/{{ input.order }}/cancel", "/orders/%23W1/cancel");
    check("/notes?key={{ input.nasty }}", "/notes?key=a%2F..%2Fb%3Fc%3Dd%26e%20%7B%7B%C3%A9");
    check("/x/{{ input.slashed }}", "/x/cn%2F7");
    check("/x?back={{ input.dots }}&no={{ input.empty }}", "/x?back=%2E%2E&no=");
    check("/x/..{{ input.word }}", "/x/..word");
}

#[test]
fn a_value_that_would_change_the_path_is_refused() {
    for source in [
        "/x/{{ input.dots }}/y",
        "/x/{{ input.dot }}{{ input.dot }}/y",
        "/x/.{{ input.dot }}",
        "/x/{{ input.up }}",
        "/x/{{ input.windows }}",
        "/x/{{ input.empty }}/y",
        "/x/{{ input.nasty }}",
    ] {
        let template = Template::compile(source).expect("it is a template");
        assert!(template.address(&scope()).is_err(), "{source}");
    }
}

#[test]
fn a_value_without_a_text_is_refused() {
    fails("/x/{{ input.list }}", "has no text");
    fails("/x/{{ input.nothing }}", "it is null");
    fails("/x/{{ input.missing }}", "there is no field missing");
}

#[test]
fn a_header_takes_no_line_break() {
    let template = Template::compile("{{ input.lines }}").expect("it is a template");
    assert!(template.header(&scope()).is_err());
}

#[test]
fn a_template_that_is_not_closed_is_refused() {
    assert!(Template::compile("/x/{{ input.order").is_err());
    assert!(Template::compile("/x/ input.order }}").is_err());
}

#[test]
fn one_expression_keeps_its_type_in_a_body() {
    body(
        json!({"amount": "{{ input.amount }}", "text": "is {{ input.amount }}", "list": ["{{ input.list }}"]}),
        json!({"amount": 12, "text": "is 12", "list": [["a"]]}),
    );
}

#[test]
fn a_value_in_a_body_is_never_a_template() {
    body(json!({"text": "{{ input.nasty }}"}), json!({"text": "a/../b?c=d&e {{é"}));
}

#[track_caller]
fn check(source: &str, expected: &str) {
    let template = Template::compile(source).expect("it is a template");
    assert_eq!(template.address(&scope()).as_deref(), Ok(expected));
}

#[track_caller]
fn fails(source: &str, reason: &str) {
    let template = Template::compile(source).expect("it is a template");
    let error = template.address(&scope()).expect_err("it must fail");
    assert!(error.contains(reason), "{error} does not say {reason}");
}

#[track_caller]
fn body(source: Value, expected: Value) {
    let body = Body::compile(&source).expect("it is a body");
    assert_eq!(body.render(&scope()), Ok(expected));
}

fn scope() -> Scope {
    Scope::new().with(
        "input",
        &json!({
            "order": "#W1", "nasty": "a/../b?c=d&e {{é", "dots": "..", "amount": 12,
            "dot": ".", "up": "../../admin", "windows": "..\\x", "empty": "", "slashed": "cn/7", "word": "word",
            "list": ["a"], "nothing": null, "lines": "a\r\nx: y",
        }),
    )
}
