//! What the adapter sees of GoAlert.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Lie, Person, Queue, Shared, Which};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, lies, run, staff};
use crate::{HumanQueue, QueueErrorKind};

// The seventh in the order of joining.
const SUPPORT: &str = "00000000-0000-4000-8002-000000000007";

pub(super) fn stage() -> Stage {
    Stage::of(itsm)
}

pub(super) fn itsm(office: &Shared) -> Itsm {
    let config = ItsmConfig {
        base_url: "https://goalert.office.example".to_owned(),
        description: built_in("goalert").expect("it comes with Belay"),
        settings: Settings {
            machines: ["Silent".parse().expect("an id")].into(),
            queues: BTreeMap::from([("support".parse().expect("an id"), SUPPORT.to_owned())]),
            ..Settings::of("via%20belay%20integration".parse().expect("an id"))
        },
        secret: SecretString::from("s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    Itsm::over(belay_replay::goalert(office.clone()), config).expect("it is right")
}

#[test]
fn a_machine_that_acknowledges_it_is_no_person() {
    let robot = "machine via%20Robot%20integration";
    check(
        stage,
        &[Deed::take("robot")],
        &format!("open in support, held by {robot}; {robot} took"),
    );
    check(
        stage,
        &[Deed::take("silent")],
        "open in support, held by machine Silent; machine Silent took",
    );
}

#[test]
fn what_is_left_out_or_empty_is_never_a_person_who_has_it() {
    lies(stage, Lie::HidesHistory, "unreadable");
    for field in ["status", "serviceID", "message", "meta"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable");
    }
}

#[test]
fn a_service_shows_who_is_on_call_and_names_that_two_people_have() {
    run(async {
        let stage = stage();
        stage.office.join(Person::human("Anna"));
        stage
            .office
            .open_queue(Queue::new("night", &["anna", "Anna", "ben", "outsider"]).with_rota());
        let off = Deed::Duty { person: "ben".to_owned(), queue: "night".to_owned(), on: false };
        stage.office.happen(&Which::Office, &off);
        let night = "00000000-0000-4000-8002-00000000000f".parse().expect("an id");
        let facts = stage.itsm.inspect(&night).await.expect("read");
        assert_eq!(
            staff(&facts.staff),
            "Anna may not take on shift, Ben off shift, Outsider on shift"
        );
        let nowhere = "00000000-0000-4000-8002-0000000000ff".parse().expect("an id");
        let error = stage.itsm.inspect(&nowhere).await.expect_err("none");
        assert_eq!(error.kind, QueueErrorKind::Refused);
    });
}

#[test]
fn what_nobody_needs_is_closed_if_nobody_holds_it() {
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.itsm.withdraw(&ticket, "not needed any more").await.expect("closed");
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("resolved in support"), "{line}");
    });
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        let error = stage.itsm.withdraw(&ticket, "not needed any more").await.expect_err("held");
        assert_eq!(error.kind, QueueErrorKind::Refused);
    });
}
