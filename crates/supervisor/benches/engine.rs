//! How fast the engine decides and the journal keeps up, without any network: handoffs and signs of progress at
//! several concurrencies, in this process, on a journal in a temporary directory.
//!
//! `cargo bench -p belay-supervisor --bench engine -- [--seconds N] [--at 1,64] [--logs]` prints one line for each
//! figure. Beside the rate stands what the whole process spent on one operation, user and system time together:
//! that figure hardly depends on what else runs on the machine.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belay_domain::{
    Actor, AgentId, Case, CaseId, Command, Digest, NewEntry, Open, Owed, Owner, Provenance, Source,
    Target, TenantId,
};
use belay_journal::{Journal, Options};
use belay_playbook::CaseFacts;
use belay_supervisor::{Applied, Change, Clock, Engine, Outbound, Playbooks};
use belay_transport::telemetry::Telemetry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many agents a case goes around. Two agents that keep handing it to each other would be stopped.
const RING: u64 = 16;

/// How many handoffs one case takes before the next case is used, so that none grows without end.
const HANDOFFS_OF_A_CASE: u64 = 32;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let asked = Asked::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let telemetry = asked.logs.then(|| Telemetry::init("engine-bench")).transpose()?;
        println!(
            "{:<10}{:>12}{:>12}{:>10}{:>10}{:>12}",
            "what", "at once", "/ s", "p50 us", "p99 us", "cpu us each"
        );
        for &workers in &asked.at {
            for what in [What::Handoff, What::Progress] {
                measure(what, workers, asked.seconds).await?;
            }
        }
        if let Some(telemetry) = telemetry {
            telemetry.shutdown().await;
        }
        Ok(())
    })
}

/// What the command line says.
struct Asked {
    seconds: u64,
    at: Vec<u64>,
    logs: bool,
}

impl Asked {
    fn read() -> Result<Self, Failure> {
        let mut asked = Self { seconds: 3, at: vec![1, 16, 64, 256], logs: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seconds" => asked.seconds = words.next().unwrap_or_default().parse()?,
                "--at" => {
                    let list = words.next().unwrap_or_default();
                    asked.at = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--logs" => asked.logs = true,
                // Cargo says so to every benchmark.
                "--bench" => {}
                other => return Err(format!("{other} is not understood").into()),
            }
        }
        Ok(asked)
    }
}

#[derive(Clone, Copy)]
enum What {
    /// Asked for, offered, accepted: three commands.
    Handoff,
    /// A note by the holder: one command with one event.
    Progress,
}

/// Nothing leaves; what is measured is the engine.
struct Nothing;

impl Outbound for Nothing {
    fn owe(&self, _case: &Arc<Case>, _owed: Vec<Owed>) {}

    fn happened(&self, _change: &Change) {}
}

async fn measure(what: What, workers: u64, seconds: u64) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let journal = Journal::open(directory.path(), Options::default())?;
    let playbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
    let playbooks = Playbooks::load(&playbook).map_err(|found| found.to_string())?;
    let clock = Clock::start(None);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let engine = Engine::start(journal.clone(), playbooks.clone(), clock, 2, &stop, &tasks, |_| {
        Arc::new(Nothing)
    });
    let (begun, spent) = (Instant::now(), processor_time()?);
    let until = begun + Duration::from_secs(seconds);
    let running: Vec<_> = (0..workers)
        .map(|worker| tokio::spawn(work(engine.clone(), playbooks.clone(), what, worker, until)))
        .collect();
    let mut took = Vec::new();
    for worker in running {
        took.extend(worker.await??);
    }
    let (elapsed, spent) = (begun.elapsed(), processor_time()? - spent);
    took.sort_unstable();
    let at =
        |share: f64| took.get((took.len() as f64 * share) as usize).map_or(0, Duration::as_micros);
    println!(
        "{:<10}{workers:>12}{:>12.0}{:>10}{:>10}{:>12.1}",
        match what {
            What::Handoff => "handoff",
            What::Progress => "note",
        },
        took.len() as f64 / elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
        spent.as_secs_f64() * 1e6 / took.len().max(1) as f64,
    );
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    journal.close().await;
    Ok(())
}

