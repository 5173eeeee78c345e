//! Reading less: what is kept of histories saves requests, and never shows anything else than reading it all.

use std::time::Duration;

use belay_domain::TicketId;
use belay_replay::{Deed, Lie, Status, Which};
use tokio::time::sleep;

use super::vendors::{VENDORS, Vendor, behind};
use super::{Stage, line, run};
use crate::{HumanQueue, Wanted};

/// How many tickets the table in `docs/connectors.md` is about.
const TICKETS: usize = 10;

#[test]
fn a_look_at_tickets_that_stand_still_takes_fewer_requests() {
    let mut table = Vec::new();
    for vendor in VENDORS {
        run(async {
            let stage = (vendor.stage)();
            let wanted = taken(&stage).await;
            let mut looks = Vec::new();
            for _ in 0..6 {
                let before: u64 = stage.office.tally().values().sum();
                stage.itsm.read_many(&wanted).await;
                looks.push(stage.office.tally().values().sum::<u64>() - before);
                sleep(Duration::from_secs(15)).await;
            }
            table.push((vendor.name, looks[0], looks[5]));
        });
    }
    println!("requests for {TICKETS} tickets of one queue: at first, and while they stand still");
    table.iter().for_each(|(vendor, first, later)| println!("{vendor:<24} {first:>3} {later:>3}"));
    assert_eq!(
        table,
        [
            ("ServiceNow", 6, 6),
            ("Jira Service Management", 35, 15),
            ("Zendesk", 14, 4),
            ("PagerDuty", 26, 26),
            ("GoAlert", 11, 11),
        ]
    );
}

#[test]
fn what_is_kept_shows_what_reading_everything_shows() {
    for vendor in VENDORS.iter().filter(|vendor| keeps(vendor)) {
        for seed in 0..4 {
            println!("behind {}, seed {seed}", vendor.name);
            run(compared(vendor, seed));
        }
    }
}

#[test]
fn a_history_is_read_again_now_and_then_whatever_its_record_looks_like() {
    for vendor in VENDORS.iter().filter(|vendor| keeps(vendor)) {
        run(async {
            let stage = (vendor.stage)();
            let ticket = stage.placed().await;
            stage.happen(Deed::take("anna"));
            for _ in 0..120 {
                stage.read(&ticket).await;
                sleep(Duration::from_secs(10)).await;
            }
            let kinds = if vendor.name == "Zendesk" { 1 } else { 2 };
            let histories = stage.office.tally()["history"] / kinds;
            // Four or five until the record stood still for long enough, and then one in five minutes of twenty.
            assert!((7..=9).contains(&histories), "{}: {histories}", vendor.name);
        });
    }
}

#[test]
fn what_was_done_within_one_second_is_seen() {
    behind(&[], async |vendor, stage: Stage| {
        let ticket = stage.placed().await;
        sleep(Duration::from_secs(10)).await;
        stage.happen(Deed::take("anna"));
        let taken = vendor.told(&stage.read(&ticket).await);
        assert!(taken.ends_with("anna took"), "{}: {taken}", vendor.name);
        // By the clock of the system nothing happened since.
        stage.happen(Deed::give_back("anna"));
        stage.happen(Deed::take("silent"));
        for _ in 0..10 {
            let line = line(&stage.read(&ticket).await);
            assert!(line.contains("held by machine"), "{}: {line}", vendor.name);
            sleep(Duration::from_secs(10)).await;
        }
    });
}

/// Looks that remember against looks that know nothing, while things happen at random.
async fn compared(vendor: &Vendor, seed: u64) {
    let stage = (vendor.stage)();
    if seed % 2 == 1 {
        stage.office.lie(Lie::ClockCoarse(10));
    }
    let ticket = stage.placed().await;
    let deeds = [
        Deed::take("anna"),
        Deed::give_back("anna"),
        Deed::take("silent"),
        Deed::assign("ben", "anna"),
        Deed::assign("robot", "anna"),
        Deed::note("anna", "calling her"),
        Deed::reply("ben", "hello"),
        Deed::rewrite("ben", "never mind"),
        Deed::unsay("anna"),
        Deed::move_to("ben", "other"),
        Deed::move_to("ben", "support"),
        Deed::become_("anna", Status::Waiting("Awaiting Caller".to_owned())),
        Deed::Hide,
        Deed::Show,
    ];
    let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % 1_000).expect("small") % sides
    };
    for step in 0..40 {
        if roll(4) == 0 {
            for _ in 0..=roll(3) {
                stage.office.happen(&Which::Number(1), &deeds[roll(deeds.len())]);
            }
        }
        let kept = stage.read(&ticket).await;
        let anew = (vendor.itsm)(&stage.office);
        let anew = anew.read(&ticket, &stage.queue.parse().expect("an id")).await;
        assert_eq!(line(&kept), line(&anew), "{}, seed {seed}, step {step}", vendor.name);
        // Notes that were taken back leave no trace that a revision could show.
        sleep([300, 1_000, 5_000, 12_000, 45_000].map(Duration::from_millis)[roll(5)]).await;
    }
}

/// So many tickets that are in somebody's hands.
async fn taken(stage: &Stage) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for number in 0..TICKETS {
        let new = stage.new_ticket(&format!("C-{number}/e1/r1s1"));
        let ticket: TicketId = stage.itsm.create(&new).await.expect("made");
        stage.happen(Deed::take("anna"));
        wanted.push(Wanted { ticket, queue: new.queue, correlation: new.correlation });
    }
    wanted
}

/// Whose histories are kept while their records stand still.
fn keeps(vendor: &Vendor) -> bool {
    ["Jira Service Management", "Zendesk"].contains(&vendor.name)
}
