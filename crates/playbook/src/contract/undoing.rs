//! The way back of a contract: one write, or several that undo the action together, and the read that proves it.

use belay_domain::Span;

use super::compile::{assertions, read_back, reads, write};
use super::{Assertion, Read, ReadBackPlan, Write};
use crate::check::{Check, Visible};
use crate::expression::Expression;
use crate::format::{Compensation, ContractFile, UndoStepRule};

/// The most writes of one way back. What takes more is a plan of its own.
const STEPS_MAX: usize = 8;

/// The variables of one request that undoes, and of the conditions on what is read after it.
const ONE: &[&str] = &["input", "case", "key", "input_digest", "shown"];
const ONE_BACK: &[&str] = &["input", "case", "key", "input_digest", "shown", "read"];

/// The same where there are several: each sees what the looks of those before it showed.
const STEP: &[&str] = &["input", "case", "key", "input_digest", "shown", "steps"];
const STEP_BACK: &[&str] = &["input", "case", "key", "input_digest", "shown", "steps", "read"];
const STEP_READ: &[&str] =
    &["input", "case", "key", "input_digest", "shown", "steps", "reads", "element"];
const STEP_WRITE: &[&str] = &["input", "case", "key", "input_digest", "shown", "steps", "reads"];

/// How an action is undone.
#[derive(Debug)]
pub(crate) struct Undo {
    /// In this order.
    pub(crate) steps: Vec<UndoStep>,
    /// What shows that it is undone.
    pub(crate) proof: ReadBackPlan,
}

/// One write of it.
#[derive(Debug)]
pub(crate) struct UndoStep {
    /// Empty where it is the only one.
    pub(crate) name: String,
    /// What shows that it is done; the proof itself where it is the only one.
    pub(crate) done: Option<ReadBackPlan>,
    pub(crate) reads: Vec<Read>,
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) request: Write,
    /// What it leaves behind: its kind and its id.
    pub(crate) object: Option<(String, Expression)>,
}

pub(super) fn compile(
    check: &mut Check<'_>,
    rule: &Compensation,
    file: &ContractFile,
    settle: Span,
) -> Option<Undo> {
    let visible = |variables| Visible { variables, input: Some(&file.input), reads: &[] };
    let back = |check: &mut Check<'_>, proof, before, after| {
        let seen = (visible(before), visible(after));
        read_back(check, "/compensation/verification", proof, file, seen, settle)
    };
    match (&rule.none, &rule.request, &rule.steps[..], &rule.verification) {
        (None, Some(request), [], Some(proof)) => {
            let request = write(check, "/compensation/request", request, visible(ONE));
            let proof = back(check, proof, ONE, ONE_BACK);
            let (request, proof) = request.zip(proof)?;
            let only = UndoStep {
                name: String::new(),
                done: None,
                reads: Vec::new(),
                assertions: Vec::new(),
                request,
                object: None,
            };
            Some(Undo { steps: vec![only], proof })
        }
        (None, None, steps @ [_, ..], Some(proof)) => {
            if steps.len() > STEPS_MAX {
                let what = format!("a way back of more than {STEPS_MAX} writes");
                check.wrong("/compensation/steps", what, "make it a plan of several contracts");
            }
            let mut compiled = Vec::new();
            for (index, rule) in steps.iter().enumerate() {
                if steps.iter().take(index).any(|other| other.name == rule.name) {
                    let pointer = format!("/compensation/steps/{index}/name");
                    let what = format!("there is already a step {}", rule.name);
                    check.wrong(&pointer, what, "give it another name");
                }
                compiled.push(step(check, index, rule, file, settle));
            }
            let proof = back(check, proof, STEP, STEP_BACK);
            Some(Undo { steps: compiled.into_iter().collect::<Option<_>>()?, proof: proof? })
        }
        _ => {
            check.wrong(
                "/compensation",
                "a compensation is a request or steps with a verification, or none with a reason",
                "write request and verification, steps and verification, or only none",
            );
            None
        }
    }
}

fn step(
    check: &mut Check<'_>,
    index: usize,
    rule: &UndoStepRule,
    file: &ContractFile,
    settle: Span,
) -> Option<UndoStep> {
    let pointer = format!("/compensation/steps/{index}");
    let names: Vec<&str> = rule.reads.iter().map(|read| read.name.as_str()).collect();
    let visible = |variables| Visible { variables, input: Some(&file.input), reads: &names };
    let seen = (visible(STEP), visible(STEP_BACK));
    let done = read_back(check, &format!("{pointer}/done"), &rule.done, file, seen, settle);
    let reads = reads(check, &format!("{pointer}/reads"), &rule.reads, file, STEP_READ);
    let assertions =
        assertions(check, &format!("{pointer}/assert"), &rule.assert, visible(STEP_WRITE));
    let request = write(check, &format!("{pointer}/request"), &rule.request, visible(STEP_WRITE));
    let object = rule.object.as_ref().and_then(|object| {
        let id = check.expression(&format!("{pointer}/object/id"), &object.id, visible(STEP))?;
        Some((object.name.clone(), id))
    });
    Some(UndoStep {
        name: rule.name.clone(),
        done: Some(done?),
        reads,
        assertions,
        request: request?,
        object,
    })
}