async fn work(
    engine: Engine,
    playbooks: Playbooks,
    what: What,
    worker: u64,
    until: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut took = Vec::new();
    let mut count = 0;
    while Instant::now() < until {
        let mut case = opened(&engine, &playbooks, &format!("r-{worker}-{count}")).await?;
        count += 1;
        for turn in 1..=HANDOFFS_OF_A_CASE {
            let begun = Instant::now();
            case = match what {
                What::Handoff => hand_over(&engine, &case, turn).await?,
                What::Progress => note(&engine, &case).await?,
            };
            took.push(begun.elapsed());
        }
    }
    Ok(took)
}

async fn opened(
    engine: &Engine,
    playbooks: &Playbooks,
    request: &str,
) -> Result<Arc<Case>, Failure> {
    let tenant: TenantId = "acme".parse()?;
    let id: CaseId = format!("c-{}", &Digest::of(request.as_bytes()).to_string()[..16]).parse()?;
    let facts = CaseFacts {
        tenant: tenant.clone(),
        id: id.clone(),
        kind: "refund".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "cus-1".to_owned(),
        subject: "the card was charged twice".to_owned(),
        labels: Vec::new(),
    };
    let open = Open {
        tenant,
        request: request.parse()?,
        terms: playbooks.current().open(&facts),
        subject: facts.subject,
        kind: facts.kind,
        customer: facts.customer,
        channel: facts.channel,
        fingerprint: None,
        labels: facts.labels,
        context: vec![entry("the customer says that the card was charged twice")],
        by: Actor::Program("bench".to_owned()),
    };
    let case = engine.command(&id, Command::Open(Box::new(open))).await?.case;
    taken(engine, &case, &agent(0)).await
}

/// One agent hands the case to the next.
async fn hand_over(engine: &Engine, case: &Arc<Case>, turn: u64) -> Result<Arc<Case>, Failure> {
    let Owner::Agent { agent: from, .. } = &case.owner else { return Err("nobody has it".into()) };
    let to = agent(turn % RING);
    let ask = Command::RequestHandoff {
        agent: from.clone(),
        epoch: case.epoch,
        to: Target::Agent(to.clone()),
        reason: "this is about money".to_owned(),
        context: vec![entry("the order was paid twice within a minute")],
    };
    let case = engine.command(&case.id, ask).await?.case;
    taken(engine, &case, &to).await
}

/// An agent is offered the case and takes it.
async fn taken(engine: &Engine, case: &Arc<Case>, to: &AgentId) -> Result<Arc<Case>, Failure> {
    let case = engine.command(&case.id, Command::Offer { to: to.clone() }).await?.case;
    let Some(offer) = &case.offer else { return Err("it was not offered".into()) };
    let accept = Command::Accept {
        agent: to.clone(),
        key: Digest::of(to.as_str().as_bytes()),
        handoff: offer.handoff.clone(),
        context: case.context.digest(),
    };
    Ok(engine.command(&case.id, accept).await?.case)
}

async fn note(engine: &Engine, case: &Arc<Case>) -> Result<Arc<Case>, Failure> {
    let Owner::Agent { agent, .. } = &case.owner else { return Err("nobody has it".into()) };
    let by = Actor::Agent { agent: agent.clone(), epoch: case.epoch };
    let add = Command::AddContext { entries: vec![entry("asked the bank")], by };
    let Applied { case, .. } = engine.command(&case.id, add).await?;
    Ok(case)
}

fn entry(body: &str) -> NewEntry {
    let provenance = Provenance { source: Source::Staff, reference: "person:ann".to_owned() };
    NewEntry { kind: "note".to_owned(), body: body.to_owned(), provenance }
}

fn agent(number: u64) -> AgentId {
    format!("billing-{number}").parse().unwrap_or_else(|_| unreachable!("it is an id"))
}

/// What this process has used of the processors so far, as Linux counts it: in hundredths of a second.
fn processor_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>())
        .sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
