//! The state of an office, and the rules by which it changes.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::deed::{Deed, Script, Which};
use crate::lie::{Asked, Lie, Limit, Told};
use crate::people::{Kind, Person, Queue};
use crate::ticket::{Change, Entry, Face, Status, Ticket, Via};

/// An office as it is at `now`.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) queues: BTreeMap<String, Queue>,
    pub(crate) tickets: BTreeMap<u64, Ticket>,
    pub(crate) tally: BTreeMap<String, u64>,
    pub(crate) limit: Option<Limit>,
    /// What was answered to requests that carried a key, where the vendor keeps that.
    pub(crate) keys: BTreeMap<String, Kept>,
    by_correlation: BTreeMap<String, Vec<u64>>,
    lies: Vec<Told>,
    planned: BTreeMap<(Timestamp, u64), (Which, Deed)>,
    scripts: VecDeque<Script>,
    scripts_for: BTreeMap<String, Script>,
    habits: Vec<Script>,
    /// The window in which requests are counted, and how many there were.
    window: (i64, u32),
    joined: u64,
    opened: u64,
    entries: u64,
    plans: u64,
}

/// What became of a request that carried a key.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) at: Timestamp,
    pub(crate) number: u64,
    pub(crate) body: Bytes,
}

/// A ticket that somebody asks for.
#[derive(Clone, Debug)]
pub(crate) struct NewTicket {
    pub(crate) by: String,
    pub(crate) via: Via,
    pub(crate) queue: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) correlation: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) priority: u8,
    pub(crate) status: Status,
    pub(crate) holder: Option<String>,
    pub(crate) comments: Vec<(bool, String)>,
}

