//! What must be true after every command, checked from the events and without the code that decided them.

use std::collections::{BTreeMap, BTreeSet};

use belay_domain::{
    ActionId, Case, Command, Compared, Comparison, Context, ContextEntry, ContractId, Coverage,
    Digest, Effect, Equality, Event, EventKind, Holder, Owner, PermitGrant, PersonId, Timestamp,
    Verdict, decide, next_moment, owed, replay,
};

/// Checks a case and its history at `now`, right after a command.
pub(crate) fn check(case: &Case, history: &[Event], now: Timestamp) {
    assert_eq!(replay(case.id.clone(), history), *case, "a replay leads elsewhere");
    let tick = decide(case, &Command::Tick, now).expect("a tick is never refused");
    assert!(tick.is_empty(), "a tick right after a command still finds {tick:?}");
    let mut audit = Audit::default();
    history.iter().for_each(|event| audit.read(event));
    if !history.is_empty() {
        audit.owner_is(&case.owner, case.epoch.0);
    }
    coverage(case, &audit, now);
    owing(case, now);
}

/// `COV-1`, `COV-3`, `COV-7`, `COV-9`, `OWN-1`.
fn coverage(case: &Case, audit: &Audit<'_>, now: Timestamp) {
    let coverage = case.coverage(now);
    assert_eq!(
        matches!(coverage, Coverage::Uncovered(_)),
        case.alarm.is_some(),
        "COV-9: {coverage:?} with the alarm {:?}",
        case.alarm
    );
    if case.is_open() {
        let next = next_moment(case);
        assert!(next.is_some_and(|next| next > now), "an open case waits for nothing: {next:?}");
    }
    if let Some(until) = coverage.until() {
        assert!(until > now, "an answer that stands until before it was given");
        let then = case.coverage(until);
        assert_ne!(then, coverage, "an answer outlives its end");
    }
    let Coverage::Covered(cover) = coverage else { return };
    match cover.holder() {
        Holder::Agent { agent, .. } => {
            let progress = audit.progress.expect("COV-7: no sign of progress was journaled");
            assert_eq!(audit.owner, format!("agent {agent}"));
            assert!(now < progress && cover.valid_until() == progress, "COV-7");
        }
        Holder::Person { person, evidence, .. } => {
            assert_eq!(audit.held_by.as_ref(), Some(person), "COV-1: nobody acknowledged");
            assert_eq!(evidence.actor(), Some(person));
            assert!(evidence.sent_at() <= now && cover.valid_until() <= evidence.valid_until());
        }
    }
}

fn owing(case: &Case, now: Timestamp) {
    let owing = owed(case, now);
    let ids: BTreeSet<_> = owing.iter().map(|one| one.id.clone()).collect();
    assert_eq!(ids.len(), owing.len(), "two effects have one id: {owing:?}");
    for one in owing {
        let after_the_end = matches!(one.effect, Effect::Withdraw { .. });
        assert!(case.is_open() || after_the_end, "a closed case owes {:?}", one.effect);
    }
}

/// What an auditor makes of the journal alone.
#[derive(Default)]
struct Audit<'a> {
    owner: String,
    epoch: u64,
    /// Until when the latest sign of progress carries the agent's lease.
    progress: Option<Timestamp>,
    held_by: Option<PersonId>,
    context: Vec<&'a ContextEntry>,
    bounces: BTreeMap<BTreeSet<String>, u32>,
    last_agent: Option<String>,
    steps: BTreeMap<String, (String, Timestamp)>,
    evidence: BTreeMap<String, (u64, Timestamp)>,
    actions: BTreeMap<ActionId, Audited<'a>>,
    permits: BTreeSet<String>,
    order: Vec<ActionId>,
    undoing: BTreeMap<String, ActionId>,
    plans: BTreeMap<String, Agreeing<'a>>,
}

/// What the systems of a plan have to agree about, and whether they were seen to.
#[derive(Default)]
struct Agreeing<'a> {
    equalities: &'a [Equality],
    comparing: bool,
    compared: &'a [Compared],
}

/// An action as the journal tells it.
#[derive(Default)]
struct Audited<'a> {
    epoch: u64,
    contract: Option<&'a ContractId>,
    verdict: Option<&'a Verdict>,
    plan: Option<String>,
    asked: Option<Digest>,
    votes: BTreeSet<PersonId>,
    authors: BTreeSet<PersonId>,
    handed_on: BTreeSet<PersonId>,
    granted: bool,
    permit: Option<&'a PermitGrant>,
    stage: &'static str,
    compensated: bool,
}

