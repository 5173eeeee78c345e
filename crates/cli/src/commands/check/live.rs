//! `belay check --live`: what was found about every human queue that the playbook names.

use belay_playbook::Playbook;
use belay_supervisor::{RouteFinding, RouteProof, RouteVerdict, prove_routes};
use serde_json::{Value, json};

use super::super::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, clean};

pub(super) async fn run(
    playbook: &Playbook,
    folder: &str,
    context: &Context,
) -> Result<Exit, Failure> {
    let scratch = tempfile::tempdir()
        .map_err(|error| Failure::of("no room for a desk to look at", &error))?;
    let proofs = prove_routes(playbook, scratch.path()).await;
    let version = playbook.version().to_string();
    let holds = proofs.iter().all(RouteProof::holds);
    context.output.value(
        || {
            json!({
                "sound": true,
                "name": playbook.name(),
                "version": version,
                "problems": [],
                "holds": holds,
                "routes": proofs.iter().map(object).collect::<Vec<_>>(),
            })
        },
        |style| {
            let sound = style.paint(Tone::Good, "sound");
            let head = format!("{sound}: {}, version {version}\n", clean(playbook.name()));
            head + &render(&proofs, folder, style)
        },
    )?;
    Ok(if holds { Exit::Done } else { Exit::Found })
}

/// A line for each route and check; what is broken also stands where its step is written, as compilers show theirs.
fn render(proofs: &[RouteProof], folder: &str, style: &Style) -> String {
    let folder = folder.trim_end_matches('/');
    let mut text = String::new();
    for proof in proofs {
        let queue = clean(&proof.queue.to_string());
        for RouteFinding { check, verdict } in &proof.findings {
            let (tone, word, detail) = match verdict {
                RouteVerdict::Held => (Tone::Good, "ok", ""),
                RouteVerdict::Broken(detail) => (Tone::Bad, "BROKEN", detail.as_str()),
                RouteVerdict::Untold(detail) => (Tone::Warn, "not told", detail.as_str()),
            };
            let word = style.paint(tone, word);
            text.push_str(&format!("{}: {check}: {word}\n", style.paint(Tone::Name, &queue)));
            if let RouteVerdict::Broken(_) = verdict {
                for (policy, at) in &proof.steps {
                    let place = format!("{folder}/{}:{}:{}", at.file, at.line, at.column);
                    let place = style.paint(Tone::Name, &clean(&place));
                    text.push_str(&format!("  {place}: asked by {}\n", clean(policy)));
                }
            }
            if !detail.is_empty() {
                text.push_str(&style.paint(Tone::Dim, &format!("  {}\n", clean(detail))));
            }
        }
    }
    let broken = proofs.iter().filter(|proof| !proof.holds()).count();
    let count = match (broken, proofs.len()) {
        (0, 1) => style.paint(Tone::Good, "the one route holds"),
        (0, all) => style.paint(Tone::Good, &format!("all {all} routes hold")),
        (broken, all) => style.paint(Tone::Bad, &format!("{broken} of {all} routes broken")),
    };
    text + &format!("{count}\n")
}

fn object(proof: &RouteProof) -> Value {
    let findings = proof.findings.iter().map(|RouteFinding { check, verdict }| {
        let (word, detail) = match verdict {
            RouteVerdict::Held => ("held", ""),
            RouteVerdict::Broken(detail) => ("broken", detail.as_str()),
            RouteVerdict::Untold(detail) => ("untold", detail.as_str()),
        };
        json!({ "check": check.to_string(), "verdict": word, "detail": detail })
    });
    let steps = proof.steps.iter().map(|(policy, at)| {
        json!({ "policy": policy, "file": at.file, "line": at.line, "column": at.column })
    });
    json!({
        "system": proof.queue.system.as_str(),
        "queue": proof.queue.queue.as_str(),
        "holds": proof.holds(),
        "steps": steps.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use belay_playbook::StepPlace;
    use belay_supervisor::{RouteCheck, RouteFinding, RouteProof};
    use jiff::Timestamp;

    use super::render;
    use crate::output::Style;

    #[test]
    fn every_check_has_a_line_and_what_is_broken_has_its_places_and_a_remedy() {
        let queue: belay_domain::QueueRef = belay_domain::QueueRef {
            system: "rt".parse().unwrap(),
            queue: "second".parse().unwrap(),
        };
        let place = StepPlace {
            queue: queue.clone(),
            file: "escalations/takeover.yaml".to_owned(),
            line: 6,
            column: 13,
        };
        let proof = RouteProof {
            queue,
            steps: vec![("takeover".to_owned(), place)],
            findings: vec![
                RouteFinding::held(RouteCheck::Exists),
                RouteFinding::broken(RouteCheck::Enabled, "enable the queue"),
                RouteFinding::untold(RouteCheck::StatusesMapped, "the page is not shown"),
            ],
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            render(&[proof], "my-playbook/", &style),
            "\
rt/second: the queue exists: ok
rt/second: the queue takes tickets: BROKEN
  my-playbook/escalations/takeover.yaml:6:13: asked by takeover
  enable the queue
rt/second: every state is mapped: not told
  the page is not shown
1 of 1 routes broken
"
        );
    }
}
