use std::path::Path;
use std::sync::{Arc, Mutex};

use belay_domain::{
    ActKind, ActorKind, PersonId, Reading, Severity, Standing, TicketFacts, TicketId,
    TicketReading, Timestamp, Unreachable,
};

use super::{
    Desk, DeskConfig, DeskError, DeskQueue, DeskStaff, DeskTicket, Page, Shift, TicketFilter,
    TicketStanding, Weekday,
};
use crate::{HumanQueue, NewTicket, QueueErrorKind};

mod proving;

#[tokio::test]
async fn who_takes_a_ticket_holds_it_by_an_act_of_their_own() {
    check("alice take", "open in front, held by alice: alice took").await;
}

#[tokio::test]
async fn who_is_given_a_ticket_has_not_taken_it() {
    check("alice assign bob", "open in front, held by bob: alice gave bob").await;
    check("alice assign bob; bob take", "open in front, held by bob: alice gave bob, bob took")
        .await;
}

#[tokio::test]
async fn a_ticket_that_is_given_back_is_nobodys() {
    check("alice take; alice give_back", "open in front: alice took, alice gave back").await;
}

#[tokio::test]
async fn work_is_recorded_act_by_act() {
    check(
        "alice take; alice note looking; alice reply hello; bob note me-too",
        "open in front, held by alice: alice took, alice noted, alice replied, bob noted",
    )
    .await;
}

#[tokio::test]
async fn a_note_that_is_asked_for_twice_is_written_once() {
    let once = "open in front: alice noted";
    check("alice note_r1 looking; alice note_r1 looking", once).await;
    check("alice note_r1 looking; bob note_r1 looking", &format!("{once}, bob noted")).await;
}

#[tokio::test]
async fn a_ticket_is_resolved_by_its_holder_with_a_code() {
    check(
        "alice take; alice resolve refunded",
        "resolved (refunded by alice) in front, held by alice: alice took, alice changed state",
    )
    .await;
    check(
        "alice take; alice resolve_without_a_note refunded",
        "resolved (refunded by alice) in front, held by alice: alice took, alice changed state",
    )
    .await;
    check("alice resolve refunded", "alice does not hold the ticket desk-1; take it first").await;
    check(
        "alice take; alice resolve magic",
        "magic is not a resolution code; known are refunded, no_fault",
    )
    .await;
}

#[tokio::test]
async fn a_moved_ticket_is_elsewhere_and_nobodys() {
    check("alice take; alice move_to back", "open in back: alice took, alice moved").await;
    check("alice move_to retired", "the queue retired is disabled").await;
    check(
        "alice move_to nowhere",
        "there is no queue nowhere on this desk; the playbook's desk section names its queues",
    )
    .await;
}

#[tokio::test]
async fn only_those_on_the_queue_may_act() {
    check("erin take", "erin is not on the queue front").await;
    check("zoe note hello", "zoe is not on the queue front").await;
    check("trainee take", "trainee may not take tickets of the queue front").await;
    check("alice assign trainee", "trainee may not take tickets of the queue front").await;
    check("dave take", "the account of dave is disabled").await;
    check("alice take; bob take", "alice holds the ticket desk-1").await;
    check("alice take; bob give_back", "bob does not hold the ticket desk-1; take it first").await;
}

#[tokio::test]
async fn a_closed_ticket_stays_closed() {
    check("alice take; alice resolve refunded; bob take", "the ticket desk-1 is closed").await;
    check("alice take; alice resolve refunded; alice give_back", "the ticket desk-1 is closed")
        .await;
}

#[tokio::test]
async fn an_empty_text_is_refused() {
    check("alice note ", "the text must not be empty").await;
}

#[tokio::test]
async fn who_is_off_shift_takes_nothing() {
    check("alice off; alice take", "alice is off shift; start the shift first").await;
    check("alice off; alice on; alice take", "open in front, held by alice: alice took").await;
    check("zoe on", "zoe is on no queue of this desk").await;
}

#[tokio::test]
async fn a_machine_that_takes_a_ticket_is_seen_as_a_machine() {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    bench.desk.take(&person("robot"), &ticket).await.unwrap();
    let facts = bench.facts(&ticket).await;
    assert_eq!(facts.holder.unwrap().kind, ActorKind::Machine);
    assert_eq!(facts.acts[0].actor.kind, ActorKind::Machine);
}

#[tokio::test]
async fn withdrawing_closes_what_nobody_holds_and_tells_a_holder_once() {
    check("withdraw; withdraw", "rejected in front: belay changed state").await;
    check(
        "alice take; withdraw; withdraw",
        "open in front, held by alice: alice took, belay noted",
    )
    .await;
}

