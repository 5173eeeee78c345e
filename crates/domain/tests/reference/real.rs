//! The real domain beside the model: the same commands in its own words.

use belay_domain::{
    Act, ActKind, ActionStage, Actor, ActorKind, Case, Command, Compared, Comparison, Context,
    Digest, Equality, Event, FailureClaim, NewEntry, Open, Outcome, PlanId, Proposal, Provenance,
    QueueFacts, ReadBack, Reading, Source, Span, StaffMember, Standing, Target, TicketActor,
    TicketFacts, TicketReading, TicketResolution, VotesChoice, apply, decide,
};

use crate::ledger::Step;
use crate::moves::{Agree, Ask, Choice, Found, Look, Name, Queue, Said, Shows, Undo, Who};
use crate::picture::named;
use crate::terms::{ASSESS, COMPARE, SETTLE, at, case_terms, id, playbook, queue, verdict};

/// The real case, and what was answered last.
pub(crate) struct Real {
    pub(crate) case: Case,
    pub(crate) now: i64,
    pub(crate) answer: Option<&'static str>,
    pub(crate) happened: Vec<Event>,
}

impl Real {
    pub(crate) fn new() -> Self {
        let case = Case::unopened(id("c"));
        Self { case, now: 0, answer: None, happened: Vec::new() }
    }

    pub(crate) fn tell(&mut self, now: i64, ask: &Ask) {
        self.now = now;
        let decided = decide(&self.case, &self.command(ask), at(now));
        self.answer = decided.as_ref().err().map(|rejection| rejection.code());
        self.happened = decided.unwrap_or_default();
        for event in &self.happened {
            apply(&mut self.case, event);
        }
    }

    fn command(&self, ask: &Ask) -> Command {
        let epoch = belay_domain::Epoch;
        match ask {
            Ask::Open { for_people, work, worked, again } => Command::Open(Box::new(Open {
                tenant: id("acme"),
                request: id(if *again || self.case.seq == 0 { "q1" } else { "q2" }),
                subject: "charged twice".to_owned(),
                kind: "billing".to_owned(),
                customer: "carl".to_owned(),
                channel: "chat".to_owned(),
                fingerprint: None,
                labels: Vec::new(),
                context: vec![entry()],
                by: Actor::Person(id("opal")),
                terms: case_terms(*for_people, *work, *worked),
            })),
            Ask::Learn { by } => Command::AddContext { entries: vec![entry()], by: actor(*by) },
            Ask::Offer { to } => Command::Offer { to: id(to) },
            Ask::Nobody => Command::NoCandidate,
            Ask::Accept { agent, key: own, offer, knows } => Command::Accept {
                agent: id(agent),
                key: key(agent, *own),
                handoff: id(&format!("c/h{offer}")),
                context: self.context(*knows),
            },
            Ask::Decline { agent, offer } => Command::Decline {
                agent: id(agent),
                handoff: id(&format!("c/h{offer}")),
                reason: "busy".to_owned(),
            },
            Ask::Progress { agent, epoch: of, key: own } => {
                Command::Progress { agent: id(agent), epoch: epoch(*of), key: key(agent, *own) }
            }
            Ask::HandOff { agent, epoch: of, role, to } => Command::RequestHandoff {
                agent: id(agent),
                epoch: epoch(*of),
                to: role.map_or_else(|| Target::Agent(id(to)), |role| Target::Role(id(role))),
                reason: "not mine".to_owned(),
                context: vec![entry()],
            },
            Ask::Escalate { by } => {
                Command::RequestEscalation { by: actor(*by), reason: "help".to_owned(), plan: None }
            }
            Ask::Release { agent, epoch: of } => {
                Command::Release { agent: id(agent), epoch: epoch(*of), reason: "done".to_owned() }
            }
            Ask::Resolve { by } => {
                Command::Resolve { by: actor(*by), code: id("solved"), note: "well".to_owned() }
            }
            Ask::Tick => Command::Tick,
            Ask::Complete { agent, epoch: of, plan, agree } => Command::CompletePlan {
                agent: id(agent),
                epoch: epoch(*of),
                plan: id(plan),
                equalities: equalities(*agree),
            },
            Ask::Agreement { plan, shows, all, sent } => Command::ReportComparison {
                plan: id(plan),
                compared: self.compared(plan, *shows, *all),
                sent_at: at(*sent),
            },
            Ask::Abandon { agent, epoch: of, plan } => Command::AbandonPlan {
                agent: id(agent),
                epoch: epoch(*of),
                plan: id(plan),
                reason: "no".to_owned(),
            },
            Ask::Placed { step, ticket } => {
                Command::TicketPlaced { correlation: correlation(*step), ticket: number(*ticket) }
            }
            Ask::Impossible { step } => Command::StepRefused {
                correlation: correlation(*step),
                reason: "nobody is there".to_owned(),
            },
            Ask::Look { step, look, sent } => Command::Observe {
                correlation: correlation(*step),
                reading: Box::new(reading(*step, look)),
                sent_at: at(*sent),
                together: 0,
            },
            Ask::Gone { step, ticket } => {
                Command::Withdrawn { correlation: correlation(*step), ticket: number(*ticket) }
            }
            _ => self.command_about_writes(ask),
        }
    }

