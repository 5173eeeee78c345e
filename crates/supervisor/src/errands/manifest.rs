//! What stands outside, for people who take over what could be neither finished nor undone: system, object, id, what
//! was there before, and what a read shows there now. Never what Belay thinks that it did.

use std::time::Duration;

use belay_domain::{
    Action, ActionId, Actor, Case, Cause, Command, Escalation, NewEntry, PlanStage, Provenance,
    Purpose, ReadBack, Source, Stage,
};
use serde::Serialize;
use serde_json::Value;

use super::{Errand, Patience};
use crate::facts::case_facts;

/// The kind of the entry that a case keeps of it.
const KIND: &str = "manifest";

/// How long people are not asked yet, because what was done is still being undone. They are told what is left to do,
/// and an undoing takes as long as an effect takes to show.
const WAIT_MOST: Duration = Duration::from_secs(10);

/// What one write left behind.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Left {
    /// The action.
    action: ActionId,
    /// Where.
    system: String,
    /// What.
    object: String,
    /// By what the system finds it; null if there is nothing to be found.
    id: Value,
    /// What the decision rested on.
    before: Value,
    /// What a read shows now; a text if it cannot be read.
    after: Value,
}

impl Errand {
    /// What is told to the people of an escalation, kept as an entry of the case as well. Empty if nothing stands that
    /// should not.
    pub(super) async fn manifest(&self, found: &Escalation) -> Vec<Left> {
        let Purpose::Takeover { cause } = &found.purpose else { return Vec::new() };
        self.let_undo(found).await;
        let Some(case) = self.case().await else { return Vec::new() };
        let mut left = Vec::new();
        for action in unfinished(&case, cause) {
            let (one, standing) = self.left(&case, action).await;
            left.push(one);
            left.extend(self.left_undoing(&case, action, standing).await);
        }
        if !left.is_empty() {
            self.keep(&case, found, &left).await;
        }
        left
    }

    /// Waits while a plan is being undone, and no longer than half of what this step is given.
    async fn let_undo(&self, found: &Escalation) {
        let Stage::Opened { until } = &found.stage else { return };
        let left = until.duration_since(self.world.engine.clock().now()) / 2;
        let most = Duration::try_from(left).unwrap_or_default().min(WAIT_MOST);
        let end = tokio::time::Instant::now() + most;
        let mut patience = Patience::new(Duration::from_millis(50), Duration::from_millis(500));
        while tokio::time::Instant::now() < end {
            let Some(case) = self.case().await else { return };
            let undoing =
                case.plans.values().any(|plan| matches!(plan.stage, PlanStage::Undoing { .. }));
            if !undoing || !self.wait(patience.next()).await {
                return;
            }
        }
    }

    /// What the writes of a way back that stopped have left behind, each read now.
    async fn left_undoing(
        &self,
        case: &Case,
        action: &Action,
        standing: Option<String>,
    ) -> Vec<Left> {
        use belay_domain::ActionStage as Is;
        let is_begun =
            matches!(action.stage, Is::Compensating { .. } | Is::CompensationFailed { .. });
        let (playbook, facts) = (self.world.playbooks.current(), case_facts(case));
        let Some(standing) = standing.filter(|_| is_begun) else { return Vec::new() };
        let (contract, input) = (&action.contract, &action.input);
        let Ok(mut way) = playbook.way_back(contract, input, &facts, &standing) else {
            return Vec::new();
        };
        let mut left = Vec::new();
        for step in 0..way.writes() {
            let Ok(look) = way.look(step) else { break };
            let shows = way.see(step, &self.world.systems.read(&look).await);
            let Some(target) = way.left(step) else { continue };
            left.push(Left {
                action: action.id.clone(),
                system: target.system,
                object: target.object,
                id: target.id,
                before: Value::Null,
                after: match shows {
                    ReadBack::Unreadable { detail } => {
                        Value::from(format!("not readable: {detail}"))
                    }
                    _ => target.shown,
                },
            });
        }
        left
    }

