//! The program is killed at random moments under load, and started again, as often as is asked for.

use std::time::Duration;

use belay_api::v1;
use tokio::time::Instant;

use crate::caller::{Caller, patiently};
use crate::house::House;
use crate::load::Load;
use crate::verdict::{Told, Verdict};

/// How often; `BELAY_KILLS` asks for more.
const KILLS: usize = 15;
/// How long it may live after it has answered.
const LIFE: Duration = Duration::from_millis(300);
/// How long it may live from its start, when it is killed while it starts.
const CHILDHOOD: Duration = Duration::from_millis(150);
/// How long everything that was begun may take to come to its end.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_it_loses_no_answer_and_repeats_no_effect() {
    let kills = number("BELAY_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    let seed = number("BELAY_SEED").unwrap_or(1);
    println!("{kills} kills, seed {seed}; others by BELAY_KILLS=1000 BELAY_SEED=2");
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut house = House::build().await;
    let begun = Instant::now();
    let mut restarts = vec![house.up().await];
    let mut load = Load::begin(&house);
    let tool = Caller::tool(&house);
    let mut young = 0;
    for kill in 1..=kills {
        if restarts.len() > 1 && chance.below(8) == 0 {
            // As it starts: what it reads back and repairs may be cut short as well.
            tokio::time::sleep(chance.time(CHILDHOOD)).await;
            house.kill().await;
            house.start();
            young += 1;
        }
        tokio::time::sleep(chance.time(LIFE)).await;
        let last: Vec<_> = load.book().opened.values().rev().take(3).cloned().collect();
        house.kill().await;
        house.start();
        // Every eighth is not waited for: it may be killed before it has answered anybody.
        if chance.below(8) > 0 {
            restarts.push(house.answers().await);
            for case in last {
                tool.case(&case).await.unwrap_or_else(|status| panic!("{case} is lost: {status}"));
            }
        }
        load.check();
        if kill % 50 == 0 {
            let (answers, took) = (load.book().answers(), begun.elapsed().as_secs());
            println!("{kill} kills, {answers} answers, {took} s");
        }
    }
    house.answers().await;
    load.stop_opening().await;
    settled(&tool).await;
    let tickets = tickets(&Caller::person(&house, "cara")).await;
    let book = load.end().await;
    house.leave().await;
    let mut told = Told::default();
    house.each_event(|event| told.hear(&event));
    let verdict = Verdict::of(&book, &told, &house.company.effects(), &tickets);
    restarts.sort();
    println!(
        "{} writes came to another end, and people were asked: {:?}",
        book.odd.len(),
        book.odd
    );
    println!(
        "{} kills ({young} of them while it started), {} answers ({} cases opened, {} texts added, {} times an agent \
         was given a case, {} writes verified, {} cases resolved by agents, {} tickets taken), {} events, {} effects, \
         {} tickets: {} lost, {} doubled, {} unexplained; from start to first answer {:?} on average, {:?} at most; {} s",
        kills + young,
        book.answers(),
        book.opened.len(),
        book.added.len(),
        book.assigned.len(),
        book.verified.len(),
        book.resolved.len(),
        book.tickets.len(),
        told.events(),
        house.company.effects().len(),
        tickets.len(),
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.unexplained.len(),
        restarts.iter().sum::<Duration>() / u32::try_from(restarts.len()).unwrap(),
        restarts.last().unwrap(),
        begun.elapsed().as_secs(),
    );
    assert!(verdict.is_clean(), "seed {seed}: {verdict:#?}");
    assert!(book.answers() > 4 * kills, "hardly anything was going on");
}

/// Waits until no case is open any more.
async fn settled(tool: &Caller) {
    let deadline = Instant::now() + SETTLED_WITHIN;
    loop {
        let request = v1::ListCasesRequest {
            filter: Some(v1::CaseFilter {
                states: vec![v1::CaseState::Open.into()],
                ..Default::default()
            }),
            page_size: 20,
            ..Default::default()
        };
        let open = patiently(|| {
            let (mut cases, request) = (tool.cases(), request.clone());
            async move { cases.list_cases(request).await }
        });
        let open = open.await.unwrap().cases;
        if open.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "these come to no end: {open:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Every ticket of the desk.
async fn tickets(person: &Caller) -> Vec<v1::DeskTicket> {
    let (mut tickets, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListTicketsRequest { page_size: 100, page_token, ..Default::default() };
        let page = person.desk().list_tickets(request).await.unwrap().into_inner();
        tickets.extend(page.tickets);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return tickets;
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is to be a number, and not {text:?}")))
}

/// Numbers that look random, and are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    fn time(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap()))
    }
}
