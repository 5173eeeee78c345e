//! A verification of each described system, as its stand-in serves a sound office and one in which a machine takes all.

use std::time::Duration;

use belay_domain::QueueRef;
use belay_replay::{Deed, Lie, Script};
use jiff::Timestamp;

use super::{Stage, goalert, jira, pager_duty, run, service_now, zendesk};
use crate::verify::{Report, Terms, Verification};

type Vendor = (&'static str, fn() -> Stage);

const STAGES: [Vendor; 5] = [
    ("goalert", goalert::stage),
    ("jira", jira::stage),
    ("pager_duty", pager_duty::stage),
    ("service_now", service_now::stage),
    ("zendesk", zendesk::stage),
];

#[test]
fn a_sound_office_holds_behind_every_vendor() {
    run(async {
        for (vendor, stage) in STAGES {
            let report = verified(&stage()).await;
            assert_eq!(report.told(), [0u8; 0], "{vendor}: {report:#?}");
            assert!(report.holds(), "{vendor}: {report:#?}");
        }
    });
}

#[test]
fn a_machine_that_takes_everything_is_told_behind_every_vendor() {
    run(async {
        for (vendor, stage) in STAGES {
            let stage = stage();
            stage.office.habit(Script::new().at(2, Deed::take("silent")));
            let report = verified(&stage).await;
            assert_eq!(report.told(), [7], "{vendor}: {report:#?}");
            assert!(!report.led_to_cover(), "{vendor}");
            // Where nothing can be said, a ticket in somebody's hands is theirs, and the report says so.
            let clean = report.tickets.iter().all(|left| left.clean);
            assert_eq!(clean, vendor != "goalert", "{vendor}: {:?}", report.tickets);
        }
    });
}

#[test]
fn an_empty_success_for_an_id_that_never_existed_never_leads_to_cover() {
    run(async {
        for (vendor, stage) in STAGES {
            let stage = stage();
            stage.office.lie(Lie::Empty);
            let report = verified(&stage).await;
            assert_eq!(report.told(), [0u8; 0], "{vendor}: an empty success is read as not there");
            assert!(report.holds(), "{vendor}: {report:#?}");
        }
    });
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
