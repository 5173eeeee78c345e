use serde_json::json;

use super::{fields, quoted};

#[test]
fn fields_come_in_one_order_with_their_types() {
    let shown = fields(&json!({"b": {"y": 1.5, "x": [true, null]}, "a": "1", "c": [], "d": 1}));
    assert_eq!(
        shown,
        "/a  text  \"1\"\n/b/x/0  yes/no  true\n/b/x/1  nothing  null\n/b/y  decimal  1.5\n\
         /c  list  []\n/d  integer  1\n"
    );
}

#[test]
fn what_cannot_be_seen_is_written_out() {
    check("a\nb\u{202e}c\u{200b}\u{a0}", r#""a\u{000a}b\u{202e}c\u{200b}\u{00a0}""#);
    check("quote\"\\", r#""quote\"\\""#);
}

#[test]
fn letters_that_look_like_others_are_pointed_out() {
    // The second letter is Cyrillic.
    check("p\u{430}yp\u{430}l", "\"p\u{430}yp\u{430}l\" (not ASCII: U+0430)");
}

#[test]
fn a_key_cannot_forge_a_line() {
    let shown = fields(&json!({"x\n/amount  integer  1": 2}));
    assert_eq!(shown.lines().count(), 1, "{shown}");
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(quoted(text), expected);
}
