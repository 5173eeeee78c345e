//! `belay status`: how Belay itself is: what its auditor found, what to look into before it does harm, and what the
//! canaries showed.

use belay_api::v1;
use clap::Args;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::table::Sheet;
use crate::output::{Style, Tone, clean, time};

/// Nothing has to be said.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {}

/// Runs the command.
pub(crate) async fn run(_: StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let request = connection.call(v1::GetStatusRequest {});
    let status = connection.coverage().get_status(request).await?.into_inner();
    context.output.one(&status, |style| render(&status, style))?;
    let sound = status.audit.as_ref().is_none_or(|audit| audit.findings_total == 0);
    let well = status.canaries.iter().all(|canary| canary.failed.is_empty());
    Ok(if sound && well && status.warnings.is_empty() { Exit::Done } else { Exit::Found })
}

fn render(status: &v1::GetStatusResponse, style: &Style) -> String {
    let mut sheet = Sheet::default();
    sheet.line("version", clean(&status.version));
    sheet.lines("audit", audit(status.audit.as_ref(), style));
    let warned = |warning: &String| style.paint(Tone::Warn, &clean(warning));
    sheet.lines("look into", status.warnings.iter().map(warned).collect());
    sheet.lines("canaries", status.canaries.iter().map(|one| canary(one, style)).collect());
    sheet.render(style)
}

fn audit(audit: Option<&v1::Audit>, style: &Style) -> Vec<String> {
    let Some(audit) = audit else {
        return vec![style.paint(Tone::Warn, "the first pass is not over yet")];
    };
    let v1::Audit { open, covered, pending, uncovered, findings_total, .. } = audit;
    let counts = format!(
        "{open} open cases: {covered} covered, {pending} pending, {uncovered} raised as uncovered"
    );
    let at = time::moment(audit.at.as_ref()).map(|at| time::relative(at, style.now));
    let place = format!("position {}, {}", audit.position, at.unwrap_or_default());
    let verdict = if *findings_total == 0 {
        style.paint(Tone::Good, "sound")
    } else {
        style.paint(Tone::Bad, &format!("{findings_total} findings"))
    };
    let mut lines = vec![format!("{verdict}, {counts}"), style.paint(Tone::Dim, &place)];
    lines.extend(audit.findings.iter().map(|found| style.paint(Tone::Bad, &clean(found))));
    lines
}

fn canary(canary: &v1::CanaryResult, style: &Style) -> String {
    let took = |what: &str, wire: &Option<prost_types::Duration>| {
        time::length(wire.as_ref()).map(|took| format!("{what} after {}", time::span(took)))
    };
    let shown = [
        took("seen", &canary.seen),
        took("reachable", &canary.routed),
        took("taken", &canary.acknowledged),
    ];
    let mut said: Vec<String> = shown.into_iter().flatten().collect();
    if !canary.failed.is_empty() {
        said.push(style.paint(Tone::Bad, &format!("failed: {}", clean(&canary.failed))));
    }
    let at = time::moment(canary.at.as_ref()).map(|at| time::relative(at, style.now));
    format!("{}, {}: {}", clean(&canary.queue), at.unwrap_or_default(), said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn what_is_wrong_is_named() {
        let status = v1::GetStatusResponse {
            version: "0.1.0".to_owned(),
            audit: Some(v1::Audit {
                position: 7,
                open: 2,
                covered: 1,
                findings: vec!["c-1: nobody holds it".to_owned()],
                findings_total: 1,
                ..v1::Audit::default()
            }),
            warnings: vec!["the credential of rt was not accepted".to_owned()],
            canaries: vec![v1::CanaryResult {
                queue: "rt/General".to_owned(),
                seen: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
                failed: "nobody is on the queue".to_owned(),
                ..v1::CanaryResult::default()
            }],
            ..v1::GetStatusResponse::default()
        };
        let text = render(&status, &Style { colour: false, now: Timestamp::UNIX_EPOCH });
        for said in [
            "1 findings, 2 open cases: 1 covered, 0 pending, 0 raised as uncovered",
            "c-1: nobody holds it",
            "the credential of rt was not accepted",
            "seen after 2.0 s, failed: nobody is on the queue",
        ] {
            assert!(text.contains(said), "{said} is not in\n{text}");
        }
    }
}
