//! Whatever a value says, a request has the shape that its contract gave it: the same segments in the path, the same names in
//! the query, in the headers, in the form and in the body. Or there is no request.

use std::collections::BTreeSet;

use belay_domain::ContractId;
use belay_playbook::{CaseFacts, Payload, Playbook, PreparedWrite, SourceFile};
use proptest::prelude::*;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

const FILES: [(&str, &str); 8] = [
    ("playbook.yaml", "name: shapes\ngroups: {finance: money}\n"),
    (
        "systems.yaml",
        "systems:\n  shop: {kind: http, base_url: \"http://shop\"}\n  desk:\n    kind: desk\n    queues: {front: {staff: [ann]}}\n    people: {ann: {}}\n",
    ),
    (
        "agents.yaml",
        "roles: {clerk: sells}\nagents:\n  clerk-1: {roles: [clerk], boundary: clerk, operators: [olga]}\n",
    ),
    (
        "boundaries/clerk.yaml",
        "name: clerk\ncontracts: [shop.json@1, shop.form@1]\nsystems: [shop]\n",
    ),
    (
        "escalations/ask.yaml",
        "name: ask\nfreshness: 60s\nsteps:\n  - {queue: desk/front, acknowledge_within: 5m}\nbackoff: {first: 1s, most: 1m}\nresolutions: [done]\n",
    ),
    ("routing.yaml", "otherwise: {to: people, takeover: ask}\n"),
    ("taxonomy.yaml", "resolutions:\n  done: {title: Done, means: resolve}\n"),
    ("policies/all.cedar", "@id(\"all\")\npermit (principal, action, resource);\n"),
];

/// The same write twice, once as JSON and once as a form, with `one` and `two` in every place there is. The form has no
/// headers, because most of what is nasty fits into none.
fn contract(name: &str, payload: &str) -> String {
    format!(
        "id: shop.{name}@1
title: Sell
system: shop
executor: supervisor
tier: 0
mode: live
input:
  type: object
  additionalProperties: false
  required: [one, two]
  properties: {{one: {{type: string}}, two: {{type: string}}}}
key: '{{{{ input.one }}}}:{{{{ input.two }}}}'
execution:
  method: POST
  path: '/items/{{{{ input.one }}}}/x-{{{{ input.two }}}}{{{{ input.one }}}}/end?a={{{{ input.two }}}}&b={{{{ input.one }}}}-{{{{ input.two }}}}&k={{{{ key }}}}'
  {payload}
verification: {{path: '/sales/{{{{ input.two }}}}?key={{{{ key }}}}', present: size(read) > 0}}
compensation: {{none: sold is sold}}
"
    )
}

const JSON: &str = "headers: {X-One: '{{ input.one }}', X-Both: 'a {{ input.one }}; {{ input.two }}'}
  body: {'whole': '{{ input.one }}', 'part': 'a {{ input.two }} b', 'in': {'list': ['{{ input.one }}', 7]}, 'search': '{{ json([[input.one]]) }}'}";
const FORM: &str =
    "form: {'whole': '{{ input.one }}', 'metadata[part]': 'a {{ input.two }} b', 'n': '7'}";

fn playbook() -> Playbook {
    let contracts = [
        ("contracts/json.yaml", contract("json", JSON)),
        ("contracts/form.yaml", contract("form", FORM)),
    ];
    let files = FILES.into_iter().map(|(path, text)| (path, text.to_owned())).chain(contracts);
    let files = files.map(|(path, text)| SourceFile { path: path.to_owned(), text }).collect();
    Playbook::from_files(files).expect("it loads")
}

