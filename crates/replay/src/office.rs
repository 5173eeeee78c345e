//! An office: one state of queues, people and tickets, which all vendors' stand-ins can serve.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::deed::{Deed, Script, Which};
use crate::lie::{Limit, Told};
use crate::people::{Person, Queue};
use crate::ticket::{Status, Ticket, Via};
use crate::world::{NewTicket, World};

/// Where an office gets the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An office that several stand-ins and a script share.
pub type Shared = Arc<Office>;

/// Queues, people and tickets, and what is yet to happen to them.
pub struct Office {
    clock: Clock,
    world: Mutex<World>,
}

impl Office {
    /// An office without people. What is planned happens by this clock, whenever somebody looks.
    pub fn new(clock: Clock) -> Shared {
        let world = Mutex::new(World::new(clock()));
        Arc::new(Self { clock, world })
    }

    /// Somebody joins.
    pub fn join(&self, person: Person) {
        self.look(|world| world.join(person));
    }

    /// People join, by name.
    pub fn hire(&self, names: &[&str]) {
        names.iter().for_each(|name| self.join(Person::human(name)));
    }

    /// A queue is opened.
    pub fn open_queue(&self, queue: Queue) {
        self.look(|world| world.open_queue(queue));
    }

    /// Somebody opens a ticket in the pages for people. The answer is its number.
    pub fn open_ticket(&self, by: &str, queue: &str, subject: &str) -> u64 {
        let new = NewTicket {
            by: by.to_owned(),
            via: Via::Pages,
            queue: queue.to_owned(),
            subject: subject.to_owned(),
            body: String::new(),
            correlation: None,
            fields: BTreeMap::new(),
            priority: 3,
            status: Status::New,
            holder: None,
            comments: Vec::new(),
        };
        self.look(|world| world.open(new))
    }

    /// Something happens now. Says whether it made sense.
    pub fn happen(&self, which: &Which, deed: &Deed) -> bool {
        self.look(|world| world.happen(which, deed, None))
    }

    /// Something will happen.
    pub fn plan(&self, at: Timestamp, which: Which, deed: Deed) {
        self.look(|world| world.plan(at, which, deed));
    }

    /// What will happen to the next ticket that is opened and has no script yet.
    pub fn script(&self, script: Script) {
        self.look(|world| world.script(script));
    }

    /// What will happen to the first ticket that carries a correlation id.
    pub fn script_for(&self, correlation: &str, script: Script) {
        self.look(|world| world.script_for(correlation, script));
    }

    /// What happens to every ticket that is opened from now on: rules of the office.
    pub fn habit(&self, script: Script) {
        self.look(|world| world.habit(script));
    }

    /// The systems mislead from now on.
    pub fn lie(&self, told: impl Into<Told>) {
        self.look(|world| world.lie(told.into()));
    }

    /// The systems no longer mislead. What they made of earlier requests stays.
    pub fn honest(&self) {
        self.look(World::honest);
    }

    /// Requests are limited from now on, or not.
    pub fn limit(&self, limit: Option<Limit>) {
        self.look(|world| world.limit = limit);
    }

    /// A ticket.
    pub fn ticket(&self, number: u64) -> Option<Ticket> {
        self.look(|world| world.tickets.get(&number).cloned())
    }

    /// All tickets, the oldest first.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.look(|world| world.tickets.values().cloned().collect())
    }

    /// The tickets that were opened with this correlation id, the oldest first.
    pub fn carrying(&self, correlation: &str) -> Vec<u64> {
        self.look(|world| world.carrying(correlation).to_vec())
    }

    /// How many requests of each kind there were, whatever was answered.
    pub fn tally(&self) -> BTreeMap<String, u64> {
        self.look(|world| world.tally.clone())
    }

    /// Looks at the office as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        // A test that panics must not hide behind another one's lock.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.catch_up((self.clock)());
        look(&mut world)
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}