impl<'a> Audit<'a> {
    fn owner_is(&self, owner: &Owner, epoch: u64) {
        assert_eq!((owner.to_string(), epoch), (self.owner.clone(), self.epoch), "OWN-1");
    }

    /// `OWN-3`: every change of owner comes with a larger epoch.
    fn passes_to(&mut self, owner: String, epoch: u64) {
        assert!(epoch > self.epoch, "OWN-3: epoch {epoch} after {}", self.epoch);
        let unsent = ["proposed", "awaiting", "authorized", "retrying"];
        for (id, action) in &self.actions {
            assert!(!unsent.contains(&action.stage), "APR-5: {id} is {} still", action.stage);
        }
        (self.owner, self.epoch, self.progress, self.held_by) = (owner, epoch, None, None);
    }

    fn read(&mut self, event: &'a Event) {
        match &event.kind {
            EventKind::CaseOpened { .. } => self.owner = "the supervisor".to_owned(),
            EventKind::ContextAdded { entry, digest } => {
                self.context.push(entry);
                assert_eq!(*digest, Context::digest_of(self.context.iter().copied()));
            }
            EventKind::HandoffAccepted { agent, context, epoch, lease_until, from, .. } => {
                assert_eq!(from.to_string(), self.owner, "OWN-4");
                let known = Context::digest_of(self.context.iter().copied());
                assert_eq!(*context, known, "OWN-5");
                self.passes_to(format!("agent {agent}"), epoch.0);
                self.progress = Some(*lease_until);
                if let Some(last) = self.last_agent.replace(agent.to_string()) {
                    let pair = BTreeSet::from([last, agent.to_string()]);
                    let times = self.bounces.entry(pair).or_default();
                    *times += 1;
                    assert!(*times <= 2, "OWN-7: ping-pong with {agent}");
                }
            }
            EventKind::LeaseRenewed { lease_until, .. } => {
                assert!(self.progress.is_some_and(|until| until > event.at), "COV-7: too late");
                self.progress = Some(*lease_until);
            }
            EventKind::LeaseExpired { epoch, .. } => {
                assert!(self.progress.is_some_and(|until| until <= event.at), "too early");
                self.passes_to("the supervisor".to_owned(), epoch.0);
            }
            EventKind::CaseReleased { epoch, .. }
            | EventKind::CaseTakenOver { epoch, .. }
            | EventKind::CaseReturned { epoch, .. } => {
                self.passes_to("the supervisor".to_owned(), epoch.0);
            }
            EventKind::EscalationLapsed { epoch: Some(epoch), .. } => {
                self.passes_to("the supervisor".to_owned(), epoch.0);
            }
            EventKind::StepStarted { escalation, step, .. } => {
                let began = (step.correlation.to_string(), step.since);
                self.steps.insert(escalation.to_string(), began);
            }
            EventKind::TicketSeen { escalation, evidence, .. }
            | EventKind::TicketRouted { escalation, evidence, .. }
            | EventKind::EvidenceRenewed { escalation, evidence, .. }
            | EventKind::EscalationResolved { escalation, evidence, .. }
            | EventKind::EscalationAcknowledged { escalation, evidence, .. } => {
                self.shown(event, escalation.as_str(), evidence);
            }
            kind => self.read_action(event, kind),
        }
    }

    /// `COV-2` to `COV-6` for one piece of evidence.
    fn shown(&mut self, event: &'a Event, escalation: &str, evidence: &belay_domain::Evidence) {
        let (correlation, since) = self.steps[escalation].clone();
        assert_eq!(evidence.correlation().as_str(), correlation, "COV-6");
        assert!(since <= evidence.sent_at() && evidence.sent_at() <= event.at, "COV-2");
        let fresh = evidence.valid_until().duration_since(evidence.sent_at());
        assert_eq!(fresh, belay_domain::Span::from_secs(20), "COV-3");
        assert!(evidence.valid_until() > event.at, "COV-3: stale evidence was taken");
        let newer = (evidence.revision(), evidence.sent_at());
        let older = self.evidence.insert(correlation, newer);
        assert!(older.is_none_or(|older| older < newer), "COV-4: {older:?} then {newer:?}");
        if let EventKind::EscalationAcknowledged { by, epoch, .. } = &event.kind {
            assert!(["ann", "bob"].contains(&by.as_str()), "COV-5: {by} is no person of the staff");
            if let Some(epoch) = epoch {
                self.passes_to(format!("{by} of {}", evidence.queue()), epoch.0);
                self.held_by = Some(by.clone());
                self.bounces.clear();
                self.last_agent = None;
            }
        }
    }

