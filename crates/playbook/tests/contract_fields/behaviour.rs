//! Everything that a playbook with one contract does, in words, aspect by aspect.

use std::collections::BTreeMap;

use belay_domain::{AgentId, ContractId, Epoch, Provenance, Ruling, Source, Timestamp, Verdict};
use belay_playbook::{Answer, CaseFacts, Playbook, ProposalFacts, Reads, SourceFile, Usage, Used};
use serde_json::{Value, json};

/// What each aspect comes to. A playbook that does not load has `check` alone.
pub(crate) fn behaviour(files: Vec<SourceFile>) -> BTreeMap<&'static str, String> {
    let playbook = match Playbook::from_files(files) {
        Ok(playbook) => playbook,
        Err(problems) => return [("check", problems.to_string())].into(),
    };
    let one = Scene { playbook: &playbook, contract: id("shop.sell@1"), agent: id("clerk-1") };
    let contract = playbook.contract(&one.contract).expect("the contract");
    let usual = one.verdict(&input(1000), 1000, true, "c-1");
    let mut terms = format!("{:?}", usual.terms);
    terms.push_str(&format!("{}", contract.is_compensable()));
    let canary = (0..40).map(|n| {
        let verdict = one.verdict(&input(1000), 1000, true, &format!("c-{n}"));
        verdict.terms.is_some_and(|terms| terms.live).to_string()
    });
    let cursing = {
        let mut input = input(1000);
        input["note"] = json!("Damn it");
        one.verdict(&input, 1000, true, "c-1")
    };
    let ruled = |verdict: &Verdict| match &verdict.ruling {
        Ruling::Deny(reasons) => format!("deny {reasons:?}"),
        other => format!("{other:?}"),
    };
    [
        ("check", String::new()),
        ("decision", ruled(&usual)),
        ("shown", format!("{} {:?}", usual.shown, usual.snapshot)),
        ("terms", terms),
        ("dearer", ruled(&one.verdict(&input(1000), 900, true, "c-1"))),
        ("cheaper", ruled(&one.verdict(&input(1000), 1100, true, "c-1"))),
        ("dear", ruled(&one.verdict(&input(6000), 6000, true, "c-1"))),
        ("missing", ruled(&one.verdict(&input(1000), 1000, false, "c-1"))),
        ("cursing", ruled(&cursing)),
        ("canary", canary.collect::<Vec<_>>().join(" ")),
        ("reads", one.reads()),
        (
            "counters",
            format!("{:?}", playbook.usage_keys(&one.contract, "", &case("c-1"), &one.agent)),
        ),
        ("write", format!("{:?}", playbook.execution(&one.contract, &one.text(), &case("c-1")))),
        ("claims", one.claims()),
        ("proof", format!("{:?}", playbook.verification(&one.contract, &one.text(), &case("c-1")))),
        ("judged", one.judged()),
        ("target", one.target()),
        ("output", format!("{:?}", contract.output_problem(&json!({"other": 1})))),
        ("way back", one.way_back()),
        ("bounds", format!("{:?}", contract.graduation())),
        ("comparison", one.comparison()),
    ]
    .into()
}

struct Scene<'p> {
    playbook: &'p Playbook,
    contract: ContractId,
    agent: AgentId,
}

