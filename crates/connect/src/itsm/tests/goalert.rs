//! What the adapter sees of GoAlert.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Lie, Person, Queue, Which};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, creates, lies, run, staff};
use crate::{Attempt, HumanQueue, QueueErrorKind, Settling, place};

// The seventh in the order of joining.
const SUPPORT: &str = "00000000-0000-4000-8002-000000000007";

pub(super) fn stage() -> Stage {
    let office = Stage::office();
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
    let itsm = Itsm::over(belay_replay::goalert(office.clone()), config).expect("it is right");
    Stage { office, itsm, queue: "support" }
}

#[test]
fn a_person_who_acknowledges_it_is_seen_to_take_it() {
    check(stage, &[], "open in support");
    check(stage, &[Deed::take("anna")], "open in support, held by Anna; Anna took");
    check(
        stage,
        &[Deed::take("anna"), Deed::give_back("anna")],
        "open in support; Anna took; Anna gave back",
    );
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
fn what_is_gone_or_closed_is_never_open() {
    check(stage, &[Deed::Hide], "missing");
    check(
        stage,
        &[Deed::take("anna"), Deed::resolve("anna", Some("refunded"))],
        "resolved in support; Anna took; Anna changed state; closed by Anna (no code)",
    );
}

#[test]
fn lies_are_never_a_person_who_has_it() {
    lies(stage, Lie::HidesHistory, "unreadable");
    lies(stage, Lie::RefusesCredential, "the credential was not accepted");
    lies(stage, Lie::Throttles(30), "asked to slow down");
    lies(stage, Lie::Down(503), "unavailable");
    lies(stage, Lie::Down(403), "refused");
    lies(stage, Lie::Unreachable, "unavailable");
    lies(stage, Lie::Slow(Duration::from_secs(60)), "unavailable");
    for field in ["status", "serviceID", "message", "meta"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable");
    }
}

#[test]
fn a_create_is_believed_only_with_an_id_and_never_repeated() {
    creates(stage, Lie::Forgets, Ok(()));
    creates(stage, Lie::RefusesInProse, Err(QueueErrorKind::NotUnderstood));
    creates(stage, Lie::LosesAnswer, Err(QueueErrorKind::Unknown));
}

#[test]
fn a_ticket_is_placed_once() {
    run(async {
        let stage = stage();
        stage.office.lie(Lie::SearchLags(jiff::SignedDuration::from_secs(4)));
        let new = stage.new_ticket("C-1/e1/r1s1");
        let first = place(&stage.itsm, &new, Attempt::First, Settling::default()).await;
        let again = place(&stage.itsm, &new, Attempt::First, Settling::default()).await;
        assert_eq!(first.expect("placed").ticket, again.expect("found").ticket);
        assert_eq!(stage.office.tickets().len(), 1);
        stage.itsm.create(&stage.new_ticket("C-1/e1/r1s1x2")).await.expect("made");
        tokio::time::sleep(Duration::from_secs(10)).await;
        let found = stage.itsm.find(&"C-1/e1/r1s1".parse().expect("an id")).await.expect("found");
        assert_eq!(found.len(), 1, "what begins alike is another step's");
    });
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

#[test]
fn our_open_tickets_are_listed_page_by_page() {
    run(async {
        let stage = stage();
        for count in 0..250 {
            let new = stage.new_ticket(&format!("C-{count}/e1/r1s1"));
            stage.itsm.create(&new).await.expect("made");
        }
        stage.office.open_ticket("ben", "support", "nobody's");
        let (mut found, mut page) = (0, None);
        loop {
            let ours = stage.itsm.ours(page.as_deref()).await.expect("listed");
            found += ours.tickets.len();
            page = ours.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!(found, 250);
    });
}
