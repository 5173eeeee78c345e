//! Who holds each open case and who is asked about it, by what its events say, one after the other.

use std::collections::{BTreeMap, HashMap, HashSet};

use belay_domain::{Span, Timestamp};
use belay_journal::StoredEvent;

use super::judging::What;
use super::reading::{Fields, Shown, TELLING};
use crate::canary::CANARIES;

/// Older evidence than this is never believed.
const FRESHNESS_MAX: Span = Span::from_secs(300);

/// Wrongs of the past that are kept; one is enough to look into it.
const WRONGS_MAX: usize = 100;

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    position: u64,
    latest: Option<Timestamp>,
    pub(super) open: HashMap<String, Open>,
    /// Which case took over what was reported to which.
    absorbed: HashSet<(String, String)>,
    /// What was wrong with events themselves. It stays wrong.
    pub(super) wrongs: Vec<(String, What)>,
}

/// An open case.
#[derive(Debug)]
pub(super) struct Open {
    /// When it last changed.
    pub(super) since: Timestamp,
    /// It is one of our own, put there to probe a queue.
    pub(super) canary: bool,
    lease: Option<Span>,
    pub(super) holder: Option<Holder>,
    pub(super) offered: Option<Timestamp>,
    pub(super) sought: Option<Timestamp>,
    pub(super) asked: BTreeMap<String, Asked>,
    pub(super) raised: bool,
}

/// Who holds a case, and until when that stands.
#[derive(Debug)]
pub(super) enum Holder {
    Agent { until: Timestamp },
    Person { escalation: String, fresh: Timestamp, work: Option<Timestamp> },
}

/// An escalation that is not over.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// It asks people to take the case, not to decide on an action.
    takeover: bool,
    /// When its step is over.
    pub(super) step: Option<Timestamp>,
    /// When it begins again.
    pub(super) again: Option<Timestamp>,
}

impl Asked {
    /// Until when somebody is being asked to take the case.
    pub(super) fn takes_over_until(&self) -> Option<Timestamp> {
        self.step.filter(|_| self.takeover)
    }

    fn step(&mut self, until: Option<Timestamp>) {
        (self.step, self.again) = (until, None);
    }

    fn rest(&mut self, again: Option<Timestamp>) {
        (self.step, self.again) = (None, again);
    }
}

impl Holder {
    pub(super) fn until(&self) -> Timestamp {
        match self {
            Self::Agent { until } => *until,
            Self::Person { fresh, work, .. } => work.map_or(*fresh, |work| work.min(*fresh)),
        }
    }

    fn is_by(&self, escalation: &str) -> bool {
        matches!(self, Self::Person { escalation: own, .. } if own == escalation)
    }
}

impl Known {
    /// The position of the last event that was read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The latest moment that was read.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// One more event.
    pub(super) fn hear(&mut self, event: &StoredEvent) {
        if event.position != self.position + 1 {
            let what = What::Hole { from: self.position + 1, to: event.position - 1 };
            self.wrong(&event.case, what);
        }
        self.position = event.position;
        self.latest = self.latest.max(Some(event.at));
        let kind = event.kind.as_str();
        if TELLING.binary_search(&kind).is_err() {
            return;
        }
        match serde_json::from_slice(&event.body) {
            Ok(fields) => self.learn(event, kind, fields),
            Err(_) => {
                self.wrong(&event.case, What::Unreadable { kind: kind.to_owned() });
            }
        }
    }

    fn learn(&mut self, event: &StoredEvent, kind: &str, fields: Fields) {
        let at = event.at;
        match kind {
            "case_opened" => {
                let opened = Open {
                    since: at,
                    canary: event.tenant == CANARIES,
                    lease: fields.terms.lease,
                    holder: None,
                    offered: None,
                    sought: None,
                    asked: BTreeMap::new(),
                    raised: false,
                };
                self.open.insert(event.case.clone(), opened);
                return;
            }
            "case_resolved" => {
                self.open.remove(&event.case);
                return;
            }
            "case_absorbed" => {
                if let Some(from) = fields.from.as_str() {
                    self.absorbed.insert((event.case.clone(), from.to_owned()));
                }
                return;
            }
            // It is over only if the other took over what was reported to it, and is not merged away itself.
            "case_merged" => {
                self.open.remove(&event.case);
                let taken = self.absorbed.contains(&(fields.into.clone(), event.case.clone()));
                let took_over = self.absorbed.iter().any(|(taker, _)| *taker == event.case);
                if !taken || took_over {
                    self.wrong(&event.case, What::MergedAway { into: fields.into });
                }
                return;
            }
            _ => {}
        }
        let Some(case) = self.open.get_mut(&event.case) else { return };
        if let Some(what) = case.learn(kind, at, fields) {
            self.wrong(&event.case, what);
        }
    }

