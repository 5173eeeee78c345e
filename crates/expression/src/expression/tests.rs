use serde_json::json;

use super::{Expression, Scope};

#[test]
fn integers_and_decimals_compare_by_value() {
    check("input.balance >= 10 && input.balance == 51.0 && 51.5 > input.balance", "true");
}

#[test]
fn integers_and_decimals_do_not_add_up_by_themselves() {
    fails("input.balance + 0.5", "integers and decimals do not mix");
    check("double(input.balance) + 0.5", "51.5");
}

#[test]
fn money_is_counted_exactly() {
    check("minor(47.84) - minor(46.85)", "99");
    check("minor(8276.23)", "827623");
    check("minor(51)", "5100");
    check("minor('19.99')", "1999");
    fails("minor(0.125)", "more than two decimals");
    fails("minor(1e300)", "too large");
}

#[test]
fn a_search_is_written_as_the_system_takes_it() {
    check("json([['reference', '=', 'a\"b', 1]])", r#""[[\"reference\",\"=\",\"a\\\"b\",1]]""#);
    check("base64('a?~')", r#""YT9-""#);
    fails("base64(1)", "");
}

#[test]
fn a_text_is_held_against_a_pattern() {
    check("'A-17'.matches('^[A-Z]-[0-9]+$')", "true");
    check("'17'.matches('^[A-Z]-[0-9]+$')", "false");
    fails("'17'.matches('[')", "");
}

#[test]
fn a_list_is_summed() {
    check("sum(input.items.map(i, minor(i.price)))", "3");
    check("sum([])", "0");
    check("sum([1, 0.5])", "1.5");
    fails("sum(['a'])", "list of numbers");
    fails("sum([9223372036854775807, 1])", "too large");
}

#[test]
fn a_missing_field_has_a_name() {
    fails("input.nothing == 1", "there is no field nothing");
    check("has(input.nothing)", "false");
}

#[test]
fn joins_over_lists_work() {
    check("input.items.all(i, i.id in input.wanted)", "true");
    check("input.items.exists_one(i, i.id == 'a')", "true");
    check("input.wanted.map(w, input.items.filter(i, i.id == w)[0].price)", "[0.01,0.02]");
    check("size(input.wanted.distinct()) == size(input.wanted)", "true");
    check("input.wanted.map(w, math.abs(-1))", "[1,1]");
}

#[test]
fn what_an_expression_refers_to_is_known_without_its_locals() {
    let expression = Expression::compile(
        "input.wanted.all(w, reads.order.items.exists(i, i.id == w && has(case.kind))) && size(x) > 0",
    )
    .expect("it is an expression");
    let references = expression.references();
    let paths: Vec<String> = references.paths.iter().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["case.kind", "input.wanted", "reads.order.items", "x"]);
    assert_eq!(references.functions.into_iter().collect::<Vec<_>>(), ["size"]);
}

#[test]
fn what_is_no_expression_is_refused_with_a_place() {
    let error = Expression::compile("input.a ==").expect_err("it is no expression");
    assert!(error.contains("at character"), "{error}");
}

#[test]
fn what_would_take_the_stack_is_refused_before_it_is_read() {
    let nested = |deep: usize| format!("{}1{}", "(".repeat(deep), ")".repeat(deep));
    check(&nested(12), "1");
    let refused = |source: &str| {
        let error = Expression::compile(source).map(drop).expect_err("it must be refused");
        assert!(error.contains("nested too deeply or goes on too long"), "{error}");
    };
    refused(&nested(13));
    refused(&nested(100_000));
    let sum = |terms: usize| vec!["1"; terms].join(" + ");
    check(&sum(48), "48");
    refused(&sum(50));
    refused(&sum(100_000));
    check(&format!("'{}\\'' != ''", "(".repeat(100)), "true");
}

#[track_caller]
fn check(source: &str, expected: &str) {
    let value = Expression::compile(source).expect("it is an expression").value(&scope());
    assert_eq!(value.map(|value| value.to_string()), Ok(expected.to_owned()));
}

#[track_caller]
fn fails(source: &str, reason: &str) {
    let error = Expression::compile(source).expect("it is an expression").value(&scope());
    let error = error.expect_err("it must fail");
    assert!(error.contains(reason), "{error} does not say {reason}");
}

fn scope() -> Scope {
    Scope::new().with(
        "input",
        &json!({
            "balance": 51,
            "items": [{"id": "a", "price": 0.01}, {"id": "b", "price": 0.02}],
            "wanted": ["a", "b"],
        }),
    )
}
