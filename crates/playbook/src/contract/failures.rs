//! What the answer to a write means, where a contract says something else than the usual.
//!
//! Nothing that is said here makes Belay believe an answer: whatever the claim, the target is read before it is written
//! again. It only decides what follows when the read shows nothing: another attempt, or the end.

use belay_domain::FailureClaim;
use serde_json::Value;

use crate::check::{Check, Visible};
use crate::expression::{Expression, Scope};
use crate::format::{AnswerRule, Failures as Rules};

/// A contract's own words about the answers to its write.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// By what is in the answer, the first that holds.
    answers: Vec<(Expression, FailureClaim)>,
    /// By its status alone.
    statuses: Vec<(u16, FailureClaim)>,
}

impl Failures {
    /// What such an answer means; none where nothing else is said than the usual.
    pub(crate) fn claim(&self, status: u16, body: &Value) -> Option<FailureClaim> {
        let scope = || Scope::new().with("status", &Value::from(status)).with("body", body);
        let told = self.answers.iter().find(|(when, _)| when.holds(&scope()) == Ok(true));
        let named = || self.statuses.iter().find(|(named, _)| *named == status);
        told.map(|(_, claim)| *claim).or_else(|| named().map(|(_, claim)| *claim))
    }
}

pub(super) fn compile(check: &mut Check<'_>, rules: &Rules) -> Failures {
    let mut statuses: Vec<(u16, FailureClaim)> = Vec::new();
    for (name, listed, claim) in [
        ("retryable", &rules.retryable, FailureClaim::Retryable),
        ("permanent", &rules.permanent, FailureClaim::Permanent),
        ("unknown", &rules.unknown, FailureClaim::Unknown),
    ] {
        for (index, status) in listed.iter().enumerate() {
            let pointer = format!("/failures/{name}/{index}");
            match status {
                // Informational answers never end a request (RFC 9110, section 15.2).
                300..600 => {}
                200..300 => check.wrong(
                    &pointer,
                    format!("with {status} a system says that it was done"),
                    "say under answers by what in the body a failure is known",
                ),
                _ => check.wrong(
                    &pointer,
                    format!("no write is answered with {status}"),
                    "write a status from 300 to 599",
                ),
            }
            if statuses.iter().any(|(known, _)| known == status) {
                let what = format!("it is said twice what {status} means");
                check.wrong(&pointer, what, "name it once");
            }
            statuses.push((*status, claim));
        }
    }
    let answers = rules.answers.iter().enumerate().filter_map(|(index, rule)| {
        let AnswerRule { when, means } = rule;
        let visible = Visible { variables: &["status", "body"], input: None, reads: &[] };
        let when = check.expression(&format!("/failures/answers/{index}/when"), when, visible)?;
        Some((when, FailureClaim::from(*means)))
    });
    Failures { answers: answers.collect(), statuses }
}
