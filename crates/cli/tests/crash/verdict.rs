//! What was answered, what the journal holds and what the outside saw, held against each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use belay_api::v1;
use serde_json::Value;

use crate::load::Book;

/// What the journal holds, as far as it is compared.
#[derive(Default)]
pub(crate) struct Told {
    /// The cases that each request opened.
    opened: HashMap<String, Vec<String>>,
    /// How often each text was added to a case.
    texts: HashMap<(String, String), usize>,
    /// Who became the owner of a case under which epoch.
    owners: HashMap<(String, u64), Vec<String>>,
    /// The key of each action.
    keys: HashMap<String, String>,
    /// The keys under which a write was begun.
    begun: HashSet<String>,
    verified: HashSet<String>,
    resolved: HashSet<String>,
    /// The steps in which a case's people were asked, by the id that the ticket carries.
    steps: HashMap<String, String>,
    events: u64,
}

/// What is not as it was answered, or is there twice.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    /// What the outside saw and the journal does not explain.
    pub(crate) unexplained: Vec<String>,
}

impl Told {
    /// How many events there are.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// Takes note of one event.
    pub(crate) fn hear(&mut self, event: &Value) {
        self.events += 1;
        let (body, case) = (&event["body"], text(&event["case"]));
        match body["event"].as_str().unwrap_or_default() {
            "case_opened" => self.opened.entry(text(&body["request"])).or_default().push(case),
            "context_added" => {
                *self.texts.entry((case, text(&body["entry"]["body"]))).or_default() += 1;
            }
            "handoff_accepted" => {
                let epoch = body["epoch"].as_u64().unwrap();
                self.owners.entry((case, epoch)).or_default().push(text(&body["agent"]));
            }
            "action_assessed" => {
                if let Some(key) = body["verdict"]["terms"]["key"].as_str() {
                    self.keys.insert(text(&body["action"]), key.to_owned());
                }
            }
            "action_dispatched" => {
                let key = self.keys.get(&text(&body["action"])).cloned();
                self.begun.insert(key.expect("assessed before it is dispatched"));
            }
            "action_verified" => drop(self.verified.insert(text(&body["action"]))),
            "case_resolved" => drop(self.resolved.insert(case)),
            "step_started" => drop(self.steps.insert(text(&body["step"]["correlation"]), case)),
            _ => {}
        }
    }
}

impl Verdict {
    /// Compares everything.
    pub(crate) fn of(
        book: &Book,
        told: &Told,
        effects: &BTreeMap<String, usize>,
        tickets: &[v1::DeskTicket],
    ) -> Self {
        let mut verdict = Self::default();
        verdict.cases(book, told);
        verdict.writes(book, told, effects);
        verdict.tickets(book, told, tickets);
        verdict
    }

    fn cases(&mut self, book: &Book, told: &Told) {
        for (request, case) in &book.opened {
            if !told.opened.get(request).is_some_and(|cases| cases.contains(case)) {
                self.lost.push(format!("{request} opened {case}"));
            }
        }
        for (request, cases) in told.opened.iter().filter(|(_, cases)| cases.len() > 1) {
            self.doubled.push(format!("{request} opened {cases:?}"));
        }
        for (case, text) in &book.added {
            if !told.texts.contains_key(&(case.clone(), text.clone())) {
                self.lost.push(format!("{case} was told {text:?}"));
            }
        }
        for ((case, text), times) in told.texts.iter().filter(|(_, times)| **times > 1) {
            // What agents say on handing over may be said anew by whoever has the case next.
            if text.starts_with("text number") {
                self.doubled.push(format!("{case} was told {text:?} {times} times"));
            }
        }
        for ((case, epoch), agents) in &book.assigned {
            let agents: BTreeSet<_> = agents.iter().collect();
            if agents.len() > 1 {
                self.doubled.push(format!("{case} belongs to {agents:?} under epoch {epoch}"));
            }
            let owners = told.owners.get(&(case.clone(), *epoch));
            if !agents.iter().all(|agent| owners.is_some_and(|owners| owners.contains(agent))) {
                self.lost.push(format!("{case} belongs to {agents:?} under epoch {epoch}"));
            }
        }
        for ((case, epoch), owners) in told.owners.iter().filter(|(_, owners)| owners.len() > 1) {
            self.doubled.push(format!("{case} has the owners {owners:?} under epoch {epoch}"));
        }
        for case in &book.resolved {
            if !told.resolved.contains(case) {
                self.lost.push(format!("{case} is resolved"));
            }
        }
    }

    fn writes(&mut self, book: &Book, told: &Told, effects: &BTreeMap<String, usize>) {
        for (case, action) in &book.verified {
            let key = told.keys.get(action);
            let there = key.and_then(|key| effects.get(key)).is_some();
            if !told.verified.contains(action) || !there {
                self.lost.push(format!("{action} of {case} is verified"));
            }
        }
        for (key, times) in effects {
            if *times > 1 {
                self.doubled.push(format!("{key} was written {times} times"));
            }
            if !told.begun.contains(key) {
                self.unexplained.push(format!("{key} was written"));
            }
        }
    }

    fn tickets(&mut self, book: &Book, told: &Told, tickets: &[v1::DeskTicket]) {
        let by_id: HashMap<&str, &v1::DeskTicket> =
            tickets.iter().map(|ticket| (ticket.id.as_str(), ticket)).collect();
        for (id, (case, resolved)) in &book.tickets {
            let found = by_id.get(id.as_str());
            let done = found.is_some_and(|ticket| ticket.state() == v1::DeskTicketState::Resolved);
            let taken = found.is_some_and(|ticket| done || !ticket.holder.is_empty());
            if !taken || (*resolved && !done) {
                self.lost.push(format!("{id} of {case} is taken, and resolved: {resolved}"));
            }
            if *resolved && !told.resolved.contains(case) {
                self.lost.push(format!("{case} is resolved by {id}"));
            }
        }
        let mut carried = BTreeMap::<&str, u32>::new();
        for ticket in tickets {
            *carried.entry(&ticket.correlation_id).or_default() += 1;
            if told.steps.get(&ticket.correlation_id) != Some(&ticket.case_id) {
                self.unexplained.push(format!("{} for {}", ticket.id, ticket.correlation_id));
            }
        }
        for (step, times) in carried.into_iter().filter(|(_, times)| *times > 1) {
            self.doubled.push(format!("{step} has {times} tickets"));
        }
    }

    /// Whether everything is as it was answered, and once.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.unexplained.is_empty()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
