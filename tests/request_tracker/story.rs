//! One case from its opening on. What is said of its coverage is watched without a pause, and held in the end against
//! who really had it.

use belay_api::v1;
use belay_api::v1::coverage::Coverage as Kind;
use jiff::{SignedDuration, Timestamp};

use crate::bench::Bench;
use crate::stage::callers::Caller;
use crate::stage::until;
use crate::stage::watching::{Watcher, as_of, check_no_gap, covered_until, moment, person_of};

/// How far the clocks of the test and of the supervisor may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_millis(50);

/// Between two answers of a watch without a pause, on a machine that has other things to do.
const NO_PAUSE: SignedDuration = SignedDuration::from_secs(3);

/// How long evidence stays fresh here; a loss is told within it.
const FRESHNESS: SignedDuration = SignedDuration::from_secs(8);

/// A case, and what people do for it.
pub(crate) struct Story<'a> {
    pub(crate) tool: Caller,
    pub(crate) case: String,
    bench: &'a Bench,
    watcher: Watcher,
    had: Vec<Had>,
}

/// From when and until when somebody really had the case.
#[derive(Debug)]
struct Had {
    person: String,
    from: Timestamp,
    until: Option<Timestamp>,
}

impl<'a> Story<'a> {
    /// A case that is for people.
    pub(crate) async fn begin(bench: &'a Bench) -> Self {
        let (tool, case) = bench.open().await;
        let watcher = Watcher::of(&tool, &case);
        Self { tool, case, bench, watcher, had: Vec::new() }
    }

    /// Waits for the case's ticket in a queue.
    pub(crate) async fn ticket(&self, queue: &str) -> String {
        self.bench.ticket(&self.case, queue).await
    }

    /// Somebody takes a ticket, and Belay sees it.
    pub(crate) async fn takes(&mut self, who: &str, ticket: &str) -> v1::CoveredByPerson {
        self.takes_unseen(who, ticket).await;
        self.is_covered_by(who).await
    }

    /// Somebody takes a ticket.
    pub(crate) async fn takes_unseen(&mut self, who: &str, ticket: &str) {
        self.had.push(Had { person: who.to_owned(), from: Timestamp::now(), until: None });
        self.bench.does(who, "take", ticket).await;
    }

    /// Waits until Belay sees that this person has the case.
    pub(crate) async fn is_covered_by(&self, person: &str) -> v1::CoveredByPerson {
        until(&format!("{} to be covered by {person}", self.case), async || {
            match self.tool.coverage(&self.case).await.coverage {
                Some(Kind::CoveredByPerson(cover)) if cover.person == person => Some(cover),
                _ => None,
            }
        })
        .await
    }

    /// Something happens, and nobody has the case any more.
    pub(crate) async fn loses<T>(&mut self, happens: impl Future<Output = T>) -> T {
        let happened = happens.await;
        self.had.last_mut().unwrap().until = Some(Timestamp::now());
        happened
    }

    /// Waits until Belay sees that nobody has the case, for which nothing is thought to be done.
    pub(crate) async fn lapses(&self) {
        until(&format!("the cover of {} to end", self.case), async || {
            covered_until(&self.tool.coverage(&self.case).await).is_none().then_some(())
        })
        .await;
        self.tool.sees_event(&self.case, "escalation_lapsed", 1).await;
        assert!(self.tool.case(&self.case).await.resolution.is_none(), "nobody resolved it");
    }

    /// Waits for the case in the next queue, where somebody takes it.
    pub(crate) async fn moves_on(&mut self, queue: &str, who: &str) {
        let next = self.ticket(queue).await;
        let cover = self.takes(who, &next).await;
        assert_eq!(cover.evidence.unwrap().queue, queue);
    }

