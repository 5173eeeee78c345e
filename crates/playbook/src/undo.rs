//! The way back of one action, from what its systems show: whether it is gone already, which write comes next, and what
//! that write is made of.
//!
//! Nothing is kept between two attempts. Whoever walks it begins at the beginning each time and looks before each write,
//! so that a process that died between two writes, or never heard of the one before, goes on where the systems are.

use belay_domain::{ContractId, ReadBack, Span};
use serde_json::{Map, Value};

use crate::Playbook;
use crate::contract::{ReadBackPlan, Undo, UndoStep};
use crate::facts::{Answer, CaseFacts, Reads};
use crate::prepare::{self, Subject};
use crate::request::{PrepareError, PreparedRead, PreparedWrite, Target};

/// The way back of one action.
#[derive(Debug)]
pub struct WayBack<'p> {
    playbook: &'p Playbook,
    contract: ContractId,
    input: String,
    case: CaseFacts,
    /// What stands at the target and is to be undone.
    shown: Value,
    undo: &'p Undo,
    /// What the looks of the steps showed.
    steps: Map<String, Value>,
}

impl Playbook {
    /// The way back of an action. `shown` is what a read of the target shows of it, as JSON.
    pub fn way_back(
        &self,
        contract: &ContractId,
        input: &str,
        case: &CaseFacts,
        shown: &str,
    ) -> Result<WayBack<'_>, PrepareError> {
        let subject = self.subject(contract, input, case)?;
        let Some(undo) = &subject.contract.compensation else {
            let contract = contract.clone();
            return Err(PrepareError::NotDeclared { contract, what: "compensation" });
        };
        let shown = serde_json::from_str(shown)
            .map_err(|error| PrepareError::Input(format!("what was shown is not JSON: {error}")))?;
        Ok(WayBack {
            playbook: self,
            contract: contract.clone(),
            input: input.to_owned(),
            case: case.clone(),
            shown,
            undo,
            steps: Map::new(),
        })
    }
}

impl WayBack<'_> {
    /// How many writes it takes.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.undo.steps.len()
    }

    /// What a write is called; empty where it is the only one.
    #[must_use]
    pub fn name(&self, step: usize) -> &str {
        self.undo.steps.get(step).map_or("", |step| &step.name)
    }

    /// The read that proves that the action is undone.
    pub fn proof(&self) -> Result<PreparedRead, PrepareError> {
        self.subject()?.read_back("compensation", &self.undo.proof)
    }

    /// What its answer proves: `Applied` means undone, `NotApplied` not undone.
    #[must_use]
    pub fn judge(&self, answer: &Answer) -> ReadBack {
        self.judged(&self.undo.proof, answer)
    }

    /// How long it may take until an undone action shows as that.
    #[must_use]
    pub fn settle_within(&self) -> Span {
        self.undo.proof.settle_within
    }

    /// The read that shows whether this write is done.
    pub fn look(&self, step: usize) -> Result<PreparedRead, PrepareError> {
        let (name, plan) = self.plan(step)?;
        self.subject()?.read_back(name, plan)
    }

    /// What its answer shows: `Applied` means done. Later writes know what it was.
    #[must_use]
    pub fn see(&mut self, step: usize, answer: &Answer) -> ReadBack {
        let (name, plan) = match self.plan(step) {
            Ok((name, plan)) => (name.to_owned(), plan),
            Err(error) => return ReadBack::Unreadable { detail: error.to_string() },
        };
        let judged = self.judged(plan, answer);
        let subject = self.subject();
        let standing = subject.ok().and_then(|mut subject| subject.standing(plan, answer));
        if let Some(standing) = standing.and_then(|text| serde_json::from_str(&text).ok()) {
            self.steps.insert(name, standing);
        }
        judged
    }

    /// How long this write may take to show.
    #[must_use]
    pub fn settles_within(&self, step: usize) -> Span {
        self.plan(step).map_or(Span::ZERO, |(_, plan)| plan.settle_within)
    }

    /// What is still to be read before this write.
    pub fn reads(&self, step: usize, so_far: &Reads) -> Result<Vec<PreparedRead>, PrepareError> {
        Ok(prepare::open(&self.step(step)?.reads, self.subject()?.scope, so_far))
    }

    /// This write, from what was read. Not made if a condition on that does not hold.
    pub fn write(&self, step: usize, reads: &Reads) -> Result<PreparedWrite, PrepareError> {
        let mut subject = self.subject()?;
        let step = self.step(step)?;
        if !step.reads.is_empty() {
            let settled = prepare::settled(&step.reads, self.subject()?.scope, reads);
            if let Some((name, detail)) = settled.wrong.into_iter().next() {
                return Err(PrepareError::NotRead { name, detail });
            }
            subject.scope.set("reads", &settled.reads);
        }
        if let Some(difference) = subject.unmet(&step.assertions) {
            return Err(PrepareError::NotNow { difference });
        }
        let mut write = subject.write(&step.request)?;
        // Undoing is another write than doing, and each of several is another one than the next.
        write.key = match step.name.as_str() {
            "" => format!("undo/{}", write.key),
            name => format!("undo/{}/{name}", write.key),
        };
        Ok(write)
    }

    /// What this write has left behind, as the last look showed it; none if nothing, or nothing that people need to know.
    #[must_use]
    pub fn left(&self, step: usize) -> Option<Target> {
        let found = self.undo.steps.get(step)?;
        let shown = self.steps.get(&found.name)?.clone();
        let (object, id) = found.object.as_ref()?;
        let subject = self.subject().ok()?;
        Some(Target {
            system: subject.contract.system.to_string(),
            object: object.clone(),
            id: id.value(&subject.scope).unwrap_or(Value::Null),
            shown,
        })
    }

    fn judged(&self, plan: &ReadBackPlan, answer: &Answer) -> ReadBack {
        match self.subject() {
            Ok(mut subject) => subject.judge(plan, answer),
            Err(error) => ReadBack::Unreadable { detail: error.to_string() },
        }
    }

    fn step(&self, step: usize) -> Result<&UndoStep, PrepareError> {
        self.undo.steps.get(step).ok_or_else(|| PrepareError::NotDeclared {
            contract: self.contract.clone(),
            what: "such step of its compensation",
        })
    }

    /// By what a write is seen to be done, and the name of that read.
    fn plan(&self, step: usize) -> Result<(&str, &ReadBackPlan), PrepareError> {
        let step = self.step(step)?;
        Ok(match &step.done {
            Some(done) => (&step.name, done),
            None => ("compensation", &self.undo.proof),
        })
    }

    fn subject(&self) -> Result<Subject<'_>, PrepareError> {
        let mut subject = self.playbook.subject(&self.contract, &self.input, &self.case)?;
        subject.scope.set("shown", &self.shown);
        subject.scope.set("steps", &Value::Object(self.steps.clone()));
        Ok(subject)
    }
}
