//! Compiling `systems.yaml`.

mod credential;
mod itsm;

use super::{
    Desk, DeskPerson, DeskQueue, HttpSystem, Reconcile, Reference, RequestTracker, System,
    SystemKind,
};
use credential::credential;

use crate::check::Check;
use crate::format::{Length, ReconcileRule, RemedyName, SystemKindName, SystemRule, SystemsFile};
use belay_domain::{Remedies, Remedy, Span, SystemId};

/// How long one request may take, where nothing else is said.
const TIMEOUT: Length = Length(Span::from_secs(10));

/// The longest a request may take.
const TIMEOUT_MOST: Span = Span::from_secs(60);

/// How often our tickets are listed, where nothing else is said.
const RECONCILE_EVERY: Length = Length(Span::from_secs(60));

/// The longest between two lists. What is found later has been wrong for hours.
const RECONCILE_MOST: Span = Span::from_hours(24);

/// Compiles all systems.
pub(crate) fn compile(check: &mut Check<'_>, file: SystemsFile) -> Vec<System> {
    let systems = file.systems.into_iter();
    systems.filter_map(|(id, rule)| system(check, id, rule)).collect()
}

fn system(check: &mut Check<'_>, id: SystemId, rule: SystemRule) -> Option<System> {
    let pointer = crate::json::child("/systems", id.as_str());
    let reconcile = reconcile(check, &pointer, &rule.reconcile);
    let kind = match rule.kind {
        SystemKindName::Http => SystemKind::Http(http(check, &pointer, &rule)?),
        SystemKindName::Desk => SystemKind::Desk(desk(check, &pointer, rule)),
        SystemKindName::Itsm => SystemKind::Itsm(Box::new(itsm::itsm(check, &pointer, rule)?)),
        SystemKindName::RequestTracker => {
            SystemKind::RequestTracker(tracker(check, &pointer, rule)?)
        }
    };
    Some(System { id, kind, reconcile })
}

fn reconcile(check: &mut Check<'_>, pointer: &str, rule: &ReconcileRule) -> Reconcile {
    let every = rule.every.unwrap_or(RECONCILE_EVERY);
    let named = |name: Option<RemedyName>, otherwise| match name {
        Some(RemedyName::Withdraw) => Remedy::Withdraw,
        Some(RemedyName::Report) => Remedy::Report,
        None => otherwise,
    };
    let usual = Remedies::default();
    Reconcile {
        every: check.span_up_to(&format!("{pointer}/reconcile/every"), every, RECONCILE_MOST),
        remedies: Remedies {
            orphans: named(rule.orphans, usual.orphans),
            forks: named(rule.forks, usual.forks),
            strangers: named(rule.strangers, usual.strangers),
        },
    }
}

fn http(check: &mut Check<'_>, pointer: &str, rule: &SystemRule) -> Option<HttpSystem> {
    let write =
        credential(check, &format!("{pointer}/credential"), rule.credential.as_ref(), rule.kind);
    let read = match &rule.read_credential {
        Some(own) => credential(check, &format!("{pointer}/read_credential"), Some(own), rule.kind),
        None => write.clone(),
    };
    // A file with a secret may be slow, a demonstration is not: this is no waiting time that is scaled.
    let timeout = rule.timeout.unwrap_or(TIMEOUT).0;
    if timeout.is_zero() || timeout > TIMEOUT_MOST {
        check.wrong(
            &format!("{pointer}/timeout"),
            "this is no timeout for one request",
            format!("it may be {TIMEOUT_MOST:#} at most, and not nothing"),
        );
    }
    let Some(base_url) = &rule.base_url else {
        check.wrong(pointer, "it is not said where this system is", "add base_url");
        return None;
    };
    let whole = base_url.starts_with("http://")
        || base_url.starts_with("https://")
        || base_url.starts_with("${");
    if !whole || base_url.contains('@') || base_url.ends_with('/') {
        check.wrong(
            &format!("{pointer}/base_url"),
            format!("{base_url} is not a base URL"),
            "write https://host or ${VARIABLE}, without credentials and without / at the end",
        );
    }
    Some(HttpSystem { base_url: Reference(base_url.clone()), write, read, timeout })
}

