//! A whole supervisor beside a ticket system whose lists say other things than the journal. In virtual time.

mod house;

use std::sync::Arc;
use std::time::Duration;

use belay_connect::{HumanQueue, SystemOfRecord};
use belay_domain::{Actor, Case, CaseId, EventKind, SystemId};
use belay_journal::{Disk, Driver, Slowness};
use tokio::task::LocalSet;

use crate::intake::{Intake, OpenRequest};
use crate::playbooks::Playbooks;
use crate::{Assembled, Config, Outside, Supervisor, Surroundings, decode};
use house::House;

/// Longer than two passes.
const A_WHILE: Duration = Duration::from_secs(150);

#[test]
fn a_second_ticket_that_no_search_shows_is_withdrawn_and_the_first_one_stays() {
    run(async |stage| {
        let case = stage.taken_case().await;
        stage.house.double("T1", None);
        assert_eq!(stage.house.shows(), "T1 open ann; T2 open");
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(stage.house.shows(), "T1 open ann; T2 closed, told");
        assert!(stage.is_covered(&case).await);
    });
}

#[test]
fn a_second_ticket_that_a_person_holds_is_only_commented_on_and_only_once() {
    run(async |stage| {
        let case = stage.taken_case().await;
        stage.house.double("T1", Some("ben"));
        tokio::time::sleep(A_WHILE * 3).await;
        assert_eq!(stage.house.shows(), "T1 open ann; T2 open ben, told");
        assert_eq!(stage.house.withdrawals("T2"), 1);
        let kept = stage.supervisor.findings().warnings(Some(&case));
        let held = format!(
            "itsm: the ticket T2 of {case}/e1/r1s1, whose people know that it is over, is still open; ben holds it"
        );
        assert!(kept.contains(&held), "{kept:?}");
        assert!(stage.is_covered(&case).await);
    });
}

#[test]
fn a_ticket_of_a_case_that_is_over_is_withdrawn() {
    run(async |stage| {
        let case = stage.taken_case().await;
        stage.house.close("T1");
        tokio::time::sleep(A_WHILE).await;
        assert!(!stage.case(&case).await.is_open());
        stage.house.add("T7", &format!("{case}/e1/r1s1"), Some(&case));
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(stage.house.shows(), "T1 closed ann; T7 closed, told");
    });
}

#[test]
fn a_ticket_of_a_case_that_nobody_knows_is_left_to_whom_it_belongs() {
    run(async |stage| {
        stage.taken_case().await;
        stage.house.add("T7", "elsewhere/e1/r1s1", None);
        stage.house.add("T8", "scribble", None);
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(stage.house.shows(), "T1 open ann; T7 open; T8 open");
    });
}

#[test]
fn a_list_that_leaves_a_ticket_out_takes_nothing_from_those_who_hold_it() {
    run(async |stage| {
        let case = stage.taken_case().await;
        stage.house.leave_out("T1");
        tokio::time::sleep(A_WHILE).await;
        assert!(stage.is_covered(&case).await);
        assert_eq!(stage.tickets(&case).await, "T1");
    });
}

#[test]
fn a_ticket_that_is_gone_lapses_and_the_next_step_is_taken() {
    run(async |stage| {
        let case = stage.taken_case().await;
        stage.house.lose("T1");
        tokio::time::sleep(Duration::from_secs(30)).await;
        let lapsed = stage.case(&case).await;
        assert!(lapsed.takeover().is_some_and(|found| found.step.index == 1), "{lapsed:?}");
    });
}

#[test]
fn what_people_write_on_a_ticket_stays() {
    run(async |stage| {
        let case = stage.taken_case().await;
        tokio::time::sleep(A_WHILE).await;
        stage.house.rename("T1", "mine now");
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(stage.house.subject("T1"), "mine now");
        let renamed = format!(
            "itsm: the subject of the ticket T1 of {case}/e1/r1s1 was changed to \"mine now\""
        );
        assert!(stage.supervisor.findings().warnings(None).contains(&renamed));
        assert_eq!(stage.house.shows(), "T1 open ann");
        assert!(stage.is_covered(&case).await);
    });
}