    fn command_about_writes(&self, ask: &Ask) -> Command {
        let epoch = belay_domain::Epoch;
        match ask {
            Ask::Propose { agent, epoch: of, number, input, plan, ruling } => {
                Command::Propose(Box::new(Proposal {
                    agent: id(agent),
                    epoch: epoch(*of),
                    proposal: id(&format!("p{number}")),
                    contract: id("refund@1"),
                    input: format!("{{{input}}}"),
                    provenance: Vec::new(),
                    plan: plan.map(id),
                    justification: "asked for".to_owned(),
                    assess_until: at(self.now + ASSESS),
                    verdict: ruling.map(|ruling| Box::new(verdict(ruling, *input))),
                }))
            }
            Ask::Judge { action, revision, ruling } => Command::Assess {
                action: action_id(*action),
                revision: u32::try_from(*revision).expect("few revisions"),
                verdict: Box::new(verdict(*ruling, self.input(*action))),
            },
            Ask::Decide { action, person, lead, seen, choice } => Command::DecideApproval {
                action: action_id(*action),
                person: id(person),
                groups: if *lead { vec![id("leads")] } else { vec![id("others")] },
                shown: self.shown(*action).filter(|_| *seen).unwrap_or(Digest::of(b"other")),
                choice: self.choice(*choice),
            },
            Ask::Reply { action, question, by, text } => Command::AnswerQuestion {
                action: action_id(*action),
                question: u32::try_from(*question).expect("few questions"),
                by: actor(*by),
                text: format!("answer {text}"),
            },
            Ask::Playbook { newer } => Command::PlaybookInForce { playbook: playbook(*newer) },
            Ask::Begin { agent, key: own, epoch: of, action, permit, same } => {
                let known = self.case.actions.get(&action_id(*action));
                let input = known.filter(|_| *same).map(|known| known.input_digest());
                Command::BeginExecution {
                    agent: id(agent),
                    key: key(agent, *own),
                    epoch: epoch(*of),
                    action: action_id(*action),
                    permit: id(&format!("c/a{action}/p{permit}")),
                    input: input.unwrap_or(Digest::of(b"other")),
                }
            }
            Ask::Report { agent, action, attempt, said } => Command::ReportOutcome {
                agent: agent.map(id),
                action: action_id(*action),
                attempt: *attempt,
                outcome: outcome(*said),
            },
            Ask::Read { action, attempt, shows, sent } => Command::Verify {
                action: action_id(*action),
                attempt: *attempt,
                shown: match shows {
                    Shows::It => ReadBack::Applied { shown: "{}".to_owned() },
                    Shows::Nothing => ReadBack::NotApplied,
                    Shows::SomethingElse => ReadBack::Different { difference: "less".to_owned() },
                    Shows::NoAnswer => ReadBack::Unreadable { detail: "down".to_owned() },
                },
                sent_at: at(*sent),
            },
            Ask::Undid { action, attempt, how } => Command::ReportCompensation {
                action: action_id(*action),
                attempt: *attempt,
                outcome: match how {
                    Undo::Done => Ok(()),
                    Undo::Busy => Err(("busy".to_owned(), true)),
                    Undo::Never => Err(("never".to_owned(), false)),
                },
            },
            other => panic!("{other:?} is not about writes"),
        }
    }

