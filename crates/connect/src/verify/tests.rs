//! What is found about an office that a vendor's stand-in serves: sound, or lying in one way. Virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::header::DATE;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use belay_adapter::{Settings, built_in};
use belay_domain::QueueRef;
use belay_replay::{
    Asked, Deed, Lie, Office, Person, Queue, Script, Shared, Status, Which, service_now,
};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::{Ask, Outcome, Report, Terms, Verification};
use crate::{Itsm, ItsmConfig, RouteCheck};

/// In the id that was never issued: what the stand-in's ids have in the middle, each digit mirrored.
const STRANGE: &str = "5a588799fca0a1b81889d2";

#[test]
fn a_sound_office_tells_no_lie_and_is_left_clean() {
    let (report, office) = verified(&|_| {}, None);
    assert_eq!(report.told(), [0u8; 0], "{report:#?}");
    assert_eq!(report.failures, [""; 0]);
    assert!(report.holds(), "{report:#?}");
    let [left] = &report.tickets[..] else { panic!("{:?}", report.tickets) };
    assert!(left.clean, "{left:?}");
    assert_eq!(office.tickets().len(), 1);
    assert!(!is_open(&office), "it was closed");
    for tried in [1, 2, 3, 4, 5, 6, 7, 10, 12, 15, 16, 18] {
        assert_eq!(outcome(&report, tried), Outcome::NotTold, "row {tried}: {report:#?}");
    }
    for never in [8, 11, 13, 14, 17, 19, 20, 21] {
        assert_eq!(outcome(&report, never), Outcome::NotProvoked, "row {never}");
    }
    for untried in [9, 22] {
        assert_eq!(outcome(&report, untried), Outcome::NotTried, "row {untried}");
    }
    assert!(seen(&report, 2).contains("a list in which it is not"), "{}", seen(&report, 2));
    assert!(seen(&report, 16).contains("so did the subject"), "{}", seen(&report, 16));
    assert!(seen(&report, 22).contains("show us a time"), "{}", seen(&report, 22));
}

#[test]
fn a_create_that_is_forgotten_is_told() {
    check(&|office| office.lie(Lie::Forgets), &[1, 4]);
}

#[test]
fn an_answer_that_is_lost_leads_to_one_ticket() {
    let office = check(&|office| office.lie(Lie::LosesAnswer.on(Asked::Create).times(1)), &[3]);
    assert_eq!(office.tickets().len(), 1);
}

#[test]
fn a_create_that_makes_two_tickets_is_told_and_both_are_withdrawn() {
    let office = check(&|office| office.lie(Lie::Doubles.times(1)), &[4]);
    assert_eq!(office.tickets().len(), 2);
    assert!(!is_open(&office), "both were closed");
}

#[test]
fn a_search_that_lags_is_told() {
    check(&|office| office.lie(Lie::SearchLags(SignedDuration::from_secs(3))), &[4]);
}

#[test]
fn a_ticket_that_lands_elsewhere_is_told() {
    check(&|office| office.lie(Lie::Elsewhere("other".to_owned())), &[5]);
}

#[test]
fn a_ticket_that_was_elsewhere_meanwhile_is_told() {
    let there = Deed::move_to("robot", "other");
    let back = Deed::move_to("robot", "support");
    check(
        &move |office| office.habit(Script::new().at(6, there.clone()).at(7, back.clone())),
        &[5],
    );
}

#[test]
fn a_queue_without_people_is_told_and_gets_no_ticket() {
    let (report, office) = verified(&|office| office.open_queue(Queue::new("support", &[])), None);
    assert_eq!(report.told(), [6]);
    assert!(!report.holds());
    assert!(office.tickets().is_empty() && report.tickets.is_empty());
}

#[test]
fn a_machine_that_takes_everything_is_told() {
    let habit = |deed: Deed| move |office: &Shared| office.habit(Script::new().at(2, deed.clone()));
    check(&habit(Deed::take("robot")), &[7]);
    check(&habit(Deed::take("silent")), &[7]);
    check(&habit(Deed::take("belay")), &[7]);
}

#[test]
fn an_owner_who_took_nothing_is_told() {
    let deed = Deed::assign("robot", "anna");
    check(&move |office| office.habit(Script::new().at(2, deed.clone())), &[10]);
}

#[test]
fn a_status_that_nobody_mapped_is_told() {
    let deed = Deed::become_("robot", Status::Odd("97".to_owned()));
    check(&move |office| office.habit(Script::new().at(2, deed.clone())), &[12]);
}

#[test]
fn a_refusal_that_looks_like_success_is_told() {
    check(&|office| office.lie(Lie::RefusesInProse.on(Asked::Create).times(1)), &[15]);
}

