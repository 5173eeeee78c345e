use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use belay_domain::{Correlation, QueueFacts, QueueId, Reading, TicketId, TicketReading};
use futures_util::future::join_all;
use tokio::time::{Instant, advance, sleep};

use super::{Circuit, CircuitTerms, Guarded, RateLimit};
use crate::{BoxFuture, HumanQueue, NewTicket, QueueError, QueueErrorKind, Wanted};

const TERMS: CircuitTerms =
    CircuitTerms { failures: 3, first: Duration::from_secs(1), most: Duration::from_secs(8) };

#[tokio::test(start_paused = true)]
async fn a_few_failures_in_a_row_open_the_circuit() {
    check("f f .; f f f x").await;
    check("f f s f f .").await;
}

#[tokio::test(start_paused = true)]
async fn after_a_while_one_request_finds_out() {
    check("f f f x +1 s . . .").await;
    check("f f f x +1 f x +1 x +1 s .").await;
}

#[tokio::test(start_paused = true)]
async fn each_time_in_a_row_takes_twice_as_long_up_to_a_bound() {
    check("f f f +1 f +1 x +1 f +3 x +1 f +7 x +1 f +7 x +1 f +7 x +1 s .").await;
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_the_first_wait_is_short_again() {
    check("f f f +1 f +2 f +4 s f f f x +1 s").await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_dropped_is_a_failure() {
    let circuit = Circuit::new("rt", TERMS);
    for _ in 0..3 {
        drop(circuit.turn().unwrap());
    }
    assert!(circuit.turn().is_err());
}

#[tokio::test(start_paused = true)]
async fn only_one_request_at_a_time_finds_out() {
    let circuit = Circuit::new("rt", TERMS);
    for _ in 0..3 {
        circuit.turn().unwrap().failed(None);
    }
    advance(Duration::from_secs(1)).await;
    let probe = circuit.turn().unwrap();
    assert!(circuit.turn().is_err());
    probe.answered();
    assert!(circuit.is_closed() && circuit.turn().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_system_that_asks_for_a_pause_gets_it() {
    let circuit = Circuit::new("rt", TERMS);
    circuit.turn().unwrap().failed(Some(Duration::from_secs(60)));
    advance(Duration::from_secs(59)).await;
    assert_eq!(circuit.turn().unwrap_err(), Duration::from_secs(1));
    advance(Duration::from_secs(1)).await;
    circuit.turn().unwrap().answered();
}

#[tokio::test(start_paused = true)]
async fn a_dead_queue_is_asked_now_and_then_and_what_was_not_asked_is_unreadable() {
    let dead = Arc::new(Dead::default());
    let guarded = Guarded::new("rt", Arc::clone(&dead) as _, TERMS, RateLimit::default());
    let (ticket, queue) = ("1".parse().unwrap(), "front".parse().unwrap());
    // A look every second for five minutes.
    for _ in 0..300 {
        let reading = guarded.read(&ticket, &queue).await;
        assert!(matches!(reading.ticket, TicketReading::Unreadable { .. }));
        advance(Duration::from_secs(1)).await;
    }
    let asked = dead.0.load(Ordering::SeqCst);
    assert!((30..60).contains(&asked), "asked {asked} times");
    let error = guarded.inspect(&queue).await.unwrap_err();
    assert!(error.retryable() && error.retry_after().is_some(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let refusing = Arc::new(Dead::default());
    let guarded = Guarded::new("rt", Arc::clone(&refusing) as _, TERMS, RateLimit::default());
    for _ in 0..10 {
        guarded.withdraw(&"1".parse().unwrap(), "over").await.unwrap_err();
    }
    assert_eq!(refusing.0.load(Ordering::SeqCst), 10);
    assert!(guarded.circuit().is_closed());
}

#[tokio::test(start_paused = true)]
async fn looks_at_tickets_go_before_searches_for_those_that_may_have_been_placed() {
    let guarded = Guarded::new("rt", Arc::new(Empty), TERMS, RateLimit::default());
    let step: Correlation = "C-1/e1/r1s1".parse().unwrap();
    let wanted = |_| Wanted {
        ticket: "1".parse().unwrap(),
        queue: "front".parse().unwrap(),
        correlation: step.clone(),
    };
    let wanted: Vec<Wanted> = (0..5).map(wanted).collect();
    let begun = Instant::now();
    let searches = join_all((0..100).map(|_| guarded.find(&step)));
    let looks = async {
        sleep(Duration::from_secs(1)).await;
        guarded.read(&wanted[0].ticket, &wanted[0].queue).await;
        let one = begun.elapsed();
        guarded.read_many(&wanted).await;
        (one, begun.elapsed())
    };
    let (found, (one, many)) = tokio::join!(searches, looks);
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    let most = [1_100, 2_000].map(Duration::from_millis);
    assert!(one <= most[0] && many <= most[1], "{one:?} and {many:?}");
    assert!(begun.elapsed() > Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// `s` asks and succeeds, `f` asks and fails, `.` asks and may, `x` may not ask, `+n` lets n seconds pass,
/// `;` starts over.
async fn check(script: &str) {
    for part in script.split(';') {
        let circuit = Circuit::new("rt", TERMS);
        for (place, word) in part.split_whitespace().enumerate() {
            let at = format!("{word} at {place} of {part:?}");
            if let Some(seconds) = word.strip_prefix('+') {
                advance(Duration::from_secs(seconds.parse().unwrap())).await;
                continue;
            }
            match (word, circuit.turn()) {
                ("x", Err(_)) => {}
                ("s" | ".", Ok(turn)) => turn.answered(),
                ("f", Ok(turn)) => turn.failed(None),
                (_, turn) => panic!("{at}: {turn:?}"),
            }
        }
    }
}

/// A queue that never answers, except that it refuses to withdraw; counts how often it is asked.
#[derive(Debug, Default)]
struct Dead(AtomicU32);

impl Dead {
    fn error<T>(&self, kind: QueueErrorKind) -> Result<T, QueueError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(QueueError::new(kind, "down"))
    }
}

impl HumanQueue for Dead {
    fn inspect<'a>(&'a self, _: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async { self.error(QueueErrorKind::Unavailable) })
    }

    fn find<'a>(&'a self, _: &'a Correlation) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async { self.error(QueueErrorKind::Unavailable) })
    }

    fn create<'a>(&'a self, _: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async { self.error(QueueErrorKind::Unknown) })
    }

    fn read<'a>(&'a self, _: &'a TicketId, _: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async {
            self.0.fetch_add(1, Ordering::SeqCst);
            let ticket = TicketReading::Unreadable { detail: "down".to_owned() };
            Reading { ticket, queue: None }
        })
    }

    fn withdraw<'a>(
        &'a self,
        _: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async { self.error(QueueErrorKind::Refused) })
    }
}

/// A queue without tickets.
#[derive(Debug)]
struct Empty;

impl HumanQueue for Empty {
    fn inspect<'a>(&'a self, _: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(async { Err(QueueError::new(QueueErrorKind::Refused, "nobody is here")) })
    }

    fn find<'a>(&'a self, _: &'a Correlation) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn create<'a>(&'a self, _: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(async { Err(QueueError::new(QueueErrorKind::Refused, "nobody is here")) })
    }

    fn read<'a>(&'a self, _: &'a TicketId, _: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async { Reading { ticket: TicketReading::Missing, queue: None } })
    }

    fn withdraw<'a>(
        &'a self,
        _: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async { Ok(()) })
    }
}
