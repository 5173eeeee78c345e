//! Runs an exploration and says what came of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::books::Books;
use crate::command::Cmd;
use crate::law::Law;
use crate::moves::{Act, acts};
use crate::setting::Setting;
use crate::step::{after, beginning};
use crate::world::World;

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Which world.
    pub setting: &'static str,
    /// Different states.
    pub unique: usize,
    /// States that were come across, some of them many times.
    pub generated: usize,
    /// Whether every one of them was gone on from, so that nothing within the bounds was left out.
    pub complete: bool,
    /// The longest history.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The laws that every state was held against.
    pub laws: usize,
    /// What never happened although it could have, by which the exploration would prove little.
    pub missing: Vec<&'static str>,
    /// How a law was broken, as a story.
    pub broken: Option<String>,
    /// Different journals.
    pub records: usize,
    /// Every kind of event that happened, and the code of every refusal.
    pub seen: BTreeSet<&'static str>,
}

/// The protocol, as the checker explores it.
#[derive(Clone)]
struct Protocol {
    books: Arc<Books>,
    visited: Arc<AtomicUsize>,
}

/// The property that every state is held against.
const LAWS: &str = "the laws hold";

impl Model for Protocol {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        vec![beginning(&self.books)]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Act>) {
        self.visited.fetch_add(1, Ordering::Relaxed);
        acts(&self.books, state, actions);
    }

    fn next_state(&self, state: &World, act: Act) -> Option<World> {
        after(&self.books, state, act)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LAWS, |_, state: &World| state.broken.is_empty()),
            // Never true, so that the checker goes on to the end when everything else has been seen.
            Property::always("the exploration comes to its own end", |_, _| true),
        ]
    }
}

/// Explores a world to its end, or to the first law that is broken.
///
/// # Panics
///
/// If a thread of the checker does.
#[must_use]
pub fn explore(setting: Setting, threads: usize, loud: bool) -> Explored {
    let began = Instant::now();
    let name = setting.name;
    let wanted = setting.wanted;
    let books = Arc::new(Books::new(setting));
    let visited = Arc::new(AtomicUsize::new(0));
    let model = Protocol { books: books.clone(), visited: visited.clone() };
    let mut checker =
        model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs();
    let (done, waiting) = mpsc::channel::<()>();
    let counted = books.clone();
    let explored = visited.clone();
    let watcher = std::thread::spawn(move || {
        while waiting.recv_timeout(Duration::from_secs(10)) == Err(RecvTimeoutError::Timeout) {
            if loud {
                let (states, records) = (visited.load(Ordering::Relaxed), counted.len());
                let seconds = began.elapsed().as_secs();
                eprintln!("{name}: {seconds} s, {states} states explored, {records} journals");
            }
        }
    });
    for thread in checker.handles() {
        thread.join().expect("the checker's threads live to the end");
    }
    drop(done);
    drop(watcher.join());
    let broken = checker.discovery(LAWS).map(|path| story(&books, path));
    let seen = books.seen();
    let missing = wanted.iter().copied().filter(|wanted| !seen.contains(wanted)).collect();
    Explored {
        setting: name,
        unique: checker.unique_state_count(),
        complete: explored.load(Ordering::Relaxed) == checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took: began.elapsed(),
        laws: Law::ALL.len(),
        missing,
        broken,
        records: books.len(),
        seen,
    }
}

/// The way to a broken law, line by line.
fn story(books: &Books, path: Path<World, Act>) -> String {
    let mut told = String::new();
    let steps = path.into_vec();
    for (world, act) in &steps {
        if let Some(act) = act {
            let events = match act {
                Act::Decide(one) => books.tell(world.journal, world.now, one.cmd),
                Act::Report { by, action, attempt, claim, .. } => {
                    let (by, action, attempt, claim) = (*by, *action, *attempt, *claim);
                    let cmd = Cmd::Report { by, action, attempt, claim };
                    books.tell(world.journal, world.now, cmd)
                }
                Act::Answer(place) | Act::AnswerTwice(place) => world.reads[usize::from(*place)]
                    .map(|read| {
                        let cmd = read.arrives();
                        format!(": {cmd}{}", books.tell(world.journal, world.now, cmd))
                    })
                    .unwrap_or_default(),
                Act::RivalDecides(one) => books.tell(world.rival.view, world.now, one.cmd),
                _ => String::new(),
            };
            let line = format!("  at {}: {act}{events}\n", world.now);
            told.push_str(&line);
        }
    }
    if let Some((world, _)) = steps.last() {
        for law in world.broken.iter() {
            told.push_str(&format!("  broken: {law}\n"));
        }
    }
    told
}
