//! How an agent takes its seat: known to the playbook, the only one of its name, and told everything that it
//! holds.

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::ErrorReason;
use belay_domain::{ActionStage, AgentId, Case, CaseId, HandoffId, Timestamp};
use tokio::time::Instant;
use tracing::info;

use super::farewell::Farewell;
use super::notice::Notice;
use super::session::{Profile, Session};
use super::{Sessions, telling};
use crate::wire::Fault;

/// How long the commands of a replaced session may take to get through. They are in the engine already, which
/// answers in milliseconds; longer means that the journal has stalled, and nobody gets in then.
const FENCED_WITHIN: Duration = Duration::from_secs(5);

/// How long a session waits for a new stream after its old one broke.
pub(crate) const RESUMABLE_FOR: Duration = Duration::from_secs(60);

/// An agent that wants to take its seat.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// Who, by its certificate.
    pub(crate) agent: AgentId,
    /// The identity that the certificate proves.
    pub(crate) identity: String,
    /// What it says of itself. No roles means all that the playbook allows.
    pub(crate) profile: Profile,
    /// The session that should go on.
    pub(crate) resume: Option<Resumption>,
    /// When.
    pub(crate) now: Timestamp,
}

/// Where a broken stream stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resumption {
    /// The session.
    pub(crate) session: String,
    /// The last message that was taken into care.
    pub(crate) last_received: u64,
}

/// A stream that serves a session.
#[derive(Debug)]
pub(crate) struct Attached {
    /// The session.
    pub(crate) session: Arc<Session>,
    /// Which of its streams this is.
    pub(crate) stream: u64,
    /// Whether it went on.
    pub(crate) resumed: bool,
}

impl Sessions {
    /// Seats an agent. A session that goes on keeps everything that waits for it; otherwise a new one begins,
    /// and an older one has ended, with none of its commands under way.
    pub(crate) async fn register(&self, mut wanted: Registration) -> Result<Attached, Fault> {
        self.check(&mut wanted)?;
        let seated = self.seat(&wanted.agent);
        for role in &wanted.profile.roles {
            let mut serving = self.inner.serving.entry(role.clone()).or_default();
            serving.insert(wanted.agent.clone(), seated.clone());
        }
        let _turn = seated.turn.lock().await;
        let old = {
            let mut seat = seated.lock();
            seat.identity.clone_from(&wanted.identity);
            seat.last_seen = Some(wanted.now);
            seat.session.clone().filter(|session| !session.is_over())
        };
        if let (Some(old), Some(resume)) = (&old, &wanted.resume)
            && old.id == resume.session
            && let Some(stream) = old.resume(wanted.profile.clone(), resume.last_received)
        {
            info!(session = old.id, stream, "session resumed");
            self.stir();
            return Ok(Attached { session: old.clone(), stream, resumed: true });
        }
        if let Some(old) = old
            && !old.fence(Farewell::Replaced, FENCED_WITHIN).await
        {
            let busy = "commands of the session before are still under way; connect again shortly";
            return Err(Fault::new(ErrorReason::Overloaded, busy));
        }
        let id = uuid::Uuid::now_v7().to_string();
        let session = Session::begin(id, wanted.agent, wanted.profile, wanted.now);
        let session = Arc::new(session);
        seated.lock().session = Some(session.clone());
        info!(session = session.id, "session began");
        self.stir();
        Ok(Attached { session, stream: 1, resumed: false })
    }

    /// The cases that an agent is known to hold, and those it is offered. After a start that is known once the stock
    /// has been [taken](Self::stocked).
    pub(crate) fn concerns(&self, agent: &AgentId) -> (Vec<CaseId>, Vec<(HandoffId, CaseId)>) {
        let Some(seated) = self.known_seat(agent) else { return Default::default() };
        let seat = seated.lock();
        let held = seat.held.keys().cloned().collect();
        let offered = seat.offered.iter();
        (held, offered.map(|(handoff, case)| (handoff.clone(), case.clone())).collect())
    }

    /// States again what an agent has to know about a case: that it holds it and what is known, or that it is
    /// offered it, and the permits that it has not used. False if the case has gone on meanwhile: read it again.
    pub(crate) fn restate(&self, session: &Session, case: &Arc<Case>, now: Timestamp) -> bool {
        // Kept until everything is said, so that nothing newer comes in between.
        let known = self.concern(&case.id);
        // What concerns anybody is known when it is read: where nothing is known, it was given up since.
        let newer = known.as_ref().is_none_or(|known| known.seq > case.seq);
        if newer && !telling::Concern::of(case).is_nobodys() {
            return false;
        }
        if let Some(lease_until) = super::lease(case, &session.agent, case.epoch)
            && now < lease_until
        {
            let mut notice = telling::assigned(case, case.epoch, lease_until);
            if let Notice::Assigned { restated, .. } = &mut notice {
                *restated = Some(case.clone());
            }
            session.say(notice);
            self.restate_permits(session, case, now);
        }
        if let Some(offer) = &case.offer
            && offer.to == session.agent
            && now < offer.until
        {
            super::show_offer(session, case, &offer.handoff);
        }
        true
    }

    fn restate_permits(&self, session: &Session, case: &Arc<Case>, now: Timestamp) {
        let Some(seated) = self.known_seat(&session.agent) else { return };
        let seat = seated.lock();
        for action in case.actions.values() {
            let ActionStage::Authorized { permit } = &action.stage else { continue };
            if permit.agent != session.agent || permit.expires <= now {
                continue;
            }
            // One that was never signed comes by itself, from the errand that signs it.
            if let Some((known, token)) = seat.permits.get(&action.id)
                && *known == permit.permit
            {
                super::show_permit(session, &case.id, action, &permit.permit, token.clone());
            }
        }
    }

    /// The stream of a session has ended. The session waits for another one for a while, and is then over.
    pub(crate) async fn wait_for_return(&self, attached: &Attached) {
        let Attached { session, stream, .. } = attached;
        session.disconnect(*stream);
        self.stir();
        if !session.is_over() {
            tokio::time::sleep_until(Instant::now() + RESUMABLE_FOR).await;
        }
        self.leave(attached);
    }

    /// A session that no stream serves is over.
    pub(crate) fn leave(&self, attached: &Attached) {
        let Attached { session, stream, .. } = attached;
        if let Some(seated) = self.known_seat(&session.agent) {
            let mut seat = seated.lock();
            let current = seat.session.as_ref().is_some_and(|known| Arc::ptr_eq(known, session));
            if current && (session.is_over() || !session.has_moved_on(*stream)) {
                seat.session = None;
                session.end();
            }
        }
        self.stir();
    }

    fn check(&self, wanted: &mut Registration) -> Result<(), Fault> {
        let playbook = self.inner.playbooks.current();
        let agent = &wanted.agent;
        let unknown = |message: String| {
            Fault::new(ErrorReason::UnknownAgent, message).with("agent_id", agent.as_str())
        };
        if !playbook.agents().any(|known| known == agent) {
            return Err(unknown(format!("the playbook has no agent {agent}; add it and reload")));
        }
        let allowed = playbook.roles_of(agent);
        if let Some(role) = wanted.profile.roles.iter().find(|role| !allowed.contains(role)) {
            let message = format!("the playbook does not give {agent} the role {role}");
            return Err(unknown(message).with("role", role.as_str()));
        }
        if wanted.profile.roles.is_empty() {
            wanted.profile.roles = allowed.to_vec();
        }
        Ok(())
    }
}
