//! Test tickets that are put into queues on a schedule, to see whether somebody would be reached.

use belay_domain::{Level, QueueRef, Severity, Span};

use crate::check::Check;
use crate::format::{CanaryRule, ExpectName};

/// The longest between two canaries of a queue.
const EVERY_MOST: Span = Span::from_hours(24 * 31);

/// The longest a canary may wait for what it expects.
const WITHIN_MOST: Span = Span::from_hours(24);

/// A canary: a ticket that is there to be seen, not to be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The queue that is probed.
    pub queue: QueueRef,
    /// How often.
    pub every: Span,
    /// How long it may take until what is expected is shown.
    pub within: Span,
    /// How urgent it looks to people.
    pub severity: Severity,
    /// What has to be shown: E3, that somebody could take it, or E4, that a person did.
    pub expect: Level,
    /// The escalation policy by which operators are asked when it fails.
    pub alarm: Option<String>,
}

/// Compiles the canaries.
pub(crate) fn compile(check: &mut Check<'_>, rules: Vec<CanaryRule>) -> Vec<Canary> {
    let mut canaries: Vec<Canary> = Vec::new();
    for (index, rule) in rules.into_iter().enumerate() {
        let at = |field: &str| format!("/canaries/{index}/{field}");
        check.known_queue(&at("queue"), &rule.queue.0);
        if let Some(policy) = &rule.alarm {
            check.known(&at("alarm"), "escalation policy", policy, |names| {
                names.escalations.as_ref()
            });
        }
        if canaries.iter().any(|other| other.queue == rule.queue.0) {
            let what = format!("{} has a canary already", rule.queue.0);
            check.wrong(&at("queue"), what, "one canary for each queue is enough");
        }
        let every = check.span_up_to(&at("every"), rule.every, EVERY_MOST);
        let within = check.span_up_to(&at("within"), rule.within, WITHIN_MOST);
        if within >= every {
            check.wrong(
                &at("within"),
                "the next canary would be due before this one is over",
                "give it less time than there is between two",
            );
        }
        canaries.push(Canary {
            queue: rule.queue.0,
            every,
            within,
            severity: rule.severity.map_or(Severity::Low, Severity::from),
            expect: match rule.expect {
                ExpectName::E3 => Level::E3,
                ExpectName::E4 => Level::E4,
            },
            alarm: rule.alarm,
        });
    }
    canaries
}