#[test]
fn each_change_by_hand_is_in_the_history_of_its_case_once() {
    run(async |stage| {
        let case = stage.taken_case().await;
        tokio::time::sleep(A_WHILE).await;
        stage.house.rename("T1", "mine now");
        tokio::time::sleep(A_WHILE * 2).await;
        assert_eq!(stage.drifts(&case).await, "late to mine now");
        stage.house.rename("T1", "Please take: the parcel is late");
        tokio::time::sleep(A_WHILE * 2).await;
        assert_eq!(stage.drifts(&case).await, "late to mine now; late to late");
        let kept = stage.supervisor.findings().warnings(Some(&case));
        assert!(!kept.iter().any(|one| one.contains("subject")), "{kept:?}");
        assert!(stage.is_covered(&case).await);
    });
}

#[test]
fn a_system_that_cannot_be_listed_leaves_everything_as_it_is() {
    run(async |stage| {
        let case = stage.taken_case().await;
        stage.house.fail_lists(true);
        stage.house.double("T1", None);
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(stage.house.shows(), "T1 open ann; T2 open");
        assert!(stage.is_covered(&case).await);
        stage.house.fail_lists(false);
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(stage.house.shows(), "T1 open ann; T2 closed, told");
    });
}

/// A supervisor and the ticket system it reaches people in.
struct Stage {
    house: Arc<House>,
    supervisor: Assembled,
    intake: Intake,
    _data: tempfile::TempDir,
}

impl Stage {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/playbook");
        let house = Arc::new(House::default());
        let mut config = Config::development(data.path(), &folder);
        config.journal.driver = Driver::Inline(Arc::new(Quick));
        let surroundings =
            Surroundings { outside: Arc::new(Around(house.clone())), ..Surroundings::default() };
        let supervisor = Supervisor::assemble(config, surroundings).await.unwrap();
        let playbooks = Playbooks::load(&folder).unwrap();
        let intake = Intake::new(supervisor.engine().clone(), playbooks);
        Self { house, supervisor, intake, _data: data }
    }

    /// A case that ann has taken.
    async fn taken_case(&self) -> CaseId {
        let request = OpenRequest {
            tenant: "acme".parse().unwrap(),
            request: "r-1".parse().unwrap(),
            subject: "the parcel is late".to_owned(),
            kind: "complaint".to_owned(),
            severity: None,
            customer: "cus-1".to_owned(),
            channel: "mail".to_owned(),
            fingerprint: None,
            labels: Vec::new(),
            context: Vec::new(),
            by: Actor::Program("test".to_owned()),
        };
        let case = self.intake.open(request).await.unwrap().case.id.clone();
        // The settling time of a search, and a look after it.
        tokio::time::sleep(Duration::from_secs(12)).await;
        self.house.take("T1", "ann");
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert!(self.is_covered(&case).await, "ann has not been seen to take it");
        case
    }

    async fn case(&self, case: &CaseId) -> Arc<Case> {
        self.supervisor.engine().case(case).await.unwrap().unwrap()
    }

    async fn is_covered(&self, case: &CaseId) -> bool {
        let now = self.supervisor.engine().clock().now();
        self.case(case).await.coverage(now).is_covered()
    }

    /// What was changed by hand, without what all subjects begin with.
    async fn drifts(&self, case: &CaseId) -> String {
        let journal = self.supervisor.engine().journal();
        let events = journal.events_of(case.as_str(), 0, 1_000).await.unwrap();
        let changed = events.iter().filter_map(|stored| match decode(stored).unwrap().kind {
            EventKind::TicketDrifted { was, now, .. } => {
                let brief = |text: &str| text.replace("Please take: the parcel is ", "");
                Some(format!("{} to {}", brief(&was), brief(&now)))
            }
            _ => None,
        });
        changed.collect::<Vec<_>>().join("; ")
    }

    async fn tickets(&self, case: &CaseId) -> String {
        let tickets = self.case(case).await.tickets();
        let names = tickets.iter().filter_map(|one| one.ticket.as_ref());
        names.map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// Plays a story in virtual time.
#[track_caller]
fn run(story: impl AsyncFnOnce(Stage)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let play = async { story(Stage::start().await).await };
    LocalSet::new().block_on(&runtime.unwrap(), play);
}

/// A disk that takes no time.
#[derive(Debug)]
struct Quick;

impl Disk for Quick {
    fn commit(&self) -> Slowness {
        Slowness::default()
    }

    fn read(&self) -> Slowness {
        Slowness::default()
    }
}

struct Around(Arc<House>);

impl Outside for Around {
    fn queues(&self, _: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        Some(self.0.clone())
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        None
    }
}
