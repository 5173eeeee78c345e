//! What is found about contracts, for people and for programs.

use serde_json::{Value, json};

use super::Standing;
use super::edit::Edit;
use crate::output::{Style, Tone, clean, modes};

/// For people.
pub(super) fn render(standings: &[Standing], style: &Style) -> String {
    standings.iter().map(|one| contract(one, style)).collect::<Vec<_>>().join("\n")
}

/// For programs.
pub(super) fn object(standings: &[Standing]) -> Value {
    json!({
        "holds": standings.iter().all(Standing::holds),
        "contracts": standings.iter().map(entry).collect::<Vec<_>>(),
    })
}

fn contract(one: &Standing, style: &Style) -> String {
    let id = style.paint(Tone::Name, &clean(one.found.id.as_str()));
    let (mode, figures) = (modes::name(one.found.mode), &one.found.figures);
    let wants = one.next.map_or_else(String::new, |next| format!(", next {}", modes::name(next)));
    let mut text = format!("{id} {mode}{wants}: {}\n", clean(&one.found.title));
    if let Some(demotion) = &one.found.demotion {
        let demoted = style.paint(Tone::Bad, "DEMOTED");
        text.push_str(&format!("  {demoted} {}: {}\n", demotion.at, clean(&demotion.why)));
        text.push_str(&format!(
            "    case {}; take it back with --restore --reason WHY --write\n",
            clean(demotion.case.as_str())
        ));
    }
    text.push_str(&format!(
        "  within {:#}: decided {}, denied {}, in shadow {} (people agreed {}, differed {}, nobody did it {}, untold {}), \
         sent {}, verified {}, diverged {}, failed {}, not found out {}\n",
        one.found.bounds.window,
        figures.decided,
        figures.denied,
        figures.shadowed,
        figures.agreed,
        figures.differed,
        figures.absent,
        figures.untold,
        figures.sent,
        figures.verified,
        figures.diverged,
        figures.failed,
        figures.unresolved
    ));
    if !one.found.bounded {
        let hint = "  its file names no bounds, so the usual ones are shown, and it is never demoted; write graduation: {}\n";
        text.push_str(&style.paint(Tone::Dim, hint));
    }
    for check in &one.checks {
        let (tone, word) = if check.holds { (Tone::Good, "ok") } else { (Tone::Bad, "FAILED") };
        let word = style.paint(tone, word);
        text.push_str(&format!("  {:<11} {word}  {}\n", check.name.as_str(), check.detail));
        if !check.holds {
            text.push_str(&style.paint(Tone::Dim, &format!("    missing: {}\n", check.missing)));
        }
    }
    if one.next.is_none() && one.checks.is_empty() && one.found.demotion.is_none() {
        text.push_str(&format!("  {} within its bounds\n", style.paint(Tone::Good, "ok")));
    }
    if let Some((file, edits)) = &one.place {
        let did = if one.written { "changed" } else { "to change" };
        text.push_str(&format!("  {did}, then belay playbook reload:\n"));
        for edit in edits {
            let place = format!("{}:{}", file.display(), edit.line);
            text.push_str(&format!("    {}\n", style.paint(Tone::Name, &clean(&place))));
            for (sign, line) in [("-", &edit.old), ("+", &edit.new)] {
                if let Some(line) = line {
                    text.push_str(&format!("      {sign} {}\n", clean(line)));
                }
            }
        }
    }
    text
}

fn entry(one: &Standing) -> Value {
    let figures = &one.found.figures;
    let checks = one.checks.iter().map(|check| {
        json!({
            "rule": check.name.as_str(),
            "holds": check.holds,
            "found": check.found,
            "bound": check.bound,
            "detail": check.detail,
            "missing": check.missing,
        })
    });
    let edits = one.place.iter().flat_map(|(file, edits)| {
        edits.iter().map(move |Edit { line, old, new }| {
            json!({ "file": file.display().to_string(), "line": line, "old": old, "new": new })
        })
    });
    json!({
        "contract": one.found.id.as_str(),
        "mode": modes::name(one.found.mode),
        "next": one.next.map(modes::name),
        "holds": one.holds(),
        "bounded": one.found.bounded,
        "window": one.found.bounds.window.to_string(),
        "demotion": one.found.demotion.as_ref().map(|demotion| json!({
            "case": demotion.case.as_str(), "at": demotion.at.to_string(), "why": demotion.why,
        })),
        "figures": {
            "decided": figures.decided,
            "denied": figures.denied,
            "shadowed": figures.shadowed,
            "agreed": figures.agreed,
            "differed": figures.differed,
            "absent": figures.absent,
            "untold": figures.untold,
            "asked": figures.asked,
            "overridden": figures.overridden,
            "sent": figures.sent,
            "verified": figures.verified,
            "diverged": figures.diverged,
            "failed": figures.failed,
            "unresolved": figures.unresolved,
        },
        "checks": checks.collect::<Vec<_>>(),
        "edits": edits.collect::<Vec<_>>(),
        "written": one.written,
    })
}