    fn read_action(&mut self, event: &'a Event, kind: &'a EventKind) {
        if let EventKind::ActionProposed { action, epoch, plan, contract, .. } = kind {
            self.order.push(action.clone());
            let plan = plan.as_ref().map(ToString::to_string);
            let contract = Some(contract);
            let epoch = epoch.0;
            let new = Audited { epoch, contract, plan, stage: "proposed", ..Audited::default() };
            self.actions.insert(action.clone(), new);
            return;
        }
        self.read_plan(kind);
        let (owner_epoch, progress) = (self.epoch, self.progress);
        let Some(id) = about(kind) else { return };
        if let EventKind::CompensationStarted { attempt: 1, .. } = kind {
            self.compensation_in_order(id);
        }
        let known = self.actions.get_mut(id).expect("an action that was proposed");
        match kind {
            EventKind::ActionAssessed { verdict, .. } => known.verdict = Some(verdict),
            EventKind::ApprovalRequested { approval, .. } => {
                known.stage = "awaiting";
                known.asked = Some(approval.binding);
                known.votes.clear();
                known.handed_on.clear();
            }
            EventKind::ApprovalGiven { vote, .. } => {
                assert!(known.votes.insert(vote.person.clone()), "one person counts twice");
                assert!(!known.authors.contains(&vote.person), "APR-2: approved their own input");
                let involved = ["opal", "carl", "owner-of-A"].contains(&vote.person.as_str());
                assert!(!involved, "APR-2: {} is involved", vote.person);
                assert!(!known.handed_on.contains(&vote.person), "{} handed it on", vote.person);
            }
            EventKind::ApprovalDelegated { delegation, .. } => {
                assert!(!known.votes.contains(&delegation.from), "handed on after a yes");
                assert!(known.handed_on.insert(delegation.from.clone()), "handed on twice");
                assert!(!known.handed_on.contains(&delegation.to), "handed on too often");
            }
            EventKind::ApprovalEnded { decision, .. } => {
                known.granted = *decision == belay_domain::Decision::Approved;
                known.stage = "ended";
            }
            EventKind::ActionAmended { by, .. } => {
                known.authors.insert(by.clone());
                (known.asked, known.verdict, known.stage) = (None, None, "proposed");
                known.granted = false;
            }
            EventKind::ActionAuthorized { permit, .. } => {
                assert!(self.permits.insert(permit.permit.to_string()), "PRM-1: issued twice");
                assert_eq!(permit.epoch.0, owner_epoch, "PRM-2");
                (known.permit, known.stage) = (Some(permit), "authorized");
                known.may_happen();
            }
            EventKind::ActionDispatched { permit, .. } => {
                known.may_happen();
                assert_eq!(known.epoch, owner_epoch, "OWN-2: dispatched under another owner");
                assert!(progress.is_some_and(|until| event.at < until), "OWN-2: no lease");
                if let Some(permit) = permit {
                    let granted = known.permit.take().expect("PRM-1: no permit, or a used one");
                    assert_eq!(granted.permit, *permit, "PRM-1");
                    assert!(event.at < granted.expires, "PRM-2: expired");
                }
                known.stage = "dispatched";
            }
            EventKind::ActionExecuted { .. } => known.stage = "executed",
            EventKind::ActionUnknown { .. } => known.stage = "unknown",
            EventKind::ActionRetried { .. } => {
                assert_eq!(known.stage, "unknown", "IDM-4: retried without a look");
                known.stage = "retrying";
            }
            EventKind::ActionVerified { .. } | EventKind::ActionDiverged { .. } => {
                assert!(["executed", "unknown"].contains(&known.stage), "{}", known.stage);
                known.stage = "proved";
            }
            EventKind::CompensationStarted { attempt: 1, .. } => {
                assert_eq!(known.stage, "proved", "IDM-4, IDM-7: undone without proof, or twice");
                known.stage = "undoing";
            }
            EventKind::ActionCompensated { .. } => {
                assert!(!known.compensated, "IDM-7");
                (known.compensated, known.stage) = (true, "undone");
            }
            EventKind::ActionDenied { .. } | EventKind::ActionShadowed { .. } => {
                assert_eq!(known.stage, "proposed", "APR-4");
                known.stage = "over";
            }
            EventKind::CompensationFailed { .. }
            | EventKind::ActionWithdrawn { .. }
            | EventKind::ActionFailed { .. } => known.stage = "over",
            _ => {}
        }
    }

