//! A specialist that does one thing with every case, and shows what became of it.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::Shared;
use crate::{Answer, Case, Done, Offer, Outcome, Specialist, Trouble};

/// The input of its one write, in canonical JSON.
pub(crate) const INPUT: &str = r#"{"text":"hello"}"#;

/// What the specialist does with a case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Acts once and resolves the case.
    Acts,
    /// The same, and writes for ever.
    WritesForEver,
    /// The same, and the first write fails for now.
    FailsFirst,
    /// Waits for ever without a sign of life, or resolves at once if the case is not the usual one.
    Hangs,
    /// Says every second that it goes on.
    Toils,
    /// Panics.
    Panics,
    /// Asks people.
    AsksPeople,
    /// Hands the case to billing.
    HandsOff,
    /// Leaves the offer unanswered.
    Ponders,
}

/// What the specialist did, in order.
#[derive(Clone, Default)]
pub(crate) struct Seen(Shared<Vec<String>>);

pub(crate) struct Specialised {
    does: Does,
    seen: Seen,
}

impl Does {
    /// A specialist that does this, and what it does.
    pub(crate) fn this(self) -> (Specialised, Seen) {
        let seen = Seen(Arc::new(Mutex::default()));
        (Specialised { does: self, seen: seen.clone() }, seen)
    }
}

impl Seen {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> String {
        self.0.lock().unwrap().join(", ")
    }
}

/// Notes that a future was dropped before it was done.
struct Dropped(Option<Seen>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(seen) = &self.0 {
            seen.note("dropped");
        }
    }
}

impl Specialist for Specialised {
    async fn consider(&self, offer: &Offer) -> Answer {
        self.seen.note(format!("offered {}", offer.context().len()));
        if matches!(self.does, Does::Ponders) {
            std::future::pending::<()>().await;
        }
        Answer::Accept
    }

    async fn work(&self, case: &mut Case) -> Result<Done, Trouble> {
        let mut dropped = Dropped(Some(self.seen.clone()));
        let done = self.does_it(case).await;
        dropped.0 = None;
        done
    }
}

impl Specialised {
    async fn does_it(&self, case: &mut Case) -> Result<Done, Trouble> {
        match self.does {
            Does::Acts | Does::WritesForEver | Does::FailsFirst => {
                let mut writes = 0;
                let result = case
                    .act("crm.add_note@1", json!({"text": "hello"}), |permit| {
                        writes += 1;
                        self.seen.note(format!("wrote {} by {}", permit.input_json(), permit.id()));
                        let first = writes == 1;
                        async move {
                            match self.does {
                                Does::WritesForEver => std::future::pending().await,
                                Does::FailsFirst if first => Outcome::failed_for_now("busy"),
                                _ => Outcome::executed(json!({"ok": true})),
                            }
                        }
                    })
                    .await?;
                result.verified()?;
                self.seen.note("verified");
            }
            Does::Hangs if case.about().id == super::CASE => std::future::pending::<()>().await,
            Does::Hangs => {}
            Does::Toils => loop {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                case.progress("toiling");
            },
            Does::Panics => panic!("as the test wants it"),
            Does::AsksPeople => return Err(Trouble::for_people("a person has to see this", None)),
            Does::HandsOff => {
                return Ok(case.hand_off("billing", "it is about money", Vec::new()).await?);
            }
            Does::Ponders => {}
        }
        Ok(case.resolve("answered", "").await?)
    }
}
