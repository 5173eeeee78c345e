//! The outside systems as the playbook describes them: where they are, by which names their credentials are found,
//! and for human queues, how their words are to be understood. Secrets are never in a playbook.

mod compile;

use std::collections::BTreeMap;
use std::sync::Arc;

use belay_adapter::{Description, Settings};
use belay_domain::{PersonId, QueueId, Remedies, ResolutionCode, Span, SystemId};

pub(crate) use compile::compile;

/// One outside system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Its id.
    pub id: SystemId,
    /// What it is.
    pub kind: SystemKind,
    /// How our tickets in it are held against what we believe.
    pub reconcile: Reconcile,
}

/// How often a system is asked for all our tickets, and what is done about those that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// How often.
    pub every: Span,
    /// What is done.
    pub remedies: Remedies,
}

/// The kinds of systems that Belay can talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemKind {
    /// A business system with a JSON API over HTTP.
    Http(HttpSystem),
    /// The desk that Belay itself offers.
    Desk(Desk),
    /// A ticket system that an adapter describes.
    Itsm(Box<Itsm>),
    /// A Request Tracker, over REST2.
    RequestTracker(RequestTracker),
}

/// How to reach a JSON API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSystem {
    /// Where it is; `${NAME}` stands for an environment variable.
    pub base_url: Reference,
    /// With which credential Belay writes there.
    pub write: Credential,
    /// With which credential Belay reads there. Another one than for writing, where the system allows that.
    pub read: Credential,
    /// How long one request may take.
    pub timeout: Span,
}

/// Where a secret is found. The playbook names it and never contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// None is needed.
    None,
    /// In an environment variable; sent as `Authorization: {scheme} {secret}`.
    Env {
        /// The variable.
        name: String,
        /// The scheme, `Bearer` unless said otherwise.
        scheme: String,
    },
    /// In a file; sent as `Authorization: {scheme} {secret}`.
    File {
        /// Its path; `${NAME}` stands for an environment variable.
        path: Reference,
        /// The scheme, `Bearer` unless said otherwise.
        scheme: String,
    },
    /// A token that the system gives for a name and a password.
    Login(Box<Login>),
}

/// How a token is had for a name and a password: one `POST`, below the base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The path.
    pub path: String,
    /// Whose name is given.
    pub user: Place,
    /// Their password.
    pub password: Place,
    /// Under which names both are sent.
    pub fields: (String, String),
    /// What else is sent.
    pub also: Vec<(String, String)>,
    /// Whether it is sent as a form instead of JSON.
    pub form: bool,
    /// The place of the token in the answer, as a JSON pointer.
    pub token_at: String,
    /// The place of the seconds for which it is good.
    pub expires_in_at: Option<String>,
    /// For how long it is used if the answer does not say that; until it is refused if nobody does.
    pub lasts: Option<Span>,
    /// The scheme of the `Authorization` header.
    pub scheme: String,
}

/// Where one secret is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an environment variable.
    Env(String),
    /// In a file; `${NAME}` stands for an environment variable.
    File(Reference),
}

/// A text with `${NAME}` in the place of environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(pub(crate) String);

/// An environment variable that a playbook refers to and that is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; the playbook refers to it")]
pub struct MissingVariable(pub String);

/// The built-in desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desk {
    /// Its queues.
    pub queues: BTreeMap<QueueId, DeskQueue>,
    /// Its people.
    pub people: BTreeMap<PersonId, DeskPerson>,
}

/// A queue of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskQueue {
    /// For people.
    pub description: String,
    /// Whether tickets may be put there.
    pub enabled: bool,
    /// Who may take its tickets.
    pub staff: Vec<PersonId>,
}

/// A person who staffs the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskPerson {
    /// The name to show.
    pub name: String,
    /// Whether they may act at all.
    pub enabled: bool,
    /// Whether they are on shift until they say otherwise.
    pub on_shift: bool,
}

/// A Request Tracker and how its words are to be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTracker {
    /// Where it is; REST2 is below it.
    pub http: HttpSystem,
    /// The account that Belay uses. What it does is never an acknowledgement.
    pub service_account: PersonId,
    /// Other accounts that are machines.
    pub machines: Vec<PersonId>,
    /// The queues that may be used.
    pub queues: Vec<QueueId>,
    /// What each status means. One that is not here is unknown, and unknown is never cover.
    pub statuses: BTreeMap<String, Status>,
    /// The custom field that carries the correlation id.
    pub correlation_field: String,
    /// The custom field that carries the case id.
    pub case_field: String,
    /// The custom field in which people choose a resolution code.
    pub resolution_field: String,
    /// Which of its values mean which resolution code; a value that is a code itself needs no entry.
    pub resolutions: BTreeMap<String, ResolutionCode>,
}

/// A ticket system that an adapter describes, and what this installation adds to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Itsm {
    /// Where it is.
    pub http: HttpSystem,
    /// How its kind is asked and understood.
    pub description: Arc<Description>,
    /// What this installation adds.
    pub settings: Settings,
    /// The queues that may be used.
    pub queues: Vec<QueueId>,
    /// How often it may be asked, if that differs from what the adapter says.
    pub requests_per_minute: Option<u32>,
}

/// What a status of an ITSM means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody can still act on the ticket.
    Open,
    /// It is done.
    Resolved,
    /// It was closed without being done.
    Rejected,
    /// It is gone.
    Deleted,
}

impl Reference {
    /// The text as it stands in the playbook.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the variables it refers to.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        self.parts().filter_map(Result::err).collect()
    }

    /// The text with every variable's value in place.
    pub fn resolve(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<String, MissingVariable> {
        self.parts()
            .map(|part| match part {
                Ok(text) => Ok(text.to_owned()),
                Err(name) => variable(name).ok_or_else(|| MissingVariable(name.to_owned())),
            })
            .collect()
    }

    /// Text as `Ok`, names of variables as `Err`.
    fn parts(&self) -> impl Iterator<Item = Result<&str, &str>> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            if let Some((name, after)) =
                rest.strip_prefix("${").and_then(|inner| inner.split_once('}'))
            {
                rest = after;
                return Some(Err(name));
            }
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let end = rest[first..].find("${").map_or(rest.len(), |at| first + at);
            let (text, after) = rest.split_at(end);
            rest = after;
            Some(Ok(text))
        })
    }
}

impl System {
    /// How it is reached over HTTP, if it is.
    #[must_use]
    pub fn http(&self) -> Option<&HttpSystem> {
        match &self.kind {
            SystemKind::Http(http) => Some(http),
            SystemKind::Itsm(itsm) => Some(&itsm.http),
            SystemKind::RequestTracker(tracker) => Some(&tracker.http),
            SystemKind::Desk(_) => None,
        }
    }

    /// Whether a queue of that name is declared here.
    #[must_use]
    pub fn has_queue(&self, queue: &QueueId) -> bool {
        match &self.kind {
            SystemKind::Http(_) => false,
            SystemKind::Desk(desk) => desk.queues.contains_key(queue),
            SystemKind::Itsm(itsm) => itsm.queues.contains(queue),
            SystemKind::RequestTracker(tracker) => tracker.queues.contains(queue),
        }
    }
}
