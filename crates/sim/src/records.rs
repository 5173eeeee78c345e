//! The system in which writes take effect: it fails, answers late or with prose, and commits what it says it did
//! not.
//!
//! It counts every effect that really took place.

use std::time::Duration;

use belay_connect::BoxFuture;
use belay_connect::business::{
    Body, ReadError, ReadRequest, Response, SystemOfRecord, WriteOutcome, WriteRequest,
};
use belay_domain::{ActionId, EventKind};
use belay_journal::Auditor;
use belay_supervisor::decode;
use serde_json::{Value, json};

use crate::audit::claims::SLACK;
use crate::dice::Dice;
use crate::operators;
use crate::world::{Moment, State, World};

/// What has been written.
pub(crate) struct Records {
    pub(crate) rows: Vec<Row>,
    /// Whether it knows a key that it has seen and does nothing a second time.
    pub(crate) honours_keys: bool,
    next: u64,
}

/// One effect.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) collection: String,
    pub(crate) key: String,
    pub(crate) body: Value,
    /// When it took effect.
    pub(crate) at: Moment,
    /// When it was undone.
    pub(crate) gone: Option<Moment>,
}

/// The way into the records.
pub(crate) struct Crm(pub(crate) World);

/// How a write is going to go.
enum Fate {
    Done,
    /// Done, and nobody hears of it.
    DoneUnheard,
    /// Done after a while, and nobody hears of it.
    DoneLate(Duration),
    /// Never done, and nobody hears of it.
    Lost,
    /// 200, and it was not done.
    Prose,
    Refused,
    NotSent,
}

impl Records {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        Self { rows: Vec::new(), honours_keys: dice.percent(50), next: 0 }
    }

    /// Lets a write take effect.
    pub(crate) fn apply(&mut self, at: Moment, collection: &str, body: &Value) {
        let key = body["key"].as_str().unwrap_or_default().to_owned();
        let same =
            |row: &&Row| row.collection == collection && row.key == key && row.gone.is_none();
        if self.honours_keys && self.rows.iter().any(|row| same(&row)) {
            return;
        }
        self.next += 1;
        self.rows.push(Row {
            id: self.next,
            collection: collection.to_owned(),
            key,
            body: body.clone(),
            at,
            gone: None,
        });
    }

    fn with_key(&self, now: Moment, collection: &str, key: &str) -> Vec<Value> {
        let shown = self.rows.iter().filter(|row| {
            row.collection == collection && row.key == key && row.at <= now && row.gone.is_none()
        });
        shown.map(Row::shown).collect()
    }
}

impl Row {
    fn shown(&self) -> Value {
        let mut shown = self.body.clone();
        shown["id"] = json!(self.id);
        shown
    }
}

impl State {
    /// How the next write goes.
    fn fate(&mut self) -> Fate {
        if !self.troubled || self.dice.percent(50) {
            return Fate::Done;
        }
        let (name, fate) = match self.dice.within(0..6) {
            0 => ("committed, and the answer was lost", Fate::DoneUnheard),
            1 => {
                let late = self.dice.millis(500..6_000);
                ("committed late, and the answer was lost", Fate::DoneLate(late))
            }
            2 => ("lost on the way", Fate::Lost),
            3 => ("refused with 200 and prose", Fate::Prose),
            4 => ("refused for now", Fate::Refused),
            _ => ("could not be sent", Fate::NotSent),
        };
        self.tally.count(&format!("writes: {name}"));
        fate
    }

    /// Somebody writes. The outcome is what they are told.
    fn write(&mut self, collection: &str, body: &Value, by: &str) -> WriteOutcome {
        let now = self.now();
        self.tally.count("writes: in all");
        let said = |status, text: &str| WriteOutcome::Done { status, body: json!(text) };
        let unknown = |detail: &str| WriteOutcome::unheard(detail);
        let key = body["key"].as_str().unwrap_or_default().to_owned();
        let (outcome, at) = match self.fate() {
            Fate::Done => {
                (WriteOutcome::Done { status: 201, body: json!({"ok": true}) }, Some(now))
            }
            Fate::DoneUnheard => (unknown("no answer within the time"), Some(now)),
            Fate::DoneLate(late) => (unknown("no answer within the time"), Some(now + late)),
            Fate::Lost => (unknown("the connection was closed"), None),
            Fate::Prose => (said(200, "your request could not be processed"), None),
            Fate::Refused => {
                let body = json!("too many requests");
                (
                    WriteOutcome::Refused {
                        status: 429,
                        body,
                        permanent: false,
                        retry_after: None,
                    },
                    None,
                )
            }
            Fate::NotSent => {
                let detail = "could not connect".to_owned();
                (WriteOutcome::NotSent { detail, permanent: false }, None)
            }
        };
        if let Some(at) = at {
            self.records.apply(at, collection, body);
        }
        self.tell(|| format!("crm: {by} writes {key}: {outcome:?}, in effect: {}", at.is_some()));
        outcome
    }

