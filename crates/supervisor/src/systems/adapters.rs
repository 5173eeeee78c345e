//! What a playbook says about an outside system, as the configuration of the adapter that speaks to it. Credentials
//! are fetched here, from where the playbook says they are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use belay_connect::desk::{DeskQueue, DeskStaff};
use belay_connect::request_tracker::StatusMeaning;
use belay_connect::{
    BusinessConfig, BusinessSystem, Credential, DeskConfig, ItsmConfig, Login, RateLimit,
    RequestTrackerConfig,
};
use belay_domain::{ActorKind, PersonId, Span, SystemId};
use belay_playbook::{HttpSystem, MissingVariable, Place, Playbook, Status, System, SystemKind};
use secrecy::SecretString;

use super::ConnectError;
use crate::clock::Clock;
use crate::credentials::{Expiry, of_secret};

/// The most of a system's answer that is read, in bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// The most requests at once to a ticket system whose pace the playbook says.
const ITSM_BURST_MOST: u32 = 20;

/// Under which name Belay itself acts at its own desk.
const OURSELVES: &str = "belay";

pub(super) fn business_system(
    id: &SystemId,
    http: &HttpSystem,
) -> Result<BusinessSystem, ConnectError> {
    let config = BusinessConfig {
        base_url: resolve(id, &http.base_url)?,
        read_credential: credential(id, &http.read)?,
        write_credential: credential(id, &http.write)?,
        timeout: duration(http.timeout),
        answer_max: ANSWER_MAX,
        roots_pem: None,
    };
    BusinessSystem::new(config)
        .map_err(|source| ConnectError::Address { system: id.clone(), source })
}

fn credential(
    id: &SystemId,
    described: &belay_playbook::Credential,
) -> Result<Credential, ConnectError> {
    let (scheme, secret) = match described {
        belay_playbook::Credential::None => return Ok(Credential::None),
        belay_playbook::Credential::Env { name, scheme } => (scheme, environment(id, name)?),
        belay_playbook::Credential::File { path, scheme } => (scheme, file(id, path)?),
        belay_playbook::Credential::Login(described) => {
            return Ok(Credential::Login(login(id, described)?));
        }
    };
    Ok(Credential::Header {
        name: "Authorization".to_owned(),
        value: SecretString::from(format!("{scheme} {secret}")),
    })
}

fn login(id: &SystemId, described: &belay_playbook::Login) -> Result<Login, ConnectError> {
    let place = |place: &Place| match place {
        Place::Env(name) => environment(id, name),
        Place::File(path) => file(id, path),
    };
    let (user, password) = described.fields.clone();
    let mut fields = vec![
        (user, SecretString::from(place(&described.user)?)),
        (password, SecretString::from(place(&described.password)?)),
    ];
    let also = described.also.iter();
    fields.extend(also.map(|(name, text)| (name.clone(), SecretString::from(text.as_str()))));
    Ok(Login {
        path: described.path.clone(),
        fields,
        form: described.form,
        token_at: described.token_at.clone(),
        expires_in_at: described.expires_in_at.clone(),
        lasts: described.lasts.map(duration),
        scheme: described.scheme.clone(),
    })
}

/// A secret that is always the same. A token that is had for a login is none.
fn secret(id: &SystemId, described: &belay_playbook::Credential) -> Result<String, ConnectError> {
    match described {
        belay_playbook::Credential::None | belay_playbook::Credential::Login(_) => {
            Ok(String::new())
        }
        belay_playbook::Credential::Env { name, .. } => environment(id, name),
        belay_playbook::Credential::File { path, .. } => file(id, path),
    }
}

/// When the first of a system's credentials expires, if any says so.
pub(super) fn expiry(system: &System) -> Option<Expiry> {
    let http = match &system.kind {
        SystemKind::Http(http) => http,
        SystemKind::RequestTracker(described) => &described.http,
        SystemKind::Itsm(described) => &described.http,
        SystemKind::Desk(_) => return None,
    };
    let each = [(&http.read, "the credential for reading"), (&http.write, "the credential")];
    let said = each
        .into_iter()
        .filter_map(|(described, what)| of_secret(&secret(&system.id, described).ok()?, what));
    said.min_by_key(|expiry| expiry.at)
}

