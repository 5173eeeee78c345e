//! A playbook with every kind of mistake in it: all are reported in one run, each with file, line and remedy.

use belay_playbook::{Playbook, SourceFile};

/// Small and right. Every test breaks it in its own way.
const FILES: [(&str, &str); 8] = [
    (
        "playbook.yaml",
        "name: small\ngroups: {finance: money}\ntiers:\n  \"2\":\n    quorum: 1\n    groups: [finance]\n    decide_within: 5m\n    escalation: ask\n",
    ),
    (
        "systems.yaml",
        "systems:\n  shop:\n    kind: http\n    base_url: ${SHOP}\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}}\n    people: {ann: {}}\n",
    ),
    (
        "agents.yaml",
        "roles: {clerk: sells}\nagents:\n  clerk-1: {roles: [clerk], boundary: clerk, operators: [olga]}\n",
    ),
    ("boundaries/clerk.yaml", "name: clerk\ncontracts:\n  - shop.sell@1\nsystems: [shop]\n"),
    (
        "contracts/sell.yaml",
        "id: shop.sell@1
title: Sell something
system: shop
executor: agent
tier: 2
mode: live
input:
  type: object
  additionalProperties: false
  properties: {item: {type: string}, price: {type: integer}}
provenance:
  /price: [system_of_record]
preconditions:
  reads:
    - {name: item, path: '/items/{{ input.item }}'}
  assert:
    - {name: same-price, that: reads.item.price == input.price}
amount: {minor: input.price, currency: USD}
limits:
  per_action: 10.00 USD
verification:
  path: '/sales?key={{ key }}'
  present: size(read) > 0
compensation: {none: sold is sold}
permit_within: 60s
",
    ),
    (
        "escalations/ask.yaml",
        "name: ask\nfreshness: 60s\nsteps:\n  - {queue: desk/front, acknowledge_within: 5m}\nbackoff: {first: 1s, most: 1m}\nresolutions: [done]\n",
    ),
    (
        "routing.yaml",
        "rules:\n  - {when: {kind: [sale]}, to: role clerk, takeover: ask}\notherwise: {to: people, takeover: ask}\n",
    ),
    (
        "taxonomy.yaml",
        "resolutions:\n  done: {title: Done, means: resolve}\n  again: {title: Again, means: return to role clerk}\n",
    ),
];

const POLICY: (&str, &str) = (
    "policies/all.cedar",
    "@id(\"clerks-sell\")\npermit (principal in Role::\"clerk\", action, resource)\nwhen { context.amount < 100 };\n",
);

#[test]
fn the_small_playbook_is_right() {
    check(&[], "");
}

#[test]
fn a_slip_in_a_name_is_found_where_it_was_made() {
    check(
        &[("boundaries/clerk.yaml", "shop.sell@1", "shop.sel@1")],
        "boundaries/clerk.yaml:3:5: the contract shop.sel@1 is unknown (did you mean shop.sell@1?)",
    );
    check(
        &[("escalations/ask.yaml", "desk/front", "desk/frond")],
        "escalations/ask.yaml:4:13: the system desk has no queue frond (did you mean front?)",
    );
    check(
        &[("routing.yaml", "to: role clerk", "to: role clark")],
        "routing.yaml:2:32: the role clark is unknown (did you mean clerk?)",
    );
    check(
        &[("escalations/ask.yaml", "[done]", "[doen]")],
        "escalations/ask.yaml:6:15: the resolution code doen is unknown (did you mean done?)",
    );
}

#[test]
fn what_makes_two_reports_one_matter_has_to_tell_customers_apart() {
    let otherwise = "otherwise: {to: people";
    let edit = |fields: &str| format!("otherwise: {{same_matter: [{fields}], to: people");
    check(&[("routing.yaml", otherwise, edit("customer, oder").as_str())], "routing.yaml:*");
    check(
        &[("routing.yaml", otherwise, edit("kind, subject").as_str())],
        "routing.yaml:3:26: these are the same in the reports of different customers, whose matters would be one \
         (add customer, a label that names the matter, or a field of the dictionary)",
    );
}

