//! What it costs to keep an eye on many tickets of one system: a whole supervisor in virtual time, beside a ticket
//! system that answers searches and counts what it is asked.
//!
//! `cargo bench -p belay-supervisor --bench reading -- [--escalations N] [--minutes M] [--single]` opens N escalations
//! whose tickets people take, lets M minutes go by, and prints what was asked, how old evidence became, and whether
//! anybody lost a case because of the limit, also while the cases were being opened. The system takes ten requests a
//! second and refuses the others. With `--single` it cannot be asked for many at once.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_connect::{
    BoxFuture, HumanQueue, NewTicket, OurTicket, OurTickets, QueueError, QueueErrorKind,
    SystemOfRecord, Wanted,
};
use belay_domain::{
    Act, ActKind, Actor, ActorKind, CaseId, Command, Correlation, Coverage, Holder, Open,
    QueueFacts, QueueId, Reading, StaffMember, Standing, SystemId, TenantId, TicketActor,
    TicketFacts, TicketId, TicketReading,
};
use belay_journal::{Disk, Driver, Slowness};
use belay_playbook::CaseFacts;
use belay_supervisor::{Config, Engine, Outside, Playbooks, Supervisor, Surroundings};
use tokio::task::LocalSet;
use tokio::time::Instant;

/// How many tickets a search shows on one page, and how many are asked for at once.
const PAGE: usize = 100;
const AT_ONCE: usize = 500;

/// How long one request takes.
const TAKES: Duration = Duration::from_millis(50);

/// What the system bears: so many at once, and one more after each of these.
const BURST: u32 = 20;
const EVERY: Duration = Duration::from_millis(100);

/// How often it is looked at how old what covers each case is.
const SAMPLED_EVERY: Duration = Duration::from_secs(5);

/// How many people work there.
const PEOPLE: usize = 1_000;

/// As the playbook below says.
const FRESHNESS: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let (mut escalations, mut minutes, mut single) = (10_000, 10, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--escalations" => escalations = words.next().unwrap_or_default().parse()?,
            "--minutes" => minutes = words.next().unwrap_or_default().parse()?,
            "--single" => single = true,
            "--bench" => {}
            other => return Err(format!("{other} is not understood").into()),
        }
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let period = Duration::from_secs(60 * minutes);
    LocalSet::new().block_on(&runtime, measured(escalations, period, single))
}

