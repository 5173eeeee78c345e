//! A whole supervisor with one scripted human queue, for tests of what keeps an eye on Belay itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use belay_connect::{
    BoxFuture, HumanQueue, NewTicket, QueueError, QueueErrorKind, Settling, SystemOfRecord,
};
use belay_domain::{
    Act, ActKind, Actor, ActorKind, Case, CaseId, Command, Coverage, Open, PersonId, QueueFacts,
    QueueId, Reading, StaffMember, Standing, SystemId, TicketActor, TicketFacts, TicketId,
    TicketReading,
};
use belay_playbook::{CaseFacts, Playbook};

use crate::config::Config;
use crate::supervisor::{Running, Supervisor};
use crate::surroundings::{Outside, Surroundings};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A supervisor that runs, and what is around it.
pub(crate) struct Bed {
    pub(crate) running: Running,
    pub(crate) itsm: Itsm,
    directory: tempfile::TempDir,
}

impl Bed {
    /// Starts with this in `operations.yaml`; `{dir}` in it stands for a directory that has the file `secret`.
    pub(crate) async fn start(
        operations: &str,
        secret: &str,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), secret).unwrap();
        let folder = directory.path().join("playbook");
        let operations = operations.replace("{dir}", &directory.path().display().to_string());
        for (name, text) in FILES.iter().copied().chain([("operations.yaml", operations.as_str())])
        {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut config = Config::development(&directory.path().join("data"), &folder);
        config.listen.set_port(0);
        change(&mut config);
        let itsm = Itsm::default();
        let surroundings =
            Surroundings { outside: Arc::new(Around(itsm.clone())), ..Surroundings::default() };
        let running = Supervisor::start_in(config, surroundings).await.unwrap();
        Self { running, itsm, directory }
    }

    /// Opens a case that goes to people.
    pub(crate) async fn open(&self, id: &str) -> CaseId {
        let case: CaseId = id.parse().unwrap();
        let open = opening(&self.path("playbook"), &case, "help", "charged twice");
        self.running.engine().command(&case, Command::Open(Box::new(open))).await.unwrap();
        case
    }

    pub(crate) async fn case(&self, id: &CaseId) -> Arc<Case> {
        self.running.engine().case(id).await.unwrap().unwrap()
    }

    pub(crate) async fn coverage(&self, id: &CaseId) -> Coverage {
        self.case(id).await.coverage(self.running.engine().clock().now())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits until this is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
            "waited too long until {what}"
        );
    }
}

/// A case of a customer as the playbook in this folder opens it.
pub(crate) fn opening(playbook: &Path, id: &CaseId, kind: &str, subject: &str) -> Open {
    let facts = CaseFacts {
        tenant: "acme".parse().unwrap(),
        id: id.clone(),
        kind: kind.to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "carl".to_owned(),
        subject: subject.to_owned(),
        labels: Vec::new(),
    };
    let terms = Playbook::load(playbook).unwrap().open(&facts);
    Open {
        tenant: facts.tenant,
        request: format!("r-{id}").parse().unwrap(),
        subject: facts.subject,
        kind: facts.kind,
        customer: facts.customer,
        channel: facts.channel,
        fingerprint: None,
        labels: Vec::new(),
        context: Vec::new(),
        by: Actor::Program("test".to_owned()),
        terms,
    }
}

/// A ticket system that does what it is told. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Itsm(Arc<Mutex<House>>);

#[derive(Debug, Default)]
struct House {
    tickets: Vec<(TicketId, NewTicket)>,
    looks: usize,
    taken: bool,
    withdrawn: Vec<TicketId>,
    expired: bool,
    empty: bool,
}

impl Itsm {
    /// How often a ticket was read.
    pub(crate) fn looks(&self) -> usize {
        self.house().looks
    }

    /// From now on every read shows that ana took the ticket.
    pub(crate) fn is_taken(&self) {
        self.house().taken = true;
    }

    /// Our credential is not accepted any more, or is again.
    pub(crate) fn refuses_us(&self, refuses: bool) {
        self.house().expired = refuses;
    }

    /// Nobody is on the queue.
    pub(crate) fn has_nobody(&self) {
        self.house().empty = true;
    }

