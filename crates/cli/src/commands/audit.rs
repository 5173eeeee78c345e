//! `belay audit`: whether the past still is what it was, and taking a copy of it.
//!
//! All of it works without a server too: `--data DIR` reads the journal itself, whether or not a supervisor has it open.

mod coverage;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use belay_journal::{Auditor, Checkpoint, Hash};
use belay_supervisor::Config;
use clap::{Args, Subcommand};
use coverage::CoverageAuditArgs;
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use tonic::Request;

use belay_api::v1;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone, clean, json};

/// The journal: verify it, export it.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recompute every hash and report every place where the journal is not what was written
    Verify(VerifyArgs),
    /// All events as JSON Lines, in their order
    Export(ExportArgs),
    /// Whether every open case is covered, asked about in time, or raised, by what the journal says and nothing else
    Coverage(CoverageAuditArgs),
}

/// What is verified.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// Read the journal in this directory instead of asking a supervisor
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere, POSITION:MARK as an earlier verification printed it; may be repeated
    #[arg(long = "checkpoint", value_name = "POSITION:MARK", value_parser = checkpoint)]
    checkpoints: Vec<Checkpoint>,
}

/// What is exported.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Read the journal in this directory instead of asking a supervisor
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only events after this position
    #[arg(long, default_value_t = 0, value_name = "POSITION")]
    after: u64,
    /// Only of this case; not with --data
    #[arg(long, default_value = "", value_name = "CASE", conflicts_with = "data")]
    case: String,
    /// Write into this file instead of standard output
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// What a verification found, wherever it was done.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    events: u64,
    cases: u64,
    position: u64,
    mark: String,
    breaks: Vec<String>,
    more: bool,
}

/// Runs the command.
pub(crate) async fn run(command: AuditCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        AuditCommand::Verify(args) => {
            let report = match args.data {
                Some(data) => offline(&data, &args.checkpoints)?,
                None => online(&args.checkpoints, context).await?,
            };
            context.output.value(|| report.json(), |style| report.render(style))?;
            Ok(if report.breaks.is_empty() { Exit::Done } else { Exit::Found })
        }
        AuditCommand::Coverage(args) => coverage::run(&args, context),
        AuditCommand::Export(args) => match args.to.clone() {
            Some(file) => {
                let failed =
                    |error| Failure::of(format!("cannot write {}", file.display()), &error);
                let out = fs::File::create(&file).map_err(failed)?;
                let events = export(args, context, io::BufWriter::new(out)).await?;
                context.output.note(format_args!("{events} events in {}", file.display()));
                Ok(Exit::Done)
            }
            None => {
                export(args, context, io::BufWriter::new(io::stdout())).await?;
                Ok(Exit::Done)
            }
        },
    }
}

fn offline(data: &Path, known: &[Checkpoint]) -> Result<Report, Failure> {
    let report = open(data)?
        .verify(known, |_| {})
        .map_err(|error| Failure::of("the journal cannot be read", &error))?;
    Ok(Report {
        events: report.events,
        cases: report.cases,
        position: report.end.position,
        mark: report.end.mark.to_string(),
        breaks: report.broken.iter().map(ToString::to_string).collect(),
        more: report.more,
    })
}

async fn online(known: &[Checkpoint], context: &Context) -> Result<Report, Failure> {
    let connection = context.connect().await?;
    let known_checkpoints = known
        .iter()
        .map(|known| v1::Checkpoint {
            position: known.position,
            mark: known.mark.as_bytes().to_vec(),
        })
        .collect();
    let request = Request::new(v1::VerifyJournalRequest { known_checkpoints });
    let mut answers = connection.audit().verify_journal(request).await?.into_inner();
    while let Some(answer) = answers.next().await {
        use v1::verify_journal_response::Message as M;
        if let Some(M::Report(report)) = answer?.message {
            return Ok(Report::of_wire(&report));
        }
    }
    Err(Failure::new(Exit::Failed, "the verification ended without a report"))
}

