//! What the adapter sees of Jira Service Management.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_domain::TicketReading;
use belay_replay::{Deed, Lie, Status, Which};
use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{Itsm, ItsmConfig, Stage, check, creates, lies, run, staff};
use crate::{Attempt, HumanQueue, Pace, QueueErrorKind, RateLimit, Settling, place};

pub(super) fn stage() -> Stage {
    let office = Stage::office();
    let fields = [
        ("correlation", "customfield_10100"),
        ("case", "customfield_10101"),
        ("close_transition", "61"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = ItsmConfig {
        base_url: "https://office.atlassian.net".to_owned(),
        description: built_in("jira-service-management").expect("it comes with Belay"),
        settings: Settings {
            machines: [SILENT.parse().expect("an id")].into(),
            queues: BTreeMap::from([("support".parse().expect("an id"), "SUPPORT".to_owned())]),
            fields: fields.into(),
            ..Settings::of("5b10a2844c20165700ed0006".parse().expect("an id"))
        },
        secret: SecretString::from("belay@office.example:s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    };
    let itsm = Itsm::over(belay_replay::jira(office.clone()), config).expect("it is right");
    Stage { office, itsm, queue: "support" }
}

const ANNA: &str = "5b10a2844c20165700ed0001";
const BEN: &str = "5b10a2844c20165700ed0002";
const ROBOT: &str = "5b10a2844c20165700ed0004";
const SILENT: &str = "5b10a2844c20165700ed0005";

#[test]
fn a_person_who_takes_it_is_seen_to_take_it() {
    check(stage, &[], "open in support");
    check(
        stage,
        &[Deed::take("anna"), Deed::note("anna", "calling her"), Deed::reply("anna", "hello")],
        &format!(
            "open in support, held by {ANNA}; {ANNA} changed state; {ANNA} took; {ANNA} noted; {ANNA} replied"
        ),
    );
}

#[test]
fn a_machine_that_takes_it_is_no_person() {
    for (name, id) in [("robot", ROBOT), ("silent", SILENT)] {
        let machine = format!("machine {id}");
        check(
            stage,
            &[Deed::take(name)],
            &format!("open in support, held by {machine}; {machine} changed state; {machine} took"),
        );
    }
    check(
        stage,
        &[Deed::take("belay")],
        "open in support, held by ourselves; ourselves changed state; ourselves took",
    );
}

#[test]
fn a_holder_who_did_nothing_has_not_taken_it() {
    check(
        stage,
        &[Deed::assign("ben", "anna")],
        &format!("open in support, held by {ANNA}; {BEN} gave to {ANNA}"),
    );
}

#[test]
fn what_is_given_back_or_moved_is_seen_so() {
    check(
        stage,
        &[Deed::take("anna"), Deed::give_back("anna")],
        &format!("open in support; {ANNA} changed state; {ANNA} took; {ANNA} gave back"),
    );
    check(stage, &[Deed::move_to("ben", "other")], &format!("open in OTHER; {BEN} moved"));
}

#[test]
fn what_is_gone_merged_or_in_an_unknown_state_is_never_open() {
    check(stage, &[Deed::Delete { by: "ben".to_owned() }], "missing");
    check(stage, &[Deed::Hide], "missing");
    let odd = Deed::become_("anna", Status::Odd("Parked".to_owned()));
    check(stage, &[odd], &format!("unknown (Parked) in support; {ANNA} changed state"));
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
fn who_resolved_it_and_how_comes_back() {
    check(
        stage,
        &[Deed::take("anna"), Deed::resolve("anna", Some("refunded"))],
        &format!(
            "resolved in support, held by {ANNA}; {ANNA} changed state; {ANNA} took; {ANNA} changed state; \
             {ANNA} noted; closed by {ANNA} (refunded)"
        ),
    );
}

#[test]
fn lies_are_never_a_person_who_has_it() {
    lies(stage, Lie::HidesHistory, "held by 5b10a2844c20165700ed0001.");
    lies(stage, Lie::RefusesCredential, "the credential was not accepted");
    lies(stage, Lie::Throttles(30), "asked to slow down");
    lies(stage, Lie::Down(503), "unavailable");
    lies(stage, Lie::Down(403), "refused");
    lies(stage, Lie::Unreachable, "unavailable");
    lies(stage, Lie::Slow(Duration::from_secs(60)), "unavailable");
    for field in ["status", "assignee", "author", "project", "customfield_10100"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
    lies(stage, Lie::LeavesOut(vec!["accountType".to_owned()]), "held by unknown");
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
        stage.office.lie(Lie::SearchLags(jiff::SignedDuration::from_secs(15)));
        let (new, settling) = (stage.new_ticket("C-1/e1/r1s1"), stage.itsm.settling());
        assert!(settling.within > Settling::default().within, "its search is slower than most");
        let first = place(&stage.itsm, &new, Attempt::First, settling).await;
        let again = place(&stage.itsm, &new, Attempt::Again, settling).await;
        assert_eq!(first.expect("placed").ticket, again.expect("found").ticket);
        assert_eq!(stage.office.tickets().len(), 1);
    });
}

#[test]
fn the_ticket_of_another_step_that_begins_alike_is_not_found() {
    run(async {
        let stage = stage();
        stage.itsm.create(&stage.new_ticket("C-1/e1/r1s1x2")).await.expect("made");
        let found = stage.itsm.find(&"C-1/e1/r1s1".parse().expect("an id")).await;
        assert_eq!(found, Ok(Vec::new()));
    });
}

#[test]
fn a_project_shows_who_can_take_its_tickets() {
    run(async {
        let stage = stage();
        let may =
            Deed::MayTake { person: "ben".to_owned(), queue: "support".to_owned(), may: false };
        stage.office.happen(&Which::Office, &may);
        stage.office.happen(&Which::Office, &Deed::Disable { person: "anna".to_owned() });
        let facts = stage.itsm.inspect(&"support".parse().expect("an id")).await.expect("read");
        let expected = format!("{ANNA} disabled may not take, {BEN} may not take, machine {ROBOT}");
        assert_eq!(staff(&facts.staff), expected);
        let error = stage.itsm.inspect(&"NOWHERE".parse().expect("an id")).await.expect_err("none");
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

#[test]
fn a_ticket_is_looked_at_before_others_are_made() {
    run(async {
        let mut stage = stage();
        let ticket = stage.placed().await;
        let every = Duration::from_millis(100);
        let limit = RateLimit { burst: 1, every, wait_most: Duration::from_secs(20) };
        stage.itsm.pace = Pace::new(limit);
        let begun = Instant::now();
        let others: Vec<_> =
            (0..50).map(|number| stage.new_ticket(&format!("C-2/e1/r1s{number}"))).collect();
        let creates = join_all(others.iter().map(|one| stage.itsm.create(one)));
        let look = async {
            sleep(Duration::from_millis(450)).await;
            (stage.read(&ticket).await, begun.elapsed())
        };
        let (made, (reading, looked)) = tokio::join!(creates, look);
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        assert!(matches!(reading.ticket, TicketReading::Present(_)), "{reading:?}");
        assert!(looked < Duration::from_millis(1_500), "looked after {looked:?}");
        assert!(begun.elapsed() >= every * 50, "made within {:?}", begun.elapsed());
    });
}
