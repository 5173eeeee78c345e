//! A verification of each described system, as its stand-in serves a sound office and one in which a machine takes all.

use std::time::Duration;

use belay_domain::QueueRef;
use belay_replay::{Deed, Lie, Script};
use jiff::Timestamp;

use super::vendors::VENDORS;
use super::{Stage, run};
use crate::verify::{Report, Terms, Verification};

/// Whose reads show when a ticket was created, and in whole seconds (22).
const WHOLE_SECONDS: [&str; 2] = ["PagerDuty", "Zendesk"];

/// Who is asked for one ticket by its id, and so can answer with nothing (2). The others are asked for a list.
const READ_BY_ID: [&str; 2] = ["Jira Service Management", "PagerDuty"];

#[test]
fn a_sound_office_holds_behind_every_vendor() {
    run(async {
        for vendor in VENDORS {
            let (vendor, stage) = (vendor.name, vendor.stage);
            let report = verified(&stage()).await;
            check(vendor, &report, &[]);
            assert!(report.holds(), "{vendor}: {report:#?}");
        }
    });
}

#[test]
fn a_machine_that_takes_everything_is_told_behind_every_vendor() {
    run(async {
        for vendor in VENDORS {
            let (vendor, stage) = (vendor.name, vendor.stage);
            let stage = stage();
            stage.office.habit(Script::new().at(2, Deed::take("silent")));
            let report = verified(&stage).await;
            check(vendor, &report, &[7]);
            assert!(!report.led_to_cover(), "{vendor}");
            // Where nothing can be said, a ticket in somebody's hands is theirs, and the report says so.
            let clean = report.tickets.iter().all(|left| left.clean);
            assert_eq!(clean, vendor != "GoAlert", "{vendor}: {:?}", report.tickets);
        }
    });
}

#[test]
fn an_empty_success_for_an_id_that_never_existed_is_told_and_leads_to_no_cover() {
    run(async {
        for vendor in VENDORS {
            let (vendor, stage) = (vendor.name, vendor.stage);
            let stage = stage();
            stage.office.lie(Lie::Empty);
            let report = verified(&stage).await;
            check(vendor, &report, if READ_BY_ID.contains(&vendor) { &[2] } else { &[] });
            assert!(report.holds(), "{vendor}: {report:#?}");
        }
    });
}

/// These lies are told, besides what the vendor always does.
#[track_caller]
fn check(vendor: &str, report: &Report, told: &[u8]) {
    let always = WHOLE_SECONDS.contains(&vendor).then_some(22);
    let told: Vec<u8> = told.iter().copied().chain(always).collect();
    assert_eq!(report.told(), told, "{vendor}: {report:#?}");
}

async fn verified(stage: &Stage) -> Report {
    let terms = Terms {
        case: "belay-verify-1".parse().expect("an id"),
        queue: QueueRef {
            system: "itsm".parse().expect("an id"),
            queue: stage.queue.parse().expect("an id"),
        },
        began: "2026-03-02T08:00:00Z".parse::<Timestamp>().expect("a moment"),
        watch: Duration::from_secs(30),
        every: Duration::from_secs(5),
        person: None,
    };
    let verification = Verification::new(&stage.itsm, terms).expect("an id");
    verification.run(&|_| {}).await
}
