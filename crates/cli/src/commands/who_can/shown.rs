//! Who may do a thing, for people and for programs: the same form, whoever was asked.

use belay_api::v1;
use belay_domain::Span;
use belay_playbook::May;
use serde_json::{Value, json};

use crate::output::table::Sheet;
use crate::output::{Style, Tone, clean, words};

/// Who may carry out one contract.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) contract: String,
    /// What the playbook says.
    pub(super) mode: &'static str,
    pub(super) share: f64,
    /// What it is now.
    pub(super) in_force: &'static str,
    pub(super) demotion: Option<Demoted>,
    /// The version in force, where a supervisor was asked.
    pub(super) playbook: Option<String>,
    pub(super) agents: Vec<Agent>,
    /// Who could be asked, where a supervisor was asked.
    pub(super) duty: Option<Vec<Duty>>,
    /// What was taken to hold, where there was an input.
    pub(super) taken: Option<Vec<String>>,
}

/// Why a contract does not write.
#[derive(Debug)]
pub(super) struct Demoted {
    pub(super) case: String,
    pub(super) at: String,
    pub(super) why: String,
}

/// What one agent may.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) agent: String,
    pub(super) boundary: String,
    pub(super) may: May,
    /// Whether it is there, where a supervisor was asked.
    pub(super) connected: Option<bool>,
    pub(super) approval: Option<Approval>,
    pub(super) limits: Vec<String>,
    pub(super) used: Vec<Used>,
    pub(super) only_if: Vec<String>,
    pub(super) unless: Vec<String>,
    pub(super) outcome: Option<(Tone, String)>,
    pub(super) reasons: Vec<String>,
}

/// Who has to agree.
#[derive(Debug)]
pub(super) struct Approval {
    pub(super) quorum: u32,
    pub(super) groups: Vec<String>,
    pub(super) excluded: Vec<String>,
    pub(super) within_seconds: i64,
}

/// What has been used of a limit.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) limit: String,
    pub(super) minor: i64,
    pub(super) count: u64,
    pub(super) most_minor: Option<i64>,
    pub(super) currency: String,
    pub(super) most_count: Option<u64>,
}

/// Who can be asked through a queue.
#[derive(Debug)]
pub(super) struct Duty {
    pub(super) queue: String,
    pub(super) people: Vec<String>,
    pub(super) detail: String,
}

/// For people.
pub(super) fn sheet(told: &Authority, style: &Style) -> String {
    let mut sheet = Sheet::default();
    sheet.line("contract", style.paint(Tone::Name, &clean(&told.contract)));
    sheet.text("playbook", told.playbook.as_deref().unwrap_or_default());
    sheet.lines("mode", mode(told, style));
    for one in &told.agents {
        sheet.lines(&clean(&one.agent), lines(one, style));
    }
    let duty = told.duty.iter().flatten().map(|one| match one.people.as_slice() {
        [] => format!(
            "{}: {}",
            one.queue,
            style.paint(Tone::Bad, &format!("nobody, {}", clean(&one.detail)))
        ),
        people => format!("{}: {}", clean(&one.queue), clean(&people.join(", "))),
    });
    sheet.lines("on duty", duty.collect());
    let taken = told.taken.iter().flatten().map(|taken| clean(taken));
    sheet.lines("taken", taken.collect());
    sheet.render(style)
}

fn mode(told: &Authority, style: &Style) -> Vec<String> {
    let writes = |mode: &str| match mode {
        "live" => "live: it writes".to_owned(),
        "canary" => format!("canary: it writes in {} of all cases", told.share),
        _ => "shadow: nothing is written".to_owned(),
    };
    let mut lines = Vec::new();
    if let Some(held) = &told.demotion {
        let demoted = style.paint(Tone::Bad, "demoted");
        lines.push(format!("{}, {demoted} from {}", writes(told.in_force), told.mode));
        lines.push(format!("  {} (case {}, {})", clean(&held.why), clean(&held.case), held.at));
    } else {
        lines.push(writes(told.in_force));
    }
    lines
}

