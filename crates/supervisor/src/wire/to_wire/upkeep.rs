//! What keeps an eye on Belay itself, as the API shows it.

use belay_api::v1;
use belay_domain::QueueRef;

use super::{span, time};
use crate::auditor::Pass;
use crate::canary::Outcome;

/// The most findings that are shown.
const FINDINGS_MAX: usize = 100;

/// One pass of the auditor.
pub(crate) fn audit_pass(pass: &Pass) -> v1::Audit {
    let findings = pass.findings.iter().take(FINDINGS_MAX).map(ToString::to_string);
    v1::Audit {
        at: Some(time(pass.at)),
        position: pass.position,
        open: pass.open,
        covered: pass.covered,
        pending: pass.pending,
        uncovered: pass.uncovered,
        findings: findings.collect(),
        findings_total: pass.findings.len() as u64 + pass.more,
    }
}

/// What one canary showed.
pub(crate) fn canary((queue, outcome): &(QueueRef, Outcome)) -> v1::CanaryResult {
    let Outcome { at, shown, failed } = outcome;
    v1::CanaryResult {
        queue: queue.to_string(),
        at: Some(time(*at)),
        seen: shown.seen.map(span),
        routed: shown.routed.map(span),
        acknowledged: shown.acknowledged.map(span),
        failed: failed.clone().unwrap_or_default(),
    }
}
