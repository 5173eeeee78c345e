//! One canary on its way: put into its queue, waited for, and what was shown of it read from the journal.

use std::time::Duration;

use belay_domain::{
    Actor, Backoff, CaseId, CaseTerms, Escalation, EscalationPlan, EventKind, Level, Span, Stage,
    StepPlan, Timestamp, WhenExhausted, after,
};
use belay_playbook::Canary;

use super::{CANARIES, Canaries};
use crate::engine::decode;
use crate::intake::OpenRequest;

/// How often it is looked how far one is.
const LOOKED_EVERY: Duration = Duration::from_millis(100);

/// How often its ticket is read back: often enough to time it, seldom enough to be no burden.
const READ_EVERY: (Span, Span) = (Span::from_millis(500), Span::from_secs(15));

/// How old its evidence may be.
const FRESHNESS: Span = Span::from_secs(60);

/// What was shown of a canary, and how long after it was put into its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The ticket was seen (E2).
    pub(crate) seen: Option<Span>,
    /// Somebody could take it (E3).
    pub(crate) routed: Option<Span>,
    /// A person took it (E4).
    pub(crate) acknowledged: Option<Span>,
}

impl Canaries {
    /// Puts one into its queue, by the ordinary road.
    pub(super) async fn put(&self, canary: &Canary) -> Result<CaseId, String> {
        let number = uuid::Uuid::now_v7().simple().to_string();
        let tenant = CANARIES.parse().map_err(|error| format!("{error}"))?;
        let request = OpenRequest {
            tenant,
            request: format!("canary-{number}").parse().map_err(|error| format!("{error}"))?,
            subject: format!(
                "TEST by Belay: can somebody be reached in {}? No customer waits",
                canary.queue
            ),
            kind: "belay.canary".to_owned(),
            severity: Some(canary.severity),
            customer: "nobody".to_owned(),
            channel: "belay".to_owned(),
            fingerprint: None,
            labels: vec![("canary".to_owned(), canary.queue.to_string())],
            context: Vec::new(),
            by: Actor::Program("belay-canary".to_owned()),
        };
        let terms = self.terms(canary);
        let opened = self.intake.open_under(request, Some(terms)).await;
        opened.map(|opened| opened.case.id.clone()).map_err(|error| error.to_string())
    }

    /// Waits until what is expected is shown; otherwise says why it was not.
    pub(super) async fn wait(&self, canary: &Canary, id: &CaseId) -> Result<(), String> {
        let clock = self.engine.clock();
        let until = after(clock.now(), canary.within);
        loop {
            if let Ok(Some(case)) = self.engine.case(id).await
                && let Some(found) = case.escalations.values().next()
            {
                match &found.stage {
                    _ if reached(found, canary.expect) => return Ok(()),
                    Stage::Exhausted { .. } | Stage::Resolved { .. } | Stage::Closed => {
                        return Err(self.why(id).await);
                    }
                    _ if until <= clock.now() => {
                        return Err(format!(
                            "{} was not shown within {:#}; it is {}",
                            canary.expect,
                            canary.within,
                            found.stage_name()
                        ));
                    }
                    _ => {}
                }
            } else if until <= clock.now() {
                return Err("the engine did not answer in time".to_owned());
            }
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    }

    /// What was shown of it, by its events.
    pub(super) async fn shown(&self, id: &CaseId) -> Shown {
        let mut shown = Shown::default();
        let mut begun: Option<Timestamp> = None;
        for (at, kind) in self.events(id).await {
            let begun = *begun.get_or_insert(at);
            let took = at.duration_since(begun);
            match kind {
                EventKind::TicketSeen { .. } => shown.seen = shown.seen.or(Some(took)),
                EventKind::TicketRouted { .. } => {
                    shown.seen = shown.seen.or(Some(took));
                    shown.routed = shown.routed.or(Some(took));
                }
                EventKind::EscalationAcknowledged { .. } => {
                    shown.seen = shown.seen.or(Some(took));
                    shown.routed = shown.routed.or(Some(took));
                    shown.acknowledged = shown.acknowledged.or(Some(took));
                }
                _ => {}
            }
        }
        shown
    }

    /// Why its one step was in vain.
    async fn why(&self, id: &CaseId) -> String {
        let events = self.events(id).await;
        let reason = events.into_iter().rev().find_map(|(_, kind)| match kind {
            EventKind::StepFailed { reason, .. } => Some(reason),
            _ => None,
        });
        reason.unwrap_or_else(|| "its ticket was closed".to_owned())
    }

    async fn events(&self, id: &CaseId) -> Vec<(Timestamp, EventKind)> {
        let stored = self.engine.journal().events_of(id.as_str(), 0, 10_000).await;
        let decoded = stored.unwrap_or_default().into_iter().filter_map(|one| decode(&one).ok());
        decoded.map(|event| (event.at, event.kind)).collect()
    }

    /// One step, as long as the canary may take, and no second round.
    fn terms(&self, canary: &Canary) -> CaseTerms {
        let playbook = self.playbooks.current();
        let within = canary.within;
        let (least, most) = READ_EVERY;
        let step = StepPlan {
            queue: canary.queue.clone(),
            place_within: within,
            reach_within: within,
            acknowledge_within: within,
            work_within: None,
            cover: Level::E4,
            freshness: FRESHNESS,
            look_every: (within / 20).clamp(least, most),
            decide_within: None,
            repeat: 0,
            hours: None,
            roster: Vec::new(),
            sweep: None,
        };
        CaseTerms {
            playbook: playbook.version(),
            severity: canary.severity,
            route: None,
            seek_within: Span::ZERO,
            offer_within: Span::ZERO,
            lease: Span::ZERO,
            bounces_max: 0,
            takeover: EscalationPlan {
                policy: "canary".to_owned(),
                steps: vec![step],
                backoff: Backoff { first: Span::from_hours(24), most: Span::from_hours(24) },
                resolutions: playbook.resolutions().clone(),
                calendars: Default::default(),
                exhausted: WhenExhausted::AlarmOnly,
            },
        }
    }
}

fn reached(found: &Escalation, expect: Level) -> bool {
    match &found.stage {
        Stage::Routed { .. } => expect <= Level::E3,
        Stage::Acknowledged { .. } => true,
        _ => false,
    }
}
