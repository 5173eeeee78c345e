//! The way from Belay into a simulated ticket system: slow, lossy, and as truthful as the system itself.

use std::fmt;
use std::time::Duration;

use belay_connect::{
    BoxFuture, HumanQueue, NewTicket, OurTicket, OurTickets, QueueError, QueueErrorKind,
    RumourReceiver,
};
use belay_domain::{
    ActKind, ActorKind, Correlation, QueueFacts, QueueId, Reading, Standing, SystemId, TicketActor,
    TicketFacts, TicketId, TicketReading,
};

use super::{Deed, Face, Heard, OURSELVES, Ticket, Tickets, id, script};
use crate::world::{Moment, State, World};

/// What an adapter's own timeout would be.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A simulated ticket system, as Belay reaches it.
pub(crate) struct Itsm {
    world: World,
    system: SystemId,
}

impl Itsm {
    /// The way into a system of the world.
    pub(crate) fn new(world: World, system: &SystemId) -> Self {
        Self { world, system: system.clone() }
    }

    /// One exchange: the request travels, the system does something, the answer travels.
    async fn exchange<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut State, &mut Tickets) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let (before, after, refused) = self.trip(name);
        tokio::time::sleep(before).await;
        if let Some(refused) = refused {
            return Err(refused);
        }
        let (answer, lost) = {
            let mut state = self.world.look();
            let Some(mut house) = state.houses.remove(&self.system) else {
                return Err(QueueError::new(QueueErrorKind::Refused, "no such system"));
            };
            let answer = work(&mut state, &mut house);
            state.houses.insert(self.system.clone(), house);
            // An answer may be lost on the way back, whatever it was.
            let lost = name != "create" && state.lies(19, 3);
            (answer, lost)
        };
        tokio::time::sleep(after).await;
        if lost {
            return Err(QueueError::new(QueueErrorKind::Unknown, "the connection was closed"));
        }
        answer
    }

    /// How long the request and the answer travel, and why nothing is answered, if so.
    fn trip(&self, name: &str) -> (Duration, Duration, Option<QueueError>) {
        let mut state = self.world.look();
        let now = state.now();
        state.tally.count(&format!("ticket systems: {name}"));
        let (mut before, mut after) = (state.dice.millis(0..40), state.dice.millis(0..60));
        if state.lies(19, 5) {
            state.tally.lie(19);
            let what = state.dice.within(0..3);
            before += state.dice.millis(0..1_500);
            after += state.dice.millis(0..3_000);
            if what == 0 {
                let until = now + state.dice.millis(5_000..70_000);
                state.tell(|| format!("{}: down until {:.0}", self.system, until.as_secs_f64()));
                if let Some(house) = state.house(&self.system) {
                    house.down_until = until;
                }
            }
        }
        let Some(house) = state.house(&self.system) else { return (before, after, None) };
        let (down, dead) = (house.down_until > now, house.dead);
        if dead {
            state.tally.lie(20);
        }
        let refused = (down || dead).then(|| {
            let kind = match state.dice.within(0..5) {
                0 => QueueErrorKind::RateLimited { retry_after: Some(Duration::from_secs(2)) },
                1 => QueueErrorKind::RateLimited { retry_after: None },
                // An expired credential is refused for good, so the step gives up at once.
                2 if !dead => QueueErrorKind::Unauthorized,
                3 => QueueErrorKind::NotUnderstood,
                _ => QueueErrorKind::Unavailable,
            };
            QueueError::new(kind, "simulated")
        });
        if down && state.dice.percent(30) {
            before += TIMEOUT;
        }
        (before, after, refused)
    }
}

impl fmt::Debug for Itsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Itsm").field("system", &self.system).finish_non_exhaustive()
    }
}