#[test]
fn the_reason_codes_are_a_list_that_people_choose_from() {
    let many: String = (0..65).map(|n| format!("  r{n}: text\n")).collect();
    let text = "again: {title: Again, means: return to role clerk}\n";
    check(
        &[("taxonomy.yaml", text, format!("{text}reasons:\n{many}").as_str())],
        "taxonomy.yaml:5:3: 65 reason codes; nobody chooses from so many (keep at most 64)",
    );
}

#[test]
fn an_unknown_field_is_an_error() {
    check(
        &[("contracts/sell.yaml", "executor: agent", "executer: agent")],
        "contracts/sell.yaml:1:1: the field executor is missing (add executor)\n\
         contracts/sell.yaml:4:1: the field executer is unknown here (did you mean executor?)",
    );
}

#[test]
fn a_wrong_value_says_what_may_be_written() {
    check(
        &[("escalations/ask.yaml", "acknowledge_within: 5m", "acknowledge_within: 5 minutes")],
        "escalations/ask.yaml:4:45: \"5 minutes\" is not a length of time \
         (write for example 15s, 2m or 1h30m)",
    );
    check(
        &[("contracts/sell.yaml", "mode: live", "mode: life")],
        "contracts/sell.yaml:6:7: mode cannot be \"life\" (did you mean live?)",
    );
    check(
        &[("contracts/sell.yaml", "tier: 2", "tier: 7")],
        "contracts/sell.yaml:5:7: tier is too large (it may be 3 at most)",
    );
}

#[test]
fn promises_that_cannot_be_kept_are_refused() {
    check(
        &[("contracts/sell.yaml", "permit_within: 60s", "permit_within: 61s")],
        "contracts/sell.yaml:25:16: 1m 1s is too long (it may be 1m at most)",
    );
    check(
        &[("escalations/ask.yaml", "freshness: 60s", "freshness: 6m")],
        "escalations/ask.yaml:2:12: 6m is too long (it may be 5m at most)",
    );
    check(
        &[("escalations/ask.yaml", "freshness: 60s", "freshness: 20s")],
        "escalations/ask.yaml:2:12: evidence would be too old before the next look \
         (look at least twice as often as evidence stays fresh)",
    );
    check(
        &[("playbook.yaml", "  \"2\":", "  \"1\":")],
        "contracts/sell.yaml:5:7: tier 2 needs people to agree, and it is not said who \
         (add approval here, or tiers: \"2\" in playbook.yaml)",
    );
    check(
        &[(
            "contracts/sell.yaml",
            "verification:\n  path: '/sales?key={{ key }}'\n  present: size(read) > 0\n",
            "",
        )],
        "contracts/sell.yaml:1:1: without verification nobody knows whether it was done \
         (add verification: a read that shows the effect)",
    );
    check(
        &[("escalations/ask.yaml", "  - {queue: desk/front, acknowledge_within: 5m}", "  []")],
        "escalations/ask.yaml:4:3: this escalation has no step (name at least one queue to ask)",
    );
}

#[test]
fn expressions_are_checked_before_they_are_needed() {
    check(
        &[("contracts/sell.yaml", "reads.item.price == input.price", "reads.item.price ==")],
        "contracts/sell.yaml:17:32: this is not a CEL expression: *",
    );
    check(
        &[(
            "contracts/sell.yaml",
            "reads.item.price == input.price",
            "reads.itme.price == input.prise",
        )],
        "contracts/sell.yaml:17:32: input has no field prise here (did you mean price?)\n\
         contracts/sell.yaml:17:32: reads has no field itme here (did you mean item?)",
    );
    check(
        &[("contracts/sell.yaml", "size(read)", "sizes(reed)")],
        "contracts/sell.yaml:23:12: reed is not known here (did you mean read?)\n\
         contracts/sell.yaml:23:12: there is no function sizes() (did you mean size?)",
    );
    check(
        &[("contracts/sell.yaml", "/items/{{ input.item }}", "/items/{{ input.item }")],
        "contracts/sell.yaml:15:26: this is not a template: a {{ is not closed with }} \
         (values are written {{ input.field }})",
    );
}