fn environment(id: &SystemId, name: &str) -> Result<String, ConnectError> {
    std::env::var(name).map_err(|_| ConnectError::Variable {
        system: id.clone(),
        source: MissingVariable(name.to_owned()),
    })
}

fn file(id: &SystemId, path: &belay_playbook::Reference) -> Result<String, ConnectError> {
    let path = PathBuf::from(resolve(id, path)?);
    let text = std::fs::read_to_string(&path).map_err(|source| ConnectError::CredentialFile {
        system: id.clone(),
        path,
        source,
    })?;
    Ok(text.trim().to_owned())
}

fn resolve(id: &SystemId, reference: &belay_playbook::Reference) -> Result<String, ConnectError> {
    reference
        .resolve(|name| std::env::var(name).ok())
        .map_err(|source| ConnectError::Variable { system: id.clone(), source })
}

pub(super) fn desk_config(
    described: &belay_playbook::Desk,
    playbook: &Playbook,
    clock: Clock,
) -> DeskConfig {
    let staff = |person: &PersonId| {
        let known = described.people.get(person);
        DeskStaff {
            person: person.clone(),
            kind: ActorKind::Person,
            enabled: known.is_none_or(|known| known.enabled),
            may_take: true,
            shifts: Vec::new(),
            on_shift: known.map(|known| known.on_shift),
        }
    };
    let queues = described
        .queues
        .iter()
        .map(|(id, queue)| DeskQueue {
            id: id.clone(),
            title: queue.description.clone(),
            enabled: queue.enabled,
            staff: queue.staff.iter().map(staff).collect(),
        })
        .collect();
    let ourselves =
        OURSELVES.parse().unwrap_or_else(|_| unreachable!("the name of our account is an id"));
    DeskConfig {
        codes: playbook.resolutions().keys().cloned().collect(),
        clock: Arc::new(move || clock.now()),
        ..DeskConfig::new(ourselves, queues)
    }
}

pub(super) fn tracker_config(
    id: &SystemId,
    described: &belay_playbook::RequestTracker,
) -> Result<RequestTrackerConfig, ConnectError> {
    let statuses = described
        .statuses
        .iter()
        .map(|(status, meaning)| (status.clone(), meaning_of(*meaning)))
        .collect::<BTreeMap<_, _>>();
    Ok(RequestTrackerConfig {
        base_url: resolve(id, &described.http.base_url)?,
        token: SecretString::from(secret(id, &described.http.write)?),
        account: described.service_account.clone(),
        machines: described.machines.iter().cloned().collect(),
        case_field: described.case_field.clone(),
        correlation_field: described.correlation_field.clone(),
        resolution_field: Some(described.resolution_field.clone()),
        resolutions: described.resolutions.clone(),
        statuses: [("*".to_owned(), statuses)].into(),
        timeout: duration(described.http.timeout),
        roots_pem: None,
    })
}

pub(super) fn itsm_config(
    id: &SystemId,
    described: &belay_playbook::Itsm,
) -> Result<ItsmConfig, ConnectError> {
    let pace = described.requests_per_minute.map(|requests| RateLimit {
        burst: (requests / 60).clamp(1, ITSM_BURST_MOST),
        every: Duration::from_secs(60) / requests.max(1),
        ..RateLimit::default()
    });
    Ok(ItsmConfig {
        base_url: resolve(id, &described.http.base_url)?,
        description: Arc::clone(&described.description),
        settings: described.settings.clone(),
        secret: SecretString::from(secret(id, &described.http.write)?),
        pace,
        timeout: duration(described.http.timeout),
        roots_pem: None,
    })
}

fn meaning_of(status: Status) -> StatusMeaning {
    match status {
        Status::Open => StatusMeaning::Open,
        Status::Resolved => StatusMeaning::Resolved,
        Status::Rejected => StatusMeaning::Rejected,
        Status::Deleted => StatusMeaning::Deleted,
    }
}

fn duration(span: Span) -> Duration {
    Duration::try_from(span).unwrap_or(Duration::from_secs(10))
}
