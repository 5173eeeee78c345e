//! The playbook of the model, in seconds, and the same for the real one.

use std::collections::BTreeMap;

use belay_domain::{
    AfterResolution, ApprovalTerms, Backoff, CaseTerms, ContractTerms, Digest, EscalationPlan,
    Executor, Level, QueueRef, Reason, Rule, Severity, Span, StepPlan, Target, Timestamp, Verdict,
    WhenExhausted,
};

use crate::moves::Ruling;

pub(crate) const SEEK: i64 = 10;
pub(crate) const OFFER: i64 = 5;
pub(crate) const LEASE: i64 = 15;
pub(crate) const BOUNCES: usize = 2;
pub(crate) const PLACE: i64 = 10;
pub(crate) const REACH: i64 = 9;
pub(crate) const ACKNOWLEDGE: i64 = 30;
pub(crate) const WORK: i64 = 25;
pub(crate) const FRESH: i64 = 20;
pub(crate) const ROUND: (i64, i64) = (60, 240);
pub(crate) const STEPS: usize = 2;
pub(crate) const ASSESS: i64 = 7;
pub(crate) const PERMIT: i64 = 5;
pub(crate) const PERMITS: usize = 5;
pub(crate) const OUTCOME: i64 = 11;
pub(crate) const SETTLE: i64 = 4;
pub(crate) const VERIFY: i64 = 21;
pub(crate) const COMPARE: i64 = 13;
pub(crate) const ATTEMPTS: u32 = 2;
pub(crate) const RETRY: (i64, i64) = (1, 4);
pub(crate) const DECIDE: i64 = 70;
/// The only reason for a no where one is needed.
pub(crate) const REASON: &str = "no-proof";
pub(crate) const QUESTIONS: usize = 8;

/// How long to wait after so many failures: twice as long each time, up to a limit.
pub(crate) fn backoff((first, most): (i64, i64), failures: u32) -> i64 {
    (1..failures).fold(first, |wait, _| wait * 2).min(most)
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("a moment")
}

pub(crate) fn seconds(moment: Timestamp) -> i64 {
    moment.as_second() - 1_700_000_000
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a well-formed id")
}

fn span(seconds: i64) -> Span {
    Span::from_secs(seconds)
}

pub(crate) fn queue(index: usize) -> &'static str {
    ["first", "second"][index % STEPS]
}

fn ladder(work: bool, worked: bool) -> EscalationPlan {
    let step = |index| StepPlan {
        queue: QueueRef { system: id("itsm"), queue: id(queue(index)) },
        place_within: span(PLACE),
        reach_within: span(REACH),
        acknowledge_within: span(ACKNOWLEDGE),
        work_within: work.then(|| span(WORK)),
        cover: if worked { Level::E5 } else { Level::E4 },
        freshness: span(FRESH),
        look_every: span(5),
        decide_within: None,
        repeat: 0,
        hours: None,
        roster: Vec::new(),
        sweep: None,
    };
    EscalationPlan {
        policy: "ladder".to_owned(),
        steps: (0..STEPS).map(step).collect(),
        backoff: Backoff { first: span(ROUND.0), most: span(ROUND.1) },
        resolutions: BTreeMap::from([
            (id("solved"), AfterResolution::Resolve),
            (id("back"), AfterResolution::Return(Target::Role(id("returns")))),
        ]),
        calendars: BTreeMap::new(),
        exhausted: WhenExhausted::StartOver,
    }
}

pub(crate) fn case_terms(for_people: bool, work: bool, worked: bool) -> CaseTerms {
    CaseTerms {
        playbook: playbook(false),
        severity: Severity::Normal,
        route: (!for_people).then(|| Target::Role(id("billing"))),
        seek_within: span(SEEK),
        offer_within: span(OFFER),
        lease: span(LEASE),
        bounces_max: BOUNCES as u32,
        takeover: ladder(work, worked),
    }
}

/// The version of the playbook: the one that verdicts are of, or the one after it.
pub(crate) fn playbook(newer: bool) -> Digest {
    Digest::of(if newer { b"newer" } else { b"older" })
}

pub(crate) fn verdict(ruling: Ruling, input: u8) -> Verdict {
    let terms = ContractTerms {
        contract: id("refund@1"),
        live: !ruling.shadow,
        executor: if ruling.by_us { Executor::Supervisor } else { Executor::Agent },
        tier: if ruling.risky { 2 } else { 1 },
        key: id(&format!("k{input}")),
        amount: None,
        permit_within: span(PERMIT),
        outcome_within: span(OUTCOME),
        settle_within: span(SETTLE),
        verify_within: span(VERIFY),
        attempts_max: ATTEMPTS,
        backoff: Backoff { first: span(RETRY.0), most: span(RETRY.1) },
        compensable: ruling.undoable || ruling.undo,
        undo_divergence: ruling.undo,
    };
    let denied = || Reason {
        rule: Rule::Boundary,
        name: "agents".to_owned(),
        field: String::new(),
        detail: "not yours".to_owned(),
    };
    let reasons = if ruling.coded { vec![id(REASON)] } else { vec![] };
    let asked = |quorum| ApprovalTerms {
        quorum,
        groups: vec![id("leads")],
        excluded: vec![id("owner-of-A")],
        decide_within: span(DECIDE),
        ask: ladder(false, false),
        in_ticket: vec![],
        reasons,
    };
    Verdict {
        playbook: playbook(ruling.newer),
        boundary: Some(id("billing")),
        policies: vec![id("default")],
        input: format!("{{{input}}}"),
        snapshot: None,
        shown: "a payment".to_owned(),
        terms: Some(terms),
        ruling: match ruling.ask {
            _ if ruling.deny => belay_domain::Ruling::Deny(vec![denied()]),
            0 => belay_domain::Ruling::Allow,
            quorum => belay_domain::Ruling::Ask(Box::new(asked(quorum))),
        },
        basis: None,
    }
}
