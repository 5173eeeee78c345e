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
    fails("minor(0.0000001)", "less than a cent");
    check("minor('-420.0000')", "-42000");
    check("minor('7')", "700");
    for odd in ["1e2", "1E400", "inf", "NaN", "+1", "1_0", "1,5", ".5", "5.", "--1", "", " 1", "٣"]
    {
        fails(&format!("minor('{odd}')"), "not an amount");
    }
    fails("minor('0.001')", "more than two decimals");
    fails("minor('99999999999999999999')", "too large");
    fails("minor('100000000000001')", "too large");
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
fn a_comparison_with_a_word_of_its_own_is_found_however_it_is_written() {
    for (source, expected) in [
        ("input.text == 'refund'", "input.text"),
        ("'refund' != input.text", "input.text"),
        ("input.text in ['a', 'b']", "input.text"),
        ("'a' in [input.text]", "input.text"),
        ("input.text < 'n'", "input.text"),
        ("input.text.lowerAscii() == 'refund'", "input.text"),
        ("input.text + '!' == 'refund!'", "input.text"),
        ("(true ? input.text : 'x') == (true ? 'a' : 'b')", "input.text"),
        ("input['text'] == 'a'", "input.text"),
        ("['a', 'b'].exists(word, word == input.text)", "input.text"),
        ("input.words.exists(word, word == 'fire')", "input.words.*"),
        ("input.words[0] == 'fire'", "input.words.*"),
        ("input.lines.all(line, line.kind == 'x')", "input.lines.*.kind"),
        ("input.words.map(word, word.trim()) == ['fire']", "input.words.*"),
        ("input.text.split(' ')[0] == 'fire'", "input.text.*"),
        ("!(input.a && (input.b || input.text == 'x'))", "input.text"),
        ("{'refund': 1}[input.text] == 1", "input.text"),
        ("input.text == reads.order.text", ""),
        ("input.words.exists(word, word == input.text)", ""),
        ("'fire' in input.words", "input.words"),
        ("size(input.text) > 5 && has(input.text)", ""),
        ("input.text == null || null != input.text", ""),
        ("input.text in reads.order.texts", ""),
    ] {
        let references = Expression::compile(source).expect("it is an expression").references();
        let paths: Vec<String> =
            references.against_literals.iter().map(|path| path.join(".")).collect();
        assert_eq!(paths.join(" "), expected, "{source}");
    }
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
