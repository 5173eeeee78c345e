//! Where an agent begins: who it is, what it serves, and how patient it is.

use std::sync::Arc;
use std::time::Duration;

use belay_transport::channel::{self, Dialer, Tcp};
use belay_transport::tls::Identity;
use jiff::Timestamp;
use tonic::transport::Channel;

use crate::dial::{Dial, Me};
use crate::error::ServeError;
use crate::session::{Departure, Profile, Session};
use crate::shared::{Patience, Shared};
use crate::specialist::Specialist;

/// A program that joins Belay as a specialist agent.
#[derive(Debug)]
pub struct Agent;

/// What an agent is before it serves.
pub struct AgentBuilder {
    dial: Dial,
    profile: Profile,
    patience: Patience,
    window: u32,
    draining_max: Duration,
    wall: fn() -> Timestamp,
}

impl Agent {
    /// An agent that reaches the supervisor at `endpoint`, such as `https://localhost:7443`, and is whoever
    /// the certificate of `identity` says.
    pub fn builder(endpoint: impl Into<String>, identity: Identity) -> AgentBuilder {
        Self::builder_over(Tcp, endpoint, identity)
    }

    /// The same over another network than the system's. For simulations.
    pub fn builder_over(
        dialer: impl Dialer,
        endpoint: impl Into<String>,
        identity: Identity,
    ) -> AgentBuilder {
        let open = move |endpoint: &str, identity| {
            channel::connect_lazy_over(dialer.clone(), endpoint, identity)
        };
        AgentBuilder::new(Dial::Tls { endpoint: endpoint.into(), identity, open: Box::new(open) })
    }

    /// An agent that uses a channel somebody else made, on which it is `me`. For tests and proxies.
    pub fn over(channel: Channel, me: Me) -> AgentBuilder {
        AgentBuilder::new(Dial::Given { channel, me })
    }
}

impl AgentBuilder {
    fn new(dial: Dial) -> Self {
        Self {
            dial,
            profile: Profile { roles: Vec::new(), capacity: 1, issuer: None },
            patience: Patience {
                handler: Duration::from_secs(60),
                reply: Duration::from_secs(60),
                settling: Duration::from_secs(300),
                parting: Duration::from_secs(900),
            },
            window: 64,
            draining_max: Duration::from_secs(30),
            wall: Timestamp::now,
        }
    }

    /// Serves this role; call it again for more. Without any, serves all that the playbook allows.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.profile.roles.push(role.into());
        self
    }

    /// Holds at most this many cases at the same time, at least 1. Without it, one.
    #[must_use]
    pub fn capacity(mut self, cases: u32) -> Self {
        self.profile.capacity = cases.max(1);
        self
    }

    /// How long a handler may be busy without a sign of life (a call to the supervisor, or
    /// [`crate::Case::progress`]) before its lease is left to run out. Without it, 60 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience.handler = patience;
        self
    }

    /// How long an answer of the supervisor may take, broken lines included. Without it, 60 s.
    #[must_use]
    pub fn reply_within(mut self, within: Duration) -> Self {
        self.patience.reply = within;
        self
    }

    /// How long an action may take from one point to the next, not counting what people take. Without it,
    /// five minutes.
    #[must_use]
    pub fn settle_within(mut self, within: Duration) -> Self {
        self.patience.settling = within;
        self
    }

    /// How long a case is kept after its handler asked for somebody else to take it. Then it is given back.
    /// Without it, 15 minutes.
    #[must_use]
    pub fn part_within(mut self, within: Duration) -> Self {
        self.patience.parting = within;
        self
    }

    /// How long handlers have to finish when the agent is to stop. Then their cases are given back. Without
    /// it, 30 s.
    #[must_use]
    pub fn drain_within(mut self, within: Duration) -> Self {
        self.draining_max = within;
        self
    }

    /// How many messages of the supervisor may be under way, at least 4. Without it, 64.
    #[must_use]
    pub fn inbox(mut self, messages: u32) -> Self {
        self.window = messages.max(4);
        self
    }

    /// Who signs permits. Without it, the supervisor of the agent's own trust domain, by its SPIFFE id.
    #[must_use]
    pub fn permit_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.profile.issuer = Some(issuer.into());
        self
    }

    /// Where the time of day comes from, for permits and deadlines. Without it, from the system.
    #[must_use]
    pub fn wall_clock(mut self, now: fn() -> Timestamp) -> Self {
        self.wall = now;
        self
    }

    /// Serves until `shutdown` is ready, and then stops in order: takes no more cases, finishes or gives
    /// back those it has, and closes.
    ///
    /// Connects again by itself for as long as that can help. Ends with an error when it cannot: the address
    /// or the certificate is wrong, the supervisor does not take this agent, or another process with the
    /// same certificate took its place.
    pub async fn serve<S: Specialist>(
        self,
        specialist: S,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        // What is wrong with address and files is said before anything is tried.
        self.dial.open()?;
        let shared = Arc::new(Shared::new(self.patience, self.wall));
        let departure = Departure::new(shutdown, self.draining_max);
        let work = Arc::new(specialist);
        Session::new(self.profile, self.dial, work, shared, self.window).run(departure).await
    }
}

impl std::fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBuilder").field("profile", &self.profile).finish_non_exhaustive()
    }
}