#[test]
fn schemas_and_provenance_are_checked() {
    check(
        &[("contracts/sell.yaml", "item: {type: string}", "item: {type: sting}")],
        "contracts/sell.yaml:10:29: this is not a JSON Schema: *",
    );
    check(
        &[("contracts/sell.yaml", "  additionalProperties: false\n", "")],
        "contracts/sell.yaml:8:3: the input allows fields that nobody named \
         (write additionalProperties: false)",
    );
    check(
        &[("contracts/sell.yaml", "  /price: [", "  /prize: [")],
        "contracts/sell.yaml:12:11: the input has no field prize (did you mean price?)",
    );
}

#[test]
fn policies_are_checked() {
    check(
        &[("policies/all.cedar", "when { context.amount < 100 };", "when { context.amount < };")],
        "policies/all.cedar:3:25: this is not a Cedar policy: *",
    );
    check(
        &[("policies/all.cedar", "Role::\"clerk\"", "Role::\"clark\"")],
        "policies/all.cedar:1:1: Role::\"clark\" is unknown (did you mean clerk?)",
    );
    check(
        &[("policies/all.cedar", "context.amount", "context.amuont")],
        "policies/all.cedar:1:1: context has no attribute amuont (did you mean amount?)",
    );
    check(
        &[("policies/all.cedar", "@id(\"clerks-sell\")\n", "")],
        "policies/all.cedar:1:1: policy number 1 has no name (write @id(\"its-name\") before it)",
    );
}

#[test]
fn what_is_not_yaml_has_its_line() {
    check(
        &[("routing.yaml", "otherwise: {to: people", "otherwise: {to: [people")],
        "routing.yaml:*",
    );
}

#[test]
fn many_mistakes_in_many_files_are_reported_together() {
    check(
        &[
            ("agents.yaml", "roles: [clerk]", "roles: [clark]"),
            ("agents.yaml", "boundary: clerk", "boundary: clerks"),
            ("systems.yaml", "staff: [ann]", "staff: [anna]"),
            ("contracts/sell.yaml", "system: shop", "system: shopp"),
            ("contracts/sell.yaml", "10.00 USD", "10.00 Dollars"),
            ("taxonomy.yaml", "means: resolve", "meens: resolve"),
        ],
        "agents.yaml:3:21: the role clark is unknown (did you mean clerk?)\n\
         agents.yaml:3:39: the boundary clerks is unknown (did you mean clerk?)\n\
         contracts/sell.yaml:20:15: \"10.00 Dollars\" is not an amount of money \
         (write for example 50.00 USD)\n\
         systems.yaml:7:30: the person anna is unknown (did you mean ann?)\n\
         taxonomy.yaml:2:9: the field means is missing (add means)\n\
         taxonomy.yaml:2:23: the field meens is unknown here (did you mean means?)",
    );
}

#[test]
fn a_missing_file_is_named() {
    let files = sources(&[]).into_iter().filter(|file| file.path != "taxonomy.yaml").collect();
    let problems = Playbook::from_files(files).expect_err("a file is missing").to_string();
    assert_eq!(
        problems,
        "taxonomy.yaml: this file is missing (it says how a case can be resolved)"
    );
}

#[test]
fn the_version_is_that_of_the_content() {
    let version = |edits| Playbook::from_files(sources(edits)).expect("it loads").version();
    assert_eq!(version(&[]), version(&[]));
    assert_ne!(version(&[]), version(&[("playbook.yaml", "money", "Money")]));
}

#[test]
fn pace_is_scaled_and_windows_are_not() {
    let files = sources(&[("playbook.yaml", "name: small", "name: small\ntiming_scale: 0.1")]);
    let playbook = Playbook::from_files(files).expect("it loads");
    let plan = playbook.escalation("ask", belay_domain::Severity::Normal).expect("a plan");
    assert_eq!(plan.steps[0].acknowledge_within.as_secs(), 30);
    assert_eq!(plan.steps[0].freshness.as_secs(), 6);
}

