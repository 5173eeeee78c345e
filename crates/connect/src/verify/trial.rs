//! What the domain makes of a reading: a real case that depends on nothing but the test ticket.
//!
//! The verdict is the domain's own. The playbook of this case is as credulous as one can be: taking the ticket is
//! enough, and every resolution code that is shown counts.

use std::collections::BTreeMap;

use belay_domain::{
    Actor, AfterResolution, Backoff, Case, CaseId, CaseTerms, Command, Correlation, Coverage,
    Digest, EscalationPlan, EventKind, Holder, InvalidId, Level, Open, QueueRef, Reading,
    Rejection, RequestId, ResolutionCode, Severity, Span, Status, StepPlan, TenantId, TicketId,
    TicketReading, Timestamp, WhenExhausted, decided,
};

/// Longer than any verification takes, so that no deadline ends a trial.
const LONG: Span = Span::from_hours(24);

/// How old evidence may be.
const FRESHNESS: Span = Span::from_secs(60);

/// What a verification is about.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) case: CaseId,
    pub(super) queue: QueueRef,
    /// What the test ticket is found by: the only step of the only escalation of the case.
    pub(super) correlation: Correlation,
    tenant: TenantId,
    request: RequestId,
}

/// A case that is covered if, and only if, the readings prove it.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    case: Case,
    correlation: Correlation,
}

/// What the domain made of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// The case is covered, or done.
    Covered {
        /// By whom, or what was said to be done by whom.
        by: String,
    },
    /// It is not, and what was made of the reading.
    NotCovered {
        /// In words.
        why: String,
    },
}

impl Subject {
    pub(super) fn new(case: CaseId, queue: QueueRef) -> Result<Self, InvalidId> {
        Ok(Self {
            correlation: format!("{case}/e1/r1s1").parse()?,
            tenant: "belay-verify".parse()?,
            request: case.as_str().parse()?,
            case,
            queue,
        })
    }
}

impl Trial {
    /// A case for which this ticket was placed; as it asks nobody else, all its cover comes from there.
    pub(super) fn new(
        subject: &Subject,
        ticket: &TicketId,
        since: Timestamp,
    ) -> Result<Self, Rejection> {
        Self::believing(subject, ticket, since, BTreeMap::new())
    }

    fn believing(
        subject: &Subject,
        ticket: &TicketId,
        since: Timestamp,
        resolutions: BTreeMap<ResolutionCode, AfterResolution>,
    ) -> Result<Self, Rejection> {
        let open = Command::Open(Box::new(Open {
            tenant: subject.tenant.clone(),
            request: subject.request.clone(),
            subject: String::new(),
            kind: "belay.verify".to_owned(),
            customer: "nobody".to_owned(),
            channel: "belay".to_owned(),
            fingerprint: None,
            labels: Vec::new(),
            context: Vec::new(),
            by: Actor::Program("belay-verify".to_owned()),
            terms: terms(&subject.queue, resolutions),
        }));
        let (_, case) = decided(&Case::unopened(subject.case.clone()), &open, since)?;
        let correlation = subject.correlation.clone();
        let placed =
            Command::TicketPlaced { correlation: correlation.clone(), ticket: ticket.clone() };
        let (_, case) = decided(&case, &placed, since)?;
        Ok(Self { case, correlation })
    }

    /// What one reading proves to a case that has seen no other.
    pub(super) fn alone(
        subject: &Subject,
        ticket: &TicketId,
        reading: &Reading,
        (sent_at, now): (Timestamp, Timestamp),
    ) -> Result<Judged, Rejection> {
        let shown = match &reading.ticket {
            TicketReading::Present(facts) => facts.resolution.as_ref(),
            TicketReading::Missing | TicketReading::Unreadable { .. } => None,
        };
        let code = shown.and_then(|resolution| resolution.code.clone());
        let resolutions = code.into_iter().map(|code| (code, AfterResolution::Resolve)).collect();
        let mut trial = Self::believing(subject, ticket, sent_at, resolutions)?;
        trial.observe(reading, sent_at, now)
    }

    /// What a further reading makes of the case.
    pub(super) fn observe(
        &mut self,
        reading: &Reading,
        sent_at: Timestamp,
        now: Timestamp,
    ) -> Result<Judged, Rejection> {
        let observe = Command::Observe {
            correlation: self.correlation.clone(),
            reading: Box::new(reading.clone()),
            sent_at,
            together: 0,
        };
        let (events, case) = decided(&self.case, &observe, now)?;
        self.case = case;
        if let Status::Resolved { by, .. } = &self.case.status {
            return Ok(Judged::Covered { by: format!("{by}, who is said to have resolved it") });
        }
        if let Coverage::Covered(cover) = self.case.coverage(now) {
            let by = match cover.holder() {
                Holder::Agent { agent, .. } => agent.to_string(),
                Holder::Person { person, .. } => person.to_string(),
            };
            return Ok(Judged::Covered { by });
        }
        let why = events.into_iter().find_map(|event| match event.kind {
            EventKind::StepFailed { reason, .. } => Some(reason),
            EventKind::EscalationLapsed { doubt, .. } => Some(doubt.to_string()),
            EventKind::TicketUnread { detail, .. } => Some(detail),
            EventKind::TicketSeen { evidence, .. } | EventKind::TicketRouted { evidence, .. } => {
                Some(format!("no more than {} is shown", evidence.level()))
            }
            _ => None,
        });
        Ok(Judged::NotCovered {
            why: why.unwrap_or_else(|| "the last look showed nothing new".to_owned()),
        })
    }
}

fn terms(queue: &QueueRef, resolutions: BTreeMap<ResolutionCode, AfterResolution>) -> CaseTerms {
    let step = StepPlan {
        queue: queue.clone(),
        place_within: LONG,
        reach_within: LONG,
        acknowledge_within: LONG,
        work_within: None,
        cover: Level::E4,
        freshness: FRESHNESS,
        look_every: FRESHNESS,
        decide_within: None,
        repeat: 0,
        hours: None,
        roster: Vec::new(),
        sweep: None,
    };
    CaseTerms {
        playbook: Digest::of(b"belay connector verify"),
        severity: Severity::Low,
        route: None,
        seek_within: LONG,
        offer_within: LONG,
        lease: LONG,
        bounces_max: 0,
        takeover: EscalationPlan {
            policy: "verify".to_owned(),
            steps: vec![step],
            backoff: Backoff { first: LONG, most: LONG },
            resolutions,
            calendars: BTreeMap::new(),
            exhausted: WhenExhausted::AlarmOnly,
        },
    }
}