#[test]
fn marks_that_are_dropped_are_told() {
    let (report, _) = verified(
        &|office| office.lie(Lie::Drops(vec!["correlation".to_owned()]).on(Asked::Create)),
        None,
    );
    assert!(report.told().contains(&16), "{report:#?}");
    assert!(!report.led_to_cover());
}

#[test]
fn a_clock_that_is_right_is_compared_and_not_told() {
    let report = dated(SignedDuration::ZERO);
    assert_eq!(outcome(&report, 22), Outcome::NotTold, "{report:#?}");
    let seen = seen(&report, 22);
    assert!(seen.starts_with("its answers show our time, give or take"), "{seen}");
    assert!(seen.ends_with("no time of a ticket is shown to us"), "{seen}");
}

#[test]
fn a_clock_that_is_minutes_off_is_told_by_how_much() {
    let report = dated(SignedDuration::from_secs(180));
    assert_eq!(report.told(), [22]);
    let told = seen(&report, 22);
    assert!(told.contains("show a clock 180.") && told.contains("s ahead of ours"), "{told}");
    assert!(report.holds(), "no time of the system is believed: {report:#?}");
    let behind = dated(SignedDuration::from_secs(-240));
    assert!(seen(&behind, 22).contains("s behind ours"), "{}", seen(&behind, 22));
}

#[test]
fn an_answer_that_says_nothing_is_told_though_it_is_read_as_not_there() {
    let report = answered(|uri, response| {
        if uri.query().is_some_and(|asked| asked.contains(STRANGE)) {
            Response::new(Body::empty())
        } else {
            response
        }
    });
    assert_eq!(report.told(), [2], "{report:#?}");
    assert!(seen(&report, 2).ends_with("is answered with 200 and nothing"), "{}", seen(&report, 2));
}

#[test]
fn a_closing_by_a_machine_is_told() {
    let deed = Deed::resolve("robot", Some("refunded"));
    check(&move |office| office.habit(Script::new().at(2, deed.clone())), &[18]);
}

#[test]
fn false_cover_would_be_found() {
    // A rule that acts under the account of a person of the staff cannot be told from that person: only a
    // verification that nobody was asked to answer shows it.
    let take = Deed::take("anna");
    let (report, _) =
        verified(&move |office| office.habit(Script::new().at(2, take.clone())), None);
    assert_eq!(outcome(&report, 7), Outcome::LedToCover, "{report:#?}");
    assert!(report.led_to_cover() && !report.holds());

    let close = Deed::resolve("anna", Some("Solved (Permanently)"));
    let (report, _) =
        verified(&move |office| office.habit(Script::new().at(2, close.clone())), None);
    assert_eq!(outcome(&report, 18), Outcome::LedToCover, "{report:#?}");
}

#[test]
fn a_person_takes_it_and_gives_it_back() {
    let acts = |office: &Shared, ask: &Ask| {
        let number = office.tickets()[0].number;
        let (seconds, deed) = match ask {
            Ask::Take { .. } => (20, Deed::take("anna")),
            Ask::GiveBack { by, .. } => {
                assert_eq!(by.as_str(), "anna");
                (30, Deed::give_back("anna"))
            }
        };
        let at = office_now(office) + SignedDuration::from_secs(seconds);
        office.plan(at, Which::Number(number), deed);
    };
    let (report, _) = verified(&|_| {}, Some(&acts));
    assert_eq!(outcome(&report, 9), Outcome::NotTold, "{report:#?}");
    assert!(report.holds(), "{report:#?}");

    let (report, office) = verified(&|_| {}, Some(&|_: &Shared, _: &Ask| {}));
    assert_eq!(outcome(&report, 9), Outcome::NotTried);
    assert!(!report.holds() && !is_open(&office), "nobody came, and it is withdrawn all the same");
}

#[test]
fn one_that_is_broken_off_is_cleaned_up() {
    for after in [0, 1, 5, 40] {
        run(async {
            let office = office();
            office.lie(Lie::SearchLags(SignedDuration::from_secs(3)));
            office.lie(Lie::Slow(Duration::from_millis(300)));
            let itsm = itsm(&office);
            let verification = Verification::new(&itsm, terms(None)).unwrap();
            let after = Duration::from_secs(after) + Duration::from_millis(700);
            let _ = tokio::time::timeout(after, verification.run(&|_| {})).await;
            let left = verification.clean_up().await;
            assert!(left.iter().all(|left| left.clean), "after {after:?}: {left:?}");
            assert!(!is_open(&office), "after {after:?}");
        });
    }
}

#[test]
fn what_the_route_lacks_is_found_before_anything_is_created() {
    let mut queue = Queue::new("support", &["anna"]);
    queue.enabled = false;
    let (report, office) = verified(&move |office| office.open_queue(queue.clone()), None);
    assert!(report.findings.iter().any(|found| found.check == RouteCheck::Enabled));
    assert!(!report.holds() && office.tickets().is_empty());
}

