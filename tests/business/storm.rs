//! Exactly once under storms: many agents that ask for the same refunds, many times over, on lines that break, before a
//! processor that ignores idempotency keys and would give back more than was paid.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay_agent::{ActionResult, Outcome, Source};
use belay_api::v1;
use belay_api::v1::ReasonKind;
use serde_json::json;

use crate::bench::{Bench, look};
use crate::company::Company;
use crate::proxy::{Fault, Planned, Step};
use crate::stage::{request, said};

/// How many refunds there are to be.
const REFUNDS: usize = 100;
/// In how many cases they are asked for.
const CASES: usize = 10;
/// How much each of them gives back, in cents.
const MINOR: i64 = 400;
const EMAIL: &str = "ap@storm.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_proposals_of_a_hundred_refunds_give_a_hundred_refunds() {
    let Some(company) = Company::open("LOCALSTRIPE").await else { return };
    let seed =
        std::env::var("BELAY_STORM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
    eprintln!("storm of seed {seed}");
    let customer = company.customer(EMAIL).await;
    let mut charges = Vec::new();
    for number in 0..REFUNDS {
        charges.push(company.charge(&customer, 5_000, &format!("storm-{number}")).await);
    }
    let charges = Arc::new(charges);
    let mut bench = Bench::start(&company).await;
    // Now and then the processor does it and says nothing, breaks, or breaks off.
    let mut draw = Draw(seed);
    let faults: Vec<Planned> = (0..20)
        .map(|_| {
            let all = [Fault::BrokenAfter, Fault::CutAfter, Fault::Broken, Fault::SilentAfter];
            Planned { step: Step::Refund, fault: all[draw.below(4)], always: false }
        })
        .collect();
    bench.script.plan(&faults);

    let results: Arc<Mutex<BTreeMap<&'static str, usize>>> = Arc::default();
    let agent = |bench: &Bench, name: &str| {
        let (charges, results) = (Arc::clone(&charges), Arc::clone(&results));
        bench.stage.agent(name, move |case| {
            let (charges, results) = (Arc::clone(&charges), Arc::clone(&results));
            Box::pin(async move {
                // Every case asks for all of them, in an order of its own.
                let number: u64 = case.about().labels["storm"].parse().unwrap();
                let mut order: Vec<usize> = (0..REFUNDS).collect();
                Draw(number + 1).shuffle(&mut order);
                let case = &*case;
                let asked = order.chunks(REFUNDS / 5).map(|chunk| {
                    let (charges, results) = (&charges, &results);
                    async move {
                        for &index in chunk {
                            let input = json!({
                                "charge_id": charges[index], "amount_minor": MINOR, "currency": "USD",
                                "reason": "goodwill",
                            });
                            let proposal = case.propose("billing.refund@1", input);
                            let proposal = proposal.provenance("", Source::SystemOfRecord, "storm");
                            let nothing = async |_| Outcome::failed("nothing to write with");
                            let became = match proposal.act(nothing).await? {
                                ActionResult::Verified(_) => "verified",
                                ActionResult::Duplicate { .. } => "duplicate",
                                ActionResult::Denied(why)
                                    if why.iter().any(|one| one.kind == ReasonKind::Duplicate) =>
                                {
                                    "duplicate"
                                }
                                other => {
                                    eprintln!("{}: {other:?}", charges[index]);
                                    "otherwise"
                                }
                            };
                            *results.lock().unwrap().entry(became).or_default() += 1;
                        }
                        Ok::<_, belay_agent::CallError>(())
                    }
                });
                for asked in futures_util::future::join_all(asked).await {
                    asked?;
                }
                Ok(case.resolve("by-hand", "asked for all").await?)
            })
        })
    };
    let mut agents: Vec<_> =
        (1..=4).map(|number| agent(&bench, &format!("billing-{number}"))).collect();
    let tool = bench.stage.tool();
    let mut cases = Vec::new();
    for number in 0..CASES {
        let asked = v1::OpenCaseRequest {
            request_id: format!("{}-storm", request()),
            subject: "give something back".to_owned(),
            kind: "refund".to_owned(),
            customer: EMAIL.to_owned(),
            channel: "mail".to_owned(),
            labels: [("storm".to_owned(), number.to_string())].into(),
            context: vec![said("please")],
            ..v1::OpenCaseRequest::default()
        };
        cases.push(tool.open(asked).await.unwrap().case.unwrap().summary.unwrap().id);
    }

    // Agents die and come back, and so does the supervisor.
    for round in 0..3 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let victim = draw.below(4);
        agents.swap_remove(victim).kill().await;
        if round == 1 {
            bench.stage.crash();
            bench.stage.go_on().await;
        }
        // Under another name whose cases it may be offered anew.
        let names = ["billing-1", "billing-2", "billing-3", "billing-4"];
        agents.push(agent(&bench, names[victim]));
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(400);
    let tool = bench.stage.tool();
    for case in &cases {
        while look(&tool, case).await.is_none_or(|found| found.resolution.is_none()) {
            assert!(tokio::time::Instant::now() < deadline, "{case}: {:?}", tool.story(case).await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    let mut proposed = 0;
    for case in &cases {
        proposed +=
            tool.story(case).await.iter().filter(|event| *event == "action_proposed").count();
    }
    let mut refunds = 0;
    for charge in charges.iter() {
        let found = company.refunds(charge).await;
        assert_eq!(found.len(), 1, "{charge}: {found:?}");
        assert_eq!(found[0]["amount"], MINOR);
        refunds += found.len();
    }
    let results = results.lock().unwrap().clone();
    eprintln!(
        "{proposed} proposals, {refunds} refunds, {} faults shown: {results:?}",
        bench.script.shown()
    );
    assert_eq!(refunds, REFUNDS);
    assert!(proposed >= 1_000, "{proposed}");
}

/// The same numbers for the same seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn shuffle(&mut self, list: &mut [usize]) {
        for place in (1..list.len()).rev() {
            list.swap(place, self.below(place + 1));
        }
    }
}