impl Scene<'_> {
    fn text(&self) -> String {
        input(1000).to_string()
    }

    /// The verdict when the item has this price, or is not there.
    fn verdict(&self, input: &Value, price: i64, there: bool, case_id: &str) -> Verdict {
        let (text, case) = (input.to_string(), case(case_id));
        let mut reads = Reads::default();
        loop {
            let open = self.playbook.reads(&self.contract, &text, &case, &reads);
            if open.is_empty() {
                break;
            }
            for read in open {
                let answer = match there || read.name != "item" {
                    true => Answer::Found(json!({"price": price})),
                    false => Answer::Missing,
                };
                reads.add(&read, answer);
            }
        }
        let keys = self.playbook.usage_keys(&self.contract, &text, &case, &self.agent);
        let usage: Usage =
            keys.into_iter().map(|key| (key.key, Used { minor: 100, count: 1 })).collect();
        self.playbook.assess(&ProposalFacts {
            case: &case,
            epoch: Epoch::default(),
            agent: &self.agent,
            contract: &self.contract,
            input: &text,
            provenance: &[(
                "/price".to_owned(),
                Provenance { source: Source::SystemOfRecord, reference: "item".to_owned() },
            )],
            reads: &reads,
            usage: &usage,
            now: Timestamp::UNIX_EPOCH,
            duplicate: None,
            heard: None,
            outside_text: false,
        })
    }

    fn reads(&self) -> String {
        let reads =
            self.playbook.reads(&self.contract, &self.text(), &case("c-1"), &Reads::default());
        format!("{reads:?}")
    }

    fn claims(&self) -> String {
        let claim = |status, body: Value| self.playbook.claim(&self.contract, status, &body);
        let statuses = [409, 410, 422, 423, 425, 426].map(|status| claim(status, Value::Null));
        format!("{statuses:?} {:?}", claim(200, json!({"error": "no"})))
    }

    fn judged(&self) -> String {
        let judge = |answer| {
            self.playbook.judge_readback(&self.contract, &self.text(), &case("c-1"), &answer)
        };
        format!("{:?}", answers().map(judge))
    }

    fn comparison(&self) -> String {
        let (text, case) = (self.text(), case("c-1"));
        let read = self.playbook.comparison(&self.contract, &text, &case);
        let judge = |answer| self.playbook.judge_comparison(&self.contract, &text, &case, &answer);
        format!("{read:?} {:?}", answers().map(judge))
    }

    fn target(&self) -> String {
        format!("{:?}", self.playbook.target(&self.contract, &self.text(), &case("c-1"), None))
    }

    /// Every request and every judgement on the way back.
    fn way_back(&self) -> String {
        let shown = r#"{"id": 7}"#;
        let way = self.playbook.way_back(&self.contract, &self.text(), &case("c-1"), shown);
        let Ok(mut way) = way else { return format!("{way:?}") };
        let mut said = vec![format!(
            "{:?} {:?} {:?}",
            way.proof(),
            way.settle_within(),
            answers().map(|a| way.judge(&a))
        )];
        for step in 0..way.writes() {
            let (name, look, settles) =
                (way.name(step).to_owned(), way.look(step), way.settles_within(step));
            said.push(format!(
                "{name} {look:?} {settles:?} {:?}",
                way.reads(step, &Reads::default())
            ));
            for price in [Some(1000), Some(900), None] {
                let reads = Self::read_for(&way, step, price);
                said.push(format!("{:?}", way.write(step, &reads)));
            }
            for answer in answers() {
                let judged = way.see(step, &answer);
                said.push(format!("{judged:?} {:?}", way.left(step)));
            }
        }
        said.join("\n")
    }

    fn read_for(way: &belay_playbook::WayBack<'_>, step: usize, price: Option<i64>) -> Reads {
        let mut reads = Reads::default();
        while let Ok(open) = way.reads(step, &reads) {
            if open.is_empty() {
                break;
            }
            for read in open {
                let answer = match (price, read.name.as_str()) {
                    (None, "sale") => Answer::Missing,
                    _ => Answer::Found(json!({"price": price})),
                };
                reads.add(&read, answer);
            }
        }
        reads
    }
}

/// What a read may show: the right record, a dearer one, one without a price, and nothing.
fn answers() -> [Answer; 4] {
    [
        Answer::Found(json!({"id": 7, "price": 1000})),
        Answer::Found(json!({"id": 8, "price": 2000})),
        Answer::Found(json!({"id": 9})),
        Answer::Missing,
    ]
}

fn input(price: i64) -> Value {
    json!({"item": "lamp", "price": price, "others": ["shade", "bulb"]})
}

fn case(id: &str) -> CaseFacts {
    CaseFacts {
        tenant: self::id("acme"),
        id: self::id(id),
        kind: "sale".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "cust-1".to_owned(),
        subject: "a sale".to_owned(),
        labels: Vec::new(),
    }
}

fn id<T: std::str::FromStr<Err = belay_domain::InvalidId>>(text: &str) -> T {
    text.parse().expect("an id")
}
