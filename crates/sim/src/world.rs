//! The simulated world: its time, its people and systems, and what is true in it.
//!
//! The world goes on while no supervisor runs, and remembers what a crash of one forgets. All that happens in it is
//! data: deeds that lie ahead, each with its moment, and carried out when anybody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_domain::{CaseId, SystemId, TicketId, Timestamp};
use belay_supervisor::Uptime;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::itsm::{Deed, Tickets};
use crate::operators::{Edition, InForce};
use crate::promises::Promise;
use crate::records::Records;
use crate::tally::Tally;

/// A moment of a run: how long after its beginning.
pub(crate) type Moment = Duration;

/// What the wall showed at the beginning of every run.
const WALL_AT_BEGINNING: &str = "2026-03-02T09:00:00Z";

/// How often a supervisor writes down the time. What passed since the last time is forgotten with a boot.
const MARKED_EVERY: Duration = Duration::from_secs(6);

/// The world; cheap to clone.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    data: Arc<PathBuf>,
}

/// Everything in it.
pub(crate) struct State {
    pub(crate) dice: Dice,
    /// The lies of the catalogue that are told in this run.
    pub(crate) lies: BTreeSet<u8>,
    /// Whether things still go wrong. People are diligent and systems well once they do not.
    pub(crate) troubled: bool,
    pub(crate) houses: BTreeMap<SystemId, Tickets>,
    pub(crate) records: Records,
    pub(crate) tally: Tally,
    pub(crate) promises: Vec<(Moment, Promise)>,
    pub(crate) cases: Vec<CaseId>,
    /// From when on each agent no longer holds a case under an epoch, as it was told or did itself.
    pub(crate) ended: BTreeMap<(String, CaseId, u64), Moment>,
    /// When each agent last worked on a case under an epoch.
    pub(crate) worked: BTreeMap<(String, CaseId, u64), Vec<Moment>>,
    /// When the clock of each supervisor's life started, and what it showed then.
    pub(crate) lives: Vec<Life>,
    /// By how many seconds the machine's wall clock is wrong.
    pub(crate) wall_wrong_by: i64,
    /// The playbook that a supervisor finds which starts now.
    pub(crate) edition: Edition,
    /// The playbooks that were in force, and from when on.
    pub(crate) in_force: Vec<InForce>,
    /// When the machine was started last, and how often it was started again.
    boot: (Moment, u64),
    wrongs: Vec<String>,
    story: Option<Vec<String>>,
    begun: Moment,
    since: Option<Instant>,
    deeds: BTreeMap<(Moment, u64), (SystemId, Deed)>,
    deed_count: u64,
}

/// One life of the supervisor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// When it began to work.
    pub(crate) from: Moment,
    /// When it died, if it has.
    pub(crate) to: Option<Moment>,
    /// What its clock showed at `from`.
    pub(crate) clock: Timestamp,
    /// The last position of the journal before it.
    pub(crate) first: u64,
    /// In which start of the machine.
    pub(crate) boot: u64,
}

impl World {
    /// A world for one run. The supervisor's data is in `data`.
    pub(crate) fn new(state: State, data: &Path) -> Self {
        Self { state: Arc::new(Mutex::new(state)), data: Arc::new(data.to_owned()) }
    }

    /// The world as it is now: everything has happened that lay before this moment.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance();
        state
    }

    /// The moment.
    pub(crate) fn now(&self) -> Moment {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// What the machine's clock on the wall shows.
    pub(crate) fn wall(&self) -> Timestamp {
        self.look().wall()
    }

    /// How long the machine has been up.
    pub(crate) fn uptime(&self) -> Uptime {
        self.look().uptime()
    }

    /// Where the supervisor keeps its journal.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Where the supervisor finds its playbook.
    pub(crate) fn playbook(&self) -> PathBuf {
        self.data.join("playbook")
    }

    /// A line of the story.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        self.look().tell(line);
    }
}