async fn export(args: ExportArgs, context: &Context, mut out: impl Write) -> Result<u64, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(Exit::Done, "nobody reads on"),
        _ => Failure::of("cannot write the events", &error),
    };
    let mut events = 0;
    if let Some(data) = args.data {
        for line in open(&data)?.export(args.after) {
            let line = line.map_err(|error| Failure::of("the journal cannot be read", &error))?;
            out.write_all(line.trim_end().as_bytes())
                .and_then(|()| out.write_all(b"\n"))
                .map_err(failed)?;
            events += 1;
        }
    } else {
        let connection = context.connect().await?;
        let request = Request::new(v1::ExportEventsRequest {
            tenant: context.connection.tenant(),
            after_position: args.after,
            case_id: args.case,
        });
        let mut answers = connection.audit().export_events(request).await?.into_inner();
        while let Some(answer) = answers.next().await {
            if let Some(event) = answer?.event {
                writeln!(out, "{}", json::value(&event)?).map_err(failed)?;
                events += 1;
            }
        }
    }
    out.flush().map_err(failed)?;
    Ok(events)
}

/// Opens the journal of a data directory, or of the journal's own.
pub(crate) fn open(data: &Path) -> Result<Auditor, Failure> {
    let journal = Config::journal_in(data);
    Auditor::open(if journal.is_dir() { &journal } else { data }).map_err(|error| {
        Failure::of(format!("no journal can be read in {}", data.display()), &error)
            .hint("name the directory that `belay serve` printed as its data")
    })
}

fn checkpoint(text: &str) -> Result<Checkpoint, String> {
    let wrong = || "write POSITION:MARK, the mark as 64 hexadecimal digits".to_owned();
    let (position, mark) = text.split_once(':').ok_or_else(wrong)?;
    let position = position.parse().map_err(|_| wrong())?;
    let mark: Hash = mark.parse().map_err(|_| wrong())?;
    Ok(Checkpoint { position, mark })
}

impl Report {
    fn of_wire(report: &v1::VerifyReport) -> Self {
        let end = report.end.clone().unwrap_or_default();
        Self {
            events: report.events_checked,
            cases: report.cases_checked,
            position: end.position,
            mark: end.mark.iter().map(|byte| format!("{byte:02x}")).collect(),
            breaks: report.breaks.iter().map(|b| place(b) + &b.detail).collect(),
            more: report.more_breaks || (!report.intact && report.breaks.is_empty()),
        }
    }

    fn json(&self) -> Value {
        json!({
            "intact": self.breaks.is_empty() && !self.more,
            "events": self.events,
            "cases": self.cases,
            "checkpoint": format!("{}:{}", self.position, self.mark),
            "breaks": self.breaks,
            "more_breaks": self.more,
        })
    }

    fn render(&self, style: &Style) -> String {
        let size = format!("{} events of {} cases", self.events, self.cases);
        let mut text = match self.breaks.len() {
            0 => {
                format!("{}: {size} are as they were written\n", style.paint(Tone::Good, "intact"))
            }
            many => {
                let many = format!("{many} break{}", if many == 1 { "" } else { "s" });
                format!("{} in {size}\n", style.paint(Tone::Bad, &many))
            }
        };
        for found in &self.breaks {
            text.push_str(&format!("  {}\n", clean(found)));
        }
        if self.more {
            text.push_str("  and more\n");
        }
        let end = format!("checkpoint, to be kept elsewhere: {}:{}\n", self.position, self.mark);
        text + &style.paint(Tone::Dim, &end)
    }
}

fn place(found: &v1::ChainBreak) -> String {
    let mut place = String::new();
    if !found.case_id.is_empty() {
        place.push_str(&format!("case {} ", found.case_id));
    }
    if found.sequence > 0 {
        place.push_str(&format!("event {} ", found.sequence));
    }
    if found.position > 0 {
        place.push_str(&format!("(position {}) ", found.position));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::{Report, checkpoint};
    use crate::output::Style;
    use jiff::Timestamp;

    #[test]
    fn a_checkpoint_is_written_and_read_the_same_way() {
        let mark = "ab".repeat(32);
        let read = checkpoint(&format!("42:{mark}")).unwrap();
        assert_eq!((read.position, read.mark.to_string()), (42, mark));
        assert!(checkpoint("42").is_err());
        assert!(checkpoint("42:xyz").is_err());
    }

    #[test]
    fn a_broken_journal_names_every_place() {
        let report = Report {
            events: 10,
            cases: 2,
            position: 10,
            mark: "00".into(),
            breaks: vec!["case c-1 event 3 (position 7) is not what was written".into()],
            more: false,
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            report.render(&style),
            "\
1 break in 10 events of 2 cases
  case c-1 event 3 (position 7) is not what was written
checkpoint, to be kept elsewhere: 10:00
"
        );
    }
}
