//! What a verification of the journal found.

use belay_api::v1;
use belay_domain::Timestamp;
use belay_journal::{AuditReport, Break, Fault, Progress};

use super::time;

/// How far a verification has come.
pub(crate) fn progress(progress: Progress) -> v1::VerifyProgress {
    v1::VerifyProgress { events_checked: progress.events, events_total: progress.total }
}

/// What it found.
pub(crate) fn report(
    report: &AuditReport,
    started: Timestamp,
    ended: Timestamp,
) -> v1::VerifyReport {
    v1::VerifyReport {
        intact: report.is_intact(),
        events_checked: report.events,
        cases_checked: report.cases,
        breaks: report.broken.iter().map(chain_break).collect(),
        more_breaks: report.more,
        end: Some(v1::Checkpoint {
            position: report.end.position,
            mark: report.end.mark.as_bytes().to_vec(),
        }),
        started_at: Some(time(started)),
        ended_at: Some(time(ended)),
    }
}

fn chain_break(found: &Break) -> v1::ChainBreak {
    let fault = match found.what {
        Fault::Altered => v1::ChainFault::Altered,
        Fault::Gap => v1::ChainFault::Gap,
        Fault::Hole => v1::ChainFault::Hole,
        Fault::Ending => v1::ChainFault::Ending,
        Fault::Stray => v1::ChainFault::Stray,
        Fault::Order => v1::ChainFault::Order,
        Fault::Cut => v1::ChainFault::Cut,
        Fault::Regressed => v1::ChainFault::Regressed,
    };
    v1::ChainBreak {
        case_id: found.case.clone(),
        sequence: found.seq,
        position: found.position,
        fault: fault.into(),
        detail: found.what.to_string(),
    }
}
