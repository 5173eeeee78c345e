//! A human decision on one action, bound to exactly what the people were shown (`APR-1`, `APR-7`).

use serde::{Deserialize, Serialize};

use crate::{
    ApprovalTerms, Correlation, Digest, EscalationId, PersonId, TicketActor, TicketId, Timestamp,
};

/// How much of a digest people have to write.
const SHORT_FORM: usize = 16;

/// A decision being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The escalation by which people are asked.
    pub escalation: EscalationId,
    /// What people decide on: tenant, case, epoch, action, input, snapshot and playbook in one digest.
    pub binding: Digest,
    /// What is needed.
    pub terms: ApprovalTerms,
    /// When it expires, which is a denial (`APR-6`).
    pub until: Timestamp,
    /// Who has approved so far; one person counts once.
    pub votes: Vec<Vote>,
    /// What was written on its tickets and does not count. Nothing is judged twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Said>,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// What they said about it.
    pub note: String,
    /// Where they said it, if it was on a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

/// Something that somebody wrote on a ticket after it was placed, as its system shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// As the system numbers it. What was edited is another statement and needs another id.
    pub id: String,
    /// Who wrote it.
    pub actor: TicketActor,
    /// The text.
    pub text: String,
}

/// Where something was said, for those who want to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// For which step the ticket is.
    pub correlation: Correlation,
    /// The ticket.
    pub ticket: TicketId,
    /// The statement, as the system numbers it.
    pub statement: String,
    /// The account that wrote it.
    pub account: PersonId,
}

/// What a statement says about an action: the first line of its text is `approve DIGEST` or `reject DIGEST`, and what
/// follows is why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruled {
    pub(crate) yes: bool,
    /// The digest or its beginning, in lower case.
    pub(crate) digest: String,
    pub(crate) note: String,
}

/// How an approval ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Enough people approved.
    Approved,
    /// A person said no.
    Rejected,
    /// A person changed the input; it is decided again from the start.
    Amended,
    /// Nobody decided in time.
    Expired,
    /// What was asked about has changed or gone.
    Superseded,
}

impl Approval {
    /// Whether enough distinct people have approved.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.votes.len() >= self.terms.quorum as usize
    }

    /// What people write on the ticket to say what they decide on: the beginning of the binding digest, long enough
    /// that no other input can be found with the same.
    #[must_use]
    pub fn short_form(&self) -> String {
        self.binding.to_string().chars().take(SHORT_FORM).collect()
    }

    /// Whether a digest that somebody wrote is what is being decided on.
    pub(crate) fn is_meant(&self, written: &str) -> bool {
        written.len() >= SHORT_FORM && self.binding.to_string().starts_with(written)
    }

    /// Whether this statement has been judged.
    pub(crate) fn has_heard(&self, correlation: &Correlation, statement: &str) -> bool {
        let votes = self.votes.iter().filter_map(|vote| vote.said.as_ref());
        votes
            .chain(&self.refused)
            .any(|said| said.correlation == *correlation && said.statement == statement)
    }
}

impl Ruled {
    /// Reads a statement. None if it decides nothing: only its first line is looked at, so that an answer which
    /// quotes the ticket below does not count as what the ticket suggests.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut lines = text.trim().lines();
        let mut words = lines.next()?.split_whitespace();
        let yes = match words.next()? {
            verb if verb.eq_ignore_ascii_case("approve") => true,
            verb if verb.eq_ignore_ascii_case("reject") => false,
            _ => return None,
        };
        let digest = words.next()?.to_ascii_lowercase();
        let why: Vec<_> = words.collect();
        Some(Self { yes, digest, note: why.join(" ") })
    }
}

#[cfg(test)]
mod tests;
