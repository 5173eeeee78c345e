//! What one decision changes in the journal: the events, the line in the case list, the next moment, and what
//! the case claims or counts against limits.

use belay_domain::{
    Action, ActionId, Case, Contact, ContractId, Coverage, Event, EventKind, IdempotencyKey, Owed,
    Owner, Ruling, Status, Timestamp, next_moment,
};
use belay_journal::{CaseRow, Claim, Entry, Usage};
use belay_playbook::Playbook;

use super::stored::encode;
use crate::facts::case_facts;

/// The kind of claim that makes a request open one case only.
pub(crate) const REQUEST: &str = "request";
/// The kind of claim that makes a matter one case only.
pub(crate) const FINGERPRINT: &str = "fingerprint";
/// The status of a case that was merged into another, in the case list; its resolution names the other.
pub(crate) const MERGED: &str = "merged";
/// The kind of claim that makes a write happen once only (`IDM-1`).
pub(crate) const WRITE: &str = "write";
/// The kind of claim that makes a request change a case once only.
pub(crate) const ANSWERED: &str = "answered";

/// What `events` change, given the case before and after them and what it owes then.
pub(super) fn entry(
    before: &Case,
    after: &Case,
    events: &[Event],
    owed: &[Owed],
    playbook: &Playbook,
    now: Timestamp,
) -> Result<Entry, serde_json::Error> {
    let tenant = after.tenant.as_ref().map_or("-", |tenant| tenant.as_str());
    let mut entry = Entry {
        tenant: tenant.to_owned(),
        case: after.id.as_str().to_owned(),
        expected_seq: before.seq,
        events: events.iter().map(encode).collect::<Result<_, _>>()?,
        row: Some(row(after, now)),
        attention: attention(after, owed),
        ..Entry::default()
    };
    for event in events {
        hold(&mut entry, before, after, event, playbook);
    }
    Ok(entry)
}

/// The key under which a write is claimed: its contract and its idempotency key.
fn write_key(action: &Action) -> Option<String> {
    let terms = action.terms()?;
    Some(write_key_of(&terms.contract, &terms.key))
}

/// The key under which a write by this contract with this idempotency key is claimed.
pub(crate) fn write_key_of(contract: &ContractId, key: &IdempotencyKey) -> String {
    format!("{contract}/{key}")
}

/// When the case next needs somebody: a deadline, or at once while it owes something or people are asked, so
/// that a restart finds every open escalation without reading every case.
fn attention(case: &Case, owed: &[Owed]) -> Option<Timestamp> {
    let due = owed.iter().map(|owed| owed.due).min();
    let asked = case.escalations.values().filter(|found| found.is_open() && case.is_open());
    let asked = asked.map(|found| found.opened_at).min();
    next_moment(case).into_iter().chain(due).chain(asked).min()
}

/// What an event makes the case claim, count or give up.
fn hold(entry: &mut Entry, before: &Case, case: &Case, event: &Event, playbook: &Playbook) {
    let holder = case.id.as_str();
    let claim = |kind: &str, key: String, holder: &str| Claim {
        kind: kind.to_owned(),
        key,
        holder: holder.to_owned(),
    };
    match &event.kind {
        EventKind::CaseOpened { request, fingerprint, .. } => {
            entry.claims.push(claim(REQUEST, request.as_str().to_owned(), holder));
            if let Some(fingerprint) = fingerprint {
                entry.claims.push(claim(FINGERPRINT, fingerprint.to_string(), holder));
            }
        }
        EventKind::ContactLinked { request, .. } => {
            entry.claims.push(claim(REQUEST, request.as_str().to_owned(), holder));
        }
        // Of one who is not the only one any more, the reports go where the matter is; who comes second is told who is first.
        EventKind::MatterRecognised { fingerprint } => {
            entry.claims.push(claim(FINGERPRINT, fingerprint.to_string(), holder));
        }
        EventKind::CaseAbsorbed { from, fingerprint: Some(fingerprint), .. } => {
            entry.releases.push(claim(FINGERPRINT, fingerprint.to_string(), from.as_str()));
            entry.claims.push(claim(FINGERPRINT, fingerprint.to_string(), holder));
        }
        EventKind::CaseResolved { .. } | EventKind::CaseMerged { .. } => {
            let all = case.fingerprints();
            entry.releases.extend(all.map(|one| claim(FINGERPRINT, one.to_string(), holder)));
        }
        EventKind::ActionAssessed { action, verdict } => {
            let live = verdict.terms.as_ref().is_some_and(|terms| terms.live);
            let allowed = !matches!(verdict.ruling, Ruling::Deny(_));
            let Some(found) = case.actions.get(action).filter(|_| live && allowed) else { return };
            if found.is_without_effect() {
                return;
            }
            if let Some(key) = write_key(found) {
                entry.claims.push(claim(WRITE, key, action.as_str()));
            }
            entry.usage.extend(usage(case, found, playbook, event.at));
        }
        EventKind::ActionDenied { action, .. }
        | EventKind::ActionShadowed { action }
        | EventKind::ActionFailed { action, .. }
        | EventKind::ActionWithdrawn { action, .. }
        | EventKind::ActionAmended { action, .. }
        | EventKind::ApprovalEnded { action, .. } => give_up(entry, before, case, action),
        _ => {}
    }
}

