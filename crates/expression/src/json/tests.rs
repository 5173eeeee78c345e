use super::{Flaw, canonical, double, lenient, strict};

#[test]
fn keys_are_ordered_and_spaces_gone() {
    check(r#" { "b" : [ 1 , true ] , "a" : null } "#, r#"{"a":null,"b":[1,true]}"#);
}

#[test]
fn keys_are_ordered_by_utf16_as_in_the_rfc() {
    // RFC 8785, 3.2.3: the emoji's surrogates come before U+FB33, though its UTF-8 bytes come after.
    check(
        "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}",
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}",
    );
}

#[test]
fn strings_are_escaped_only_where_they_must_be() {
    check(r#""\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/""#, r#""€$\u000f\nA'B\"\\\\\"/""#);
}

#[test]
fn the_same_number_has_one_form() {
    check("[1.0, 1, 10e-1, -0.0, 0.50]", "[1,1,1,0,0.5]");
}

#[test]
fn no_float_is_mangled() {
    check("[47.84, 0.1, 1126.04, 8276.23, 123.456]", "[47.84,0.1,1126.04,8276.23,123.456]");
}

#[test]
fn doubles_are_laid_out_as_the_rfc_does() {
    // RFC 8785, appendix B.
    for (bits, expected) in [
        (0x0000_0000_0000_0001_u64, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(double(f64::from_bits(bits)), expected);
    }
}

#[test]
fn what_two_programs_could_read_differently_is_refused() {
    refuses(r#"{"a":1,"a":2}"#, Flaw::DuplicateKey, "appears twice");
    refuses(r#"{"b":{"a":1,"\u0061":2}}"#, Flaw::DuplicateKey, "appears twice");
    refuses("9007199254740993", Flaw::NumberTooLarge, "too large to be exact");
    refuses("-9007199254740992", Flaw::NumberTooLarge, "too large to be exact");
    refuses("9223372036854775808", Flaw::NumberTooLarge, "too large to be exact");
    refuses("123456789012345678901234567890", Flaw::NumberTooLarge, "too large to be exact");
    refuses("[1e16]", Flaw::NumberTooLarge, "too large to be exact");
    refuses("1e400", Flaw::NumberTooLarge, "out of range");
    refuses("1e999999999999", Flaw::NumberTooLarge, "out of range");
    refuses("NaN", Flaw::NotJson, "expected");
    refuses("-Infinity", Flaw::NotJson, "invalid number");
    refuses(r#""\ud800""#, Flaw::NotJson, "hex escape");
    refuses("{} {}", Flaw::NotJson, "trailing");
    refuses("", Flaw::NotJson, "EOF");
    refuses(&format!("\"{}\"", "x".repeat(70_000)), Flaw::TooLong, "may have 65536 at most");
}

#[test]
fn an_input_is_a_form_and_no_well() {
    let nested = |open: &str, close: &str, depth: usize| open.repeat(depth) + &close.repeat(depth);
    assert!(strict(&nested("[", "]", 32)).is_ok());
    refuses(&nested("[", "]", 33), Flaw::TooDeep, "deeper than 32");
    refuses(&"[".repeat(1000), Flaw::TooDeep, "deeper than 32");
    refuses(&(r#"{"a":"#.repeat(33) + "1" + &"}".repeat(33)), Flaw::TooDeep, "deeper than 32");
}

#[test]
fn an_answer_that_is_not_json_is_not_believed() {
    assert!(lenient(b"<html>welcome</html>").is_err());
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let value = strict(text).expect("the text is fine");
    assert_eq!(canonical(&value), expected);
    let again = strict(&canonical(&value)).expect("the canonical form is JSON");
    assert_eq!(canonical(&again), expected, "the canonical form of the canonical form is itself");
}

#[track_caller]
fn refuses(text: &str, flaw: Flaw, reason: &str) {
    let unfit = strict(text).expect_err("the text must be refused");
    assert_eq!(unfit.flaw, flaw, "{unfit}");
    assert!(unfit.detail.contains(reason), "{unfit} does not say {reason}");
}