    fn choice(&self, choice: Choice) -> VotesChoice {
        let note = String::new();
        match choice {
            Choice::Yes => VotesChoice::Approve { note },
            Choice::No { code } => VotesChoice::Reject { code: code.map(id), note },
            Choice::Change { input } => VotesChoice::Amend {
                input: format!("{{{input}}}"),
                note,
                assess_until: at(self.now + ASSESS),
            },
            Choice::Wonder => VotesChoice::Ask { question: "why?".to_owned() },
            Choice::HandOn { to } => VotesChoice::Delegate { to: id(to), note },
            Choice::TakeOver => VotesChoice::TakeOver { note },
        }
    }

    /// The digest that somebody computes who received so many entries.
    fn context(&self, knows: usize) -> Digest {
        let entries = self.case.context.entries();
        Context::digest_of(entries.iter().take(knows).map(AsRef::as_ref))
    }

    fn compared(&self, plan: Name, shows: Shows, all: bool) -> Vec<Compared> {
        let plan: PlanId = id(plan);
        let needed = self.case.comparisons(&plan);
        let reported = if all { needed.len() } else { needed.len().saturating_sub(1) };
        let compared = needed[..reported].iter().enumerate().map(|(index, (equality, action))| {
            let (equality, action) = (equality.name.clone(), (*action).clone());
            let shows = if index == 0 { shows } else { Shows::It };
            Compared { equality, action, shown: comparison(shows) }
        });
        compared.collect()
    }

    fn input(&self, action: usize) -> u8 {
        let known = self.case.actions.get(&action_id(action));
        let number = known.and_then(|known| known.input.trim_matches(['{', '}']).parse().ok());
        number.unwrap_or(0)
    }

    fn shown(&self, action: usize) -> Option<Digest> {
        match &self.case.actions.get(&action_id(action))?.stage {
            ActionStage::AwaitingApproval(approval) => Some(approval.binding),
            _ => None,
        }
    }
}

fn comparison(shows: Shows) -> Comparison {
    match shows {
        Shows::It => Comparison::Equal { shown: "{}".to_owned() },
        Shows::SomethingElse => Comparison::Different { differences: Vec::new() },
        Shows::Nothing | Shows::NoAnswer => Comparison::Unreadable { detail: "down".to_owned() },
    }
}

fn equalities(agree: Agree) -> Vec<Equality> {
    let (after, undo, settle) = match agree {
        Agree::Nothing => return Vec::new(),
        Agree::Elsewhere => ("credit", false, 0),
        Agree::OrPeople => ("refund", false, 0),
        Agree::OrUndone => ("refund", true, SETTLE),
    };
    vec![Equality {
        name: "money".to_owned(),
        after: after.to_owned(),
        undo,
        settle_within: Span::from_secs(settle),
        compare_within: Span::from_secs(COMPARE),
    }]
}

fn correlation(step: Step) -> belay_domain::Correlation {
    id(&named(step))
}

fn number(ticket: u8) -> belay_domain::TicketId {
    id(&format!("T{ticket}"))
}

fn action_id(action: usize) -> belay_domain::ActionId {
    id(&format!("c/a{action}"))
}

