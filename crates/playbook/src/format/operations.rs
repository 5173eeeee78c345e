//! `operations.yaml`: what keeps an eye on Belay itself, and who outside may tell it that something changed.

use std::collections::BTreeMap;

use belay_domain::SystemId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::routing::SeverityName;
use super::text::{Id, Length, Pointer, Queue};

/// Webhooks that are taken, the heartbeat, and the canaries. All of them are off unless they are written here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationsFile {
    /// The webhooks that are taken, by the system that sends them; each has the path `/hooks/SYSTEM`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, HookRule>")]
    pub(crate) hooks: BTreeMap<SystemId, HookRule>,
    /// The sign of life that an outside watcher waits for.
    pub(crate) heartbeat: Option<HeartbeatRule>,
    /// Test tickets that are put into queues to see whether somebody would be reached.
    #[serde(default)]
    pub(crate) canaries: Vec<CanaryRule>,
    /// What is said of the credentials with which Belay speaks to outside systems.
    pub(crate) credentials: Option<CredentialsRule>,
}

/// What is said of credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialsRule {
    /// How long before one expires that says when operators are told; a week if nothing is said.
    pub(crate) warn_before: Length,
}

/// The webhooks of one system: how they are proven, and where they name a ticket. Exactly one of `like`, `hmac` and
/// `shared_secret` says how they are proven.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookRule {
    /// As this vendor or standard signs them.
    pub(crate) like: Option<HookLike>,
    /// Signed in a form that is described here.
    pub(crate) hmac: Option<HmacRule>,
    /// The header that carries the secret itself, for systems that cannot sign. Use it over TLS only.
    pub(crate) shared_secret: Option<String>,
    /// The secrets that are accepted: one, or the old and the new one while they are exchanged.
    #[schemars(length(min = 1, max = 2))]
    pub(crate) secrets: Vec<SecretRule>,
    /// Where the body names the ticket: JSON pointers. Every one that is there counts.
    #[schemars(with = "Vec<Pointer>", length(min = 1, max = 8))]
    pub(crate) ticket: Vec<String>,
    /// When it was sent, if `like` does not say. A webhook that is older than five minutes is dropped.
    pub(crate) time: Option<TimeRule>,
}

/// Forms in which vendors sign their webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookLike {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// Zendesk: `X-Zendesk-Webhook-Signature` over timestamp and body.
    Zendesk,
    /// PagerDuty, version 3: `X-PagerDuty-Signature` over the body.
    Pagerduty,
    /// Jira: `X-Hub-Signature` over the body.
    Jira,
}

/// An HMAC-SHA256 signature in a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HmacRule {
    /// The header that carries it.
    pub(crate) header: String,
    /// What stands before it, such as `sha256=` or `v1=`.
    #[serde(default)]
    pub(crate) prefix: String,
    /// What stands between several of them, such as a comma; without it there is one.
    #[schemars(length(max = 1))]
    pub(crate) separator: Option<String>,
    /// How it is written.
    #[serde(default)]
    pub(crate) encoding: EncodingName,
    /// What is signed, of `{id}`, `{timestamp}` and `{body}`; the body alone when it is left out.
    pub(crate) signed: Option<String>,
    /// The header that carries the webhook's id, if it has one.
    pub(crate) id: Option<String>,
    /// Whether the secret is text or written in base64.
    #[serde(default)]
    pub(crate) key: KeyName,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EncodingName {
    /// In hexadecimal digits.
    #[default]
    Hex,
    /// In base64.
    Base64,
}

/// How a secret is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyName {
    /// Its bytes are the key.
    #[default]
    Text,
    /// The key is what its base64 says, after `whsec_` if it begins so.
    Base64,
}

/// Where a webhook says when it was sent: in a header or in the body.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeRule {
    /// In this header.
    pub(crate) header: Option<String>,
    /// At this place of the body.
    #[schemars(with = "Option<Pointer>")]
    pub(crate) body: Option<String>,
    /// How it is written.
    pub(crate) form: TimeFormName,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeFormName {
    /// As seconds since 1970.
    Seconds,
    /// As milliseconds since 1970.
    Millis,
    /// As `2026-01-31T12:00:00Z`.
    Rfc3339,
}

/// Where a secret is found: in one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretRule {
    /// In this environment variable.
    pub(crate) env: Option<String>,
    /// In this file.
    pub(crate) file: Option<String>,
}

/// The sign of life. It is sent only while an independent audit finds every open case covered, pending in time or
/// raised, so that its absence is the alarm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatRule {
    /// The watcher; `${NAME}` stands for an environment variable.
    pub(crate) url: String,
    /// The secret with which it is signed, as Standard Webhooks write it: `whsec_` and base64.
    pub(crate) secret: SecretRule,
    /// How often; 30 s when it is left out.
    pub(crate) every: Option<Length>,
}

/// A test ticket that is put into a queue on a schedule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CanaryRule {
    /// The queue, as `system/queue`.
    pub(crate) queue: Queue,
    /// How often.
    pub(crate) every: Length,
    /// How long it may take until what is expected is shown.
    pub(crate) within: Length,
    /// How urgent it looks to people; low when it is left out.
    pub(crate) severity: Option<SeverityName>,
    /// What has to be shown: E3, that somebody could take it, or E4, that a person did.
    #[serde(default)]
    pub(crate) expect: ExpectName,
    /// The escalation policy by which operators are asked when a canary fails.
    #[schemars(with = "Option<Id>")]
    pub(crate) alarm: Option<String>,
}

/// What a canary has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum ExpectName {
    /// Somebody can take it.
    #[default]
    E3,
    /// A person took it.
    E4,
}
