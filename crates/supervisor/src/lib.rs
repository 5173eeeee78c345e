//! The supervisor: the engine that decides and journals, the errands that carry effects out, the sessions of
//! the agents, and the gRPC services through which everybody else speaks with it.
//!
//! Rules about cases live in the domain and the playbook. Here they are only carried: translated at the door,
//! put into the engine, and their effects taken to the outside world and back.

mod auditor;
mod caller;
mod canary;
mod clock;
mod config;
mod credentials;
mod dedupe;
mod engine;
mod errands;
mod facts;
mod governor;
mod graduation;
mod heartbeat;
mod hooks;
mod intake;
mod keyed_lock;
mod lookout;
mod matters;
mod metrics;
mod playbooks;
mod proving;
mod reading;
mod reconcile;
mod recovery;
mod secrets;
mod service;
mod sessions;
mod supervisor;
mod surroundings;
mod systems;
mod upkeep;
mod uptime;
mod wire;

pub use auditor::{CoverageAudit, Finding, GRACE, Pass, What};
pub use belay_connect::verify;
pub use clock::Clock;
pub use config::{Config, Files, OPERATORS_DEFAULT, PORT_DEFAULT, People, TENANT_DEFAULT, Trust};
pub use engine::{Applied, Change, Engine, Outbound, Refused, StoredEventError, decode};
pub use graduation::{
    Against, ContractRecord, Demotion, StageEnd, TrialReport, TrialStage, try_contract,
};
pub use hooks::HookOutcome;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use hooks::fuzzing;
pub use playbooks::Playbooks;
pub use proving::{
    RouteCheck, RouteFinding, RouteProof, RouteVerdict, connect_queue, prove_routes,
};
pub use secrets::SecretError;
pub use sessions::{AgentView, Pick, SessionView, Sessions};
pub use supervisor::{Assembled, Fatal, Running, StartError, Supervisor};
pub use surroundings::{Outside, Surroundings, Wall};
pub use upkeep::{AuditSettings, HookDoor};
pub use uptime::{Steady, Uptime};
pub use wire::to_wire::change as decision_change;
