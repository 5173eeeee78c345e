//! What the demonstration knows of its cases from watching them through the API, for the live view and for those who wait
//! for something to happen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_stream::StreamExt;
use tonic::{Request, Status};

use belay_api::v1;

use crate::connection::Connection;
use crate::exit::{Exit, Failure};

/// How many of the latest events are kept for the ticker.
const TICKER_MAX: usize = 64;

/// One case as it was last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The case in short.
    pub(crate) summary: v1::CaseSummary,
    /// Everything that happened to it, in order: the event, what it is about, and a line for people.
    pub(crate) events: Vec<(String, String, String)>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// The cases by id.
    pub(crate) cases: BTreeMap<String, Seen>,
    /// The latest events, newest last: a number that rises, the case, the event, and a line for people.
    pub(crate) ticker: Vec<(u64, String, String, String)>,
    /// Position of the last event that was seen.
    pub(crate) position: u64,
    /// Whether the watch is connected.
    pub(crate) connected: bool,
}

/// The shared board.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    sight: Arc<Mutex<Sight>>,
    changed: watch::Sender<u64>,
}

impl Seen {
    /// Whether an event of this name happened.
    pub(crate) fn had(&self, event: &str) -> bool {
        self.count(event) > 0
    }

    /// How often an event of this name happened.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|(name, ..)| name == event).count()
    }

    /// Whether it is resolved.
    pub(crate) fn is_resolved(&self) -> bool {
        self.had("case_resolved")
    }
}

impl Board {
    /// An empty board.
    pub(crate) fn new() -> Self {
        Self { sight: Arc::default(), changed: watch::Sender::new(0) }
    }

    /// Looks at it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Sight) -> T) -> T {
        look(&self.sight.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One case; empty when nothing was seen of it yet.
    pub(crate) fn case(&self, id: &str) -> Seen {
        self.look(|sight| sight.cases.get(id).cloned().unwrap_or_default())
    }

    /// Waits until something can be seen, for a bounded time. `what` says what was expected.
    pub(crate) async fn until<T>(
        &self,
        within: Duration,
        what: &str,
        mut found: impl FnMut(&Sight) -> Option<T>,
    ) -> Result<T, Failure> {
        let mut changes = self.changed.subscribe();
        let deadline = Instant::now() + within;
        loop {
            changes.mark_unchanged();
            if let Some(found) = self.look(&mut found) {
                return Ok(found);
            }
            // The sender lives as long as this board.
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                let what = format!("{what}: not seen within {} s", within.as_secs());
                return Err(Failure::new(Exit::Failed, what));
            }
        }
    }

    /// Waits until something happened to one case.
    pub(crate) async fn until_case(
        &self,
        id: &str,
        within: Duration,
        what: &str,
        found: impl Fn(&Seen) -> bool,
    ) -> Result<(), Failure> {
        let what = format!("case {id}: {what}");
        self.until(within, &what, |sight| {
            sight.cases.get(id).filter(|seen| found(seen)).map(|_| ())
        })
        .await
    }

    /// Watches everything that happens, for ever, across broken lines.
    pub(crate) async fn watch(&self, connection: Connection) {
        loop {
            // Whatever went wrong: it goes on where it stopped.
            let _ = self.watch_once(&connection).await;
            self.change(|sight| sight.connected = false);
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn watch_once(&self, connection: &Connection) -> Result<(), Status> {
        let after_position = Some(self.look(|sight| sight.position));
        let request = v1::WatchCasesRequest { filter: None, after_position };
        let mut answers = connection.cases().watch_cases(Request::new(request)).await?.into_inner();
        while let Some(answer) = answers.next().await {
            use v1::watch_cases_response::Message;
            match answer?.message {
                Some(Message::Update(update)) => self.change(|sight| sight.add(update)),
                Some(Message::CaughtUp(caught_up)) => self.change(|sight| {
                    sight.connected = true;
                    sight.position = sight.position.max(caught_up.position);
                }),
                None => {}
            }
        }
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Sight)) {
        change(&mut self.sight.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|number| *number += 1);
    }
}

impl Sight {
    fn add(&mut self, update: v1::CaseUpdate) {
        if update.position <= self.position {
            return;
        }
        self.position = update.position;
        self.connected = true;
        let seen = self.cases.entry(update.case_id.clone()).or_default();
        seen.events.push((update.event.clone(), update.about, update.description.clone()));
        if let Some(summary) = update.summary {
            seen.summary = summary;
        }
        self.ticker.push((update.position, update.case_id, update.event, update.description));
        if self.ticker.len() > TICKER_MAX {
            self.ticker.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, Sight};
    use belay_api::v1;
    use std::time::Duration;

    #[test]
    fn an_event_that_comes_twice_counts_once() {
        let mut sight = Sight::default();
        let update = v1::CaseUpdate {
            position: 4,
            case_id: "c-1".into(),
            event: "case_opened".into(),
            ..Default::default()
        };
        sight.add(update.clone());
        sight.add(update);
        assert_eq!(sight.cases["c-1"].count("case_opened"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_what_was_expected() {
        let board = Board::new();
        let waited = board
            .until_case("c-1", Duration::from_secs(3), "resolved", |seen| seen.is_resolved())
            .await;
        assert_eq!(waited.unwrap_err().what, "case c-1: resolved: not seen within 3 s");
    }
}
