//! A description, compiled: every expression parsed and every name in it known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use belay_expression::expression::Expression;
use belay_expression::form::Form;
use belay_expression::problem::Problems;
use belay_expression::template::{Body, Template};

use crate::compile;
use crate::exchange::Method;
use crate::format::{AuthScheme, CheckName, DescriptionFile, ErrorKind, Meaning, What};

/// How one kind of ticket system is asked and understood. Immutable; shared by all installations of its kind.
#[derive(Debug)]
pub struct Description {
    /// As it was written; two that were written alike are the same.
    pub(crate) written: String,
    pub(crate) name: String,
    pub(crate) sources: Vec<String>,
    pub(crate) auth: Auth,
    pub(crate) pace: Pace,
    pub(crate) settles_within: Duration,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) machines: BTreeSet<String>,
    pub(crate) never_in_ids: String,
    pub(crate) errors: Vec<ErrorCase>,
    pub(crate) statuses: BTreeMap<String, Meaning>,
    pub(crate) accounts: Accounts,
    pub(crate) inspect: Inspect,
    pub(crate) find: List,
    pub(crate) create: Create,
    pub(crate) read: Read,
    pub(crate) statements: Option<Statements>,
    pub(crate) ours: Option<List>,
    pub(crate) withdraw: Option<Withdraw>,
    pub(crate) prove: Option<Prove>,
}

/// How Belay proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// How the secret is sent.
    pub scheme: AuthScheme,
    /// The header.
    pub header: String,
    /// What stands before the secret, for [`AuthScheme::Header`].
    pub prefix: String,
    /// Where a token is asked for, for [`AuthScheme::Oauth2`].
    pub token_path: Option<String>,
}

/// How often a system may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// One more request after each of these.
    pub every: Duration,
    /// So many at once after a quiet time.
    pub burst: u32,
    pub(crate) retry_after: Vec<String>,
    pub(crate) remaining: Option<String>,
    pub(crate) resets_in: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct ErrorCase {
    pub(crate) when: Expression,
    pub(crate) is: ErrorKind,
    pub(crate) detail: Option<Expression>,
}

/// One request, or several of a kind.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) path: Template,
    pub(crate) query: Vec<(String, Body)>,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Option<Body>,
    pub(crate) changes: bool,
    pub(crate) when: Option<Expression>,
    pub(crate) each: Option<Expression>,
    pub(crate) optional: bool,
    pub(crate) tolerate: Vec<u16>,
    pub(crate) empty: bool,
    pub(crate) kept_while: Option<Expression>,
    pub(crate) conditional: bool,
    pub(crate) expect: Option<Expression>,
    pub(crate) items: Option<Expression>,
    pub(crate) next: Option<Expression>,
    pub(crate) pages_max: u32,
}

#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) keys: Vec<Expression>,
    pub(crate) name: Expression,
    pub(crate) kind: Expression,
}

#[derive(Debug)]
pub(crate) struct Inspect {
    pub(crate) asks: Vec<Ask>,
    pub(crate) exists: Expression,
    pub(crate) enabled: Expression,
    pub(crate) accounts: Expression,
    pub(crate) members: Expression,
    pub(crate) member: Expression,
    pub(crate) member_enabled: Expression,
    pub(crate) member_may_take: Expression,
    pub(crate) member_on_shift: Expression,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) asks: Vec<Ask>,
    pub(crate) tickets: Expression,
    pub(crate) id: Expression,
    pub(crate) correlation: Expression,
    pub(crate) case: Expression,
    pub(crate) queue: Expression,
    pub(crate) holder: Expression,
    pub(crate) subject: Expression,
    pub(crate) priority: Expression,
    pub(crate) next: Expression,
}

#[derive(Debug)]
pub(crate) struct Create {
    pub(crate) asks: Vec<Ask>,
    pub(crate) id: Expression,
}

#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) at_once: usize,
    pub(crate) asks: Vec<Ask>,
    pub(crate) accounts: Expression,
    pub(crate) record: Expression,
    pub(crate) history: Expression,
    pub(crate) id: Expression,
    pub(crate) case: Expression,
    pub(crate) correlation: Expression,
    pub(crate) queue: Expression,
    pub(crate) status: Expression,
    pub(crate) merged_into: Expression,
    pub(crate) revision: Expression,
    pub(crate) holder: Expression,
    pub(crate) by: Expression,
    pub(crate) acts: Vec<ActCase>,
    pub(crate) closed_by: Expression,
    pub(crate) code: Expression,
    pub(crate) note: Expression,
    pub(crate) links: Expression,
}

#[derive(Debug)]
pub(crate) struct ActCase {
    pub(crate) when: Expression,
    pub(crate) what: What,
    pub(crate) to: Option<Expression>,
}

#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) asks: Vec<Ask>,
    pub(crate) accounts: Expression,
    pub(crate) said: Expression,
    pub(crate) id: Expression,
    pub(crate) by: Expression,
    pub(crate) sure: Expression,
    pub(crate) text: Expression,
}

#[derive(Debug)]
pub(crate) struct Withdraw {
    pub(crate) comment: Vec<Ask>,
    pub(crate) close: Vec<Ask>,
}

#[derive(Debug)]
pub(crate) struct Prove {
    pub(crate) asks: Vec<Ask>,
    pub(crate) statuses: Expression,
    pub(crate) checks: Vec<(CheckName, Expression, String)>,
}

impl Description {
    /// Compiles a description. `file` is what problems are reported under.
    pub fn compile(file: &str, text: &str) -> Result<Self, Problems> {
        compile::compile(file, text)
    }

    /// The form of descriptions, with their JSON Schema for editors.
    #[must_use]
    pub fn form() -> Form {
        Form::of::<DescriptionFile>(&[])
    }

    /// What this kind of system is called, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the vendor says what stands in it.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// How Belay proves who it is.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// How often it may be asked, where nothing else is said.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// How long its search may lag behind its creates.
    #[must_use]
    pub fn settles_within(&self) -> Duration {
        self.settles_within
    }

    /// How many tickets are read together.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.read.at_once.max(1)
    }

    /// Whether it tells what people write on a ticket, so that they can decide there.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.statements.is_some()
    }

    /// The names that `systems.yaml` may give, and what they are where it does not.
    #[must_use]
    pub fn fields(&self) -> &BTreeMap<String, String> {
        &self.fields
    }

    /// What its statuses mean, where nothing else is said.
    #[must_use]
    pub fn statuses(&self) -> &BTreeMap<String, Meaning> {
        &self.statuses
    }
}

impl PartialEq for Description {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Description {}
