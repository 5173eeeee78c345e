//! Cases as people read them.

use belay_api::v1;

use crate::output::table::{Cell, Sheet, Table};
use crate::output::{Style, Tone, clean, clean_lines, shorten, time, words};

/// A list of cases.
pub(super) fn list(cases: &[v1::CaseSummary], style: &Style) -> String {
    let mut table = Table::new([
        "CASE", "COVERAGE", "HELD BY", "UNTIL", "SEVERITY", "KIND", "OPENED", "SUBJECT",
    ]);
    for case in cases {
        let until = match time::moment(case.coverage_until.as_ref()) {
            Some(until) => time::relative(until, style.now),
            None => time::moment(case.uncovered_since.as_ref())
                .map(|since| format!("for {}", time::span(style.now.duration_since(since))))
                .unwrap_or_default(),
        };
        table.row([
            Cell::id(&case.id),
            words::coverage(case.coverage).cell(),
            Cell::from(words::owner(case)),
            Cell::from(until),
            words::severity(case.severity).cell(),
            Cell::from(&case.kind),
            Cell::from(ago(case.opened_at.as_ref(), style)),
            Cell::from(&case.subject),
        ]);
    }
    table.render(style, "no cases match")
}

/// What became of a request to open one.
pub(super) fn opened(answer: &v1::OpenCaseResponse, style: &Style) -> String {
    let case = answer.case.clone().unwrap_or_default();
    let summary = case.summary.unwrap_or_default();
    let id = style.paint(Tone::Name, &clean(&summary.id));
    let how = if answer.opened { "opened" } else { "is the same matter and was open already" };
    format!("{id} {how}\n  what happens to it: belay case watch {}\n", clean(&summary.id))
}

/// The end of a case.
pub(super) fn resolved(case: &v1::CaseSummary, style: &Style) -> String {
    let id = style.paint(Tone::Name, &clean(&case.id));
    format!("{id} resolved as {}\n", clean(&case.resolution_code))
}

/// How far two cases are from being one.
pub(super) fn merged(answer: &v1::MergeCasesResponse, style: &Style) -> String {
    let into = style.paint(Tone::Name, &clean(&answer.into_case_id));
    let waits = clean(&answer.waits_for);
    match (answer.merged, answer.into_case_id.is_empty()) {
        (true, _) => format!("{into} has the matter now\n"),
        (false, false) => {
            format!("{into} is to have the matter; both are open until then: {waits}\n")
        }
        (false, true) => format!("both stay open for now, each covered by itself: {waits}\n"),
    }
}

/// Everything about one case.
pub(super) fn show(case: &v1::Case, style: &Style) -> String {
    let summary = case.summary.clone().unwrap_or_default();
    let mut sheet = Sheet::default();
    sheet
        .line("case", style.paint(Tone::Name, &clean(&summary.id)))
        .line("subject", style.paint(Tone::Bold, &clean(&summary.subject)))
        .text("kind", &summary.kind)
        .text("customer", &summary.customer)
        .line("severity", words::severity(summary.severity).paint(style))
        .line("labels", labels(&summary))
        .line("opened", opened_line(case, &summary, style))
        .line("coverage", words::coverage(summary.coverage).paint(style))
        .line("held by", format!("{} (epoch {})", clean(words::owner(&summary)), summary.epoch));
    if let Some(next) = time::moment(case.next_moment.as_ref()) {
        sheet.line("next moment", time::both(next, style.now));
    }
    if !summary.merged_into.is_empty() {
        let into = clean(&summary.merged_into);
        sheet.line("merged into", format!("{into}, which has the matter: belay case show {into}"));
    }
    sheet
        .text("to be merged into", &case.merging_into)
        .text("same matter", &case.same_matter.join(" "))
        .text("another matter", &case.other_matters.join(" "))
        .lines("taken over", case.taken_over.iter().map(taken_over).collect());
    sheet
        .lines("reports", case.contacts.iter().skip(1).map(|c| contact(c, style)).collect())
        .lines("known", case.context.iter().map(|entry| known(entry, style)).collect())
        .lines("actions", case.actions.iter().flat_map(|action| acted(action, style)).collect())
        .lines("plans", case.plans.iter().map(|plan| planned(plan, style)).collect())
        .lines("people", case.escalations.iter().map(|e| asked(e, style)).collect());
    if let Some(end) = &case.resolution {
        let note = if end.note.is_empty() { String::new() } else { format!(": {}", end.note) };
        let by = words::actor(end.by.as_ref());
        let at = ago(end.at.as_ref(), style);
        sheet.text("resolved", &format!("{} by {by}, {at}{note}", end.code));
    }
    sheet.line("playbook", shorten(&clean(&case.playbook_version), 16));
    sheet.render(style)
}

