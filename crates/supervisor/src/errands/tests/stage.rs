//! A supervisor that lives several times, in simulated time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use belay_domain::{
    Action, ActionStage, Actor, ApprovalTerms, Backoff, Case, CaseId, Command, ContractTerms,
    Digest, Executor, Open, PlanStage, Proposal, Ruling, Span, TicketApprover, Timestamp, Verdict,
    after,
};
use belay_journal::{Disk, Driver, Slowness};
use belay_playbook::{CaseFacts, Playbook};
use tempfile::TempDir;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::company::{Around, Company, Office};
use crate::config::Config;
use crate::engine::Engine;
use crate::supervisor::Supervisor;
use crate::surroundings::Surroundings;
use crate::uptime::Uptime;

/// Everything is short in it, and it is the playbook of the simulation.
const PLAYBOOK: &str = "../sim/playbook";

const AGENT: &str = "helper-1";

/// What outlives a supervisor.
pub(super) struct Stage {
    pub(super) company: Arc<Office>,
    time: Arc<Time>,
    playbook: Arc<Playbook>,
    data: TempDir,
}

/// The time, which goes on while nobody lives.
#[derive(Default)]
pub(super) struct Time(Mutex<Clocks>);

#[derive(Default)]
struct Clocks {
    passed: Duration,
    since: Option<Instant>,
    wall_ahead: Duration,
}

/// One life of a supervisor.
pub(super) struct Life<'s> {
    stage: &'s Stage,
    engine: Engine,
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

impl Time {
    /// How much has passed.
    pub(super) fn now(&self) -> Duration {
        let clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.passed + clocks.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn wall(&self) -> Timestamp {
        let ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner).wall_ahead;
        let shown = Duration::from_secs(1_000_000) + self.now() + ahead;
        after(Timestamp::UNIX_EPOCH, Span::from_micros(i64::try_from(shown.as_micros()).unwrap()))
    }

