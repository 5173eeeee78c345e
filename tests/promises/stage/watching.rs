//! Watching the coverage of a case without a pause, and judging everything that was said of it afterwards.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::callers::Caller;
use super::until;

/// How often coverage is asked for.
const EVERY: Duration = Duration::from_millis(15);

/// How long a busy machine may take to do what has fallen due.
const A_MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// Somebody who asks for the coverage of a case all the time.
pub(crate) struct Watcher {
    seen: Arc<Mutex<Vec<v1::Coverage>>>,
    task: JoinHandle<()>,
}

impl Watcher {
    pub(crate) fn of(caller: &Caller, case: &str) -> Self {
        let (caller, case) = (caller.clone(), case.to_owned());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let request = v1::GetCoverageRequest { case_id: case.clone() };
                // A supervisor that is away says nothing, which claims nothing.
                if let Ok(answer) = caller.coverages().get_coverage(request).await {
                    let coverage = answer.into_inner().coverage;
                    written.lock().unwrap().push(coverage.expect("an answer has a coverage"));
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { seen, task }
    }

    /// Waits until something was said.
    pub(crate) async fn sees(&self, what: &str, wanted: impl Fn(&v1::Coverage) -> bool) {
        until(what, async || self.seen.lock().unwrap().iter().any(&wanted).then_some(())).await;
    }

    /// Everything that was said, each of which must have been true of itself: it says something, and claims nothing
    /// beyond its own time.
    pub(crate) fn end(self) -> Vec<v1::Coverage> {
        self.task.abort();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        assert!(!seen.is_empty(), "nothing was seen");
        for coverage in &seen {
            assert!(coverage.coverage.is_some(), "nothing is said: {coverage:?}");
            if let Some(until) = covered_until(coverage) {
                assert!(as_of(coverage) < until, "said after its time: {coverage:?}");
            }
        }
        seen
    }
}

/// Checks that somebody had the case or was being asked, all the time. That nobody is may only be said outright, and
/// only for the moment that it takes to go on to the next one.
pub(crate) fn check_no_gap(seen: &[v1::Coverage]) {
    let mut alarmed: Option<Timestamp> = None;
    for coverage in seen {
        match coverage.coverage.as_ref() {
            Some(Kind::Uncovered(why)) => {
                assert!(!why.reason.is_empty(), "{coverage:?}");
                let since = *alarmed.get_or_insert(as_of(coverage));
                assert!(as_of(coverage) < since + A_MOMENT, "a gap since {since}: {coverage:?}");
            }
            _ => alarmed = None,
        }
    }
}

/// The moment for which a coverage was derived.
pub(crate) fn as_of(coverage: &v1::Coverage) -> Timestamp {
    moment(coverage.as_of.as_ref())
}

/// Until when somebody covers the case; none if nobody does.
pub(crate) fn covered_until(coverage: &v1::Coverage) -> Option<Timestamp> {
    match coverage.coverage.as_ref()? {
        Kind::CoveredByAgent(cover) => Some(moment(cover.valid_until.as_ref())),
        Kind::CoveredByPerson(cover) => Some(moment(cover.valid_until.as_ref())),
        Kind::Pending(_) | Kind::Uncovered(_) | Kind::Closed(_) | Kind::Merged(_) => None,
    }
}

/// The agent that covers the case.
pub(crate) fn agent_of(coverage: &v1::Coverage) -> Option<&str> {
    match coverage.coverage.as_ref()? {
        Kind::CoveredByAgent(cover) => Some(&cover.agent_id),
        _ => None,
    }
}

/// The person who covers the case.
pub(crate) fn person_of(coverage: &v1::Coverage) -> Option<&str> {
    match coverage.coverage.as_ref()? {
        Kind::CoveredByPerson(cover) => Some(&cover.person),
        _ => None,
    }
}

/// A moment as the wire has it.
pub(crate) fn moment(wire: Option<&prost_types::Timestamp>) -> Timestamp {
    let wire = wire.expect("there is a moment");
    Timestamp::new(wire.seconds, wire.nanos).expect("it is a moment")
}
