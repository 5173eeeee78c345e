//! Reading the tickets of one system: so many requests at a time as do some good, and never a look that nobody is
//! waiting for the answer of.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_connect::{HumanQueue, Wanted, withdraw_forks};
use belay_domain::{
    CaseId, Command, Correlation, Reading, Span, SystemId, TicketId, TicketReading, Timestamp,
    after,
};
use futures_util::future::{BoxFuture, Either, pending};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use super::pokes::Pokes;
use super::schedule::{Schedule, Watched};
use crate::engine::{Engine, Refused};
use crate::systems::Systems;

/// The longest a look may take. Evidence dates from when the look was sent, so a slow one is worth little.
const LOOK_WITHIN: Duration = Duration::from_secs(20);

/// So many looks at single tickets are under way at once. With the usual pace of ten a second that is enough for
/// answers that take more than a second.
const LOOKS_MAX: usize = 16;

/// So many looks at many tickets are under way at once: the next one is asked while the last is worked off.
const BULKS_MAX: usize = 2;

/// So many requests one look at many tickets may take. With more it would hold up what is more urgent, and wait for
/// its turn for so long that the answer is worth little.
const REQUESTS_MAX: u32 = 30;

/// So many answers are brought to their cases at once.
const ANSWERS_AT_ONCE: usize = 64;

/// How often an answer is brought to its case while that is busy. After that a later look is worth more.
const ANSWERS_TRIED: u32 = 6;

/// So many searches for second tickets are under way at once, and so many may wait. Reading goes before.
const SEARCHES_MAX: usize = 1;
const SEARCHES_WAITING_MAX: usize = 1_000;

/// How long no other second ticket is searched for after a search.
const SEARCH_REST: Duration = Duration::from_millis(500);

/// What is not found in this time is found later.
const SEARCH_WITHIN: Duration = Duration::from_secs(5);

/// Reads the tickets of one system.
pub(super) struct Reader {
    system: SystemId,
    /// As it was connected last: one that is gone is asked where it was, because its tickets still are there.
    queue: Mutex<Arc<dyn HumanQueue>>,
    engine: Engine,
    systems: Systems,
    pokes: Pokes,
    schedule: Mutex<Schedule>,
    changed: Notify,
    searches: Mutex<VecDeque<(Correlation, TicketId)>>,
    figures: Figures,
}

/// What is counted of one system.
struct Figures {
    about: [KeyValue; 1],
    looks: Counter<u64>,
    read: Counter<u64>,
    late: Histogram<f64>,
    watched: Gauge<u64>,
}

impl Reader {
    pub(super) fn new(
        system: SystemId,
        queue: Arc<dyn HumanQueue>,
        engine: Engine,
        systems: Systems,
        pokes: Pokes,
    ) -> Self {
        let figures = Figures::of(&system);
        Self {
            system,
            queue: Mutex::new(queue),
            engine,
            systems,
            pokes,
            schedule: Mutex::default(),
            changed: Notify::new(),
            searches: Mutex::default(),
            figures,
        }
    }

    /// Takes note of how long what is known of a ticket stands. False if it is not watched.
    pub(super) fn know(
        &self,
        step: &Correlation,
        ticket: &TicketId,
        until: Option<Instant>,
    ) -> bool {
        self.schedule().know(step, ticket, until)
    }

    /// Watches a ticket from now on.
    pub(super) fn begin(&self, new: Watched) {
        self.schedule().begin(new);
        self.changed.notify_one();
    }

    /// Somebody says that it changed. False if it is not watched.
    pub(super) fn hurry(&self, ticket: &TicketId) -> bool {
        let watched = self.schedule().hurry(ticket, Instant::now());
        if watched {
            self.changed.notify_one();
        }
        watched
    }

