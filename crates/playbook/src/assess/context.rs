//! What policies see of a proposal: its input, where each part of it comes from, the case, the amounts so far, the time.

use belay_domain::Money;
use cedar_policy::RestrictedExpression;

use super::{limits, provenance};
use crate::Playbook;
use crate::facts::ProposalFacts;
use crate::prepare::Subject;

/// The attributes of `context`.
pub(super) fn of(
    playbook: &Playbook,
    subject: &Subject<'_>,
    facts: &ProposalFacts<'_>,
    (amount, tier): (Option<Money>, u8),
) -> Vec<(String, RestrictedExpression)> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let record = |pairs: Vec<(String, RestrictedExpression)>| {
        RestrictedExpression::new_record(pairs)
            .unwrap_or_else(|_| RestrictedExpression::new_set([]))
    };
    let case = facts.case;
    let labels = case.labels.iter().map(|(name, value)| (name.clone(), text(value)));
    let labels: std::collections::BTreeMap<_, _> = labels.collect();
    let utc = facts.now.to_zoned(jiff::tz::TimeZone::UTC);
    // 20261224: a number, because policies compare numbers.
    let date = i64::from(utc.year()) * 10_000 + i64::from(utc.month()) * 100 + i64::from(utc.day());
    let severity = case.severity.unwrap_or(playbook.severity);
    let mut context = vec![
        ("tier".to_owned(), RestrictedExpression::new_long(i64::from(tier))),
        ("severity".to_owned(), text(&severity.to_string())),
        ("kind".to_owned(), text(&case.kind)),
        ("channel".to_owned(), text(&case.channel)),
        ("customer".to_owned(), text(&case.customer)),
        ("labels".to_owned(), record(labels.into_iter().collect())),
        ("hour".to_owned(), RestrictedExpression::new_long(i64::from(utc.hour()))),
        (
            "weekday".to_owned(),
            RestrictedExpression::new_long(i64::from(utc.weekday().to_monday_one_offset())),
        ),
        ("date".to_owned(), RestrictedExpression::new_long(date)),
        ("outside_text".to_owned(), RestrictedExpression::new_bool(facts.outside_text)),
        ("provenance".to_owned(), record(provenance::by_field(facts.provenance))),
        ("usage".to_owned(), record(limits::by_name(subject, facts))),
    ];
    if let Some(input) = crate::policy::expression(&subject.input) {
        context.push(("input".to_owned(), input));
    }
    if let Some(boundary) = playbook.boundary_of(facts.agent) {
        context.push(("boundary".to_owned(), text(boundary.as_str())));
    }
    if let Some(amount) = amount {
        context.push(("amount".to_owned(), RestrictedExpression::new_long(amount.minor)));
        context.push(("currency".to_owned(), text(amount.currency.as_str())));
    }
    context
}