fn lines(one: &Agent, style: &Style) -> Vec<String> {
    let freedom = one.may.freedom();
    let tone = match freedom {
        0 => Tone::Bad,
        1 | 2 => Tone::Warn,
        _ => Tone::Good,
    };
    let mut lines = match &one.outcome {
        Some((tone, outcome)) => vec![style.paint(*tone, &clean(outcome))],
        None => vec![style.paint(tone, &clean(&one.may.to_string()))],
    };
    lines.extend(one.reasons.iter().map(|reason| format!("  {}", clean(reason))));
    if freedom == 0 {
        return lines;
    }
    if one.connected == Some(false) {
        lines.push(style.paint(Tone::Warn, "  it is not connected"));
    }
    if let Some(asked) = &one.approval {
        let within = Span::from_secs(asked.within_seconds);
        let not = match asked.excluded.as_slice() {
            [] => String::new(),
            people => format!(", not {}", people.join(", ")),
        };
        let groups = asked.groups.join(" or ");
        lines.push(clean(&format!(
            "  approvals: {} of {groups} within {within:#}{not}",
            asked.quorum
        )));
    }
    if !one.only_if.is_empty() {
        lines.push(clean(&format!("  permitted if {} says so", one.only_if.join(", "))));
    }
    if !one.unless.is_empty() {
        lines.push(clean(&format!("  unless {} says otherwise", one.unless.join(", "))));
    }
    for limit in &one.limits {
        let mut line = format!("  {}", clean(limit));
        let used = one.used.iter().find(|used| limit.ends_with(&format!("({})", used.limit)));
        if let Some(used) = used {
            line.push_str(&format!("; {}", said(used, style)));
        }
        lines.push(line);
    }
    lines
}

/// What has been used, and whether it is all.
fn said(used: &Used, style: &Style) -> String {
    let mut parts = Vec::new();
    if used.most_minor.is_some() {
        parts.push(amount(used.minor, &used.currency));
    }
    if used.most_count.is_some() {
        let s = if used.count == 1 { "" } else { "s" };
        parts.push(format!("{} action{s}", used.count));
    }
    let over = used.most_minor.is_some_and(|most| used.minor >= most)
        || used.most_count.is_some_and(|most| used.count >= most);
    let tone = if over { Tone::Bad } else { Tone::Plain };
    style.paint(tone, &clean(&format!("used: {}", parts.join(" and "))))
}

fn amount(minor: i64, currency: &str) -> String {
    words::money(&v1::Money { minor_units: minor, currency_code: currency.to_owned() })
}

/// For programs.
pub(super) fn object(told: &Authority) -> Value {
    let agents = told.agents.iter().map(|one| {
        json!({
            "agent": one.agent,
            "boundary": one.boundary,
            "may": one.may.as_str(),
            "why_not": match &one.may {
                May::No(why) => why.clone(),
                _ => Vec::new(),
            },
            "mode": told.in_force,
            "share": told.share,
            "connected": one.connected,
            "approval": one.approval.as_ref().map(|asked| json!({
                "quorum": asked.quorum,
                "groups": asked.groups,
                "excluded": asked.excluded,
                "within_seconds": asked.within_seconds,
            })),
            "limits": one.limits,
            "used": one.used.iter().map(|used| json!({
                "limit": used.limit,
                "used_minor": used.minor,
                "used_count": used.count,
                "most_minor": used.most_minor,
                "currency": used.currency,
                "most_count": used.most_count,
            })).collect::<Vec<_>>(),
            "only_if": one.only_if,
            "unless": one.unless,
            "outcome": one.outcome.as_ref().map(|(_, outcome)| outcome),
            "reasons": one.reasons,
        })
    });
    json!({
        "contract": told.contract,
        "playbook": told.playbook,
        "mode": told.mode,
        "mode_in_force": told.in_force,
        "demotion": told.demotion.as_ref().map(|held| json!({
            "case": held.case, "at": held.at, "why": held.why,
        })),
        "agents": agents.collect::<Vec<_>>(),
        "on_duty": told.duty.as_ref().map(|all| {
            all.iter().map(|one| json!({
                "queue": one.queue, "people": one.people, "detail": one.detail,
            })).collect::<Vec<_>>()
        }),
        "taken": told.taken,
    })
}
