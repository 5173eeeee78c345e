use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay_domain::{
    ActorKind, Correlation, QueueFacts, QueueId, Reading, Severity, StaffMember, TicketId,
    TicketReading,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Attempt, NotPlaced, Settling, place, withdraw_forks};
use crate::{BoxFuture, HumanQueue, NewTicket, QueueError, QueueErrorKind};

const SETTLING: Settling =
    Settling { within: Duration::from_secs(10), every: Duration::from_secs(1) };

#[tokio::test(start_paused = true)]
async fn a_ticket_is_created_and_found() {
    check(&[], Attempt::First, "created 1, found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_is_there_is_not_created_again() {
    check(&[Fault::Present(1)], Attempt::First, "there 1, found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_the_search_shows_late_is_waited_for() {
    check(&[Fault::SearchLags(4)], Attempt::First, "created 1, found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_the_search_never_shows_is_placed_and_not_found() {
    check(&[Fault::SearchLags(3_600)], Attempt::First, "created 1, not found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_looked_for_and_not_repeated() {
    check(&[Fault::AnswerLost(1)], Attempt::First, "there 1, found; live 1").await;
    let both = [Fault::AnswerLost(1), Fault::SearchLags(5)];
    check(&both, Attempt::First, "there 1, found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_have_happened_and_is_not_found_is_for_later() {
    check(&[Fault::CreateLost(1)], Attempt::First, "later; live 0").await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_after_another_looks_for_the_settling_time_before_creating() {
    let both = [Fault::Present(1), Fault::SearchLags(5)];
    check(&both, Attempt::Again, "there 1, found; live 1").await;
    check(&[], Attempt::Again, "created 1, found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn of_two_tickets_the_older_is_kept() {
    check(&[Fault::Present(2)], Attempt::First, "there 1, found, withdrawn 2; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_was_none_keeps_the_older_ticket() {
    let both = [Fault::Present(1), Fault::SearchLags(5)];
    check(&both, Attempt::First, "there 1, found, withdrawn 2; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_did_nothing_is_placed_and_not_found() {
    check(&[Fault::CreateLies], Attempt::First, "created 1, not found; live 0").await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_without_anybody_gets_no_ticket() {
    check(&[Fault::NobodyThere], Attempt::First, "unreachable; live 0").await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_in_a_queue_that_has_become_empty_is_still_the_steps_ticket() {
    check(&[Fault::NobodyThere, Fault::Present(1)], Attempt::Again, "there 1, found; live 1").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_not_tried_later() {
    check(&[Fault::Refuses], Attempt::First, "refused; live 0").await;
}

#[tokio::test(start_paused = true)]
async fn without_a_search_nothing_is_created() {
    check(&[Fault::SearchFails(1_000)], Attempt::First, "later; live 0").await;
    check(&[Fault::SearchFails(1_000)], Attempt::Again, "later; live 0").await;
}

#[tokio::test(start_paused = true)]
async fn a_search_that_fails_at_times_is_borne() {
    check(&[Fault::SearchFails(3)], Attempt::Again, "created 1, found; live 1").await;
}

/// What it was asked before it stood still it does when it goes on, together with the search that comes first.
#[tokio::test(start_paused = true)]
async fn a_system_that_stood_still_for_any_time_makes_one_ticket() {
    for tenths in 0..500 {
        let queue = Scripted::new(&[Fault::StandsStill(Duration::from_millis(100 * tenths))]);
        let mut attempt = Attempt::First;
        while place(&queue, &TICKET, attempt, SETTLING).await.is_err() {
            attempt = Attempt::Again;
        }
        sleep(SETTLING.within).await;
        assert_eq!(queue.0.lock().unwrap().tickets.len(), 1, "after {tenths} tenths of a second");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_ticket_that_shows_up_later_is_withdrawn() {
    let queue = Scripted::new(&[Fault::Present(3)]);
    let keep = id(2);
    let withdrawn = withdraw_forks(&queue, &ticket().correlation, &keep).await.unwrap();
    assert_eq!(withdrawn, [id(1), id(3)]);
    assert_eq!(queue.live(), 1);
}

/// Any mix of faults that end, tried until it works: never more than one live ticket, and one in the end.
#[tokio::test(start_paused = true)]
async fn no_mix_of_faults_makes_two_tickets() {
    for seed in 1..=2_000_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let faults = [
            // Together shorter than the settling time: that is what the settling time is for.
            Fault::SearchLags(dice.roll(5)),
            Fault::CreateIsSlow(dice.roll(5)),
            Fault::SearchFails(dice.roll(30)),
            Fault::AnswerLost(dice.roll(3)),
            Fault::CreateLost(dice.roll(3)),
            Fault::TurnedAway(dice.roll(3)),
        ];
        let queue = Scripted::new(&faults);
        let mut attempt = Attempt::First;
        let mut tries = 0;
        let placed = loop {
            // A crash at any moment: the attempt is dropped, what it sent goes on, and it is made again.
            let patience = Duration::from_secs(dice.roll(60) + 1);
            let tried = place(&queue, &TICKET, attempt, SETTLING);
            if let Ok(Ok(placed)) = tokio::time::timeout(patience, tried).await {
                break placed;
            }
            assert!(queue.live() <= 1, "seed {seed}: {faults:?}");
            attempt = Attempt::Again;
            tries += 1;
            assert!(tries < 200, "seed {seed} never ends: {faults:?}");
        };
        // What is still on its way arrives.
        sleep(SETTLING.within).await;
        assert_eq!(queue.live(), 1, "seed {seed}: {faults:?}");
        assert!(placed.withdrawn.is_empty(), "seed {seed}: {placed:?}, {faults:?}");
    }
}

static TICKET: std::sync::LazyLock<NewTicket> = std::sync::LazyLock::new(ticket);

#[track_caller]
fn check<'a>(faults: &'a [Fault], attempt: Attempt, expected: &'a str) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let queue = Scripted::new(faults);
        let told = match place(&queue, &ticket(), attempt, SETTLING).await {
            Ok(placed) => {
                let how = if placed.created { "created" } else { "there" };
                let found = if placed.found { "found" } else { "not found" };
                let withdrawn: String =
                    placed.withdrawn.iter().map(|ticket| format!(", withdrawn {ticket}")).collect();
                format!("{how} {}, {found}{withdrawn}", placed.ticket)
            }
            Err(NotPlaced::Unreachable(_)) => "unreachable".to_owned(),
            Err(NotPlaced::Refused(_)) => "refused".to_owned(),
            Err(NotPlaced::Later(_)) => "later".to_owned(),
        };
        assert_eq!(format!("{told}; live {}", queue.live()), expected, "{faults:?}");
    })
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// So many tickets of this step exist, made just now.
    Present(u64),
    /// A search shows a ticket so many seconds after it was made.
    SearchLags(u64),
    /// A create takes so many seconds to arrive, even if nobody waits for it any more.
    CreateIsSlow(u64),
    /// So many searches fail.
    SearchFails(u64),
    /// So many creates work, and the answer is lost.
    AnswerLost(u64),
    /// So many creates are lost on the way, and nobody can tell.
    CreateLost(u64),
    /// So many creates never leave.
    TurnedAway(u64),
    /// It answers nothing from the first create on for so long, and then does what it was asked.
    StandsStill(Duration),
    /// Creates are answered with success and do nothing.
    CreateLies,
    /// Creates are refused.
    Refuses,
    /// The queue has no staff.
    NobodyThere,
}

/// A human queue with faults.
#[derive(Debug, Default)]
struct Scripted(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    tickets: Vec<(TicketId, Instant)>,
    withdrawn: Vec<TicketId>,
    lag: Duration,
    slow: Duration,
    search_fails: u64,
    answer_lost: u64,
    create_lost: u64,
    turned_away: u64,
    stands_still: Duration,
    goes_on: Option<Instant>,
    lies: bool,
    refuses: bool,
    nobody: bool,
}

/// How long anybody waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a create takes once the system goes on.
const WORK: Duration = Duration::from_secs(1);

impl Scripted {
    fn new(faults: &[Fault]) -> Self {
        let mut state = State::default();
        for fault in faults {
            match *fault {
                Fault::Present(count) => {
                    state.tickets = (1..=count).map(|n| (id(n), Instant::now())).collect();
                }
                Fault::SearchLags(seconds) => state.lag = Duration::from_secs(seconds),
                Fault::CreateIsSlow(seconds) => state.slow = Duration::from_secs(seconds),
                Fault::SearchFails(count) => state.search_fails = count,
                Fault::AnswerLost(count) => state.answer_lost = count,
                Fault::CreateLost(count) => state.create_lost = count,
                Fault::TurnedAway(count) => state.turned_away = count,
                Fault::StandsStill(length) => state.stands_still = length,
                Fault::CreateLies => state.lies = true,
                Fault::Refuses => state.refuses = true,
                Fault::NobodyThere => state.nobody = true,
            }
        }
        Self(Arc::new(Mutex::new(state)))
    }

    fn live(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.tickets.iter().filter(|(ticket, _)| !state.withdrawn.contains(ticket)).count()
    }
}

impl State {
    fn create(&mut self) -> Result<TicketId, QueueError> {
        let made = id(self.tickets.len() as u64 + 1);
        if self.refuses {
            return Err(QueueError::new(QueueErrorKind::Refused, "no"));
        }
        if self.lies {
            return Ok(made);
        }
        if self.turned_away > 0 {
            self.turned_away -= 1;
            return Err(QueueError::new(QueueErrorKind::Unavailable, "not connected"));
        }
        if self.create_lost > 0 {
            self.create_lost -= 1;
            return Err(QueueError::new(QueueErrorKind::Unknown, "cut"));
        }
        self.tickets.push((made.clone(), Instant::now()));
        if self.answer_lost > 0 {
            self.answer_lost -= 1;
            return Err(QueueError::new(QueueErrorKind::Unknown, "cut"));
        }
        Ok(made)
    }
}

impl HumanQueue for Scripted {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        let member = StaffMember {
            name: "alice".parse().unwrap(),
            kind: ActorKind::Person,
            enabled: true,
            may_take: true,
            on_shift: None,
        };
        let staff = if self.0.lock().unwrap().nobody { vec![] } else { vec![member] };
        Box::pin(async move { Ok(QueueFacts { queue: queue.clone(), enabled: true, staff }) })
    }

    fn find<'a>(&'a self, _: &'a Correlation) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(async {
            let goes_on = self.0.lock().unwrap().goes_on.unwrap_or_else(Instant::now);
            if tokio::time::timeout(TIMEOUT, sleep_until(goes_on)).await.is_err() {
                return Err(QueueError::new(QueueErrorKind::Unavailable, "no answer"));
            }
            let mut state = self.0.lock().unwrap();
            if state.search_fails > 0 {
                state.search_fails -= 1;
                return Err(QueueError::new(QueueErrorKind::Unavailable, "down"));
            }
            let shown = state.tickets.iter().filter(|(_, since)| since.elapsed() >= state.lag);
            Ok(shown.map(|(ticket, _)| ticket.clone()).collect())
        })
    }

    fn create<'a>(&'a self, _: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        let state = Arc::clone(&self.0);
        Box::pin(async move {
            let arrives = async move {
                let (slow, goes_on) = {
                    let mut state = state.lock().unwrap();
                    let still = Some(state.stands_still).filter(|still| !still.is_zero());
                    let goes_on = state.goes_on.or(still.map(|still| Instant::now() + still));
                    state.goes_on = goes_on;
                    (state.slow, goes_on)
                };
                sleep(slow).await;
                if let Some(goes_on) = goes_on {
                    sleep_until(goes_on).await;
                    sleep(WORK).await;
                }
                state.lock().unwrap().create()
            };
            let arriving = tokio::spawn(arrives);
            match tokio::time::timeout(TIMEOUT * 3, arriving).await {
                Ok(arrived) => arrived.unwrap(),
                Err(_) => Err(QueueError::new(QueueErrorKind::Unknown, "no answer")),
            }
        })
    }

    fn read<'a>(&'a self, _: &'a TicketId, _: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async { Reading { ticket: TicketReading::Missing, queue: None } })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async {
            self.0.lock().unwrap().withdrawn.push(ticket.clone());
            Ok(())
        })
    }
}

/// The same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn id(number: u64) -> TicketId {
    number.to_string().parse().unwrap()
}

fn ticket() -> NewTicket {
    NewTicket {
        case: "c-1".parse().unwrap(),
        correlation: "c-1/e1/r1s1".parse().unwrap(),
        queue: "desk".parse().unwrap(),
        subject: "Refund stuck".to_owned(),
        body: "Why".to_owned(),
        severity: Severity::Normal,
    }
}