impl HumanQueue for Itsm {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(self.exchange("inspect", |_, house| {
            let facts = house.queues.get(queue).cloned();
            facts.ok_or_else(|| QueueError::new(QueueErrorKind::Refused, "no such queue"))
        }))
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(self.exchange("find", |state, house| {
            let now = state.now();
            let found = house.tickets.values().filter(|ticket| {
                ticket.now.correlation.as_ref() == Some(correlation)
                    && ticket.visible_at <= now
                    && !ticket.hidden
            });
            let mut found: Vec<_> = found.collect();
            found.sort_by_key(|ticket| (ticket.faces[0].0, ticket.faces[0].1.revision));
            Ok(found.into_iter().map(|ticket| ticket.id.clone()).collect())
        }))
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(self.exchange("create", |state, house| create(state, house, ticket)))
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let sent = self.world.now();
            let read = self.exchange("read", |state, house| Ok(read(state, house, ticket, queue)));
            let (reading, heard) = match read.await {
                Ok(shown) => shown,
                Err(error) => {
                    let detail = error.to_string();
                    let ticket = TicketReading::Unreadable { detail };
                    return Reading { ticket, queue: None };
                }
            };
            let mut state = self.world.look();
            let at = state.now();
            if let Some((revision, shows)) = heard
                && let Some(found) =
                    state.house(&self.system).and_then(|h| h.tickets.get_mut(ticket))
            {
                found.heard.push(Heard { sent, at, revision, shows });
            }
            reading
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.exchange("withdraw", |state, house| {
            withdraw(state, house, ticket);
            Ok(())
        }))
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        /// Small, so that a list has several pages.
        const PAGE: usize = 4;
        Box::pin(self.exchange("ours", move |state, house| {
            let now = state.now();
            let listed = house.tickets.values().filter(|ticket| {
                ticket.is_open() && ticket.visible_at <= now && ticket.now.correlation.is_some()
            });
            let after = listed.filter(|ticket| page.is_none_or(|page| ticket.id.as_str() > page));
            let tickets: Vec<_> = after.filter_map(ours).take(PAGE).collect();
            let full = tickets.len() == PAGE;
            let next = tickets.last().filter(|_| full).map(|last| last.ticket.to_string());
            Ok(OurTickets { tickets, next })
        }))
    }

    fn rumours(&self) -> Option<RumourReceiver> {
        let mut state = self.world.look();
        let house = state.house(&self.system)?;
        house.rumours.as_ref().map(tokio::sync::broadcast::Sender::subscribe)
    }
}

fn create(
    state: &mut State,
    house: &mut Tickets,
    wanted: &NewTicket,
) -> Result<TicketId, QueueError> {
    let now = state.now();
    let NewTicket { case, correlation, queue, .. } = wanted;
    let earlier = house.tickets.values().find(|ticket| ticket.correlation == *correlation);
    if let Some(earlier) = earlier
        && earlier.visible_at + Duration::from_secs(1) < now
        && !earlier.hidden
        && earlier.now.correlation.is_some()
    {
        let earlier = earlier.id.clone();
        let what = format!("{correlation} was asked for again, and {earlier} could be found");
        state.wrong("IDM-1 one ticket for one step", what);
    }
    if state.lies(1, 25) || state.lies(2, 20) {
        state.tally.lie(1);
        let phantom = house.new_id();
        state.tell(|| format!("{}: {phantom} is promised and never made", house.system));
        return Ok(phantom);
    }
    if state.lies(15, 15) {
        state.tally.lie(15);
        return Err(QueueError::new(QueueErrorKind::NotUnderstood, "200: could not be created"));
    }
    let ticket = house.add(now, case, correlation, queue);
    state.tell(|| format!("{}: {ticket} is made for {correlation} in {queue}", house.system));
    state.tally.count("ticket systems: tickets made");
    if state.lies(4, 50) {
        state.tally.lie(4);
        let lag = state.dice.millis(500..8_000);
        if let Some(found) = house.tickets.get_mut(&ticket) {
            found.visible_at = now + lag;
        }
        if state.dice.percent(40) {
            let (at, lag) = (state.dice.millis(0..2_000), state.dice.millis(0..8_000));
            let double = Deed::Double { ticket: ticket.clone(), visible_at: now + at + lag };
            state.plan(&house.system, now + at, double);
        }
    }
    if state.lies(16, 15) {
        state.tally.lie(16);
        house.change(now, false, &ticket, |face| face.case = None);
    }
    let system = house.system.clone();
    // The script wants to see the house as it is now.
    let held = std::mem::replace(house, Tickets::new(system.as_str(), &[]));
    state.houses.insert(system.clone(), held);
    script(state, &system, now, &ticket);
    if let Some(back) = state.houses.remove(&system) {
        *house = back;
    }
    if state.lies(3, 35) {
        state.tally.lie(3);
        return Err(QueueError::new(QueueErrorKind::Unknown, "no answer came"));
    }
    Ok(ticket)
}

