//! Carrying out what an agent asks, and answering it. The answer leaves only after whatever it meant is durable.

mod cases;
mod identifying;
mod writes;

use std::sync::Arc;

use belay_domain::{Actor, AgentId, Case, CaseId, Command, Digest, Rejection};

use super::asked::{Asked, What};
use super::{House, asked};
use crate::engine::{Applied, Refused};
use crate::sessions::{Notice, Session};
use crate::wire::Fault;

/// Carries out what one agent asks in one session.
#[derive(Clone)]
pub(super) struct Carrying {
    pub(super) house: Arc<House>,
    pub(super) session: Arc<Session>,
    /// The certificate of its connection.
    pub(super) key: Digest,
}

/// The answer to a message; none if it comes later, by itself.
pub(super) type Answer = Result<Option<Notice>, Fault>;

impl Carrying {
    /// Carries out one message and answers it, unless its answer comes later.
    pub(super) async fn carry(&self, message: u64, asked: Asked) {
        // A session that was replaced may not act any more. Its successor sends again what has no answer.
        let Some(_right) = self.session.act().await else { return };
        let Asked { case, what } = asked;
        // Each on the heap by itself: one that spawns this would else carry around what the largest needs.
        let answer = match what {
            What::Accept { handoff, context } => {
                Box::pin(self.accept(message, &case, handoff, context)).await
            }
            What::Decline { handoff, reason } => {
                Box::pin(self.decline(&case, handoff, reason)).await
            }
            What::Propose(proposed) => Box::pin(self.propose(message, &case, *proposed)).await,
            What::Begin { action, permit, input, epoch } => {
                Box::pin(self.begin(&case, action, permit, input, epoch)).await
            }
            What::Report { action, attempt, outcome } => {
                let agent = Some(self.agent().clone());
                self.done(&case, Command::ReportOutcome { agent, action, attempt, outcome }).await
            }
            What::CompletePlan { epoch, plan } => {
                let agent = self.agent().clone();
                let equalities = self.house.playbooks.current().equalities().to_vec();
                self.done(&case, Command::CompletePlan { agent, epoch, plan, equalities }).await
            }
            What::AbandonPlan { epoch, plan, reason } => {
                let agent = self.agent().clone();
                self.done(&case, Command::AbandonPlan { agent, epoch, plan, reason }).await
            }
            What::HandOff { once, epoch, to, reason, entries } => {
                let asked = cases::HandOff { epoch, to, reason, entries };
                self.once(&case, once, Box::pin(self.hand_off(&case, asked))).await
            }
            What::Escalate { once, epoch, reason, severity } => {
                let work = Box::pin(self.escalate(&case, epoch, reason, severity));
                self.once(&case, once, work).await
            }
            What::AddContext { once, epoch, entries } => {
                let work = Box::pin(self.add_context(&case, epoch, entries));
                self.once(&case, once, work).await
            }
            What::Answer { action, epoch, question, text } => {
                let by = Actor::Agent { agent: self.agent().clone(), epoch };
                self.done(&case, Command::AnswerQuestion { action, question, by, text }).await
            }
            What::Identify { epoch, object } => Box::pin(self.identify(&case, epoch, object)).await,
            What::Release { epoch, reason } => {
                let agent = self.agent().clone();
                self.done(&case, Command::Release { agent, epoch, reason }).await
            }
            What::Resolve { epoch, code, note } => {
                Box::pin(self.resolve(&case, epoch, code, note)).await
            }
        };
        match answer {
            Ok(Some(notice)) => self.session.reply(message, notice),
            Ok(None) => {}
            Err(fault) => {
                tracing::debug!(reason = ?fault.reason(), %fault, "message refused");
                let fault = fault.with("case_id", case.as_str());
                self.session.reply(message, Notice::Refused(fault));
            }
        }
    }

    fn agent(&self) -> &AgentId {
        &self.session.agent
    }

    async fn command(&self, case: &CaseId, command: Command) -> Result<Applied, Refused> {
        self.house.engine.command(case, command).await
    }

    /// A command that has no answer of its own.
    async fn done(&self, case: &CaseId, command: Command) -> Answer {
        self.command(case, command).await.map_err(Fault::from)?;
        Ok(Some(Notice::Done { id: String::new() }))
    }

    async fn case(&self, case: &CaseId) -> Result<Arc<Case>, Fault> {
        let found = self.house.engine.case(case).await.map_err(Fault::from)?;
        found.ok_or_else(|| Fault::from(Rejection::UnknownCase))
    }

    /// Does the work, unless it was done before for the same request.
    async fn once(
        &self,
        case: &CaseId,
        once: asked::Once,
        work: impl Future<Output = Answer>,
    ) -> Answer {
        use crate::sessions::Repeat;
        let asked::Once { request, content } = once;
        match self.house.sessions.repeat(self.agent(), case, &request, content) {
            Repeat::Same(answer) => return Ok(Some(answer)),
            Repeat::Other => return Err(crate::dedupe::key_reused(&request)),
            Repeat::New => {}
        }
        let answer = work.await?;
        if let Some(notice) = &answer {
            let (agent, case) = (self.agent(), case.clone());
            self.house.sessions.keep_answer(agent, case, request, content, notice.clone());
        }
        Ok(answer)
    }
}