#[test]
fn a_rule_that_reads_free_text_is_an_error_where_it_stands() {
    let that = "that: reads.item.price == input.price";
    let found = |place: &str, read: &str| {
        format!(
            "contracts/sell.yaml:{place}: this rule reads free text: {read} (decide on a field with an enum, a format or \
             a pattern, on a label, or on the kind of case; what a text must not hold is written as looks_for)"
        )
    };
    for (condition, read) in [
        ("\"input.item.contains('cheap')\"", "input.item by contains()"),
        ("\"!input.item.contains('cheap')\", field: /item", "input.item by contains()"),
        ("case.subject != 'refund'", "case.subject"),
        ("input.item == 'refund'", "input.item by comparing it with a word"),
        ("\"input.item != 'refund'\", field: /item", "input.item by comparing it with a word"),
        ("\"input.item in ['a', 'b']\"", "input.item by comparing it with a word"),
        ("input.item < 'n'", "input.item by comparing it with a word"),
        ("\"['a'].exists(word, word == input.item)\"", "input.item by comparing it with a word"),
        ("\"{'a': true}[input.item]\"", "input.item by comparing it with a word"),
        (
            "\"reads.item.price == (input.item == 'x' ? 1 : 2)\"",
            "input.item by comparing it with a word",
        ),
    ] {
        let edit = format!("that: {condition}");
        check(&[("contracts/sell.yaml", that, &edit)], &found("17:32", read));
    }
    for (key, read) in [
        ("{{ case.subject }}", "case.subject"),
        ("{{ input.item == 'x' ? 1 : 2 }}", "input.item by comparing it with a word"),
    ] {
        let edit = format!("key: \"{key}\"");
        check(&[("contracts/sell.yaml", "permit_within: 60s", &edit)], &found("25:6", read));
    }
    check(
        &[(
            "contracts/sell.yaml",
            "minor: input.price",
            "minor: \"input.item == 'x' ? 0 : input.price\"",
        )],
        &found("18:17", "input.item by comparing it with a word"),
    );
    for policy in ["context.input.item like \"*cheap*\"", "context.input.item == \"cheap\""] {
        check(
            &[("policies/all.cedar", "context.amount < 100", policy)],
            "policies/all.cedar:1:1: this rule reads free text: context.input.item (decide on a field with an enum, a \
             format or a pattern)",
        );
    }
}

#[test]
fn a_text_with_a_form_may_be_looked_into_and_any_text_may_be_the_same_as_another() {
    let that = "that: reads.item.price == input.price";
    let item = "{item: {type: string}";
    for condition in ["\"input.item.startsWith('a')\"", "input.item == 'lamp'"] {
        check(
            &[
                ("contracts/sell.yaml", that, &format!("that: {condition}")),
                ("contracts/sell.yaml", item, "{item: {type: string, pattern: '^[a-z]+$'}"),
            ],
            "",
        );
    }
    for condition in
        ["input.item == reads.item.id", "size(input.item) < 9", "input.item == case.customer"]
    {
        check(&[("contracts/sell.yaml", that, &format!("that: {condition}"))], "");
    }
}

#[test]
fn what_a_text_must_not_hold_is_looked_for_in_a_form_that_can_only_say_no() {
    let that = "that: reads.item.price == input.price";
    let with = |rule: &str, expected: &str| check(&[("contracts/sell.yaml", that, rule)], expected);
    with("looks_for: [pin, PASSWORD], field: /item", "");
    with("looks_for: [\"a'b\\\"c\\\\\"], field: /item", "");
    let field = "contracts/sell.yaml:*";
    with("looks_for: [pin]", field);
    with("looks_for: [pin], field: /price", field);
    with("looks_for: [pin], field: /nothing", field);
    with(
        "looks_for: [], field: /item",
        "contracts/sell.yaml:17:37: nothing is looked for (write the words that must not be there)",
    );
    with(
        "looks_for: [pin], that: \"true\", field: /item",
        "contracts/sell.yaml:17:7: a condition says what must hold (give that, or before a write looks_for with a \
         field, and not both)",
    );
    check(
        &[(
            "contracts/sell.yaml",
            "present: size(read) > 0",
            "present: size(read) > 0\n  assert:\n    - {name: clean, looks_for: [pin], field: /item}",
        )],
        "contracts/sell.yaml:*",
    );
}