#[tokio::test]
async fn every_change_makes_a_new_revision_and_a_rumour() {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    let mut rumours = bench.desk.watch();
    let mut revision = bench.facts(&ticket).await.revision;
    for script in ["alice take", "alice note hi", "alice give_back"] {
        bench.act(script, &ticket).await.unwrap();
        let now = bench.facts(&ticket).await.revision;
        assert!(now > revision, "{script}");
        revision = now;
        assert_eq!(rumours.try_recv().unwrap().ticket, ticket, "{script}");
    }
    bench.act("bob take", &ticket).await.unwrap();
    rumours.try_recv().unwrap();
    bench.act("bob off", &ticket).await.unwrap();
    assert_eq!(rumours.try_recv().unwrap().ticket, ticket, "the holder went home");
}

#[tokio::test]
async fn a_refused_act_changes_nothing() {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    let before = bench.desk.ticket(&ticket).await.unwrap();
    let mut rumours = bench.desk.watch();
    bench.act("erin take", &ticket).await.unwrap_err();
    assert_eq!(bench.desk.ticket(&ticket).await.unwrap(), before);
    assert!(rumours.try_recv().is_err());
}

#[tokio::test]
async fn tickets_and_shifts_survive_a_restart() {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    bench.act("alice take", &ticket).await.unwrap();
    bench.act("bob off", &ticket).await.unwrap();
    let before = bench.desk.ticket(&ticket).await.unwrap();
    let queue = "front".parse().unwrap();
    let facts = bench.desk.inspect(&queue).await.unwrap();
    let Bench { desk, folder, clock } = bench;
    drop(desk);
    let desk = Desk::open(&folder.path().join("desk"), config(&clock)).unwrap();
    assert_eq!(desk.ticket(&ticket).await.unwrap(), before);
    assert_eq!(desk.inspect(&queue).await.unwrap(), facts);
    assert_eq!(facts.member(&person("bob")).unwrap().on_shift, Some(false));
}

#[tokio::test]
async fn one_step_has_one_ticket() {
    let bench = Bench::new();
    let new = new_ticket("c-1/e1/r1s1", "front");
    let first = bench.desk.create(&new).await.unwrap();
    assert_eq!(bench.desk.create(&new).await.unwrap(), first);
    assert_eq!(bench.desk.find(&new.correlation).await.unwrap(), [first]);
    let elsewhere = NewTicket { queue: "back".parse().unwrap(), ..new };
    let error = bench.desk.create(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind, QueueErrorKind::Refused);
}

#[tokio::test]
async fn a_queue_without_anybody_reaches_nobody() {
    let bench = Bench::new();
    let check = async |queue: &str, why: Option<Unreachable>| {
        let facts = bench.desk.inspect(&queue.parse().unwrap()).await.unwrap();
        assert_eq!(facts.reachable().err(), why);
    };
    let queue = |name: &str| name.parse().unwrap();
    check("front", None).await;
    check("retired", Some(Unreachable::Disabled { queue: queue("retired") })).await;
    check("empty", Some(Unreachable::Nobody { queue: queue("empty") })).await;
    check("leavers", Some(Unreachable::NobodyAble { queue: queue("leavers") })).await;
    check("back", Some(Unreachable::NobodyOnShift { queue: queue("back") })).await;
    for (name, kind) in [("retired", QueueErrorKind::Refused), ("none", QueueErrorKind::Refused)] {
        let error = bench.desk.create(&new_ticket("k", name)).await.unwrap_err();
        assert_eq!(error.kind, kind, "{name}");
    }
}

#[tokio::test]
async fn a_timetable_says_who_is_on_shift_until_they_say_otherwise() {
    let bench = Bench::new();
    let on = async |at: &str| {
        *bench.clock.lock().unwrap() = at.parse().unwrap();
        let facts = bench.desk.inspect(&"back".parse().unwrap()).await.unwrap();
        facts.member(&person("erin")).unwrap().on_shift
    };
    // Erin works on Mondays from 8 to 16 and on Sundays from 22 for four hours. The 5th is a Monday.
    assert_eq!(on("2026-01-05T07:59:59Z").await, Some(false));
    assert_eq!(on("2026-01-05T08:00:00Z").await, Some(true));
    assert_eq!(on("2026-01-05T15:59:59Z").await, Some(true));
    assert_eq!(on("2026-01-05T16:00:00Z").await, Some(false));
    assert_eq!(on("2026-01-12T01:59:59Z").await, Some(true));
    assert_eq!(on("2026-01-12T02:00:00Z").await, Some(false));
    assert_eq!(on("2026-01-05T12:00:00Z").await, Some(true));
    bench.desk.end_shift(&person("erin")).await.unwrap();
    assert_eq!(on("2026-01-05T15:00:00Z").await, Some(false));
    assert_eq!(on("2026-01-12T08:00:00Z").await, Some(true));
    assert_eq!(on("2026-01-12T17:00:00Z").await, Some(false));
    bench.desk.start_shift(&person("erin")).await.unwrap();
    assert_eq!(on("2026-01-12T20:00:00Z").await, Some(true));
    assert_eq!(on("2026-01-19T03:00:00Z").await, Some(false));
}

