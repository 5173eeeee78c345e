//! The playbook of the stories: two human queues, short deadlines, one contract with switches.

use std::collections::BTreeMap;

use belay_domain::{
    AfterResolution, ApprovalTerms, Backoff, Basis, Calendar, CaseTerms, ContractTerms, Digest,
    EscalationPlan, Executor, Hours, Level, OutsideHours, QueueRef, Reason, Rostered, Rule, Ruling,
    Severity, Span, StepHours, StepPlan, Target, TicketApprover, Timestamp, UsedUp, Verdict,
    WhenExhausted,
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
        decide_within: None,
        repeat: 0,
        hours: None,
        roster: Vec::new(),
        sweep: None,
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
        calendars: BTreeMap::new(),
        exhausted: WhenExhausted::StartOver,
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
            groups: if has("nogroups") { vec![] } else { vec![id("leads")] },
            excluded: vec![id("owner-of-A")],
            decide_within: Span::from_secs(100),
            ask: {
                let mut plan = asking();
                if has("noway") {
                    plan.steps.clear();
                }
                for step in &mut plan.steps {
                    step.decide_within = number("decide").map(|s| Span::from_secs(s.into()));
                }
                plan
            },
            in_ticket: if has("ticket") { in_ticket() } else { vec![] },
            reasons: if has("coded") { vec![id("goodwill"), id("no-proof")] } else { vec![] },
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
        basis: has("basis").then(|| Box::new(basis())),
    }
}

/// What else a verdict was made from.
fn basis() -> Basis {
    Basis {
        at: Timestamp::UNIX_EPOCH,
        outside_text: true,
        duplicate: Some(id("c-0/a1")),
        used: vec![UsedUp { key: "acme/pay/day/customer:c".to_owned(), minor: 100, count: 2 }],
        reads: Some(r#"{"charge":{"":{"found":{"paid":100}}}}"#.to_owned()),
        demoted: Some("diverged too often".to_owned()),
    }
}

/// Who may decide on a ticket: accounts end in `@itsm`. `out` is in no group that decides.
fn in_ticket() -> Vec<TicketApprover> {
    let approver = |person: &str| TicketApprover {
        system: id("itsm"),
        account: id(&format!("{person}@itsm")),
        person: id(person),
        groups: if person == "out" { vec![] } else { vec![id("leads")] },
    };
    let mut all: Vec<_> = ["lea", "leo", "opal", "owner-of-A", "out"].map(approver).into();
    all.push(TicketApprover { account: id("lea-admin@itsm"), ..approver("lea") });
    all.push(TicketApprover { system: id("chat"), account: id("lia@chat"), ..approver("lia") });
    all
}

/// What the words of a story change about a plan: `hours=skip|wait|short` for the first step, which may be asked from
/// 100 s on, `repeat=2`, `roster=ann` on shift from 100 s on, `then=alarm|raise`.
pub(crate) fn plan(words: &[&str], mut plan: EscalationPlan) -> EscalationPlan {
    let value = |name: &str| {
        words
            .iter()
            .find_map(|word| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
    };
    // The stories start on a Tuesday at 22:13:20; this opens 100 s later.
    let late = Calendar {
        zone: "UTC".to_owned(),
        offsets: vec![],
        hours: vec![Hours { day: 2, from: 22 * 60 + 15, to: 24 * 60 }],
        closed: vec![],
    };
    if let Some(hours) = value("hours") {
        let outside = match hours {
            "wait" => OutsideHours::Wait { at_most: Span::from_hours(24) },
            "short" => OutsideHours::Wait { at_most: Span::from_secs(40) },
            _ => OutsideHours::Skip,
        };
        plan.calendars.insert("late".to_owned(), late.clone());
        plan.steps[0].hours = Some(StepHours { calendar: "late".to_owned(), outside });
    }
    if let Some(person) = value("roster") {
        plan.calendars.insert("late".to_owned(), late);
        let during = vec!["late".to_owned()];
        plan.steps[0].roster = vec![Rostered { person: id(person), during }];
    }
    if let Some(times) = value("repeat") {
        plan.steps[0].repeat = times.parse().expect("a number");
    }
    plan.exhausted = match value("then") {
        Some("alarm") => WhenExhausted::AlarmOnly,
        Some("raise") => {
            let mut urgent = asking();
            urgent.policy = "urgent".to_owned();
            urgent.steps.reverse();
            WhenExhausted::Raise { severity: Severity::Critical, plan: Box::new(urgent) }
        }
        _ => WhenExhausted::StartOver,
    };
    plan
}
