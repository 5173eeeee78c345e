//! What is played: for each task one case with everything that is right, and further cases for what is wrong.
//!
//! Each case has a world of its own in the shop. The cases with wrong writes begin with the records as they were just
//! before the right write, or as the wrong one needs them, and must leave them as they are.

use super::records::{Records, text};
use super::reference;
use super::rule::Rule;
use super::task::{Proof, Read, Step, Task, Write};
use super::terms::{self, Expected, Role};
use super::variants::{self, Statement, Variant};

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Its world in the shop.
    pub(crate) world: String,
    /// The number of its task.
    pub(crate) task: u32,
    /// Whether it is the task itself, and not what could go wrong with it.
    pub(crate) genuine: bool,
    /// What the customer wants, in their words.
    pub(crate) wish: String,
    /// The customer's id, without the world.
    pub(crate) customer: String,
    /// By what the customer proves who they are.
    pub(crate) proof: Proof,
    /// What is done, in order.
    pub(crate) moves: Vec<Move>,
    /// How it ends.
    pub(crate) ending: Ending,
    /// The shop's records in the beginning.
    pub(crate) before: Records,
    /// The shop's records as they must be in the end.
    pub(crate) after: Records,
}

/// One thing that is done on a case.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// Something is looked up.
    Read(Read),
    /// A write is proposed, and carried out if it is allowed.
    Propose(Attempt),
}

/// One write that is proposed.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Who proposes it.
    pub(crate) by: Role,
    /// Under which contract.
    pub(crate) contract: &'static str,
    /// The write, without the world.
    pub(crate) write: Write,
    /// What is said about where it comes from.
    pub(crate) statement: Statement,
    /// What must become of it.
    pub(crate) must: Must,
}

/// What must become of a write that is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    /// It is carried out, and a read-back shows so.
    BeVerified,
    /// It is stopped.
    BeStopped {
        /// The rule that it breaks.
        rule: Rule,
        /// How it breaks it.
        how: &'static str,
        /// By which name the playbook knows the rule.
        by: Expected,
    },
}

/// How a case ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The specialist resolves it, with this code.
    Resolved(&'static str),
    /// It goes to people, for this reason.
    People(String),
}

/// All cases, the tasks themselves first.
pub(crate) fn all(tasks: &[Task], records: &Records) -> Vec<Script> {
    let mut wrong = Vec::new();
    let mut scripts: Vec<Script> =
        tasks.iter().map(|task| genuine(task, records, &mut wrong)).collect();
    scripts.append(&mut wrong);
    scripts
}

/// The case of a task, and the cases of what could go wrong with each of its writes.
fn genuine(task: &Task, records: &Records, wrong: &mut Vec<Script>) -> Script {
    let mut after = records.clone();
    let mut moves = Vec::new();
    let mut ending = Ending::Resolved("resolved");
    let mut index = 0;
    for step in &task.steps {
        match step {
            Step::Read(read) => moves.push(Move::Read(read.clone())),
            Step::Transfer(reason) => ending = Ending::People(reason.clone()),
            Step::Write(write) => {
                if let Some(rule) = reference::objection(&after, write) {
                    let how = "it stands in the data, and the shop's own tool refuses it";
                    moves.push(stopped(&Variant::new(rule, how, write.clone(), &after)));
                    continue;
                }
                group(task, index, variants::of(task, index, write, &after), wrong);
                index += 1;
                moves.push(Move::Propose(Attempt {
                    by: Role::of(write.tool),
                    contract: terms::contract(write.tool),
                    write: write.clone(),
                    statement: Statement::default(),
                    must: Must::BeVerified,
                }));
                // The listed writes are about records that there are, so this cannot fail.
                if reference::carry_out(&mut after, write).is_ok() {
                    let how = "it is proposed again after it was done";
                    moves.push(stopped(&Variant::new(Rule::NotTwice, how, write.clone(), &after)));
                }
            }
        }
    }
    let world = task.number.to_string();
    Script { genuine: true, moves, ending, after, ..empty(task, world, records) }
}

/// Puts wrong writes that find the same records into one case.
fn group(task: &Task, index: usize, variants: Vec<Variant>, scripts: &mut Vec<Script>) {
    let mut groups: Vec<Vec<Variant>> = Vec::new();
    for variant in variants {
        match groups.iter_mut().find(|group| group[0].records.is_same(&variant.records)) {
            Some(group) => group.push(variant),
            None => groups.push(vec![variant]),
        }
    }
    for (place, mut group) in groups.into_iter().enumerate() {
        let first = group[0].proposer();
        // Whoever has the case does everything that is theirs before it goes to the next.
        group.sort_by_key(|variant| (variant.proposer() != first, variant.proposer()));
        let world = format!("{}.{index}.{place}", task.number);
        let script = empty(task, world, &group[0].records);
        scripts.push(Script { moves: group.iter().map(stopped).collect(), ..script });
    }
}

fn empty(task: &Task, world: String, records: &Records) -> Script {
    // Whoever has moved in the meantime is not found by their old zip code any more.
    let proof = match (task.proof.find(records), records.user(&task.customer)) {
        (None, Some(user)) => Proof::Email(text(user, "/email").to_owned()),
        _ => task.proof.clone(),
    };
    Script {
        world,
        task: task.number,
        genuine: false,
        wish: task.wish.clone(),
        customer: task.customer.clone(),
        proof,
        moves: Vec::new(),
        ending: Ending::Resolved("declined"),
        before: records.clone(),
        after: records.clone(),
    }
}

fn stopped(variant: &Variant) -> Move {
    Move::Propose(Attempt {
        by: variant.proposer(),
        contract: variant.contract(),
        write: variant.write.clone(),
        statement: variant.statement.clone(),
        must: Must::BeStopped {
            rule: variant.rule,
            how: variant.how,
            by: terms::expected(variant),
        },
    })
}

impl Script {
    /// The writes that are proposed, each with its place among the moves.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = (usize, &Attempt)> {
        self.moves.iter().enumerate().filter_map(|(place, step)| match step {
            Move::Propose(attempt) => Some((place, attempt)),
            Move::Read(_) => None,
        })
    }

    /// The specialist whose work comes first. Whoever asks for information only is served by the one for accounts.
    pub(crate) fn first(&self) -> Role {
        self.attempts().next().map_or(Role::Accounts, |(_, attempt)| attempt.by)
    }
}