fn key(agent: Name, own: u8) -> Digest {
    Digest::of(format!("{agent} {own}").as_bytes())
}

fn actor(who: Who) -> Actor {
    match who {
        Who::Agent(agent, epoch) => {
            Actor::Agent { agent: id(agent), epoch: belay_domain::Epoch(epoch) }
        }
        Who::Person(person) => Actor::Person(id(person)),
    }
}

fn entry() -> NewEntry {
    NewEntry {
        kind: "fact".to_owned(),
        body: "charged twice".to_owned(),
        provenance: Provenance { source: Source::Customer, reference: "mail".to_owned() },
    }
}

fn outcome(said: Said) -> Outcome {
    let claim = match said {
        Said::Yes => return Outcome::Executed { output: "{}".to_owned() },
        Said::Unsure => FailureClaim::Unknown,
        Said::Busy => FailureClaim::Retryable,
        Said::Never => FailureClaim::Permanent,
    };
    Outcome::NotExecuted { claim, reason: "so it says".to_owned() }
}

fn somebody(name: Name) -> TicketActor {
    let kind = match name {
        "robot" => ActorKind::Machine,
        "belay" => ActorKind::Ourselves,
        _ => ActorKind::Person,
    };
    TicketActor { name: id(name), kind }
}

/// What an adapter makes of such a look.
fn reading(step: Step, look: &Look) -> Reading {
    let standing = match look.ticket {
        Found::Nothing => {
            return Reading { ticket: TicketReading::Missing, queue: staff(step, look) };
        }
        Found::NoAnswer => {
            let ticket = TicketReading::Unreadable { detail: "down".to_owned() };
            return Reading { ticket, queue: None };
        }
        Found::Open => Standing::Open,
        Found::ClosedBy { .. } => Standing::Resolved,
        Found::Rejected => Standing::Rejected,
        Found::Deleted => Standing::Deleted,
        Found::Merged => Standing::Merged { into: number(9) },
        Found::Odd => Standing::Unknown { raw: "odd".to_owned() },
    };
    let resolution = match look.ticket {
        Found::ClosedBy { who, code } => Some(TicketResolution {
            actor: Some(somebody(who)),
            code: Some(id(code)),
            note: "closed".to_owned(),
            links: vec![],
        }),
        _ => None,
    };
    let mut acts = Vec::new();
    if let Some(holder) = look.holder {
        let (by, kind) = if look.took {
            (somebody(holder), ActKind::Took)
        } else {
            (somebody("lead"), ActKind::Assigned { to: id(holder) })
        };
        acts.push(Act { actor: by, kind });
        let work = Act { actor: somebody(holder), kind: ActKind::Replied };
        acts.extend((0..look.works).map(|_| work.clone()));
    }
    let facts = TicketFacts {
        ticket: number(look.number),
        case: look.ours.then(|| id("c")),
        correlation: Some(correlation(step)),
        queue: id(if look.here { queue(step.2 - 1) } else { "elsewhere" }),
        standing,
        revision: look.revision,
        holder: look.holder.map(somebody),
        acts,
        resolution,
    };
    Reading { ticket: TicketReading::Present(Box::new(facts)), queue: staff(step, look) }
}

fn staff(step: Step, look: &Look) -> Option<QueueFacts> {
    let member = |name: Name| StaffMember {
        name: id(name),
        kind: somebody(name).kind,
        enabled: name != "eve",
        may_take: true,
        on_shift: Some(look.queue != Queue::Night),
    };
    let staff = match look.queue {
        Queue::NoAnswer => return None,
        Queue::Empty => Vec::new(),
        _ => ["ann", "bob", "robot", "eve"].map(member).to_vec(),
    };
    let enabled = look.queue != Queue::Disabled;
    Some(QueueFacts { queue: id(queue(step.2 - 1)), enabled, staff })
}
