use std::path::Path;
use std::sync::Arc;

use belay_domain::{Actor, Case, CaseId, Command, Digest, Owed};
use belay_journal::{Journal, Options};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Matters, Step};
use crate::clock::Clock;
use crate::engine::{Change, Engine, Outbound};
use crate::intake::{Intake, OpenRequest, Opened};
use crate::playbooks::Playbooks;

#[tokio::test]
async fn what_is_recognised_later_becomes_one_case_and_its_reports_are_found_there() {
    let stage = tempfile::tempdir().unwrap();
    let life = Life::begin(stage.path()).await;
    let first = life.open("r-1", Some(found())).await.case;
    let second = life.open("r-2", None).await.case;
    assert!(life.matters.recognise(&second.id, found()).await.unwrap());
    assert!(life.case(&second.id).await.ties.same.contains(&first.id));
    assert_eq!(life.unite(&second.id, &first.id).await, Step::Over);
    assert_eq!(life.case(&second.id).await.merged_into(), Some(&first.id));

    let again = life.open("r-2", None).await;
    assert_eq!((again.created, again.case.id.clone()), (false, first.id.clone()));
    assert_eq!(
        again.merged.map(|case| case.id.clone()),
        Some(second.id.clone()),
        "it came to that one"
    );
    let third = life.open("r-3", Some(found())).await;
    assert_eq!((third.linked, third.case.id.clone()), (true, first.id.clone()));
    let requests: Vec<_> =
        third.case.contacts.iter().map(|contact| contact.request.to_string()).collect();
    assert_eq!(requests, ["r-1", "r-2", "r-3"]);
    life.end().await;
}

#[tokio::test]
async fn a_life_that_ends_between_any_two_steps_loses_nothing() {
    let stage = tempfile::tempdir().unwrap();
    let life = Life::begin(stage.path()).await;
    let first = life.open("r-1", Some(found())).await.case.id.clone();
    let second = life.open("r-2", None).await.case.id.clone();
    assert!(life.matters.recognise(&second, found()).await.unwrap());
    life.end().await;
    let mut steps = 0;
    loop {
        let life = Life::begin(stage.path()).await;
        let step = life.matters.step(&second, &first).await.unwrap();
        let (one, other) = (life.case(&first).await, life.case(&second).await);
        assert!(one.is_open(), "the one that stays was always open");
        let kept = one.contacts.iter().any(|contact| contact.request.as_str() == "r-2");
        assert!(other.is_open() || kept, "after step {steps}");
        life.end().await;
        steps += 1;
        if step == Step::Over {
            break;
        }
        assert!(steps < 20, "{step:?}");
    }
    assert!(steps > 3, "each step is one by itself: {steps}");
}

#[tokio::test]
async fn reports_of_one_matter_that_come_at_once_are_one_case() {
    let stage = tempfile::tempdir().unwrap();
    let life = Life::begin(stage.path()).await;
    let names: Vec<String> = (0..32).map(|number| format!("r-{number}")).collect();
    let opened = join_all(names.iter().map(|name| life.open(name, Some(found())))).await;
    assert_eq!(opened.iter().filter(|one| one.created).count(), 1);
    let case = life.case(&opened[0].case.id).await;
    assert_eq!(case.contacts.len(), 32);
    life.end().await;
}

#[tokio::test]
async fn a_report_that_races_with_a_resolution_is_in_that_case_or_in_one_of_its_own() {
    let stage = tempfile::tempdir().unwrap();
    let life = Life::begin(stage.path()).await;
    for round in 0..20 {
        let case = life.open(&format!("a-{round}"), Some(found())).await.case.id.clone();
        let resolve = Command::Resolve {
            by: Actor::Person("ann".parse().unwrap()),
            code: "solved".parse().unwrap(),
            note: String::new(),
        };
        let name = format!("b-{round}");
        let (resolved, reported) =
            tokio::join!(life.engine.command(&case, resolve), life.open(&name, Some(found())));
        resolved.unwrap();
        let kept = life.case(&reported.case.id).await;
        assert!(kept.contacts.iter().any(|contact| contact.request.as_str() == name));
        assert!(kept.is_open() || kept.id == case, "it is in the resolved one, which knew of it");
        if kept.id != case {
            let resolve = Command::Resolve {
                by: Actor::Person("ann".parse().unwrap()),
                code: "solved".parse().unwrap(),
                note: String::new(),
            };
            life.engine.command(&kept.id, resolve).await.unwrap();
        }
    }
    life.end().await;
}

#[tokio::test]
async fn a_merge_that_races_with_the_resolution_of_the_survivor_loses_no_report() {
    for steps in 0..6 {
        let stage = tempfile::tempdir().unwrap();
        let life = Life::begin(stage.path()).await;
        let first = life.open("r-1", Some(found())).await.case.id.clone();
        let second = life.open("r-2", None).await.case.id.clone();
        life.matters.recognise(&second, found()).await.unwrap();
        for _ in 0..steps {
            life.matters.step(&second, &first).await.unwrap();
        }
        let resolve = Command::Resolve {
            by: Actor::Person("ann".parse().unwrap()),
            code: "solved".parse().unwrap(),
            note: String::new(),
        };
        let (resolved, _) =
            tokio::join!(life.engine.command(&first, resolve), life.unite(&second, &first));
        resolved.unwrap();
        life.unite(&second, &first).await;
        let (one, other) = (life.case(&first).await, life.case(&second).await);
        let kept = one.contacts.iter().any(|contact| contact.request.as_str() == "r-2");
        assert!(other.is_open() || kept, "after {steps} steps");
        life.end().await;
    }
}

struct Life {
    engine: Engine,
    intake: Intake,
    matters: Matters,
    journal: Journal,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Carries nothing out.
struct Nobody;

impl Outbound for Nobody {
    fn owe(&self, _case: &Arc<Case>, _owed: Vec<Owed>) {}
    fn happened(&self, _change: &Change) {}
}

impl Life {
    async fn begin(directory: &Path) -> Self {
        let journal = Journal::open(directory, Options::default()).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
        let playbooks = Playbooks::load(&example).unwrap();
        let clock = Clock::start(journal.latest_at().await.unwrap());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let engine =
            Engine::start(journal.clone(), playbooks.clone(), clock, 2, &stop, &tasks, |_| {
                Arc::new(Nobody)
            });
        let intake = Intake::new(engine.clone(), playbooks);
        let matters = Matters::new(engine.clone());
        Self { engine, intake, matters, journal, stop, tasks }
    }

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

    async fn case(&self, id: &CaseId) -> Arc<Case> {
        self.engine.case(id).await.unwrap().unwrap()
    }

    /// Takes steps until nothing more can be done now.
    async fn unite(&self, own: &CaseId, other: &CaseId) -> Step {
        for _ in 0..20 {
            match self.matters.step(own, other).await.unwrap() {
                Step::Done => {}
                step => return step,
            }
        }
        panic!("it does not end")
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.journal.close().await;
    }
}

fn found() -> Digest {
    Digest::of(b"the double charge of 420")
}
