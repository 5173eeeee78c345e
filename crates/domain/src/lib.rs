//! The heart of Belay: what a customer case is, who holds it, and what may be done to it.
//!
//! Everything here is pure. There is no I/O, no clock, no randomness and no wire format: time and
//! identifiers are told, and the same history gives the same state on any machine. Three doors lead in
//! and out:
//!
//! * [`decide`] says what a command means for a case, as events, or why it is turned down;
//! * [`apply`] folds an event into the case and cannot fail;
//! * [`owed`] says what the case still owes the outside world, as effects.
//!
//! Where Belay can be wrong about the world, the types make it say so: [`Coverage::Covered`] can only be
//! made from evidence, by [`Case::coverage`].

mod action;
mod approval;
mod calendar;
mod case;
mod context;
mod coverage;
mod escalation;
mod evidence;
mod handoff;
mod identity;
mod ownership;
mod plan;
mod reading;
mod reconciliation;
mod terms;
mod ties;
mod uniting;
mod verdict;

mod command;
mod effect;
mod event;
mod rejection;

mod apply;
mod decide;
mod owed;

mod digest;
mod id;
mod money;
mod time;

pub use action::{Action, ActionStage, Attempt, Executor, FailureClaim, Outcome, ReadBack};
pub use apply::{apply, replay};
pub use approval::{
    Approval, Decision, Delegation, Question, Refusal, Reply, Said, Statement, Vote,
};
pub use calendar::{Calendar, Hours, OutsideHours, Rostered, StepHours};
pub use case::{Alarm, Case, Contact, Status};
pub use command::{Absorb, Actor, Command, NewEntry, Open, Proposal, VotesChoice};
pub use context::{Context, ContextEntry, Provenance, Source};
pub use coverage::{Cover, Coverage, Holder, Pending, Uncovered};
pub use decide::{decide, decided};
pub use digest::{Digest, Hasher};
pub use effect::{Effect, EffectId, Owed};
pub use escalation::{Cause, Escalation, Purpose, Stage, Step};
pub use event::{Event, EventKind};
pub use evidence::{Doubt, Evidence, Level};
pub use handoff::{Offer, Routing};
pub use id::{
    ActionId, AgentId, BoundaryId, CaseId, ContractId, Correlation, EscalationId, GroupId,
    HandoffId, IdempotencyKey, InvalidId, PermitId, PersonId, PlanId, PolicyId, ProposalId,
    QueueId, QueueRef, ReasonCode, RequestId, ResolutionCode, RoleId, SystemId, TenantId, TicketId,
};
pub use identity::{Candidate, Finding, Identification};
pub use money::{Currency, InvalidMoney, Money};
pub use owed::{next_moment, owed};
pub use ownership::{Epoch, Owner, PermitGrant};
pub use plan::{Compared, Comparison, Difference, Equality, Plan, PlanStage};
pub use reading::{
    Act, ActKind, Actor as TicketActor, ActorKind, QueueFacts, Reading, StaffMember, Standing,
    TicketFacts, TicketReading, TicketResolution, Unreachable,
};
pub use reconciliation::{
    Belief, Believed, Changed, Discrepancy, Drift, Drifted, Face, Orphaned, OurTicket, Remedies,
    Remedy, absent, changed, reconcile,
};
pub use rejection::Rejection;
pub use terms::{
    AfterResolution, ApprovalTerms, Backoff, CaseTerms, ContractTerms, EscalationPlan, Mode,
    Severity, StepPlan, Sweep, Target, TicketApprover, WhenExhausted,
};
pub use ties::{Absorbed, Reported, Ties};
pub use time::{Span, Timestamp, after};
pub use uniting::{Next, Union, next_between};
pub use verdict::{Basis, Reason, Rule, Ruling, UsedUp, Verdict};