fn desk(check: &mut Check<'_>, pointer: &str, rule: SystemRule) -> Desk {
    for (queue, own) in &rule.queues {
        let pointer = crate::json::child(&format!("{pointer}/queues"), queue.as_str());
        if own.staff.is_empty() {
            check.wrong(&pointer, "nobody staffs this queue", "name at least one person");
        }
        for (index, person) in own.staff.iter().enumerate() {
            if !rule.people.contains_key(person) {
                let known = rule.people.keys().map(belay_domain::PersonId::as_str);
                let remedy = crate::problem::suggest(person.as_str(), known);
                let what = format!("the person {person} is unknown");
                check.wrong(&format!("{pointer}/staff/{index}"), what, remedy);
            }
        }
        let able = |person: &&belay_domain::PersonId| {
            rule.people.get(*person).is_some_and(|person| person.enabled)
        };
        let known = own.staff.iter().all(|person| rule.people.contains_key(person));
        if own.enabled && known && !own.staff.is_empty() && !own.staff.iter().any(|p| able(&p)) {
            check.wrong(&pointer, "nobody who staffs this queue may act", "enable a person");
        }
    }
    Desk {
        queues: rule
            .queues
            .into_iter()
            .map(|(id, queue)| {
                let queue = DeskQueue {
                    description: queue.description,
                    enabled: queue.enabled,
                    staff: queue.staff,
                };
                (id, queue)
            })
            .collect(),
        people: rule
            .people
            .into_iter()
            .map(|(id, person)| {
                let person = DeskPerson {
                    name: person.name,
                    enabled: person.enabled,
                    on_shift: person.on_shift,
                };
                (id, person)
            })
            .collect(),
    }
}

fn tracker(check: &mut Check<'_>, pointer: &str, rule: SystemRule) -> Option<RequestTracker> {
    let http = http(check, pointer, &rule);
    if rule.statuses.is_empty() {
        check.wrong(
            pointer,
            "it is not said what its statuses mean",
            "add statuses, for example open: open, resolved: resolved, deleted: deleted",
        );
    }
    resolutions(check, pointer, &rule);
    for name in rule.fields.keys() {
        if !FIELDS.contains(&name.as_str()) {
            let pointer = crate::json::child(&format!("{pointer}/fields"), name);
            let remedy = crate::problem::suggest(name, FIELDS);
            check.wrong(&pointer, format!("the field {name} is unknown here"), remedy);
        }
    }
    let fields = FIELDS.map(|name| rule.fields.get(name).cloned());
    let (Some(account), [Some(correlation_field), Some(case_field), Some(resolution_field)]) =
        (&rule.service_account, fields)
    else {
        check.wrong(
            pointer,
            "its service account or its custom fields are missing",
            "add service_account and fields {correlation, case, resolution}",
        );
        return None;
    };
    Some(RequestTracker {
        http: http?,
        service_account: account.clone(),
        machines: rule.machines,
        queues: rule.queues.keys().cloned().collect(),
        statuses: rule.statuses,
        correlation_field,
        case_field,
        resolution_field,
        resolutions: rule.resolutions,
    })
}

/// The custom fields of a Request Tracker.
const FIELDS: [&str; 3] = ["correlation", "case", "resolution"];

fn resolutions(check: &mut Check<'_>, pointer: &str, rule: &SystemRule) {
    for (value, code) in &rule.resolutions {
        let pointer = crate::json::child(&format!("{pointer}/resolutions"), value);
        check.known(&pointer, "resolution code", code.as_str(), |names| names.resolutions.as_ref());
    }
}
