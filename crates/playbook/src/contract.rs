//! One governed write, compiled: what it needs, what it may do, and how it is proven and undone.

mod compile;
mod failures;
mod undoing;

use belay_domain::{ContractId, Executor, Mode, Money, Source, Span, SystemId};
use jsonschema::Validator;
use serde_json::Value;

use crate::approval::ApprovalRules;
use crate::assess::Places;
use crate::expression::Expression;
use crate::format::KeyOf;
use crate::graduation::Bounds;
use crate::request::Method;
use crate::template::{Body, Template};

pub(crate) use compile::compile;
pub(crate) use failures::Failures;
pub(crate) use undoing::{Undo, UndoStep};

/// A contract of a loaded playbook.
#[derive(Debug)]
pub struct Contract {
    pub(crate) id: ContractId,
    pub(crate) title: String,
    pub(crate) system: SystemId,
    pub(crate) object: Option<(String, Expression)>,
    pub(crate) executor: Executor,
    pub(crate) tier: u8,
    pub(crate) mode: Mode,
    pub(crate) share: f64,
    pub(crate) schema: Value,
    pub(crate) input: Validator,
    pub(crate) output: Option<Validator>,
    pub(crate) provenance: Vec<(String, Vec<Source>)>,
    pub(crate) reads: Vec<Read>,
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) snapshot: Vec<(String, Expression)>,
    pub(crate) amount: Option<(Expression, Template)>,
    pub(crate) per_action: Option<Money>,
    pub(crate) cumulative: Vec<Cumulative>,
    pub(crate) key: Option<Template>,
    pub(crate) execution: Option<Write>,
    pub(crate) failures: Failures,
    pub(crate) verification: ReadBackPlan,
    pub(crate) compensation: Option<Undo>,
    pub(crate) undo_divergence: bool,
    pub(crate) permit_within: Span,
    pub(crate) outcome_within: Span,
    pub(crate) verify_within: Span,
    pub(crate) attempts_max: u32,
    pub(crate) backoff: belay_domain::Backoff,
    pub(crate) approval: Option<ApprovalRules>,
    pub(crate) graduation: Option<Bounds>,
    pub(crate) comparison: Option<ReadBackPlan>,
    /// The fields of its input by which something is found.
    pub(crate) places: Places,
}

/// One read before a decision.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) name: String,
    pub(crate) system: SystemId,
    pub(crate) for_each: Option<Expression>,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) optional: bool,
    /// The earlier reads whose answers it needs.
    pub(crate) needs: Vec<String>,
}

/// A condition with a name.
#[derive(Debug)]
pub(crate) struct Assertion {
    pub(crate) name: String,
    pub(crate) that: Expression,
    pub(crate) otherwise: String,
    pub(crate) field: String,
    /// The conditions that must hold for it to make sense.
    pub(crate) needs: Vec<String>,
    /// The reads it is about.
    pub(crate) reads: Vec<String>,
}

/// A limit over time.
#[derive(Debug)]
pub(crate) struct Cumulative {
    pub(crate) name: String,
    pub(crate) key: KeyOf,
    pub(crate) window: Span,
    pub(crate) amount: Option<Money>,
    pub(crate) count: Option<u64>,
}

/// A write.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) method: Method,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Option<Body>,
    pub(crate) form: Option<Body>,
}

/// A read that proves something, and how it is judged.
#[derive(Debug)]
pub(crate) struct ReadBackPlan {
    pub(crate) system: SystemId,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) present: Expression,
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) shown: Option<Expression>,
    pub(crate) settle_within: Span,
}

impl Contract {
    /// Its id, with the version.
    #[must_use]
    pub fn id(&self) -> &ContractId {
        &self.id
    }

    /// Its name, without the version.
    #[must_use]
    pub fn name(&self) -> &str {
        self.id.as_str().split('@').next().unwrap_or_default()
    }

    /// What it does, in a few words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The system it writes to.
    #[must_use]
    pub fn system(&self) -> &SystemId {
        &self.system
    }

    /// Who carries it out.
    #[must_use]
    pub fn executor(&self) -> Executor {
        self.executor
    }

    /// How much harm it can do.
    #[must_use]
    pub fn tier(&self) -> u8 {
        self.tier
    }

    /// Whether it writes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The JSON Schema of its input.
    #[must_use]
    pub fn input_schema(&self) -> &Value {
        &self.schema
    }

    /// Whether it can be undone.
    #[must_use]
    pub fn is_compensable(&self) -> bool {
        self.compensation.is_some()
    }

    /// What is wrong with what the system answered to the write, if anything is.
    #[must_use]
    pub fn output_problem(&self, output: &Value) -> Option<String> {
        let validator = self.output.as_ref()?;
        validator
            .iter_errors(output)
            .next()
            .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
    }
}
