use super::{Matter, field};
use crate::facts::CaseFacts;
use belay_domain::{ContextEntry, Provenance, Source};

fn report(customer: &str, kind: &str, labels: &[(&str, &str)]) -> CaseFacts {
    CaseFacts {
        tenant: "acme".parse().unwrap(),
        id: "c-1".parse().unwrap(),
        kind: kind.to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: customer.to_owned(),
        subject: "charged twice".to_owned(),
        labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    }
}

fn matter(names: &[&str]) -> Matter {
    let mut fields: Vec<_> = names.iter().map(|name| field(name).unwrap()).collect();
    fields.sort();
    Matter { fields }
}

#[track_caller]
fn check(names: &[&str], one: &CaseFacts, other: &CaseFacts, same: bool) {
    let of = |case| matter(names).fingerprint(case, []).expect("a fingerprint");
    assert_eq!(of(one) == of(other), same);
}

#[test]
fn reports_that_agree_in_every_field_are_one_matter_whatever_else_they_say() {
    let names = ["customer", "kind", "labels.order"];
    let one = report("C-1", "Refund", &[("order", "W 17")]);
    let other = CaseFacts {
        channel: "phone".to_owned(),
        subject: "where is my money".to_owned(),
        id: "c-2".parse().unwrap(),
        ..report(" c-1 ", "refund", &[("order", "w  17"), ("shop", "north")])
    };
    check(&names, &one, &other, true);
    let backwards = matter(&["labels.order", "kind", "customer"]).fingerprint(&one, []);
    assert_eq!(backwards, matter(&names).fingerprint(&one, []), "their order makes no difference");
}

#[test]
fn reports_that_differ_in_one_field_are_two() {
    let names = ["customer", "kind", "labels.order"];
    let one = report("c-1", "refund", &[("order", "17")]);
    check(&names, &one, &report("c-2", "refund", &[("order", "17")]), false);
    check(&names, &one, &report("c-1", "other", &[("order", "17")]), false);
    check(&names, &one, &report("c-1", "refund", &[("order", "71")]), false);
    let other = CaseFacts { tenant: "umbrella".parse().unwrap(), ..one.clone() };
    check(&names, &one, &other, false);
    // What looks the same to a person is not the same: a Cyrillic letter.
    check(&["customer"], &report("anna", "x", &[]), &report("аnna", "x", &[]), false);
    check(&["customer"], &report("a b", "x", &[]), &report("ab", "x", &[]), false);
}

#[test]
fn a_report_that_lacks_a_field_is_a_matter_of_its_own() {
    let names = ["customer", "labels.order"];
    for lacking in [
        report("", "refund", &[("order", "17")]),
        report("  ", "refund", &[("order", "17")]),
        report("c-1", "refund", &[]),
        report("c-1", "refund", &[("order", " ")]),
        report("c-1", "refund", &[("order", "17"), ("order", "18")]),
    ] {
        assert_eq!(matter(&names).fingerprint(&lacking, []), None, "{lacking:?}");
    }
    assert_eq!(Matter::default().fingerprint(&report("c-1", "refund", &[]), []), None);
}

#[test]
fn a_label_is_not_the_field_of_the_same_name() {
    let one =
        matter(&["labels.customer"]).fingerprint(&report("x", "k", &[("customer", "c-1")]), []);
    assert_ne!(one, matter(&["customer"]).fingerprint(&report("c-1", "k", &[]), []));
}

#[test]
fn a_fact_that_becomes_known_later_makes_it_one_of_a_known_matter() {
    let names = ["customer", "charge.id"];
    let case = report("c-1", "refund", &[]);
    let of = |known: &[ContextEntry]| matter(&names).fingerprint(&case, known);
    assert_eq!(of(&[]), None, "not known yet");
    let known = of(&[fact(Source::SystemOfRecord, r#"{"charge": {"id": "CH 7", "amount": 420}}"#)]);
    assert!(known.is_some());
    let again = fact(Source::VerifiedChannel, r#"{"charge": {"id": " ch  7 "}}"#);
    assert_eq!(of(std::slice::from_ref(&again)), known, "from another path, in another form");
    let staff = fact(Source::Staff, r#"{"charge": {"id": "ch 7"}}"#);
    assert_eq!(of(&[again.clone(), staff]), known, "said twice");
    let other = fact(Source::SystemOfRecord, r#"{"charge": {"id": "ch 8"}}"#);
    assert_ne!(of(std::slice::from_ref(&other)), known);
    assert_eq!(of(&[again, other]), None, "they contradict each other");
}

#[test]
fn what_the_customer_typed_or_a_model_chose_makes_no_two_matters_one() {
    let of = |entry: ContextEntry| {
        matter(&["customer", "charge.id"]).fingerprint(&report("c-1", "refund", &[]), [&entry])
    };
    let body = r#"{"charge": {"id": "ch_7"}}"#;
    for source in [Source::Customer, Source::Model, Source::Belay] {
        assert_eq!(of(fact(source, body)), None, "{source}");
    }
    assert_eq!(of(ContextEntry { kind: "message".to_owned(), ..fact(Source::Staff, body) }), None);
    for body in [r#"{"charge": {"id": null}}"#, r#"{"charge": {"id": ["ch_7"]}}"#, "ch_7", "{}"] {
        assert_eq!(of(fact(Source::SystemOfRecord, body)), None, "{body}");
    }
    let number = of(fact(Source::SystemOfRecord, r#"{"charge": {"id": 7}}"#));
    assert_eq!(number, of(fact(Source::SystemOfRecord, r#"{"charge": {"id": "7"}}"#)));
}

fn fact(source: Source, body: &str) -> ContextEntry {
    ContextEntry {
        kind: "fact".to_owned(),
        body: body.to_owned(),
        provenance: Provenance { source, reference: "billing".to_owned() },
        at: belay_domain::Timestamp::UNIX_EPOCH,
    }
}
