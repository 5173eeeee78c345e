//! Whether a request that was seen before asks for the same as then. What it asked for stands in the journal, so
//! this holds across restarts.

use belay_domain::{Case, Event, EventKind};

use crate::dedupe::key_reused;
use crate::engine::{Refused, decode};
use crate::intake::OpenRequest;
use crate::service::Shared;
use crate::wire::Fault;

/// Refuses a request whose id was used for another report.
pub(super) async fn check(shared: &Shared, case: &Case, report: &OpenRequest) -> Result<(), Fault> {
    let opened_it = case.contacts.first().is_some_and(|first| first.request == report.request);
    let same = if opened_it {
        let count = report.context.len() + 2;
        let stored = shared.engine.journal().events_of(case.id.as_str(), 0, count).await?;
        let events = stored.iter().map(decode).collect::<Result<Vec<Event>, _>>();
        let events = events.map_err(|damage| Refused::Damaged(std::sync::Arc::new(damage)))?;
        opened_as(report, &events)
    } else {
        let linked = case.contacts.iter().find(|contact| contact.request == report.request);
        // A report that names no matter was recognised by what the playbook of its day looked at.
        let same_matter = report.fingerprint.is_none() || case.fingerprint == report.fingerprint;
        same_matter && linked.is_none_or(|contact| contact.channel == report.channel)
    };
    if same { Ok(()) } else { Err(key_reused(&report.request)) }
}

/// Whether these first events of a case are what this report leads to. Its severity is not compared, because a
/// report that states none gets the one of the routing of its day.
fn opened_as(report: &OpenRequest, events: &[Event]) -> bool {
    let mut events = events.iter().map(|event| &event.kind);
    let Some(EventKind::CaseOpened {
        tenant,
        request,
        subject,
        kind,
        customer,
        channel,
        fingerprint,
        labels,
        by,
        terms,
    }) = events.next()
    else {
        return false;
    };
    let same = *tenant == report.tenant
        && *request == report.request
        && *subject == report.subject
        && *kind == report.kind
        && *customer == report.customer
        && *channel == report.channel
        && (report.fingerprint.is_none() || *fingerprint == report.fingerprint)
        && *labels == report.labels
        && *by == report.by.reference()
        && report.severity.is_none_or(|severity| severity == terms.severity);
    let known: Vec<_> = events
        .map_while(|event| match event {
            EventKind::ContextAdded { entry, .. } => Some(entry),
            _ => None,
        })
        .collect();
    same && known.len() == report.context.len()
        && known.iter().zip(&report.context).all(|(known, told)| {
            known.kind == told.kind
                && known.body == told.body
                && known.provenance == told.provenance
        })
}

#[cfg(test)]
mod tests;
