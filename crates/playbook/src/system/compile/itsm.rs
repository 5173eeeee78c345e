//! A ticket system that an adapter describes.

use std::sync::Arc;

use belay_adapter::{Adapter, BUILT_IN, Description, Meaning, Settings, SettingsError, built_in};

use super::{http, resolutions};
use crate::check::Check;
use crate::format::SystemRule;
use crate::json::child;
use crate::problem::suggest;
use crate::system::{Itsm, Status};

/// Where a playbook keeps descriptions of its own.
pub(crate) const FOLDER: &str = "adapters/";

pub(super) fn itsm(check: &mut Check<'_>, pointer: &str, rule: SystemRule) -> Option<Itsm> {
    let http = http(check, pointer, &rule);
    resolutions(check, pointer, &rule);
    if rule.credential.is_none() {
        check.wrong(pointer, "it is not said how Belay proves who it is", "add credential");
    }
    if rule.queues.is_empty() {
        check.wrong(pointer, "no queue of it may be used", "add queues");
    }
    let description = description(check, pointer, rule.adapter.as_deref());
    let Some(account) = rule.service_account.clone() else {
        let remedy = "add service_account: the account that the credential belongs to";
        check.wrong(pointer, "it is not said which account is Belay's", remedy);
        return None;
    };
    let called = rule.queues.iter().map(|(id, queue)| {
        (id.clone(), queue.called.clone().unwrap_or_else(|| id.as_str().to_owned()))
    });
    let statuses = rule.statuses.iter().map(|(status, meaning)| (status.clone(), of(*meaning)));
    let settings = Settings {
        service_account: account,
        machines: rule.machines.iter().cloned().collect(),
        queues: called.collect(),
        statuses: statuses.collect(),
        fields: rule.fields.clone(),
        resolutions: rule.resolutions.clone(),
    };
    let description = description?;
    if let Err(error) = Adapter::new(Arc::clone(&description), settings.clone()) {
        let (at, remedy) = match &error {
            SettingsError::Field { name, .. } => {
                let known = description.fields().keys().map(String::as_str);
                (child(&format!("{pointer}/fields"), name), suggest(name, known))
            }
            SettingsError::Queue { queue, .. } => {
                let at = child(&format!("{pointer}/queues"), queue.as_str());
                (at, "use the id that the system has for it".to_owned())
            }
        };
        check.wrong(&at, error.to_string(), remedy);
    }
    Some(Itsm {
        http: http?,
        description,
        queues: settings.queues.keys().cloned().collect(),
        settings,
        requests_per_minute: rule.requests_per_minute,
    })
}

/// The adapter that is named; none if there is no such one, or if it is wrong itself.
fn description(
    check: &mut Check<'_>,
    pointer: &str,
    named: Option<&str>,
) -> Option<Arc<Description>> {
    let Some(named) = named else {
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let remedy =
            format!("add adapter: {}, or the path of your own in {FOLDER}", names.join(", "));
        check.wrong(pointer, "it is not said how this system is asked", remedy);
        return None;
    };
    if let Some(description) = built_in(named) {
        return Some(description);
    }
    let path = named.trim_start_matches("./");
    match check.names.adapters.get(path) {
        // What is wrong with it is reported where it stands.
        Some(own) => own.clone(),
        None => {
            let own = check.names.adapters.keys().map(String::as_str);
            let known = BUILT_IN.iter().map(|(name, _)| *name).chain(own);
            let remedy = suggest(path, known);
            check.wrong(
                &format!("{pointer}/adapter"),
                format!("there is no adapter {named}"),
                remedy,
            );
            None
        }
    }
}

fn of(status: Status) -> Meaning {
    match status {
        Status::Open => Meaning::Open,
        Status::Resolved => Meaning::Resolved,
        Status::Rejected => Meaning::Rejected,
        Status::Deleted => Meaning::Deleted,
    }
}
