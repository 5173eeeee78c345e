//! Cases that turn out to be the same matter: recognised when more becomes known, or because a person says so, and
//! brought together step by step.
//!
//! Each step is one command for one of the two cases, and is durable before the next one is thought of. What comes next is
//! read off the two cases alone, so that a crash between two steps loses nothing: whoever comes next finds the two as they
//! are and goes on from there.

use std::sync::Arc;

use belay_domain::{Absorb, Case, CaseId, Command, Digest, Next, Rejection, next_between};
use tracing::{debug, info};

use crate::engine::{Applied, Engine, FINGERPRINT, Refused};
use crate::keyed_lock::KeyedLock;

/// Brings cases together; cheap to clone.
#[derive(Clone)]
pub(crate) struct Matters {
    engine: Engine,
    /// One step at a time for each case, so that two who drive the same merge do not cross.
    cases: KeyedLock,
}

/// What a look at two cases led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The two are no longer tied: nothing is left to be done.
    Over,
    /// Something was done; look again at once.
    Done,
    /// Nothing can be done now.
    Waits {
        /// For what, for people.
        why: String,
    },
}

impl Matters {
    /// Matters of this engine.
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, cases: KeyedLock::default() }
    }

    /// New reports with this fingerprint come to the case, unless they come to another one already: then the two are the
    /// same matter. False if it has to be tried again later.
    pub(crate) async fn recognise(&self, id: &CaseId, found: Digest) -> Result<bool, Refused> {
        match self.engine.command(id, Command::Recognise { fingerprint: found }).await {
            Ok(_) => return Ok(true),
            Err(Refused::Rejected(_)) => return Ok(true),
            Err(Refused::Claimed { kind, .. }) if kind == FINGERPRINT => {}
            Err(refused) => return Err(refused),
        }
        let Some(own) = self.engine.case(id).await? else { return Ok(true) };
        let Some(holder) = self.holder(&own, found).await? else { return Ok(false) };
        let Some(other) = self.survivor(&holder).await? else { return Ok(false) };
        if other.id == *id {
            return Ok(true);
        }
        // Others said that these are two. Whoever reports the matter again is led to the one that was first.
        if other.ties.apart.contains(id) || own.ties.apart.contains(&other.id) {
            return Ok(false);
        }
        if !other.is_open() {
            return Ok(false);
        }
        info!(case = %id, with = %other.id, "the same matter as an open case");
        let with = other.id.clone();
        let command = Command::ShareMatter { with, fingerprint: Some(found), by: None };
        self.tell(id, command).await.map(|_| true)
    }

    /// The case that has a matter now: the case itself or, if it was merged, the one that it was merged into.
    pub(crate) async fn survivor(&self, id: &CaseId) -> Result<Option<Arc<Case>>, Refused> {
        let Some(case) = self.engine.case(id).await? else { return Ok(None) };
        // What was merged into is never merged itself.
        match case.merged_into() {
            Some(into) => self.engine.case(into).await,
            None => Ok(Some(case)),
        }
    }

    /// Takes the next step between two cases, seen from `own`. Which one that is says the domain.
    pub(crate) async fn step(&self, own: &CaseId, other: &CaseId) -> Result<Step, Refused> {
        let _held = self.cases.lock([own.to_string(), other.to_string()]).await;
        let Some(ours) = self.engine.case(own).await? else { return Ok(Step::Over) };
        let theirs = self.engine.case(other).await?;
        match next_between(&ours, other, theirs.as_deref()) {
            Next::Over => Ok(Step::Over),
            Next::Wait { why } => Ok(Step::Waits { why }),
            Next::Tell { case, command } => match self.tell(&case, *command).await? {
                Ok(_) => Ok(Step::Done),
                Err(rejection) => Ok(Step::Waits { why: rejection.to_string() }),
            },
            Next::Absorb { from, into } => {
                let goes = if ours.id == from { Some(&ours) } else { theirs.as_ref() };
                match goes {
                    Some(goes) => self.absorb(goes, &into).await,
                    None => Ok(Step::Over),
                }
            }
        }
    }

    async fn absorb(&self, goes: &Case, into: &CaseId) -> Result<Step, Refused> {
        let moved = match goes.fingerprint {
            Some(found) if self.holder(goes, found).await?.as_ref() == Some(&goes.id) => {
                Some(found)
            }
            _ => None,
        };
        let Some(absorb) = Absorb::of(goes, moved) else { return Ok(Step::Over) };
        match self.tell(into, Command::Absorb(Box::new(absorb))).await {
            Ok(Ok(_)) => Ok(Step::Done),
            Ok(Err(rejection)) => {
                let why = rejection.to_string();
                let command = Command::EndMerge { into: into.clone(), why: why.clone() };
                self.tell(&goes.id, command).await?.ok();
                Ok(Step::Waits { why })
            }
            // The reports went elsewhere a moment ago: the next look shows where.
            Err(Refused::Claimed { .. }) => {
                Ok(Step::Waits { why: "new reports of the matter come to another case".to_owned() })
            }
            Err(refused) => Err(refused),
        }
    }

    /// A command whose refusal by the case is an answer like any other.
    async fn tell(
        &self,
        id: &CaseId,
        command: Command,
    ) -> Result<Result<Applied, Rejection>, Refused> {
        match self.engine.command(id, command).await {
            Ok(applied) => Ok(Ok(applied)),
            Err(Refused::Rejected(rejection)) => {
                debug!(case = %id, %rejection, "a step of a merge is not wanted any more");
                Ok(Err(rejection))
            }
            Err(refused) => Err(refused),
        }
    }

    /// To which case new reports with this fingerprint come.
    async fn holder(&self, case: &Case, found: Digest) -> Result<Option<CaseId>, Refused> {
        let Some(tenant) = &case.tenant else { return Ok(None) };
        let (journal, key) = (self.engine.journal(), found.to_string());
        let holder = journal.claim(tenant.as_str(), FINGERPRINT, &key).await;
        let holder = holder.map_err(|failure| Refused::Unreadable(Arc::new(failure)))?;
        Ok(holder.and_then(|holder| holder.parse().ok()))
    }
}

#[cfg(test)]
mod tests;
