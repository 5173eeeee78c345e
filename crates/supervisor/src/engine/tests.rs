//! What the engine promises, against a real journal in a directory of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay_domain::{Actor, Case, Command, Digest, NewEntry, Owed, Provenance, Rejection, Source};
use belay_journal::{Disk, Driver, Journal, Options, Slowness};
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Change, Engine, Outbound, Refused};
use crate::clock::Clock;
use crate::intake::{Intake, OpenRequest, Opened};
use crate::playbooks::Playbooks;

#[tokio::test]
async fn a_case_is_there_after_a_restart_and_still_owes_what_it_owed() {
    let stage = Stage::new();
    let first = stage.start().await;
    let opened = first.open("r-1", None).await;
    let owed = first.owed();
    first.stop().await;

    let second = stage.start().await;
    let found = second.engine.case(&opened.case.id).await.unwrap().unwrap();
    assert_eq!(found, opened.case);
    assert_eq!(second.owed(), owed);
    assert!(!owed.is_empty());
    second.stop().await;
}

#[tokio::test]
async fn one_request_opens_one_case_however_often_it_comes() {
    let stage = Stage::new();
    let running = stage.start().await;
    let first = running.open("r-1", None).await;
    let again = running.open("r-1", None).await;
    assert!(first.created);
    assert!(!again.created);
    assert_eq!(first.case, again.case);
    running.stop().await;
}

