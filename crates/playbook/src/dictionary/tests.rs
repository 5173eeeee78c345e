//! How systems write what they mean, one line for each value.

use belay_domain::SystemId;
use serde_json::json;

use super::mapping::{Field, Place};
use crate::format::{FormName, TypeName};

#[test]
fn amounts_are_read_exactly_or_not_at_all() {
    use FormName::{Decimal, Minor, NegativeDecimal, NegativeMinor};
    for (form, written, meant) in [
        (Minor, json!(42000), "42000"),
        (Minor, json!("42000"), "42000"),
        (Minor, json!(-1), "-1"),
        (NegativeMinor, json!(-42000), "42000"),
        (Decimal, json!("420.00"), "42000"),
        (Decimal, json!(420.5), "42050"),
        (Decimal, json!(420), "42000"),
        (Decimal, json!("0.07"), "7"),
        (Decimal, json!("7"), "700"),
        (NegativeDecimal, json!("-420.00"), "42000"),
        (NegativeDecimal, json!("-420.0000"), "42000"),
        (NegativeDecimal, json!("420.00"), "-42000"),
        (NegativeDecimal, json!("-0.00"), "0"),
    ] {
        assert_eq!(money(form).read(&system(), &json!({"at": written})), Ok(meant.to_owned()));
    }
    for (form, written) in [
        (Minor, json!(420.5)),
        (Minor, json!("420.00")),
        (Minor, json!("")),
        (Minor, json!("-")),
        (Minor, json!([42000])),
        (Decimal, json!("420.005")),
        (Decimal, json!("4.2e2")),
        (Decimal, json!(".50")),
        (Decimal, json!("+4.20")),
        (Decimal, json!("4,20")),
        (Decimal, json!("99999999999999999999.00")),
        (Decimal, json!("92233720368547758.08")),
        (NegativeMinor, json!(i64::MIN)),
    ] {
        let read = money(form).read(&system(), &json!({"at": written}));
        assert!(read.as_ref().is_err_and(|why| why.contains("mapping 3")), "{written}: {read:?}");
    }
}

#[test]
fn a_word_means_what_the_mapping_says_and_nothing_else() {
    let mut field = Field { values: vec!["stands".into(), "void".into()], ..code() };
    words(&mut field, &[("posted", "stands"), ("paid", "stands"), ("cancelled", "void")]);
    check(&field, json!("paid"), Ok("stands"));
    check(&field, json!("cancelled"), Ok("void"));
    check(&field, json!("draft"), Err("\"draft\" (a word that is not known, mapping 3)"));
    check(&field, json!("stands"), Err("\"stands\" (a word that is not known, mapping 3)"));
    check(&field, json!(null), Err("nothing at /at"));
    check(&field, json!({}), Err("\"{}\" (no code, mapping 3)"));
}

#[test]
fn without_words_a_value_stands_for_itself_if_it_is_one() {
    check(&code(), json!("C10008"), Ok("C10008"));
    check(&code(), json!(10008), Ok("10008"));
    check(&code(), json!(true), Ok("true"));
    let listed = Field { values: vec!["a".into()], ..code() };
    check(&listed, json!("a"), Ok("a"));
    check(&listed, json!("b"), Err("\"b\" (a word that is not known, mapping 3)"));
    let mut prefixed = code();
    prefixed.places.values_mut().for_each(|place| place.prefix = "erp:".to_owned());
    check(&prefixed, json!("erp:C10008"), Ok("C10008"));
    check(&prefixed, json!("C10008"), Err("\"C10008\" (without its prefix, mapping 3)"));
}

#[test]
fn numbers_and_answers_are_what_they_are() {
    let integer = Field { kind: Some(TypeName::Integer), ..code() };
    check(&integer, json!(7), Ok("7"));
    check(&integer, json!("7"), Ok("7"));
    check(&integer, json!(7.5), Err("\"7.5\" (no whole number, mapping 3)"));
    let boolean = Field { kind: Some(TypeName::Boolean), ..code() };
    check(&boolean, json!(false), Ok("false"));
    check(&boolean, json!("false"), Err("\"false\" (neither yes nor no, mapping 3)"));
    let untyped = Field { kind: None, ..code() };
    check(&untyped, json!("x"), Err("\"x\" (of no type that can be compared, mapping 3)"));
}

#[test]
fn what_people_are_shown_has_an_end() {
    let listed = Field { values: vec!["a".into()], ..code() };
    let read = listed.read(&system(), &json!({"at": "x".repeat(10_000)}));
    assert!(read.is_err_and(|why| why.len() < 200));
}

#[track_caller]
fn check(field: &Field, written: serde_json::Value, meant: Result<&str, &str>) {
    let read = field.read(&system(), &json!({"at": written}));
    assert_eq!(read, meant.map(str::to_owned).map_err(str::to_owned));
}

fn money(form: FormName) -> Field {
    let mut field = Field { kind: Some(TypeName::Money), ..code() };
    field.places.values_mut().for_each(|place| place.form = form);
    field
}

fn code() -> Field {
    let place = Place {
        pointer: "/at".to_owned(),
        version: 3,
        form: FormName::Minor,
        prefix: String::new(),
        words: [].into(),
    };
    Field {
        kind: Some(TypeName::Code),
        values: Vec::new(),
        truth: system(),
        places: [(system(), place)].into(),
    }
}

fn words(field: &mut Field, words: &[(&str, &str)]) {
    let words = words.iter().map(|(word, value)| ((*word).to_owned(), (*value).to_owned()));
    field.places.values_mut().for_each(|place| place.words = words.clone().collect());
}

fn system() -> SystemId {
    "erp".parse().expect("an id")
}
