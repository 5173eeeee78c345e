//! A ticket system with people in it, which lies in all the ways of the catalogue.
//!
//! It knows what is true, which is more than it shows: of every ticket, from when to when a person of the wanted
//! queue really held it.

pub(crate) mod adapter;
mod deeds;
mod scripts;

use std::collections::BTreeMap;
use std::time::Duration;

use belay_connect::Rumour;
use belay_domain::{
    Act, ActKind, ActorKind, CaseId, Correlation, PersonId, QueueFacts, QueueId, StaffMember,
    Standing, SystemId, TicketActor, TicketId, TicketResolution,
};
use tokio::sync::broadcast;

use crate::world::Moment;

pub(crate) use deeds::{Deed, happen};
pub(crate) use scripts::{diligence, script, staffing};

/// Who people say they are that are none.
pub(crate) const AUTOBOT: &str = "autobot";
/// The account that Belay uses.
pub(crate) const OURSELVES: &str = "belay";

/// The tickets of one system, and its queues.
pub(crate) struct Tickets {
    pub(crate) system: SystemId,
    pub(crate) queues: BTreeMap<QueueId, QueueFacts>,
    pub(crate) tickets: BTreeMap<TicketId, Ticket>,
    pub(crate) rumours: Option<broadcast::Sender<Rumour>>,
    /// Until when it answers nobody.
    pub(crate) down_until: Moment,
    /// It never answers again while there is trouble.
    pub(crate) dead: bool,
    next: u64,
}

/// One ticket.
pub(crate) struct Ticket {
    pub(crate) id: TicketId,
    /// What it was asked for, whatever became of it.
    pub(crate) case: CaseId,
    pub(crate) correlation: Correlation,
    pub(crate) wanted: QueueId,
    /// A search does not find it before.
    pub(crate) visible_at: Moment,
    /// It can no longer be read.
    pub(crate) hidden: bool,
    pub(crate) now: Face,
    /// The faces it had, and from when on.
    pub(crate) faces: Vec<(Moment, Face)>,
    /// Who truly held it, and from when on.
    pub(crate) truth: Vec<(Moment, Option<PersonId>)>,
    /// What Belay was shown of it.
    pub(crate) heard: Vec<Heard>,
    /// Belay was told that its people know that it is over.
    pub(crate) withdrawn: bool,
}

/// A ticket as it looks.
#[derive(Clone, Debug)]
pub(crate) struct Face {
    pub(crate) case: Option<CaseId>,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) queue: QueueId,
    pub(crate) standing: Standing,
    pub(crate) revision: u64,
    pub(crate) holder: Option<TicketActor>,
    /// The holder took it by an act of their own.
    pub(crate) taken: bool,
    pub(crate) acts: Vec<Act>,
    pub(crate) resolution: Option<TicketResolution>,
}

/// What one answer to a read said.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// When the read began.
    pub(crate) sent: Moment,
    /// When the answer was there.
    pub(crate) at: Moment,
    pub(crate) revision: u64,
    /// Who held it, going by the answer alone.
    pub(crate) shows: Option<PersonId>,
}

impl Tickets {
    pub(crate) fn new(system: &str, queues: &[(&str, &[&str])]) -> Self {
        let facts = |(queue, staff): &(&str, &[&str])| {
            let queue = id::<QueueId>(queue);
            let person = |name: &&str| member(name, ActorKind::Person);
            let mut staff: Vec<_> = staff.iter().map(person).collect();
            staff.push(member(AUTOBOT, ActorKind::Machine));
            (queue.clone(), QueueFacts { queue, enabled: true, staff })
        };
        Self {
            system: id(system),
            queues: queues.iter().map(facts).collect(),
            tickets: BTreeMap::new(),
            rumours: None,
            down_until: Duration::ZERO,
            dead: false,
            next: 0,
        }
    }

    /// A new ticket, as it was asked for.
    pub(crate) fn add(
        &mut self,
        now: Moment,
        case: &CaseId,
        correlation: &Correlation,
        queue: &QueueId,
    ) -> TicketId {
        let ticket = self.new_id();
        let face = Face {
            case: Some(case.clone()),
            correlation: Some(correlation.clone()),
            queue: queue.clone(),
            standing: Standing::Open,
            revision: self.next,
            holder: None,
            taken: false,
            acts: Vec::new(),
            resolution: None,
        };
        let made = Ticket {
            id: ticket.clone(),
            case: case.clone(),
            correlation: correlation.clone(),
            wanted: queue.clone(),
            visible_at: now,
            hidden: false,
            faces: vec![(now, face.clone())],
            now: face,
            truth: vec![(now, None)],
            heard: Vec::new(),
            withdrawn: false,
        };
        self.tickets.insert(ticket.clone(), made);
        ticket
    }

    /// An id for a ticket, whether or not there will be one.
    pub(crate) fn new_id(&mut self) -> TicketId {
        self.next += 1;
        id(&format!("{}-{}", self.system, self.next))
    }

