//! What became of actions that were not written. The target is looked at when the proposal comes in, and again when its
//! case is over or its time has passed; if it stands there then and did not before, people did what the contract would
//! have done.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use belay_domain::{ActionId, CaseId, Command, ReadBack, Span, Timestamp, after};
use belay_playbook::{Bounds, Playbook};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Graduation;
use super::tally::{Shadowed, Tally};
use crate::engine::Refused;
use crate::facts::case_facts;

/// How soon after a proposal a look still shows what stood there before anybody acted on it.
const BEFORE_WITHIN: Span = Span::from_secs(15);

/// How much later than wanted a look still says something. What is older was proposed while nobody looked.
const LATE_MOST: Span = Span::from_hours(24);

/// The most looks in one round, so that no system is flooded and no demotion waits for them.
const LOOKS_MAX: usize = 50;

/// How often a target that cannot be read is looked at again, and after how long.
const TRIES_MAX: u32 = 10;
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What is known of actions between the two looks. A restart forgets it, and then nobody can tell.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    seen: HashMap<ActionId, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    before: Option<bool>,
    tries: u32,
    not_before: Option<Instant>,
}

impl Comparing {
    /// Whether it is time for a look: for the first one at once, for the second when it is due.
    fn wants(&self, one: &Shadowed, due: Timestamp, now: Timestamp) -> bool {
        if after(due, LATE_MOST) < now {
            return false;
        }
        self.seen.get(&one.action).is_none_or(|seen| {
            due <= now && seen.not_before.is_none_or(|moment| moment <= Instant::now())
        })
    }
}

impl Graduation {
    /// Looks wherever it is time to.
    pub(super) async fn compare(
        &self,
        playbook: &Playbook,
        tally: &Tally,
        comparing: &mut Comparing,
    ) {
        let now = self.engine.clock().now();
        let open: HashSet<&ActionId> = tally.shadowed().map(|(_, one)| &one.action).collect();
        comparing.seen.retain(|action, _| open.contains(action));
        let wanted =
            tally.shadowed().filter(|(_, one)| comparing.wants(one, due(playbook, one), now));
        let wanted: Vec<_> =
            wanted.take(LOOKS_MAX).map(|(case, one)| (case.to_owned(), one.clone())).collect();
        for (case, one) in wanted {
            let Ok(case) = case.parse::<CaseId>() else { continue };
            match comparing.seen.get_mut(&one.action) {
                Some(seen) => self.conclude(playbook, &case, &one.action, seen).await,
                None => {
                    let before = if now <= after(one.at, BEFORE_WITHIN) {
                        self.stood(playbook, &case, &one.action).await
                    } else {
                        None
                    };
                    comparing.seen.insert(one.action, Seen { before, ..Seen::default() });
                }
            }
        }
    }

    /// Whether it stands there already; none if nobody can tell.
    async fn stood(&self, playbook: &Playbook, case: &CaseId, action: &ActionId) -> Option<bool> {
        match self.look(playbook, case, action).await? {
            ReadBack::Applied { .. } => Some(true),
            ReadBack::NotApplied => Some(false),
            ReadBack::Different { .. } | ReadBack::Unreadable { .. } => None,
        }
    }

    /// The second look, and what it shows, to the case.
    async fn conclude(
        &self,
        playbook: &Playbook,
        case: &CaseId,
        action: &ActionId,
        seen: &mut Seen,
    ) {
        let Some(shown) = self.look(playbook, case, action).await else { return };
        seen.tries += 1;
        if matches!(shown, ReadBack::Unreadable { .. }) && seen.tries < TRIES_MAX {
            seen.not_before = Some(Instant::now() + AGAIN_AFTER * seen.tries);
            return;
        }
        debug!(%action, before = ?seen.before, ?shown, "compared");
        let compare = Command::Compare { action: action.clone(), before: seen.before, shown };
        match self.engine.command(case, compare).await {
            Ok(_) | Err(Refused::Rejected(_)) => {}
            Err(failure) => {
                warn!(%action, error = %failure, "what became of an action could not be recorded yet");
                seen.not_before = Some(Instant::now() + AGAIN_AFTER);
            }
        }
    }

    /// What the target shows of an action now; none if the case cannot be had.
    async fn look(
        &self,
        playbook: &Playbook,
        case: &CaseId,
        action: &ActionId,
    ) -> Option<ReadBack> {
        let found = self.engine.case(case).await.ok().flatten()?;
        let one = found.actions.get(action)?;
        let facts = case_facts(&found);
        let (contract, input) = (&one.contract, one.input.as_str());
        let shown = match playbook.comparison(contract, input, &facts) {
            Ok(read) => {
                let answer = self.systems.read(&read).await;
                playbook.judge_comparison(contract, input, &facts, &answer)
            }
            Err(failure) => ReadBack::Unreadable { detail: failure.to_string() },
        };
        Some(shown)
    }
}

/// When the second look is due: once the matter is over, or when its time has passed.
fn due(playbook: &Playbook, one: &Shadowed) -> Timestamp {
    let bounds = playbook.contract(&one.contract).and_then(|contract| contract.graduation());
    let within = bounds.map_or_else(|| Bounds::default().compare_within, |one| one.compare_within);
    let most = after(one.at, within);
    one.over_at.map_or(most, |over| over.min(most))
}