    /// Reads what is due, again and again, until told to stop.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut looks: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        let mut searches: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        loop {
            let queue = self.connected();
            let most = queue.reads_at_once().max(1);
            let at_once = if most > 1 { BULKS_MAX } else { LOOKS_MAX };
            while looks.len() < at_once {
                let due = self.due(&*queue, most);
                if due.is_empty() {
                    break;
                }
                looks.push(Box::pin(self.look(queue.clone(), due)));
            }
            while searches.len() < SEARCHES_MAX {
                let Some((step, ticket)) = self.searches().pop_front() else { break };
                searches.push(Box::pin(self.search(queue.clone(), step, ticket)));
            }
            let next = self.schedule().next().filter(|_| looks.len() < at_once);
            let next = next
                .map_or_else(|| Either::Right(pending()), |next| Either::Left(sleep_until(next)));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(()) = looks.next() => {}
                Some(()) = searches.next() => {}
                () = self.changed.notified() => {}
                () = next => {}
            }
        }
    }

    /// What is to be read now, so much of it as one look takes.
    fn due(&self, queue: &dyn HumanQueue, most: usize) -> Vec<Watched> {
        let now = Instant::now();
        let mut schedule = self.schedule();
        for gone in schedule.given_up(now) {
            self.pokes.forget(&gone, self);
        }
        let mut due = schedule.take(now, most);
        let mut fits = due.len();
        if most > 1 {
            let wanted: Vec<Wanted> = due.iter().map(Wanted::from).collect();
            while fits > 1 && queue.requests_for(&wanted[..fits]) > REQUESTS_MAX {
                fits = fits.div_ceil(2);
            }
        }
        due.split_off(fits).iter().for_each(|one| schedule.put_back(one));
        self.figures.watched.record(schedule.len() as u64, &self.figures.about);
        due
    }

    /// Reads these once and brings what was shown to their cases.
    async fn look(&self, queue: Arc<dyn HumanQueue>, due: Vec<Watched>) {
        let sent = Instant::now();
        let sent_at = self.engine.clock().now();
        for one in &due {
            let late = sent.saturating_duration_since(one.due).as_secs_f64();
            self.figures.late.record(late, &self.figures.about);
        }
        let wanted: Vec<Wanted> = due.iter().map(Wanted::from).collect();
        let read = async {
            match wanted.as_slice() {
                [one] => vec![queue.read(&one.ticket, &one.queue).await],
                wanted => queue.read_many(wanted).await,
            }
        };
        self.figures.looks.add(1, &self.figures.about);
        let readings = match tokio::time::timeout(LOOK_WITHIN, read).await {
            Ok(readings) => readings,
            Err(_) => {
                warn!(system = %self.system, tickets = due.len(), "the look took too long");
                Vec::new()
            }
        };
        self.figures.read.add(readings.len() as u64, &self.figures.about);
        // All of them first: what somebody took is counted over everything that this look shows.
        {
            let mut schedule = self.schedule();
            for (one, reading) in due.iter().zip(&readings) {
                if let TicketReading::Present(facts) = &reading.ticket {
                    let holder = facts.holder.as_ref().map(|holder| &holder.name);
                    schedule.held(&one.correlation, holder, sent_at);
                }
            }
        }
        let mut readings = readings.into_iter();
        let mut answers = Vec::with_capacity(due.len());
        for one in due {
            let span = one.span.clone();
            answers.push(self.settle(one, readings.next(), sent, sent_at).instrument(span));
        }
        stream::iter(answers).buffer_unordered(ANSWERS_AT_ONCE).collect::<()>().await;
    }

    /// One ticket has been read, or could not be in time.
    async fn settle(
        &self,
        one: Watched,
        reading: Option<Reading>,
        sent: Instant,
        sent_at: Timestamp,
    ) {
        let Watched { case, correlation, ticket, wanted, together_within, .. } = one;
        if let Some(reading) = reading {
            debug!(%ticket, ?reading, "looked");
            let together = self.together(&reading, together_within, sent_at);
            let observe = Command::Observe {
                correlation: correlation.clone(),
                reading: Box::new(reading),
                sent_at,
                together,
            };
            if wanted.is_cancelled() || !self.answer(&case, observe).await {
                self.schedule().forget_ticket(&correlation, &ticket);
                self.pokes.forget(&ticket, self);
                return;
            }
        }
        let looks = self.schedule().done(&correlation, &ticket, sent);
        // A second ticket may show long after the first one was placed: a gateway repeats a request, and a search
        // lags. It is looked for often at first, and ever more seldom.
        // Where our tickets are listed, the list shows it.
        if looks.is_power_of_two() && !self.systems.findings().lists(&self.system) {
            let mut searches = self.searches();
            if searches.len() < SEARCHES_WAITING_MAX {
                searches.push_back((correlation, ticket));
            }
        }
    }

    /// How many tickets of ours whoever holds this one took within that time, by what looks have shown.
    fn together(&self, reading: &Reading, within: Option<Span>, sent_at: Timestamp) -> u32 {
        let (Some(within), TicketReading::Present(facts)) = (within, &reading.ticket) else {
            return 0;
        };
        let since = after(sent_at, -within);
        let holder = facts.holder.as_ref();
        holder.map_or(0, |holder| self.schedule().together(&holder.name, since))
    }

    /// Brings what was shown to the case. False if the case does not want it.
    async fn answer(&self, case: &CaseId, command: Command) -> bool {
        let mut wait = Duration::from_millis(50);
        for _ in 0..ANSWERS_TRIED {
            match self.engine.command(case, command.clone()).await {
                Ok(_) => return true,
                Err(Refused::Rejected(rejection)) => {
                    debug!(%rejection, "the case does not want this answer");
                    return false;
                }
                Err(Refused::Draining) => return false,
                Err(failure) => {
                    warn!(error = %failure, "what was shown could not be recorded yet");
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
            }
        }
        true
    }

    /// Withdraws every ticket of the step but this one, if a search shows any.
    async fn search(&self, queue: Arc<dyn HumanQueue>, step: Correlation, ticket: TicketId) {
        let search = withdraw_forks(&*queue, &step, &ticket);
        let searched = tokio::time::timeout(SEARCH_WITHIN, search).await;
        tokio::time::sleep(SEARCH_REST).await;
        match searched {
            Ok(Ok(withdrawn)) if withdrawn.is_empty() => {}
            Ok(Ok(withdrawn)) => {
                info!(%step, ?withdrawn, kept = %ticket, "second tickets withdrawn")
            }
            Ok(Err(failure)) => debug!(%step, error = %failure, "not looked for second tickets"),
            Err(_) => debug!(%step, "looking for second tickets took too long"),
        }
    }

    /// The system as it is connected now. After a new playbook it may be elsewhere.
    fn connected(&self) -> Arc<dyn HumanQueue> {
        let mut known = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = self.systems.queue(&self.system) {
            *known = now;
        }
        known.clone()
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn searches(&self) -> MutexGuard<'_, VecDeque<(Correlation, TicketId)>> {
        self.searches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    fn of(system: &SystemId) -> Self {
        let meter = global::meter("belay");
        Self {
            about: [KeyValue::new("system", system.as_str().to_owned())],
            looks: meter
                .u64_counter("belay.reading.looks")
                .with_description("Looks at one or many tickets")
                .build(),
            read: meter
                .u64_counter("belay.reading.tickets")
                .with_description("Tickets that were read")
                .build(),
            late: meter
                .f64_histogram("belay.reading.late")
                .with_unit("s")
                .with_description("How long after it was due a ticket was read")
                .build(),
            watched: meter
                .u64_gauge("belay.reading.watched")
                .with_description("Tickets that are read again and again")
                .build(),
        }
    }
}
