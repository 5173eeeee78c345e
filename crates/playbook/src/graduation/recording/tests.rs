//! Recordings as operators write them.

use serde_json::json;

use super::Recording;

const RECORDED: &str = r#"
# A refund.
case: {customer: c-1, kind: refund}
agent: billing-1
input: {charge: "ch 1", key: kept}
provenance: {/charge: system_of_record}
exchanges:
  - {request: "GET billing /refunds?key={{ key }}", status: 200, answer: []}
  - {request: POST billing /refunds, body: {key: "{{ key }}"}, status: 201, answer: {id: r1, of: ["{{ key }}"]}}
  - request: GET billing /charges/ch%201
"#;

#[test]
fn a_recording_is_read_and_stands_for_its_key() {
    let recording = Recording::parse("refund.yaml", RECORDED).unwrap();
    assert_eq!(recording.case().unwrap().customer, "c-1");
    assert_eq!(recording.provenance()[0].0, "/charge");
    assert_eq!(recording.input(), r#"{"charge":"ch 1","key":"kept"}"#);
    let [look, write, read] = &recording.exchanges[..] else { panic!("three") };
    assert!(look.answers("GET", "billing", "/refunds?key=c-1%3Aab", "c-1:ab"));
    assert!(!look.answers("GET", "billing", "/refunds?key=other", "c-1:ab"));
    assert!(!look.answers("POST", "billing", "/refunds?key=k", "k"));
    assert!(!look.answers("GET", "crm", "/refunds?key=k", "k"));
    assert_eq!(write.body("k"), Some(json!({"key": "k"})));
    assert_eq!(write.answer("k"), json!({"id": "r1", "of": ["k"]}));
    assert!(read.answers("GET", "billing", "/charges/ch 1", "k"));
    assert_eq!((read.status, read.body("k")), (None, None));
}

#[test]
fn what_is_no_recording_says_what_one_is() {
    for text in ["[]", "agent: a\n", "agent: a\ninput: {}\nexchange: []\n", "agent: [\n"] {
        let problem = Recording::parse("r.yaml", text).unwrap_err();
        assert!(problem.file == "r.yaml" && !problem.remedy.is_empty(), "{problem:?}");
    }
}
