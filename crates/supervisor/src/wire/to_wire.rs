//! The domain as published messages. Total: every value has a form on the wire.

mod action;
mod actor;
mod approval;
mod audit;
mod case;
mod context;
mod coverage;
mod desk;
mod escalation;
mod event;
mod handoff;
mod identity;
mod journal;
mod playbook;
mod standing;
mod time;
mod upkeep;

pub(crate) use action::{action, input_provenance, money, plan, reason};
pub(crate) use actor::{actor, owner, person, severity};
pub(crate) use approval::{approval, record};
pub(crate) use audit::{progress, report};
pub(crate) use case::{case, resolution, row, summary};
pub(crate) use context::{context, context_entry};
pub(crate) use coverage::{coverage, level};
pub(crate) use desk::{desk_queue, desk_ticket};
pub(crate) use escalation::{escalation, escalation_state};
pub(crate) use event::{Told, told};
pub(crate) use handoff::{offer, routing, target};
pub(crate) use identity::{identification, identification_for_agent};
pub(crate) use journal::{case_update, journal_event};
pub(crate) use playbook::{playbook, route_check};
pub use standing::change;
pub(crate) use standing::{
    authority, bounds, comes_out, duty, figures, mode, mode_in_force, used as limit_used,
};
pub(crate) use time::{span, time};
pub(crate) use upkeep::{audit_pass, canary};

#[cfg(test)]
mod tests;