    /// Changes a ticket at a moment. With a coarse clock, changes within one second are one revision.
    pub(crate) fn change(
        &mut self,
        at: Moment,
        coarse: bool,
        ticket: &TicketId,
        change: impl FnOnce(&mut Face),
    ) {
        let Some(found) = self.tickets.get_mut(ticket) else { return };
        change(&mut found.now);
        let last = found.faces.last().map_or(Duration::ZERO, |(at, _)| *at);
        if !coarse || last.as_secs() != at.as_secs() {
            found.now.revision += 1;
        }
        found.faces.push((at, found.now.clone()));
        found.see(at, &self.queues);
    }

    /// Changes a queue or who is on it.
    pub(crate) fn reorganise(
        &mut self,
        at: Moment,
        queue: &QueueId,
        change: impl FnOnce(&mut QueueFacts),
    ) {
        let Some(facts) = self.queues.get_mut(queue) else { return };
        change(facts);
        for ticket in self.tickets.values_mut() {
            ticket.see(at, &self.queues);
        }
    }

    /// People who could take a ticket of a queue now.
    pub(crate) fn able(&self, queue: &QueueId) -> Vec<PersonId> {
        let staff = self.queues.get(queue).map(|facts| facts.staff.as_slice()).unwrap_or_default();
        let able = staff.iter().filter(|member| member.is_able() && member.on_shift != Some(false));
        able.map(|member| member.name.clone()).collect()
    }

    /// Somebody says that a ticket changed.
    pub(crate) fn rumour(&self, ticket: &TicketId) {
        if let Some(rumours) = &self.rumours {
            // Nobody may be listening.
            let _ = rumours.send(Rumour { ticket: ticket.clone(), correlation: None });
        }
    }
}

impl Ticket {
    /// Takes note of who truly holds it now.
    fn see(&mut self, at: Moment, queues: &BTreeMap<QueueId, QueueFacts>) {
        let facts = queues.get(&self.wanted);
        let holds = if self.hidden { None } else { self.held(&self.now, facts) };
        if self.truth.last().is_none_or(|(_, held)| *held != holds) {
            self.truth.push((at, holds));
        }
    }

    /// Who holds a ticket with this face, in the queue in which it was wanted.
    pub(crate) fn held(&self, face: &Face, queue: Option<&QueueFacts>) -> Option<PersonId> {
        let ours = face.case.as_ref() == Some(&self.case)
            && face.correlation.as_ref() == Some(&self.correlation)
            && face.queue == self.wanted
            && face.standing == Standing::Open;
        let holder = face.holder.as_ref().filter(|_| ours && face.taken)?;
        let queue = queue.filter(|queue| queue.enabled)?;
        let member = queue.staff.iter().find(|member| member.name == holder.name)?;
        let able = member.is_able() && member.on_shift != Some(false);
        (able && holder.kind == ActorKind::Person).then(|| holder.name.clone())
    }

    /// Whether this person truly held it at some moment from `from` to `to`.
    pub(crate) fn was_held(&self, by: &str, from: Moment, to: Moment) -> bool {
        let ends = self.truth.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
        self.truth.iter().zip(ends).any(|((begun, holder), ended)| {
            let holder = holder.as_ref().is_some_and(|holder| holder.as_str() == by);
            holder && *begun <= to && ended.is_none_or(|ended| ended >= from)
        })
    }

    /// Whether somebody truly holds it now.
    pub(crate) fn is_held(&self) -> bool {
        self.truth.last().is_some_and(|(_, holder)| holder.is_some())
    }

    /// The face it had at a moment.
    pub(crate) fn face_at(&self, at: Moment) -> &Face {
        let known = self.faces.iter().rev().find(|(since, _)| *since <= at);
        known.or(self.faces.first()).map_or(&self.now, |(_, face)| face)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.now.standing == Standing::Open && !self.hidden
    }
}

impl Face {
    pub(crate) fn act(&mut self, actor: &TicketActor, kind: ActKind) {
        self.acts.push(Act { actor: actor.clone(), kind });
    }

    pub(crate) fn take(&mut self, actor: &TicketActor) {
        self.holder = Some(actor.clone());
        self.taken = true;
        self.act(actor, ActKind::Took);
    }

    pub(crate) fn give_back(&mut self, actor: &TicketActor) {
        self.holder = None;
        self.taken = false;
        self.act(actor, ActKind::GaveBack);
    }
}

pub(crate) fn member(name: &str, kind: ActorKind) -> StaffMember {
    StaffMember { name: id(name), kind, enabled: true, may_take: true, on_shift: Some(true) }
}

pub(crate) fn person(name: &PersonId) -> TicketActor {
    TicketActor { name: name.clone(), kind: ActorKind::Person }
}

/// An id that is written in this crate.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("{text:?} is an id"))
}
