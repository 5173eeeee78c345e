//! Which cases are wanted, in which order.

use belay_api::v1;
use belay_domain::Target;
use belay_journal::{CaseRow, Order, Query};

use super::Fields;
use crate::engine::MERGED;

/// A filter of cases, as the journal answers it. The tenant has been settled already.
pub(crate) fn case_filter(
    fields: &mut Fields,
    tenant: &str,
    filter: Option<v1::CaseFilter>,
) -> Query {
    let v1::CaseFilter {
        tenant: _,
        states,
        coverage,
        kinds,
        owner_kind,
        owner,
        customer,
        text,
        opened_from,
        opened_before,
    } = filter.unwrap_or_default();
    let mut query = Query { tenant: tenant.to_owned(), ..Query::default() };
    for (index, state) in states.into_iter().enumerate() {
        let at = format!("filter.states[{index}]");
        match fields.value::<v1::CaseState>(&at, state) {
            Some(v1::CaseState::Open) => query.status.push("open".to_owned()),
            Some(v1::CaseState::Resolved) => query.status.push("resolved".to_owned()),
            Some(v1::CaseState::Merged) => query.status.push(MERGED.to_owned()),
            Some(v1::CaseState::Unspecified) => fields.wrong(at, "has to be set"),
            None => {}
        }
    }
    for (index, kind) in coverage.into_iter().enumerate() {
        let at = format!("filter.coverage[{index}]");
        match fields.value::<v1::CoverageKind>(&at, kind).map(coverage_word) {
            Some(Some(word)) => query.coverage.push(word.to_owned()),
            Some(None) => fields.wrong(at, "has to be set"),
            None => {}
        }
    }
    query.owner_kind = match fields.value::<v1::OwnerKind>("filter.owner_kind", owner_kind) {
        Some(v1::OwnerKind::Agent) => Some("agent".to_owned()),
        Some(v1::OwnerKind::Queue) => Some("queue".to_owned()),
        Some(v1::OwnerKind::Supervisor) => Some("supervisor".to_owned()),
        Some(v1::OwnerKind::Unspecified) | None => None,
    };
    query.kind = kinds;
    query.owner = Some(fields.line("filter.owner", owner)).filter(|owner| !owner.is_empty());
    query.customer =
        Some(fields.line("filter.customer", customer)).filter(|customer| !customer.is_empty());
    query.text = Some(fields.line("filter.text", text)).filter(|text| !text.is_empty());
    query.opened_after = opened_from.and_then(|at| fields.time("filter.opened_from", at));
    query.opened_before = opened_before.and_then(|at| fields.time("filter.opened_before", at));
    query
}

/// The journal's word for a coverage; none for "unspecified".
pub(crate) fn coverage_word(kind: v1::CoverageKind) -> Option<&'static str> {
    match kind {
        v1::CoverageKind::Covered => Some(CaseRow::COVERED),
        v1::CoverageKind::Pending => Some("pending"),
        v1::CoverageKind::Uncovered => Some("uncovered"),
        v1::CoverageKind::Closed => Some("closed"),
        v1::CoverageKind::Merged => Some(MERGED),
        v1::CoverageKind::Unspecified => None,
    }
}

/// An order of cases.
pub(crate) fn case_order(fields: &mut Fields, order: i32) -> Order {
    match fields.value::<v1::CaseOrder>("order", order) {
        Some(v1::CaseOrder::OldestFirst) => Order::OpenedOldest,
        Some(v1::CaseOrder::UpdatedFirst) => Order::UpdatedNewest,
        Some(v1::CaseOrder::NewestFirst | v1::CaseOrder::Unspecified) | None => Order::OpenedNewest,
    }
}

/// For whom a case is meant.
pub(crate) fn target(
    fields: &mut Fields,
    name: &str,
    target: Option<v1::HandoffTarget>,
) -> Option<Target> {
    use v1::handoff_target::Target as Wire;
    match target.and_then(|target| target.target) {
        Some(Wire::Role(role)) => fields.id(&format!("{name}.role"), &role).map(Target::Role),
        Some(Wire::AgentId(agent)) => {
            fields.id(&format!("{name}.agent_id"), &agent).map(Target::Agent)
        }
        None => {
            fields.wrong(name, "has to be set");
            None
        }
    }
}