#[tokio::test]
async fn two_reports_of_one_matter_become_one_case_with_two_contacts() {
    let stage = Stage::new();
    let running = stage.start().await;
    let matter = Some(Digest::of(b"the same double charge"));
    let reports = futures_util::future::join_all(
        ["r-1", "r-2", "r-3", "r-4"].map(|request| running.open(request, matter)),
    )
    .await;
    let ids: std::collections::BTreeSet<_> = reports.iter().map(|report| &report.case.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(reports.iter().filter(|report| report.created).count(), 1);
    assert_eq!(reports.iter().filter(|report| report.linked).count(), 3);
    let case = running.engine.case(&reports[0].case.id).await.unwrap().unwrap();
    assert_eq!(case.contacts.len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn commands_for_one_case_are_decided_one_after_another() {
    let stage = Stage::new();
    let running = stage.start().await;
    let case = running.open("r-1", None).await.case;
    let before = case.context.entries().len();
    let notes = (0..200).map(|number| running.engine.command(&case.id, note(number)));
    let answers = futures_util::future::join_all(notes).await;
    assert!(answers.iter().all(Result::is_ok));
    let after = running.engine.case(&case.id).await.unwrap().unwrap();
    assert_eq!(after.context.entries().len(), before + 200);
    let events = running.engine.journal().load(case.id.as_str()).await.unwrap();
    assert_eq!(events.len() as u64, after.seq);
    running.stop().await;
}

#[tokio::test]
async fn a_rejected_command_leaves_no_trace() {
    let stage = Stage::new();
    let running = stage.start().await;
    let case = running.open("r-1", None).await.case;
    let release = Command::Release {
        agent: "crm-1".parse().unwrap(),
        epoch: case.epoch.next(),
        reason: String::new(),
    };
    let refused = running.engine.command(&case.id, release).await;
    assert!(matches!(refused, Err(Refused::Rejected(Rejection::StaleEpoch { .. }))));
    assert_eq!(running.engine.case(&case.id).await.unwrap().unwrap(), case);
    running.stop().await;
}

#[tokio::test]
async fn whoever_asks_a_stopped_engine_is_told_so() {
    let stage = Stage::new();
    let running = stage.start().await;
    let case = running.open("r-1", None).await.case;
    let engine = running.engine.clone();
    running.stop().await;
    assert!(matches!(engine.command(&case.id, note(1)).await, Err(Refused::Draining)));
}

#[tokio::test]
async fn watchers_hear_of_every_event_in_its_order() {
    let stage = Stage::new();
    let running = stage.start().await;
    let mut changes = running.engine.changes();
    let case = running.open("r-1", None).await.case;
    for number in 0..20 {
        running.engine.command(&case.id, note(number)).await.unwrap();
    }
    let mut heard = 0;
    while heard < case.seq + 20 {
        let Change { case: after, events, .. } = changes.recv().await.unwrap();
        assert_eq!(after.seq, heard + events.len() as u64);
        heard = after.seq;
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_before_the_disk_has_it() {
    let (answered, _) = open_slowly().await;
    assert!(answered >= Slow::COMMIT, "answered after {answered:?} (JRN-1)");
}

#[tokio::test(start_paused = true)]
async fn no_effect_leaves_before_the_disk_has_its_intent() {
    let (_, owed) = open_slowly().await;
    assert!(owed >= Slow::COMMIT, "handed out after {owed:?} (IDM-2)");
}

/// A directory for one journal, and the engines that run on it one after another.
struct Stage {
    directory: tempfile::TempDir,
}

struct Running {
    engine: Engine,
    intake: Intake,
    owing: Arc<Owing>,
    journal: Journal,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Remembers what is owed, and since when anything has been, and carries nothing out.
#[derive(Default)]
struct Owing {
    owed: Mutex<Vec<String>>,
    since: Mutex<Option<Instant>>,
}

impl Outbound for Owing {
    fn owe(&self, _case: &Arc<Case>, owed: Vec<Owed>) {
        *self.owed.lock().unwrap() = owed.iter().map(|owed| owed.id.to_string()).collect();
        if !owed.is_empty() {
            self.since.lock().unwrap().get_or_insert_with(Instant::now);
        }
    }

    fn happened(&self, _change: &Change) {}
}

impl Stage {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    async fn start(&self) -> Running {
        self.start_on(Options::default()).await
    }

    async fn start_on(&self, options: Options) -> Running {
        let journal = Journal::open(self.directory.path(), options).unwrap();
        let playbooks = Playbooks::load(&example("support-desk")).unwrap();
        let clock = Clock::start(journal.latest_at().await.unwrap());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let owing = Arc::new(Owing::default());
        let outbound = owing.clone();
        let engine =
            Engine::start(journal.clone(), playbooks.clone(), clock, 2, &stop, &tasks, |_| {
                outbound
            });
        let intake = Intake::new(engine.clone(), playbooks);
        Running { engine, intake, owing, journal, stop, tasks }
    }
}

impl Running {
    async fn open(&self, request: &str, fingerprint: Option<Digest>) -> Opened {
        let request = OpenRequest {
            tenant: "acme".parse().unwrap(),
            request: request.parse().unwrap(),
            subject: "the card was charged twice".to_owned(),
            kind: "billing.refund".to_owned(),
            severity: None,
            customer: "cus-1".to_owned(),
            channel: "mail".to_owned(),
            fingerprint,
            labels: Vec::new(),
            context: Vec::new(),
            by: Actor::Program("test".to_owned()),
        };
        self.intake.open(request).await.unwrap()
    }

    fn owed(&self) -> Vec<String> {
        self.owing.owed.lock().unwrap().clone()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.journal.close().await;
    }
}

/// A disk that takes its time.
#[derive(Debug)]
struct Slow;

impl Slow {
    const COMMIT: Duration = Duration::from_secs(3);
}

impl Disk for Slow {
    fn commit(&self) -> Slowness {
        Slowness { done_after: Self::COMMIT, told_after: Duration::ZERO }
    }

    fn read(&self) -> Slowness {
        Slowness::default()
    }
}

/// Opens a case on a slow disk: how long until it was answered, and until the first effect was handed out.
async fn open_slowly() -> (Duration, Duration) {
    let work = async {
        let stage = Stage::new();
        let driver = Driver::Inline(Arc::new(Slow));
        let running = stage.start_on(Options { driver, ..Options::default() }).await;
        let asked = Instant::now();
        running.open("r-1", None).await;
        let answered = asked.elapsed();
        let owing = running.owing.clone();
        running.stop().await;
        let owed = owing.since.lock().unwrap().expect("a new case owes something");
        (answered, owed - asked)
    };
    LocalSet::new().run_until(work).await
}

fn note(number: u32) -> Command {
    let provenance = Provenance { source: Source::Staff, reference: "person:ann".to_owned() };
    let entry = NewEntry { kind: "note".to_owned(), body: format!("note {number}"), provenance };
    Command::AddContext { entries: vec![entry], by: Actor::Program("test".to_owned()) }
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks").join(name)
}
