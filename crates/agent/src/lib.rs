//! The SDK with which a specialist agent joins Belay.
//!
//! An agent is a program that knows one business system well. It is offered cases, takes them, proposes
//! writes, carries out those it gets permits for, and resolves the case or hands it on:
//!
//! ```no_run
//! use belay_agent::{Agent, Case, Done, Identity, Outcome, ServeError, Specialist, Trouble};
//! use serde_json::json;
//!
//! struct Notes;
//!
//! impl Specialist for Notes {
//!     async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
//!         let note = json!({"customer": case.about().customer, "text": case.about().subject});
//!         case.act("notes.add@1", note, |permit| async move {
//!             // Write to the outside system here, with `permit.input()` and `permit.idempotency_key()`.
//!             Outcome::executed(json!({"note": permit.idempotency_key()}))
//!         })
//!         .await?
//!         .verified()?;
//!         Ok(case.resolve("noted", "the note is there").await?)
//!     }
//! }
//!
//! # async fn run() -> Result<(), ServeError> {
//! let identity = Identity::in_directory(".belay/identity".as_ref(), "agents/my-first-agent");
//! let stop = async { drop(tokio::signal::ctrl_c().await) };
//! Agent::builder("https://localhost:7443", identity).role("notes").capacity(8).serve(Notes, stop).await
//! # }
//! ```
//!
//! What the SDK sees to, so that no agent has to:
//!
//! * It connects again by itself. Work goes on across a broken line and a restarted supervisor; what was
//!   not acknowledged is sent again, and nothing happens twice.
//! * A write begins only with a permit that was checked offline (signature, own certificate, action, input,
//!   epoch, expiry) and whose consumption the supervisor has made durable, once per permit.
//! * A case is kept only while the work on it shows signs of life: see [`AgentBuilder::patience`]. When the
//!   case is lost, the future of [`Specialist::work`] is dropped where it waits, and the handle can write
//!   no more. A write that was under way is reported as unknown, and the supervisor reads back.
//! * The context of a case is handed to the agent only after its digest was computed anew and is the same.

mod agent;
mod specialist;

mod case;
mod context;
mod offer;

mod proposal;

mod acting;
mod outcome;
mod permit;

mod error;

mod held;
mod identified;
mod life;
mod track;

mod backoff;
mod dial;
mod inbox;
mod ledger;
mod session;
mod shared;
mod trace;
mod wire;

#[cfg(test)]
mod testbed;
#[cfg(test)]
mod tests;

// The example is a test too, and names the crate as its users do.
#[cfg(test)]
extern crate self as belay_agent;

pub use agent::{Agent, AgentBuilder};
pub use belay_api::v1::{ErrorReason, GoodbyeReason, LeaseLostReason, ReasonKind};
pub use belay_domain::{ContextEntry, Digest, Provenance, Severity, Source};
pub use belay_transport::channel::Dialer;
pub use belay_transport::permit::PermitRefused;
pub use belay_transport::tls::Identity;
pub use case::{Case, To};
pub use context::NewEntry;
pub use dial::Me;
pub use error::{CallError, Lost, Precondition, Refused, ServeError, Violation};
pub use identified::Identified;
pub use offer::{About, Offer};
pub use outcome::{ActionReport, ActionResult, NotVerified, Outcome, Reason};
pub use permit::{Permit, PermitProblem};
pub use proposal::{Awaiting, Proposal, Proposed};
pub use specialist::{Answer, Done, Specialist, Trouble};
