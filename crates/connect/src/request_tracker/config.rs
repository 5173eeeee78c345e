//! What an operator says about an instance of Request Tracker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use belay_domain::{ActorKind, PersonId, ResolutionCode};
use secrecy::SecretString;

use crate::http::AddressError;

/// Actors of every RT that are no people.
const BUILT_IN_MACHINES: [&str; 2] = ["RT_System", "Nobody"];

/// What the statuses of each lifecycle mean: lifecycle, status, meaning.
pub type StatusMap = BTreeMap<String, BTreeMap<String, StatusMeaning>>;

/// How an instance is reached and understood.
#[derive(Clone, Debug)]
pub struct RequestTrackerConfig {
    /// Where REST2 is: `https://rt.example/REST/2.0`.
    pub base_url: String,
    /// The service account's token.
    pub token: SecretString,
    /// The service account.
    pub account: PersonId,
    /// Accounts that act like people and are none.
    pub machines: BTreeSet<PersonId>,
    /// The custom field that holds our case id.
    pub case_field: String,
    /// The custom field that holds the escalation step's correlation id.
    pub correlation_field: String,
    /// The custom field in which people say how a matter ended, if there is one.
    pub resolution_field: Option<String>,
    /// Statuses that say by themselves how a matter ended.
    pub resolution_by_status: BTreeMap<String, ResolutionCode>,
    /// What statuses mean. One that is not here means that we do not know.
    pub statuses: StatusMap,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// Certificate authorities to trust besides the machine's, as PEM.
    pub roots_pem: Option<Vec<u8>>,
}

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusMeaning {
    /// Waiting or being worked on.
    Open,
    /// Closed with success.
    Resolved,
    /// Closed in another way.
    Rejected,
    /// Gone.
    Deleted,
}

/// Why an instance cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum RequestTrackerError {
    /// The address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address is not that of REST2.
    #[error("{url:?} does not end in /REST/2.0, where RT's REST2 interface is")]
    NotRest2 {
        /// As it was given.
        url: String,
    },
    /// The token cannot be sent.
    #[error("the token holds characters that cannot be sent in a header")]
    Token,
    /// A field's name would change the meaning of a search.
    #[error("the custom field {name:?} cannot be searched for: its name holds a brace or a quote")]
    Field {
        /// As it was given.
        name: String,
    },
    /// Two fields with one name.
    #[error("case and correlation id need a custom field each; both are {name:?}")]
    SameField {
        /// As it was given.
        name: String,
    },
}

impl RequestTrackerConfig {
    /// The statuses of RT's own lifecycle, `default`.
    #[must_use]
    pub fn default_statuses() -> StatusMap {
        let default = [
            ("new", StatusMeaning::Open),
            ("open", StatusMeaning::Open),
            ("stalled", StatusMeaning::Open),
            ("resolved", StatusMeaning::Resolved),
            ("rejected", StatusMeaning::Rejected),
            ("deleted", StatusMeaning::Deleted),
        ];
        let default = default.into_iter().map(|(status, meaning)| (status.to_owned(), meaning));
        BTreeMap::from([("default".to_owned(), default.collect())])
    }

    pub(super) fn check(&self) -> Result<(), RequestTrackerError> {
        if !self.base_url.trim_end_matches('/').ends_with(REST2) {
            return Err(RequestTrackerError::NotRest2 { url: self.base_url.clone() });
        }
        for name in [&self.case_field, &self.correlation_field] {
            if name.is_empty() || name.contains(['{', '}', '\'', '"', '\\']) {
                return Err(RequestTrackerError::Field { name: name.clone() });
            }
        }
        if self.case_field == self.correlation_field {
            return Err(RequestTrackerError::SameField { name: self.case_field.clone() });
        }
        Ok(())
    }

    /// Where the pages for people are.
    pub(super) fn web_url(&self) -> &str {
        let rest = self.base_url.trim_end_matches('/');
        rest.strip_suffix(REST2).unwrap_or(rest)
    }

    /// What an actor is, where that can be told from the name alone.
    pub(super) fn known_kind(&self, name: &PersonId) -> Option<ActorKind> {
        if *name == self.account {
            return Some(ActorKind::Ourselves);
        }
        let machine = self.machines.contains(name) || BUILT_IN_MACHINES.contains(&name.as_str());
        machine.then_some(ActorKind::Machine)
    }

    /// What a status of this lifecycle means, if anybody said so.
    pub(super) fn meaning(&self, lifecycle: &str, status: &str) -> Option<StatusMeaning> {
        self.statuses.get(lifecycle)?.get(status).copied()
    }

    /// The status with which a ticket that nobody needs is closed.
    pub(super) fn rejected_status(&self, lifecycle: &str) -> Option<&str> {
        let mut statuses = self.statuses.get(lifecycle)?.iter();
        let found = statuses.find(|(_, meaning)| **meaning == StatusMeaning::Rejected);
        found.map(|(status, _)| status.as_str())
    }
}

const REST2: &str = "/REST/2.0";
