//! The playbook against the data, without a supervisor: every write is decided as the shop's records say it must be.

use std::path::PathBuf;

use belay_domain::{Epoch, Provenance, Reason, Ruling};
use belay_playbook::{Answer, CaseFacts, Playbook, ProposalFacts, Reads, Usage};
use serde_json::Value;

use super::records::Records;
use super::reference;
use super::task::{self, Step, Task, Write};
use super::terms::{self, Role, Said};
use super::variants::{self, Statement};

#[test]
fn what_the_shops_own_tools_carry_out_is_allowed_and_the_rest_is_not() {
    let Some(shop) = shop() else { return };
    let mut wrong = Vec::new();
    for (task, write, before) in shop.writes() {
        let (input, said) = terms::input(write, &task.customer, &Statement::default());
        let contract = terms::contract(write.tool);
        let reasons = shop.decide(task, Role::of(write.tool), contract, &input, &said, &before);
        let objection = reference::objection(&before, write);
        if reasons.is_empty() == objection.is_some() {
            wrong.push(format!("task {}: {write:?}: {objection:?}, {reasons:?}", task.number));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_wrong_variant_is_stopped_by_the_rule_that_it_breaks() {
    let Some(shop) = shop() else { return };
    let (mut wrong, mut tried) = (Vec::new(), std::collections::BTreeMap::new());
    for (index, (task, write, before)) in shop.writes().into_iter().enumerate() {
        if reference::objection(&before, write).is_some() {
            continue;
        }
        for variant in variants::of(task, index, write, &before) {
            let (input, said) = terms::input(&variant.write, &task.customer, &variant.statement);
            let reasons = shop.decide(
                task,
                variant.proposer(),
                variant.contract(),
                &input,
                &said,
                &variant.records,
            );
            let expected = terms::expected(&variant);
            let tried: &mut (u32, u32) = tried.entry(variant.rule).or_default();
            tried.0 += 1;
            if reasons.len() == 1 {
                tried.1 += 1;
            }
            if !reasons.iter().any(|reason| expected.is(&reason.name, &reason.field)) {
                wrong.push(format!("task {}: {}: {input}: {reasons:?}", task.number, variant.how));
            }
        }
    }
    for (rule, (all, alone)) in &tried {
        println!("{rule}: {all} tried, {alone} stopped by this rule alone");
    }
    // All but the last: that the same write happens once is for the journal to see, and not for the playbook.
    assert_eq!(tried.len(), 21, "a rule was never broken: {:?}", tried.keys());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The shop's data and the playbook, where the data is at hand.
struct Shop {
    records: Records,
    tasks: Vec<Task>,
    playbook: Playbook,
}

fn shop() -> Option<Shop> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("BELAY_TAU_RETAIL")
        .map_or_else(|| root.join("../shared/data/tau-retail"), PathBuf::from);
    if !folder.is_dir() {
        eprintln!("SKIPPED: there is no retail data at {}", folder.display());
        return None;
    }
    let records = Records::load(&folder).expect("the data can be read");
    let tasks = task::load(&folder, &records).expect("the tasks can be read");
    let playbook = Playbook::load(&root.join("playbooks/retail"));
    let playbook = playbook.unwrap_or_else(|problems| panic!("{problems}"));
    Some(Shop { records, tasks, playbook })
}

impl Shop {
    /// Every listed write with its task and the records just before it.
    fn writes(&self) -> Vec<(&Task, &Write, Records)> {
        let mut writes = Vec::new();
        for task in &self.tasks {
            let mut records = self.records.clone();
            for step in &task.steps {
                let Step::Write(write) = step else { continue };
                writes.push((task, write, records.clone()));
                if reference::objection(&records, write).is_none() {
                    reference::carry_out(&mut records, write).expect("there is such a record");
                }
            }
        }
        writes
    }

    /// The reasons against a write.
    fn decide(
        &self,
        task: &Task,
        by: Role,
        contract: &str,
        input: &Value,
        said: &[Said],
        records: &Records,
    ) -> Vec<Reason> {
        let case = CaseFacts {
            tenant: "default".parse().expect("a tenant"),
            id: "c-0123456789abcdef".parse().expect("a case"),
            kind: by.kind().to_owned(),
            severity: None,
            channel: "chat".to_owned(),
            customer: task.customer.clone(),
            subject: "a wish".to_owned(),
            labels: Vec::new(),
        };
        let contract = contract.parse().expect("a contract");
        let input = input.to_string();
        let mut reads = Reads::default();
        loop {
            let open = self.playbook.reads(&contract, &input, &case, &reads);
            if open.is_empty() {
                break;
            }
            for read in &open {
                reads.add(read, answer(records, &read.path));
            }
        }
        let provenance: Vec<(String, Provenance)> = said
            .iter()
            .map(|(pointer, source, reference)| {
                let reference = (*reference).to_owned();
                (pointer.clone(), Provenance { source: *source, reference })
            })
            .collect();
        let verdict = self.playbook.assess(&ProposalFacts {
            case: &case,
            epoch: Epoch::default(),
            agent: &by.agent().parse().expect("an agent"),
            contract: &contract,
            input: &input,
            provenance: &provenance,
            reads: &reads,
            usage: &Usage::new(),
            now: "2026-01-05T12:00:00Z".parse().expect("a time"),
            duplicate: None,
            heard: None,
            outside_text: true,
        });
        match verdict.ruling {
            Ruling::Allow => Vec::new(),
            Ruling::Deny(reasons) => reasons,
            Ruling::Ask(_) => panic!("nobody is asked in this playbook"),
        }
    }
}

fn answer(records: &Records, path: &str) -> Answer {
    let found = match path.trim_start_matches('/').split_once('/') {
        Some(("orders", id)) => records.order(&id.replace("%23", "#")),
        Some(("users", id)) => records.user(id),
        Some(("products", id)) => records.product(id),
        _ => panic!("nobody reads {path}"),
    };
    found.map_or(Answer::Missing, |record| Answer::Found(record.clone()))
}
