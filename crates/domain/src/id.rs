//! Names of things. Each kind is a type of its own, so that one cannot be taken for another.
//!
//! An id is 1 to 200 visible ASCII characters. ASCII only, because two ids that look alike
//! to a person must not be different ids to the machine (homoglyphs).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest id that is accepted, in bytes. Long enough for a URI or an e-mail address.
pub(crate) const ID_LENGTH_MAX: usize = 200;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing was given.
    #[error("a {kind} must not be empty")]
    Empty {
        /// What the id should have named.
        kind: &'static str,
    },
    /// More than 200 bytes.
    #[error("a {kind} has at most {ID_LENGTH_MAX} characters, this one has {length}")]
    TooLong {
        /// What the id should have named.
        kind: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A character that is not visible ASCII.
    #[error("a {kind} consists of visible ASCII characters; character {position} is {character:?}")]
    Character {
        /// What the id should have named.
        kind: &'static str,
        /// Which character, counted from 1.
        position: usize,
        /// The character.
        character: char,
    },
}

fn checked(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { kind });
    }
    if text.len() > ID_LENGTH_MAX {
        return Err(InvalidId::TooLong { kind, length: text.len() });
    }
    match text.chars().enumerate().find(|(_, character)| !character.is_ascii_graphic()) {
        Some((index, character)) => {
            Err(InvalidId::Character { kind, position: index + 1, character })
        }
        None => Ok(()),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// An id that Belay itself derives from others and therefore knows to be well formed.
            #[allow(dead_code, reason = "only some kinds of id are derived")]
            pub(crate) fn derived(text: String) -> Self {
                Self(text.into())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                checked($kind, text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// The outermost boundary of data and authority.
    TenantId = "tenant id";
    /// One customer matter.
    CaseId = "case id";
    /// A specialist program, by the name its certificate proves.
    AgentId = "agent id";
    /// A person, by the subject of their token.
    PersonId = "person id";
    /// A group of people, by the claim of their token.
    GroupId = "group id";
    /// What an agent is there for: `billing`, `crm`.
    RoleId = "role id";
    /// An outside system: `billing`, `rt`, `desk`.
    SystemId = "system id";
    /// A queue in an outside system.
    QueueId = "queue id";
    /// A record in a human queue, by the id its system gave it.
    TicketId = "ticket id";
    /// A request of a caller: repeating it changes nothing.
    RequestId = "request id";
    /// A proposal as the agent numbers it: repeating it changes nothing.
    ProposalId = "proposal id";
    /// A versioned action contract, `refund@2`.
    ContractId = "contract id";
    /// A boundary, by its name in the playbook.
    BoundaryId = "boundary id";
    /// A policy, by its name in the playbook.
    PolicyId = "policy id";
    /// A group of actions that are consistent only together.
    PlanId = "plan id";
    /// A proposed use of a contract on a case: `CASE/a1`.
    ActionId = "action id";
    /// A transfer of a case: `CASE/h1`.
    HandoffId = "handoff id";
    /// A request for human attention: `CASE/e1`.
    EscalationId = "escalation id";
    /// One step of one round of an escalation, `CASE/e1/r1s1`: what a ticket is found again by.
    Correlation = "correlation id";
    /// One grant to execute one action once: `CASE/a1/p1`.
    PermitId = "permit id";
    /// A resolution code of the taxonomy.
    ResolutionCode = "resolution code";
    /// A reason code of the taxonomy: why a person said no.
    ReasonCode = "reason code";
    /// What makes a write the same write.
    IdempotencyKey = "idempotency key";
}

/// A human queue: which one, in which system. Written `system/queue`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueRef {
    /// The ITSM, or the built-in desk.
    pub system: SystemId,
    /// The queue in it.
    pub queue: QueueId,
}

impl fmt::Display for QueueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.system, self.queue)
    }
}
