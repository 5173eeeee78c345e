//! What was acknowledged is there afterwards, however the process ended (JRN-1, JRN-3): a child appends until
//! it is killed, or until the disk takes nothing more, and whatever it had been promised by then must be there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "crash/child.rs"]
mod child;
#[path = "crash/injected.rs"]
mod injected;
#[path = "crash/load.rs"]
mod load;
#[path = "crash/power.rs"]
mod power;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use belay_journal::{AppendError, Auditor, Conflict, Entry, Journal, NewEvent, Options};
use jiff::Timestamp;

/// Tells the child where to write; without it, the child's test does nothing.
const DIRECTORY: &str = "BELAY_CRASH_DIRECTORY";

const WRITERS: usize = 4;

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut promised = HashMap::new();
    // Different lengths, so that the kills fall at different points of the log and of its checkpoints.
    for lines in [1, 137, 2_500] {
        let child = child(dir.path(), &mut Command::new(std::env::current_exe().unwrap()));
        let heard = hear(child, lines, &mut promised);
        assert!(heard.acknowledged >= lines, "the child ended by itself: {heard:?}");
        check_kept(dir.path(), &promised);
    }
    assert_eq!(promised.len(), WRITERS);
}

#[test]
fn nothing_is_acknowledged_after_the_disk_refused_a_write() {
    let dir = tempfile::tempdir().unwrap();
    let mut promised = HashMap::new();
    // No file may grow over 1 MiB (2048 blocks), and the signal that says so is ignored: the write fails.
    let mut limited = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"";
    limited.args(["-c", script]).arg(std::env::current_exe().unwrap());
    let heard = hear(child(dir.path(), &mut limited), usize::MAX, &mut promised);
    assert!(heard.acknowledged > 0, "{heard:?}");
    assert_eq!((heard.failed, heard.after_failure), (WRITERS, 0));
    check_kept(dir.path(), &promised);
}

/// Not a test of its own: the child that `run_and_kill` starts.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let journal = Journal::open(Path::new(&dir), Options::default()).unwrap();
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            let journal = journal.clone();
            threads.spawn(move || append_forever(&journal, &format!("case-{writer}")));
        }
    });
}

fn append_forever(journal: &Journal, case: &str) {
    let mut seq = 0;
    loop {
        match journal.submit(vec![entry(case, seq)]).wait() {
            Ok(_) => {
                seq += 1;
                let mut out = std::io::stdout().lock();
                // A leading line feed: the test harness has written to this line already.
                write!(out, "\nacknowledged {case} {seq}\n").and_then(|()| out.flush()).unwrap();
            }
            // What an earlier child wrote and could not tell about any more.
            Err(AppendError::Conflict(Conflict::Seq { found, .. })) => seq = found,
            Err(AppendError::Failed(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    println!("\nfailed {case}");
    for _ in 0..10 {
        if journal.submit(vec![entry(case, seq)]).wait().is_ok() {
            println!("\nacknowledged after failure");
        }
    }
}

fn entry(case: &str, expected_seq: u64) -> Entry {
    let body = format!("{{\"seq\":{}}}", expected_seq + 1).into_bytes();
    let events = vec![NewEvent { kind: "noted".to_owned(), at: Timestamp::UNIX_EPOCH, body }];
    Entry {
        tenant: "t".to_owned(),
        case: case.to_owned(),
        expected_seq,
        events,
        ..Entry::default()
    }
}

/// What a child was heard to say.
#[derive(Debug, Default)]
struct Heard {
    acknowledged: usize,
    failed: usize,
    after_failure: usize,
}

fn child(dir: &Path, command: &mut Command) -> Child {
    command
        .args(["--exact", "child_that_appends_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets the child make so many promises, kills it, and notes every promise that got out.
fn hear(mut child: Child, lines: usize, promised: &mut HashMap<String, usize>) -> Heard {
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut heard = Heard::default();
    for line in out.lines() {
        let line = line.unwrap();
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some("acknowledged"), Some("after"), _) => heard.after_failure += 1,
            (Some("failed"), Some(_), _) => heard.failed += 1,
            (Some("acknowledged"), Some(case), Some(seq)) => {
                // The last line may be cut in two by the kill; a promise half heard is none.
                let Ok(seq) = seq.parse::<usize>() else { continue };
                let known = promised.entry(case.to_owned()).or_insert(0);
                *known = seq.max(*known);
                heard.acknowledged += 1;
                if heard.acknowledged == lines {
                    child.kill().unwrap();
                }
            }
            _ => {}
        }
    }
    child.wait().unwrap();
    heard
}

/// Everything promised is there, unbroken and in order.
#[track_caller]
fn check_kept(dir: &Path, promised: &HashMap<String, usize>) {
    let auditor = Auditor::open(dir).unwrap();
    assert_eq!(auditor.verify(&[], |_| {}).unwrap().broken, []);
    for (case, seq) in promised {
        let events = auditor.load(case).unwrap();
        assert!(events.len() >= *seq, "{case}: promised {seq} events, found {}", events.len());
        for (seq, event) in (1..).zip(&events) {
            assert_eq!(event.body, entry(case, seq - 1).events[0].body);
        }
    }
}
