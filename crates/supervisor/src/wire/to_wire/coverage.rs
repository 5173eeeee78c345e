//! Whether somebody has a case, on what evidence, and until when that stands.

use belay_api::v1;
use belay_domain::{Case, Cover, Coverage, Evidence, Holder, Level, Pending, Status, Timestamp};

use super::{handoff, time};

/// The coverage of a case at `now`, derived and never remembered.
pub(crate) fn coverage(case: &Case, now: Timestamp) -> v1::Coverage {
    use v1::coverage::Coverage as Wire;
    let wire = match case.coverage(now) {
        Coverage::Covered(cover) => covered(case, &cover),
        Coverage::Pending(asking) => Wire::Pending(pending(case, &asking)),
        Coverage::Uncovered(uncovered) => Wire::Uncovered(v1::Uncovered {
            since: Some(time(uncovered.since)),
            reason: uncovered.reason,
        }),
        Coverage::Closed => {
            let (at, code) = match &case.status {
                Status::Resolved { at, code, .. } => (Some(time(*at)), code.to_string()),
                Status::Open | Status::Unopened | Status::Merged { .. } => (None, String::new()),
            };
            Wire::Closed(v1::Closed { at, resolution_code: code })
        }
        Coverage::Merged { into } => {
            let at = match &case.status {
                Status::Merged { at, .. } => Some(time(*at)),
                Status::Open | Status::Unopened | Status::Resolved { .. } => None,
            };
            Wire::Merged(v1::Merged { into: into.to_string(), at })
        }
    };
    v1::Coverage { coverage: Some(wire), as_of: Some(time(now)) }
}

fn covered(case: &Case, cover: &Cover) -> v1::coverage::Coverage {
    use v1::coverage::Coverage as Wire;
    let valid_until = Some(time(cover.valid_until()));
    match cover.holder() {
        Holder::Agent { agent, since } => Wire::CoveredByAgent(v1::CoveredByAgent {
            agent_id: agent.to_string(),
            epoch: case.epoch.0,
            since: Some(time(*since)),
            valid_until,
        }),
        Holder::Person { person, queue: _, escalation, evidence: shown } => {
            Wire::CoveredByPerson(v1::CoveredByPerson {
                person: person.to_string(),
                escalation_id: escalation.to_string(),
                evidence: Some(evidence(shown)),
                valid_until,
            })
        }
    }
}

fn pending(case: &Case, asking: &Pending) -> v1::Pending {
    use v1::pending::Asking as Wire;
    let wire = match asking {
        Pending::Seeking { .. } => Wire::Search(v1::PendingSearch {
            target: case.routing.as_ref().map(|routing| handoff::target(&routing.target)),
        }),
        Pending::Offered { handoff, to, until } => Wire::Offer(v1::Offer {
            handoff_id: handoff.to_string(),
            agent_id: to.to_string(),
            until: Some(time(*until)),
        }),
        Pending::Escalating { escalation, queue, until: _ } => {
            let shown = case.escalations.get(escalation).and_then(|found| found.evidence());
            Wire::Escalation(v1::PendingEscalation {
                escalation_id: escalation.to_string(),
                system: queue.system.to_string(),
                queue: queue.queue.to_string(),
                evidence: shown.map(evidence),
            })
        }
    };
    v1::Pending { asking: Some(wire), until: Some(time(asking.until())) }
}

/// What a read-back showed.
pub(crate) fn evidence(shown: &Evidence) -> v1::Evidence {
    v1::Evidence {
        level: level(shown.level()).into(),
        system: shown.queue().system.to_string(),
        queue: shown.queue().queue.to_string(),
        ticket_id: shown.ticket().to_string(),
        correlation_id: shown.correlation().to_string(),
        revision: shown.revision(),
        actor: shown.actor().map_or_else(String::new, ToString::to_string),
        works: shown.works(),
        sent_at: Some(time(shown.sent_at())),
        valid_until: Some(time(shown.valid_until())),
    }
}

/// How much evidence shows.
pub(crate) fn level(level: Level) -> v1::EvidenceLevel {
    match level {
        Level::E0 => v1::EvidenceLevel::E0Intent,
        Level::E1 => v1::EvidenceLevel::E1Accepted,
        Level::E2 => v1::EvidenceLevel::E2Exists,
        Level::E3 => v1::EvidenceLevel::E3Reachable,
        Level::E4 => v1::EvidenceLevel::E4Acknowledged,
        Level::E5 => v1::EvidenceLevel::E5Worked,
        Level::E6 => v1::EvidenceLevel::E6Resolved,
    }
}
