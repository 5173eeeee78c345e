//! What is known of each action of a case: how it was ruled, which permit is out, where it stands.

use std::collections::{HashMap, HashSet};

use belay_api::v1::{self, ActionState, Executor, Ruling};
use jiff::Timestamp;

use crate::outcome::ActionResult;
use crate::wire;

/// Every action of one case that the agent has heard of.
#[derive(Default)]
pub(crate) struct Tracks {
    actions: HashMap<String, Track>,
}

#[derive(Default)]
struct Track {
    decision: Option<v1::Decision>,
    permit: Option<v1::Permit>,
    result: Option<ActionResult>,
    /// Contract and digest of the input as they were last heard.
    ruled: Option<(String, String)>,
    /// Permits that an attempt was begun with, or that were found wanting.
    used: HashSet<String>,
    /// The last attempt that is known of.
    attempt: u32,
    /// Whether this process began that attempt, and so reports its outcome.
    mine: bool,
}

/// What is next for an action.
pub(crate) enum Next {
    /// It has come to an end.
    Result(ActionResult),
    /// A permit is there that was not used.
    Permit(Box<v1::Permit>),
    /// People are being asked, until then.
    People(Option<Timestamp>),
    /// Something follows.
    Nothing,
}

impl Tracks {
    pub(crate) fn decided(&mut self, decision: v1::Decision) {
        let track = self.actions.entry(decision.action_id.clone()).or_default();
        track.ruled = Some((decision.contract_id.clone(), decision.input_digest.clone()));
        track.decision = Some(decision);
    }

    pub(crate) fn permitted(&mut self, permit: v1::Permit) {
        let track = self.actions.entry(permit.action_id.clone()).or_default();
        // The attempt before, if there was one, is over: there is never a permit while one is under way.
        track.permit = Some(permit);
    }

    /// Takes an action as it stands, and says whether nobody will report the attempt that is under way:
    /// it was begun by this agent before its process was restarted.
    pub(crate) fn stands(&mut self, action: &v1::Action) -> Option<u32> {
        let track = self.actions.entry(action.id.clone()).or_default();
        if !matches!(action.state(), ActionState::Unspecified | ActionState::Proposed) {
            track.ruled = Some((action.contract_id.clone(), action.input_digest.clone()));
        }
        track.result = ActionResult::of_action(action);
        let remembered = track.mine && track.attempt == action.attempts;
        track.attempt = track.attempt.max(action.attempts);
        let abandoned = action.state() == ActionState::Dispatched
            && action.executor() == Executor::Agent
            && !remembered;
        abandoned.then_some(action.attempts)
    }

    /// What is next for an action.
    pub(crate) fn next(&self, action: &str) -> Next {
        let Some(track) = self.actions.get(action) else { return Next::Nothing };
        // A decision says more than the action: all reasons, and which action counts instead.
        let ruled = track.decision.as_ref().and_then(ActionResult::of_ruling);
        if let Some(result) = ruled.or_else(|| track.result.clone()) {
            return Next::Result(result);
        }
        if let Some(permit) = &track.permit
            && !track.used.contains(&permit.permit_id)
        {
            return Next::Permit(Box::new(permit.clone()));
        }
        match &track.decision {
            Some(decision) if decision.ruling() == Ruling::AwaitingApproval => {
                Next::People(wire::timestamp(decision.approval_until.as_ref()))
            }
            _ => Next::Nothing,
        }
    }

    /// Contract and digest of an action's input as they were last ruled on.
    pub(crate) fn ruled(&self, action: &str) -> Option<(String, String)> {
        self.actions.get(action)?.ruled.clone()
    }

    /// Notes that a permit is not for use any more. Says whether it was for use until now.
    pub(crate) fn use_up(&mut self, action: &str, permit: &str) -> bool {
        self.actions.entry(action.to_owned()).or_default().used.insert(permit.to_owned())
    }

    /// This process asks to begin an attempt. Gives its number, which is a guess until it is named.
    pub(crate) fn begins(&mut self, action: &str) -> u32 {
        let track = self.actions.entry(action.to_owned()).or_default();
        track.attempt += 1;
        track.mine = true;
        track.attempt
    }

    /// The attempt that was asked for did not begin.
    pub(crate) fn did_not_begin(&mut self, action: &str, attempt: u32) {
        let track = self.actions.entry(action.to_owned()).or_default();
        if track.attempt == attempt {
            track.attempt -= 1;
            track.mine = false;
        }
    }

    /// The supervisor named the attempt that is under way.
    pub(crate) fn begun(&mut self, action: &str, attempt: u32) {
        let track = self.actions.entry(action.to_owned()).or_default();
        track.attempt = attempt;
        track.mine = true;
    }
}
