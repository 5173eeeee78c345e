use std::collections::BTreeSet;

use super::super::{Expression, Scope};
use super::{FORMS, FUNCTIONS};

/// Every function in every form that is allowed, and its value.
const CALLS: &[(&str, &str)] = &[
    ("size('ab')", "2"),
    ("'ab'.size()", "2"),
    ("[1].size()", "1"),
    ("'ab'.contains('a')", "true"),
    ("'ab'.startsWith('a')", "true"),
    ("'ab'.endsWith('b')", "true"),
    ("'a'.matches('^a$')", "true"),
    ("matches('a', '^a$')", "true"),
    ("int('1')", "1"),
    ("uint('1')", "1"),
    ("double('1.5')", "1.5"),
    ("string(1)", "\"1\""),
    ("bool('true')", "true"),
    ("type(1) == int", "true"),
    ("dyn(1)", "1"),
    ("sum([1, 2])", "3"),
    ("minor('1.50')", "150"),
    ("json([1])", "\"[1]\""),
    ("base64('a')", "\"YQ==\""),
    ("[1, 1].distinct()", "[1]"),
    ("[2, 1].sort()", "[1,2]"),
    ("[1, 2].slice(0, 1)", "[1]"),
    ("[[1]].flatten()", "[1]"),
    ("[[[1]]].flatten(2)", "[1]"),
    ("[1, 2].reverse()", "[2,1]"),
    ("'ab'.charAt(1)", "\"b\""),
    ("'ab'.indexOf('b')", "1"),
    ("'abb'.indexOf('b', 2)", "2"),
    ("['a', 'b'].join()", "\"ab\""),
    ("['a', 'b'].join(',')", "\"a,b\""),
    ("'aba'.lastIndexOf('a')", "2"),
    ("'aba'.lastIndexOf('a', 1)", "0"),
    ("'AB'.lowerAscii()", "\"ab\""),
    ("'ab'.upperAscii()", "\"AB\""),
    ("'aa'.replace('a', 'b')", "\"bb\""),
    ("'aa'.replace('a', 'b', 1)", "\"ba\""),
    ("'a,b'.split(',')", "[\"a\",\"b\"]"),
    ("'a,b'.split(',', 1)", "[\"a,b\"]"),
    ("'abc'.substring(1)", "\"bc\""),
    ("'abc'.substring(1, 2)", "\"b\""),
    ("' a '.trim()", "\"a\""),
    ("lists.range(2)", "[0,1]"),
    ("math.greatest(1, 2)", "2"),
    ("math.greatest([1, 2])", "2"),
    ("math.greatest(1, 2, 3)", "3"),
    ("math.least(1, 2)", "1"),
    ("math.least([1, 2])", "1"),
    ("math.abs(-1)", "1"),
    ("math.ceil(1.5)", "2.0"),
    ("math.floor(1.5)", "1.0"),
    ("math.round(1.5)", "2.0"),
    ("math.trunc(1.5)", "1.0"),
];

#[test]
fn every_function_that_is_accepted_exists_when_it_is_called() {
    let mut called = BTreeSet::new();
    for (source, expected) in CALLS {
        let expression =
            Expression::compile(source).unwrap_or_else(|why| panic!("{source}: {why}"));
        let value = expression.value(&Scope::new()).map(|value| value.to_string());
        assert_eq!(value.as_deref(), Ok(*expected), "{source}");
        called.extend(expression.references().functions);
    }
    let named: BTreeSet<String> = FUNCTIONS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(called, named, "each function is in the table, and no other");
    let formed: BTreeSet<String> = FORMS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(formed, named);
}

#[test]
fn every_form_that_does_not_exist_is_refused_when_it_is_read() {
    const ARGUMENTS: [&str; 4] = ["", "'a'", "'a', 'a'", "'a', 'a', 'a'"];
    for (name, alone, on_value) in FORMS {
        for (count, arguments) in ARGUMENTS.iter().enumerate() {
            let (plain, on) = (format!("{name}({arguments})"), format!("'a'.{name}({arguments})"));
            if !name.contains("greatest") && !name.contains("least") {
                check(&plain, alone.contains(&count));
            }
            if !name.contains('.') {
                check(&on, on_value.contains(&count));
            }
        }
    }
    let why = Expression::compile("lowerAscii(input.currency)").map(drop).unwrap_err();
    assert_eq!(why, "lowerAscii() is not called like this; write x.lowerAscii()");
    for none in ["max(1, 2)", "abs(-1)", "range(2)", "math.max(1, 2)"] {
        let functions = Expression::compile(none).unwrap().references().functions;
        let known = |name: &String| FUNCTIONS.contains(&name.as_str());
        assert!(!functions.iter().any(known), "{none} is no function of ours: {functions:?}");
    }
}

#[track_caller]
fn check(source: &str, allowed: bool) {
    let read = Expression::compile(source).map(drop);
    assert_eq!(read.is_ok(), allowed, "{source}: {read:?}");
    // What is read exists: a value of another kind is another matter.
    if let Ok(expression) = Expression::compile(source)
        && let Err(why) = expression.value(&Scope::new())
    {
        assert!(!why.contains("is not known here"), "{source}: {why}");
    }
}
