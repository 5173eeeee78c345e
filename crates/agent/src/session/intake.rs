//! What each message of the supervisor means for the cases and offers of the session. Nothing here waits.

use std::sync::Arc;

use belay_api::v1::connect_request::Message as Out;
use belay_api::v1::connect_response::Message;
use belay_api::v1::{self, report_outcome};
use tokio::time::Instant;
use tracing::Instrument;

use super::{Ended, Session};
use crate::case::hold;
use crate::context::Known;
use crate::error::Refused;
use crate::held::Held;
use crate::life::Life;
use crate::offer::About;
use crate::trace;
use crate::wire;

/// What a case is assumed to be leased for when its assignment does not say.
const LEASE_UNSTATED: std::time::Duration = std::time::Duration::from_secs(15);

impl Session {
    /// Takes one envelope. Gives the goodbye if it is one.
    pub(super) fn take(
        &mut self,
        envelope: v1::ConnectResponse,
        draining: bool,
    ) -> Option<v1::Goodbye> {
        let v1::ConnectResponse { message_id, in_reply_to, ack, traceparent, message } = envelope;
        self.shared.ledger().acknowledged(ack);
        if !self.inbox.take(message_id) {
            return None;
        }
        let is_reply = in_reply_to != 0;
        let kept = message.as_ref().is_some_and(|message| {
            self.put_where_it_belongs(message, is_reply, draining, &traceparent)
        });
        if message_id != 0 && !kept {
            self.inbox.dealt_with();
        }
        match message {
            Some(message) if is_reply => {
                self.reply(in_reply_to, message);
                None
            }
            Some(Message::Goodbye(goodbye)) => Some(goodbye),
            // Nothing but an acknowledgement, or something that this SDK does not know.
            _ => None,
        }
    }

    /// Says whether the message's credit is kept until what it began has been dealt with.
    fn put_where_it_belongs(
        &mut self,
        message: &Message,
        is_reply: bool,
        draining: bool,
        traceparent: &str,
    ) -> bool {
        match message {
            Message::HandoffOffer(offer) => {
                return self.offered(offer.clone(), draining, traceparent);
            }
            Message::HandoffWithdrawn(withdrawn) => {
                if let Some(standing) = self.offers.get(&withdrawn.handoff_id) {
                    standing.withdraw();
                }
            }
            Message::CaseAssigned(assigned) => self.assigned(assigned.clone(), traceparent),
            Message::LeaseRenewed(renewed) => {
                self.on_epoch(&renewed.case_id, renewed.epoch, |held| held.renewed(None));
            }
            Message::LeaseLost(lost) => {
                self.on_epoch(&lost.case_id, lost.epoch, |held| {
                    held.lose(lost.reason(), &lost.detail);
                });
            }
            Message::Decision(decision) => {
                self.on(&decision.case_id, |held| held.decided(decision.clone()));
            }
            Message::Permit(permit) => {
                self.on_epoch(&permit.case_id, permit.epoch, |held| held.permitted(permit.clone()));
            }
            Message::ActionResult(v1::ActionResult { action: Some(action), settled: _ }) => {
                self.on(&action.case_id, |held| {
                    held.stands(action);
                });
            }
            Message::ContextUpdated(more) => {
                self.on(&more.case_id, |held| {
                    held.learned(more.entries.clone(), &more.context_digest);
                });
            }
            Message::CaseClosed(closed) => self.on(&closed.case_id, |held| {
                if is_reply {
                    held.gave_up();
                } else {
                    held.lose(v1::LeaseLostReason::CaseClosed, "somebody else resolved it");
                }
            }),
            Message::ActionResult(_)
            | Message::CaseIdentified(_)
            | Message::ExecutionStarted(_)
            | Message::Registered(_)
            | Message::Done(_)
            | Message::Rejected(_)
            | Message::Goodbye(_) => {}
        }
        false
    }

