//! What the adapter sees of Zendesk.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Lie, Status, Which, ZENDESK_RESOLUTION_FIELD};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, creates, lies, run, staff};
use crate::{Attempt, HumanQueue, QueueErrorKind, Settling, place};

// The seventh in the order of joining.
const SUPPORT: &str = "360000007";

pub(super) fn stage() -> Stage {
    let office = Stage::office();
    let config = ItsmConfig {
        base_url: "https://office.zendesk.com".to_owned(),
        description: built_in("zendesk").expect("it comes with Belay"),
        settings: Settings {
            machines: ["silent@office.example".parse().expect("an id")].into(),
            queues: BTreeMap::from([("support".parse().expect("an id"), SUPPORT.to_owned())]),
            fields: BTreeMap::from([
                ("case".to_owned(), "4711".to_owned()),
                ("resolution".to_owned(), ZENDESK_RESOLUTION_FIELD.to_string()),
            ]),
            ..Settings::of("belay@office.example".parse().expect("an id"))
        },
        secret: SecretString::from("belay@office.example/token:s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    let itsm = Itsm::over(belay_replay::zendesk(office.clone()), config).expect("it is right");
    Stage { office, itsm, queue: "support" }
}

const ANNA: &str = "anna@office.example";

#[test]
fn a_person_who_takes_it_is_seen_to_take_it() {
    check(stage, &[], "open in support");
    check(
        stage,
        &[Deed::take("anna"), Deed::note("anna", "calling her"), Deed::reply("anna", "hello")],
        &format!(
            "open in support, held by {ANNA}; {ANNA} took; {ANNA} changed state; {ANNA} noted; {ANNA} replied"
        ),
    );
}

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
fn a_holder_who_did_nothing_has_not_taken_it() {
    check(
        stage,
        &[Deed::assign("ben", "anna")],
        &format!("open in support, held by {ANNA}; ben@office.example gave to {ANNA}"),
    );
}

#[test]
fn what_is_given_back_or_moved_is_seen_so() {
    check(
        stage,
        &[Deed::take("anna"), Deed::give_back("anna")],
        &format!("open in support; {ANNA} took; {ANNA} changed state; {ANNA} gave back"),
    );
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::move_to("ben", "other"));
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("open in 36"), "{line}");
        assert!(line.ends_with("ben@office.example moved"), "{line}");
    });
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
fn who_resolved_it_and_how_comes_back() {
    check(
        stage,
        &[Deed::take("anna"), Deed::resolve("anna", Some("refunded"))],
        &format!(
            "resolved in support, held by {ANNA}; {ANNA} took; {ANNA} changed state; {ANNA} changed state; \
             {ANNA} noted; closed by {ANNA} (refunded)"
        ),
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
    for field in ["status", "assignee_id", "author_id", "group_id", "external_id"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
    lies(stage, Lie::LeavesOut(vec!["role".to_owned()]), "held by unknown anna@office.example");
}

#[test]
fn a_create_is_believed_only_with_an_id_and_never_repeated() {
    creates(stage, Lie::Forgets, Ok(()));
    creates(stage, Lie::RefusesInProse, Err(QueueErrorKind::NotUnderstood));
    creates(stage, Lie::LosesAnswer, Err(QueueErrorKind::Unknown));
    let soon = QueueErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) };
    creates(stage, Lie::Throttles(30), Err(soon));
}

#[test]
fn a_ticket_is_placed_once_though_the_search_lags() {
    run(async {
        let stage = stage();
        stage.office.lie(Lie::SearchLags(jiff::SignedDuration::from_secs(200)));
        let new = stage.new_ticket("C-1/e1/r1s1");
        let first = place(&stage.itsm, &new, Attempt::First, Settling::default()).await;
        let again = place(&stage.itsm, &new, Attempt::Again, Settling::default()).await;
        assert_eq!(first.expect("placed").ticket, again.expect("found").ticket);
        assert_eq!(stage.office.tickets().len(), 1);
    });
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
fn a_long_history_is_read_page_by_page() {
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::take("anna"));
        for count in 0..250 {
            stage.happen(Deed::note("ben", &format!("ping {count}")));
        }
        stage.happen(Deed::give_back("anna"));
        let line = super::line(&stage.read(&ticket).await);
        assert_eq!(line.matches("ben@office.example noted").count(), 250);
        assert!(line.ends_with("gave back"), "the order is the system's");
    });
}

#[test]
fn what_nobody_needs_is_told_once_and_closed_if_nobody_holds_it() {
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        for _ in 0..3 {
            stage.itsm.withdraw(&ticket, "not needed any more").await.expect("told");
        }
        let line = super::line(&stage.read(&ticket).await);
        assert_eq!(line.matches("ourselves noted").count(), 1, "{line}");
        assert!(line.starts_with("resolved in support"), "{line}");
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
