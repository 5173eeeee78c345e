use belay_domain::{Severity, Source};

use super::*;
use crate::wire::testbed::{Story, id};

#[test]
fn the_same_report_is_the_same() {
    check(|_| {}, true);
    check(|report| report.severity = None, true);
    // One that names no matter may have been recognised by the playbook.
    check(|report| report.fingerprint = None, true);
}

#[test]
fn every_difference_makes_it_another() {
    check(|report| report.tenant = id("beta"), false);
    check(|report| report.request = id("r-9"), false);
    check(|report| report.subject.push('!'), false);
    check(|report| report.kind.push('!'), false);
    check(|report| report.severity = Some(Severity::Low), false);
    check(|report| report.customer.push('!'), false);
    check(|report| report.channel.push('!'), false);
    check(|report| report.fingerprint = Some(belay_domain::Digest::of(b"other")), false);
    check(|report| report.labels.clear(), false);
    check(|report| report.by = belay_domain::Actor::Program("cli".to_owned()), false);
    check(|report| report.context.clear(), false);
    check(|report| report.context.push(report.context[0].clone()), false);
    check(|report| report.context[0].kind.push('!'), false);
    check(|report| report.context[0].body.push('!'), false);
    check(|report| report.context[0].provenance.source = Source::Staff, false);
    check(|report| report.context[0].provenance.reference.push('!'), false);
}

#[test]
fn what_became_known_later_is_no_part_of_the_report() {
    let mut story = Story::opened();
    let later = belay_domain::Command::AddContext {
        entries: report().context,
        by: belay_domain::Actor::Person(id("otto")),
    };
    story.tell(later);
    assert!(opened_as(&report(), &story.events));
}

#[track_caller]
fn check(change: impl FnOnce(&mut OpenRequest), same: bool) {
    let mut asked = report();
    change(&mut asked);
    assert_eq!(opened_as(&asked, &Story::opened().events), same);
}

/// The report that opens the story's case.
fn report() -> OpenRequest {
    let case = Story::opened().case;
    let first = &case.contacts[0];
    let entry = |entry: &std::sync::Arc<belay_domain::ContextEntry>| belay_domain::NewEntry {
        kind: entry.kind.clone(),
        body: entry.body.clone(),
        provenance: entry.provenance.clone(),
    };
    OpenRequest {
        tenant: id("acme"),
        request: first.request.clone(),
        subject: case.subject.clone(),
        kind: case.kind.clone(),
        severity: case.terms.as_ref().map(|terms| terms.severity),
        customer: case.customer.clone(),
        channel: first.channel.clone(),
        fingerprint: case.fingerprint,
        labels: case.labels.clone(),
        context: case.context.entries().iter().map(entry).collect(),
        by: belay_domain::Actor::Person(id("otto")),
    }
}
