//! Contracts in a whole supervisor, against a system that can be told to lie: the one that diverges is taken back, and
//! what one in shadow did not write is looked for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use belay_connect::business::{Body, ReadError, ReadRequest, Response, WriteOutcome, WriteRequest};
use belay_connect::{BoxFuture, HumanQueue, SystemOfRecord};
use belay_domain::{
    Action, ActionStage, Actor, Case, CaseId, Command, Coverage, Digest, Proposal, ReadBack, Span,
    SystemId, after,
};
use belay_journal::Query;
use belay_playbook::Figures;
use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::supervisor::{Running, Supervisor};
use crate::surroundings::{Outside, Surroundings};
use crate::upkeep::testbed::{Itsm, PATIENCE, opening};

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_diverges_is_demoted_until_a_person_restores_it_also_across_a_restart() {
    let house = House::new("live", "graduation: {divergences_max: 1, alarm: takeover}");
    let running = house.start().await;
    let first = house.propose(&running, "c-1").await;
    assert_eq!(first.stage_name(), "verified", "{:?}", first.stage);
    house.records().lies = true;
    assert_eq!(house.propose(&running, "c-2").await.stage_name(), "diverged");
    assert_eq!(running.playbooks().unwrap().demotions().count(&contract()), 0, "once is once");
    assert_eq!(house.propose(&running, "c-3").await.stage_name(), "diverged");
    until("it is demoted", async || !demotions(&running).await.is_empty()).await;
    until("nobody decides otherwise any more", async || {
        running.playbooks().unwrap().demotions().count(&contract()) == 1
    })
    .await;

    house.records().lies = false;
    let written = house.records().rows.len();
    let held = house.propose(&running, "c-4").await;
    assert_eq!(held.stage, ActionStage::Shadowed);
    let why = held.verdict.clone().unwrap().basis.unwrap().demoted.unwrap();
    assert!(why.contains("2 divergences") && why.contains("case c-"), "{why}");
    assert_eq!(house.records().rows.len(), written, "nothing is written");

    let asked = demotions(&running).await.remove(0);
    assert!(matches!(asked.coverage(running.engine().clock().now()), Coverage::Pending(_)));
    assert_eq!(asked.escalations.len(), 1, "people are asked, as they are about everything else");
    let told = asked.context.entries().iter().map(|entry| entry.body.clone());
    assert!(told.collect::<String>().contains("belay graduate crm.note@1 --restore"));
    let warned = running.warnings().concat();
    assert!(warned.contains("crm.note@1 does not write any more"), "{warned}");
    running.drain().await;

    let running = house.start().await;
    assert_eq!(house.propose(&running, "c-5").await.stage, ActionStage::Shadowed, "at once");
    let resolve = Command::Resolve {
        by: Actor::Person("olga".parse().unwrap()),
        code: "resolved".parse().unwrap(),
        note: "seen".to_owned(),
    };
    running.engine().command(&asked.id, resolve).await.unwrap();
    assert_eq!(
        house.propose(&running, "c-6").await.stage,
        ActionStage::Shadowed,
        "resolved is not restored"
    );
    let restored = "restored: {demotion: c-another, by: olga, reason: mended}";
    house.reload(&running, &format!("graduation: {{divergences_max: 1, {restored}}}"));
    assert_eq!(house.propose(&running, "c-7").await.stage, ActionStage::Shadowed, "another one");
    let restored = restored.replace("c-another", asked.id.as_str());
    house.reload(&running, &format!("graduation: {{divergences_max: 1, {restored}}}"));
    assert_eq!(house.propose(&running, "c-8").await.stage_name(), "verified");
    tokio::time::sleep(EVERY * 3).await;
    assert_eq!(demotions(&running).await.len(), 1, "what led to it is not held against it again");

    house.records().lies = true;
    house.propose(&running, "c-9").await;
    house.propose(&running, "c-10").await;
    until("it is demoted again", async || demotions(&running).await.len() == 2).await;
    running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_without_bounds_goes_on_and_its_figures_are_there_all_the_same() {
    let house = House::new("live", "");
    let running = house.start().await;
    house.records().lies = true;
    for case in ["c-1", "c-2", "c-3"] {
        assert_eq!(house.propose(&running, case).await.stage_name(), "diverged");
    }
    tokio::time::sleep(EVERY * 2).await;
    assert!(demotions(&running).await.is_empty());
    running.drain().await;
    let expected = Figures { decided: 3, sent: 3, diverged: 3, ..Figures::default() };
    assert_eq!(house.figures(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_contract_in_shadow_did_not_write_is_looked_for_once_its_case_is_over() {
    // People who write by hand know no key of ours.
    let compare = "graduation: {compare: {path: '/notes?case={{ case.id }}', present: size(read) > 0, \
                   assert: [{name: same, that: 'read[0].text == input.text'}]}}";
    let house = House::new("shadow", compare);
    let running = house.start().await;
    house.records().add("c-3", "hello");
    for (case, by_hand, expected) in [
        (
            "c-1",
            Some("hello"),
            ReadBack::Applied { shown: json!([{"key": "c-1", "text": "hello"}]).to_string() },
        ),
        (
            "c-2",
            Some("goodbye"),
            ReadBack::Different {
                difference: "same: it must hold that read[0].text == input.text".into(),
            },
        ),
        (
            "c-3",
            None,
            ReadBack::Applied { shown: json!([{"key": "c-3", "text": "hello"}]).to_string() },
        ),
        ("c-4", None, ReadBack::NotApplied),
    ] {
        let seen = house.records().looks;
        assert_eq!(house.propose(&running, case).await.stage, ActionStage::Shadowed);
        until("it was looked what stands there before", async || house.records().looks > seen)
            .await;
        if let Some(text) = by_hand {
            house.records().add(case, text);
        }
        let resolve = Command::Resolve {
            by: Actor::Person("olga".parse().unwrap()),
            code: "resolved".parse().unwrap(),
            note: "by hand".to_owned(),
        };
        let id: CaseId = case.parse().unwrap();
        running.engine().command(&id, resolve).await.unwrap();
        let compared = async || {
            let case = running.engine().case(&id).await.unwrap().unwrap();
            case.actions.values().next().unwrap().compared.clone()
        };
        until("it was looked for", async || compared().await.is_some()).await;
        assert_eq!(compared().await, Some(expected), "{case}");
    }
    assert_eq!(house.records().writes, 0, "it never writes");
    running.drain().await;
    let expected = Figures {
        decided: 4,
        shadowed: 4,
        agreed: 1,
        differed: 1,
        untold: 1,
        absent: 1,
        ..Figures::default()
    };
    assert_eq!(house.figures(), expected);
}

/// What is around a supervisor: its folders, its people, and the system in which it writes.
struct House {
    directory: tempfile::TempDir,
    mode: &'static str,
    around: Around,
}

#[derive(Clone, Default)]
struct Around(Itsm, Arc<Mutex<Records>>);

/// A system that takes notes.
#[derive(Default)]
struct Records {
    rows: Vec<(String, String)>,
    looks: usize,
    writes: usize,
    /// It says yes and writes something else.
    lies: bool,
}

impl House {
    fn new(mode: &'static str, graduation: &str) -> Self {
        let house =
            Self { directory: tempfile::tempdir().unwrap(), mode, around: Around::default() };
        for (name, text) in FILES {
            let path = house.playbook().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        house.write_contract(graduation);
        house
    }

    fn write_contract(&self, graduation: &str) {
        let text = CONTRACT.replace("MODE", self.mode) + graduation + "\n";
        std::fs::create_dir_all(self.playbook().join("contracts")).unwrap();
        std::fs::write(self.playbook().join("contracts/crm.note.yaml"), text).unwrap();
    }

    fn reload(&self, running: &Running, graduation: &str) {
        self.write_contract(graduation);
        let loaded = Playbook::load(&self.playbook()).unwrap();
        running.playbooks().unwrap().put(Arc::new(loaded));
    }

    fn playbook(&self) -> PathBuf {
        self.directory.path().join("playbook")
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    async fn start(&self) -> Running {
        let mut config = Config::development(&self.data(), &self.playbook());
        config.listen.set_port(0);
        let outside = Arc::new(self.around.clone());
        let surroundings = Surroundings { outside, ..Surroundings::default() };
        Supervisor::start_in(config, surroundings).await.unwrap()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.around.1.lock().unwrap()
    }

    /// An agent takes a new case and proposes a note. The action once nothing more happens to it by itself.
    async fn propose(&self, running: &Running, case: &str) -> Arc<Action> {
        let id: CaseId = case.parse().unwrap();
        let (agent, key) = ("crm-1".parse().unwrap(), Digest::of(b"certificate"));
        let engine = running.engine();
        let open = opening(&self.playbook(), &id, "note", "a note");
        engine.command(&id, Command::Open(Box::new(open))).await.unwrap();
        let offered = Command::Offer { to: "crm-1".parse().unwrap() };
        let offered = engine.command(&id, offered).await.unwrap().case;
        let accept = Command::Accept {
            agent,
            key,
            handoff: offered.offer.clone().unwrap().handoff,
            context: offered.context.digest(),
        };
        let accepted = engine.command(&id, accept).await.unwrap().case;
        let proposal = Proposal {
            agent: "crm-1".parse().unwrap(),
            epoch: accepted.epoch,
            proposal: "p-1".parse().unwrap(),
            contract: contract(),
            input: json!({"text": "hello"}).to_string(),
            provenance: Vec::new(),
            plan: None,
            justification: "the customer asked for it".to_owned(),
            assess_until: after(engine.clock().now(), Span::from_secs(30)),
            verdict: None,
        };
        engine.command(&id, Command::Propose(Box::new(proposal))).await.unwrap();
        let action = async || {
            let case = engine.case(&id).await.unwrap().unwrap();
            case.actions.values().next().unwrap().clone()
        };
        until("the action is over", async || action().await.is_settled()).await;
        action().await
    }

    /// What the journal says once the supervisor has left.
    fn figures(&self) -> Figures {
        let mut record = ContractRecord::open(&Config::journal_in(&self.data())).unwrap();
        while record.read_on().unwrap() {}
        record.figures(&contract(), Span::from_hours(24), belay_domain::Timestamp::now())
    }
}

impl Records {
    fn add(&mut self, key: &str, text: &str) {
        self.rows.push((key.to_owned(), text.to_owned()));
    }
}

impl Outside for Around {
    fn queues(&self, system: &SystemId) -> Option<Arc<dyn HumanQueue>> {
        (system.as_str() == "rt").then(|| Arc::new(self.0.clone()) as Arc<dyn HumanQueue>)
    }

    fn record(&self, system: &SystemId) -> Option<Arc<dyn SystemOfRecord>> {
        (system.as_str() == "crm").then(|| Arc::new(self.clone()) as Arc<dyn SystemOfRecord>)
    }
}

impl SystemOfRecord for Around {
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(async move {
            let mut records = self.1.lock().unwrap();
            records.looks += 1;
            let wanted = read.path.split('=').nth(1).unwrap().replace("%2F", "/");
            let found = records.rows.iter().filter(|(key, _)| *key == wanted);
            let body: Value = found.map(|(key, text)| json!({"key": key, "text": text})).collect();
            Ok(Response { status: 200, body })
        })
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(async move {
            let Body::Json(body) = &write.body else { panic!("notes are JSON") };
            let mut records = self.1.lock().unwrap();
            records.writes += 1;
            let text = if records.lies { "?" } else { body["text"].as_str().unwrap() };
            records.add(body["key"].as_str().unwrap(), text);
            WriteOutcome::Done { status: 200, body: json!({}) }
        })
    }
}

async fn demotions(running: &Running) -> Vec<Arc<Case>> {
    let query = Query {
        tenant: "default".to_owned(),
        kind: vec!["belay.demotion".to_owned()],
        ..Query::default()
    };
    let rows = running.engine().journal().search(query).await.unwrap().rows;
    let mut cases = Vec::new();
    for row in rows {
        cases.push(running.engine().case(&row.case.parse().unwrap()).await.unwrap().unwrap());
    }
    cases
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited too long until {what}");
}

fn contract() -> belay_domain::ContractId {
    "crm.note@1".parse().unwrap()
}

const CONTRACT: &str = "id: crm.note@1
title: Note something
system: crm
executor: supervisor
tier: 0
mode: MODE
input: {type: object, additionalProperties: false, required: [text], properties: {text: {type: string}}}
key: '{{ case.id }}'
execution: {method: POST, path: /notes, body: {key: '{{ key }}', text: '{{ input.text }}'}}
verification:
  path: '/notes?key={{ key }}'
  present: size(read) > 0
  assert: [{name: same, that: 'read[0].text == input.text'}]
  settle_within: 100ms
compensation: {none: it stays}
";

const FILES: [(&str, &str); 8] = [
    ("playbook.yaml", "name: small\ndefaults: {lease: 5m}\n"),
    (
        "systems.yaml",
        "systems:
  crm: {kind: http, base_url: 'http://127.0.0.1:9'}
  rt:
    kind: request-tracker
    base_url: http://127.0.0.1:9
    service_account: belay
    statuses: {open: open, resolved: resolved}
    fields: {correlation: Belay, case: Case, resolution: Resolution}
    queues: {General: {}}
",
    ),
    (
        "agents.yaml",
        "roles: {crm: notes}\nagents: {crm-1: {roles: [crm], boundary: crm, operators: [olga]}}\n",
    ),
    ("boundaries/crm.yaml", "name: crm\ncontracts: [crm.note@1]\nsystems: [crm]\n"),
    ("policies/all.cedar", "@id(\"all\") permit (principal, action, resource);\n"),
    ("routing.yaml", "otherwise: {to: role crm, takeover: takeover}\n"),
    ("taxonomy.yaml", "resolutions:\n  resolved: {title: Done, means: resolve}\n"),
    (
        "escalations/takeover.yaml",
        "name: takeover
freshness: 280s
look_every: 140s
steps:
  - {queue: rt/General, acknowledge_within: 1h}
backoff: {first: 1m, most: 15m}
",
    ),
];
