//! What keeps an eye on Belay itself, as operators write it: the heartbeat, the canaries, and the webhooks by which
//! outside systems may say that something changed. Secrets are named here and never contained.

use belay_domain::Span;

use crate::canary::{self, Canary};
use crate::check::Check;
use crate::format::{HeartbeatRule, Length, OperationsFile, SecretRule};
use crate::hook::{self, Hook};
use crate::system::Reference;

/// How often a heartbeat is sent, where nothing else is said.
const HEARTBEAT_EVERY: Length = Length(Span::from_secs(30));

/// The longest between two heartbeats. Whoever waits longer than this is not watching.
const HEARTBEAT_MOST: Span = Span::from_mins(10);

/// How long before a credential expires operators are told, where nothing else is said: a week, so that a weekend is no
/// surprise.
const WARN_BEFORE: Length = Length(Span::from_hours(7 * 24));

/// The longest that can be asked for. A token that is warned of all its life is warned of by nobody.
const WARN_BEFORE_MOST: Span = Span::from_hours(90 * 24);

/// Everything of `operations.yaml`. Empty where there is no such file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations {
    /// The webhooks that are taken.
    pub hooks: Vec<Hook>,
    /// The sign of life, if one is sent.
    pub heartbeat: Option<Heartbeat>,
    /// The test tickets.
    pub canaries: Vec<Canary>,
    /// How long before a credential expires operators are told.
    pub warn_before: Span,
}

impl Default for Operations {
    fn default() -> Self {
        let warn_before = WARN_BEFORE.0;
        Self { hooks: Vec::new(), heartbeat: None, canaries: Vec::new(), warn_before }
    }
}

/// The sign of life that an outside watcher waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The watcher.
    pub url: Reference,
    /// With which secret it is signed, as Standard Webhooks write it.
    pub secret: Secret,
    /// How often.
    pub every: Span,
}

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In this environment variable.
    Env(String),
    /// In this file; `${NAME}` stands for an environment variable.
    File(Reference),
}

/// Compiles `operations.yaml`.
pub(crate) fn compile(check: &mut Check<'_>, file: OperationsFile) -> Operations {
    let hooks = file.hooks.into_iter();
    let warn_before = file.credentials.map_or(WARN_BEFORE, |rule| rule.warn_before);
    Operations {
        hooks: hooks.filter_map(|(system, rule)| hook::compile(check, system, rule)).collect(),
        heartbeat: file.heartbeat.map(|rule| heartbeat(check, rule)),
        canaries: canary::compile(check, file.canaries),
        warn_before: check.span_up_to("/credentials/warn_before", warn_before, WARN_BEFORE_MOST),
    }
}

fn heartbeat(check: &mut Check<'_>, rule: HeartbeatRule) -> Heartbeat {
    let whole = ["http://", "https://", "${"].iter().any(|start| rule.url.starts_with(start));
    if !whole || rule.url.contains('@') {
        check.wrong(
            "/heartbeat/url",
            format!("{} is not a URL", rule.url),
            "write https://host/path or ${VARIABLE}, without credentials",
        );
    }
    let every = rule.every.unwrap_or(HEARTBEAT_EVERY);
    Heartbeat {
        url: Reference(rule.url),
        secret: secret(check, "/heartbeat/secret", &rule.secret),
        every: check.span_up_to("/heartbeat/every", every, HEARTBEAT_MOST),
    }
}

/// Where a secret is found; notes it when that is not clear.
pub(crate) fn secret(check: &mut Check<'_>, pointer: &str, rule: &SecretRule) -> Secret {
    match (&rule.env, &rule.file) {
        (Some(name), None) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(plain) {
                check.wrong(
                    &format!("{pointer}/env"),
                    "this is not the name of an environment variable",
                    "write the variable's name, never the secret",
                );
            }
            Secret::Env(name.clone())
        }
        (None, Some(path)) => Secret::File(Reference(path.clone())),
        _ => {
            check.wrong(pointer, "a secret is in one place", "give either env or file");
            Secret::Env(String::new())
        }
    }
}
