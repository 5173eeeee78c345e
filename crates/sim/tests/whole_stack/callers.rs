//! Tools: one opens cases and insists until it is answered, one asks for coverage all the time, and in the end one looks
//! whether everything has come to rest.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_api::v1::coverage::Coverage as Kind;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::net::wall;
use crate::phone::{Phone, Unanswered};
use crate::witness::{Said, Witness};

/// How many cases a story has, besides those that are opened when all is well again.
pub(crate) const CASES: u64 = 8;

/// How long it is from one question about coverage to the next. Calls are what a story costs.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long after the network has healed every case has to be somebody's, or somebody is asked: a lease and 5 s.
const OWNED_WITHIN: Duration = Duration::from_secs(10);

/// An escalation may be between two rounds when it is looked at, for as long as its backoff is.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(3);

/// How long after the network has healed everything has to be over: lines that were dead are given up after 30 s, and
/// then cases take their ordinary way.
const OVER_WITHIN: Duration = Duration::from_secs(120);

/// What a tool's host and the one who tells the story have in common.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// The network has healed, and nothing more goes wrong.
    pub(crate) healed: Rc<Cell<bool>>,
    /// Everything has come to rest, or will not.
    pub(crate) over: Rc<Cell<bool>>,
}

/// The host of the tools.
#[derive(Clone)]
pub(crate) struct Callers {
    pub(crate) identities: PathBuf,
    pub(crate) seed: u64,
    pub(crate) witness: Witness,
    pub(crate) signals: Signals,
    /// In which time cases are opened.
    pub(crate) opening: Duration,
}

impl Callers {
    /// Calls until everything is over.
    pub(crate) async fn call(self) -> turmoil::Result {
        let opening = (1..=CASES).map(|number| {
            let callers = self.clone();
            tokio::task::spawn_local(async move { callers.open_sometime(number).await })
        });
        let opening: Vec<_> = opening.collect();
        let watching = self.clone();
        let watching = tokio::task::spawn_local(async move { watching.watch().await });
        for one in opening {
            one.await?;
        }
        while !self.signals.healed.get() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let healed = Instant::now();
        self.see_that_all_are_owned(healed).await;
        self.see_that_all_end(healed).await;
        self.see_that_new_cases_are_served().await;
        watching.abort();
        self.signals.over.set(true);
        Ok(())
    }

    async fn open_sometime(&self, number: u64) {
        let mut dice = Dice::of(self.seed, &format!("case {number}"));
        let most = u64::try_from(self.opening.as_millis()).unwrap_or(u64::MAX);
        tokio::time::sleep(dice.millis(500, most)).await;
        let kind = *dice.one(&["note", "note", "note", "credit", "credit", "talk"]);
        let again = dice.chance(30);
        let first = self.open(&format!("matter-{number}"), kind).await;
        if again {
            tokio::time::sleep(dice.millis(500, 8_000)).await;
            let second = self.open(&format!("matter-{number}"), kind).await;
            if first != second {
                self.witness.broken(format!("matter-{number} is {first} and {second}"));
            }
        }
    }

    /// Opens a case, however often it has to ask.
    async fn open(&self, request: &str, kind: &str) -> String {
        let mut phone = Phone::new("tool", &self.identities, self.witness.clone());
        loop {
            let opening = v1::OpenCaseRequest {
                request_id: request.to_owned(),
                subject: format!("a {kind}: {request}"),
                kind: kind.to_owned(),
                customer: "ada".to_owned(),
                channel: "mail".to_owned(),
                ..v1::OpenCaseRequest::default()
            };
            let mut cases = CaseServiceClient::new(phone.line());
            match phone.hear(cases.open_case(opening)).await {
                Ok(opened) => {
                    let case = opened.case.and_then(|case| case.summary).unwrap_or_default().id;
                    let mut accounts = self.witness.accounts();
                    accounts.opened.entry(request.to_owned()).or_default().insert(case.clone());
                    return case;
                }
                Err(Unanswered::Lost) => self.witness.happened("an opening was repeated"),
                Err(Unanswered::Refused(status)) => {
                    self.witness.broken(format!("{request} is not opened: {status:?}"));
                    return String::new();
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Asks for the coverage of every case, again and again.
    async fn watch(&self) {
        let mut phone = Phone::new("tool", &self.identities, self.witness.clone());
        loop {
            for case in self.cases() {
                tokio::time::sleep(LOOK_EVERY).await;
                // A supervisor that is away says nothing, which claims nothing.
                let _ = self.coverage(&mut phone, &case).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn see_that_all_are_owned(&self, healed: Instant) {
        tokio::time::sleep_until(healed + OWNED_WITHIN).await;
        let mut phone = Phone::new("tool", &self.identities, self.witness.clone());
        let mut doubtful = self.cases();
        let mut last = None;
        let until = Instant::now() + BETWEEN_ROUNDS;
        while !doubtful.is_empty() && Instant::now() < until {
            for case in doubtful.clone() {
                match self.coverage(&mut phone, &case).await {
                    Some(Kind::Uncovered(why)) => last = Some(why.reason),
                    Some(_) => drop(doubtful.remove(&case)),
                    None => last = Some("no answer".to_owned()),
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for case in doubtful {
            self.witness.broken(format!("nobody has {case}, and nobody is asked: {last:?}"));
        }
    }

    async fn see_that_all_end(&self, healed: Instant) {
        let mut phone = Phone::new("tool", &self.identities, self.witness.clone());
        let mut open = self.cases();
        let mut last = None;
        while !open.is_empty() && Instant::now() < healed + OVER_WITHIN {
            for case in open.clone() {
                match self.coverage(&mut phone, &case).await {
                    Some(Kind::Closed(_)) => drop(open.remove(&case)),
                    other => last = Some(other),
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        for case in open {
            self.witness.broken(format!("{case} does not end: {last:?}"));
        }
    }

    /// One case for every kind of agent and one for people, now that all is well.
    async fn see_that_new_cases_are_served(&self) {
        let begun = Instant::now();
        for kind in ["note", "credit", "talk"] {
            self.open(&format!("probe-{kind}"), kind).await;
        }
        self.see_that_all_end(begun).await;
    }

    async fn coverage(&self, phone: &mut Phone, case: &str) -> Option<Kind> {
        let asked = wall();
        let request = v1::GetCoverageRequest { case_id: case.to_owned() };
        let mut coverages = CoverageServiceClient::new(phone.line());
        let coverage = match phone.hear(coverages.get_coverage(request)).await {
            Ok(answer) => answer.coverage.unwrap_or_default(),
            Err(Unanswered::Lost) => return None,
            Err(Unanswered::Refused(status)) => {
                self.witness.broken(format!("the coverage of {case} is refused: {status:?}"));
                return None;
            }
        };
        let kind = coverage.coverage.clone();
        let case = case.to_owned();
        self.witness.accounts().said.push(Said { case, coverage, asked, heard: wall() });
        kind
    }

    fn cases(&self) -> BTreeSet<String> {
        self.witness.accounts().opened.values().flatten().cloned().collect()
    }
}
