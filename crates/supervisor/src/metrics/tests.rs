//! What is counted, as an exporter sees it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use belay_domain::{ReadBack, Ruling};
use belay_journal::{Journal, Options};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use tokio_util::task::TaskTracker;

use super::*;
use crate::clock::Clock;
use crate::engine::Outbound;
use crate::intake::{Intake, OpenRequest};
use crate::playbooks::Playbooks;
use crate::wire::testbed::{Story, reasons};

#[test]
fn actions_are_counted_by_contract_and_by_what_became_of_them() {
    let mut story = Story::held();
    story.propose("p1", Some(Ruling::Allow));
    story.propose("p2", Some(Ruling::Deny(reasons())));
    story.carry_out(ReadBack::Applied { shown: "{}".to_owned() });
    check(
        &story,
        "belay.actions",
        &[
            "contract=refund@2 outcome=action_denied 1",
            "contract=refund@2 outcome=action_dispatched 1",
            "contract=refund@2 outcome=action_verified 1",
        ],
    );
}

#[test]
fn offers_are_counted_by_what_became_of_them() {
    let expected = &["event=handoff_accepted 1", "event=handoff_offered 1"];
    check(&Story::held(), "belay.handoffs", expected);
    let mut lost = Story::held();
    lost.wait(3_600);
    let expected =
        &["event=handoff_accepted 1", "event=handoff_offered 1", "event=lease_expired 1"];
    check(&lost, "belay.handoffs", expected);
}

#[test]
fn escalations_are_counted_by_queue() {
    let queue = Story::taken().case.escalations.values().next().unwrap().step_plan().queue.clone();
    let expected = [
        format!("event=escalation_acknowledged queue={queue} 1"),
        format!("event=step_started queue={queue} 1"),
        format!("event=ticket_routed queue={queue} 1"),
    ];
    check(&Story::taken(), "belay.escalations", &expected.each_ref().map(String::as_str));
}

#[test]
fn how_long_people_took_is_kept_by_queue() {
    let mut story = Story::escalated();
    let queue = story.case.escalations.values().next().unwrap().step_plan().queue.clone();
    story.now += belay_domain::Span::from_secs(7);
    story.look(Some("ana"), None);
    // Each of the two looks takes a second.
    check(&story, "belay.escalation.acknowledged", &[&format!("queue={queue} 1 of 9s")]);
}

#[test]
fn a_case_that_nobody_has_raises_the_alarm_once() {
    check(&Story::held(), "belay.coverage.alarms", &[]);
    let mut story = Story::escalated();
    while !story.events.iter().any(|event| event.kind.name() == "coverage_raised") {
        story.wait(600);
    }
    check(&story, "belay.coverage.alarms", &["1"]);
}

#[test]
fn a_contract_that_is_taken_back_is_counted_by_its_name_and_no_other_case_is() {
    check(&Story::held(), "belay.contract.demotions", &[]);
    let mut story = Story::held();
    let opened = &mut story.events[0].kind;
    let EventKind::CaseOpened { kind, labels, .. } = opened else { panic!("{opened:?}") };
    kind.replace_range(.., "belay.demotion");
    labels.push(("contract".to_owned(), "refund@2".to_owned()));
    check(&story, "belay.contract.demotions", &[]);
    let opened = &mut story.events[0].kind;
    let EventKind::CaseOpened { by, .. } = opened else { panic!("{opened:?}") };
    by.replace_range(.., "program:belay-graduation");
    check(&story, "belay.contract.demotions", &["contract=refund@2 1"]);
}