#[tokio::test]
async fn tickets_are_listed_in_parts() {
    let bench = Bench::new();
    for step in 1..=5 {
        bench.desk.create(&new_ticket(&format!("c-1/e1/r1s{step}"), "front")).await.unwrap();
    }
    let taken = "desk-2".parse().unwrap();
    bench.act("alice take", &taken).await.unwrap();
    let list = async |filter: TicketFilter, size| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, size };
            let part = bench.desk.tickets(filter.clone(), page).await.unwrap();
            assert!(part.tickets.len() <= size as usize);
            all.extend(part.tickets.into_iter().map(|ticket| ticket.id.to_string()));
            after = part.next;
            if after.is_none() {
                return all.join(" ");
            }
        }
    };
    let all = TicketFilter::default();
    assert_eq!(list(all.clone(), 2).await, "desk-1 desk-2 desk-3 desk-4 desk-5");
    let unheld = TicketFilter { unheld: true, ..all.clone() };
    assert_eq!(list(unheld, 3).await, "desk-1 desk-3 desk-4 desk-5");
    let alices = TicketFilter { holder: Some(person("alice")), ..all.clone() };
    assert_eq!(list(alices, 50).await, "desk-2");
    let closed = TicketFilter { standing: Some(TicketStanding::Resolved), ..all.clone() };
    assert_eq!(list(closed, 50).await, "");
    let elsewhere = TicketFilter { queue: Some("back".parse().unwrap()), ..all };
    assert_eq!(list(elsewhere, 50).await, "");
    let front = bench.desk.queues().await.unwrap().swap_remove(0);
    assert_eq!((front.open, front.unheld), (5, 4));
}

#[tokio::test]
async fn a_ticket_that_never_was_is_missing() {
    let bench = Bench::new();
    bench.ticket().await;
    for id in ["desk-2", "desk-01", "desk-+1", "1", "desk-"] {
        let reading = bench.read(&id.parse().unwrap()).await;
        assert_eq!(reading.ticket, TicketReading::Missing, "{id}");
        assert!(reading.queue.is_some());
    }
}

#[tokio::test]
async fn a_file_of_a_newer_belay_is_left_alone() {
    let bench = Bench::new();
    let file = bench.folder.path().join("desk");
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Desk::open(&file, config(&bench.clock)).unwrap_err();
    assert!(matches!(error, DeskError::NewerFormat { found: 99, .. }), "{error}");
}

/// Plays a script on a new ticket in `front`; compares what evidence is made of, or the error.
async fn check(script: &str, expected: &str) {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    let mut told = None;
    for act in script.split("; ") {
        if let Err(error) = bench.act(act, &ticket).await {
            told = Some(error.to_string());
        }
    }
    let told = match told {
        Some(error) => error,
        None => tell(&bench.facts(&ticket).await),
    };
    assert_eq!(told, expected, "{script}");
}

fn tell(facts: &TicketFacts) -> String {
    let mut told = facts.standing.to_string();
    if let (Standing::Resolved, Some(resolution)) = (&facts.standing, &facts.resolution) {
        let (code, by) = (resolution.code.as_ref().unwrap(), resolution.actor.as_ref().unwrap());
        told += &format!(" ({code} by {})", by.name);
    }
    told += &format!(" in {}", facts.queue);
    if let Some(holder) = &facts.holder {
        told += &format!(", held by {}", holder.name);
    }
    let acts = facts.acts.iter().map(|act| {
        let did = match &act.kind {
            ActKind::Took => "took".to_owned(),
            ActKind::Assigned { to } => format!("gave {to}"),
            ActKind::GaveBack => "gave back".to_owned(),
            ActKind::Replied => "replied".to_owned(),
            ActKind::Noted => "noted".to_owned(),
            ActKind::ChangedState => "changed state".to_owned(),
            ActKind::Moved => "moved".to_owned(),
            ActKind::Other => "did something".to_owned(),
        };
        format!("{} {did}", act.actor.name)
    });
    format!("{told}: {}", acts.collect::<Vec<_>>().join(", "))
}

