//! What the real case and the model are compared by.

use std::collections::BTreeMap;

use belay_domain::{
    ActionStage, Approval, Coverage, Effect, Owner as RealOwner, next_moment, owed,
};

use crate::ledger::{Ledger, Owner, Step};
use crate::owing::Due;
use crate::people::Stand;
use crate::real::Real;
use crate::terms::{at, seconds};

/// What both are compared by.
#[derive(Debug, PartialEq)]
pub(crate) struct Picture {
    answer: Option<&'static str>,
    open: bool,
    owner: String,
    epoch: u64,
    cover: (&'static str, Option<i64>),
    next: Option<i64>,
    /// Each action's stage, revision, permits, attempts, and what reviewers and those they asked have said.
    actions: Vec<(&'static str, usize, usize, u32, Vec<String>)>,
    plans: BTreeMap<String, &'static str>,
    /// Each escalation's stage, round and step.
    escalations: Vec<(&'static str, u32, usize)>,
    owes: Vec<String>,
}

impl Real {
    pub(crate) fn picture(&self) -> Picture {
        let case = &self.case;
        let coverage = case.coverage(at(self.now));
        let actions = case.actions.values().map(|action| {
            let said = match &action.stage {
                ActionStage::AwaitingApproval(approval) => said(approval),
                _ => Vec::new(),
            };
            let (revision, permits) = (action.revision as usize, action.permits as usize);
            (action.stage_name(), revision, permits, action.attempts, said)
        });
        let escalations = case.escalations.values();
        let mut owes: Vec<String> =
            owed(case, at(self.now)).iter().map(|one| effect(&one.effect)).collect();
        owes.sort();
        Picture {
            answer: self.answer,
            open: case.is_open(),
            owner: match &case.owner {
                RealOwner::Supervisor { .. } => "supervisor".to_owned(),
                RealOwner::Agent { agent, .. } => agent.to_string(),
                RealOwner::Queue { person, escalation, .. } => format!("{person} by {escalation}"),
            },
            epoch: case.epoch.0,
            cover: match &coverage {
                Coverage::Uncovered(_) => ("uncovered", None),
                known => (known.name(), known.until().map(seconds)),
            },
            next: next_moment(case).map(seconds),
            actions: actions.collect(),
            plans: case.plans.values().map(plan).collect(),
            escalations: escalations
                .map(|found| (found.stage_name(), found.step.round, found.step.index + 1))
                .collect(),
            owes,
        }
    }
}

impl Ledger {
    pub(crate) fn picture(&self) -> Picture {
        let mut owes: Vec<String> = self.owes().iter().map(ToString::to_string).collect();
        owes.sort();
        let plans = ["x", "y"].into_iter();
        let plans = plans.filter_map(|plan| Some((plan.to_owned(), self.plan(plan)?)));
        let actions = (1..=self.actions()).map(|action| {
            let stage = self.stage(action).name();
            let said = match stage {
                "awaiting_approval" => self.said_of(action),
                _ => Vec::new(),
            };
            (stage, self.revision(action), self.permits(action), self.attempts(action), said)
        });
        let escalations = (1..=self.escalations()).map(|asked| {
            let ((_, round, number), _) = self.step(asked);
            let name = match self.stand(asked) {
                Stand::Opened => "opened",
                Stand::Placed { .. } => "placed",
                Stand::Routed { .. } => "routed",
                Stand::Taken { .. } => "acknowledged",
                Stand::Settled => "resolved",
                Stand::Exhausted { .. } => "exhausted",
                Stand::Closed => "closed",
            };
            (name, round, number)
        });
        Picture {
            answer: self.answer,
            open: self.is_open(),
            owner: match self.owner() {
                Owner::Supervisor => "supervisor".to_owned(),
                Owner::Agent { agent, .. } => agent.to_owned(),
                Owner::Person { escalation, by } => format!("{by} by c/e{escalation}"),
            },
            epoch: self.epoch(),
            cover: self.cover(),
            next: self.next_moment(),
            actions: actions.collect(),
            plans: plans.collect(),
            escalations: escalations.collect(),
            owes,
        }
    }
}

impl Ledger {
    fn said_of(&self, action: usize) -> Vec<String> {
        let agreed = self.agreed(action).into_iter().rev().map(|person| format!("{person} agrees"));
        let asked = (1..=self.questions(action).len()).map(|number| {
            let asker = self.questions(action)[number - 1];
            match self.reply(action, number) {
                Some((by, text)) => format!("{asker} asks, {by} says answer {text}"),
                None => format!("{asker} asks"),
            }
        });
        let handed = self.handed_on(action).into_iter();
        let handed = handed.map(|(from, to)| format!("{from} names {to}"));
        agreed.chain(asked).chain(handed).collect()
    }
}

/// What the real case knows of the same.
fn said(approval: &Approval) -> Vec<String> {
    let agreed = approval.votes.iter().map(|vote| format!("{} agrees", vote.person));
    let asked = approval.questions.iter().map(|question| match &question.reply {
        Some(reply) => {
            let by = reply.by.split_once(':').map_or("", |(_, name)| name);
            format!("{} asks, {by} says {}", question.person, reply.text)
        }
        None => format!("{} asks", question.person),
    });
    let handed =
        approval.delegations.iter().map(|named| format!("{} names {}", named.from, named.to));
    agreed.chain(asked).chain(handed).collect()
}

impl std::fmt::Display for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seek => f.write_str("seek"),
            Self::Offer { number, to } => write!(f, "offer c/h{number} to {to}"),
            Self::Assess { action, revision } => write!(f, "assess c/a{action} {revision}"),
            Self::Deliver { action } => write!(f, "deliver c/a{action}"),
            Self::Execute { action, attempt } => write!(f, "execute c/a{action} {attempt}"),
            Self::ReadBack { action, attempt } => write!(f, "read c/a{action} {attempt}"),
            Self::Undo { action, attempt } => write!(f, "undo c/a{action} {attempt}"),
            Self::Agreement { plan } => write!(f, "compare {plan}"),
            Self::Place { step } => write!(f, "place {}", named(*step)),
            Self::Watch { step, ticket } => write!(f, "watch {} T{ticket}", named(*step)),
            Self::TellPeople { step, ticket } => write!(f, "withdraw {} T{ticket}", named(*step)),
        }
    }
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Seek { .. } => "seek".to_owned(),
        Effect::Offer { handoff, to, .. } => format!("offer {handoff} to {to}"),
        Effect::Assess { action, revision } => format!("assess {action} {revision}"),
        Effect::DeliverPermit { action } => format!("deliver {action}"),
        Effect::Execute { action, attempt } => format!("execute {action} {attempt}"),
        Effect::ReadBack { action, attempt } => format!("read {action} {attempt}"),
        Effect::Compensate { action, attempt } => format!("undo {action} {attempt}"),
        Effect::CompareSystems { plan } => format!("compare {plan}"),
        Effect::PlaceTicket { correlation, .. } => format!("place {correlation}"),
        Effect::Watch { correlation, ticket, .. } => format!("watch {correlation} {ticket}"),
        Effect::Listen { correlation, ticket, .. } => format!("listen {correlation} {ticket}"),
        Effect::Unite { with } => format!("unite {with}"),
        Effect::Recognise { fingerprint } => format!("recognise {fingerprint}"),
        Effect::NoteMerge { from, correlation, .. } => format!("note {from} {correlation}"),
        Effect::Answer { refusal, .. } => format!("answer {}", refusal.said.statement),
        Effect::Withdraw { correlation, ticket, .. } => format!("withdraw {correlation} {ticket}"),
    }
}

fn plan(plan: &belay_domain::Plan) -> (String, &'static str) {
    use belay_domain::PlanStage::{Comparing, Complete, Open, Stuck, Undoing, Undone, Verified};
    let stage = match plan.stage {
        Open => "open",
        Complete => "complete",
        Comparing { .. } => "comparing",
        Verified => "verified",
        Undoing { .. } => "undoing",
        Undone => "undone",
        Stuck { .. } => "stuck",
    };
    (plan.id.to_string(), stage)
}

pub(crate) fn named((escalation, round, number): Step) -> String {
    format!("c/e{escalation}/r{round}s{number}")
}
