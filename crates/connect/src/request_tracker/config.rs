//! What an operator says about an instance of Request Tracker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use belay_domain::{ActorKind, PersonId, ResolutionCode};
use secrecy::SecretString;

use crate::http::AddressError;

/// Actors of every RT that are no people.
const BUILT_IN_MACHINES: [&str; 2] = ["RT_System", "Nobody"];

/// What the statuses of each lifecycle mean: lifecycle, status, meaning. What stands under
/// [`ANY_LIFECYCLE`] holds for lifecycles that have no entry of their own.
pub type StatusMap = BTreeMap<String, BTreeMap<String, StatusMeaning>>;

/// The name under which a [`StatusMap`] holds what is the same in every lifecycle.
pub const ANY_LIFECYCLE: &str = "*";

/// How an instance is reached and understood.
#[derive(Clone, Debug)]
pub struct RequestTrackerConfig {
    /// Where RT is, `https://rt.example`; `/REST/2.0` may be there or not.
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
    /// What that field's values mean. A value that is a code itself needs no entry.
    pub resolutions: BTreeMap<String, ResolutionCode>,
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
    pub(super) fn web_url(&self) -> String {
        let url = self.base_url.trim_end_matches('/');
        url.strip_suffix(REST2).unwrap_or(url).to_owned()
    }

    /// Where REST2 is.
    pub(super) fn rest_url(&self) -> String {
        self.web_url() + REST2
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
        self.lifecycle(lifecycle)?.get(status).copied()
    }

    /// The statuses with which a ticket that nobody needs may be closed.
    pub(super) fn rejected_statuses(&self, lifecycle: &str) -> impl Iterator<Item = &str> {
        let statuses = self.lifecycle(lifecycle).into_iter().flatten();
        let rejected = statuses.filter(|(_, meaning)| **meaning == StatusMeaning::Rejected);
        rejected.map(|(status, _)| status.as_str())
    }

    fn lifecycle(&self, name: &str) -> Option<&BTreeMap<String, StatusMeaning>> {
        self.statuses.get(name).or_else(|| self.statuses.get(ANY_LIFECYCLE))
    }
}

const REST2: &str = "/REST/2.0";