async fn measured(escalations: usize, period: Duration, single: bool) -> Result<(), Failure> {
    let (data, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
    playbook(folder.path())?;
    let house = Arc::new(House::new(single));
    let mut config = Config::development(data.path(), folder.path());
    config.journal.driver = Driver::Inline(Arc::new(Quick));
    let outside = Arc::new(Around(house.clone()));
    let surroundings = Surroundings { outside, ..Surroundings::default() };
    let supervisor = Supervisor::assemble(config, surroundings).await?;
    let engine = supervisor.engine();
    let playbooks = Playbooks::load(folder.path()).map_err(|found| found.to_string())?;
    let mut cases = Vec::with_capacity(escalations);
    for number in 0..escalations {
        cases.push(asked(engine, &playbooks, &house, number).await?);
        if number % 3 == 2 {
            // No faster than a system of this pace lets them be placed, each of which takes a search at least.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(180)).await;
    let held = sampled(engine, &cases).await?.covered;
    let opening = house.begin();
    let (begun, spent) = (Instant::now(), processor_time()?);
    let (mut oldest, mut fewest) = (Duration::ZERO, held);
    while begun.elapsed() < period {
        tokio::time::sleep(SAMPLED_EVERY).await;
        let sample = sampled(engine, &cases).await?;
        oldest = oldest.max(sample.oldest);
        fewest = fewest.min(sample.covered);
    }
    let (hours, spent) = (begun.elapsed().as_secs_f64() / 3_600.0, processor_time()? - spent);
    let moved = sampled(engine, &cases).await?.moved;
    let counted = house.counted();
    let each = |count: u64| count as f64 / escalations as f64 / hours;
    let seconds = hours * 3_600.0;
    println!("{escalations} open escalations on one system, {seconds:.0} s of virtual time");
    println!(
        "  requests                          {:>10}, {:.2} a second of {:.0} allowed, {} refused",
        counted.requests,
        counted.requests as f64 / seconds,
        1.0 / EVERY.as_secs_f64(),
        counted.refused
    );
    for (kind, at) in [("looks", Kind::Look), ("lists", Kind::List), ("placing", Kind::Place)] {
        let (now, before) = (counted.by_kind[at as usize], opening.by_kind[at as usize]);
        println!("    {kind:<32}{now:>10}, {before} while they were opened");
    }
    println!("  requests per escalation and hour  {:>10.2}", each(counted.requests));
    println!(
        "  tickets read                      {:>10.1} a second",
        counted.read as f64 / seconds
    );
    println!("  reads per escalation and hour     {:>10.1}", each(counted.read));
    println!(
        "  between two reads of one ticket   {:>10.1} s at most, evidence is fresh for {} s",
        counted.gap.as_secs_f64(),
        FRESHNESS.as_secs()
    );
    println!("  oldest evidence at any time       {:>10.1} s", oldest.as_secs_f64());
    println!("  held by people                    {held:>10} before, {fewest} at any time after");
    println!("  moved on because of the limit     {moved:>10}");
    println!(
        "  of the processor                  {:>10.2} ms per escalation and hour",
        spent.as_secs_f64() * 1e3 / escalations as f64 / hours
    );
    Ok(())
}

/// Opens a case for people, and says which ticket it has: placing ten thousand is not what is measured.
async fn asked(
    engine: &Engine,
    playbooks: &Playbooks,
    house: &House,
    number: usize,
) -> Result<CaseId, Failure> {
    let tenant: TenantId = "default".parse()?;
    let id: CaseId = format!("c-{number}").parse()?;
    let facts = CaseFacts {
        tenant: tenant.clone(),
        id: id.clone(),
        kind: "complaint".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: format!("cus-{number}"),
        subject: "the parcel is late".to_owned(),
        labels: Vec::new(),
    };
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
        context: Vec::new(),
        by: Actor::Program("bench".to_owned()),
    };
    let case = engine.command(&id, Command::Open(Box::new(open))).await?.case;
    let step = case.takeover().ok_or("nobody is asked")?.step.correlation.clone();
    let ticket = house.add(number, &id, &step)?;
    engine.command(&id, Command::TicketPlaced { correlation: step, ticket }).await?;
    Ok(id)
}

/// How many cases people hold at a moment, how many are not with their first ticket any more, and how old the oldest
/// evidence is.
#[derive(Default)]
struct Sample {
    covered: usize,
    moved: usize,
    oldest: Duration,
}

async fn sampled(engine: &Engine, cases: &[CaseId]) -> Result<Sample, Failure> {
    let mut sample = Sample::default();
    for id in cases {
        let case = engine.case(id).await?.ok_or("a case is gone")?;
        let now = engine.clock().now();
        let first = |step: &belay_domain::Step| step.round == 1 && step.index == 0;
        sample.moved += usize::from(case.takeover().is_none_or(|found| !first(&found.step)));
        let Coverage::Covered(cover) = case.coverage(now) else { continue };
        sample.covered += 1;
        if let Holder::Person { evidence, .. } = cover.holder() {
            let age = Duration::try_from(now.duration_since(evidence.sent_at()))?;
            sample.oldest = sample.oldest.max(age);
        }
    }
    Ok(sample)
}

/// The simulation's playbook, with the usual freshness and patience of people.
fn playbook(to: &Path) -> Result<(), Failure> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/playbook");
    copy(&from, to)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to)?;
    for found in std::fs::read_dir(from)? {
        let path: PathBuf = found?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &place)?;
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let text = text
            .replace("freshness: 40s", "freshness: 60s")
            .replace("look_every: 10s", "look_every: 20s")
            .replace("acknowledge_within: 40s", "acknowledge_within: 30m")
            .replace("place_within: 25s, reach_within: 20s", "place_within: 30m, reach_within: 30m")
            .replace("decide_within: 90s", "decide_within: 12h")
            .replace(", work_within: 3m", "");
        std::fs::write(place, text)?;
    }
    Ok(())
}

/// A ticket system in which people take what they are given.
#[derive(Debug)]
struct House {
    single: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tickets: HashMap<TicketId, Ticket>,
    /// When the next request would be due if none had been saved up.
    next: Option<Instant>,
    counted: Counted,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    requests: u64,
    by_kind: [u64; 3],
    refused: u64,
    read: u64,
    gap: Duration,
}

/// What a request is for.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Look,
    List,
    /// Placing, and whatever goes with it.
    Place,
}

#[derive(Debug)]
struct Ticket {
    case: CaseId,
    correlation: Correlation,
    number: usize,
    taken_at: Instant,
    read_at: Option<Instant>,
}

impl House {
    fn new(single: bool) -> Self {
        Self { single, state: Mutex::default() }
    }

    fn add(&self, number: usize, case: &CaseId, step: &Correlation) -> Result<TicketId, Failure> {
        let id: TicketId = number.to_string().parse()?;
        let wait = Duration::from_secs(20 + (number as u64 * 7) % 40);
        let ticket = Ticket {
            case: case.clone(),
            correlation: step.clone(),
            number,
            taken_at: Instant::now() + wait,
            read_at: None,
        };
        self.state().tickets.insert(id.clone(), ticket);
        Ok(id)
    }

    /// Counts anew; what was counted before.
    fn begin(&self) -> Counted {
        std::mem::take(&mut self.state().counted)
    }

    fn counted(&self) -> Counted {
        let now = Instant::now();
        let state = self.state();
        let since = state.tickets.values().filter_map(|ticket| ticket.read_at);
        let oldest = since.map(|at| now - at).max().unwrap_or_default();
        Counted { gap: state.counted.gap.max(oldest), ..state.counted }
    }

