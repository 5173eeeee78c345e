//! Changes and outcomes in words.

use std::fmt;

use super::{Change, Outcome, Step};

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed => f.write_str("automatic"),
            Self::Asked { quorum, groups, excluded } => {
                let s = if *quorum == 1 { "" } else { "s" };
                let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
                write!(f, "allowed with {quorum} approval{s} of {}", names.join(" or "))?;
                let not: Vec<&str> = excluded.iter().map(|person| person.as_str()).collect();
                if not.is_empty() { Ok(()) } else { write!(f, " (not of {})", not.join(", ")) }
            }
            Self::Denied(reasons) => {
                let names: Vec<String> = reasons
                    .iter()
                    .map(|reason| format!("{} {}", reason.rule, reason.name))
                    .collect();
                write!(f, "denied by {}", names.join(", "))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str(", and ")?;
            }
            write!(f, "{step}")?;
        }
        write!(f, ": {}", self.outcome)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AmountAtMost(most) => write!(f, "with an amount of at most {most}"),
            Self::AmountFrom(least) => write!(f, "with an amount of {least} or more"),
            Self::Value { field, value } => write!(f, "with {value} as {field}"),
            Self::Without { field } => write!(f, "without {field}"),
            Self::From { field, source } => write!(f, "with {field} from {}", source.as_str()),
            Self::Used { limit, amount, count } => {
                f.write_str("with no more than ")?;
                match (amount, count) {
                    (Some(amount), Some(count)) => write!(f, "{amount} and {count} actions")?,
                    (Some(amount), None) => write!(f, "{amount}")?,
                    (None, count) => write!(f, "{} actions", count.unwrap_or_default())?,
                }
                write!(f, " used of {limit}")
            }
            Self::NotBefore(action) => write!(f, "without {action}, which is the same write"),
            Self::Hours(first, last) if first == last => write!(f, "in the hour {first:02} UTC"),
            Self::Hours(first, last) => {
                write!(f, "between {first:02}:00 and {last:02}:59 UTC")
            }
            Self::NoOutsideText => f.write_str("without text from outside in the case"),
            Self::By(agent) => {
                write!(f, "proposed by {agent}, as far as its own limits are not used up")
            }
            Self::Holds(name) => write!(f, "if {name} held"),
            Self::Tier(tier) => write!(f, "with tier {tier} in the contract"),
            Self::WithoutPolicy(policy) => write!(f, "without the policy {policy}"),
        }
    }
}
