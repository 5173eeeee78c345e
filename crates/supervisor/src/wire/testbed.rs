//! A case that lives through everything, for tests of what is shown of it.

use belay_domain::{
    Act, ActKind, Action, Actor, ActorKind, AfterResolution, ApprovalTerms, Backoff, Case,
    CaseTerms, Command, ContractTerms, Digest, EscalationPlan, Event, Executor, Level, Money,
    NewEntry, Open, Outcome, Proposal, Provenance, QueueFacts, QueueRef, ReadBack, Reading, Reason,
    Rule, Ruling, Severity, Source, Span, StaffMember, Standing, StepPlan, Target, TicketActor,
    TicketFacts, TicketReading, TicketResolution, Timestamp, Verdict, VotesChoice, WhenExhausted,
    apply, decide,
};
use belay_journal::{Hash, StoredEvent};

/// A case, its events, and the time.
pub(crate) struct Story {
    pub(crate) case: Case,
    pub(crate) events: Vec<Event>,
    pub(crate) now: Timestamp,
}

/// An id of whatever kind.
pub(crate) fn id<T: std::str::FromStr<Err = belay_domain::InvalidId>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The key of the agent's certificate.
pub(crate) fn key() -> Digest {
    Digest::of(b"certificate")
}

impl Story {
    /// A case that was opened by a person and is meant for billing.
    pub(crate) fn opened() -> Self {
        let now: Timestamp = "2026-05-04T08:00:00Z".parse().unwrap();
        let case = Case::unopened(id("c-0123456789abcdef"));
        let mut story = Self { case, events: Vec::new(), now };
        story.tell(Command::Open(Box::new(open())));
        story
    }

    /// The same, held by the agent `billing-1`.
    pub(crate) fn held() -> Self {
        let mut story = Self::opened();
        story.tell(Command::Offer { to: id("billing-1") });
        let handoff = story.case.offer.as_ref().unwrap().handoff.clone();
        let context = story.case.context.digest();
        story.tell(Command::Accept { agent: id("billing-1"), key: key(), handoff, context });
        story
    }

    /// The same, with an action on which people are asked.
    pub(crate) fn asking() -> Self {
        let mut story = Self::held();
        story.propose("p1", Some(Ruling::Ask(Box::new(approval_terms()))));
        story
    }

    /// The same, with an agent's case that people are asked to take: the ticket is seen and somebody is there.
    pub(crate) fn escalated() -> Self {
        let mut story = Self::held();
        let by = Actor::Agent { agent: id("billing-1"), epoch: story.case.epoch };
        let reason = "the customer is angry".to_owned();
        story.tell(Command::RequestEscalation { by, reason, plan: None });
        let correlation = story.step();
        story.tell(Command::TicketPlaced { correlation, ticket: id("desk-1") });
        story.look(None, None);
        story
    }

    /// The same, taken by `ana`.
    pub(crate) fn taken() -> Self {
        let mut story = Self::escalated();
        story.look(Some("ana"), None);
        story
    }

    /// Gives the case a command; it has to be accepted.
    pub(crate) fn tell(&mut self, command: Command) -> &mut Self {
        let events = decide(&self.case, &command, self.now).unwrap();
        for event in events {
            apply(&mut self.case, &event);
            self.events.push(event);
        }
        self
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, seconds: i64) -> &mut Self {
        self.now += Span::from_secs(seconds);
        self.tell(Command::Tick)
    }

    /// The agent that holds the case proposes a refund.
    pub(crate) fn propose(&mut self, number: &str, ruling: Option<Ruling>) -> &mut Self {
        let proposal = Proposal {
            agent: id("billing-1"),
            epoch: self.case.epoch,
            proposal: id(number),
            contract: id("refund@2"),
            input: input(number),
            provenance: vec![(String::new(), said_by(Source::SystemOfRecord, "erp"))],
            plan: Some(id("make-good")),
            justification: "please believe me".to_owned(),
            assess_until: self.now + Span::from_secs(30),
            verdict: ruling.map(|ruling| Box::new(verdict(number, ruling))),
        };
        self.tell(Command::Propose(Box::new(proposal)))
    }

