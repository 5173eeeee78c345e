//! `belay audit coverage`: whether every open case is covered, asked about in time, or raised, by what the journal says
//! and nothing else. Works on a copy of a journal, and on one that a supervisor has open.

use std::path::PathBuf;

use belay_domain::Timestamp;
use belay_supervisor::{Config, CoverageAudit, GRACE, Pass};
use clap::Args;
use serde_json::{Value, json};

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, clean};

/// Which journal, and for which moment.
#[derive(Args, Debug)]
pub(crate) struct CoverageAuditArgs {
    /// The data directory of the supervisor, or a copy of its journal
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// For which moment; now by default. For the copy of an old journal, `latest`: when its last event happened
    #[arg(long, value_name = "MOMENT", default_value = "now", value_parser = moment)]
    at: At,
}

/// For which moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Now,
    Latest,
    Moment(Timestamp),
}

fn moment(text: &str) -> Result<At, String> {
    match text {
        "now" => Ok(At::Now),
        "latest" => Ok(At::Latest),
        _ => text
            .parse()
            .map(At::Moment)
            .map_err(|_| "write now, latest, or a moment such as 2026-01-31T12:00:00Z".to_owned()),
    }
}

/// Runs the command.
pub(crate) fn run(args: &CoverageAuditArgs, context: &Context) -> Result<Exit, Failure> {
    let journal = Config::journal_in(&args.data);
    let journal = if journal.is_dir() { journal } else { args.data.clone() };
    let mut audit = CoverageAudit::open(&journal).map_err(|error| {
        Failure::of(format!("no journal can be read in {}", args.data.display()), &error)
            .hint("name the directory that `belay serve` printed as its data")
    })?;
    let failed = |error| Failure::of("the journal cannot be read", &error);
    while audit.read_on().map_err(failed)? {}
    let at = match args.at {
        At::Now => Timestamp::now(),
        At::Latest => audit.latest().unwrap_or(Timestamp::UNIX_EPOCH),
        At::Moment(at) => at,
    };
    let pass = audit.judge(at, GRACE);
    context.output.value(|| to_json(&pass), |style| render(&pass, style))?;
    Ok(if pass.is_sound() { Exit::Done } else { Exit::Found })
}

fn to_json(pass: &Pass) -> Value {
    let found = |finding: &belay_supervisor::Finding| json!({ "case": finding.case, "what": finding.what.to_string() });
    json!({
        "sound": pass.is_sound(),
        "at": pass.at.to_string(),
        "position": pass.position,
        "open": pass.open,
        "covered": pass.covered,
        "pending": pass.pending,
        "uncovered": pass.uncovered,
        "canaries": pass.canaries,
        "findings": pass.findings.iter().map(found).collect::<Vec<_>>(),
        "more_findings": pass.more,
    })
}

fn render(pass: &Pass, style: &Style) -> String {
    let counts = format!(
        "{} open cases: {} covered, {} pending, {} raised as uncovered",
        pass.open, pass.covered, pass.pending, pass.uncovered
    );
    let mut text = if pass.is_sound() {
        format!("{}: {counts}\n", style.paint(Tone::Good, "sound"))
    } else {
        let many = pass.findings.len() as u64 + pass.more;
        let many = format!("{many} finding{}", if many == 1 { "" } else { "s" });
        format!("{} in {counts}\n", style.paint(Tone::Bad, &many))
    };
    for finding in &pass.findings {
        text.push_str(&format!("  {}\n", clean(&finding.to_string())));
    }
    if pass.more > 0 {
        text.push_str(&format!("  and {} more\n", pass.more));
    }
    let place = format!("at {}, position {}\n", pass.at, pass.position);
    text + &style.paint(Tone::Dim, &place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use belay_supervisor::{Finding, What};

    #[test]
    fn a_gap_is_named_with_its_case() {
        let at: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let what = What::Gap { since: at };
        let findings = vec![Finding { case: "c-1".to_owned(), what }];
        let pass = Pass {
            at,
            position: 7,
            open: 2,
            covered: 1,
            pending: 0,
            uncovered: 0,
            canaries: 0,
            findings,
            more: 0,
        };
        let style = Style { colour: false, now: at };
        assert_eq!(
            render(&pass, &style),
            "\
1 finding in 2 open cases: 1 covered, 0 pending, 0 raised as uncovered
  c-1: nobody holds it and nobody is asked since 2026-01-31T12:00:00Z, and no alarm was raised
at 2026-01-31T12:00:00Z, position 7
"
        );
        assert_eq!(to_json(&pass)["sound"], false);
    }

    #[test]
    fn a_moment_is_now_the_latest_or_a_time() {
        assert_eq!(moment("now"), Ok(At::Now));
        assert_eq!(moment("latest"), Ok(At::Latest));
        assert!(moment("2026-01-31T12:00:00Z").is_ok() && moment("yesterday").is_err());
    }
}
