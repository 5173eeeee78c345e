use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::{join_all, select};
use tokio::time::{Instant, advance, sleep, timeout};

use super::{Line, Pace, RateLimit};

const TENTH: Duration = Duration::from_millis(100);

/// As systems are asked by default.
const LIMIT: RateLimit = RateLimit { burst: 20, every: TENTH, wait_most: Duration::from_secs(10) };

#[tokio::test(start_paused = true)]
async fn a_pace_lets_a_burst_through_and_spreads_the_rest() {
    let limit =
        RateLimit { burst: 3, every: Duration::from_secs(1), wait_most: Duration::from_secs(2) };
    let (pace, start) = (Pace::new(limit), Instant::now());
    for expected in [0, 0, 0, 1, 2, 3] {
        pace.turn(Line::Looks).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(expected));
    }
    let waiting = [pace.turn(Line::Looks), pace.turn(Line::Looks), pace.turn(Line::Looks)];
    let waited = join_all(waiting).await;
    assert_eq!(waited, [Ok(()), Ok(()), Err(Duration::from_secs(3))]);
    advance(Duration::from_secs(60)).await;
    let rested = Instant::now();
    for _ in 0..3 {
        pace.turn(Line::Others).await.unwrap();
    }
    assert_eq!(rested.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn looks_do_not_wait_for_a_flood_of_placements() {
    let (pace, given) = (Pace::new(LIMIT), Given::default());
    let looks = async {
        sleep(Duration::from_secs(30)).await;
        for requests in [1, 5, 30].repeat(20) {
            let asked = Instant::now();
            pace.turns(Line::Looks, requests).await.unwrap();
            // The one that is due now, and every fourth of those after it, may be a placement's.
            let most = TENTH * (requests + requests.div_ceil(3) + 1);
            assert!(asked.elapsed() <= most, "{requests} after {:?}", asked.elapsed());
        }
    };
    select(Box::pin(looks), Box::pin(flood(&pace, &given, Line::Others, 500, 1))).await;
    assert!(given.of(Line::Others) > 540, "{given:?}");
}

#[tokio::test(start_paused = true)]
async fn placements_go_on_under_a_flood_of_looks() {
    let (pace, given) = (Pace::new(LIMIT), Given::default());
    let placements = async {
        sleep(Duration::from_secs(30)).await;
        for _ in 0..100 {
            let asked = Instant::now();
            pace.turn(Line::Others).await.unwrap();
            assert!(asked.elapsed() <= TENTH * 4, "after {:?}", asked.elapsed());
        }
    };
    select(Box::pin(placements), Box::pin(flood(&pace, &given, Line::Looks, 20, 30))).await;
    assert!(given.of(Line::Looks) > 500, "{given:?}");
}

#[tokio::test(start_paused = true)]
async fn of_two_floods_looks_have_three_quarters_and_the_others_one() {
    let (pace, given) = (Pace::new(LIMIT), Given::default());
    let looks = flood(&pace, &given, Line::Looks, 300, 1);
    let others = flood(&pace, &given, Line::Others, 300, 1);
    let _ = timeout(Duration::from_secs(100), async { tokio::join!(looks, others) }).await;
    let (looks, others) = (given.of(Line::Looks), given.of(Line::Others));
    // Twenty saved up, and ten a second.
    assert!((1_019..=1_021).contains(&(looks + others)), "{looks} and {others}");
    assert!(looks.abs_diff(3 * others) < 30, "{looks} and {others}");
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_kept_whoever_waits_and_whoever_goes_away() {
    let (pace, given) = (Pace::new(LIMIT), Given::default());
    let impatient = async {
        for number in 0_u32.. {
            let patience = TENTH * (number % 7);
            let line = if number % 2 == 0 { Line::Looks } else { Line::Others };
            if let Ok(Ok(())) = timeout(patience, pace.turns(line, number % 4)).await {
                given.note(line, (number % 4).max(1));
            }
            sleep(TENTH * (number % 3)).await;
        }
    };
    let quiet = async {
        sleep(Duration::from_secs(50)).await;
        flood(&pace, &given, Line::Others, 40, 2).await;
    };
    let looks = flood(&pace, &given, Line::Looks, 5, 3);
    let all = async { tokio::join!(impatient, quiet, looks) };
    let _ = timeout(Duration::from_secs(100), all).await;
    let moments: Vec<Instant> = given.0.borrow().iter().map(|(_, at)| *at).collect();
    assert!(moments.len() > 700, "{} turns", moments.len());
    for (first, begun) in moments.iter().enumerate() {
        for (last, ended) in moments.iter().enumerate().skip(first) {
            let most = 20 + (*ended - *begun).as_millis() / TENTH.as_millis();
            let turns = (last - first + 1) as u128;
            assert!(turns <= most, "{turns} of {most} in {:?}", *ended - *begun);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_too_long_says_so_and_does_not_close_the_other_one() {
    let pace = Pace::new(RateLimit { burst: 1, ..LIMIT });
    pace.turn(Line::Others).await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..150 {
        asked.push(pace.turn(Line::Others));
    }
    let look = async {
        let asked = Instant::now();
        pace.turn(Line::Looks).await.unwrap();
        asked.elapsed()
    };
    let (answers, looked) = tokio::join!(join_all(asked), look);
    assert_eq!(looked, TENTH);
    let refused: Vec<Duration> = answers.into_iter().filter_map(Result::err).collect();
    // A hundred are let in; the last of them gives way to the look and has waited in vain.
    assert_eq!(refused.len(), 51, "{refused:?}");
    let late = refused.iter().filter(|wait| **wait == LIMIT.wait_most + TENTH).count();
    assert_eq!(late, 50, "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_stands_in_front_and_does_not_care_holds_nobody_up() {
    let pace = Pace::new(RateLimit { burst: 1, ..LIMIT });
    pace.turn(Line::Looks).await.unwrap();
    let mut careless = Box::pin(pace.turn(Line::Looks));
    assert!(futures_util::poll!(careless.as_mut()).is_pending());
    let start = Instant::now();
    pace.turn(Line::Others).await.unwrap();
    assert_eq!(start.elapsed(), TENTH * 2);
    // Nor does whoever goes away.
    let mut gone = Box::pin(pace.turns(Line::Looks, 50));
    assert!(futures_util::poll!(gone.as_mut()).is_pending());
    let start = Instant::now();
    let other = async {
        pace.turn(Line::Others).await.unwrap();
        start.elapsed()
    };
    let leaves = async move {
        sleep(TENTH / 2).await;
        drop(gone);
    };
    assert_eq!(tokio::join!(other, leaves).0, TENTH);
    careless.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_has_a_turn_while_the_system_wants_rest() {
    let pace = Pace::new(LIMIT);
    pace.rest(Duration::from_secs(5));
    let start = Instant::now();
    let (look, other) = tokio::join!(pace.turn(Line::Looks), pace.turn(Line::Others));
    assert_eq!((look, other), (Ok(()), Ok(())));
    assert_eq!(start.elapsed(), Duration::from_secs(5) + TENTH);
    pace.rest(Duration::from_secs(11));
    let wait = pace.turn(Line::Looks).await.unwrap_err();
    assert_eq!(wait, Duration::from_secs(11));
}

/// Which turns were given, and when.
#[derive(Debug, Default)]
struct Given(RefCell<Vec<(Line, Instant)>>);

impl Given {
    fn note(&self, line: Line, requests: u32) {
        for _ in 0..requests {
            self.0.borrow_mut().push((line, Instant::now()));
        }
    }

    fn of(&self, line: Line) -> usize {
        self.0.borrow().iter().filter(|(of, _)| *of == line).count()
    }
}

/// So many who want so many turns each, again and again. Never ends.
async fn flood(pace: &Pace, given: &Given, line: Line, callers: usize, requests: u32) {
    let one = || async move {
        loop {
            match pace.turns(line, requests).await {
                Ok(()) => given.note(line, requests),
                Err(wait) => sleep(wait.min(Duration::from_secs(1))).await,
            }
        }
    };
    let callers: Vec<_> = (0..callers).map(|_| one()).collect();
    let _: Vec<()> = join_all(callers).await;
}