    /// Takes part in so many requests, or is refused.
    async fn ask(&self, kind: Kind, requests: u32) -> Result<(), QueueError> {
        for _ in 0..requests {
            {
                let mut state = self.state();
                let now = Instant::now();
                state.counted.requests += 1;
                state.counted.by_kind[kind as usize] += 1;
                let due = state.next.map_or(now, |next| next.max(now));
                if due > now + EVERY * BURST {
                    state.counted.refused += 1;
                    let kind = QueueErrorKind::RateLimited { retry_after: None };
                    return Err(QueueError::new(kind, "more than it bears"));
                }
                state.next = Some(due + EVERY);
            }
            tokio::time::sleep(TAKES).await;
        }
        Ok(())
    }

    fn show(&self, ticket: &TicketId, queue: &QueueId) -> Reading {
        let now = Instant::now();
        let mut state = self.state();
        let Some(found) = state.tickets.get_mut(ticket) else {
            return Reading { ticket: TicketReading::Missing, queue: Some(staffed(queue)) };
        };
        let gap = found.read_at.replace(now).map_or(Duration::ZERO, |before| now - before);
        let taken = found.taken_at <= now;
        let holder = TicketActor { name: person(found.number), kind: ActorKind::Person };
        let facts = TicketFacts {
            ticket: ticket.clone(),
            case: Some(found.case.clone()),
            correlation: Some(found.correlation.clone()),
            queue: queue.clone(),
            standing: Standing::Open,
            revision: if taken { 2 } else { 1 },
            acts: if taken {
                vec![Act { actor: holder.clone(), kind: ActKind::Took }]
            } else {
                Vec::new()
            },
            holder: taken.then_some(holder),
            resolution: None,
        };
        state.counted.read += 1;
        state.counted.gap = state.counted.gap.max(gap);
        Reading { ticket: TicketReading::Present(Box::new(facts)), queue: Some(staffed(queue)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HumanQueue for House {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async move {
            self.ask(Kind::Place, 1).await?;
            Ok(staffed(queue))
        })
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async move {
            self.ask(Kind::Place, 1).await?;
            let state = self.state();
            let found = state.tickets.iter().filter(|(_, one)| one.correlation == *correlation);
            Ok(found.map(|(ticket, _)| ticket.clone()).collect())
        })
    }

    fn create<'a>(&'a self, _: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async move {
            self.ask(Kind::Place, 1).await?;
            Err(QueueError::new(QueueErrorKind::Unavailable, "it has all its tickets already"))
        })
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            match self.ask(Kind::Look, 1).await {
                Ok(()) => self.show(ticket, queue),
                Err(error) => unread(&error),
            }
        })
    }

    fn withdraw<'a>(
        &'a self,
        _: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.ask(Kind::Place, 1))
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(async move {
            match self.ask(Kind::Look, self.requests_for(wanted)).await {
                Ok(()) => wanted.iter().map(|one| self.show(&one.ticket, &one.queue)).collect(),
                Err(error) => vec![unread(&error); wanted.len()],
            }
        })
    }

    fn reads_at_once(&self) -> usize {
        if self.single { 1 } else { AT_ONCE }
    }

    /// One for each page, and one for the queue.
    fn requests_for(&self, wanted: &[Wanted]) -> u32 {
        u32::try_from(wanted.len().div_ceil(PAGE) + 1).unwrap_or(u32::MAX)
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        let after: usize = page.and_then(|page| page.parse().ok()).unwrap_or(0);
        Box::pin(async move {
            self.ask(Kind::List, 1).await?;
            let state = self.state();
            let number = |number: usize| TicketId::try_from(number.to_string()).ok();
            let known = (after..after + PAGE).filter_map(number);
            let tickets: Vec<OurTicket> = known
                .filter_map(|ticket| {
                    let found = state.tickets.get(&ticket)?;
                    Some(OurTicket {
                        correlation: found.correlation.clone(),
                        case: Some(found.case.clone()),
                        queue: None,
                        holder: None,
                        subject: None,
                        priority: None,
                        ticket,
                    })
                })
                .collect();
            let more = after + PAGE < state.tickets.len();
            Ok(OurTickets { tickets, next: more.then(|| (after + PAGE).to_string()) })
        })
    }
}

fn unread(error: &QueueError) -> Reading {
    Reading { ticket: TicketReading::Unreadable { detail: error.to_string() }, queue: None }
}

fn staffed(queue: &QueueId) -> QueueFacts {
    let member = |number| StaffMember {
        name: person(number),
        kind: ActorKind::Person,
        enabled: true,
        may_take: true,
        on_shift: Some(true),
    };
    QueueFacts { queue: queue.clone(), enabled: true, staff: (0..PEOPLE).map(member).collect() }
}

fn person(number: usize) -> belay_domain::PersonId {
    let name = format!("person-{}", number % PEOPLE);
    name.parse().unwrap_or_else(|_| unreachable!("the name of a person is an id"))
}

/// How much of the processors this process has used.
fn processor_time() -> Result<Duration, Failure> {
    let told = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = told.split_whitespace().next().unwrap_or("0").parse()?;
    Ok(Duration::from_nanos(nanos))
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