    pub(crate) fn withdrawn(&self) -> Vec<TicketId> {
        self.house().withdrawn.clone()
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.0.lock().unwrap()
    }

    fn staff(&self, queue: &QueueId) -> QueueFacts {
        let ana = StaffMember {
            name: ana(),
            kind: ActorKind::Person,
            enabled: true,
            may_take: true,
            on_shift: None,
        };
        let staff = if self.house().empty { Vec::new() } else { vec![ana] };
        QueueFacts { queue: queue.clone(), enabled: true, staff }
    }

    fn asked<T>(&self, answer: impl FnOnce(&mut House) -> T) -> Result<T, QueueError> {
        let mut house = self.house();
        if house.expired {
            return Err(QueueError::new(QueueErrorKind::Unauthorized, "401: token expired"));
        }
        Ok(answer(&mut house))
    }
}

fn ana() -> PersonId {
    "ana".parse().unwrap()
}

impl HumanQueue for Itsm {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move {
            self.asked(|_| ())?;
            Ok(self.staff(queue))
        })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a belay_domain::Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move {
            self.asked(|house| {
                let ours = house.tickets.iter().filter(|(_, new)| new.correlation == *correlation);
                ours.map(|(id, _)| id.clone()).collect()
            })
        })
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move {
            self.asked(|house| {
                let id: TicketId = format!("T{}", house.tickets.len() + 1).parse().unwrap();
                house.tickets.push((id.clone(), ticket.clone()));
                id
            })
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let staff = self.staff(queue);
            let read = self.asked(|house| {
                house.looks += 1;
                let found = house.tickets.iter().find(|(id, _)| id == ticket)?;
                let actor = TicketActor { name: ana(), kind: ActorKind::Person };
                let taken = house.taken.then(|| actor.clone());
                Some(TicketFacts {
                    ticket: ticket.clone(),
                    case: Some(found.1.case.clone()),
                    correlation: Some(found.1.correlation.clone()),
                    queue: found.1.queue.clone(),
                    standing: Standing::Open,
                    revision: if house.taken { 2 } else { 1 },
                    acts: taken
                        .iter()
                        .map(|_| Act { actor: actor.clone(), kind: ActKind::Took })
                        .collect(),
                    holder: taken,
                    resolution: None,
                })
            });
            match read {
                Ok(Some(facts)) => {
                    Reading { ticket: TicketReading::Present(Box::new(facts)), queue: Some(staff) }
                }
                Ok(None) => Reading { ticket: TicketReading::Missing, queue: Some(staff) },
                Err(error) => Reading {
                    ticket: TicketReading::Unreadable { detail: error.to_string() },
                    queue: None,
                },
            }
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.asked(|house| house.withdrawn.push(ticket.clone())) })
    }

    fn settling(&self) -> Settling {
        Settling { within: Duration::from_millis(50), every: Duration::from_millis(10) }
    }
}

struct Around(Itsm);

impl Outside for Around {
    fn queues(&self, system: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        (system.as_str() == "rt").then(|| Arc::new(self.0.clone()) as Arc<dyn HumanQueue>)
    }

    fn record(&self, _: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        None
    }
}

/// Everything goes to one queue, which is looked at seldom.
const FILES: [(&str, &str); 6] = [
    ("playbook.yaml", "name: small\n"),
    (
        "systems.yaml",
        "systems:
  rt:
    kind: request-tracker
    base_url: http://127.0.0.1:9
    service_account: belay
    statuses: {open: open, resolved: resolved}
    fields: {correlation: Belay, case: Case, resolution: Resolution}
    queues: {General: {}}
",
    ),
    ("agents.yaml", "roles: {}\nagents: {}\n"),
    ("routing.yaml", "otherwise: {to: people, takeover: takeover}\n"),
    ("taxonomy.yaml", "resolutions:\n  resolved: {title: Done, means: resolve}\n"),
    (
        "escalations/takeover.yaml",
        "name: takeover
freshness: 280s
look_every: 140s
steps:
  - {queue: rt/General, acknowledge_within: 1h}
backoff: {first: 1m, most: 15m}
",
    ),
];
