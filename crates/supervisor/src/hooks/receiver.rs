//! Whose webhooks are taken, with the secrets that prove them, as the playbook in force says.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use belay_domain::{Digest, Span, SystemId, TicketId, Timestamp};
use belay_playbook::{Hook, HookTime, Playbook, TimeForm, TimePlace};
use secrecy::SecretString;
use serde_json::Value;

use super::counts::HookOutcome;
use super::pace::{Bucket, Pace};
use super::proof::{NotASecret, Proof};
use super::seen::Mark;
use crate::secrets::{SecretError, fetch};

/// How far the moment of a webhook may be from ours, before or after.
const WINDOW: Span = Span::from_mins(5);

/// Everybody whose webhooks are taken.
pub(super) struct Receivers {
    version: Digest,
    by_system: BTreeMap<SystemId, Arc<Receiver>>,
}

/// Takes the webhooks of one system.
pub(super) struct Receiver {
    system: SystemId,
    proof: Proof,
    time: Option<HookTime>,
    tickets: Vec<String>,
    followed: Bucket,
}

impl Receivers {
    /// Those of a playbook.
    pub(super) fn of(playbook: &Playbook, pace: Pace) -> Result<Self, SecretError> {
        let hooks = playbook.operations().hooks.iter();
        let receivers = hooks.map(|hook| -> Result<_, SecretError> {
            Ok((hook.system.clone(), Arc::new(Receiver::of(hook, pace)?)))
        });
        Ok(Self { version: playbook.version(), by_system: receivers.collect::<Result<_, _>>()? })
    }

    /// The same ones, for a playbook that has none of its own which can be used.
    pub(super) fn for_playbook(&self, playbook: &Playbook) -> Self {
        Self { version: playbook.version(), by_system: self.by_system.clone() }
    }

    /// Whether these are the ones of that playbook.
    pub(super) fn is_of(&self, playbook: &Playbook) -> bool {
        self.version == playbook.version()
    }

    /// The one of a system.
    pub(super) fn of_system(&self, system: &SystemId) -> Option<Arc<Receiver>> {
        self.by_system.get(system).cloned()
    }

    /// The systems whose webhooks are taken.
    pub(super) fn systems(&self) -> Vec<&str> {
        self.by_system.keys().map(SystemId::as_str).collect()
    }
}

impl Receiver {
    fn of(hook: &Hook, pace: Pace) -> Result<Self, SecretError> {
        let secrets = hook.secrets.iter().map(fetch).collect::<Result<Vec<_>, _>>()?;
        Self::with(hook, secrets, pace).map_err(|NotASecret| SecretError::Unusable {
            what: format!("the webhooks of {}", hook.system),
        })
    }

    /// One that accepts these secrets.
    pub(super) fn with(
        hook: &Hook,
        secrets: Vec<SecretString>,
        pace: Pace,
    ) -> Result<Self, NotASecret> {
        let proof = Proof::new(&hook.proof, hook.time.as_ref(), secrets)?;
        Ok(Self {
            system: hook.system.clone(),
            proof,
            time: hook.time.clone(),
            tickets: hook.tickets.clone(),
            followed: Bucket::new(pace),
        })
    }

    /// What makes this webhook the same one again, and the tickets that it names, if it is to be believed to come from
    /// its system. Nothing of it is interpreted before it is proven.
    pub(super) fn judge(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(Mark, Vec<TicketId>), HookOutcome> {
        let mut mark = self.proof.check(headers, body)?;
        // Two systems may give two webhooks the same id.
        mark = *blake3::keyed_hash(&mark, self.system.as_str().as_bytes()).as_bytes();
        let body: Value = serde_json::from_slice(body).map_err(|_| HookOutcome::Malformed)?;
        if let Some(time) = &self.time {
            let sent = moment(time, headers, &body).ok_or(HookOutcome::Late)?;
            if now.duration_since(sent).abs() > WINDOW {
                return Err(HookOutcome::Late);
            }
        }
        Ok((mark, self.named(&body)))
    }

    /// Whether one more of this system may cause looks now.
    pub(super) fn follow(&self) -> bool {
        self.followed.take()
    }

    fn named(&self, body: &Value) -> Vec<TicketId> {
        let mut named: Vec<TicketId> = Vec::new();
        for pointer in &self.tickets {
            let id = match body.pointer(pointer) {
                Some(Value::String(text)) => text.parse().ok(),
                Some(Value::Number(number)) => number.to_string().parse().ok(),
                _ => None,
            };
            named.extend(id.filter(|id| !named.contains(id)));
        }
        named
    }
}

fn moment(time: &HookTime, headers: &HeaderMap, body: &Value) -> Option<Timestamp> {
    let text = match &time.place {
        TimePlace::Header(name) => headers.get(name)?.to_str().ok()?.trim().to_owned(),
        TimePlace::Body(pointer) => match body.pointer(pointer)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        },
    };
    match time.form {
        TimeForm::Seconds => Timestamp::from_second(text.parse().ok()?).ok(),
        TimeForm::Millis => Timestamp::from_millisecond(text.parse().ok()?).ok(),
        TimeForm::Rfc3339 => text.parse().ok(),
    }
}