    /// Checks everything that was said meanwhile, and that no step had two tickets. How long after it was so each loss
    /// was said, in order.
    pub(crate) async fn end(self) -> Vec<SignedDuration> {
        let tickets = self.bench.tickets(&self.case).await;
        let steps = tickets.keys().filter(|step| step.starts_with(&format!("{}/e1/", self.case)));
        assert_eq!(steps.count(), tickets.len(), "{tickets:?}");
        assert!(!tickets.is_empty() && tickets.values().all(|count| *count == 1), "{tickets:?}");
        let seen = self.watcher.end();
        check_no_gap(&seen);
        check_no_pause(&seen);
        seen.iter().for_each(|coverage| check_true(coverage, &self.had));
        let lost = self.had.iter().filter_map(|had| Some((had.person.as_str(), had.until?)));
        let told: Vec<_> = lost.map(|(person, since)| told_after(&seen, person, since)).collect();
        eprintln!("{}: {} answers, losses told after {told:?}", self.case, seen.len());
        assert!(told.iter().all(|told| *told <= FRESHNESS), "losses told after {told:?}");
        told
    }
}

/// Checks that whoever was said to have the case had it when the look was sent that showed it.
#[track_caller]
fn check_true(coverage: &v1::Coverage, had: &[Had]) {
    if covered_until(coverage).is_none() {
        return;
    }
    let Some(Kind::CoveredByPerson(cover)) = &coverage.coverage else {
        panic!("nobody but people can have it: {coverage:?}");
    };
    let sent = moment(cover.evidence.as_ref().expect("evidence").sent_at.as_ref());
    let so = had.iter().filter(|had| had.person == cover.person).any(|had| {
        let until = had.until.unwrap_or(Timestamp::MAX);
        had.from <= sent + CLOCKS_APART && sent - CLOCKS_APART <= until
    });
    assert!(so, "false cover: {coverage:?} while it was so: {had:?}");
}

#[track_caller]
fn check_no_pause(seen: &[v1::Coverage]) {
    for two in seen.windows(2) {
        let (one, next) = (as_of(&two[0]), as_of(&two[1]));
        assert!(next < one + NO_PAUSE, "nothing was asked between {one} and {next}");
    }
}

/// How long it was said that somebody had the case who had lost it.
fn told_after(seen: &[v1::Coverage], person: &str, since: Timestamp) -> SignedDuration {
    let after = seen.iter().filter(|coverage| as_of(coverage) > since);
    let mut other = after.filter(|coverage| person_of(coverage) != Some(person));
    as_of(other.next().expect("the loss was told")).duration_since(since)
}

/// Alice had it from second 10 to second 20. A look that was sent then shows it.
#[test]
fn cover_is_true_if_the_person_had_the_case_when_the_look_was_sent() {
    check_true(&said_of("alice", 10), &alice());
    check_true(&said_of("alice", 20), &alice());
}

#[test]
#[should_panic(expected = "false cover")]
fn cover_by_a_look_from_before_the_take_is_false() {
    check_true(&said_of("alice", 9), &alice());
}

#[test]
#[should_panic(expected = "false cover")]
fn cover_by_a_look_from_after_the_loss_is_false() {
    check_true(&said_of("alice", 21), &alice());
}

#[test]
#[should_panic(expected = "false cover")]
fn cover_by_somebody_else_is_false() {
    check_true(&said_of("autobot", 15), &alice());
}

fn alice() -> [Had; 1] {
    let at = |second| Timestamp::from_second(second).unwrap();
    [Had { person: "alice".to_owned(), from: at(10), until: Some(at(20)) }]
}

/// What is said when a look that was sent in this second shows that somebody has the case.
fn said_of(person: &str, seconds: i64) -> v1::Coverage {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let evidence = v1::Evidence { sent_at: at(seconds), ..v1::Evidence::default() };
    let cover = v1::CoveredByPerson {
        person: person.to_owned(),
        evidence: Some(evidence),
        valid_until: at(seconds + 8),
        ..v1::CoveredByPerson::default()
    };
    let coverage = Some(Kind::CoveredByPerson(cover));
    v1::Coverage { coverage, as_of: at(seconds + 1) }
}
