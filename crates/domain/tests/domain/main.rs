//! What the domain promises, told as short stories and as long random histories.

mod reading;
mod script;
mod terms;

mod action;
mod agreeing;
mod approval;
mod coverage;
mod escalation;
mod evidence;
mod handoff;
mod hearing;
mod identity;
mod matter;
mod merging;
mod plan;
mod policy;
mod reconciliation;
mod refusals;

mod events;
mod histories;
mod laws;
mod target;
mod world;