type Shown = (Reading, Option<(u64, Option<belay_domain::PersonId>)>);

fn read(state: &mut State, house: &Tickets, ticket: &TicketId, queue: &QueueId) -> Shown {
    let now = state.now();
    let facts = house.queues.get(queue).cloned();
    let Some(found) = house.tickets.get(ticket) else {
        if state.lies(2, 70) {
            state.tally.lie(2);
            let face = nothing(queue);
            return (reading(ticket, &face, facts), None);
        }
        return (Reading { ticket: TicketReading::Missing, queue: facts }, None);
    };
    if found.hidden {
        let detail = "403: not yours to see".to_owned();
        return (Reading { ticket: TicketReading::Unreadable { detail }, queue: facts }, None);
    }
    if found.now.standing == Standing::Deleted && state.dice.percent(50) {
        return (Reading { ticket: TicketReading::Missing, queue: facts }, None);
    }
    let mut face = found.now.clone();
    let mut partial = false;
    if state.lies(14, 12) {
        state.tally.lie(14);
        if state.dice.percent(60) {
            face = found
                .face_at(now.saturating_sub(state.dice.millis(200..STALE_MOST_MILLIS)))
                .clone();
        } else {
            partial = true;
            match state.dice.within(0..4) {
                0 => face.correlation = None,
                1 => (face.holder, face.taken) = (None, false),
                2 => face.acts.clear(),
                _ => return (reading(ticket, &face, None), None),
            }
        }
    }
    let shows = if partial { None } else { found.held(&face, facts.as_ref()) };
    let heard = (!partial).then_some((face.revision, shows));
    (reading(ticket, &face, facts), heard)
}

/// A replica is never further behind than this.
pub(crate) const STALE_MOST_MILLIS: u64 = 6_000;

fn reading(ticket: &TicketId, face: &Face, queue: Option<QueueFacts>) -> Reading {
    let facts = TicketFacts {
        ticket: ticket.clone(),
        case: face.case.clone(),
        correlation: face.correlation.clone(),
        queue: face.queue.clone(),
        standing: face.standing.clone(),
        revision: face.revision,
        holder: face.holder.clone(),
        acts: face.acts.clone(),
        resolution: face.resolution.clone(),
    };
    Reading { ticket: TicketReading::Present(Box::new(facts)), queue }
}

/// A ticket as a list shows it.
fn ours(ticket: &Ticket) -> Option<OurTicket> {
    Some(OurTicket {
        ticket: ticket.id.clone(),
        correlation: ticket.now.correlation.clone()?,
        case: ticket.now.case.clone(),
        queue: Some(ticket.now.queue.clone()),
        holder: ticket.now.holder.as_ref().map(|holder| holder.name.clone()),
        subject: None,
        priority: None,
    })
}

/// What an empty answer with status 200 looks like to a careless adapter.
fn nothing(queue: &QueueId) -> Face {
    Face {
        case: None,
        correlation: None,
        queue: queue.clone(),
        standing: Standing::Open,
        revision: 0,
        holder: None,
        taken: false,
        acts: Vec::new(),
        resolution: None,
    }
}

fn withdraw(state: &mut State, house: &mut Tickets, ticket: &TicketId) {
    let now: Moment = state.now();
    let Some(found) = house.tickets.get_mut(ticket) else { return };
    if std::mem::replace(&mut found.withdrawn, true) {
        return;
    }
    if state.lies(15, 40) {
        // 200, and prose that says that it was not done.
        state.tally.lie(15);
        return;
    }
    let ourselves = TicketActor { name: id(OURSELVES), kind: ActorKind::Ourselves };
    let free = found.now.holder.is_none();
    house.change(now, false, ticket, |face| {
        face.act(&ourselves, ActKind::Noted);
        if free {
            face.standing = Standing::Rejected;
        }
    });
    state.tell(|| format!("{}: {ticket} is withdrawn", house.system));
}
