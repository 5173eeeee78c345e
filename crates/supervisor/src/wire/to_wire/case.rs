//! Cases, whole and in short.

use belay_api::v1;
use belay_domain::{
    Absorbed, Case, CaseId, Contact, Coverage, Owner, Severity, Status, Timestamp, next_moment,
};
use belay_journal::CaseRow;

use crate::engine::MERGED;

use super::{
    action, actor, context, coverage, escalation, identification, offer, owner, plan, routing,
    severity, time,
};

/// A case with everything in it, as it stands at `now`.
pub(crate) fn case(case: &Case, now: Timestamp) -> v1::Case {
    v1::Case {
        summary: Some(summary(case, now)),
        sequence: case.seq,
        opened_by: Some(actor(&case.opened_by)),
        contacts: case.contacts.iter().map(contact).collect(),
        owner: Some(owner(&case.owner)),
        coverage: Some(coverage(case, now)),
        next_moment: next_moment(case).map(time),
        context: context(&case.context),
        context_digest: case.context.digest().to_string(),
        routing: case.routing.as_ref().map(routing),
        offer: case.offer.as_ref().map(offer),
        actions: by_number(case.actions.iter().map(|(id, found)| (id.as_str(), found)))
            .map(|found| action(&case.id, found))
            .collect(),
        plans: case.plans.values().map(|one| plan(one, case)).collect(),
        escalations: by_number(case.escalations.iter().map(|(id, found)| (id.as_str(), found)))
            .map(|found| escalation(&case.id, found))
            .collect(),
        playbook_version: case
            .terms
            .as_ref()
            .map_or_else(String::new, |terms| terms.playbook.to_string()),
        resolution: resolution(&case.status),
        same_matter: case.ties.same.iter().map(ToString::to_string).collect(),
        merging_into: case.ties.into.as_ref().map_or_else(String::new, ToString::to_string),
        other_matters: case.ties.apart.iter().map(ToString::to_string).collect(),
        taken_over: case
            .ties
            .absorbed
            .iter()
            .map(|(from, taken)| taken_over(from, taken))
            .collect(),
        identities: case.identities.values().map(|found| identification(found)).collect(),
    }
}

/// In the order of their numbers: `/a2` comes before `/a10`.
fn by_number<'a, T>(things: impl Iterator<Item = (&'a str, T)>) -> impl Iterator<Item = T> {
    let mut things: Vec<(&str, T)> = things.collect();
    // The ids of one case differ only in their number, so the longer one is the later one.
    things.sort_by_key(|(id, _)| (id.len(), *id));
    things.into_iter().map(|(_, thing)| thing)
}

/// What a list shows of a case, as it stands at `now`.
pub(crate) fn summary(case: &Case, now: Timestamp) -> v1::CaseSummary {
    let covered = case.coverage(now);
    let (kind, coverage_until) = match &covered {
        Coverage::Covered(cover) => (v1::CoverageKind::Covered, Some(cover.valid_until())),
        Coverage::Pending(_) => (v1::CoverageKind::Pending, None),
        Coverage::Uncovered(_) => (v1::CoverageKind::Uncovered, None),
        Coverage::Closed => (v1::CoverageKind::Closed, None),
        Coverage::Merged { .. } => (v1::CoverageKind::Merged, None),
    };
    let uncovered_since = match &covered {
        Coverage::Covered(_) | Coverage::Closed | Coverage::Merged { .. } => None,
        Coverage::Pending(_) => case.uncovered_since,
        Coverage::Uncovered(uncovered) => Some(uncovered.since),
    };
    let (state, resolved_at, resolution_code) = match &case.status {
        Status::Resolved { at, code, .. } => (v1::CaseState::Resolved, Some(*at), code.to_string()),
        Status::Merged { at, .. } => (v1::CaseState::Merged, Some(*at), String::new()),
        Status::Open | Status::Unopened => (v1::CaseState::Open, None, String::new()),
    };
    let (owner_kind, owner) = match &case.owner {
        Owner::Agent { agent, .. } => (v1::OwnerKind::Agent, agent.to_string()),
        Owner::Queue { queue, .. } => (v1::OwnerKind::Queue, queue.to_string()),
        Owner::Supervisor { .. } => (v1::OwnerKind::Supervisor, String::new()),
    };
    v1::CaseSummary {
        id: case.id.to_string(),
        tenant: case.tenant.as_ref().map_or_else(String::new, ToString::to_string),
        subject: case.subject.clone(),
        kind: case.kind.clone(),
        customer: case.customer.clone(),
        severity: severity(case.terms.as_ref().map_or(Severity::Normal, |terms| terms.severity))
            .into(),
        labels: case.labels.iter().cloned().collect(),
        state: state.into(),
        owner_kind: owner_kind.into(),
        owner,
        epoch: case.epoch.0,
        coverage: kind.into(),
        coverage_until: coverage_until.map(time),
        uncovered_since: uncovered_since.map(time),
        fingerprint: case.fingerprint.map_or_else(String::new, |digest| digest.to_string()),
        opened_at: Some(time(case.opened_at)),
        updated_at: Some(time(case.updated_at)),
        resolved_at: resolved_at.map(time),
        resolution_code,
        merged_into: case.merged_into().map_or_else(String::new, ToString::to_string),
    }
}

