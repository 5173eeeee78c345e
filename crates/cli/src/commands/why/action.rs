//! `belay why ACTION`: how it was decided, by what, and the smallest change that would have changed it.

use std::path::Path;

use belay_api::v1;
use belay_playbook::{Explanation, Playbook, Recorded};
use belay_supervisor::decision_change;

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::table::Sheet;
use crate::output::{Style, Tone, clean, time, words};

/// Whether an id is an action's: `CASE/a1`.
pub(super) fn is_action(id: &str) -> bool {
    id.contains('/')
}

/// Asks the supervisor; with a playbook's folder it is decided again here, on what the supervisor recorded.
pub(super) async fn run(
    id: String,
    folder: Option<&Path>,
    context: &Context,
) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let request = connection.call(v1::ExplainActionRequest { action_id: id });
    let mut answer = connection.cases().explain_action(request).await?.into_inner();
    if let Some(folder) = folder {
        again(&mut answer, folder)?;
    }
    context.output.one(&answer, |style| render(&answer, style))?;
    Ok(Exit::Done)
}

fn again(answer: &mut v1::ExplainActionResponse, folder: &Path) -> Result<(), Failure> {
    let playbook = Playbook::load(folder).map_err(|problems| {
        Failure::of(format!("{} is no sound playbook", folder.display()), &problems)
            .hint("belay check FOLDER says where and what to do")
    })?;
    let version = playbook.version().to_string();
    if version != answer.playbook_version {
        let what = format!(
            "the playbook in {} has the version {version}, and this was decided by {}",
            folder.display(),
            answer.playbook_version
        );
        return Err(Failure::new(Exit::Refused, what).hint("check out the playbook that decided"));
    }
    let recorded: Recorded = serde_json::from_str(&answer.record_json)
        .map_err(|error| Failure::of("what was recorded cannot be read", &error))?;
    let Explanation { answer: _, more, less, unknown } = playbook.explain(&recorded);
    answer.more = more.iter().map(decision_change).collect();
    answer.less = less.iter().map(decision_change).collect();
    answer.unknown = unknown;
    Ok(())
}

pub(super) fn render(answer: &v1::ExplainActionResponse, style: &Style) -> String {
    let action = answer.action.clone().unwrap_or_default();
    let decided = time::moment(answer.decided_at.as_ref());
    let ruled = decided
        .map(|at| format!("{} {}", ruling(answer.ruling(), style), time::both(at, style.now)));
    let used = answer.used.iter().map(|used| {
        clean(&format!(
            "{}: {} in minor units, {} actions",
            used.limit, used.minor_units, used.count
        ))
    });
    let mut sheet = Sheet::default();
    sheet
        .line("action", style.paint(Tone::Name, &clean(&action.id)))
        .text("contract", &format!("{} (tier {})", action.contract_id, action.tier))
        .text("proposed by", &format!("{} within {}", action.proposer, action.boundary))
        .line("decided", ruled.unwrap_or_default())
        .text("playbook", &answer.playbook_version)
        .text("policies", &answer.policies.join(", "))
        .lines("because", answer.reasons.iter().map(|one| words::reason(one, style)).collect())
        .lines("people", answer.approval.iter().flat_map(|asked| people(asked, style)).collect())
        .lines("used before", used.collect())
        .lines("instead", answer.more.iter().map(|one| told(one, style)).collect())
        .lines("but not", answer.less.iter().map(|one| told(one, style)).collect())
        .lines("unknown", answer.unknown.iter().map(|what| clean(what)).collect());
    sheet.render(style)
}

fn ruling(ruling: v1::Ruling, style: &Style) -> String {
    use v1::Ruling as R;
    match ruling {
        R::Denied => style.paint(Tone::Bad, "denied"),
        R::AwaitingApproval => style.paint(Tone::Warn, "if people agree"),
        R::Authorized => style.paint(Tone::Good, "allowed"),
        R::Shadowed => style.paint(Tone::Dim, "in shadow: nothing is written"),
        R::Duplicate => style.paint(Tone::Warn, "the same as before"),
        R::Unspecified => "not decided".to_owned(),
    }
}

/// What was asked, and what each said.
fn people(asked: &v1::Approval, style: &Style) -> Vec<String> {
    let mut lines = vec![format!(
        "{} of {}: {}",
        asked.quorum,
        clean(&asked.groups.join(" or ")),
        words::approval(asked.state).paint(style)
    )];
    lines.extend(asked.votes.iter().map(|vote| {
        format!(
            "{} {} {}",
            clean(&vote.person),
            words::verdict(vote.verdict).paint(style),
            clean(&vote.note)
        )
        .trim_end()
        .to_owned()
    }));
    lines
}

fn told(change: &v1::DecisionChange, style: &Style) -> String {
    let tone = match change.ruling() {
        v1::Ruling::Authorized => Tone::Good,
        v1::Ruling::AwaitingApproval => Tone::Warn,
        _ => Tone::Bad,
    };
    format!(
        "{}: {}",
        clean(&change.steps.join(", and ")),
        style.paint(tone, &clean(&change.outcome))
    )
}

#[cfg(test)]
mod tests {
    use belay_api::v1;
    use jiff::Timestamp;

    use super::{is_action, render};
    use crate::output::Style;

    #[test]
    fn a_case_is_no_action() {
        assert!(is_action("c-0123456789abcdef/a1") && !is_action("c-0123456789abcdef"));
    }

    #[test]
    fn what_would_have_been_allowed_stands_under_why_it_was_not() {
        let change = |step: &str, ruling: v1::Ruling, outcome: &str| v1::DecisionChange {
            steps: vec![step.to_owned()],
            ruling: ruling.into(),
            outcome: outcome.to_owned(),
        };
        let answer = v1::ExplainActionResponse {
            action: Some(v1::Action {
                id: "c-1/a1".into(),
                contract_id: "refund@1".into(),
                proposer: "billing-1".into(),
                boundary: "billing".into(),
                tier: 1,
                ..Default::default()
            }),
            decided_at: Some(prost_types::Timestamp::default()),
            ruling: v1::Ruling::Denied.into(),
            playbook_version: "d1".into(),
            policies: vec!["goodwill".into()],
            reasons: vec![v1::Reason {
                rule: "goodwill".into(),
                kind: v1::ReasonKind::Policy.into(),
                field: String::new(),
                detail: "too much\u{1b}[1A".into(),
            }],
            more: vec![change(
                "with an amount of at most USD 50.00",
                v1::Ruling::Authorized,
                "automatic",
            )],
            unknown: vec!["what would have been read".into()],
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        let shown = render(&answer, &style);
        let without_time: Vec<&str> =
            shown.lines().filter(|line| !line.starts_with("decided")).collect();
        assert_eq!(
            without_time.join("\n"),
            "\
action       c-1/a1
contract     refund@1 (tier 1)
proposed by  billing-1 within billing
playbook     d1
policies     goodwill
because      goodwill (policy): too much [1A
instead      with an amount of at most USD 50.00: automatic
unknown      what would have been read"
        );
    }
}
