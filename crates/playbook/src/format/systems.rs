//! `systems.yaml`: the outside systems.

use std::collections::BTreeMap;

use belay_domain::{PersonId, QueueId, ResolutionCode, SystemId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{Id, Length, Pointer};
use crate::system::Status;

/// The outside systems, by id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SystemsFile {
    /// The systems.
    #[schemars(with = "BTreeMap<String, SystemRule>")]
    pub(crate) systems: BTreeMap<SystemId, SystemRule>,
}

/// One outside system. Which fields it needs depends on its kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SystemRule {
    /// What it is.
    pub(crate) kind: SystemKindName,
    /// How it is asked and understood, for `itsm`: the name of an adapter that comes with Belay, or the path of a
    /// description in `adapters/`.
    pub(crate) adapter: Option<String>,
    /// Where it is, for `http`, `itsm` and `request-tracker`; `${NAME}` stands for an environment variable.
    pub(crate) base_url: Option<String>,
    /// The credential for writing.
    pub(crate) credential: Option<CredentialRule>,
    /// The credential for reading; the one for writing when it is left out.
    pub(crate) read_credential: Option<CredentialRule>,
    /// How long one request may take.
    pub(crate) timeout: Option<Length>,
    /// How often it may be asked, for `itsm`; as its adapter says when it is left out.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) requests_per_minute: Option<u32>,
    /// The queues, for `desk`, `itsm` and `request-tracker`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, QueueRule>")]
    pub(crate) queues: BTreeMap<QueueId, QueueRule>,
    /// The people, for `desk`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PersonRule>")]
    pub(crate) people: BTreeMap<PersonId, PersonRule>,
    /// The account that Belay uses, for `itsm` and `request-tracker`.
    #[schemars(with = "Option<Id>")]
    pub(crate) service_account: Option<PersonId>,
    /// Other accounts that are machines, for `itsm` and `request-tracker`.
    #[serde(default)]
    #[schemars(with = "Vec<Id>")]
    pub(crate) machines: Vec<PersonId>,
    /// What each status means, for `request-tracker`; for `itsm`, what differs from its adapter.
    #[serde(default)]
    pub(crate) statuses: BTreeMap<String, Status>,
    /// The custom fields, for `request-tracker`: `correlation`, `case` and `resolution`; for `itsm`, what differs from
    /// its adapter.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
    /// Which values of the resolution field mean which code, for `itsm` and `request-tracker`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Id>")]
    pub(crate) resolutions: BTreeMap<String, ResolutionCode>,
    /// How what we believe of its tickets is held against what it shows, for systems in which people are reached.
    #[serde(default)]
    pub(crate) reconcile: ReconcileRule,
}

/// How often a system is asked for all tickets that carry our mark, and what is done about those that do not fit. A
/// ticket that is not there is always read again; what people changed by hand always stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReconcileRule {
    /// How often; 60 s when it is left out.
    pub(crate) every: Option<Length>,
    /// Tickets that nobody waits for; `withdraw` when it is left out.
    pub(crate) orphans: Option<RemedyName>,
    /// Second tickets for one step; `withdraw` when it is left out.
    pub(crate) forks: Option<RemedyName>,
    /// Tickets of cases that the journal does not know; `report` when it is left out, because they may belong to
    /// another installation.
    pub(crate) strangers: Option<RemedyName>,
}

/// What is done about a ticket that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RemedyName {
    /// Its people are told; it is closed if nobody holds it.
    Withdraw,
    /// It is shown to operators, and nothing is done.
    Report,
}

/// The kinds of systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SystemKindName {
    /// A JSON API over HTTP.
    Http,
    /// The built-in desk.
    Desk,
    /// A ticket system that an adapter describes.
    Itsm,
    /// A Request Tracker.
    RequestTracker,
}

/// Where a secret is found: in one of the two. Or, for `http`, how a token is had for a name and a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialRule {
    /// In this environment variable.
    pub(crate) env: Option<String>,
    /// In this file.
    pub(crate) file: Option<String>,
    /// In what the system answers to a login, for `http`.
    pub(crate) login: Option<LoginRule>,
    /// The scheme of the `Authorization` header; `Bearer` when left out.
    pub(crate) scheme: Option<String>,
}

/// A login: a `POST` with a name and a password, answered with a token that is used until it runs out or is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRule {
    /// Where, below the base URL.
    pub(crate) path: String,
    /// Whose name is given.
    pub(crate) user: PlaceRule,
    /// Their password.
    pub(crate) password: PlaceRule,
    /// Under which names both are sent; `username` and `password` when left out.
    #[serde(default)]
    pub(crate) fields: LoginFields,
    /// What else is sent, such as `grant_type: password`.
    #[serde(default)]
    pub(crate) also: BTreeMap<String, String>,
    /// How it is sent; as JSON when left out.
    #[serde(default)]
    pub(crate) send: SendName,
    /// The place of the token in the answer, as a JSON pointer.
    #[serde(default = "token_at")]
    #[schemars(with = "Pointer")]
    pub(crate) token: String,
    /// The place of the seconds for which it is good, if the answer says so, as a JSON pointer.
    #[schemars(with = "Option<Pointer>")]
    pub(crate) expires_in: Option<String>,
    /// For how long a token is used of which nothing else is known; until it is refused when left out.
    pub(crate) lasts: Option<Length>,
}

/// Where a part of a login is found: in one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceRule {
    /// In this environment variable.
    pub(crate) env: Option<String>,
    /// In this file.
    pub(crate) file: Option<String>,
}

/// Under which names a login is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoginFields {
    /// The name.
    pub(crate) user: String,
    /// The password.
    pub(crate) password: String,
}

/// How a login is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SendName {
    /// As a JSON object.
    #[default]
    Json,
    /// As a form (`application/x-www-form-urlencoded`).
    Form,
}

impl Default for LoginFields {
    fn default() -> Self {
        Self { user: "username".to_owned(), password: "password".to_owned() }
    }
}

fn token_at() -> String {
    "/token".to_owned()
}

/// One queue.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueRule {
    /// For people.
    #[serde(default)]
    pub(crate) description: String,
    /// Whether tickets may be put there.
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// What the system calls it, for `itsm`; its id here when it is left out.
    pub(crate) called: Option<String>,
    /// Who may take its tickets, for `desk`.
    #[serde(default)]
    #[schemars(with = "Vec<Id>")]
    pub(crate) staff: Vec<PersonId>,
}

/// One person of the desk.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonRule {
    /// The name to show.
    #[serde(default)]
    pub(crate) name: String,
    /// Whether they may act at all.
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// Whether they are on shift until they say otherwise.
    #[serde(default = "yes")]
    pub(crate) on_shift: bool,
}

fn yes() -> bool {
    true
}
