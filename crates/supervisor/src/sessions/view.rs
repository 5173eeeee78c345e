//! The agents as people and tools are shown them.

use belay_domain::{AgentId, RoleId, Timestamp};

use super::Sessions;

/// One agent of the playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// Its name.
    pub agent: AgentId,
    /// The identity its certificate proved last; none if it has not connected since the supervisor started.
    pub identity: Option<String>,
    /// The roles it serves: those it registered for while connected, otherwise those the playbook allows.
    pub roles: Vec<RoleId>,
    /// Its session, while it is connected.
    pub session: Option<SessionView>,
    /// How many cases it holds, connected or not.
    pub held: usize,
    /// When it last said anything.
    pub last_seen: Option<Timestamp>,
}

/// The session of a connected agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Since when.
    pub since: Timestamp,
    /// The program that speaks, as it says of itself.
    pub sdk: String,
    /// How many cases it can hold.
    pub capacity: u32,
    /// How many more messages it is ready to take.
    pub credit: u64,
    /// How many messages wait for it.
    pub queued: usize,
    /// Whether it takes no more cases.
    pub draining: bool,
}

impl Sessions {
    /// Every agent of the playbook, by name.
    #[must_use]
    pub fn agents(&self) -> Vec<AgentView> {
        let playbook = self.inner.playbooks.current();
        let agents = playbook.agents();
        agents.map(|agent| self.view(agent, playbook.roles_of(agent))).collect()
    }

    fn view(&self, agent: &AgentId, allowed: &[RoleId]) -> AgentView {
        let mut view = AgentView {
            agent: agent.clone(),
            identity: None,
            roles: allowed.to_vec(),
            session: None,
            held: 0,
            last_seen: None,
        };
        let Some(seated) = self.known_seat(agent) else { return view };
        let seat = seated.lock();
        view.held = seat.held.len();
        view.last_seen = seat.last_seen;
        view.identity = Some(seat.identity.clone()).filter(|identity| !identity.is_empty());
        if let Some(session) = seat.connected() {
            let (profile, draining) = session.profile();
            let (credit, queued) = session.traffic();
            view.roles = profile.roles;
            view.session = Some(SessionView {
                id: session.id.clone(),
                since: session.since,
                sdk: profile.sdk,
                capacity: profile.capacity,
                credit,
                queued,
                draining,
            });
        }
        view
    }
}
