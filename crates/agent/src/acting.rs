//! Carrying out one write: consume the permit, write once, say how it went, hear what became of it.
//!
//! Whatever happens between the moment a permit is consumed and the moment an outcome is reported, an
//! outcome is reported: if the handler is dropped or panics in the middle, that nobody knows.

use belay_api::v1::connect_request::Message;
use belay_api::v1::{self, ErrorReason, connect_response};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;

use crate::case::Case;
use crate::error::CallError;
use crate::ledger::Reply;
use crate::outcome::{ActionResult, Outcome};
use crate::permit::{Permit, PermitProblem};
use crate::proposal::{People, Proposed};
use crate::wire;

/// The largest answer of an outside system that is passed on, in bytes, as the supervisor takes texts.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

impl Case {
    /// Carries out what a permit allows, and waits for what the supervisor's read-back shows.
    ///
    /// `write` is run once for every permit: see [`crate::Proposal::act`].
    pub async fn execute<F, W>(
        &self,
        permit: Permit,
        mut write: F,
    ) -> Result<ActionResult, CallError>
    where
        F: FnMut(Permit) -> W,
        W: Future<Output = Outcome>,
    {
        let action = permit.action_id().to_owned();
        let span = tracing::info_span!("execute", action, contract = permit.contract());
        async {
            let mut permit = permit;
            loop {
                self.attempt(&permit, &mut write).await?;
                match self.follow(&action, People::Await).await? {
                    Proposed::Authorized(fresh) => permit = fresh,
                    Proposed::Settled(result) => return Ok(result),
                    Proposed::Denied(reasons) => return Ok(ActionResult::Denied(reasons)),
                    Proposed::Duplicate { of } => return Ok(ActionResult::Duplicate { of }),
                    Proposed::Shadowed => return Ok(ActionResult::Shadowed),
                    Proposed::Awaiting(_) => {
                        return Err(CallError::Unexpected { what: "a wait for people" });
                    }
                }
            }
        }
        .instrument(span)
        .await
    }

    /// Tries once. After `Ok` the supervisor will say what is next.
    async fn attempt<F, W>(&self, permit: &Permit, write: &mut F) -> Result<(), CallError>
    where
        F: FnMut(Permit) -> W,
        W: Future<Output = Outcome>,
    {
        let action = permit.action_id();
        if !self.held.tracks(|tracks| tracks.use_up(action, permit.id())) {
            return Err(PermitProblem::Used.into());
        }
        if permit.is_expired((self.shared.wall)()) {
            return Ok(());
        }
        let number = self.held.tracks(|tracks| tracks.begins(action));
        let mut attempt =
            Attempt { case: self, action: action.to_owned(), number, stage: Stage::Over };
        let Some(started) = self.begin(permit, &mut attempt).await? else { return Ok(()) };

        let time_left = wire::timestamp(started.outcome_until.as_ref())
            .map(|until| self.shared.remaining(until));
        let time_left = time_left.unwrap_or_else(|| self.settling());
        if permit.is_expired((self.shared.wall)()) || time_left.is_zero() {
            // Consuming it took longer than it lives: another may stand behind it by now.
            attempt
                .report(Outcome::failed_for_now("the permit's time was over; nothing was written"));
            return Ok(());
        }
        attempt.stage = Stage::Writing;
        let written = timeout(time_left, write(permit.clone())).await;
        attempt.report(written.unwrap_or_else(|_| {
            Outcome::unknown("the outside system has not answered within the time for an outcome")
        }));
        Ok(())
    }

    /// Consumes a permit. `None` when it was too late and something else follows.
    async fn begin(
        &self,
        permit: &Permit,
        attempt: &mut Attempt<'_>,
    ) -> Result<Option<v1::ExecutionStarted>, CallError> {
        let _calling = self.held.calling();
        let what = "beginning a write";
        let within = self.shared.patience.reply;
        let until = Instant::now() + within;
        loop {
            let answered = self.shared.ask(Message::BeginExecution(v1::BeginExecution {
                action_id: attempt.action.clone(),
                permit_id: permit.id().to_owned(),
                input_digest: permit.input_digest().to_owned(),
                epoch: self.held.epoch,
            }))?;
            attempt.stage = Stage::Asked(answered);
            let reply = attempt.reply(until).await.ok_or(CallError::TimedOut { what, within })?;
            attempt.stage = Stage::Over;
            let refused = match reply {
                Ok(connect_response::Message::ExecutionStarted(started)) => {
                    attempt.started(&started);
                    let same =
                        started.action_id == attempt.action && started.permit_id == permit.id();
                    if same {
                        return Ok(Some(started));
                    }
                    attempt.report(Outcome::failed_for_now("nothing was written"));
                    return Err(CallError::Unexpected { what });
                }
                Ok(_) => return Err(CallError::Unexpected { what }),
                Err(refused) => refused,
            };
            if refused.reason == ErrorReason::PermitUsed {
                // By this process before its session broke, or by whoever else has this certificate.
                attempt.report(Outcome::unknown("the permit was consumed before"));
                return Ok(None);
            }
            self.held.tracks(|tracks| tracks.did_not_begin(&attempt.action, attempt.number));
            match (refused.reason, refused.retry_after) {
                (ErrorReason::PermitExpired | ErrorReason::WrongPermit, _) => return Ok(None),
                (ErrorReason::WrongStage, _) => return Ok(None),
                (_, Some(wait))
                    if Instant::now() + wait < until
                        && !permit.is_expired((self.shared.wall)()) =>
                {
                    tokio::time::sleep(wait).await;
                    attempt.number = self.held.tracks(|tracks| tracks.begins(&attempt.action));
                }
                _ => return Err(self.refused(refused).await),
            }
        }
    }
}

/// One attempt at a write, which has an outcome whatever becomes of the handler.
struct Attempt<'a> {
    case: &'a Case,
    action: String,
    number: u32,
    stage: Stage,
}

enum Stage {
    /// The permit may be consumed at any moment, and nothing is written.
    Asked(oneshot::Receiver<Reply>),
    /// The permit is consumed; the write may happen.
    Writing,
    /// Nothing is owed.
    Over,
}

impl Attempt<'_> {
    /// The reply to what was asked. `None` when none comes in time.
    async fn reply(&mut self, until: Instant) -> Option<Reply> {
        let Stage::Asked(answered) = &mut self.stage else { return None };
        timeout_at(until, answered).await.ok()?.ok()
    }

    fn started(&mut self, started: &v1::ExecutionStarted) {
        self.number = started.attempt;
        self.case.held.tracks(|tracks| tracks.begun(&self.action, started.attempt));
    }

    fn report(&mut self, outcome: Outcome) {
        self.stage = Stage::Over;
        let outcome = match outcome {
            Outcome::Executed { output } if output.to_string().len() > OUTPUT_BYTES_MAX => {
                Outcome::unknown(
                    "the outside system answered with success, and with too much to pass on",
                )
            }
            other => other,
        };
        self.case.shared.tell(Message::ReportOutcome(v1::ReportOutcome {
            action_id: self.action.clone(),
            attempt: self.number,
            result: Some(outcome.into_wire()),
        }));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => {}
            Stage::Writing => {
                self.report(Outcome::unknown("the agent was stopped while it wrote"));
            }
            Stage::Asked(mut answered) => {
                // What comes after this finds nobody waiting, and the session reports it.
                answered.close();
                if let Ok(Ok(connect_response::Message::ExecutionStarted(started))) =
                    answered.try_recv()
                {
                    self.started(&started);
                    self.report(Outcome::failed_for_now(
                        "the agent was stopped; nothing was written",
                    ));
                }
            }
        }
    }
}
