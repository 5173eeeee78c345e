//! What an agent asks about the cases themselves: taking, handing on, adding to and resolving them.

use std::sync::Arc;

use belay_api::v1::ErrorReason;
use belay_domain::{
    Actor, Case, CaseId, Cause, Command, ContextEntry, Digest, Epoch, Event, EventKind, HandoffId,
    NewEntry, Purpose, Rejection, ResolutionCode, Severity, Status, Target, Timestamp,
};

use super::{Answer, Carrying};
use crate::engine::Refused;
use crate::sessions::{Notice, lease};
use crate::wire::Fault;

/// A case that an agent wants to hand on.
pub(super) struct HandOff {
    pub(super) epoch: Epoch,
    pub(super) to: Target,
    pub(super) reason: String,
    pub(super) entries: Vec<NewEntry>,
}

impl Carrying {
    pub(super) async fn accept(
        &self,
        message: u64,
        case: &CaseId,
        handoff: HandoffId,
        context: Digest,
    ) -> Answer {
        let agent = self.agent().clone();
        let key = self.key;
        self.session.await_case(&handoff, message);
        let accept = Command::Accept { agent, key, handoff: handoff.clone(), context };
        let accepted = self.command(case, accept).await;
        // Whoever tells what has happened has answered already, before anything that follows.
        let unanswered = !self.session.assigned(&handoff).is_empty();
        match accepted {
            Ok(_) if !unanswered => Ok(None),
            Ok(applied) => self.holds(&applied.case).map(Some),
            Err(Refused::Rejected(no_offer @ Rejection::NoSuchOffer { .. })) => {
                // It may have been accepted by this very message, whose answer was lost.
                let case = self.case(case).await?;
                let last = format!("{}/h{}", case.id, case.handoffs);
                if case.offer.is_none() && handoff.as_str() == last {
                    self.holds(&case).map(Some).map_err(|_| no_offer.into())
                } else {
                    Err(no_offer.into())
                }
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// The answer that the agent holds the case.
    fn holds(&self, case: &Arc<Case>) -> Result<Notice, Fault> {
        let not_owner = || Fault::from(Rejection::NotOwner { agent: self.agent().clone() });
        let lease_until = lease(case, self.agent(), case.epoch).ok_or_else(not_owner)?;
        let terms = case.terms.as_ref().ok_or_else(not_owner)?;
        Ok(Notice::Assigned {
            case: case.id.clone(),
            epoch: case.epoch,
            lease_until,
            lease: terms.lease,
            restated: None,
        })
    }

    pub(super) async fn decline(
        &self,
        case: &CaseId,
        handoff: HandoffId,
        reason: String,
    ) -> Answer {
        let agent = self.agent().clone();
        self.done(case, Command::Decline { agent, handoff, reason }).await
    }

    pub(super) async fn hand_off(&self, case: &CaseId, asked: HandOff) -> Answer {
        let HandOff { epoch, to, reason, entries } = asked;
        self.check_target(&to)?;
        let agent = self.agent().clone();
        let command = Command::RequestHandoff {
            agent,
            epoch,
            to: to.clone(),
            reason: reason.clone(),
            context: entries.clone(),
        };
        self.session.adding(case, &entries);
        let asked = self.command(case, command).await;
        self.session.added(case, &entries);
        match asked {
            Ok(_) => Ok(Some(Notice::Done { id: String::new() })),
            Err(Refused::Rejected(under_way @ Rejection::HandoffUnderWay)) => {
                // It may be under way because of this very message, whose answer was lost.
                let case = self.case(case).await?;
                let same =
                    |routing: &belay_domain::Routing| routing.target == to && routing.why == reason;
                if case.routing.as_ref().is_some_and(same) {
                    Ok(Some(Notice::Done { id: String::new() }))
                } else {
                    Err(under_way.into())
                }
            }
            Err(refused) => Err(refused.into()),
        }
    }

    fn check_target(&self, to: &Target) -> Result<(), Fault> {
        let playbook = self.house.playbooks.current();
        let mut agents = playbook.agents();
        match to {
            Target::Role(role) if agents.any(|known| playbook.roles_of(known).contains(role)) => {
                Ok(())
            }
            Target::Agent(agent) if agents.any(|known| known == agent) => Ok(()),
            Target::Role(role) => {
                let message = format!("no agent of the playbook has the role {role}");
                Err(Fault::new(ErrorReason::UnknownRole, message).with("role", role.as_str()))
            }
            Target::Agent(agent) => {
                let message = format!("the playbook has no agent {agent}");
                Err(Fault::new(ErrorReason::UnknownAgent, message).with("agent_id", agent.as_str()))
            }
        }
    }

    pub(super) async fn escalate(
        &self,
        case: &CaseId,
        epoch: Epoch,
        reason: String,
        severity: Option<Severity>,
    ) -> Answer {
        let by = Actor::Agent { agent: self.agent().clone(), epoch };
        let plan = match severity {
            None => None,
            Some(severity) => {
                let case = self.case(case).await?;
                let terms = case.terms.as_ref().ok_or(Rejection::UnknownCase)?;
                // A policy that is no longer in the playbook goes on in the terms of the case.
                self.house.playbooks.current().escalation(&terms.takeover.policy, severity)
            }
        };
        let command = Command::RequestEscalation { by, reason: reason.clone(), plan };
        match self.command(case, command).await {
            Ok(applied) => {
                let opened = applied.events.iter().find_map(|event| match &event.kind {
                    EventKind::EscalationOpened {
                        escalation,
                        purpose: Purpose::Takeover { .. },
                        ..
                    } => Some(escalation.to_string()),
                    _ => None,
                });
                Ok(Some(Notice::Done { id: opened.unwrap_or_default() }))
            }
            Err(Refused::Rejected(under_way @ Rejection::EscalationUnderWay)) => {
                let case = self.case(case).await?;
                let Some(takeover) = case.takeover() else { return Err(under_way.into()) };
                let id = takeover.id.to_string();
                // It may be under way because of this very message, whose answer was lost.
                let same = Purpose::Takeover { cause: Cause::Asked { reason } };
                if takeover.purpose == same {
                    Ok(Some(Notice::Done { id }))
                } else {
                    Err(Fault::from(under_way).with("escalation_id", id))
                }
            }
            Err(refused) => Err(refused.into()),
        }
    }

    pub(super) async fn add_context(
        &self,
        case: &CaseId,
        epoch: Epoch,
        entries: Vec<NewEntry>,
    ) -> Answer {
        let before = self.case(case).await?;
        if let Some(known) = added_before(&before, &entries, self.session.since) {
            return Ok(Some(known));
        }
        let by = Actor::Agent { agent: self.agent().clone(), epoch };
        self.session.adding(case, &entries);
        let command = Command::AddContext { entries: entries.clone(), by };
        let added = self.command(case, command).await;
        self.session.added(case, &entries);
        let applied = added?;
        Ok(Some(learned(&applied.case, &applied.events)))
    }

    pub(super) async fn resolve(
        &self,
        case: &CaseId,
        epoch: Epoch,
        code: ResolutionCode,
        note: String,
    ) -> Answer {
        let playbook = self.house.playbooks.current();
        if !playbook.resolutions().contains_key(&code) {
            let known: Vec<&str> =
                playbook.resolutions().keys().map(ResolutionCode::as_str).collect();
            let message =
                format!("the playbook has no resolution {code}; it has {}", known.join(", "));
            let fault = Fault::new(ErrorReason::UnknownResolution, message);
            return Err(fault.with("resolution_code", code.as_str()));
        }
        let by = Actor::Agent { agent: self.agent().clone(), epoch };
        let me = by.reference();
        match self.command(case, Command::Resolve { by, code: code.clone(), note }).await {
            Ok(applied) => Ok(Some(Notice::Closed { case: applied.case })),
            Err(Refused::Rejected(Rejection::CaseClosed)) => {
                // It may be closed because of this very message, whose answer was lost.
                let case = self.case(case).await?;
                match &case.status {
                    Status::Resolved { by, code: known, .. } if *by == me && *known == code => {
                        Ok(Some(Notice::Closed { case }))
                    }
                    _ => Err(Rejection::CaseClosed.into()),
                }
            }
            Err(refused) => Err(refused.into()),
        }
    }
}

/// The answer to an addition, from the events that it led to.
fn learned(case: &Case, events: &[Event]) -> Notice {
    let added = events.iter().filter_map(|event| match &event.kind {
        EventKind::ContextAdded { entry, digest } => Some((entry, *digest)),
        _ => None,
    });
    let known = case.context.entries();
    let mut digest = case.context.digest();
    let mut entries = Vec::new();
    let mut from = 0;
    for (entry, covered) in added {
        digest = covered;
        let place = known.iter().skip(from).position(|known| known.as_ref() == entry);
        if let Some(place) = place.map(|place| place + from) {
            from = place + 1;
            entries.push((from as u64, known[place].clone()));
        }
    }
    Notice::Known { case: case.id.clone(), entries, digest }
}

/// The answer to an addition that was made in an earlier session and whose answer was lost: the context then
/// holds exactly these entries in a row, from before this session began.
fn added_before(case: &Case, entries: &[NewEntry], session: Timestamp) -> Option<Notice> {
    let same = |known: &ContextEntry, new: &NewEntry| {
        known.at < session
            && known.kind == new.kind
            && known.body == new.body
            && known.provenance == new.provenance
    };
    let known = case.context.entries();
    let place = known
        .windows(entries.len().max(1))
        .rposition(|row| row.iter().zip(entries).all(|(known, new)| same(known, new)))?;
    let row = known.iter().enumerate().skip(place).take(entries.len());
    let entries = row.map(|(index, entry)| (index as u64 + 1, entry.clone())).collect();
    Some(Notice::Known { case: case.id.clone(), entries, digest: case.context.digest() })
}
