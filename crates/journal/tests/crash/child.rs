//! The process that is made to die: it opens a journal, carries out its part of the fixed load, and says of each
//! submission what became of it before it goes on to the next.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use belay_journal::{AppendError, Journal, Options};

use crate::load;

/// Tells the child where its journal is; without it, the child's test does nothing.
const DIRECTORY: &str = "BELAY_CRASH_DIRECTORY";
/// The first and the last submission of its part.
const PART: &str = "BELAY_CRASH_PART";
/// How many pages the log may have before it is moved; so few that a small load sees that several times.
const LOG_PAGES_MAX: u32 = 16;
/// How long a submission is tried again while the disk is full.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a child said, and how it ended.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The last submission that was acknowledged, or the one before the child's part.
    pub(crate) acknowledged: u64,
    /// How often it was told that the disk is full.
    pub(crate) refused: u32,
    /// Why the journal failed.
    pub(crate) failed: Option<String>,
    /// Whether anything was acknowledged after the failure.
    pub(crate) after_failure: bool,
    /// Why the journal did not open.
    pub(crate) unopened: Option<String>,
    /// Whether it came to the end of its part and closed the journal.
    pub(crate) done: bool,
    /// Whether it was killed.
    pub(crate) killed: bool,
    pub(crate) status: ExitStatus,
}

/// Not a test of its own: what the child does.
#[test]
fn child_that_works_through_its_part() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let part = std::env::var(PART).unwrap();
    let (first, last) = part.split_once("..").unwrap();
    let options = Options { log_pages_max: LOG_PAGES_MAX, ..Options::default() };
    let journal = match Journal::open(Path::new(&dir), options) {
        Ok(journal) => journal,
        Err(error) => return say(&format!("unopened {error}: {error:?}")),
    };
    let mut failed = false;
    for n in first.parse().unwrap()..=last.parse().unwrap() {
        match submit(&journal, n) {
            Ok(receipt) => say(&format!("acknowledged {n} {} {}", receipt.first, receipt.last)),
            Err(error) => {
                if !failed {
                    say(&format!("failed {error}"));
                }
                failed = true;
            }
        }
    }
    load::close(&journal);
    if let (Some(failure), false) = (journal.failure(), failed) {
        say(&format!("failed {failure}"));
    } else if !failed {
        say("done");
    }
}

/// Submits, again and again while the disk is full.
fn submit(journal: &Journal, n: u64) -> Result<belay_journal::Receipt, AppendError> {
    let begun = Instant::now();
    loop {
        match journal.submit(load::submission(n)).wait() {
            Err(AppendError::DiskFull { .. }) if begun.elapsed() < PATIENCE => say("refused"),
            answer => return answer,
        }
    }
}

/// A leading line feed, because the test harness has written to this line already; and a full stop, so that a line
/// that was cut is not taken for a whole one.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    let line = format!("\n{} .\n", what.replace('\n', " "));
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Runs a child to its end, under `command` if there is one, whose last argument then is the program to run.
pub(crate) fn run(dir: &Path, (first, last): (u64, u64), command: Option<Command>) -> Heard {
    let program = std::env::current_exe().unwrap();
    let mut command = match command {
        Some(mut command) => {
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    let mut child = command
        .args(["--exact", "child::child_that_works_through_its_part", "--nocapture"])
        .args(["--test-threads", "1"])
        .env(DIRECTORY, dir)
        .env(PART, format!("{first}..{last}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut heard = Heard {
        acknowledged: first - 1,
        refused: 0,
        failed: None,
        after_failure: false,
        unopened: None,
        done: false,
        killed: false,
        status: ExitStatus::default(),
    };
    for line in out.lines() {
        let line = line.unwrap();
        let Some(line) = line.strip_suffix(" .") else { continue };
        heard.hear(line);
    }
    heard.status = child.wait().unwrap();
    heard.killed = heard.status.signal() == Some(9);
    heard
}

impl Heard {
    fn hear(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "acknowledged" => {
                let numbers: Vec<u64> = rest.split(' ').map(|word| word.parse().unwrap()).collect();
                let [n, first, last] = numbers[..] else { panic!("{line}") };
                assert_eq!(n, self.acknowledged + 1, "acknowledged out of order");
                assert_eq!(belay_journal::Receipt { first, last }, load::receipt(n));
                self.acknowledged = n;
                self.after_failure |= self.failed.is_some();
            }
            "refused" => self.refused += 1,
            "failed" => self.failed = Some(rest.to_owned()),
            "unopened" => self.unopened = Some(rest.to_owned()),
            "done" => self.done = true,
            _ => {}
        }
    }
}