    /// The only action.
    pub(crate) fn action(&self) -> &Action {
        self.case.actions.values().next().unwrap()
    }

    /// A person approves the only action.
    pub(crate) fn approve(&mut self, person: &str) -> &mut Self {
        let choice = VotesChoice::Approve { note: format!("fine by {person}") };
        self.decide(person, choice)
    }

    /// A person decides on the only action.
    pub(crate) fn decide(&mut self, person: &str, choice: VotesChoice) -> &mut Self {
        let belay_domain::ActionStage::AwaitingApproval(asked) = &self.action().stage else {
            panic!("nobody is asked")
        };
        let (action, shown) = (self.action().id.clone(), asked.binding);
        let (person, groups) = (id(person), vec![id("leads")]);
        self.tell(Command::DecideApproval { action, person, groups, shown, choice })
    }

    /// The supervisor carries the only action out and reads it back.
    pub(crate) fn carry_out(&mut self, shown: ReadBack) -> &mut Self {
        let (action, attempt) = (self.action().id.clone(), self.action().attempts);
        let outcome = Outcome::Executed { output: r#"{"id":7}"#.to_owned() };
        let report =
            Command::ReportOutcome { agent: None, action: action.clone(), attempt, outcome };
        self.tell(report);
        self.now += Span::from_secs(60);
        let sent_at = self.now;
        self.tell(Command::Verify { action, attempt, shown, sent_at })
    }

    /// The step that is being taken by the open takeover.
    pub(crate) fn step(&self) -> belay_domain::Correlation {
        self.case.takeover().unwrap().step.correlation.clone()
    }

    /// A look at the ticket of the takeover, with this holder, perhaps closed with a code.
    pub(crate) fn look(&mut self, holder: Option<&str>, code: Option<&str>) -> &mut Self {
        self.now += Span::from_secs(1);
        let correlation = self.step();
        let facts = TicketFacts {
            ticket: id("desk-1"),
            case: Some(self.case.id.clone()),
            correlation: Some(correlation.clone()),
            queue: id("second-level"),
            standing: if code.is_some() { Standing::Resolved } else { Standing::Open },
            revision: self.case.seq,
            holder: holder.map(actor),
            acts: holder
                .map(|holder| Act { actor: actor(holder), kind: ActKind::Took })
                .into_iter()
                .collect(),
            resolution: code.map(|code| TicketResolution {
                actor: holder.map(actor),
                code: Some(id(code)),
                note: "called them back".to_owned(),
                links: Vec::new(),
            }),
        };
        let reading =
            Reading { ticket: TicketReading::Present(Box::new(facts)), queue: Some(queue()) };
        let observe = Command::Observe {
            correlation,
            reading: Box::new(reading),
            sent_at: self.now,
            together: 0,
        };
        self.tell(observe)
    }

    /// The events as the journal holds them.
    pub(crate) fn stored(&self) -> Vec<StoredEvent> {
        (1_u64..)
            .zip(&self.events)
            .map(|(seq, event)| StoredEvent {
                position: seq + 100,
                tenant: "acme".to_owned(),
                case: self.case.id.to_string(),
                seq,
                kind: event.kind.name().to_owned(),
                at: event.at,
                body: serde_json::to_vec(event).unwrap(),
                hash: Hash::NONE,
            })
            .collect()
    }
}

fn open() -> Open {
    Open {
        tenant: id("acme"),
        request: id("r-1"),
        subject: "charged twice".to_owned(),
        kind: "refund".to_owned(),
        customer: "k-7".to_owned(),
        channel: "mail".to_owned(),
        fingerprint: Some(Digest::of(b"matter")),
        labels: vec![("shop".to_owned(), "north".to_owned())],
        context: vec![NewEntry {
            kind: "message".to_owned(),
            body: "you charged me twice".to_owned(),
            provenance: said_by(Source::Customer, "mail-1"),
        }],
        by: Actor::Person(id("otto")),
        terms: CaseTerms {
            playbook: Digest::of(b"playbook"),
            severity: Severity::High,
            route: Some(Target::Role(id("billing"))),
            seek_within: Span::from_secs(60),
            offer_within: Span::from_secs(10),
            lease: Span::from_secs(600),
            bounces_max: 3,
            takeover: plan("takeover"),
        },
    }
}

fn said_by(source: Source, reference: &str) -> Provenance {
    Provenance { source, reference: reference.to_owned() }
}

fn plan(policy: &str) -> EscalationPlan {
    let step = |queue: &str| StepPlan {
        queue: QueueRef { system: id("desk"), queue: id(queue) },
        place_within: Span::from_secs(30),
        reach_within: Span::from_secs(30),
        acknowledge_within: Span::from_secs(120),
        work_within: Some(Span::from_secs(3600)),
        cover: Level::E4,
        freshness: Span::from_secs(60),
        look_every: Span::from_secs(10),
        decide_within: None,
        repeat: 0,
        hours: None,
        roster: Vec::new(),
        sweep: None,
    };
    EscalationPlan {
        policy: policy.to_owned(),
        steps: vec![step("second-level"), step("on-call")],
        backoff: Backoff { first: Span::from_secs(60), most: Span::from_secs(600) },
        resolutions: [
            (id("done"), AfterResolution::Resolve),
            (id("back"), AfterResolution::Return(Target::Role(id("billing")))),
        ]
        .into(),
        calendars: [].into(),
        exhausted: WhenExhausted::StartOver,
    }
}

fn approval_terms() -> ApprovalTerms {
    ApprovalTerms {
        quorum: 2,
        groups: vec![id("leads")],
        excluded: vec![id("olga")],
        decide_within: Span::from_secs(900),
        ask: plan("approvals"),
        in_ticket: Vec::new(),
        reasons: vec![id("no-proof")],
    }
}

fn input(number: &str) -> String {
    format!(r#"{{"amount":1250,"order":"{number}"}}"#)
}

/// Two reasons against something.
pub(crate) fn reasons() -> Vec<Reason> {
    let reason = |rule, name: &str, field: &str| Reason {
        rule,
        name: name.to_owned(),
        field: field.to_owned(),
        detail: format!("{name} says no"),
    };
    vec![
        reason(Rule::Boundary, "billing", ""),
        reason(Rule::Limit, "billing/max_amount", "/amount"),
    ]
}

fn verdict(number: &str, ruling: Ruling) -> Verdict {
    Verdict {
        playbook: Digest::of(b"playbook"),
        boundary: Some(id("billing")),
        policies: vec![id("refunds-need-leads")],
        input: input(number),
        snapshot: Some(r#"{"order":{"total":9900}}"#.to_owned()),
        shown: format!("amount: 12.50 EUR\norder: {number}"),
        terms: Some(ContractTerms {
            contract: id("refund@2"),
            live: true,
            executor: Executor::Supervisor,
            tier: if matches!(ruling, Ruling::Ask(_)) { 2 } else { 1 },
            key: id(&format!("refund/{number}")),
            amount: Some(Money { minor: 1250, currency: "EUR".parse().unwrap() }),
            permit_within: Span::from_secs(30),
            outcome_within: Span::from_secs(30),
            settle_within: Span::from_secs(30),
            verify_within: Span::from_secs(300),
            attempts_max: 3,
            backoff: Backoff { first: Span::from_secs(1), most: Span::from_secs(8) },
            compensable: true,
            undo_divergence: true,
        }),
        ruling,
        basis: None,
    }
}

fn actor(name: &str) -> TicketActor {
    TicketActor { name: id(name), kind: ActorKind::Person }
}

fn queue() -> QueueFacts {
    let member = |name: &str| StaffMember {
        name: id(name),
        kind: ActorKind::Person,
        enabled: true,
        may_take: true,
        on_shift: Some(true),
    };
    QueueFacts { queue: id("second-level"), enabled: true, staff: vec![member("ana")] }
}
