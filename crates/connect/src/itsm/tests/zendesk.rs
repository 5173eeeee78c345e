//! What the adapter sees of Zendesk.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Lie, Person, Shared, Status, Which, ZENDESK_RESOLUTION_FIELD};

use super::{Itsm, ItsmConfig, Stage, check, lies, named, run, staff};
use crate::HumanQueue;

// The seventh in the order of joining.
const SUPPORT: &str = "360000007";

pub(super) fn stage() -> Stage {
    Stage::of(itsm)
}

pub(super) fn itsm(office: &Shared) -> Itsm {
    let config = config("belay", "s3cret");
    Itsm::over(belay_replay::zendesk(office.clone()), config).expect("it is right")
}

fn config(account: &str, secret: &str) -> ItsmConfig {
    ItsmConfig {
        base_url: "https://office.zendesk.com".to_owned(),
        description: built_in("zendesk").expect("it comes with Belay"),
        settings: Settings {
            machines: ["silent@office.example".parse().expect("an id")].into(),
            queues: BTreeMap::from([("support".parse().expect("an id"), SUPPORT.to_owned())]),
            fields: BTreeMap::from([
                ("case".to_owned(), "4711".to_owned()),
                ("resolution".to_owned(), ZENDESK_RESOLUTION_FIELD.to_string()),
            ]),
            ..Settings::of(format!("{account}@office.example").parse().expect("an id"))
        },
        secret: format!("{account}@office.example/token:{secret}").into(),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    }
}

const ANNA: &str = "anna@office.example";

#[test]
fn a_machine_that_takes_it_is_no_person() {
    check(
        stage,
        &[Deed::take("robot")],
        "open in support, held by robot@office.example; machine -1 gave to robot@office.example; \
         machine -1 changed state",
    );
    let silent = "machine silent@office.example";
    check(
        stage,
        &[Deed::take("silent")],
        &format!("open in support, held by {silent}; {silent} took; {silent} changed state"),
    );
    check(
        stage,
        &[Deed::take("belay")],
        "open in support, held by ourselves; ourselves took; ourselves changed state",
    );
}

#[test]
fn what_is_gone_merged_or_in_an_unknown_state_is_never_open() {
    check(stage, &[Deed::Delete { by: "ben".to_owned() }], "missing");
    check(stage, &[Deed::Hide], "missing");
    let odd = Deed::become_("anna", Status::Odd("parked".to_owned()));
    check(stage, &[odd], &format!("unknown (parked) in support; {ANNA} changed state"));
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        let into = stage.office.open_ticket("ben", "support", "another");
        let made = Which::Correlation("C-1/e1/r1s1".to_owned());
        assert!(stage.office.happen(&made, &Deed::Merge { by: "ben".to_owned(), into }));
        let reading = stage.read(&ticket).await;
        let line = super::line(&reading);
        assert!(line.starts_with("merged in support"), "{line}");
        assert!(format!("{reading:?}").contains(&format!("into: TicketId({into})")), "{reading:?}");
    });
}

#[test]
fn what_is_left_out_or_empty_is_never_a_person_who_has_it() {
    lies(stage, Lie::HidesHistory, "unreadable");
    for field in ["status", "assignee_id", "author_id", "group_id", "external_id"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
    lies(stage, Lie::LeavesOut(vec!["role".to_owned()]), "held by unknown anna@office.example");
}

#[test]
fn a_group_shows_who_can_take_its_tickets() {
    run(async {
        let stage = stage();
        let light =
            Deed::MayTake { person: "ben".to_owned(), queue: "support".to_owned(), may: false };
        stage.office.happen(&Which::Office, &light);
        stage.office.happen(&Which::Office, &Deed::Disable { person: "anna".to_owned() });
        let facts = stage.itsm.inspect(&"support".parse().expect("an id")).await.expect("read");
        let expected =
            "anna@office.example disabled, ben@office.example may not take, robot@office.example";
        assert_eq!(staff(&facts.staff), expected);
    });
}

#[test]
fn what_a_program_writes_in_a_persons_name_is_not_theirs() {
    run(async {
        let stage = stage();
        let rights = Person::account("", "").rights;
        stage.office.join(Person {
            rights,
            secret: Some("c4rl".to_owned()),
            ..Person::human("carl")
        });
        let ticket = stage.placed().await;
        let program =
            Itsm::over(belay_replay::zendesk(stage.office.clone()), config("carl", "c4rl"));
        program.expect("it is right").withdraw(&ticket, "approve 0123").await.expect("written");
        let said = stage.itsm.statements(&ticket).await.expect("read");
        assert_eq!((said.len(), said[0].text.as_str()), (1, "approve 0123"));
        assert_eq!(named(&said[0].actor.name, said[0].actor.kind), "unknown carl@office.example");
    });
}
