//! What the adapter sees of PagerDuty.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Lie, Queue, Shared, Which};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, lies, run, staff};
use crate::{Attempt, HumanQueue, QueueErrorKind, Settling, place};

// In the order of joining: anna, ben, outsider, robot, silent, belay; then the queues with their members.
const SUPPORT: &str = "PS00007";

pub(super) fn stage() -> Stage {
    Stage::of(itsm)
}

pub(super) fn itsm(office: &Shared) -> Itsm {
    let config = ItsmConfig {
        base_url: "https://api.pagerduty.com".to_owned(),
        description: built_in("pagerduty").expect("it comes with Belay"),
        settings: Settings {
            machines: ["PU00005".parse().expect("an id")].into(),
            queues: BTreeMap::from([("support".parse().expect("an id"), SUPPORT.to_owned())]),
            fields: BTreeMap::from([("from".to_owned(), "belay@office.example".to_owned())]),
            ..Settings::of("PU00006".parse().expect("an id"))
        },
        secret: SecretString::from("s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    Itsm::over(belay_replay::pager_duty(office.clone()), config).expect("it is right")
}

#[test]
fn who_is_assigned_has_not_acknowledged() {
    check(
        stage,
        &[Deed::assign("ben", "anna")],
        "open in support; ourselves gave to PU00001; PU00002 gave to PU00001",
    );
}

#[test]
fn what_is_left_out_or_empty_is_never_a_person_who_has_it() {
    lies(stage, Lie::Empty, "held by PU00001");
    lies(stage, Lie::HidesHistory, "open in support, held by PU00001.");
    for field in ["status", "acknowledgements", "agent"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
}

#[test]
fn an_incident_that_is_there_already_is_looked_for() {
    run(async {
        let stage = stage();
        stage.office.lie(Lie::SearchLags(jiff::SignedDuration::from_secs(4)));
        let new = stage.new_ticket("C-1/e1/r1s1");
        let first = stage.itsm.create(&new).await.expect("made");
        // The search does not show it yet, and the create is refused, because it is there.
        let again = place(&stage.itsm, &new, Attempt::First, Settling::default()).await;
        assert_eq!(again.expect("found").ticket, first);
        assert_eq!(stage.office.tickets().len(), 1);
    });
}

#[test]
fn a_service_shows_who_is_on_call() {
    run(async {
        let stage = stage();
        stage.office.open_queue(Queue::new("night", &["anna", "ben", "outsider"]).with_rota());
        let off = Deed::Duty { person: "ben".to_owned(), queue: "night".to_owned(), on: false };
        stage.office.happen(&Which::Office, &off);
        stage.office.happen(&Which::Office, &Deed::Disable { person: "outsider".to_owned() });
        // After the six people and the three queues with their four members.
        let facts = stage.itsm.inspect(&"PS0000E".parse().expect("an id")).await.expect("read");
        let expected =
            "PU00001 on shift, PU00002 off shift, unknown PU00003 disabled may not take off shift";
        assert_eq!(staff(&facts.staff), expected);
        let error = stage.itsm.inspect(&"PS99999".parse().expect("an id")).await.expect_err("none");
        assert_eq!(error.kind, QueueErrorKind::Refused);
    });
}