fn opened_line(case: &v1::Case, summary: &v1::CaseSummary, style: &Style) -> String {
    let at = time::moment(summary.opened_at.as_ref())
        .map(|at| time::both(at, style.now))
        .unwrap_or_default();
    format!("{at} by {}", words::actor(case.opened_by.as_ref()))
}

fn labels(summary: &v1::CaseSummary) -> String {
    let mut labels: Vec<String> =
        summary.labels.iter().map(|(key, value)| clean(&format!("{key}={value}"))).collect();
    labels.sort();
    labels.join(" ")
}

fn taken_over(taken: &v1::TakenOver) -> String {
    let known = if taken.known { "" } else { ", not known yet to whoever has it" };
    let (from, contacts, entries) = (clean(&taken.case_id), taken.contacts, taken.entries);
    format!("{from}: {contacts} reports, {entries} entries{known}")
}

fn contact(contact: &v1::Contact, style: &Style) -> String {
    let at = ago(contact.at.as_ref(), style);
    clean(&format!("reported again {at} through {} ({})", contact.channel, contact.request_id))
}

fn known(entry: &v1::ContextEntry, style: &Style) -> String {
    let source = entry.provenance.as_ref().map_or("unknown", |p| words::source(p.source));
    let head = style.paint(Tone::Dim, &format!("{} [{source}]", clean(&entry.kind)));
    format!("{head} {}", shorten(&clean(&entry.body), 120))
}

fn acted(action: &v1::Action, style: &Style) -> Vec<String> {
    let amount =
        action.amount.as_ref().map(|m| format!(" {}", words::money(m))).unwrap_or_default();
    let head = format!(
        "{} {}{amount} by {}: {}",
        style.paint(Tone::Name, &clean(short_id(&action.id))),
        clean(&action.contract_id),
        clean(&action.proposer),
        words::action(action.state).paint(style),
    );
    let mut lines = vec![head];
    if !action.detail.is_empty() {
        lines.extend(clean_lines(&action.detail).lines().map(|line| format!("   {line}")));
    }
    lines.extend(action.reasons.iter().map(|r| format!("   {}", words::reason(r, style))));
    lines
}

fn planned(plan: &v1::Plan, style: &Style) -> String {
    let ids: Vec<&str> = plan.action_ids.iter().map(|id| short_id(id)).collect();
    let detail =
        if plan.detail.is_empty() { String::new() } else { format!(": {}", clean(&plan.detail)) };
    let state = words::plan(plan.state).paint(style);
    let told = format!("{} ({}): {state}{detail}", clean(&plan.name), clean(&ids.join(", ")));
    let compared = plan.comparisons.iter().map(|one| format!("; {}", compared(one)));
    told + &compared.collect::<String>()
}

/// Something about which systems have to agree, and whether they do.
fn compared(one: &v1::PlanComparison) -> String {
    use v1::ComparisonState as Is;
    let about = format!("{} after {}", clean(&one.equality), clean(short_id(&one.action_id)));
    match one.state() {
        Is::Equal => format!("{about} holds"),
        Is::Different => {
            let differ = one.differences.iter().map(|found| {
                let v1::SystemDifference { object, field, system, expected, truth, found, .. } =
                    found;
                format!("{object}.{field} is {found} in {system}, {expected} in {truth}")
            });
            let differ = differ.collect::<Vec<_>>().join(", ");
            format!("{about} does not hold: {}", clean(&differ))
        }
        Is::Unreadable => format!("{about} could not be read: {}", clean(&one.detail)),
        Is::Pending | Is::Unspecified => format!("{about} is being compared"),
    }
}

fn asked(escalation: &v1::Escalation, style: &Style) -> String {
    let step = escalation.step.clone().unwrap_or_default();
    let who = match &escalation.acknowledgement {
        Some(ack) => format!(" by {}", clean(&ack.person)),
        None if escalation.resolved_by.is_empty() => String::new(),
        None => format!(" by {}", clean(&escalation.resolved_by)),
    };
    format!(
        "{} to {} ({}): {}{who}, round {} step {} of {} at {}/{}",
        style.paint(Tone::Name, &clean(short_id(&escalation.id))),
        words::purpose(escalation.purpose),
        words::cause(escalation.cause),
        words::escalation(escalation.state).paint(style),
        step.round,
        step.number,
        escalation.steps,
        clean(&step.system),
        clean(&step.queue),
    )
}

/// `a1` of `c-0123456789abcdef/a1`.
fn short_id(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, rest)| rest)
}

fn ago(at: Option<&prost_types::Timestamp>, style: &Style) -> String {
    time::moment(at).map(|at| time::relative(at, style.now)).unwrap_or_default()
}
