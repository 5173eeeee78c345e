//! The states of the API in a word or two, each in its tone. An unknown state is one of a newer supervisor.

use belay_api::v1;

use super::table::Cell;
use super::{Style, Tone, clean, time};

/// A word and how it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) Tone, pub(crate) &'static str);

impl Word {
    /// As a cell of a table.
    pub(crate) fn cell(self) -> Cell {
        Cell::new(self.0, self.1)
    }

    /// As part of a line.
    pub(crate) fn paint(self, style: &Style) -> String {
        style.paint(self.0, self.1)
    }
}

const UNKNOWN: Word = Word(Tone::Warn, "unknown");

/// Whether somebody has a case.
pub(crate) fn coverage(kind: i32) -> Word {
    match v1::CoverageKind::try_from(kind) {
        Ok(v1::CoverageKind::Covered) => Word(Tone::Good, "covered"),
        Ok(v1::CoverageKind::Pending) => Word(Tone::Warn, "pending"),
        Ok(v1::CoverageKind::Uncovered) => Word(Tone::Bad, "UNCOVERED"),
        Ok(v1::CoverageKind::Closed) => Word(Tone::Dim, "resolved"),
        Ok(v1::CoverageKind::Merged) => Word(Tone::Dim, "merged"),
        Ok(v1::CoverageKind::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// How urgent a case is.
pub(crate) fn severity(severity: i32) -> Word {
    match v1::Severity::try_from(severity) {
        Ok(v1::Severity::Low) => Word(Tone::Dim, "low"),
        Ok(v1::Severity::Normal) => Word(Tone::Plain, "normal"),
        Ok(v1::Severity::High) => Word(Tone::Warn, "high"),
        Ok(v1::Severity::Critical) => Word(Tone::Bad, "critical"),
        Ok(v1::Severity::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// Where an action stands.
pub(crate) fn action(state: i32) -> Word {
    use v1::ActionState as S;
    match S::try_from(state) {
        Ok(S::Proposed) => Word(Tone::Plain, "proposed"),
        Ok(S::Denied) => Word(Tone::Bad, "denied"),
        Ok(S::Shadowed) => Word(Tone::Dim, "shadowed"),
        Ok(S::AwaitingApproval) => Word(Tone::Warn, "awaiting approval"),
        Ok(S::Rejected) => Word(Tone::Bad, "rejected"),
        Ok(S::Expired) => Word(Tone::Bad, "expired"),
        Ok(S::Withdrawn) => Word(Tone::Dim, "withdrawn"),
        Ok(S::Authorized) => Word(Tone::Plain, "authorized"),
        Ok(S::Dispatched) => Word(Tone::Plain, "dispatched"),
        Ok(S::Executed) => Word(Tone::Plain, "executed, not verified"),
        Ok(S::Unknown) => Word(Tone::Warn, "outcome unknown"),
        Ok(S::Retrying) => Word(Tone::Warn, "retrying"),
        Ok(S::Failed) => Word(Tone::Bad, "failed"),
        Ok(S::Verified) => Word(Tone::Good, "verified"),
        Ok(S::Diverged) => Word(Tone::Bad, "diverged"),
        Ok(S::Compensating) => Word(Tone::Warn, "compensating"),
        Ok(S::Compensated) => Word(Tone::Good, "compensated"),
        Ok(S::CompensationFailed) => Word(Tone::Bad, "compensation failed"),
        Ok(S::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// Where a plan stands.
pub(crate) fn plan(state: i32) -> Word {
    use v1::PlanState as S;
    match S::try_from(state) {
        Ok(S::Open) => Word(Tone::Plain, "open"),
        Ok(S::Complete) => Word(Tone::Plain, "complete"),
        Ok(S::Comparing) => Word(Tone::Plain, "comparing"),
        Ok(S::Verified) => Word(Tone::Good, "verified"),
        Ok(S::Undoing) => Word(Tone::Warn, "undoing"),
        Ok(S::Undone) => Word(Tone::Warn, "undone"),
        Ok(S::Stuck) => Word(Tone::Bad, "stuck"),
        Ok(S::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// Where an approval stands.
pub(crate) fn approval(state: i32) -> Word {
    use v1::ApprovalState as S;
    match S::try_from(state) {
        Ok(S::Requested) => Word(Tone::Warn, "requested"),
        Ok(S::Approved) => Word(Tone::Good, "approved"),
        Ok(S::Rejected) => Word(Tone::Bad, "rejected"),
        Ok(S::Amended) => Word(Tone::Plain, "amended"),
        Ok(S::Expired) => Word(Tone::Bad, "expired"),
        Ok(S::Superseded) => Word(Tone::Dim, "superseded"),
        Ok(S::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// What one person said.
pub(crate) fn verdict(verdict: i32) -> Word {
    use v1::ApprovalVerdict as V;
    match V::try_from(verdict) {
        Ok(V::Approve) => Word(Tone::Good, "yes"),
        Ok(V::Reject) => Word(Tone::Bad, "no"),
        Ok(V::Amend) => Word(Tone::Warn, "not like this"),
        Ok(V::TakeOver) => Word(Tone::Warn, "took the case over"),
        Ok(V::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// Where an escalation stands.
pub(crate) fn escalation(state: i32) -> Word {
    use v1::EscalationState as S;
    match S::try_from(state) {
        Ok(S::Opened) => Word(Tone::Warn, "opened"),
        Ok(S::Placed) => Word(Tone::Warn, "placed"),
        Ok(S::Routed) => Word(Tone::Warn, "routed"),
        Ok(S::Acknowledged) => Word(Tone::Good, "acknowledged"),
        Ok(S::Resolved) => Word(Tone::Dim, "resolved"),
        Ok(S::AwaitingHours) => Word(Tone::Bad, "WAITS FOR HOURS"),
        Ok(S::Exhausted) => Word(Tone::Bad, "EXHAUSTED"),
        Ok(S::Closed) => Word(Tone::Dim, "closed"),
        Ok(S::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// What people are asked for.
pub(crate) fn purpose(purpose: i32) -> &'static str {
    match v1::EscalationPurpose::try_from(purpose) {
        Ok(v1::EscalationPurpose::Takeover) => "take the case",
        Ok(v1::EscalationPurpose::Approval) => "decide",
        Ok(v1::EscalationPurpose::Unspecified) | Err(_) => "unknown",
    }
}

/// Why people are asked.
pub(crate) fn cause(cause: i32) -> &'static str {
    use v1::EscalationCause as C;
    match C::try_from(cause) {
        Ok(C::Unspecified) => "an approval",
        Ok(C::Routed) => "meant for people",
        Ok(C::NoAgent) => "no agent took it",
        Ok(C::Asked) => "asked for",
        Ok(C::TakenOver) => "a person took it from its agent",
        Ok(C::Bounced) => "went to and fro",
        Ok(C::Divergence) => "a write diverged",
        Ok(C::CompensationFailed) => "a write could not be taken back",
        Ok(C::Unidentified) => "not certain whom it is about",
        Err(_) => "unknown",
    }
}

/// What evidence shows.
pub(crate) fn level(level: i32) -> &'static str {
    use v1::EvidenceLevel as L;
    match L::try_from(level) {
        Ok(L::E0Intent) => "E0 intent",
        Ok(L::E1Accepted) => "E1 accepted",
        Ok(L::E2Exists) => "E2 exists",
        Ok(L::E3Reachable) => "E3 reachable",
        Ok(L::E4Acknowledged) => "E4 acknowledged",
        Ok(L::E5Worked) => "E5 worked",
        Ok(L::E6Resolved) => "E6 resolved",
        Ok(L::Unspecified) | Err(_) => "unknown",
    }
}

/// Where a ticket of the desk stands.
pub(crate) fn ticket(state: i32) -> Word {
    use v1::DeskTicketState as S;
    match S::try_from(state) {
        Ok(S::Waiting) => Word(Tone::Warn, "waiting"),
        Ok(S::Taken) => Word(Tone::Good, "taken"),
        Ok(S::Resolved) => Word(Tone::Dim, "resolved"),
        Ok(S::Withdrawn) => Word(Tone::Dim, "withdrawn"),
        Ok(S::Unspecified) | Err(_) => UNKNOWN,
    }
}

/// Which check a reason comes from.
pub(crate) fn reason_kind(kind: i32) -> &'static str {
    use v1::ReasonKind as K;
    match K::try_from(kind) {
        Ok(K::Identity) => "identity",
        Ok(K::Boundary) => "boundary",
        Ok(K::Schema) => "schema",
        Ok(K::Provenance) => "provenance",
        Ok(K::Precondition) => "precondition",
        Ok(K::Limit) => "limit",
        Ok(K::Policy) => "policy",
        Ok(K::Duplicate) => "duplicate",
        Ok(K::Identification) => "identification",
        Ok(K::Unspecified) | Err(_) => "unknown",
    }
}

/// How something is known.
pub(crate) fn source(source: i32) -> &'static str {
    use v1::ProvenanceSource as S;
    match S::try_from(source) {
        Ok(S::Customer) => "customer",
        Ok(S::VerifiedChannel) => "verified channel",
        Ok(S::SystemOfRecord) => "system of record",
        Ok(S::Model) => "model",
        Ok(S::Staff) => "staff",
        Ok(S::Belay) => "belay",
        Ok(S::Unspecified) | Err(_) => "unknown",
    }
}

/// Who did something.
pub(crate) fn actor(actor: Option<&v1::Actor>) -> String {
    let Some(actor) = actor else { return "belay".to_owned() };
    let id = clean(&actor.id);
    match v1::ActorKind::try_from(actor.kind) {
        Ok(v1::ActorKind::Agent) => format!("agent {id}"),
        Ok(v1::ActorKind::Person) => id,
        Ok(v1::ActorKind::Tool) => format!("tool {id}"),
        Ok(v1::ActorKind::Supervisor) => "belay".to_owned(),
        Ok(v1::ActorKind::Unspecified) | Err(_) => id,
    }
}

/// Who holds a case, for lists.
pub(crate) fn owner(summary: &v1::CaseSummary) -> &str {
    if summary.owner.is_empty() { "belay" } else { &summary.owner }
}

/// An amount as people write it: all but a few currencies have two decimals.
pub(crate) fn money(money: &v1::Money) -> String {
    let code = clean(&money.currency_code);
    match code.as_str() {
        "JPY" | "KRW" | "VND" | "CLP" | "ISK" => format!("{} {code}", money.minor_units),
        _ => {
            let sign = if money.minor_units < 0 { "-" } else { "" };
            let units = money.minor_units.unsigned_abs();
            format!("{sign}{}.{:02} {code}", units / 100, units % 100)
        }
    }
}

/// A rule that stood against an action: its name, its kind, and what it found.
pub(crate) fn reason(reason: &v1::Reason, style: &Style) -> String {
    let name = style.paint(Tone::Bold, &clean(&reason.rule));
    let kind = reason_kind(reason.kind);
    let field = match reason.field.as_str() {
        "" => String::new(),
        field => format!(" at {}", clean(field)),
    };
    let detail = match reason.detail.as_str() {
        "" => String::new(),
        detail => format!(": {}", clean(detail)),
    };
    format!("{name} ({kind}{field}){detail}")
}

/// What evidence of cover shows, where, and until when it may be believed.
pub(crate) fn evidence(evidence: &v1::Evidence, style: &Style) -> String {
    let fresh = moment(evidence.valid_until.as_ref(), style);
    format!("{}, fresh until {fresh}", shown(evidence, "read", style))
}

/// What has been seen of a ticket that nobody has taken. It is looked at again and again, and only what is new
/// is written down, so it says since when and not until when.
pub(crate) fn seen(evidence: &v1::Evidence, style: &Style) -> String {
    shown(evidence, "so since", style)
}

fn shown(evidence: &v1::Evidence, when: &str, style: &Style) -> String {
    let who = match evidence.actor.as_str() {
        "" => String::new(),
        actor => format!(" by {}", clean(actor)),
    };
    format!(
        "{}{who}: ticket {} in {}/{}, revision {}, {when} {}",
        level(evidence.level),
        clean(&evidence.ticket_id),
        clean(&evidence.system),
        clean(&evidence.queue),
        evidence.revision,
        moment(evidence.sent_at.as_ref(), style),
    )
}

fn moment(at: Option<&prost_types::Timestamp>, style: &Style) -> String {
    time::moment(at).map(|at| time::both(at, style.now)).unwrap_or_default()
}