/// Texts made of what means something somewhere, and of anything at all.
fn nasty() -> impl Strategy<Value = String> {
    let pieces: Vec<String> = [
        "/",
        "..",
        ".",
        "\\",
        "?",
        "&",
        "=",
        "#",
        ";",
        "%",
        "%2e",
        "%2F",
        "%00",
        "+",
        " ",
        "\r\n",
        "\n",
        "\0",
        "\t",
        "\"",
        "'",
        "{{ input.two }}",
        "${x}",
        "}}",
        "{\"a\":1}",
        "[",
        "]",
        ",",
        ":",
        "://",
        "@",
        "<",
        ">",
        "|",
        "..;",
        "a",
        "ü",
        "\u{202e}",
        "\u{430}",
        "😀",
        "metadata[x]",
        "X-Two: 1",
    ]
    .map(str::to_owned)
    .to_vec();
    let piece = prop_oneof![4 => prop::sample::select(pieces), 1 => any::<String>()];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_value_never_changes_the_shape_of_a_request(one in nasty(), two in nasty()) {
        thread_local!(static PLAYBOOK: Playbook = playbook());
        PLAYBOOK.with(|playbook| {
            for name in ["json", "form"] {
                check(playbook, name, &one, &two);
            }
        });
    }
}

#[test]
fn a_harmless_value_makes_a_request() {
    let write = write(&playbook(), "json", "a b", "c/d").expect("a request");
    assert!(write.path.starts_with("/items/a%20b/x-c%2Fda%20b/end?a=c%2Fd&b=a%20b-c%2Fd&k="));
    assert_eq!(write.headers[1], ("X-One".to_owned(), "a b".to_owned()));
}

fn write(playbook: &Playbook, name: &str, one: &str, two: &str) -> Option<PreparedWrite> {
    let contract: ContractId = format!("shop.{name}@1").parse().expect("an id");
    let input = json!({"one": one, "two": two}).to_string();
    playbook.execution(&contract, &input, &case()).ok()
}

fn check(playbook: &Playbook, name: &str, one: &str, two: &str) {
    let Some(write) = write(playbook, name, one, two) else { return };
    // As a client parses it that resolves dots: the segments and names that the contract wrote, and the values in them.
    let url = Url::parse(&format!("http://shop{}", write.path)).expect("an address");
    let decoded = |text: &str| percent(text);
    let segments: Vec<String> = url.path_segments().expect("segments").map(decoded).collect();
    assert_eq!(
        segments,
        ["items".to_owned(), one.to_owned(), format!("x-{two}{one}"), "end".to_owned()]
    );
    assert_eq!(url.fragment(), None);
    let key = write.key.clone();
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let pair = |name: &str, value: String| (name.to_owned(), value);
    assert_eq!(
        query,
        [pair("a", two.to_owned()), pair("b", format!("{one}-{two}")), pair("k", key)]
    );
    let names: Vec<&str> = write.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, if name == "json" { &["X-Both", "X-One"][..] } else { &[] });
    for (_, value) in &write.headers {
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value:?}");
    }
    assert!(write.headers.last().is_none_or(|(_, value)| value == one));
    match write.body {
        Payload::Json(body) => {
            assert_eq!(
                body,
                json!({"whole": one, "part": format!("a {two} b"), "in": {"list": [one, 7]},
                    "search": json!([[one]]).to_string()}),
            );
            // And the text that is sent reads as the same.
            let sent = body.to_string();
            assert_eq!(serde_json::from_str::<Value>(&sent).expect("JSON"), body);
        }
        Payload::Form(fields) => {
            let sent =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let read: BTreeSet<(String, String)> =
                form_urlencoded::parse(sent.as_bytes()).into_owned().collect();
            let wanted = [
                pair("whole", one.to_owned()),
                pair("metadata[part]", format!("a {two} b")),
                pair("n", "7".to_owned()),
            ];
            assert_eq!(read, wanted.into_iter().collect());
        }
        Payload::None => panic!("there is a body"),
    }
}

fn percent(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        match (first, more) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit");
                bytes.push(u8::try_from(digit(*high) * 16 + digit(*low)).expect("a byte"));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).expect("a text")
}

fn case() -> CaseFacts {
    CaseFacts {
        tenant: "acme".parse().expect("an id"),
        id: "c-1".parse().expect("an id"),
        kind: "sale".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "cust-1".to_owned(),
        subject: "a sale".to_owned(),
        labels: Vec::new(),
    }
}
