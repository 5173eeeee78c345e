//! What the playbook is told about a case.

use belay_domain::{Case, Source, TenantId};
use belay_playbook::CaseFacts;

/// The facts of an open case.
#[must_use]
pub(crate) fn case_facts(case: &Case) -> CaseFacts {
    CaseFacts {
        tenant: case.tenant.clone().unwrap_or_else(unknown_tenant),
        id: case.id.clone(),
        kind: case.kind.clone(),
        severity: case.terms.as_ref().map(|terms| terms.severity),
        channel: case.contacts.first().map_or_else(String::new, |first| first.channel.clone()),
        customer: case.customer.clone(),
        subject: case.subject.clone(),
        labels: case.labels.clone(),
    }
}

/// Where each entry of a case's context comes from.
#[must_use]
pub(crate) fn heard(case: &Case) -> Vec<Source> {
    case.context.entries().iter().map(|entry| entry.provenance.source).collect()
}

/// Whether the case holds text that came from outside and that nobody vouches for.
#[must_use]
pub(crate) fn has_outside_text(case: &Case) -> bool {
    case.context.entries().iter().any(|entry| entry.provenance.source == Source::Customer)
}

/// A case that is not open has no tenant; nothing is ever decided for it.
fn unknown_tenant() -> TenantId {
    const NOBODY: &str = "-";
    NOBODY.parse().unwrap_or_else(|_| unreachable!("a hyphen is an id"))
}
