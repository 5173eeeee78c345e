//! What one installation adds to the description of its kind.

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{PersonId, QueueId, ResolutionCode};
use serde_json::{Map, Value};

use crate::description::Description;
use crate::format::Meaning;

/// What an operator says about one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The account that Belay uses.
    pub service_account: PersonId,
    /// Accounts that act like people and are none.
    pub machines: BTreeSet<PersonId>,
    /// What the system calls the queues that may be used. One that is not here is called by its id.
    pub queues: BTreeMap<QueueId, String>,
    /// What statuses mean here, besides or instead of what the description says.
    pub statuses: BTreeMap<String, Meaning>,
    /// The names that differ here from what the description says.
    pub fields: BTreeMap<String, String>,
    /// What resolution codes are called here. One that is called by its code needs no entry.
    pub resolutions: BTreeMap<String, ResolutionCode>,
}

/// What an installation's settings say that its description does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A field.
    #[error("the adapter has no field {name}; it has: {known}")]
    Field {
        /// As it was given.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A queue cannot be asked for.
    #[error(
        "the queue {queue} is called {called:?}, which holds a character that would change what is asked"
    )]
    Queue {
        /// The queue.
        queue: QueueId,
        /// As it is called.
        called: String,
    },
}

impl Settings {
    /// Settings that only say which account is ours.
    #[must_use]
    pub fn of(service_account: PersonId) -> Self {
        Self {
            service_account,
            machines: BTreeSet::new(),
            queues: BTreeMap::new(),
            statuses: BTreeMap::new(),
            fields: BTreeMap::new(),
            resolutions: BTreeMap::new(),
        }
    }

    pub(crate) fn check(&self, description: &Description) -> Result<(), SettingsError> {
        for name in self.fields.keys() {
            if !description.fields.contains_key(name) {
                let known: Vec<&str> = description.fields.keys().map(String::as_str).collect();
                let (name, known) = (name.clone(), known.join(", "));
                return Err(SettingsError::Field { name, known });
            }
        }
        for (queue, called) in &self.queues {
            if called.contains(|letter| description.never_in_ids.contains(letter)) {
                let (queue, called) = (queue.clone(), called.clone());
                return Err(SettingsError::Queue { queue, called });
            }
        }
        Ok(())
    }

    /// What expressions see as `fields`.
    pub(crate) fn fields(&self, description: &Description) -> Value {
        let mut fields: Map<String, Value> = Map::new();
        for (name, value) in description.fields.iter().chain(&self.fields) {
            fields.insert(name.clone(), value.clone().into());
        }
        Value::Object(fields)
    }

    /// What the system calls a queue.
    pub(crate) fn called<'a>(&'a self, queue: &'a QueueId) -> &'a str {
        self.queues.get(queue).map_or(queue.as_str(), String::as_str)
    }

    /// The queue that the system calls so.
    pub(crate) fn queue(&self, called: &str) -> Option<QueueId> {
        let known = self.queues.iter().find(|(_, name)| *name == called);
        known.map(|(queue, _)| queue.clone()).or_else(|| id(called))
    }
}

/// A name of the system's as an id. Whatever an id cannot hold is escaped, and so is what escapes, so that two names
/// never become one id.
pub(crate) fn id<T: std::str::FromStr>(name: &str) -> Option<T> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    if name.bytes().all(plain) {
        return name.parse().ok();
    }
    let mut escaped = String::new();
    for byte in name.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped.parse().ok()
}
