//! Whose webhooks are taken, with the secrets that prove them, as the playbook in force says. Files with secrets are
//! followed: a secret that is exchanged there counts within a second, without a new playbook.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use belay_domain::{Digest, Span, SystemId, TicketId, Timestamp};
use belay_playbook::{Hook, HookTime, Playbook, Secret, TimeForm, TimePlace};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use tracing::{info, warn};

use super::counts::HookOutcome;
use super::pace::{Bucket, Pace};
use super::proof::{NotASecret, Proof};
use super::seen::Mark;
use crate::secrets::{SecretError, fetch};

/// How far the moment of a webhook may be from ours, before or after.
const WINDOW: Span = Span::from_mins(5);

/// How long a file with a secret is taken for unchanged. Reading one takes a few microseconds.
const FILES_READ_EVERY: Duration = Duration::from_secs(1);

/// The most secrets of one system: as many as a webhook may have signatures.
const SECRETS_MAX: usize = 4;

/// Everybody whose webhooks are taken.
pub(super) struct Receivers {
    version: Digest,
    by_system: BTreeMap<SystemId, Arc<Receiver>>,
}

/// Takes the webhooks of one system.
pub(super) struct Receiver {
    hook: Hook,
    proof: ArcSwap<Proof>,
    /// What the proof was made from.
    read: Mutex<Read>,
    /// Some of its secrets are in files.
    in_files: bool,
    followed: Bucket,
}

/// Secrets as they were last read.
struct Read {
    at: Instant,
    /// Tells whether they are other ones now.
    mark: Mark,
    failing: bool,
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
        let in_files = hook.secrets.iter().any(|secret| matches!(secret, Secret::File(_)));
        let made = Self::with(hook, secrets(hook)?, pace).map_err(|NotASecret| unusable(hook))?;
        Ok(Self { in_files, ..made })
    }

    /// One that has these secrets and keeps them.
    pub(super) fn with(
        hook: &Hook,
        secrets: Vec<SecretString>,
        pace: Pace,
    ) -> Result<Self, NotASecret> {
        let mark = mark(&secrets);
        let proof = Proof::new(&hook.proof, hook.time.as_ref(), secrets)?;
        Ok(Self {
            hook: hook.clone(),
            proof: ArcSwap::from_pointee(proof),
            read: Mutex::new(Read { at: Instant::now(), mark, failing: false }),
            in_files: false,
            followed: Bucket::new(pace),
        })
    }

    /// By what a webhook is proven now. Secrets that cannot be read leave those before them in force.
    fn proof(&self) -> Arc<Proof> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.in_files || read.at.elapsed() < FILES_READ_EVERY {
            return self.proof.load_full();
        }
        read.at = Instant::now();
        let system = &self.hook.system;
        match self.exchanged(read.mark) {
            Ok(exchanged) => {
                if let Some((proof, mark)) = exchanged {
                    info!(%system, "the secrets of its webhooks were exchanged");
                    self.proof.store(Arc::new(proof));
                    read.mark = mark;
                }
                read.failing = false;
            }
            Err(failure) if !read.failing => {
                warn!(%system, error = %failure, "the secrets of its webhooks cannot be read; the old ones stay");
                read.failing = true;
            }
            Err(_) => {}
        }
        self.proof.load_full()
    }

    /// By what webhooks are proven from now on, if the secrets are other ones than those with this mark.
    fn exchanged(&self, known: Mark) -> Result<Option<(Proof, Mark)>, SecretError> {
        let secrets = secrets(&self.hook)?;
        let mark = mark(&secrets);
        if mark == known {
            return Ok(None);
        }
        let proof = Proof::new(&self.hook.proof, self.hook.time.as_ref(), secrets);
        Ok(Some((proof.map_err(|NotASecret| unusable(&self.hook))?, mark)))
    }

    /// What makes this webhook the same one again, and the tickets that it names, if it is to be believed to come from
    /// its system. Nothing of it is interpreted before it is proven.
    pub(super) fn judge(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(Mark, Vec<TicketId>), HookOutcome> {
        let mut mark = self.proof().check(headers, body)?;
        // Two systems may give two webhooks the same id.
        mark = *blake3::keyed_hash(&mark, self.hook.system.as_str().as_bytes()).as_bytes();
        let body: Value = serde_json::from_slice(body).map_err(|_| HookOutcome::Malformed)?;
        if let Some(time) = &self.hook.time {
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
        for pointer in &self.hook.tickets {
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

/// The secrets that prove the webhooks of a system now. A file may hold several, one a line, of which each is accepted:
/// the old and the new one while senders are told of it.
fn secrets(hook: &Hook) -> Result<Vec<SecretString>, SecretError> {
    let mut secrets = Vec::new();
    for described in &hook.secrets {
        let found = fetch(described)?;
        if let Secret::Env(_) = described {
            secrets.push(found);
            continue;
        }
        let lines = found.expose_secret().lines().map(str::trim);
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        // A file that is being written anew is empty for a moment.
        if lines.is_empty() {
            return Err(unusable(hook));
        }
        secrets.extend(lines.into_iter().map(SecretString::from));
    }
    if secrets.len() > SECRETS_MAX { Err(unusable(hook)) } else { Ok(secrets) }
}

/// Tells these secrets from others.
fn mark(secrets: &[SecretString]) -> Mark {
    let mut hasher = blake3::Hasher::new();
    for secret in secrets {
        let secret = secret.expose_secret().as_bytes();
        hasher.update(&(secret.len() as u64).to_le_bytes()).update(secret);
    }
    hasher.finalize().into()
}

fn unusable(hook: &Hook) -> SecretError {
    SecretError::Unusable { what: format!("the webhooks of {}", hook.system) }
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
