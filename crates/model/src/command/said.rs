//! What was asked of the case, in a line, for the story of a counterexample.

use std::fmt;

use super::Cmd;
use crate::names::Agent;
use crate::ticket::Deeds;

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tick => write!(f, "the supervisor notices the time"),
            Self::Offer(to) => write!(f, "the supervisor offers the case to {to:?}"),
            Self::NoCandidate => write!(f, "the supervisor finds no agent"),
            Self::Accept { agent, handoff, whole: true } => {
                write!(f, "{agent:?} accepts h{handoff}")
            }
            Self::Accept { agent, handoff, whole: false } => {
                write!(f, "{agent:?} accepts h{handoff} with another context")
            }
            Self::Decline { agent, handoff } => write!(f, "{agent:?} declines h{handoff}"),
            Self::Progress { agent, epoch } => {
                write!(f, "{agent:?} shows progress in epoch {epoch}")
            }
            Self::Handoff { agent, epoch } => write!(f, "{agent:?} hands over in epoch {epoch}"),
            Self::Escalate { by: Some(agent), epoch } => {
                write!(f, "{agent:?} asks for people in epoch {epoch}")
            }
            Self::Escalate { by: None, .. } => write!(f, "a person asks for people"),
            Self::Release { agent, epoch } => write!(f, "{agent:?} lets go in epoch {epoch}"),
            Self::Resolve { by: Some(agent), epoch } => {
                write!(f, "{agent:?} resolves the case in epoch {epoch}")
            }
            Self::Resolve { by: None, .. } => write!(f, "a person resolves the case"),
            Self::Know => write!(f, "something more becomes known"),
            Self::Propose { agent, epoch, number, input, planned } => {
                let plan = if planned { " as part of a plan" } else { "" };
                let input = input.text();
                write!(f, "{agent:?} proposes p{number} ({input}) in epoch {epoch}{plan}")
            }
            Self::Reload => write!(f, "another playbook comes into force"),
            Self::Assess { action } => write!(f, "the playbook assesses a{action}"),
            Self::Vote { person, action, shown, choice } => {
                let person = person.name();
                write!(
                    f,
                    "{person} says {choice:?} on a{action} as it was shown for the {}. time",
                    shown + 1
                )
            }
            Self::Begin { agent, epoch, action, permit, forged } => {
                let how = if forged { " with another input" } else { "" };
                write!(f, "{agent:?} begins a{action} with permit p{permit} in epoch {epoch}{how}")
            }
            Self::Report { by, action, attempt, claim } => {
                let by = by.map_or("the supervisor's connector", Agent::name);
                write!(f, "{by} reports {claim:?} for attempt {attempt} of a{action}")
            }
            Self::Verify { action, attempt, shown, sent } => {
                write!(
                    f,
                    "a read of a{action} (attempt {attempt}), sent at {sent}, shows {shown:?}"
                )
            }
            Self::Undone { action, attempt, outcome } => {
                write!(f, "undoing a{action}, attempt {attempt}: {outcome:?}")
            }
            Self::Plan { agent, abandon: false, .. } => write!(f, "{agent:?} completes the plan"),
            Self::Plan { agent, abandon: true, .. } => write!(f, "{agent:?} abandons the plan"),
            Self::Placed { step, ticket } => {
                write!(f, "the ticket system says T{ticket} for {step}")
            }
            Self::Refused { step } => write!(f, "the ticket system refuses {step}"),
            Self::Withdrawn { step, ticket } => {
                write!(f, "the people of T{ticket} ({step}) are told")
            }
            Self::Observe { step, ticket, deeds, sent, .. } => {
                write!(f, "a read of T{ticket} for {step}, sent at {sent}, shows: ")?;
                tell(f, deeds)
            }
            Self::Missing { step, sent } => {
                write!(f, "a read for {step}, sent at {sent}, shows no such ticket")
            }
            Self::Rumour { step, ticket, deeds } => {
                write!(f, "a message claims of T{ticket} for {step}: ")?;
                tell(f, deeds)
            }
        }
    }
}

fn tell(f: &mut fmt::Formatter<'_>, deeds: Deeds) -> fmt::Result {
    let told: Vec<_> = deeds.iter().map(|hand| hand.to_string()).collect();
    f.write_str(if told.is_empty() { "nothing done yet" } else { "" })?;
    f.write_str(&told.join(", "))
}