    fn wrong(&mut self, case: &str, what: What) {
        if self.wrongs.len() < WRONGS_MAX {
            self.wrongs.push((case.to_owned(), what));
        }
    }
}

impl Open {
    /// What an event says of the case; what is wrong with it, if something is.
    fn learn(&mut self, kind: &str, at: Timestamp, fields: Fields) -> Option<What> {
        self.since = at;
        match kind {
            "coverage_raised" => self.raised = true,
            "coverage_lowered" => self.raised = false,

            "routing_started" => self.sought = fields.routing.map(|routing| routing.until),
            "routing_ended" => (self.sought, self.offered) = (None, None),
            "handoff_offered" => self.offered = fields.until,
            "handoff_declined" | "handoff_lapsed" => self.offered = None,
            "handoff_accepted" => {
                (self.sought, self.offered) = (None, None);
                return self.lease(at, fields.lease_until);
            }
            "lease_renewed" => return self.lease(at, fields.lease_until),
            "lease_expired" | "case_released" | "case_returned" => self.holder = None,

            "escalation_opened" => {
                let takeover = fields.purpose.get("takeover").is_some();
                let asked = Asked { takeover, ..Asked::default() };
                self.asked.insert(fields.escalation, asked);
            }
            "step_started" | "ticket_placed" | "ticket_seen" | "ticket_routed" => {
                self.asked(&fields.escalation, |asked| asked.step(fields.until));
            }
            "step_failed" | "step_skipped" => {
                self.asked(&fields.escalation, |asked| asked.rest(None));
            }
            "step_deferred" => self.asked(&fields.escalation, |asked| asked.rest(fields.until)),
            "escalation_exhausted" => {
                self.asked(&fields.escalation, |asked| asked.rest(fields.retry_at));
            }
            "escalation_lapsed" => {
                self.asked(&fields.escalation, |asked| asked.rest(None));
                self.holder.take_if(|holder| holder.is_by(&fields.escalation));
            }
            "escalation_resolved" | "escalation_closed" => {
                self.asked.remove(&fields.escalation);
                self.holder.take_if(|holder| holder.is_by(&fields.escalation));
            }
            "escalation_acknowledged" => return self.acknowledged(at, fields),
            "evidence_renewed" => {
                let holder = self.holder.take_if(|holder| holder.is_by(&fields.escalation));
                let Some(Holder::Person { work, .. }) = holder else { return None };
                // What people have to do counts from their last work on.
                let work = if fields.worked { fields.work_until } else { work };
                return self.taken(at, &fields, work, None);
            }
            _ => {}
        }
        None
    }

    fn asked(&mut self, escalation: &str, with: impl FnOnce(&mut Asked)) {
        with(self.asked.entry(escalation.to_owned()).or_default());
    }

    /// An agent holds it. No longer than it was promised.
    fn lease(&mut self, at: Timestamp, until: Option<Timestamp>) -> Option<What> {
        let until = until?;
        let allowed = self.lease.is_none_or(|lease| until.duration_since(at) <= lease);
        self.holder = allowed.then_some(Holder::Agent { until });
        (!allowed).then_some(What::LongLease { until })
    }

    fn acknowledged(&mut self, at: Timestamp, fields: Fields) -> Option<What> {
        self.asked(&fields.escalation, |asked| asked.rest(None));
        // Without an epoch the person took a decision upon them, not the case.
        fields.epoch?;
        (self.sought, self.offered) = (None, None);
        self.taken(at, &fields, fields.work_until, Some(&fields.by))
    }

    /// A person holds it, if what was shown says so.
    fn taken(
        &mut self,
        at: Timestamp,
        fields: &Fields,
        work: Option<Timestamp>,
        by: Option<&str>,
    ) -> Option<What> {
        self.holder = None;
        let Some(shown) = &fields.evidence else { return Some(What::Unproven) };
        let doubt = doubt(shown, at, by);
        if doubt.is_none() {
            let (escalation, fresh) = (fields.escalation.clone(), shown.valid_until);
            self.holder = Some(Holder::Person { escalation, fresh, work });
        }
        doubt
    }
}

/// What speaks against evidence being what it says.
fn doubt(shown: &Shown, at: Timestamp, by: Option<&str>) -> Option<What> {
    if !matches!(shown.level.as_str(), "E4" | "E5" | "E6") || shown.actor.is_none() {
        return Some(What::Unproven);
    }
    if by.is_some_and(|by| shown.actor.as_deref() != Some(by)) {
        return Some(What::Unproven);
    }
    if shown.sent_at > at {
        return Some(What::FromTheFuture { sent_at: shown.sent_at });
    }
    let believed = shown.valid_until.duration_since(shown.sent_at);
    (believed > FRESHNESS_MAX).then_some(What::LongEvidence { until: shown.valid_until })
}
