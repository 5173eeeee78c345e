//! A proposal in the making, on the support desk's playbook, for tests to break in one way each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use belay_domain::{
    ActionId, AgentId, ContractId, Epoch, Provenance, ReadBack, Source, Timestamp, Verdict,
};
use belay_playbook::{Answer, CaseFacts, Playbook, ProposalFacts, Reads, SourceFile, Usage, Used};
use serde_json::{Value, json};

pub(crate) static PLAYBOOK: LazyLock<Playbook> =
    LazyLock::new(|| Playbook::from_files(files()).expect("it loads"));

/// A proposal in the making.
pub(crate) struct Case {
    /// Other files than the example's.
    pub(crate) files: Option<Vec<SourceFile>>,
    pub(crate) id: String,
    pub(crate) agent: &'static str,
    pub(crate) contract: &'static str,
    pub(crate) input: Value,
    pub(crate) text: Option<String>,
    pub(crate) provenance: Vec<(String, Provenance)>,
    pub(crate) answers: BTreeMap<String, Answer>,
    pub(crate) usage: Usage,
    pub(crate) duplicate: Option<ActionId>,
    pub(crate) heard: Option<Vec<Source>>,
    pub(crate) outside_text: bool,
}

impl Case {
    pub(crate) fn refund(amount_minor: i64) -> Self {
        let mut case = Self {
            files: None,
            id: "c-1".to_owned(),
            agent: "billing-1",
            contract: "billing.refund@1",
            input: json!({
                "customer_id": "cust-1", "charge_id": "ch-1", "amount_minor": amount_minor,
                "currency": "USD", "reason": "duplicate-charge",
            }),
            text: None,
            provenance: vec![
                ("/charge_id".to_owned(), from(Source::SystemOfRecord)),
                ("/amount_minor".to_owned(), from(Source::SystemOfRecord)),
            ],
            answers: BTreeMap::new(),
            usage: Usage::new(),
            duplicate: None,
            heard: None,
            outside_text: false,
        };
        case.answer("/charges/ch-1", charge(10_000));
        case.look_up();
        case
    }

    pub(crate) fn order() -> Self {
        let mut case = Self::refund(0);
        case.agent = "erp-1";
        case.contract = "erp.adjust_order@1";
        case.input = json!({"order_id": "o-1", "sku": "lamp", "quantity": 2});
        case.provenance = vec![("/quantity".to_owned(), from(Source::Customer))];
        let lines = json!([{"sku": "lamp", "quantity": 1}]);
        case.answer(
            "/orders/o-1",
            json!({"customer_id": "cust-1", "status": "open", "lines": lines}),
        );
        case
    }

    pub(crate) fn retire() -> Self {
        let mut case = Self::refund(0);
        case.agent = "itsm-1";
        case.contract = "itsm.retire_record@1";
        case.input = json!({"record_id": "r-1"});
        case.answer("/records/r-1", json!({"fields": {"state": "stored"}}));
        case
    }

    pub(crate) fn set(&mut self, field: &str, value: Value) {
        self.input[field] = value;
    }

    pub(crate) fn answer(&mut self, path: &str, record: Value) {
        self.answers.insert(path.to_owned(), Answer::Found(record));
    }

    pub(crate) fn missing(&mut self, path: &str) {
        self.answers.insert(path.to_owned(), Answer::Missing);
    }

    pub(crate) fn come_from(&mut self, pointer: &str, source: Source) {
        self.provenance.retain(|(given, _)| given != pointer);
        self.provenance.push((pointer.to_owned(), from(source)));
    }

    /// Every counter at nothing.
    pub(crate) fn look_up(&mut self) {
        let contract: ContractId = self.contract.parse().expect("an id");
        let agent: AgentId = self.agent.parse().expect("an id");
        let keys = PLAYBOOK.usage_keys(&contract, "", &self.facts(), &agent);
        self.usage = keys.into_iter().map(|key| (key.key, Used::default())).collect();
    }

    pub(crate) fn used(&mut self, limit: &str, minor: i64, count: u64) {
        let key = self.usage.keys().find(|key| key.contains(limit)).cloned().expect("a limit");
        self.usage.insert(key, Used { minor, count });
    }

    pub(crate) fn facts(&self) -> CaseFacts {
        CaseFacts {
            tenant: "acme".parse().expect("an id"),
            id: self.id.parse().expect("an id"),
            kind: "refund".to_owned(),
            severity: None,
            channel: "mail".to_owned(),
            customer: "cust-1".to_owned(),
            subject: "charged twice".to_owned(),
            labels: Vec::new(),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match &self.files {
            None => self.decide(&PLAYBOOK),
            Some(files) => self.decide(&Playbook::from_files(files.clone()).expect("it loads")),
        }
    }

    pub(crate) fn decide(&self, playbook: &Playbook) -> Verdict {
        let contract: ContractId = self.contract.parse().expect("an id");
        let agent: AgentId = self.agent.parse().expect("an id");
        let input = self.text.clone().unwrap_or_else(|| self.input.to_string());
        let facts = self.facts();
        let mut reads = Reads::default();
        loop {
            let open = playbook.reads(&contract, &input, &facts, &reads);
            let answered: Vec<_> = open
                .iter()
                .filter_map(|read| Some((read, self.answers.get(&read.path)?)))
                .collect();
            if answered.is_empty() {
                break;
            }
            for (read, answer) in answered {
                reads.add(read, answer.clone());
            }
        }
        playbook.assess(&ProposalFacts {
            case: &facts,
            epoch: Epoch::default(),
            agent: &agent,
            contract: &contract,
            input: &input,
            provenance: &self.provenance,
            reads: &reads,
            usage: &self.usage,
            now: Timestamp::UNIX_EPOCH,
            duplicate: self.duplicate.as_ref(),
            heard: self.heard.as_deref(),
            outside_text: self.outside_text,
        })
    }

    pub(crate) fn judge(&self, answer: &Answer) -> ReadBack {
        let playbook = &*PLAYBOOK;
        let contract: ContractId = self.contract.parse().expect("an id");
        let input = self.input.to_string();
        let read = playbook.verification(&contract, &input, &self.facts()).expect("declared");
        assert_eq!(read.path, "/refunds?key=billing.refund%2Fch-1");
        playbook.judge_readback(&contract, &input, &self.facts(), answer)
    }
}

pub(crate) fn charge(amount_minor: i64) -> Value {
    json!({
        "id": "ch-1", "customer_id": "cust-1", "amount_minor": amount_minor, "currency": "USD",
        "status": "paid", "refunded_minor": 0,
    })
}

pub(crate) fn from(source: Source) -> Provenance {
    Provenance { source, reference: "test".to_owned() }
}

fn files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/support-desk");
    let mut files = Vec::new();
    for folder in ["", "contracts", "boundaries", "escalations", "policies"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            if path.is_file() && !name.ends_with(".md") {
                let path_in = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let text = std::fs::read_to_string(path).expect("a text");
                files.push(SourceFile { path: path_in, text });
            }
        }
    }
    files
}

pub(crate) fn with(path: &str, text: &str) -> Option<Vec<SourceFile>> {
    let mut files = files();
    files.push(SourceFile { path: path.to_owned(), text: text.to_owned() });
    Some(files)
}

pub(crate) fn replaced(path: &str, from: &str, to: &str) -> Vec<SourceFile> {
    let mut files = files();
    let file = files.iter_mut().find(|file| file.path == path).expect("the file is there");
    assert!(file.text.contains(from), "{path} does not say {from}");
    file.text = file.text.replace(from, to);
    files
}
