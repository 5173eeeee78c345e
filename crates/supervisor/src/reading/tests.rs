//! In which order tickets are read, and how many requests that takes.

use std::time::Duration;

use belay_domain::Correlation;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::schedule::{Schedule, Watched};

#[test]
fn what_is_new_is_read_at_once_and_then_at_its_interval() {
    let mut stage = Stage::new();
    stage.begin("a", 0);
    assert_eq!(stage.taken(0, 9), "a");
    assert_eq!(stage.taken(1, 9), "", "it is being read");
    stage.done("a", 1);
    assert_eq!(stage.taken(15, 1), "");
    assert_eq!(stage.taken(21, 1), "a");
}

#[test]
fn where_more_is_due_than_fits_the_new_go_first_and_then_what_is_known_for_the_shortest_time() {
    let mut stage = Stage::new();
    for (name, until) in [("far", 90), ("near", 30), ("nearer", 25), ("none", 0)] {
        stage.begin(name, 0);
        stage.know(name, until);
    }
    stage.taken(0, 9);
    for name in ["far", "near", "nearer", "none"] {
        stage.done(name, 0);
    }
    stage.begin("new", 20);
    assert_eq!(stage.taken(21, 2), "new nearer");
    assert_eq!(stage.taken(21, 1), "near");
    // Where nobody knows how long something stands, until it would be due again.
    assert_eq!(stage.taken(21, 1), "none");
    assert_eq!(stage.taken(21, 1), "far");
}

#[test]
fn what_falls_due_soon_is_read_along() {
    let mut stage = Stage::new();
    for (name, at) in [("a", 0), ("b", 4), ("c", 9)] {
        stage.begin(name, at);
        stage.taken(at, 1);
        stage.done(name, at);
    }
    // Of an interval of 20 s the last quarter may be left out.
    assert_eq!(stage.taken(20, 9), "a b");
    assert_eq!(stage.taken(20, 9), "", "nothing is due any more");
    assert_eq!(stage.taken(29, 9), "c");
}

#[test]
fn a_rumour_makes_a_look_due_at_once_also_while_it_is_being_read() {
    let mut stage = Stage::new();
    stage.begin("a", 0);
    stage.taken(0, 1);
    stage.done("a", 0);
    assert!(stage.hurry("a", 3));
    assert_eq!(stage.taken(3, 1), "a");
    assert!(stage.hurry("a", 4));
    stage.done("a", 3);
    assert_eq!(stage.taken(5, 1), "a");
    stage.done("a", 5);
    assert_eq!(stage.taken(6, 1), "");
    assert!(!stage.hurry("z", 6));
}

#[test]
fn rumours_about_one_ticket_do_not_starve_the_others() {
    let mut stage = Stage::new();
    for name in ["noisy", "quiet"] {
        stage.begin(name, 0);
        stage.know(name, if name == "quiet" { 30 } else { 60 });
    }
    stage.taken(0, 2);
    stage.done("quiet", 0);
    stage.done("noisy", 20);
    stage.hurry("noisy", 20);
    assert_eq!(stage.taken(20, 1), "quiet", "the other was read a moment ago");
    assert_eq!(stage.taken(22, 1), "noisy");
}

#[test]
fn what_did_not_fit_stays_due() {
    let mut stage = Stage::new();
    stage.begin("a", 0);
    stage.begin("b", 0);
    let taken = stage.schedule.take(stage.at(0), 9);
    stage.schedule.put_back(&taken[1]);
    assert_eq!(stage.taken(0, 9), "b");
}

#[test]
fn what_is_given_up_is_forgotten_when_it_falls_due() {
    let mut stage = Stage::new();
    let wanted = stage.begin("a", 0);
    stage.begin("b", 0);
    wanted.cancel();
    let gone = stage.schedule.given_up(stage.at(1));
    assert_eq!(gone.len(), 1);
    assert_eq!(stage.taken(1, 9), "b");
    assert_eq!(stage.schedule.len(), 1);
    // The ticket of a step that was given up and is asked again is another one.
    assert!(!stage.schedule.know(&step("a"), &id("a"), None));
}