    /// Hands a reply to whoever waits for it.
    fn reply(&self, to: u64, message: Message) {
        let reply = match message {
            Message::Rejected(v1::Rejected { error }) => {
                let refused = Refused::from_wire(error.unwrap_or_default());
                tracing::debug!(message = to, reason = ?refused.reason, %refused, "message refused");
                Err(refused)
            }
            other => Ok(other),
        };
        // The guard must not be held while the outcome below is told.
        let unclaimed = self.shared.ledger().replied(to, reply);
        if let Some(Ok(Message::ExecutionStarted(started))) = unclaimed {
            tracing::warn!(action = started.action_id, "a write was begun that nobody waits for");
            self.report_unknown(&started.action_id, started.attempt);
        }
    }

    fn report_unknown(&self, action: &str, attempt: u32) {
        self.shared.tell(Out::ReportOutcome(v1::ReportOutcome {
            action_id: action.to_owned(),
            attempt,
            result: Some(report_outcome::Result::Unknown(v1::ExecutionUnknown {
                reason: "the agent does not remember this attempt".to_owned(),
            })),
        }));
    }

    /// The agent holds a case: one that it accepted, one that it is told again, or one from before it was
    /// restarted.
    fn assigned(&mut self, assigned: v1::CaseAssigned, traceparent: &str) {
        let v1::CaseAssigned { case_id, epoch, lease_until: _, lease_duration, restated } =
            assigned;
        let lease = wire::duration(lease_duration.as_ref());
        if let Some(held) = self.cases.get(&case_id) {
            if held.epoch == epoch && held.lost().is_none() && !held.is_given_up() {
                held.renewed(lease);
                if let Some(v1::AssignedCase { context, context_digest, actions, .. }) = restated {
                    held.learned(context, &context_digest);
                    self.stand(&Arc::clone(held), &actions);
                }
                return;
            }
            held.lose(v1::LeaseLostReason::NotHeld, "the case was assigned anew");
        }
        let (about, known, actions) = match (restated, self.accepted(&case_id)) {
            (Some(restated), _) => {
                let v1::AssignedCase { summary, context, context_digest, actions } = restated;
                let about = About::from_wire(summary.unwrap_or_default());
                (about, Known::verified(context, &context_digest).ok(), actions)
            }
            (None, Some(offer)) => {
                (offer.about().clone(), Some(offer.known().clone()), offer.actions().to_vec())
            }
            (None, None) => (About::from_wire(v1::CaseSummary::default()), None, Vec::new()),
        };
        let Some(known) = known else {
            tracing::error!(case = case_id, epoch, "case given back: its context is not known");
            let reason = "the context that arrived is not the one that was sent".to_owned();
            return self.shared.tell(Out::ReleaseCase(v1::ReleaseCase { case_id, epoch, reason }));
        };
        self.last_serial += 1;
        let serial = self.last_serial;
        let patience = self.shared.patience.handler;
        let life = Life::new(patience, lease.unwrap_or(LEASE_UNSTATED), Instant::now());
        let held = Arc::new(Held::new(serial, epoch, about, known, life));
        self.stand(&held, &actions);
        self.cases.insert(case_id.clone(), Arc::clone(&held));
        let span = tracing::info_span!(parent: None, "case", case = case_id, epoch);
        trace::goes_on(&span, traceparent);
        span.in_scope(|| tracing::info!(subject_bytes = held.about.subject.len(), "case taken"));
        let holding = hold(Arc::clone(&self.work), held, Arc::clone(&self.shared));
        self.tasks.spawn(
            async move {
                holding.await;
                Ended::Held { case: case_id, serial }
            }
            .instrument(span),
        );
    }

    /// Takes the actions of a case as they stand, and reports attempts that nobody here remembers.
    fn stand(&self, held: &Held, actions: &[v1::Action]) {
        for action in actions {
            if let Some(attempt) = held.stands(action)
                && action.epoch == held.epoch
            {
                self.report_unknown(&action.id, attempt);
            }
        }
    }

    fn on(&self, case: &str, put: impl FnOnce(&Held)) {
        match self.cases.get(case) {
            Some(held) => put(held),
            None => tracing::debug!(case, "message about a case that is not held"),
        }
    }

    fn on_epoch(&self, case: &str, epoch: u64, put: impl FnOnce(&Held)) {
        self.on(case, |held| {
            if held.epoch == epoch {
                put(held);
            }
        });
    }
}