impl World {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            now,
            people: BTreeMap::new(),
            queues: BTreeMap::new(),
            tickets: BTreeMap::new(),
            tally: BTreeMap::new(),
            limit: None,
            keys: BTreeMap::new(),
            by_correlation: BTreeMap::new(),
            lies: Vec::new(),
            planned: BTreeMap::new(),
            scripts: VecDeque::new(),
            scripts_for: BTreeMap::new(),
            habits: Vec::new(),
            window: (0, 0),
            joined: 0,
            opened: 0,
            entries: 0,
            plans: 0,
        }
    }

    /// Lets everything happen that was planned until `now`, each at its own time.
    pub(crate) fn catch_up(&mut self, now: Timestamp) {
        while let Some(first) = self.planned.first_entry() {
            if first.key().0 > now {
                break;
            }
            let ((at, _), (which, deed)) = first.remove_entry();
            self.now = self.now.max(at);
            self.happen(&which, &deed, None);
        }
        self.now = self.now.max(now);
    }

    pub(crate) fn plan(&mut self, at: Timestamp, which: Which, deed: Deed) {
        self.plans += 1;
        self.planned.insert((at, self.plans), (which, deed));
    }

    /// What happens to the next ticket that no other script is for.
    pub(crate) fn script(&mut self, script: Script) {
        self.scripts.push_back(script);
    }

    /// What happens to the first ticket that carries a correlation id.
    pub(crate) fn script_for(&mut self, correlation: &str, script: Script) {
        self.scripts_for.insert(correlation.to_owned(), script);
    }

    /// What happens to every ticket that is opened from now on.
    pub(crate) fn habit(&mut self, script: Script) {
        self.habits.push(script);
    }

    pub(crate) fn lie(&mut self, told: Told) {
        self.lies.push(told);
    }

    pub(crate) fn honest(&mut self) {
        self.lies.clear();
    }

    pub(crate) fn join(&mut self, mut person: Person) {
        self.joined += 1;
        person.serial = self.joined;
        self.people.insert(person.name.clone(), person);
    }

    pub(crate) fn open_queue(&mut self, mut queue: Queue) {
        self.joined += 1;
        queue.serial = self.joined;
        for member in &mut queue.members {
            self.joined += 1;
            member.serial = self.joined;
        }
        self.queues.insert(queue.name.clone(), queue);
        self.reconsider();
    }

    /// Opens a ticket, unless there is a lie about that. The number is what whoever asked is told.
    pub(crate) fn open(&mut self, mut new: NewTicket) -> u64 {
        for field in self
            .lying(Asked::Create, |lie| match lie {
                Lie::Drops(fields) => Some(fields.clone()),
                _ => None,
            })
            .unwrap_or_default()
        {
            new.fields.remove(&field);
            match field.as_str() {
                "correlation" => new.correlation = None,
                "subject" => new.subject.clear(),
                "body" => new.body.clear(),
                _ => {}
            }
        }
        if self.told(Asked::Create, &Lie::Forgets) {
            self.opened += 1;
            return self.opened;
        }
        let doubled = self.told(Asked::Create, &Lie::Doubles).then(|| new.clone());
        let number = self.really_open(new);
        if let Some(again) = doubled {
            self.really_open(again);
        }
        number
    }

    fn really_open(&mut self, new: NewTicket) -> u64 {
        let NewTicket { by, via, queue, subject, body, correlation, fields, priority, .. } = new;
        self.opened += 1;
        let number = self.opened;
        let elsewhere = self.lying(Asked::Create, |lie| match lie {
            Lie::Elsewhere(queue) => Some(queue.clone()),
            _ => None,
        });
        let mut changes = vec![Change::Opened];
        let comments = new.comments.into_iter();
        changes.extend(comments.map(|(public, text)| Change::Wrote { public, text }));
        let entry = self.entry(&by, via, changes);
        if let Some(correlation) = &correlation {
            self.by_correlation.entry(correlation.clone()).or_default().push(number);
        }
        let face = Face {
            queue: elsewhere.unwrap_or_else(|| queue.clone()),
            subject,
            body,
            correlation,
            fields,
            priority,
            status: new.status,
            holder: new.holder,
            taken: false,
            code: None,
            note: None,
            merged: None,
            deleted: false,
            hidden: false,
            revision: 0,
            updated: self.now,
            updated_by: by.clone(),
        };
        let ticket = Ticket {
            number,
            opened: self.now,
            opened_by: by,
            wanted: queue,
            faces: vec![(self.now, face)],
            history: vec![entry],
            truth: vec![(self.now, None)],
        };
        self.tickets.insert(number, ticket);
        let carries = self.tickets.get(&number).and_then(|it| it.face().correlation.as_deref());
        let own = carries.and_then(|correlation| self.scripts_for.remove(correlation));
        let script = own.or_else(|| self.scripts.pop_front());
        let steps: Vec<_> =
            script.iter().chain(&self.habits).flat_map(|it| &it.steps).cloned().collect();
        for (wait, deed) in steps {
            self.plan(
                self.now.saturating_add(wait).unwrap_or(self.now),
                Which::Number(number),
                deed,
            );
        }
        self.catch_up(self.now);
        number
    }

    pub(crate) fn keep(&mut self, key: String, number: u64, body: Bytes) {
        self.keys.insert(key, Kept { at: self.now, number, body });
    }

    /// The tickets that were opened with this correlation id, the oldest first.
    pub(crate) fn carrying(&self, correlation: &str) -> &[u64] {
        self.by_correlation.get(correlation).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn entry(&mut self, by: &str, via: Via, changes: Vec<Change>) -> Entry {
        self.entries += 1;
        Entry { serial: self.entries, at: self.now, by: by.to_owned(), via, changes }
    }

    /// Gives a ticket a new face.
    pub(crate) fn show(&mut self, number: u64, face: Face, entry: Option<Entry>) {
        let Some(ticket) = self.tickets.get_mut(&number) else { return };
        ticket.faces.push((self.now, face));
        ticket.history.extend(entry);
        see(ticket, self.now, &self.people, &self.queues);
    }

    /// Takes note of who truly has what, after people or queues changed.
    pub(crate) fn reconsider(&mut self) {
        for ticket in self.tickets.values_mut() {
            see(ticket, self.now, &self.people, &self.queues);
        }
    }

    /// Whether a lie is told to such a request now; uses it up.
    pub(crate) fn told(&mut self, asked: Asked, lie: &Lie) -> bool {
        self.lying(asked, |it| (it == lie).then_some(())).is_some()
    }

    /// What is said about a lie of some kind that is told to such a request now; uses it up.
    pub(crate) fn lying<T>(&mut self, asked: Asked, pick: impl Fn(&Lie) -> Option<T>) -> Option<T> {
        let now = self.now;
        for told in self.lies.iter_mut().filter(|told| told.applies(asked, now)) {
            if let Some(picked) = pick(&told.lie) {
                told.times = told.times.map(|times| times.saturating_sub(1));
                return Some(picked);
            }
        }
        None
    }

    /// A moment, by the clock of the system.
    pub(crate) fn stamp(&self, at: Timestamp) -> Timestamp {
        let mut at = at;
        for told in self.lies.iter().filter(|told| told.applies(Asked::Other, self.now)) {
            at = match told.lie {
                Lie::ClockOff(by) => at.saturating_add(by).unwrap_or(at),
                Lie::ClockCoarse(seconds) if seconds > 0 => {
                    let whole = at.as_second() - at.as_second().rem_euclid(seconds);
                    Timestamp::from_second(whole).unwrap_or(at)
                }
                _ => at,
            };
        }
        at
    }

    /// As of when a request is answered.
    pub(crate) fn as_of(&mut self, asked: Asked) -> Timestamp {
        let reads = matches!(asked, Asked::Read | Asked::Search | Asked::History);
        let mut lag = SignedDuration::ZERO;
        if reads {
            lag = self
                .lying(asked, |lie| match lie {
                    Lie::ReadsLag(lag) => Some(*lag),
                    _ => None,
                })
                .unwrap_or(lag);
        }
        if asked == Asked::Search {
            let search = self.lying(asked, |lie| match lie {
                Lie::SearchLags(lag) => Some(*lag),
                _ => None,
            });
            lag = lag.max(search.unwrap_or(lag));
        }
        self.now.saturating_sub(lag).unwrap_or(self.now)
    }

    /// Counts a request. Says in how many seconds to come back if there were too many.
    pub(crate) fn count(&mut self) -> Option<u32> {
        let limit = self.limit?;
        let seconds = i64::from(limit.seconds.max(1));
        let (begun, now) = (self.now.as_second().div_euclid(seconds), self.now.as_second());
        if self.window.0 != begun {
            self.window = (begun, 0);
        }
        if self.window.1 >= limit.requests {
            return u32::try_from((begun + 1) * seconds - now).ok();
        }
        self.window.1 += 1;
        None
    }

    /// The limit, how many requests are left, and in how many seconds it begins anew.
    pub(crate) fn budget(&self) -> Option<(Limit, u32, u32)> {
        let limit = self.limit?;
        let seconds = i64::from(limit.seconds.max(1));
        let resets = seconds - self.now.as_second().rem_euclid(seconds);
        let left = limit.requests.saturating_sub(self.window.1);
        Some((limit, left, u32::try_from(resets).unwrap_or(limit.seconds)))
    }
}

/// Takes note of who truly has a ticket now.
fn see(
    ticket: &mut Ticket,
    now: Timestamp,
    people: &BTreeMap<String, Person>,
    queues: &BTreeMap<String, Queue>,
) {
    let has = has(ticket, people, queues);
    if ticket.truth.last().is_none_or(|(_, had)| *had != has) {
        ticket.truth.push((now, has));
    }
}

fn has(
    ticket: &Ticket,
    people: &BTreeMap<String, Person>,
    queues: &BTreeMap<String, Queue>,
) -> Option<String> {
    let face = ticket.face();
    let held = face.taken
        && face.queue == ticket.wanted
        && matches!(face.status, Status::New | Status::Open | Status::Waiting(_))
        && !(face.deleted || face.hidden || face.merged.is_some());
    let holder = face.holder.as_ref().filter(|_| held)?;
    let person = people.get(holder)?;
    let queue = queues.get(&face.queue).filter(|queue| queue.enabled)?;
    let member = queue.member(holder)?;
    let able = person.enabled && person.kind == Kind::Person && member.may_take;
    let called = !queue.rota || member.on_duty;
    (able && called).then(|| holder.clone())
}
