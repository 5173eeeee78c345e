//! What open cases weigh, and how fast a start takes them up again: a whole supervisor in this process, without agents.
//!
//! `cargo bench -p belay-supervisor --bench standing -- [--cases N] [--asking | --held]` opens N cases, lets them stand
//! as they are when an agent is looked for, or with an agent that holds them, and prints how much memory each took.
//! Then it starts the supervisor again on the same data.

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belay_domain::{
    Actor, AgentId, CaseId, Command, Digest, NewEntry, Open, Provenance, Source, TenantId,
};
use belay_playbook::CaseFacts;
use belay_supervisor::{Config, Engine, Playbooks, Running, Supervisor};

/// How many cases are opened at once.
const AT_ONCE: usize = 128;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (mut cases, mut held) = (20_000, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--cases" => cases = words.next().unwrap_or_default().parse()?,
            "--held" => held = true,
            "--asking" | "--bench" => {}
            other => return Err(format!("{other} is not understood").into()),
        }
    }
    let (data, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let playbook = folder.path();
    offline(&example(), playbook)?;
    let first = start(data.path(), playbook).await?;
    open(first.engine(), playbook, 0..cases / 2, held).await?;
    quiet().await?;
    let before = memory()?;
    open(first.engine(), playbook, cases / 2..cases, held).await?;
    quiet().await?;
    let after = memory()?;
    let each = after.saturating_sub(before) / (cases - cases / 2).max(1) as u64;
    println!(
        "{cases} open cases: {} MiB in all, {each} bytes for each of the later half",
        after >> 20
    );
    first.drain().await;

    let (begun, spent) = (Instant::now(), processor_time()?);
    let second = start(data.path(), playbook).await?;
    let served = begun.elapsed();
    let last = id(cases - 1)?;
    let found = second.engine().case(&last).await?.is_some();
    let answered = begun.elapsed();
    let idle_since = quiet().await?;
    let spent = processor_time()? - spent;
    println!(
        "start: serving after {served:.2?}, first answer ({found}) after {answered:.2?}, nothing left to do after \
         {:.2?}, {spent:.2?} of the processors",
        idle_since - begun
    );
    println!("memory then: {} MiB", memory()? >> 20);
    second.drain().await;
    Ok(())
}

async fn start(data: &Path, playbook: &Path) -> Result<Running, Failure> {
    let mut config = Config::development(data, playbook);
    config.listen.set_port(0);
    Ok(Supervisor::start(config).await?)
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk")
}

/// Copies a playbook whose business systems are not there, so that it needs no credentials, and in which nothing lapses
/// while it is measured.
fn offline(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to)?;
    for found in std::fs::read_dir(from)? {
        let found = found?;
        let (path, place) = (found.path(), found.file_name());
        if path.is_dir() {
            offline(&path, &to.join(place))?;
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let lines = text.lines().filter(|line| !line.contains("credential: {env: "));
        let line = |line: &str| match line.split_once(": ") {
            Some((name @ ("  lease" | "  seek_within"), _)) => format!("{name}: 5m\n"),
            Some((name, _)) if name.trim() == "base_url" => {
                format!("{name}: http://127.0.0.1:9\n")
            }
            _ => format!("{line}\n"),
        };
        std::fs::write(to.join(place), lines.map(line).collect::<String>())?;
    }
    Ok(())
}

/// Opens the cases with these numbers.
async fn open(
    engine: &Engine,
    playbook: &Path,
    numbers: Range<usize>,
    held: bool,
) -> Result<(), Failure> {
    let playbooks = Playbooks::load(playbook).map_err(|found| found.to_string())?;
    let playbooks = Arc::new(playbooks);
    let running: Vec<_> = (0..AT_ONCE)
        .map(|worker| {
            let (engine, playbooks, numbers) = (engine.clone(), playbooks.clone(), numbers.clone());
            tokio::spawn(async move {
                for number in numbers.skip(worker).step_by(AT_ONCE) {
                    opened(&engine, &playbooks, number, held).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for worker in running {
        worker.await??;
    }
    Ok(())
}

async fn opened(
    engine: &Engine,
    playbooks: &Playbooks,
    number: usize,
    held: bool,
) -> Result<(), Failure> {
    let tenant: TenantId = "default".parse()?;
    let id = id(number)?;
    let facts = CaseFacts {
        tenant: tenant.clone(),
        id: id.clone(),
        kind: "refund".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: format!("cus-{number}"),
        subject: "the card was charged twice".to_owned(),
        labels: Vec::new(),
    };
    let provenance = Provenance { source: Source::Customer, reference: "mail".to_owned() };
    let body =
        "I was charged twice for order 4711, please give me back the second charge.".to_owned();
    let open = Open {
        tenant,
        request: format!("r-{number}").parse()?,
        terms: playbooks.current().open(&facts),
        subject: facts.subject,
        kind: facts.kind,
        customer: facts.customer,
        channel: facts.channel,
        fingerprint: None,
        labels: facts.labels,
        context: vec![NewEntry { kind: "message".to_owned(), body, provenance }],
        by: Actor::Program("bench".to_owned()),
    };
    engine.command(&id, Command::Open(Box::new(open))).await?;
    if held {
        let agent: AgentId = "billing-1".parse()?;
        let case = engine.command(&id, Command::Offer { to: agent.clone() }).await?.case;
        let Some(offer) = &case.offer else { return Err("it was not offered".into()) };
        let (handoff, context) = (offer.handoff.clone(), case.context.digest());
        let key = Digest::of(b"key");
        engine.command(&id, Command::Accept { agent, key, handoff, context }).await?;
    }
    Ok(())
}

fn id(number: usize) -> Result<CaseId, Failure> {
    Ok(format!("c-{}", &Digest::of(&number.to_le_bytes()).to_string()[..16]).parse()?)
}

/// Waits until this process has next to nothing to do, and says since when.
async fn quiet() -> Result<Instant, Failure> {
    const LOOK: Duration = Duration::from_millis(250);
    loop {
        let (since, spent) = (Instant::now(), processor_time()?);
        tokio::time::sleep(LOOK).await;
        if processor_time()? - spent <= Duration::from_millis(20) {
            return Ok(since);
        }
    }
}

/// How much of the memory is this process's own.
fn memory() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    let kib: u64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(kib * 1024)
}

/// What this process has used of the processors so far, as Linux counts it: in hundredths of a second.
fn processor_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>());
    Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
}
