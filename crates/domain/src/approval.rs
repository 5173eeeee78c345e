//! A human decision on one action, bound to exactly what the people were shown (`APR-1`, `APR-7`).

use serde::{Deserialize, Serialize};

use crate::{
    ApprovalTerms, Correlation, Digest, EscalationId, PersonId, ReasonCode, TicketActor, TicketId,
    Timestamp,
};

/// So many statements of one account are answered with why they do not count. Whoever goes on after that is a machine
/// that our answers make write again.
const ANSWERED_MAX: usize = 3;

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
    /// What of that its writers have not been told yet, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Refusal>,
    /// What reviewers wanted to know before they decide, and what they were told. No part of what is decided on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Who named somebody else to look instead of themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegations: Vec<Delegation>,
}

/// What a reviewer wants to know of whoever proposed or reported. Asking stops no deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Which question of this approval, from 1.
    pub number: u32,
    /// Who asks.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// The reply, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}

/// What a reviewer was told: a claim of whoever said it, and shown as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Who replied: `agent:A`, or `person:P` who opened the case.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they said.
    pub text: String,
}

/// One reviewer names another who is to look. It gives nobody a right: whoever is named decides by what their own token
/// proves. What it takes is the yes of the one who names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Who names.
    pub from: PersonId,
    /// Who is named.
    pub to: PersonId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub note: String,
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

/// A statement that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where it was said, and by whom.
    pub said: Said,
    /// Why it does not count.
    pub why: String,
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

    /// Whether one more statement of this account that does not count is answered on the ticket.
    pub(crate) fn is_to_answer(&self, account: &PersonId) -> bool {
        self.refused.iter().filter(|said| said.account == *account).count() < ANSWERED_MAX
    }

    /// To whom a person has handed their yes.
    pub(crate) fn handed_over_by(&self, person: &PersonId) -> Option<&PersonId> {
        self.delegations.iter().find(|named| named.from == *person).map(|named| &named.to)
    }

    /// Whether somebody has handed their yes to this person.
    pub(crate) fn is_named(&self, person: &PersonId) -> bool {
        self.delegations.iter().any(|named| named.to == *person)
    }

    /// Whether this person has approved.
    pub(crate) fn has_voted(&self, person: &PersonId) -> bool {
        self.votes.iter().any(|vote| vote.person == *person)
    }

    /// The reason code with which a note begins, if it is one that may be given, and what follows it.
    pub(crate) fn reason_in<'a>(&self, note: &'a str) -> (Option<ReasonCode>, &'a str) {
        let (first, rest) = note.split_once(' ').unwrap_or((note, ""));
        let word = first.trim_end_matches([':', ',', '.']);
        let known = self.terms.reasons.iter().find(|code| code.as_str().eq_ignore_ascii_case(word));
        known.map_or((None, note), |code| (Some(code.clone()), rest.trim_start()))
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
