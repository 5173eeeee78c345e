//! What a case still owes the outside world.
//!
//! An effect is carried out by somebody else, may be carried out again after a crash, and its outcome comes
//! back as a command. Its id is the same every time it is computed, so that one who carries effects out can
//! tell what is new, what still stands and what is no longer wanted.

use std::fmt;

use crate::{
    ActionId, AgentId, CaseId, Correlation, Digest, EscalationId, HandoffId, PersonId, PlanId,
    QueueRef, Refusal, Span, Target, TicketId, Timestamp,
};

/// One effect that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which; two effects of one case are the same if and only if their ids are.
    pub id: EffectId,
    /// Not before this moment.
    pub due: Timestamp,
    /// What is owed.
    pub effect: Effect,
}

/// The stable name of an effect within the whole installation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(pub(crate) String);

/// What can be owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Find an agent that fits and has not been tried; stands until it is answered with
    /// [`Offer`](crate::Command::Offer) or [`NoCandidate`](crate::Command::NoCandidate).
    Seek {
        /// Who would fit.
        target: Target,
        /// Who has been tried, and who holds the case now.
        tried: Vec<AgentId>,
    },
    /// Tell an agent of its offer; stands until the offer is answered or over.
    Offer {
        /// The handoff.
        handoff: HandoffId,
        /// To whom.
        to: AgentId,
        /// The digest of the context that goes with it.
        context: Digest,
    },
    /// Read preconditions, ask the playbook, answer with [`Assess`](crate::Command::Assess).
    Assess {
        /// The action.
        action: ActionId,
        /// Which revision of its input.
        revision: u32,
    },
    /// Hand the agent its permit; stands until it is used or over.
    DeliverPermit {
        /// The action.
        action: ActionId,
    },
    /// Carry the action out through its connector: look first, then write.
    Execute {
        /// The action.
        action: ActionId,
        /// Which attempt.
        attempt: u32,
    },
    /// Read the action's effect back, answer with [`Verify`](crate::Command::Verify); stands until the answer
    /// settles it.
    ReadBack {
        /// The action.
        action: ActionId,
        /// Which attempt.
        attempt: u32,
    },
    /// Read from every system what they have to agree about after a plan, answer with
    /// [`ReportComparison`](crate::Command::ReportComparison); stands until the answer settles it.
    CompareSystems {
        /// The plan.
        plan: PlanId,
    },
    /// Undo the action: look first, then write, then read back.
    Compensate {
        /// The action.
        action: ActionId,
        /// Which attempt.
        attempt: u32,
    },
    /// Create the step's ticket: look by correlation id, create, look again.
    PlaceTicket {
        /// The escalation.
        escalation: EscalationId,
        /// The step.
        correlation: Correlation,
        /// Where.
        queue: QueueRef,
    },
    /// Read the ticket back again and again, answer with [`Observe`](crate::Command::Observe); stands as long
    /// as it is owed.
    Watch {
        /// The escalation.
        escalation: EscalationId,
        /// The step.
        correlation: Correlation,
        /// Where.
        queue: QueueRef,
        /// The ticket.
        ticket: TicketId,
        /// How often.
        every: Span,
        /// What is known now stands until then, if nothing new is shown: how urgent a look is.
        until: Option<Timestamp>,
        /// Who has been seen to take it, and when.
        held: Option<(PersonId, Timestamp)>,
        /// Within which time the tickets are to be counted that its holder took.
        together_within: Option<Span>,
    },
    /// Read what people write on the ticket of an approval, again and again, and answer with
    /// [`Hear`](crate::Command::Hear); stands as long as it is owed.
    Listen {
        /// The escalation.
        escalation: EscalationId,
        /// The step.
        correlation: Correlation,
        /// Where.
        queue: QueueRef,
        /// The ticket.
        ticket: TicketId,
        /// How often.
        every: Span,
    },
    /// Tell whoever wrote a decision on the ticket that it does not count, and why, in one note; answer with
    /// [`Answered`](crate::Command::Answered).
    Answer {
        /// The escalation.
        escalation: EscalationId,
        /// Where.
        queue: QueueRef,
        /// What was written, on which ticket, and why it does not count.
        refusal: Refusal,
        /// What they would have to name to decide.
        short_form: String,
    },
    /// Find out whether the two can be one case, again and again, and take the next step; stands until one of them is over.
    Unite {
        /// The other case of the matter.
        with: CaseId,
    },
    /// Have new reports with this fingerprint come to the case, or learn to which they come.
    Recognise {
        /// The fingerprint.
        fingerprint: Digest,
    },
    /// Write on the ticket what was taken over from another case; answer with [`NoteMerge`](crate::Command::NoteMerge).
    NoteMerge {
        /// The case that it came from.
        from: CaseId,
        /// The step.
        correlation: Correlation,
        /// Where.
        queue: QueueRef,
        /// The ticket.
        ticket: TicketId,
    },
    /// Tell the people of a given-up step that it is over, and close its ticket if nobody holds it.
    Withdraw {
        /// The escalation.
        escalation: EscalationId,
        /// The step.
        correlation: Correlation,
        /// Where.
        queue: QueueRef,
        /// The ticket.
        ticket: TicketId,
    },
}

impl EffectId {
    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
