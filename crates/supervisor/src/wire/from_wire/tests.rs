use belay_api::v1;
use belay_domain::{Actor, Severity, Source};
use belay_journal::Order;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::*;
use crate::wire::Fault;
use crate::wire::testbed::id;

#[test]
fn a_case_arrives_as_it_was_sent() {
    let asked = open(good(), id("acme"), Actor::Program("intake".to_owned())).unwrap();
    assert_eq!(asked.tenant, id("acme"));
    assert_eq!(asked.request, id("r-1"));
    assert_eq!(asked.severity, Some(Severity::High));
    assert_eq!(asked.labels, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    assert_eq!(asked.fingerprint.unwrap().to_string(), "ab".repeat(32));
    assert_eq!(asked.context[0].provenance.source, Source::Customer);
    assert_eq!(asked.context[0].provenance.reference, "mail-1");
}

#[test]
fn an_entry_that_names_nobody_is_said_by_the_caller() {
    let mut request = good();
    request.context[0].provenance.as_mut().unwrap().reference.clear();
    let asked = open(request, id("acme"), Actor::Person(id("otto"))).unwrap();
    assert_eq!(asked.context[0].provenance.reference, "person:otto");
}

#[test]
fn what_is_not_stated_is_left_to_the_routing() {
    let minimal = v1::OpenCaseRequest {
        request_id: "r-1".to_owned(),
        subject: "help".to_owned(),
        ..v1::OpenCaseRequest::default()
    };
    let asked = open(minimal, id("acme"), Actor::Person(id("otto"))).unwrap();
    assert_eq!((asked.severity, asked.fingerprint), (None, None));
}

#[test]
fn every_wrong_field_of_a_case_is_named() {
    check_open(|request| request.request_id.clear(), &["request_id"]);
    check_open(|request| request.request_id = "ä".to_owned(), &["request_id"]);
    check_open(|request| request.request_id = "x".repeat(201), &["request_id"]);
    check_open(|request| request.subject = "  ".to_owned(), &["subject"]);
    check_open(|request| request.severity = 77, &["severity"]);
    check_open(|request| request.fingerprint = Some("abc".to_owned()), &["fingerprint"]);
    check_open(|request| request.fingerprint = Some("AB".repeat(32)), &["fingerprint"]);
    check_open(|request| request.fingerprint = Some(String::new()), &["fingerprint"]);
    check_open(
        |request| {
            request.labels = (0..65).map(|n| (format!("l{n}"), String::new())).collect();
        },
        &["labels"],
    );
    check_open(|request| request.labels = [(String::new(), String::new())].into(), &["labels"]);
    check_open(|request| request.context[0].kind.clear(), &["context[0].kind"]);
    check_open(|request| request.context[0].provenance = None, &["context[0].provenance"]);
    check_open(|request| set_source(request, v1::ProvenanceSource::Belay), SOURCE);
    check_open(|request| set_source(request, v1::ProvenanceSource::Unspecified), SOURCE);
    check_open(
        |request| {
            request.request_id.clear();
            request.subject.clear();
            request.severity = -1;
            request.context[0].kind.clear();
        },
        &["request_id", "subject", "severity", "context[0].kind"],
    );
}

#[test]
fn what_is_only_too_long_says_so() {
    let long = |change: &dyn Fn(&mut v1::OpenCaseRequest)| {
        let mut request = good();
        change(&mut request);
        open(request, id("acme"), Actor::Person(id("otto"))).unwrap_err()
    };
    for fault in [
        long(&|request| request.subject = "x".repeat(1025)),
        long(&|request| request.kind = "x".repeat(1025)),
        long(&|request| request.customer = "x".repeat(1025)),
        long(&|request| request.channel = "x".repeat(1025)),
        long(&|request| request.labels = [("k".to_owned(), "x".repeat(1025))].into()),
        long(&|request| request.context[0].body = "x".repeat(256 * 1024 + 1)),
    ] {
        assert_eq!(fault.reason(), v1::ErrorReason::TooLong, "{fault}");
    }
    let both = long(&|request| {
        request.subject = "x".repeat(1025);
        request.request_id.clear();
    });
    assert_eq!(both.reason(), v1::ErrorReason::InvalidField);
    assert_eq!(named(both), ["request_id", "subject"]);
}

#[test]
fn agents_do_not_speak_for_people() {
    let spoken = |speaker| {
        let mut fields = Fields::new();
        let staff = v1::ProvenanceSource::Staff.into();
        let source = provenance(&mut fields, "source", staff, speaker);
        fields.done(source)
    };
    assert_eq!(spoken(Speaker::PersonOrTool).unwrap(), Source::Staff);
    assert_eq!(named(spoken(Speaker::Agent).unwrap_err()), ["source"]);
}

#[test]
fn a_change_names_what_is_wrong_with_it() {
    let good = || v1::UpdateCaseRequest {
        request_id: "r-2".to_owned(),
        case_id: "c-1".to_owned(),
        subject: Some("new".to_owned()),
        severity: Some(v1::Severity::Low.into()),
        labels: Some(v1::Labels::default()),
    };
    let read = amend(good()).unwrap();
    assert_eq!((read.severity, read.labels), (Some(Severity::Low), Some(Vec::new())));
    let nothing =
        amend(v1::UpdateCaseRequest { subject: None, severity: None, labels: None, ..good() });
    assert_eq!(nothing.unwrap().subject, None);
    let wrong = |request| named(amend(request).unwrap_err());
    assert_eq!(wrong(v1::UpdateCaseRequest { case_id: String::new(), ..good() }), ["case_id"]);
    assert_eq!(wrong(v1::UpdateCaseRequest { severity: Some(0), ..good() }), ["severity"]);
    assert_eq!(
        wrong(v1::UpdateCaseRequest { subject: Some(String::new()), ..good() }),
        ["subject"]
    );
    assert_eq!(
        wrong(v1::UpdateCaseRequest::default()),
        ["request_id", "case_id"],
        "an empty message lacks exactly these"
    );
}

#[test]
fn context_needs_at_least_one_entry() {
    let empty = v1::AddContextRequest::default();
    let fields = named(add_context(empty, "person:otto").unwrap_err());
    assert_eq!(fields, ["request_id", "case_id", "entries"]);
}

#[test]
fn an_end_needs_a_code() {
    let fields = named(resolve(v1::ResolveCaseRequest::default()).unwrap_err());
    assert_eq!(fields, ["request_id", "case_id", "resolution_code"]);
}

#[test]
fn a_filter_becomes_a_question_to_the_journal() {
    let mut fields = Fields::new();
    let filter = v1::CaseFilter {
        tenant: "somebody else".to_owned(),
        states: vec![v1::CaseState::Open.into()],
        coverage: vec![v1::CoverageKind::Uncovered.into(), v1::CoverageKind::Pending.into()],
        kinds: vec!["refund".to_owned()],
        owner_kind: v1::OwnerKind::Queue.into(),
        owner: "desk/second-level".to_owned(),
        customer: "k-7".to_owned(),
        text: "charged".to_owned(),
        opened_from: Some(prost_types::Timestamp { seconds: 60, nanos: 0 }),
        opened_before: None,
    };
    let query = case_filter(&mut fields, "acme", Some(filter));
    fields.done(Some(())).unwrap();
    assert_eq!(query.tenant, "acme", "the tenant is settled before, and not by the filter");
    assert_eq!(query.status, ["open"]);
    assert_eq!(query.coverage, ["uncovered", "pending"]);
    assert_eq!(query.owner_kind.as_deref(), Some("queue"));
    assert_eq!(query.owner.as_deref(), Some("desk/second-level"));
    assert_eq!(query.opened_after.unwrap().as_second(), 60);
    let mut fields = Fields::new();
    let everything = case_filter(&mut fields, "acme", None);
    assert_eq!((everything.owner, everything.text, everything.customer), (None, None, None));
}

#[test]
fn a_filter_names_what_is_wrong_with_it() {
    let mut fields = Fields::new();
    let filter = v1::CaseFilter {
        states: vec![v1::CaseState::Open.into(), 0],
        coverage: vec![99],
        owner_kind: 98,
        opened_from: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
        opened_before: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..v1::CaseFilter::default()
    };
    case_filter(&mut fields, "acme", Some(filter));
    assert_eq!(case_order(&mut fields, 97), Order::OpenedNewest);
    let wrong = named(fields.done(Some(())).unwrap_err());
    let expected = [
        "filter.states[1]",
        "filter.coverage[0]",
        "filter.owner_kind",
        "filter.opened_from",
        "filter.opened_before",
        "order",
    ];
    assert_eq!(wrong, expected);
}

const SOURCE: &[&str] = &["context[0].provenance.source"];

fn set_source(request: &mut v1::OpenCaseRequest, source: v1::ProvenanceSource) {
    request.context[0].provenance.as_mut().unwrap().source = source.into();
}

#[track_caller]
fn check_open(change: impl FnOnce(&mut v1::OpenCaseRequest), expected: &[&str]) {
    let mut request = good();
    change(&mut request);
    let fault = open(request, id("acme"), Actor::Person(id("otto"))).unwrap_err();
    assert_eq!(fault.reason(), v1::ErrorReason::InvalidField);
    assert_eq!(named(fault), expected);
}

fn named(fault: Fault) -> Vec<String> {
    let details = Status::from(fault).get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    violations.iter().map(|violation| violation.field.clone()).collect()
}

fn good() -> v1::OpenCaseRequest {
    v1::OpenCaseRequest {
        request_id: "r-1".to_owned(),
        tenant: String::new(),
        subject: "charged twice".to_owned(),
        severity: v1::Severity::High.into(),
        kind: "refund".to_owned(),
        customer: "k-7".to_owned(),
        channel: "mail".to_owned(),
        labels: [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into(),
        fingerprint: Some("ab".repeat(32)),
        context: vec![v1::NewContextEntry {
            kind: "message".to_owned(),
            body: "you charged me twice".to_owned(),
            provenance: Some(v1::Provenance {
                source: v1::ProvenanceSource::Customer.into(),
                reference: "mail-1".to_owned(),
            }),
        }],
    }
}