struct Bench {
    desk: Desk,
    folder: tempfile::TempDir,
    clock: Arc<Mutex<Timestamp>>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Mutex::new("2026-01-06T12:00:00Z".parse().unwrap()));
        let desk = Desk::open(&Path::join(folder.path(), "desk"), config(&clock)).unwrap();
        Self { desk, folder, clock }
    }

    async fn ticket(&self) -> TicketId {
        self.desk.create(&new_ticket("c-1/e1/r1s1", "front")).await.unwrap()
    }

    async fn read(&self, ticket: &TicketId) -> Reading {
        self.desk.read(ticket, &"front".parse().unwrap()).await
    }

    async fn facts(&self, ticket: &TicketId) -> TicketFacts {
        match self.read(ticket).await.ticket {
            TicketReading::Present(facts) => *facts,
            other => panic!("{other:?}"),
        }
    }

    async fn act(&self, act: &str, ticket: &TicketId) -> Result<(), DeskError> {
        let mut words = act.splitn(3, ' ');
        let who = words.next().unwrap();
        let (verb, rest) = (words.next().unwrap_or(who), words.next().unwrap_or_default());
        let who = person(who);
        let desk = &self.desk;
        let done = |done: Result<DeskTicket, DeskError>| done.map(drop);
        match verb {
            "take" => done(desk.take(&who, ticket).await),
            "give_back" => done(desk.give_back(&who, ticket).await),
            "note" => done(desk.note(&who, ticket, rest, None).await),
            "note_r1" => done(desk.note(&who, ticket, rest, Some(&"r1".parse().unwrap())).await),
            "reply" => done(desk.reply(&who, ticket, rest).await),
            "assign" => done(desk.assign(&who, ticket, &person(rest)).await),
            "move_to" => done(desk.move_to(&who, ticket, &rest.parse().unwrap()).await),
            "resolve_without_a_note" => {
                done(desk.resolve(&who, ticket, &rest.parse().unwrap(), "").await)
            }
            "resolve" => done(desk.resolve(&who, ticket, &rest.parse().unwrap(), "done").await),
            "on" => desk.start_shift(&who).await,
            "off" => desk.end_shift(&who).await,
            "withdraw" => {
                desk.withdraw(ticket, "not needed").await.unwrap();
                Ok(())
            }
            other => panic!("{other} is no act"),
        }
    }
}

fn config(clock: &Arc<Mutex<Timestamp>>) -> DeskConfig {
    let staff = |name: &str| DeskStaff::person(person(name));
    let queue = |id: &str, enabled, staff| DeskQueue {
        id: id.parse().unwrap(),
        title: id.to_owned(),
        enabled,
        staff,
    };
    let hours = belay_domain::Span::from_hours;
    let erin = DeskStaff {
        shifts: vec![
            Shift { day: Weekday::Monday, from: hours(8), lasts: hours(8) },
            Shift { day: Weekday::Sunday, from: hours(22), lasts: hours(4) },
        ],
        ..staff("erin")
    };
    let dave = DeskStaff { enabled: false, ..staff("dave") };
    let trainee = DeskStaff { may_take: false, ..staff("trainee") };
    let robot = DeskStaff { kind: ActorKind::Machine, ..staff("robot") };
    let front = vec![staff("alice"), staff("bob"), dave.clone(), trainee.clone(), robot.clone()];
    let queues = vec![
        queue("front", true, front),
        queue("back", true, vec![erin]),
        queue("retired", false, vec![staff("alice")]),
        queue("empty", true, vec![]),
        queue("leavers", true, vec![dave, trainee, robot]),
    ];
    let codes = ["refunded", "no_fault"].map(|code| code.parse().unwrap()).to_vec();
    let clock = Arc::clone(clock);
    DeskConfig {
        codes,
        clock: Arc::new(move || *clock.lock().unwrap()),
        ..DeskConfig::new(person("belay"), queues)
    }
}

fn new_ticket(correlation: &str, queue: &str) -> NewTicket {
    NewTicket {
        case: "c-1".parse().unwrap(),
        correlation: correlation.parse().unwrap(),
        queue: queue.parse().unwrap(),
        subject: "Refund stuck".to_owned(),
        body: "Why".to_owned(),
        severity: Severity::High,
    }
}

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}