    /// What a write left behind, and what stands there as undoing needs it.
    async fn left(&self, case: &Case, action: &Action) -> (Left, Option<String>) {
        let playbook = self.world.playbooks.current();
        let facts = case_facts(case);
        let (contract, input) = (&action.contract, &action.input);
        let answer = match playbook.verification(contract, input, &facts) {
            Ok(read) => Ok(self.world.systems.read(&read).await),
            Err(failure) => Err(failure.to_string()),
        };
        let unreadable = match &answer {
            Ok(answer) => match playbook.judge_readback(contract, input, &facts, answer) {
                ReadBack::Unreadable { detail } => Some(detail),
                ReadBack::Applied { .. } | ReadBack::NotApplied | ReadBack::Different { .. } => {
                    None
                }
            },
            Err(detail) => Some(detail.clone()),
        };
        let target = playbook.target(contract, input, &facts, answer.as_ref().ok());
        let answered = answer.as_ref().ok();
        let standing =
            answered.and_then(|answer| playbook.standing(contract, input, &facts, answer));
        let before = action.verdict.as_ref().and_then(|verdict| verdict.snapshot.as_deref());
        let left = Left {
            action: action.id.clone(),
            system: target.system,
            object: target.object,
            id: target.id,
            before: before.map_or(Value::Null, |text| {
                serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
            }),
            after: match unreadable {
                Some(detail) => Value::from(format!("not readable: {detail}")),
                None => target.shown,
            },
        };
        (left, standing)
    }

    /// The case keeps what its people were told, once for each time that it is something else.
    async fn keep(&self, case: &Case, found: &Escalation, left: &[Left]) {
        let Ok(body) = serde_json::to_string(left) else { return };
        let last = case.context.entries().iter().rev().find(|entry| entry.kind == KIND);
        if last.is_some_and(|entry| entry.body == body) {
            return;
        }
        let reference = found.id.as_str().to_owned();
        let provenance = Provenance { source: Source::Belay, reference };
        let entries = vec![NewEntry { kind: KIND.to_owned(), body, provenance }];
        let by = Actor::Program("belay".to_owned());
        self.answer(Command::AddContext { entries, by }).await;
    }
}

/// The writes that may have left something: of every plan that is neither verified nor undone, and the one that people
/// are asked about.
fn unfinished<'c>(case: &'c Case, cause: &Cause) -> Vec<&'c Action> {
    let asked = match cause {
        Cause::Divergence { action, .. } | Cause::CompensationFailed { action, .. } => Some(action),
        Cause::Routed
        | Cause::NoAgent
        | Cause::Asked { .. }
        | Cause::TakenOver { .. }
        | Cause::Unidentified { .. }
        | Cause::Bounced => None,
    };
    let actions = case.actions.values().map(AsRef::as_ref);
    let may_stand = |action: &&Action| {
        let plan = action.plan.as_ref().and_then(|plan| case.plans.get(plan));
        let unfinished =
            plan.is_some_and(|plan| !matches!(plan.stage, PlanStage::Verified | PlanStage::Undone));
        (unfinished || asked == Some(&action.id)) && has_left_something(action)
    };
    actions.filter(may_stand).collect()
}

fn has_left_something(action: &Action) -> bool {
    use belay_domain::ActionStage as Is;
    let is_undone = matches!(action.stage, Is::Compensated);
    action.attempts > 0 && !action.is_without_effect() && !is_undone
}

/// The same for people.
pub(super) fn told(left: &[Left]) -> String {
    if left.is_empty() {
        return String::new();
    }
    let mut text =
        "\n\nThis stands outside and is neither finished nor undone. It was read just now:"
            .to_owned();
    for one in left {
        let Left { action, system, object, id, before, after } = one;
        text.push_str(&format!(
            "\n\n- {system}: {object} {id} ({action})\n  before: {before}\n  now:    {after}"
        ));
    }
    text
}