/// The same from the journal's line about it, which says how it stood at its last event. A cover that has run
/// out since is none.
pub(crate) fn row(row: &CaseRow, now: Timestamp) -> v1::CaseSummary {
    let covered = row.coverage == CaseRow::COVERED;
    let covered_until = row.covered_until.filter(|until| covered && now < *until);
    let coverage = match row.coverage.as_str() {
        _ if row.status == MERGED => v1::CoverageKind::Merged,
        _ if row.resolved_at.is_some() => v1::CoverageKind::Closed,
        CaseRow::COVERED if covered_until.is_some() => v1::CoverageKind::Covered,
        "pending" => v1::CoverageKind::Pending,
        _ => v1::CoverageKind::Uncovered,
    };
    let uncovered_since = match coverage {
        v1::CoverageKind::Pending | v1::CoverageKind::Uncovered => {
            row.uncovered_since.or(row.covered_until).or(Some(row.updated_at))
        }
        _ => None,
    };
    let state = match row.resolved_at {
        Some(_) if row.status == MERGED => v1::CaseState::Merged,
        Some(_) => v1::CaseState::Resolved,
        None => v1::CaseState::Open,
    };
    // A merged case has no resolution; the journal's line has the case that it was merged into in its place.
    let resolution = row.resolution.clone().unwrap_or_default();
    let (resolution_code, merged_into) = match state {
        v1::CaseState::Merged => (String::new(), resolution),
        _ => (resolution, String::new()),
    };
    v1::CaseSummary {
        id: row.case.clone(),
        tenant: row.tenant.clone(),
        subject: row.subject.clone(),
        kind: row.kind.clone(),
        customer: row.customer.clone(),
        severity: match row.severity.as_str() {
            "low" => v1::Severity::Low,
            "high" => v1::Severity::High,
            "critical" => v1::Severity::Critical,
            _ => v1::Severity::Normal,
        }
        .into(),
        labels: row.labels.clone().into_iter().collect(),
        state: state.into(),
        owner_kind: match row.owner_kind.as_str() {
            "agent" => v1::OwnerKind::Agent,
            "queue" => v1::OwnerKind::Queue,
            _ => v1::OwnerKind::Supervisor,
        }
        .into(),
        owner: row.owner.clone(),
        epoch: row.epoch,
        coverage: coverage.into(),
        coverage_until: covered_until.map(time),
        uncovered_since: uncovered_since.map(time),
        fingerprint: row.fingerprint.clone().unwrap_or_default(),
        opened_at: Some(time(row.opened_at)),
        updated_at: Some(time(row.updated_at)),
        resolved_at: row.resolved_at.map(time),
        resolution_code,
        merged_into,
    }
}

/// One report of a matter.
pub(crate) fn contact(contact: &Contact) -> v1::Contact {
    let Contact { request, channel, at } = contact;
    v1::Contact { request_id: request.to_string(), channel: channel.clone(), at: Some(time(*at)) }
}

/// What was taken over from another case.
fn taken_over(from: &CaseId, taken: &Absorbed) -> v1::TakenOver {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    v1::TakenOver {
        case_id: from.to_string(),
        contacts: count(taken.reported.contacts),
        entries: count(taken.reported.entries),
        at: Some(time(taken.at)),
        known: taken.told,
    }
}

/// How a case ended.
pub(crate) fn resolution(status: &Status) -> Option<v1::Resolution> {
    match status {
        Status::Resolved { at, by, code, note } => Some(v1::Resolution {
            code: code.to_string(),
            note: note.clone(),
            by: Some(actor(by)),
            at: Some(time(*at)),
        }),
        Status::Open | Status::Unopened | Status::Merged { .. } => None,
    }
}
