//! What the adapter sees of Jira Service Management.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_adapter::{Settings, built_in};
use belay_domain::TicketReading;
use belay_replay::{Deed, Lie, Shared, Which};
use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{Itsm, ItsmConfig, Stage, lies, run, staff};
use crate::{HumanQueue, Pace, QueueErrorKind, RateLimit};

pub(super) fn stage() -> Stage {
    Stage::of(itsm)
}

pub(super) fn itsm(office: &Shared) -> Itsm {
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
    Itsm::over(belay_replay::jira(office.clone()), config).expect("it is right")
}

const ANNA: &str = "5b10a2844c20165700ed0001";
const BEN: &str = "5b10a2844c20165700ed0002";
const ROBOT: &str = "5b10a2844c20165700ed0004";
const SILENT: &str = "5b10a2844c20165700ed0005";

#[test]
fn what_is_left_out_or_empty_is_never_a_person_who_has_it() {
    lies(stage, Lie::HidesHistory, "held by 5b10a2844c20165700ed0001.");
    for field in ["status", "assignee", "author", "project", "customfield_10100"] {
        lies(stage, Lie::LeavesOut(vec![field.to_owned()]), "unreadable: not understood");
    }
    lies(stage, Lie::LeavesOut(vec!["accountType".to_owned()]), "held by unknown");
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
