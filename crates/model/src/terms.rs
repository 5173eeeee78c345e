//! The playbook of the model. Every deadline is a few ticks, so that few steps of the clock explore every order in
//! which they can run out.

use std::collections::BTreeMap;

use belay_domain::{
    Actor, AfterResolution, ApprovalTerms, Backoff, CaseTerms, Command, ContractTerms, Digest,
    EscalationPlan, Executor, Level, NewEntry, Open, Provenance, QueueRef, Ruling, Severity,
    Source, Span, StepPlan, Target, Timestamp, Verdict, WhenExhausted, after,
};

use crate::names::id;
use crate::setting::Setting;

/// How long evidence stays fresh, in ticks (`F`).
pub(crate) const FRESH: u8 = 2;
/// How long a lease runs, in ticks.
pub(crate) const LEASE: u8 = 2;
/// How often the case may go between the same two agents.
pub(crate) const BOUNCES: u32 = 2;
/// How long an executor may take to begin, in ticks.
pub(crate) const OUTCOME: u8 = 1;
/// How long an effect may take to show, in ticks.
pub(crate) const SETTLE: u8 = 2;

/// The span of some ticks. A tick is ten seconds, so that the lower bounds of the domain are not in the way.
fn ticks(count: u8) -> Span {
    Span::from_secs(10 * i64::from(count))
}

/// A moment of the model.
pub(crate) fn at(tick: u8) -> Timestamp {
    after(Timestamp::UNIX_EPOCH, Span::from_secs(1_700_000_000) + ticks(tick))
}

/// The tick of a moment.
pub(crate) fn tick_of(moment: Timestamp) -> u8 {
    u8::try_from((moment.as_second() - 1_700_000_000) / 10).unwrap_or(u8::MAX)
}

fn step(queue: &str) -> StepPlan {
    StepPlan {
        queue: QueueRef { system: id("itsm"), queue: id(queue) },
        place_within: ticks(1),
        reach_within: ticks(1),
        acknowledge_within: ticks(2),
        work_within: None,
        cover: Level::E4,
        freshness: ticks(FRESH),
        look_every: ticks(1),
        decide_within: None,
        repeat: 0,
        hours: None,
        roster: Vec::new(),
        sweep: None,
    }
}

fn asking(steps: usize) -> EscalationPlan {
    EscalationPlan {
        policy: "ladder".to_owned(),
        steps: ["first", "second"].into_iter().take(steps).map(step).collect(),
        backoff: Backoff { first: ticks(1), most: ticks(2) },
        resolutions: BTreeMap::from([
            (id("solved"), AfterResolution::Resolve),
            (id("back"), AfterResolution::Return(Target::Role(id("billing")))),
        ]),
        calendars: BTreeMap::new(),
        exhausted: WhenExhausted::StartOver,
    }
}

fn case_terms(setting: &Setting) -> CaseTerms {
    CaseTerms {
        playbook: playbook(false),
        severity: Severity::Normal,
        route: setting.agents.then(|| Target::Role(id("billing"))),
        seek_within: ticks(2),
        offer_within: ticks(1),
        lease: ticks(LEASE),
        bounces_max: BOUNCES,
        takeover: asking(setting.steps),
    }
}

/// The version of the playbook before or after it was changed.
pub(crate) fn playbook(reloaded: bool) -> Digest {
    Digest::of(if reloaded { b"later playbook" } else { b"playbook" })
}

/// Something that becomes known.
pub(crate) fn entry(body: &str) -> NewEntry {
    NewEntry {
        kind: "fact".to_owned(),
        body: body.to_owned(),
        provenance: Provenance { source: Source::Customer, reference: "mail".to_owned() },
    }
}

/// The customer opens the case.
pub(crate) fn open(setting: &Setting) -> Command {
    Command::Open(Box::new(Open {
        tenant: id("acme"),
        request: id("q1"),
        subject: "charged twice".to_owned(),
        kind: "billing".to_owned(),
        customer: "carl".to_owned(),
        channel: "chat".to_owned(),
        fingerprint: None,
        labels: vec![],
        context: vec![entry("charged twice")],
        by: Actor::Program("intake".to_owned()),
        terms: case_terms(setting),
    }))
}

/// What the playbook says about an input: a small one may go ahead, for a large one people are asked.
pub(crate) fn verdict(setting: &Setting, input: &str, reloaded: bool) -> Verdict {
    let large = input != "small";
    let terms = ContractTerms {
        contract: id("refund@1"),
        live: true,
        executor: if setting.by_supervisor { Executor::Supervisor } else { Executor::Agent },
        tier: if large { 2 } else { 1 },
        key: id("k"),
        amount: None,
        permit_within: ticks(1),
        outcome_within: ticks(OUTCOME),
        settle_within: ticks(SETTLE),
        verify_within: ticks(1),
        attempts_max: 2,
        backoff: Backoff { first: ticks(1), most: ticks(1) },
        compensable: true,
        undo_divergence: setting.undo,
    };
    let ruling = if large {
        Ruling::Ask(Box::new(ApprovalTerms {
            quorum: setting.quorum,
            groups: vec![id("leads")],
            excluded: vec![id("owner-of-A")],
            decide_within: ticks(2),
            ask: asking(1),
            in_ticket: vec![],
            reasons: vec![],
        }))
    } else {
        Ruling::Allow
    };
    Verdict {
        playbook: playbook(reloaded),
        boundary: Some(id("billing")),
        policies: vec![id("default")],
        input: input.to_owned(),
        snapshot: None,
        shown: format!("a payment: {input}"),
        terms: Some(terms),
        ruling,
        basis: None,
    }
}