#[test]
fn an_input_says_what_each_of_its_fields_is() {
    let item = "{item: {type: string}";
    let with = |schema: &str, expected: &str| {
        check(&[("contracts/sell.yaml", item, &format!("{{item: {schema}"))], expected);
    };
    let place = |what: &str| format!("contracts/sell.yaml:10:22: {what}");
    with(
        "{}, x: {type: string}",
        &place(
            "it is not said what item is, so it may be a list or an object (write its type, or an enum)",
        ),
    );
    with(
        "{type: object, properties: {a: {type: string}}}",
        &place(
            "it allows fields that nobody named (write additionalProperties: false, or the schema of what else there may be)",
        ),
    );
    with("{type: array}", &place("it is not said what is in this list (add items)"));
    with("{type: array, items: {enum: [a]}}", "");
    with("{type: string, x-templates: allowed}", "");
    for wrong in ["{type: string, x-templates: yes}", "{enum: [a], x-templates: allowed}"] {
        with(wrong, "contracts/sell.yaml:*");
    }
}

#[test]
fn reason_codes_are_those_of_the_taxonomy_wherever_they_appear() {
    let item = "{item: {type: string}";
    let reasons =
        ("taxonomy.yaml", "resolutions:", "reasons: {goodwill: to keep them}\nresolutions:");
    check(
        &[
            reasons,
            ("contracts/sell.yaml", item, "{reason: {enum: [goodwil]}, item: {type: string}"),
        ],
        "contracts/sell.yaml:10:32: the reason code \"goodwil\" is not in taxonomy.yaml (did you mean goodwill?)",
    );
    check(
        &[reasons, ("contracts/sell.yaml", item, "{reason: {type: string}, item: {type: string}")],
        "contracts/sell.yaml:10:24: a reason is a code of taxonomy.yaml, and here it may be anything (write enum: \
         [goodwill], or those of it that fit)",
    );
    check(
        &[
            reasons,
            ("contracts/sell.yaml", item, "{reason: {enum: [goodwill]}, item: {type: string}"),
            ("policies/all.cedar", "context.amount < 100", "context.input.reason == \"goodwil\""),
        ],
        "policies/all.cedar:1:1: the input reason is never \"goodwil\" (did you mean goodwill?)",
    );
    check(
        &[
            reasons,
            ("contracts/sell.yaml", item, "{reason: {enum: [goodwill]}, item: {type: string}"),
            (
                "policies/all.cedar",
                "context.amount < 100",
                "[\"good\"].contains(context.input.reason)",
            ),
        ],
        "policies/all.cedar:1:1: the input reason is never \"good\" (there are: goodwill)",
    );
}

/// Each edit is a file, what it says, and what it says instead. A `*` at the end of an expectation matches anything.
#[track_caller]
fn check(edits: &[(&str, &str, &str)], expected: &str) {
    let found = match Playbook::from_files(sources(edits)) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    };
    let matches = match expected.strip_suffix('*') {
        Some(beginning) => found.starts_with(beginning),
        None => found == expected,
    };
    assert!(matches, "\n   found:\n{found}\nexpected:\n{expected}");
}

#[track_caller]
fn sources(edits: &[(&str, &str, &str)]) -> Vec<SourceFile> {
    let mut files: Vec<SourceFile> = FILES
        .into_iter()
        .chain([POLICY])
        .map(|(path, text)| SourceFile { path: path.to_owned(), text: text.to_owned() })
        .collect();
    for (path, from, to) in edits {
        let file = files.iter_mut().find(|file| file.path == *path).expect("the file is there");
        assert!(file.text.contains(from), "{path} does not say {from}");
        file.text = file.text.replace(from, to);
    }
    files
}
