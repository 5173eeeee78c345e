//! Requests to outside systems, ready to be sent by somebody else: where, what, and with which credential.

use belay_domain::SystemId;
use serde_json::Value;

/// A read: always `GET`, always with the system's read credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedRead {
    /// Its name in the contract; `verification` and `compensation` for read-backs.
    pub name: String,
    /// For a read that is done for each element of a list: which element. Otherwise empty.
    pub element: String,
    /// The system.
    pub system: SystemId,
    /// Path and query, percent-encoded, beginning with `/`.
    pub path: String,
    /// Headers besides those of the credential.
    pub headers: Vec<(String, String)>,
}

/// A write, with the system's write credential.
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedWrite {
    /// The system.
    pub system: SystemId,
    /// The method.
    pub method: Method,
    /// Path and query, percent-encoded, beginning with `/`.
    pub path: String,
    /// Headers besides those of the credential.
    pub headers: Vec<(String, String)>,
    /// What is written.
    pub body: Payload,
    /// The idempotency key, for systems that honour one; also in the headers or the body where the contract says so.
    pub key: String,
}

/// What is sent along with a write.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Payload {
    /// Nothing.
    #[default]
    None,
    /// JSON.
    Json(Value),
    /// A form: names and values, not encoded.
    Form(Vec<(String, String)>),
}

/// What a write is about, for people: where, what, and what stands there.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The system.
    pub system: String,
    /// The kind of object; the contract's name if it says nothing about that.
    pub object: String,
    /// By what the system finds it; null if there is nothing to be found.
    pub id: Value,
    /// What was read there, as far as it could be understood; null if there is nothing.
    pub shown: Value,
}

/// The methods of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Creates or does something.
    Post,
    /// Replaces.
    Put,
    /// Changes parts.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The method as HTTP writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl PrepareError {
    /// Whether preparing it again later can help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::NotRead { .. })
    }
}

/// Why a request could not be prepared. The input has passed its schema by then, so this is a gap in the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The contract is not in this playbook.
    #[error("the contract {0} is not in this playbook")]
    UnknownContract(belay_domain::ContractId),
    /// The input is not JSON.
    #[error("the input cannot be read: {0}")]
    Input(String),
    /// The contract declares no such request.
    #[error("the contract {contract} declares no {what}")]
    NotDeclared {
        /// The contract.
        contract: belay_domain::ContractId,
        /// What is missing: `execution`, `compensation`.
        what: &'static str,
    },
    /// What it is made from could not be read. It may be, another time.
    #[error("{name} cannot be read first: {detail}")]
    NotRead {
        /// Which read.
        name: String,
        /// What happened.
        detail: String,
    },
    /// What was read does not allow it.
    #[error("what stands there does not allow it: {difference}")]
    NotNow {
        /// Which condition does not hold, and what that means.
        difference: String,
    },
    /// An expression of the request failed.
    #[error("the {what} cannot be prepared: {detail}")]
    Expression {
        /// Which part.
        what: String,
        /// What happened.
        detail: String,
    },
}
