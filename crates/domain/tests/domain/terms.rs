//! The playbook of the stories: two human queues, short deadlines, one contract with switches.

use std::collections::BTreeMap;

use belay_domain::{
    AfterResolution, ApprovalTerms, Backoff, CaseTerms, ContractTerms, Digest, EscalationPlan,
    Executor, Level, QueueRef, Reason, Rule, Ruling, Severity, Span, StepPlan, Target, Timestamp,
    Verdict,
};

/// The moment at which every story starts.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("a moment")
}

/// A moment of a story, in seconds since its start.
pub(crate) fn at(seconds: i64) -> Timestamp {
    belay_domain::after(start(), Span::from_secs(seconds))
}

/// The seconds since the start.
pub(crate) fn seconds(moment: Timestamp) -> i64 {
    moment.as_second() - start().as_second()
}

/// An id from a text that is known to be one.
pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a well-formed id")
}

/// The certificate of an agent.
pub(crate) fn key(agent: &str) -> Digest {
    Digest::of(agent.as_bytes())
}

/// What a step of the stories asks: 10 s to place, 10 s to reach, 30 s to take, fresh for 20 s.
pub(crate) fn step(queue: &str) -> StepPlan {
    StepPlan {
        queue: QueueRef { system: id("itsm"), queue: id(queue) },
        place_within: Span::from_secs(10),
        reach_within: Span::from_secs(10),
        acknowledge_within: Span::from_secs(30),
        work_within: None,
        cover: Level::E4,
        freshness: Span::from_secs(20),
        look_every: Span::from_secs(5),
    }
}

/// Asks `first`, then `second`; starts over after 60 s.
pub(crate) fn asking() -> EscalationPlan {
    EscalationPlan {
        policy: "ladder".to_owned(),
        steps: vec![step("first"), step("second")],
        backoff: Backoff { first: Span::from_secs(60), most: Span::from_secs(240) },
        resolutions: BTreeMap::from([
            (id("solved"), AfterResolution::Resolve),
            (id("back"), AfterResolution::Return(Target::Role(id("billing")))),
        ]),
    }
}

/// 10 s to find an agent, 5 s to answer an offer, 15 s of lease.
pub(crate) fn case_terms() -> CaseTerms {
    CaseTerms {
        playbook: Digest::of(b"playbook"),
        severity: Severity::Normal,
        route: Some(Target::Role(id("billing"))),
        seek_within: Span::from_secs(10),
        offer_within: Span::from_secs(5),
        lease: Span::from_secs(15),
        bounces_max: 2,
        takeover: asking(),
    }
}

/// A verdict, switched by words: `tier=2 ask=2 by=supervisor key=k shadow deny undoable undo attempts=1`.
pub(crate) fn verdict(words: &[&str], input: &str) -> Verdict {
    let has = |word: &str| words.contains(&word);
    let value = |name: &str| {
        words
            .iter()
            .find_map(|word| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    let number = |name: &str| value(name).map(|text| text.parse::<u32>().expect("a number"));
    let terms = ContractTerms {
        contract: id("refund@1"),
        live: !has("shadow"),
        executor: if value("by") == Some("supervisor") {
            Executor::Supervisor
        } else {
            Executor::Agent
        },
        tier: number("tier").unwrap_or(1) as u8,
        key: id(value("key").unwrap_or(if input.is_empty() { "none" } else { input.trim() })),
        amount: None,
        permit_within: Span::from_secs(5),
        outcome_within: Span::from_secs(10),
        settle_within: Span::from_secs(5),
        verify_within: Span::from_secs(20),
        attempts_max: number("attempts").unwrap_or(3),
        backoff: Backoff { first: Span::from_secs(1), most: Span::from_secs(4) },
        compensable: has("undoable") || has("undo"),
        undo_divergence: has("undo"),
    };
    let ruling = if has("deny") {
        Ruling::Deny(vec![Reason {
            rule: Rule::Boundary,
            name: "agents".to_owned(),
            field: String::new(),
            detail: "not yours".to_owned(),
        }])
    } else if let Some(quorum) = number("ask") {
        Ruling::Ask(Box::new(ApprovalTerms {
            quorum,
            groups: vec![id("leads")],
            excluded: vec![id("owner-of-A")],
            decide_within: Span::from_secs(100),
            ask: asking(),
        }))
    } else {
        Ruling::Allow
    };
    Verdict {
        playbook: Digest::of(b"playbook"),
        boundary: Some(id("billing")),
        policies: vec![id("default")],
        input: input.replace(' ', ""),
        snapshot: value("seen").map(ToOwned::to_owned),
        shown: value("shown").unwrap_or("a payment").to_owned(),
        terms: (!has("unknown")).then_some(terms),
        ruling,
    }
}
