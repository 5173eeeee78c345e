//! The stage on which every promise is tried: a real supervisor over mutual TLS with its journal on disk, a company
//! with a ledger, agents that join through the SDK, and people who call with tokens.
//!
//! The supervisor has a runtime of its own, so that it can be ended in the middle of whatever it does.

#[path = "stage/agents.rs"]
pub(crate) mod agents;
#[path = "stage/bare.rs"]
pub(crate) mod bare;
#[path = "stage/callers.rs"]
pub(crate) mod callers;
#[path = "stage/company.rs"]
pub(crate) mod company;
#[path = "stage/line.rs"]
pub(crate) mod line;
#[path = "stage/playbook.rs"]
pub(crate) mod playbook;
#[path = "stage/raw.rs"]
pub(crate) mod raw;
#[path = "stage/watching.rs"]
pub(crate) mod watching;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belay_api::v1;
use belay_supervisor::{Config, StartError, Supervisor};
use belay_transport::authority::DevAuthority;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use callers::Caller;
use company::Company;
use playbook::Playbook;

/// The longest any wait of these tests may take, on a machine that has other things to do.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The customer that most cases are about.
pub(crate) const CUSTOMER: &str = "c-1";

/// A supervisor and everything around it.
pub(crate) struct Stage {
    pub(crate) company: Company,
    config: Config,
    running: Option<Supervising>,
    directory: TempDir,
}

/// A supervisor in a runtime of its own.
struct Supervising {
    runtime: Runtime,
    /// Tells it to leave in order.
    leave: oneshot::Sender<oneshot::Sender<()>>,
}

impl Stage {
    /// With the playbook as it is.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With a changed playbook.
    pub(crate) async fn with(change: impl FnOnce(&Playbook)) -> Self {
        Self::tuned(change, |_| ()).await
    }

    /// With a changed playbook on a supervisor that is set up in another way.
    pub(crate) async fn tuned(
        change: impl FnOnce(&Playbook),
        tune: impl FnOnce(&mut Config),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let company = Company::start().await;
        let playbook = Playbook::write(&directory.path().join("playbook"), company.url());
        change(&playbook);
        let mut config = Config::development(&directory.path().join("data"), playbook.folder());
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.shards = 2;
        tune(&mut config);
        let mut stage = Self { company, config, running: None, directory };
        stage.go_on().await;
        stage
    }

    /// Where agents and people reach the supervisor.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.config.listen)
    }

    /// The same, as the system knows it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.config.listen
    }

    /// Where certificates and the identity provider are.
    pub(crate) fn identities(&self) -> PathBuf {
        self.config.data.join("identity")
    }

    pub(crate) fn authority(&self) -> DevAuthority {
        DevAuthority::open_or_create(&self.identities()).unwrap()
    }

    /// The supervisor's journal.
    pub(crate) fn journal(&self) -> PathBuf {
        Config::journal_in(&self.config.data)
    }

    /// A folder that goes with the stage.
    pub(crate) fn room(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Ends the supervisor as a crash does, as far as one process can: no task gets a further turn, nobody is told.
    pub(crate) fn crash(&mut self) {
        let supervising = self.running.take().expect("the supervisor runs");
        supervising.runtime.shutdown_background();
    }

    /// Lets the supervisor leave in order.
    pub(crate) async fn leave(&mut self) {
        let Supervising { runtime, leave } = self.running.take().expect("the supervisor runs");
        let (left, gone) = oneshot::channel();
        leave.send(left).unwrap();
        tokio::time::timeout(LONG, gone).await.expect("the supervisor leaves").unwrap();
        runtime.shutdown_background();
    }

    /// Starts the supervisor on the data that is there, on the address of before.
    pub(crate) async fn go_on(&mut self) {
        assert!(self.running.is_none(), "a supervisor runs already");
        let mut last: Option<StartError> = None;
        // A supervisor that crashed lets go of its files a moment later.
        let deadline = tokio::time::Instant::now() + LONG;
        while tokio::time::Instant::now() < deadline {
            match self.try_start().await {
                Ok(()) => return,
                Err(failure @ (StartError::Journal(_) | StartError::Listen { .. })) => {
                    last = Some(failure);
                }
                Err(failure) => panic!("the supervisor does not start: {failure}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the supervisor does not start: {}", last.unwrap());
    }

    async fn try_start(&mut self) -> Result<(), StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("supervisor")
            .enable_all()
            .build()
            .unwrap();
        let started = runtime.spawn(Supervisor::start(self.config.clone())).await.unwrap();
        let running = match started {
            Ok(running) => running,
            Err(failure) => {
                runtime.shutdown_background();
                return Err(failure);
            }
        };
        self.config.listen = running.address();
        let (leave, told) = oneshot::channel::<oneshot::Sender<()>>();
        runtime.spawn(async move {
            // Nobody says it when the stage is dropped; then the runtime ends as well.
            if let Ok(left) = told.await {
                running.drain().await;
                let _ = left.send(());
            }
        });
        self.running = Some(Supervising { runtime, leave });
        Ok(())
    }

    /// The command line without a person.
    pub(crate) fn tool(&self) -> Caller {
        Caller::tool(self)
    }

    /// A person with these groups, of the first tenant.
    pub(crate) fn person(&self, id: &str, groups: &[&str]) -> Caller {
        Caller::person(self, id, groups, "default")
    }

    /// Opens a case of this kind for the usual customer, from a tool.
    pub(crate) async fn open(&self, kind: &str) -> String {
        let opened = self.tool().open(case_of(kind)).await.expect("the case is opened");
        opened.case.unwrap().summary.unwrap().id
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(supervising) = self.running.take() {
            supervising.runtime.shutdown_background();
        }
    }
}

/// A request for a case of this kind, never the same twice.
pub(crate) fn case_of(kind: &str) -> v1::OpenCaseRequest {
    v1::OpenCaseRequest {
        request_id: request(),
        subject: format!("a matter of {kind}"),
        kind: kind.to_owned(),
        customer: CUSTOMER.to_owned(),
        channel: "mail".to_owned(),
        context: vec![said("I was charged twice for charge ch-1."), read()],
        ..v1::OpenCaseRequest::default()
    }
}

/// What the customer said.
pub(crate) fn said(body: &str) -> v1::NewContextEntry {
    v1::NewContextEntry {
        kind: "message".to_owned(),
        body: body.to_owned(),
        provenance: Some(v1::Provenance {
            source: v1::ProvenanceSource::Customer.into(),
            reference: "mail-1".to_owned(),
        }),
    }
}

/// What intake found in the books.
fn read() -> v1::NewContextEntry {
    v1::NewContextEntry {
        kind: "fact".to_owned(),
        body: r#"{"charge": "ch-1"}"#.to_owned(),
        provenance: Some(v1::Provenance {
            source: v1::ProvenanceSource::SystemOfRecord.into(),
            reference: "charges/ch-1".to_owned(),
        }),
    }
}

/// A request id that was not used before.
pub(crate) fn request() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("request-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Looks again and again until there is what is waited for.
pub(crate) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited {LONG:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits for something that comes by itself.
pub(crate) async fn within<T>(what: &str, coming: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LONG, coming).await {
        Ok(came) => came,
        Err(_) => panic!("waited {LONG:?} in vain for {what}"),
    }
}