    fn set(&self, set: impl FnOnce(&mut Clocks)) {
        set(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Stage {
    pub(super) fn new(company: Company) -> Self {
        let time = Arc::new(Time::default());
        let company = Arc::new(Office::new(company, time.clone()));
        Self { company, time, playbook: playbook(), data: tempfile::tempdir().unwrap() }
    }

    /// The next supervisor finds a playbook that allows the same and has another version.
    pub(super) fn another_playbook(&mut self) {
        let folder = self.data.path().join("playbook");
        copy(&folder_of_playbook(), &folder);
        let file = folder.join("playbook.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("A small company", "Another company")).unwrap();
        let other = Arc::new(Playbook::load(&folder).unwrap());
        assert_ne!(other.version(), self.playbook.version());
        self.playbook = other;
    }

    /// Nobody lives for so long.
    pub(super) fn dead_for(&self, time: Duration) {
        self.time.set(|clocks| clocks.passed += time);
    }

    /// Somebody sets the wall clock.
    pub(super) fn wall_jumps(&self, ahead: Duration) {
        self.time.set(|clocks| clocks.wall_ahead += ahead);
    }

    /// A supervisor lives until `life` is over, and dies then without a further word.
    pub(super) fn live<T>(&self, life: impl AsyncFnOnce(&Life<'_>) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
        let local = LocalSet::new();
        let lived = local.block_on(&runtime, async {
            self.time.set(|clocks| clocks.since = Some(Instant::now()));
            let mut config = Config::development(self.data.path(), &folder_of_playbook());
            config.shards = 1;
            config.journal.driver = Driver::Inline(Arc::new(Quick));
            let assembled = Supervisor::assemble(config, self.surroundings()).await.unwrap();
            life(&Life { stage: self, engine: assembled.engine().clone() }).await
        });
        {
            let _entered = runtime.enter();
            let passed = self.time.now();
            self.time.set(|clocks| (clocks.passed, clocks.since) = (passed, None));
        }
        drop((local, runtime));
        lived
    }

    fn surroundings(&self) -> Surroundings {
        let (wall, steady) = (self.time.clone(), self.time.clone());
        let uptime = move || Some(Uptime { boot: "the only one".to_owned(), up: steady.now() });
        Surroundings {
            wall: Arc::new(move || wall.wall()),
            steady: Arc::new(uptime),
            outside: Arc::new(Around(self.company.clone())),
            playbook: Some(self.playbook.clone()),
        }
    }
}

impl Life<'_> {
    pub(super) fn company(&self) -> &Office {
        &self.stage.company
    }

    /// A case that its agent holds.
    pub(super) async fn case_of_an_agent(&self) -> CaseId {
        let case = self.open("question").await;
        let offer = Command::Offer { to: AGENT.parse().unwrap() };
        let offered = self.engine.command(&case, offer).await.unwrap().case;
        let handoff = offered.offer.as_ref().unwrap().handoff.clone();
        let (agent, key) = (AGENT.parse().unwrap(), Digest::of(b"a certificate"));
        let context = offered.context.digest();
        let accept = Command::Accept { agent, key, handoff, context };
        self.engine.command(&case, accept).await.unwrap();
        case
    }

    /// A case that people are asked to take.
    pub(super) async fn case_of_people(&self) -> CaseId {
        self.open("complaint").await
    }

    async fn open(&self, kind: &str) -> CaseId {
        let id: CaseId = "c-1".parse().unwrap();
        let facts = CaseFacts {
            tenant: "default".parse().unwrap(),
            id: id.clone(),
            kind: kind.to_owned(),
            severity: None,
            channel: String::new(),
            customer: "cus-1".to_owned(),
            subject: "charged twice".to_owned(),
            labels: Vec::new(),
        };
        let terms = playbook().open(&facts);
        let open = Open {
            tenant: facts.tenant,
            request: "r-1".parse().unwrap(),
            subject: facts.subject,
            kind: facts.kind,
            customer: facts.customer,
            channel: facts.channel,
            fingerprint: None,
            labels: facts.labels,
            context: Vec::new(),
            by: Actor::Program("test".to_owned()),
            terms,
        };
        self.engine.command(&id, Command::Open(Box::new(open))).await.unwrap();
        id
    }

    /// The agent proposes a note, which the supervisor writes by itself.
    pub(super) async fn propose(&self, case: &CaseId, plan: Option<&str>) {
        let epoch = self.case(case).await.epoch;
        let proposal = Proposal {
            agent: AGENT.parse().unwrap(),
            epoch,
            proposal: "p-1".parse().unwrap(),
            contract: "crm.add_note@1".parse().unwrap(),
            input: r#"{"customer_id":"cus-1","text":"called back"}"#.to_owned(),
            provenance: Vec::new(),
            plan: plan.map(|plan| plan.parse().unwrap()),
            justification: "so that others know".to_owned(),
            assess_until: after(self.engine.clock().now(), Span::from_secs(20)),
            verdict: None,
        };
        self.engine.command(case, Command::Propose(Box::new(proposal))).await.unwrap();
    }

    /// The agent proposes what one of the leads has to approve, who may do so on the ticket. Lea is one.
    pub(super) async fn ask_on_a_ticket(&self, case: &CaseId) {
        let found = self.case(case).await;
        let input = r#"{"amount":"5.00"}"#.to_owned();
        let contract = ContractTerms {
            contract: "crm.give_credit@1".parse().unwrap(),
            live: true,
            executor: Executor::Supervisor,
            tier: 2,
            key: "credit".parse().unwrap(),
            amount: None,
            permit_within: Span::from_secs(30),
            outcome_within: Span::from_secs(30),
            settle_within: Span::from_secs(30),
            verify_within: Span::from_secs(30),
            attempts_max: 1,
            backoff: Backoff { first: Span::from_secs(1), most: Span::from_secs(1) },
            compensable: false,
            undo_divergence: false,
        };
        let lea = TicketApprover {
            system: "itsm".parse().unwrap(),
            account: "lea@itsm".parse().unwrap(),
            person: "lea".parse().unwrap(),
            groups: vec!["leads".parse().unwrap()],
        };
        let ruling = Ruling::Ask(Box::new(ApprovalTerms {
            quorum: 1,
            groups: vec!["leads".parse().unwrap()],
            excluded: Vec::new(),
            decide_within: Span::from_mins(30),
            ask: found.terms.as_ref().unwrap().takeover.clone(),
            in_ticket: vec![lea],
            reasons: Vec::new(),
        }));
        let verdict = Verdict {
            playbook: self.stage.playbook.version(),
            boundary: None,
            policies: Vec::new(),
            input: input.clone(),
            snapshot: None,
            shown: "five pounds for the customer".to_owned(),
            terms: Some(contract.clone()),
            ruling,
            basis: None,
        };
        let proposal = Proposal {
            agent: AGENT.parse().unwrap(),
            epoch: found.epoch,
            proposal: "p-1".parse().unwrap(),
            contract: contract.contract,
            input,
            provenance: Vec::new(),
            plan: None,
            justification: "it took too long".to_owned(),
            assess_until: after(self.engine.clock().now(), Span::from_secs(20)),
            verdict: Some(Box::new(verdict)),
        };
        self.engine.command(case, Command::Propose(Box::new(proposal))).await.unwrap();
    }

    /// The agent shows that it is still at it.
    pub(super) async fn progress(&self, case: &CaseId) {
        let (agent, epoch) = (AGENT.parse().unwrap(), self.case(case).await.epoch);
        let progress = Command::Progress { agent, epoch, key: Digest::of(b"a certificate") };
        self.engine.command(case, progress).await.unwrap();
    }

    /// A person says that the case is done.
    pub(super) async fn resolve(&self, case: &CaseId) {
        let by = Actor::Person("olga".parse().unwrap());
        let resolve =
            Command::Resolve { by, code: "resolved".parse().unwrap(), note: String::new() };
        self.engine.command(case, resolve).await.unwrap();
    }

    /// What those who wrote on a ticket have not been told yet.
    pub(super) async fn unanswered(&self, case: &CaseId) -> usize {
        match &self.action(case).await.stage {
            ActionStage::AwaitingApproval(asked) => asked.unanswered.len(),
            stage => panic!("nobody is asked: {stage:?}"),
        }
    }

    /// The agent gives a plan up.
    pub(super) async fn give_up(&self, case: &CaseId, plan: &str) {
        let (agent, epoch) = (AGENT.parse().unwrap(), self.case(case).await.epoch);
        let (plan, reason) = (plan.parse().unwrap(), "it was a mistake".to_owned());
        let give_up = Command::AbandonPlan { agent, epoch, plan, reason };
        self.engine.command(case, give_up).await.unwrap();
    }

    /// The only action of a case.
    pub(super) async fn action(&self, case: &CaseId) -> Arc<Action> {
        self.case(case).await.actions.values().next().expect("an action").clone()
    }

    /// How far the only plan of a case is.
    pub(super) async fn plan(&self, case: &CaseId) -> PlanStage {
        self.case(case).await.plans.values().next().expect("a plan").stage.clone()
    }

    async fn case(&self, case: &CaseId) -> Arc<Case> {
        self.engine.case(case).await.unwrap().expect("a case")
    }

    pub(super) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Looks again and again until there is what is waited for, within a few simulated minutes.
    pub(super) async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..3_000 {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("waited in vain; the company: {:?}", self.stage.company)
    }
}

fn playbook() -> Arc<Playbook> {
    static LOADED: OnceLock<Arc<Playbook>> = OnceLock::new();
    LOADED.get_or_init(|| Arc::new(Playbook::load(&folder_of_playbook()).unwrap())).clone()
}

fn folder_of_playbook() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(PLAYBOOK)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
