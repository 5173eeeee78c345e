//! What the adapter sees of PagerDuty.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_replay::{Deed, Lie, Queue, Which};
use secrecy::SecretString;

use super::{Itsm, ItsmConfig, Stage, check, creates, lies, run, staff};
use crate::{Attempt, HumanQueue, QueueErrorKind, Settling, place};

// In the order of joining: anna, ben, outsider, robot, silent, belay; then the queues with their members.
const SUPPORT: &str = "PS00007";

pub(super) fn stage() -> Stage {
    let office = Stage::office();
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
    let itsm = Itsm::over(belay_replay::pager_duty(office.clone()), config).expect("it is right");
    Stage { office, itsm, queue: "support" }
}

/// Every incident is assigned by the policy when it is made.
const MADE: &str = "open in support; ourselves gave to PU00001";

#[test]
fn a_person_who_acknowledges_it_is_seen_to_take_it() {
    check(stage, &[], MADE);
    check(
        stage,
        &[Deed::take("anna"), Deed::note("anna", "calling her")],
        "open in support, held by PU00001; ourselves gave to PU00001; PU00001 took; PU00001 noted",
    );
}

#[test]
fn a_machine_that_acknowledges_it_is_no_person() {
    check(
        stage,
        &[Deed::take("robot")],
        "open in support, held by machine PU00004; ourselves gave to PU00001; machine PU00004 took",
    );
    check(
        stage,
        &[Deed::take("silent")],
        "open in support, held by machine PU00005; ourselves gave to PU00001; machine PU00005 took",
    );
    check(
        stage,
        &[Deed::take("belay")],
        "open in support, held by ourselves; ourselves gave to PU00001; ourselves took",
    );
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
fn what_is_given_back_or_moved_is_seen_so() {
    check(
        stage,
        &[Deed::take("anna"), Deed::give_back("anna")],
        "open in support; ourselves gave to PU00001; PU00001 took; PU00001 gave back",
    );
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        stage.happen(Deed::move_to("ben", "other"));
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("open in PS"), "{line}");
    });
}

#[test]
fn what_is_gone_merged_or_in_an_unknown_state_is_never_open() {
    check(stage, &[Deed::Hide], "missing");
    let odd = Deed::become_("anna", belay_replay::Status::Odd("snoozed".to_owned()));
    check(stage, &[odd], "unknown (snoozed) in support; ourselves gave to PU00001");
    run(async {
        let stage = stage();
        let ticket = stage.placed().await;
        let into = stage.office.open_ticket("ben", "support", "another");
        let made = Which::Correlation("C-1/e1/r1s1".to_owned());
        assert!(stage.office.happen(&made, &Deed::Merge { by: "ben".to_owned(), into }));
        let line = super::line(&stage.read(&ticket).await);
        assert!(line.starts_with("merged in support"), "{line}");
    });
}

#[test]
fn lies_are_never_a_person_who_has_it() {
    lies(stage, Lie::Empty, "held by PU00001");
    lies(stage, Lie::RefusesCredential, "the credential was not accepted");
    lies(stage, Lie::Throttles(30), "asked to slow down");
    lies(stage, Lie::Down(503), "unavailable");
    lies(stage, Lie::Down(403), "refused");
    lies(stage, Lie::Unreachable, "unavailable");
    lies(stage, Lie::Slow(Duration::from_secs(60)), "unavailable");
    lies(stage, Lie::HidesHistory, "open in support, held by PU00001.");
    for field in ["status", "acknowledgements", "agent"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
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
        assert!(line.ends_with("closed by ourselves (no code)"), "{line}");
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