/// An action that certainly left no trace, or whose input was changed, frees its key and its share of the
/// limits.
fn give_up(entry: &mut Entry, before: &Case, case: &Case, id: &ActionId) {
    let Some(action) = case.actions.get(id) else { return };
    let amended = action.verdict.is_none();
    if !action.is_without_effect() && !amended {
        return;
    }
    let key = before.actions.get(id).and_then(|known| write_key(known));
    if let Some(key) = key.or_else(|| write_key(action)) {
        entry.releases.push(Claim { kind: WRITE.to_owned(), key, holder: id.as_str().to_owned() });
    }
    entry.releases_usage.push(id.as_str().to_owned());
}

fn usage(case: &Case, action: &Action, playbook: &Playbook, at: Timestamp) -> Vec<Usage> {
    let Some(amount) = action.terms().map(|terms| terms.amount) else { return Vec::new() };
    let facts = case_facts(case);
    playbook
        .usage_keys(&action.contract, &action.input, &facts, &action.proposer)
        .into_iter()
        .map(|key| Usage {
            key: key.key,
            amount_minor: amount.map_or(0, |amount| amount.minor),
            currency: amount.map_or_else(String::new, |amount| amount.currency.to_string()),
            at,
            action: action.id.as_str().to_owned(),
        })
        .collect()
}

fn row(case: &Case, now: Timestamp) -> CaseRow {
    let coverage = case.coverage(now);
    let (status, resolved_at, resolution) = match &case.status {
        Status::Unopened => ("unopened", None, None),
        Status::Open => ("open", None, None),
        Status::Resolved { at, code, .. } => ("resolved", Some(*at), Some(code.to_string())),
        Status::Merged { at, into } => (MERGED, Some(*at), Some(into.to_string())),
    };
    let (owner_kind, owner) = match &case.owner {
        Owner::Supervisor { .. } => ("supervisor", String::new()),
        Owner::Agent { agent, .. } => ("agent", agent.to_string()),
        Owner::Queue { queue, .. } => ("queue", queue.to_string()),
    };
    let uncovered_since = if coverage.is_covered() { None } else { case.uncovered_since };
    CaseRow {
        tenant: case.tenant.as_ref().map_or_else(String::new, ToString::to_string),
        case: case.id.to_string(),
        subject: case.subject.clone(),
        kind: case.kind.clone(),
        severity: case.terms.as_ref().map_or_else(String::new, |terms| terms.severity.to_string()),
        customer: case.customer.clone(),
        status: status.to_owned(),
        owner_kind: owner_kind.to_owned(),
        owner,
        covered_until: coverage.until().filter(|_| coverage.is_covered()),
        coverage: match coverage {
            Coverage::Covered(_) => CaseRow::COVERED.to_owned(),
            other => other.name().to_owned(),
        },
        uncovered_since,
        opened_at: case.opened_at,
        updated_at: case.updated_at,
        resolved_at,
        resolution,
        labels: case.labels.iter().cloned().collect(),
        request_id: case.contacts.first().map(|Contact { request, .. }| request.to_string()),
        fingerprint: case.fingerprint.map(|fingerprint| fingerprint.to_string()),
        epoch: case.epoch.0,
    }
}