/// These lies are told, none of them leads to cover, and no ticket is left behind.
#[track_caller]
fn check(prepare: &dyn Fn(&Shared), told: &[u8]) -> Shared {
    let (report, office) = verified(prepare, None);
    assert_eq!(report.told(), told, "{report:#?}");
    assert!(!report.led_to_cover());
    assert!(report.tickets.iter().all(|left| left.clean), "{:?}", report.tickets);
    office
}

type Acts<'a> = &'a (dyn Fn(&Shared, &Ask) + Send + Sync);

fn verified(prepare: &dyn Fn(&Shared), person: Option<Acts<'_>>) -> (Report, Shared) {
    let found = Mutex::new(None);
    run(async {
        let office = office();
        prepare(&office);
        let itsm = itsm(&office);
        let person_within = person.map(|_| Duration::from_secs(300));
        let verification = Verification::new(&itsm, terms(person_within)).unwrap();
        let ask = |ask: &Ask| {
            if let Some(acts) = person {
                acts(&office, ask);
            }
        };
        let report = verification.run(&ask).await;
        *found.lock().unwrap() = Some((report, office.clone()));
    });
    found.into_inner().unwrap().unwrap()
}

fn terms(person: Option<Duration>) -> Terms {
    Terms {
        case: "belay-verify-1".parse().unwrap(),
        queue: QueueRef { system: "snow".parse().unwrap(), queue: "support".parse().unwrap() },
        began: zero(),
        watch: Duration::from_secs(30),
        every: Duration::from_secs(5),
        person,
    }
}

/// What is found where every answer is changed on its way.
fn answered(change: impl Fn(&Uri, Response) -> Response + Clone + Send + Sync + 'static) -> Report {
    let found = Mutex::new(None);
    run(async {
        let office = office();
        let changed = from_fn(move |request: Request, next: Next| {
            let (uri, change) = (request.uri().clone(), change.clone());
            async move { change(&uri, next.run(request).await) }
        });
        let itsm = Itsm::over(service_now(office).layer(changed), config()).unwrap();
        let verification = Verification::new(&itsm, terms(None)).unwrap();
        *found.lock().unwrap() = Some(verification.run(&|_| {}).await);
    });
    found.into_inner().unwrap().unwrap()
}

/// What is found where the answers are dated by a clock that is off by so much.
fn dated(off: SignedDuration) -> Report {
    // Some way into a second.
    let start = tokio::time::Instant::now();
    let clock = move || zero() + start.elapsed() + off;
    answered(move |_, mut response| {
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&clock()).unwrap();
        response.headers_mut().insert(DATE, date.parse().unwrap());
        response
    })
}

fn seen(report: &Report, number: u8) -> &str {
    &report.rows.iter().find(|row| row.number == number).unwrap().seen
}

fn outcome(report: &Report, number: u8) -> Outcome {
    report.rows.iter().find(|row| row.number == number).unwrap().outcome
}

fn is_open(office: &Shared) -> bool {
    let open = |status: &Status| matches!(status, Status::New | Status::Open | Status::Waiting(_));
    office.tickets().iter().any(|ticket| open(&ticket.face().status))
}

fn zero() -> Timestamp {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

fn office_now(office: &Shared) -> Timestamp {
    let ticket = &office.tickets()[0];
    ticket.opened + SignedDuration::from_secs(60)
}

fn office() -> Shared {
    let start = tokio::time::Instant::now();
    let office = Office::new(Arc::new(move || zero() + start.elapsed()));
    office.hire(&["anna", "ben"]);
    office.join(Person::machine("robot"));
    office.join(Person::machine("silent").unlabelled());
    office.join(Person::account("belay", "s3cret"));
    office.open_queue(Queue::new("support", &["anna", "ben", "robot"]));
    office.open_queue(Queue::new("other", &["anna"]));
    office
}

fn itsm(office: &Shared) -> Itsm {
    Itsm::over(service_now(office.clone()), config()).unwrap()
}

fn config() -> ItsmConfig {
    ItsmConfig {
        base_url: "https://office.service-now.com".to_owned(),
        description: built_in("servicenow").unwrap(),
        settings: Settings {
            machines: ["silent".parse().unwrap()].into(),
            queues: BTreeMap::from([("support".parse().unwrap(), "support".to_owned())]),
            ..Settings::of("belay".parse().unwrap())
        },
        secret: SecretString::from("belay:s3cret"),
        pace: None,
        timeout: Duration::from_secs(10),
        roots_pem: None,
    }
}

#[track_caller]
fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(test);
}