impl State {
    pub(crate) fn new(mut dice: Dice, lies: BTreeSet<u8>, story: bool) -> Self {
        let records = Records::new(&mut dice);
        Self {
            dice,
            lies,
            troubled: true,
            houses: BTreeMap::new(),
            records,
            tally: Tally::default(),
            promises: Vec::new(),
            cases: Vec::new(),
            ended: BTreeMap::new(),
            worked: BTreeMap::new(),
            lives: Vec::new(),
            wall_wrong_by: 0,
            edition: Edition::First,
            in_force: Vec::new(),
            boot: (Duration::ZERO, 0),
            wrongs: Vec::new(),
            story: story.then(Vec::new),
            begun: Duration::ZERO,
            since: None,
            deeds: BTreeMap::new(),
            deed_count: 0,
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.begun + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub(crate) fn wall(&self) -> Timestamp {
        let begun: Timestamp = WALL_AT_BEGINNING.parse().unwrap_or_default();
        let now = i64::try_from(self.now().as_micros()).unwrap_or(i64::MAX);
        let wrong = belay_domain::Span::from_secs(self.wall_wrong_by);
        belay_domain::after(begun, belay_domain::Span::from_micros(now) + wrong)
    }

    fn uptime(&self) -> Uptime {
        let (since, number) = self.boot;
        Uptime { boot: format!("boot {number}"), up: self.now().saturating_sub(since) }
    }

    /// The machine starts again. What it counted from its start begins anew.
    pub(crate) fn reboot(&mut self) {
        self.boot = (self.now(), self.boot.1 + 1);
        self.tally.count("clocks: the machine started again");
        self.tell(|| "the machine starts again".to_owned());
    }

    /// Which start of the machine this is.
    pub(crate) fn boot(&self) -> u64 {
        self.boot.1
    }

    /// Time runs, as the runtime's clock does, from here on.
    pub(crate) fn time_runs(&mut self) {
        self.since = Some(Instant::now());
    }

    /// Time stands still: the runtime ends here.
    pub(crate) fn time_stops(&mut self) {
        self.begun = self.now();
        self.since = None;
    }

    /// Nothing runs for a while.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.begun += time;
    }

    /// When the clock of one of the lives showed this.
    pub(crate) fn moment_in(&self, life: usize, clock: Timestamp) -> Moment {
        let Some(life) = self.lives.get(life) else { return Duration::ZERO };
        match Duration::try_from(clock.duration_since(life.clock)) {
            Ok(later) => life.from + later,
            Err(_) => {
                let earlier = Duration::try_from(life.clock.duration_since(clock));
                life.from.saturating_sub(earlier.unwrap_or_default())
            }
        }
    }

    /// When the clock showed this, in that life or in one before.
    pub(crate) fn moment_by(&self, life: usize, clock: Timestamp) -> Moment {
        let lives = self.lives.iter().enumerate().take(life + 1).rev();
        let found = lives.into_iter().find(|(_, found)| found.clock <= clock);
        self.moment_in(found.map_or(0, |(index, _)| index), clock)
    }

    /// In which life an event was written.
    pub(crate) fn life_of(&self, position: u64) -> usize {
        let began = self.lives.iter().rposition(|life| life.first < position);
        began.unwrap_or(0)
    }

    /// How much of the time from `from` to `to` no supervisor was alive.
    pub(crate) fn dead_time(&self, from: Moment, to: Moment) -> Duration {
        let mut dead = Duration::ZERO;
        let ends = self.lives.iter().map(|life| life.to);
        let begins = self.lives.iter().skip(1).map(|life| life.from);
        for (end, begin) in ends.zip(begins) {
            let (end, begin) = (end.unwrap_or(begin).max(from), begin.min(to));
            dead += begin.saturating_sub(end);
        }
        dead
    }

    /// How much of the time from `from` to `to` nobody could count: no supervisor was alive, and the machine started
    /// again.
    pub(crate) fn uncounted(&self, from: Moment, to: Moment) -> Duration {
        let gaps = self.lives.windows(2).filter_map(|pair| match pair {
            [before, next] if before.boot != next.boot => Some((before.to?, next.from)),
            _ => None,
        });
        let gaps = gaps.filter(|(end, begin)| *begin > from && *end < to);
        gaps.map(|(end, begin)| begin - end + MARKED_EVERY).sum()
    }

    /// Whether there were two lives between these moments.
    pub(crate) fn same_life(&self, one: Moment, other: Moment) -> bool {
        self.lives.iter().any(|life| {
            life.from <= one
                && other >= life.from
                && life.to.is_none_or(|to| one <= to && other <= to)
        })
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(story) = &mut self.story {
            story.push(format!("{:>9.3}  {}", now.as_secs_f64(), line()));
        }
    }

    /// The lines of the story so far.
    pub(crate) fn take_story(&mut self) -> Vec<String> {
        self.story.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A promise of Belay's is broken.
    pub(crate) fn wrong(&mut self, promise: &str, what: impl Display) {
        let line = format!("{promise} at {:.3}: {what}", self.now().as_secs_f64());
        self.tell(|| format!("!!! {line}"));
        self.wrongs.push(line);
    }

    pub(crate) fn wrongs(&self) -> &[String] {
        &self.wrongs
    }

    pub(crate) fn promise(&mut self, promise: Promise) {
        self.promises.push((self.now(), promise));
    }

    /// Whether a lie of this number is told now.
    pub(crate) fn lies(&mut self, row: u8, percent: u64) -> bool {
        self.troubled && self.lies.contains(&row) && self.dice.percent(percent)
    }

    pub(crate) fn plan(&mut self, system: &SystemId, at: Moment, deed: Deed) {
        self.deed_count += 1;
        self.deeds.insert((at, self.deed_count), (system.clone(), deed));
    }

    /// The next moment at which something happens by itself.
    pub(crate) fn next_deed(&self) -> Option<Moment> {
        self.deeds.keys().next().map(|(at, _)| *at)
    }

    /// Nothing bad that was planned happens any more.
    pub(crate) fn calm(&mut self) {
        self.troubled = false;
        self.lies.clear();
        self.deeds.clear();
    }

    fn advance(&mut self) {
        let now = self.now();
        while let Some(entry) = self.deeds.first_entry() {
            let (at, _) = *entry.key();
            if at > now {
                return;
            }
            let (system, deed) = entry.remove();
            crate::itsm::happen(self, &system, at, deed);
        }
    }

    /// The tickets of a system.
    pub(crate) fn house(&mut self, system: &SystemId) -> Option<&mut Tickets> {
        self.houses.get_mut(system)
    }

    /// The house that has a ticket.
    pub(crate) fn house_of(&self, ticket: &TicketId) -> Option<&Tickets> {
        self.houses.values().find(|house| house.tickets.contains_key(ticket))
    }
}
