//! Systems that answer what was recorded, each answer once, and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use belay_connect::business::{Body, ReadError, ReadRequest, Response, WriteOutcome, WriteRequest};
use belay_connect::{BoxFuture, SystemOfRecord};
use belay_domain::SystemId;
use belay_playbook::{Exchange, Playbook, SystemKind};
use serde_json::Value;

/// What was recorded of all systems. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tape(Arc<Mutex<Left>>);

/// What has not been asked for yet.
struct Left {
    exchanges: Vec<Exchange>,
    key: String,
    /// What was asked for otherwise than it was recorded.
    wrong: Vec<String>,
}

/// One system on the tape.
struct Recorded {
    system: SystemId,
    tape: Tape,
}

impl Tape {
    /// A tape; the key stands wherever a recording leaves a place for it.
    pub(super) fn new(exchanges: Vec<Exchange>, key: String) -> Self {
        Self(Arc::new(Mutex::new(Left { exchanges, key, wrong: Vec::new() })))
    }

    /// All systems of record of the playbook, on this tape.
    pub(super) fn systems(
        &self,
        playbook: &Playbook,
    ) -> BTreeMap<SystemId, Arc<dyn SystemOfRecord>> {
        let records = playbook.systems().filter(|one| matches!(one.kind, SystemKind::Http(_)));
        records
            .map(|system| {
                let recorded = Recorded { system: system.id.clone(), tape: self.clone() };
                (system.id.clone(), Arc::new(recorded) as Arc<dyn SystemOfRecord>)
            })
            .collect()
    }

    /// What was asked for otherwise than it was recorded, or recorded and never asked for.
    pub(super) fn left(&self) -> Vec<String> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let never = left.exchanges.iter();
        let never = never.map(|one| format!("recorded and never asked for: {}", one.request));
        left.wrong.iter().cloned().chain(never).collect()
    }

    /// The answer to a request, which is taken off the tape; the error says that there is none.
    fn answer(
        &self,
        (method, system, path): (&str, &SystemId, &str),
        sent: Option<&Value>,
    ) -> Result<(Option<u16>, Value), String> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = left.key.clone();
        let is_it = |one: &Exchange| one.answers(method, system.as_str(), path, &key);
        let Some(place) = left.exchanges.iter().position(is_it) else {
            let what = format!("no answer is recorded for: {method} {system} {path}");
            left.wrong.push(what.clone());
            return Err(what);
        };
        let one = left.exchanges.remove(place);
        if let Some(body) = one.body(&key)
            && Some(&body) != sent
        {
            let sent = sent.map_or_else(|| "nothing".to_owned(), Value::to_string);
            let what =
                format!("{method} {system} {path} was recorded with {body} and would send {sent}");
            left.wrong.push(what);
        }
        Ok((one.status, one.answer(&key)))
    }
}

impl SystemOfRecord for Recorded {
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(async move {
            match self.tape.answer((&read.method, &self.system, &read.path), None) {
                Ok((Some(status), body)) => Ok(Response { status, body }),
                Ok((None, _)) => {
                    Err(ReadError::Unavailable { detail: "no answer came".to_owned() })
                }
                Err(detail) => Err(ReadError::Unavailable { detail }),
            }
        })
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(async move {
            let sent = match &write.body {
                Body::None => None,
                Body::Json(body) => Some(body.clone()),
                Body::Form(fields) => Some(
                    fields
                        .iter()
                        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
                        .collect(),
                ),
            };
            match self.tape.answer((&write.method, &self.system, &write.path), sent.as_ref()) {
                Ok((Some(status @ 200..300), body)) => WriteOutcome::Done { status, body },
                Ok((Some(status), body)) => {
                    let permanent = (400..500).contains(&status) && status != 429;
                    WriteOutcome::Refused { status, body, permanent, retry_after: None }
                }
                Ok((None, _)) => WriteOutcome::unheard("no answer came"),
                Err(detail) => WriteOutcome::NotSent { detail, permanent: true },
            }
        })
    }
}
