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

#[cfg(test)]
mod tests {
    use belay_playbook::May;
    use jiff::Timestamp;

    use super::{Agent, Approval, Authority, Demoted, Duty, Used, object, sheet};
    use crate::output::Style;

    #[test]
    fn what_only_a_running_supervisor_knows_stands_beside_what_the_playbook_says() {
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            sheet(&authority(), &style),
            "\
contract   billing.refund@1
playbook   d1
mode       shadow: nothing is written, demoted from live
             2 divergences (case c-1, 1970-01-01T00:00:00Z)
billing-1  if people agree
             it is not connected
             approvals: 2 of finance within 30m, not oscar
             at most USD 500.00 in 24h for each customer (customer-day); used: 120.50 USD and 1 action
             at most 30 actions in 1m for each agent (per-minute)
on duty    desk/billing-desk: ann, ben
           desk/duty-lead: nobody, nobody is on shift
taken      the same write has not been done before
"
        );
    }

    #[test]
    fn programs_find_the_same_under_names_that_stay() {
        let told = object(&authority());
        assert_eq!(told["mode"], "live");
        assert_eq!(told["mode_in_force"], "shadow");
        assert_eq!(told["demotion"]["case"], "c-1");
        assert_eq!(told["agents"][0]["used"][0]["used_minor"], 12_050);
        assert_eq!(told["on_duty"][1]["detail"], "nobody is on shift");
        let from_a_folder =
            object(&Authority { playbook: None, demotion: None, duty: None, ..authority() });
        for absent in ["playbook", "demotion", "on_duty"] {
            assert!(from_a_folder[absent].is_null(), "{absent}");
        }
    }

    fn authority() -> Authority {
        let agent = Agent {
            agent: "billing-1".into(),
            boundary: "billing".into(),
            may: May::IfApproved,
            connected: Some(false),
            approval: Some(Approval {
                quorum: 2,
                groups: vec!["finance".into()],
                excluded: vec!["oscar".into()],
                within_seconds: 1_800,
            }),
            limits: vec![
                "at most USD 500.00 in 24h for each customer (customer-day)".into(),
                "at most 30 actions in 1m for each agent (per-minute)".into(),
            ],
            used: vec![Used {
                limit: "customer-day".into(),
                minor: 12_050,
                count: 1,
                most_minor: Some(50_000),
                currency: "USD".into(),
                most_count: Some(5),
            }],
            only_if: Vec::new(),
            unless: Vec::new(),
            outcome: None,
            reasons: Vec::new(),
        };
        Authority {
            contract: "billing.refund@1".into(),
            mode: "live",
            share: 1.0,
            in_force: "shadow",
            demotion: Some(Demoted {
                case: "c-1".into(),
                at: "1970-01-01T00:00:00Z".into(),
                why: "2 divergences".into(),
            }),
            playbook: Some("d1".into()),
            agents: vec![agent],
            duty: Some(vec![
                Duty {
                    queue: "desk/billing-desk".into(),
                    people: vec!["ann".into(), "ben".into()],
                    detail: String::new(),
                },
                Duty {
                    queue: "desk/duty-lead".into(),
                    people: Vec::new(),
                    detail: "nobody is on shift".into(),
                },
            ]),
            taken: Some(vec!["the same write has not been done before".into()]),
        }
    }
}