    /// A plan is verified only when its systems were compared after its last step, and agree.
    fn read_plan(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::PlanCompleted { plan, equalities } => {
                let new = Agreeing { equalities, ..Agreeing::default() };
                self.plans.insert(plan.to_string(), new);
            }
            EventKind::PlanComparing { plan, .. } => self.agreeing(plan.as_str()).comparing = true,
            EventKind::PlanCompared { plan, compared } => {
                let known = self.agreeing(plan.as_str());
                assert!(known.comparing, "{plan} was compared before its last step was verified");
                known.compared = compared;
            }
            EventKind::PlanVerified { plan } => {
                let known = &self.plans[plan.as_str()];
                for (id, action) in &self.actions {
                    if action.plan.as_deref() != Some(plan.as_str()) || action.stage != "proved" {
                        continue;
                    }
                    let name = action.contract.map_or("", |contract| contract.as_str());
                    for equality in known
                        .equalities
                        .iter()
                        .filter(|equality| name.split('@').next() == Some(equality.after.as_str()))
                    {
                        let agrees = known.compared.iter().any(|one| {
                            one.equality == equality.name
                                && one.action == *id
                                && matches!(one.shown, Comparison::Equal { .. })
                        });
                        assert!(agrees, "{plan} is verified and {} unequal", equality.name);
                    }
                }
            }
            _ => {}
        }
    }

    fn agreeing(&mut self, plan: &str) -> &mut Agreeing<'a> {
        self.plans.get_mut(plan).expect("a plan that was completed")
    }

    /// `IDM-7`: within a plan, what was done later is undone earlier.
    fn compensation_in_order(&mut self, id: &ActionId) {
        let Some(plan) = self.actions[id].plan.clone() else { return };
        let place = |id: &ActionId| self.order.iter().position(|known| known == id);
        if let Some(before) = self.undoing.get(&plan) {
            assert!(place(id) < place(before), "IDM-7: {id} is undone after {before}");
        }
        self.undoing.insert(plan, id.clone());
    }
}

impl Audited<'_> {
    /// `APR-1`, `IDM-6`: decided on, allowed to write, and approved where people have to.
    fn may_happen(&self) {
        let verdict = self.verdict.expect("dispatched without a decision");
        let terms = verdict.terms.as_ref().expect("dispatched without a contract");
        assert!(terms.live, "IDM-6: a shadow write was sent");
        match &verdict.ruling {
            belay_domain::Ruling::Allow => assert!(terms.tier < 2, "APR-1: nobody was asked"),
            belay_domain::Ruling::Ask(asked) => {
                let enough = self.votes.len() >= asked.quorum as usize;
                assert!(self.granted && enough && self.asked.is_some(), "APR-1: not approved");
            }
            belay_domain::Ruling::Deny(_) => panic!("a denied action was sent"),
        }
    }
}

/// The action an event is about.
fn about(kind: &EventKind) -> Option<&ActionId> {
    match kind {
        EventKind::ActionAssessed { action, .. }
        | EventKind::ActionDenied { action, .. }
        | EventKind::ActionShadowed { action }
        | EventKind::ApprovalRequested { action, .. }
        | EventKind::ApprovalGiven { action, .. }
        | EventKind::ApprovalDelegated { action, .. }
        | EventKind::ApprovalEnded { action, .. }
        | EventKind::ActionAmended { action, .. }
        | EventKind::ActionAuthorized { action, .. }
        | EventKind::ActionDispatched { action, .. }
        | EventKind::ActionExecuted { action, .. }
        | EventKind::ActionUnknown { action, .. }
        | EventKind::ActionRetried { action, .. }
        | EventKind::ActionFailed { action, .. }
        | EventKind::ActionVerified { action, .. }
        | EventKind::ActionDiverged { action, .. }
        | EventKind::ActionWithdrawn { action, .. }
        | EventKind::CompensationStarted { action, .. }
        | EventKind::ActionCompensated { action }
        | EventKind::CompensationFailed { action, .. } => Some(action),
        _ => None,
    }
}
