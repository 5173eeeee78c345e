//! The sign of life for a watcher outside: a dead man's switch. It is sent only after the independent auditor has found
//! every open case covered, asked about in time, or raised, and while the engine answers. Whatever else is wrong, the
//! watcher hears nothing, and wakes somebody (`LIV-7`).
//!
//! It is a webhook as Standard Webhooks define it, so any receiver of those can check it.

mod pulse;
mod signing;

use std::time::Duration;

use belay_domain::Span;
use belay_playbook::Heartbeat;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::auditor::{Pass, Passes};
use crate::engine::Engine;
use crate::playbooks::Playbooks;
use crate::secrets::{SecretError, fetch};
use crate::surroundings::Wall;
use pulse::{Pulse, Sending};

pub(crate) use signing::{Signer, standard_key};

/// How often it is looked whether the playbook wants a heartbeat, while it wants none.
const LOOKED_EVERY: Duration = Duration::from_secs(10);

/// How long the engine may take to answer.
const ENGINE_WITHIN: Duration = Duration::from_secs(5);

/// Sends heartbeats.
pub(crate) struct Heart {
    pub(crate) playbooks: Playbooks,
    pub(crate) engine: Engine,
    pub(crate) passes: Passes,
    /// How old the latest pass of the auditor may be.
    pub(crate) fresh: Span,
    pub(crate) wall: Wall,
}

/// Why no heartbeat is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Withheld {
    #[error("the journal has not been audited yet")]
    NotAudited,
    #[error("the latest audit is {} s old", age.as_secs())]
    AuditTooOld { age: Span },
    #[error("the audit found {found} cases or events that should not be; the first is {first}")]
    Unsound { found: u64, first: String },
    #[error("the engine does not answer")]
    EngineSilent,
    #[error("it cannot be signed: {0}")]
    Unsigned(String),
}

impl Withheld {
    fn name(&self) -> &'static str {
        match self {
            Self::NotAudited => "not_audited",
            Self::AuditTooOld { .. } => "audit_too_old",
            Self::Unsound { .. } => "unsound",
            Self::EngineSilent => "engine_silent",
            Self::Unsigned(_) => "unsigned",
        }
    }
}

impl Heart {
    /// Whether the playbook's heartbeat could be signed and sent.
    pub(crate) fn check(heartbeat: &Heartbeat) -> Result<(), SecretError> {
        heartbeat.url.resolve(|name| std::env::var(name).ok())?;
        signer(heartbeat).map(|_| ())
    }

    /// Beats until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let meter = global::meter("belay");
        let beats = meter
            .u64_counter("belay.heartbeats")
            .with_description("Heartbeats by what became of them: sent, lost, or withheld and why")
            .build();
        let mut sending = Sending::default();
        let mut silent = false;
        loop {
            let wanted = self.playbooks.current().operations().heartbeat.clone();
            let every = wanted.as_ref().and_then(|wanted| Duration::try_from(wanted.every).ok());
            let wait = tokio::time::sleep(every.unwrap_or(LOOKED_EVERY));
            let mut wait = std::pin::pin!(wait);
            if let (Some(wanted), Some(every)) = (wanted, every) {
                let beating = self.beat(&wanted, every, &mut sending, &beats);
                match stop.run_until_cancelled(beating).await {
                    None => return,
                    Some(sent) if sent && silent => {
                        info!("heartbeats are sent again");
                        silent = false;
                    }
                    Some(sent) => silent = !sent,
                }
            }
            if stop.run_until_cancelled(wait.as_mut()).await.is_none() {
                return;
            }
        }
    }

    /// One beat, or none; true if the watcher has it.
    async fn beat(
        &self,
        wanted: &Heartbeat,
        every: Duration,
        sending: &mut Sending,
        beats: &Counter<u64>,
    ) -> bool {
        let count = |what| beats.add(1, &[KeyValue::new("outcome", what)]);
        let (pass, signer) = match self.may_beat(wanted).await {
            Ok(may) => may,
            Err(why) => {
                error!(%why, "no heartbeat is sent: whoever waits for it will be alarmed");
                count(why.name());
                return false;
            }
        };
        let pulse = Pulse::of(&pass, (self.wall)());
        let url = wanted.url.resolve(|name| std::env::var(name).ok());
        let sent = match url {
            Ok(url) => sending.send(&url, &pulse, &signer, &self.wall, every).await,
            Err(missing) => Err(missing.to_string()),
        };
        match sent {
            Ok(()) => {
                debug!(position = pass.position, open = pass.open, "heartbeat sent");
                count("sent");
                true
            }
            Err(why) => {
                warn!(why, "the heartbeat did not reach its watcher");
                count("lost");
                false
            }
        }
    }

    /// The pass that allows a heartbeat now, and what signs it.
    async fn may_beat(&self, wanted: &Heartbeat) -> Result<(Pass, Signer), Withheld> {
        let pass = self.passes.borrow().clone().ok_or(Withheld::NotAudited)?;
        let age = self.engine.clock().now().duration_since(pass.at);
        if age > self.fresh {
            return Err(Withheld::AuditTooOld { age });
        }
        if let Some(first) = pass.findings.first() {
            let found = pass.findings.len() as u64 + pass.more;
            return Err(Withheld::Unsound { found, first: first.to_string() });
        }
        if !self.engine.answers(ENGINE_WITHIN).await {
            return Err(Withheld::EngineSilent);
        }
        let signer = signer(wanted).map_err(|error| Withheld::Unsigned(error.to_string()))?;
        Ok((pass, signer))
    }
}

fn signer(wanted: &Heartbeat) -> Result<Signer, SecretError> {
    let unusable = || SecretError::Unusable { what: "the heartbeat".to_owned() };
    Signer::new(&fetch(&wanted.secret)?).ok_or_else(unusable)
}

#[cfg(test)]
mod tests;