    /// An agent that was allowed to writes by itself.
    pub(crate) fn agent_writes(&mut self, agent: &str, key: &str, input: &str) -> WriteOutcome {
        let mut body: Value = serde_json::from_str(input).unwrap_or_default();
        body["key"] = json!(key);
        self.write("credits", &body, agent)
    }
}

impl SystemOfRecord for Crm {
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(async move {
            let (before, after, fails) = {
                let mut state = self.0.look();
                let slow = state.troubled && state.dice.percent(3);
                let most = if slow { 4_000 } else { 60 };
                let fails = state.troubled && state.dice.percent(6);
                (state.dice.millis(0..most), state.dice.millis(0..most), fails)
            };
            tokio::time::sleep(before).await;
            if fails {
                self.0.look().tally.count("reads: failed");
                return Err(ReadError::Unavailable { detail: "502".to_owned() });
            }
            let response = {
                let state = self.0.look();
                let now = state.now();
                match read.path.split_once("?key=") {
                    Some((path, key)) => {
                        let found =
                            state.records.with_key(now, path.trim_matches('/'), &decoded(key));
                        Response { status: 200, body: Value::Array(found) }
                    }
                    None => Response { status: 200, body: json!({"status": "active"}) },
                }
            };
            tokio::time::sleep(after).await;
            Ok(response)
        })
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(async move {
            let (before, after) = {
                let mut state = self.0.look();
                (state.dice.millis(0..40), state.dice.millis(0..40))
            };
            tokio::time::sleep(before).await;
            let outcome = self.arrive(write);
            tokio::time::sleep(after).await;
            outcome
        })
    }
}

impl Crm {
    fn arrive(&self, write: &WriteRequest) -> WriteOutcome {
        if write.method == "DELETE" {
            let mut state = self.0.look();
            let now = state.now();
            let id = write.path.rsplit_once('/').and_then(|(_, id)| id.parse::<u64>().ok());
            state.tally.count("writes: undone");
            state.tell(|| format!("crm: {} is undone", write.path));
            for row in state.records.rows.iter_mut().filter(|row| Some(row.id) == id) {
                row.gone = row.gone.or(Some(now));
            }
            return WriteOutcome::Done { status: 204, body: Value::Null };
        }
        let Body::Json(body) = &write.body else {
            return WriteOutcome::NotSent { detail: "no body".to_owned(), permanent: true };
        };
        let key = body["key"].as_str().unwrap_or_default();
        let intended = self.intended(key);
        let mut state = self.0.look();
        match intended {
            None => {
                let what = format!("{key} is written without");
                state.wrong("IDM-2 the intent is durable first", what);
            }
            Some(playbook) => {
                let now = state.now();
                let in_force = operators::about(&state.in_force, now, SLACK);
                if in_force.iter().all(|found| found.version != playbook) {
                    let what = format!("{key} was let through by {playbook}, in force no more");
                    state.wrong("APR-5 the playbook in force decides", what);
                }
            }
        }
        state.write(write.path.trim_matches('/'), body, "belay")
    }

    /// The playbook that let it through, if the journal, as it stands on the disk, says that this is being written.
    fn intended(&self, key: &str) -> Option<String> {
        let named = key.rsplit_once('/').map_or(key, |(_, named)| named);
        let (case, _) = named.split_once('~')?;
        let journal = belay_supervisor::Config::journal_in(self.0.data());
        let stored = Auditor::open(&journal).ok()?.load(case).ok()?;
        let events: Vec<_> = stored.iter().filter_map(|stored| decode(stored).ok()).collect();
        let dispatched = |wanted: &ActionId| {
            events.iter().any(|event| {
                matches!(&event.kind, EventKind::ActionDispatched { action, .. } if action == wanted)
            })
        };
        events.iter().rev().find_map(|event| match &event.kind {
            EventKind::ActionAssessed { action, verdict } => {
                let same = verdict.terms.as_ref().is_some_and(|terms| terms.key.as_str() == key);
                (same && dispatched(action)).then(|| verdict.playbook.to_string())
            }
            _ => None,
        })
    }
}

/// A key as it was before it was put into a path.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = |two: &[u8]| {
            std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok())
        };
        match (first, tail.get(..2).and_then(code)) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
