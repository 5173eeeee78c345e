//! Compiling the bounds of a contract.

use belay_domain::Span;

use super::{Bounds, Restored};
use crate::check::Check;
use crate::format::GraduationRule;

/// The furthest that bounds look back, and the longest a comparison may wait.
const BACK_MOST: Span = Span::from_hours(24 * 366);

/// Compiles the bounds; those that hold where nothing is said for whatever is left out.
pub(crate) fn compile(check: &mut Check<'_>, rule: &GraduationRule) -> Bounds {
    let otherwise = Bounds::default();
    if let Some(policy) = &rule.alarm {
        check.known("/graduation/alarm", "escalation policy", policy, |names| {
            names.escalations.as_ref()
        });
    }
    // Windows are not scaled: a demonstration that runs faster has no other past.
    let window = rule.window.map_or(otherwise.window, |length| length.0);
    if window > BACK_MOST || window.is_zero() {
        check.wrong("/graduation/window", format!("{window:#} is no window"), "write 1h to 366d");
    }
    let compare_within = match rule.compare_within {
        Some(length) => check.span_up_to("/graduation/compare_within", length, BACK_MOST),
        None => otherwise.compare_within,
    };
    Bounds {
        sample_min: rule.sample_min.unwrap_or(otherwise.sample_min),
        verified_min: rule.verified_min.unwrap_or(otherwise.verified_min),
        override_max: rule.override_max.unwrap_or(otherwise.override_max),
        divergences_max: rule.divergences_max.unwrap_or(otherwise.divergences_max),
        window,
        compare_within,
        alarm: rule.alarm.clone(),
        restored: rule.restored.as_ref().map(|restored| Restored {
            demotion: restored.demotion.clone(),
            by: restored.by.clone(),
            reason: restored.reason.clone(),
        }),
    }
}