#[test]
fn the_contracts_that_write_nothing_now_are_a_gauge() {
    let books = Books::default();
    let provider = books.provider();
    let metrics = Metrics::new(&provider.meter("belay"));
    metrics.demoted(2);
    assert_eq!(books.of(&provider, "belay.contracts.demoted"), ["2"]);
    metrics.demoted(0);
    assert_eq!(books.of(&provider, "belay.contracts.demoted"), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn the_uncovered_cases_are_counted_again_and_again() {
    let house = House::new().await;
    assert_eq!(house.uncovered().await, ["0"]);
    house.open("r-1").await;
    house.open("r-2").await;
    assert_eq!(house.uncovered().await, ["2"]);
}

/// Gives everything that happened in a story to the instruments, and compares one of them.
#[track_caller]
fn check(story: &Story, name: &str, expected: &[&str]) {
    let books = Books::default();
    let provider = books.provider();
    let metrics = Metrics::new(&provider.meter("belay"));
    let case = Arc::new(story.case.clone());
    for event in &story.events {
        let events = Arc::from([event.clone()]);
        metrics.happened(&Change { case: case.clone(), events, position: 1 });
    }
    assert_eq!(books.of(&provider, name), expected, "{name}");
}

/// What was exported last, as lines.
#[derive(Clone, Debug, Default)]
struct Books(Arc<Mutex<Vec<(String, String)>>>);

impl Books {
    fn provider(&self) -> SdkMeterProvider {
        SdkMeterProvider::builder().with_periodic_exporter(self.clone()).build()
    }

    fn of(&self, provider: &SdkMeterProvider, name: &str) -> Vec<String> {
        self.0.lock().unwrap().clear();
        provider.force_flush().unwrap();
        let lines = self.0.lock().unwrap();
        let mut found: Vec<_> =
            lines.iter().filter(|line| line.0 == name).map(|line| line.1.clone()).collect();
        found.sort();
        found
    }
}

impl PushMetricExporter for Books {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut lines = self.0.lock().unwrap();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            let mut keep = |about: String, value: String| {
                let line = format!("{about} {value}").trim().to_owned();
                lines.push((metric.name().to_owned(), line));
            };
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    sum.data_points()
                        .for_each(|at| keep(about(at.attributes()), at.value().to_string()));
                }
                AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
                    gauge
                        .data_points()
                        .for_each(|at| keep(about(at.attributes()), at.value().to_string()));
                }
                AggregatedMetrics::F64(MetricData::Histogram(times)) => {
                    times.data_points().for_each(|at| {
                        keep(about(at.attributes()), format!("{} of {}s", at.count(), at.sum()));
                    });
                }
                other => panic!("{other:?} is not expected"),
            }
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn about<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut all: Vec<_> =
        attributes.map(|one| format!("{}={}", one.key, one.value.as_str())).collect();
    all.sort();
    all.join(" ")
}

/// An engine whose cases nobody takes, and somebody who counts them.
struct House {
    intake: Intake,
    books: Books,
    provider: SdkMeterProvider,
    _directory: tempfile::TempDir,
}

struct Nobody;

impl Outbound for Nobody {
    fn owe(&self, _: &Arc<Case>, _: Vec<belay_domain::Owed>) {}

    fn happened(&self, _: &Change) {}
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), Options::default()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
        // What the environment says about systems is not needed to take in cases.
        let playbooks = Playbooks::load(&folder).unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let clock = Clock::start(None);
        let engine = Engine::start(journal, playbooks.clone(), clock, 1, &stop, &tasks, |_| {
            Arc::new(Nobody)
        });
        let books = Books::default();
        let provider = books.provider();
        let (counted, meter) = (engine.clone(), provider.meter("belay"));
        tokio::spawn(async move { count_uncovered(&counted, &meter, &stop).await });
        let intake = Intake::new(engine, playbooks);
        Self { intake, books, provider, _directory: directory }
    }

    async fn open(&self, request: &str) {
        let request = OpenRequest {
            tenant: "acme".parse().unwrap(),
            request: request.parse().unwrap(),
            subject: "the card was charged twice".to_owned(),
            kind: "refund".to_owned(),
            severity: None,
            customer: "cus-1".to_owned(),
            channel: "mail".to_owned(),
            fingerprint: None,
            labels: Vec::new(),
            context: Vec::new(),
            by: belay_domain::Actor::Program("test".to_owned()),
        };
        self.intake.open(request).await.unwrap();
    }

    /// What is said after the next count.
    async fn uncovered(&self) -> Vec<String> {
        tokio::time::sleep(COUNTED_EVERY + Duration::from_secs(1)).await;
        self.books.of(&self.provider, "belay.cases.uncovered")
    }
}
