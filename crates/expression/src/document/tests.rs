use super::{Document, Place};

const TEXT: &str = "\
# a comment
name: shop
steps:
  - queue: desk/a
    within: 5m
  - {queue: desk/b, within: 90}
'a/b': null
";

#[test]
fn every_value_and_key_has_its_place() {
    check("/name", (2, 7), (2, 1));
    check("/steps/0/within", (5, 13), (5, 5));
    check("/steps/1/within", (6, 29), (6, 21));
    check("/a~1b", (7, 8), (7, 1));
}

#[test]
fn what_is_not_there_has_the_place_of_what_is_around_it() {
    check("/steps/1/cover", (6, 5), (6, 5));
}

#[test]
fn values_keep_their_kinds() {
    let document = Document::parse("x.yaml", TEXT).expect("it is YAML");
    assert_eq!(
        document.value,
        serde_json::json!({
            "name": "shop",
            "steps": [{"queue": "desk/a", "within": "5m"}, {"queue": "desk/b", "within": 90}],
            "a/b": null,
        })
    );
}

#[test]
fn a_key_that_appears_twice_is_an_error_with_its_line() {
    let problem = Document::parse("x.yaml", "a: 1\nb: 2\na: 3\n").expect_err("a is there twice");
    assert_eq!((problem.line, problem.column), (3, 1), "{problem}");
}

#[track_caller]
fn check(pointer: &str, value: (u64, u64), key: (u64, u64)) {
    let document = Document::parse("x.yaml", TEXT).expect("it is YAML");
    let place = |(line, column)| Place { line, column };
    assert_eq!(document.place(pointer), place(value));
    assert_eq!(document.key_place(pointer), place(key));
}