#[test]
fn ten_thousand_tickets_are_spread_over_the_interval_in_full_requests() {
    let mut stage = Stage::new();
    let names: Vec<String> = (0..10_000).map(|number| format!("t{number}")).collect();
    for name in &names {
        stage.begin(name, 0);
    }
    // A request a second, with room for 600.
    let (mut requests, mut latest) = (0, 0);
    let mut read = std::collections::HashMap::new();
    for second in 0..120 {
        let due = stage.schedule.take(stage.at(second), 600);
        requests += u64::from(!due.is_empty());
        for one in due {
            let before = read.insert(one.ticket.clone(), second);
            latest = latest.max(second - before.unwrap_or(second));
            stage.schedule.done(&one.correlation, &one.ticket, stage.at(second));
        }
    }
    assert_eq!(read.len(), 10_000);
    assert!(latest <= 20, "a ticket was not read for {latest} s");
    // As many as full requests take at three quarters of the interval, and no more.
    assert!(requests <= 120 * 10_000 / 600 / 15 + 1, "{requests} requests");
}

#[test]
fn what_one_person_takes_is_counted_by_when_it_was_first_seen() {
    let mut stage = Stage::new();
    let at = |second| belay_domain::Timestamp::from_second(second).unwrap();
    let (ann, bob) = (id("ann"), id("bob"));
    for name in ["a", "b", "c"] {
        stage.begin(name, 0);
        stage.schedule.held(&step(name), Some(&ann), at(100));
    }
    stage.begin("d", 0);
    stage.schedule.held(&step("d"), Some(&ann), at(150));
    assert_eq!(stage.schedule.together(&ann, at(90)), 4);
    assert_eq!(stage.schedule.together(&ann, at(140)), 1);
    // Seen again is not taken again; given to another is the other's; given back and forgotten is nobody's.
    stage.schedule.held(&step("a"), Some(&ann), at(151));
    assert_eq!(stage.schedule.together(&ann, at(140)), 1);
    stage.schedule.held(&step("a"), Some(&bob), at(152));
    stage.schedule.held(&step("b"), None, at(152));
    stage.schedule.forget(&step("c"));
    assert_eq!(stage.schedule.together(&ann, at(90)), 1);
    assert_eq!(stage.schedule.together(&bob, at(90)), 1);
}

struct Stage {
    begun: Instant,
    schedule: Schedule,
}

impl Stage {
    fn new() -> Self {
        Self { begun: Instant::now(), schedule: Schedule::default() }
    }

    fn at(&self, second: u64) -> Instant {
        self.begun + Duration::from_secs(second)
    }

    fn begin(&mut self, name: &str, second: u64) -> CancellationToken {
        let wanted = CancellationToken::new();
        self.schedule.begin(Watched {
            case: id("c"),
            correlation: step(name),
            queue: id("first"),
            ticket: id(name),
            every: Duration::from_secs(20),
            until: None,
            due: self.at(second),
            number: 0,
            hurried: false,
            sent: None,
            looks: 0,
            held: None,
            together_within: None,
            wanted: wanted.clone(),
            span: Span::none(),
        });
        wanted
    }

    /// What is known of it stands until then; 0 for nobody knows how long.
    fn know(&mut self, name: &str, until: u64) {
        let until = (until > 0).then(|| self.at(until));
        assert!(self.schedule.know(&step(name), &id(name), until));
    }

    fn hurry(&mut self, name: &str, second: u64) -> bool {
        let at = self.at(second);
        self.schedule.hurry(&id(name), at)
    }

    fn taken(&mut self, second: u64, most: usize) -> String {
        let at = self.at(second);
        let taken = self.schedule.take(at, most);
        taken.iter().map(|one| one.ticket.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn done(&mut self, name: &str, second: u64) {
        let at = self.at(second);
        assert!(self.schedule.done(&step(name), &id(name), at) > 0);
    }
}

fn step(name: &str) -> Correlation {
    id(&format!("{name}/e1/r1s1"))
}

#[track_caller]
fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no id"))
}
