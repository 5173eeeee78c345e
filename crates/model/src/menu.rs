//! What may happen around one record at one moment, as far as that depends on the record alone: what it says of
//! itself, what it owes, and every command that would change something.

use std::sync::Arc;

use belay_domain::{
    ActionStage, Case, Coverage, Effect, Escalation, Holder, Stage, TicketId, next_moment, owed,
};

use crate::audit::staff;
use crate::books::{Books, Decided, Kinds, Record, RecordId};
use crate::command::{Choice, Cmd, Person, Undo};
use crate::law::{Law, Laws};
use crate::names::{Agent, StepCode, action_number, ticket_number};
use crate::paperwork::{Input, Paper, Reached};
use crate::terms::{at, tick_of};
use crate::whim::Whim;

/// What a page allows out of which purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purse {
    /// Bounded by itself.
    Free,
    /// What agents and people do of their own accord, or by lying.
    Whim,
    /// What goes wrong with writes.
    Mishap,
    /// What goes wrong with messages.
    Accident,
}

/// A command that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) cmd: Cmd,
    pub(crate) purse: Purse,
    pub(crate) decided: Decided,
}

/// The person who is said to hold the case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SaidToHold {
    pub(crate) person: u8,
    pub(crate) ticket: u8,
}

/// One page of the books.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) open: bool,
    covered_by_agent: bool,
    pub(crate) covered_by_person: Option<SaidToHold>,
    /// What can be seen here.
    pub(crate) sights: Kinds,
    /// The tick at which time alone changes the case.
    pub(crate) next_tick: u8,
    /// Laws that the record breaks at this moment, with nothing happening.
    pub(crate) broken: Laws,
    /// What changes something and is bounded by itself.
    pub(crate) moves: Vec<Move>,
    /// Steps that want a ticket.
    pub(crate) place: Vec<StepCode>,
    /// Steps whose ticket wants to be read.
    pub(crate) watch: Vec<(StepCode, u8)>,
    pub(crate) withdraw: Vec<(StepCode, u8)>,
    /// Writes that the supervisor is to carry out: action, attempt, until when.
    pub(crate) execute: Vec<(u8, u8, u8)>,
    /// Writes that want to be read back.
    pub(crate) read_back: Vec<(u8, u8)>,
    /// Writes that want to be undone.
    pub(crate) undo: Vec<(u8, u8)>,
    /// Writes whose executor may report: action, attempt, by which agent.
    pub(crate) report: Vec<(u8, u8, Option<Agent>)>,
    pub(crate) writes: Vec<Glance>,
}

/// How far a write is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) action: u8,
    pub(crate) reached: Reached,
    pub(crate) needs_people: bool,
}

/// Works out the page of a record.
pub(crate) fn page(books: &Books, id: RecordId, now: u8) -> Page {
    let record = books.record(id);
    let Record { case, audit } = record.as_ref();
    let mut page = Page {
        open: case.is_open(),
        covered_by_agent: false,
        covered_by_person: None,
        sights: 0,
        next_tick: next_moment(case).map_or(u8::MAX, tick_of),
        broken: Laws::NONE,
        moves: Vec::new(),
        place: Vec::new(),
        watch: Vec::new(),
        withdraw: Vec::new(),
        execute: Vec::new(),
        read_back: Vec::new(),
        undo: Vec::new(),
        report: Vec::new(),
        writes: audit.papers().iter().map(glance).collect(),
    };
    covering(&mut page, &record, now);
    let exhausted = |found: &Arc<Escalation>| matches!(found.stage, Stage::Exhausted { .. });
    page.sights = books.sights(&[
        ("covered by an agent", page.covered_by_agent),
        ("covered by a person", page.covered_by_person.is_some()),
        ("raised", case.alarm.is_some()),
        ("exhausted", case.escalations.values().any(exhausted)),
        ("resolved", !case.is_open()),
    ]);
    owing(&mut page, case, now);
    reporting(&mut page, case);
    page.moves = moves(books, id, now, |(_, purse)| *purse == Purse::Free);
    page
}

/// Works out what agents and people may do of their own accord around a record.
pub(crate) fn whims(books: &Books, id: RecordId, now: u8) -> Vec<Move> {
    let kinds = books.setting.whim_kinds;
    moves(books, id, now, |(cmd, purse)| {
        *purse != Purse::Free && Whim::of(*cmd).is_none_or(|whim| kinds.contains(&whim))
    })
}

fn moves(
    books: &Books,
    id: RecordId,
    now: u8,
    wanted: impl Fn(&(Cmd, Purse)) -> bool,
) -> Vec<Move> {
    let record = books.record(id);
    let mut moves = Vec::new();
    for (cmd, purse) in commands(books, &record).into_iter().filter(wanted) {
        let decided = books.decide_anew(id, &record, now, cmd);
        if decided.next != id || !decided.broken.is_empty() {
            moves.push(Move { cmd, purse, decided });
        }
    }
    moves
}

fn glance(paper: &Paper) -> Glance {
    let needs_people = paper.input != Input::Small;
    Glance { action: paper.number, reached: paper.reached, needs_people }
}

fn covering(page: &mut Page, record: &Record, now: u8) {
    let Coverage::Covered(cover) = record.case.coverage(at(now)) else { return };
    match cover.holder() {
        Holder::Agent { agent, .. } => {
            page.covered_by_agent = true;
            let holds = Agent::named(agent).is_some_and(|agent| record.audit.holds(agent, now));
            page.broken.hold(Law::Cov7, holds);
        }
        Holder::Person { person, evidence, .. } => {
            let person = staff(person.as_str());
            page.broken.hold(Law::Cov5, person.is_some());
            page.broken.hold(Law::Cov3, cover.valid_until() <= evidence.valid_until());
            let ticket = ticket_number(evidence.ticket());
            if let (Some(person), Some(ticket)) = (person, ticket) {
                page.covered_by_person = Some(SaidToHold { person, ticket });
            }
        }
    }
}

fn owing(page: &mut Page, case: &Case, now: u8) {
    let number = |ticket: &TicketId| ticket_number(ticket).unwrap_or(0);
    for one in owed(case, at(now)).into_iter().filter(|one| one.due <= at(now)) {
        match one.effect {
            Effect::Watch { correlation, ticket, .. } => {
                let step = StepCode::of(&correlation);
                page.watch.extend(step.map(|step| (step, number(&ticket))));
            }
            Effect::PlaceTicket { correlation, .. } => {
                page.place.extend(StepCode::of(&correlation));
            }
            Effect::Withdraw { correlation, ticket, .. } => {
                let step = StepCode::of(&correlation);
                page.withdraw.extend(step.map(|step| (step, number(&ticket))));
            }
            Effect::Execute { action, attempt } => {
                let until = match case.actions.get(&action).map(|found| &found.stage) {
                    Some(ActionStage::Dispatched { until, .. }) => tick_of(*until),
                    _ => now,
                };
                page.execute.extend(numbered(&action, attempt).map(|(a, n)| (a, n, until)));
            }
            Effect::ReadBack { action, attempt } => {
                page.read_back.extend(numbered(&action, attempt))
            }
            Effect::Compensate { action, attempt } => page.undo.extend(numbered(&action, attempt)),
            Effect::Seek { .. }
            | Effect::Offer { .. }
            | Effect::Assess { .. }
            | Effect::DeliverPermit { .. }
            | Effect::CompareSystems { .. }
            | Effect::Listen { .. }
            | Effect::Unite { .. }
            | Effect::Recognise { .. }
            | Effect::NoteMerge { .. }
            | Effect::Answer { .. } => {}
        }
    }
}

fn numbered(action: &belay_domain::ActionId, attempt: u32) -> Option<(u8, u8)> {
    Some((action_number(action)?, u8::try_from(attempt).ok()?))
}

/// Who may say how a write went.
fn reporting(page: &mut Page, case: &Case) {
    for action in case.actions.values() {
        let Some((number, attempts)) = numbered(&action.id, action.attempts) else { continue };
        let by_agent =
            action.terms().is_some_and(|terms| terms.executor == belay_domain::Executor::Agent);
        let by = if by_agent { Agent::named(&action.proposer) } else { None };
        page.report.extend((1..=attempts).map(|attempt| (number, attempt, by)));
    }
}

/// Every command that depends on nothing but the record, right or wrong.
fn commands(books: &Books, record: &Record) -> Vec<(Cmd, Purse)> {
    let setting = &books.setting;
    let Record { case, audit } = record;
    let mut all = vec![(Cmd::Tick, Purse::Free)];
    if !case.is_open() {
        return all;
    }
    let small = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    let epoch = small(case.epoch.0);
    let handoffs = small(case.handoffs.into());
    if case.routing.is_some() && case.offer.is_none() {
        all.push((Cmd::NoCandidate, Purse::Whim));
        // Nothing tells the agents apart until one of them is asked: call that one A.
        let alike = if handoffs == 0 { &Agent::ALL[..1] } else { &Agent::ALL };
        all.extend(alike.iter().map(|agent| (Cmd::Offer(*agent), Purse::Free)));
    }
    for agent in Agent::ALL {
        // Whoever is asked may take it; every offer that ever was may be answered again, by anybody.
        for handoff in handoffs.saturating_sub(1).max(1)..=handoffs {
            let purse = if handoff == handoffs { Purse::Free } else { Purse::Whim };
            all.push((Cmd::Accept { agent, handoff, whole: true }, purse));
            all.push((Cmd::Accept { agent, handoff, whole: false }, Purse::Whim));
            all.push((Cmd::Decline { agent, handoff }, Purse::Whim));
        }
        for epoch in epoch.saturating_sub(1)..=epoch {
            all.push((Cmd::Progress { agent, epoch }, Purse::Free));
            all.push((Cmd::Handoff { agent, epoch }, Purse::Whim));
            all.push((Cmd::Escalate { by: Some(agent), epoch }, Purse::Whim));
            all.push((Cmd::Release { agent, epoch }, Purse::Whim));
            all.push((Cmd::Resolve { by: Some(agent), epoch }, Purse::Whim));
            if setting.plans && !case.plans.is_empty() {
                all.push((Cmd::Plan { agent, epoch, abandon: false }, Purse::Free));
                all.push((Cmd::Plan { agent, epoch, abandon: true }, Purse::Whim));
            }
            let next = small(case.action_count.into()) + 1;
            if next <= setting.proposals {
                let planned = setting.plans;
                let inputs: &[Input] = match setting.approvals {
                    true if next == 1 => &[Input::Large, Input::Small],
                    _ => &[Input::Small],
                };
                all.extend(inputs.iter().map(|input| {
                    let cmd = Cmd::Propose { agent, epoch, number: next, input: *input, planned };
                    (cmd, Purse::Free)
                }));
            }
            for paper in audit.papers() {
                // Who lost the case to a person may try anything, also a permit that was never issued.
                for permit in 1..=paper.permits.max(u8::from(audit.taken_away)) {
                    let action = paper.number;
                    for forged in [false, true] {
                        let cmd = Cmd::Begin { agent, epoch, action, permit, forged };
                        all.push((cmd, Purse::Free));
                    }
                }
            }
        }
    }
    if setting.agents {
        all.push((Cmd::Escalate { by: None, epoch }, Purse::Whim));
        all.push((Cmd::Resolve { by: None, epoch }, Purse::Whim));
        all.push((Cmd::Know, Purse::Whim));
    }
    for step in
        case.escalations.values().filter(|found| matches!(found.stage, Stage::Opened { .. }))
    {
        if let Some(step) = StepCode::of(&step.step.correlation) {
            all.push((Cmd::Refused { step }, Purse::Whim));
        }
    }
    for paper in audit.papers() {
        writing(&mut all, case, paper);
    }
    if setting.proposals > 0 && !audit.reloaded {
        all.push((Cmd::Reload, Purse::Whim));
    }
    all
}

fn writing(all: &mut Vec<(Cmd, Purse)>, case: &Case, paper: &Paper) {
    let action = paper.number;
    let shown = u8::try_from(paper.shown.len()).unwrap_or(u8::MAX);
    let Some(found) = case.actions.get(&crate::names::action(action)) else { return };
    match &found.stage {
        ActionStage::Proposed { .. } => all.push((Cmd::Assess { action }, Purse::Free)),
        ActionStage::AwaitingApproval(_) => {
            // Nothing tells the people apart until one of them has decided: call that one Lea.
            let alike = if paper.nobody_decided() { &Person::ALL[..1] } else { &Person::ALL };
            for person in alike.iter().copied() {
                for shown in 0..shown {
                    let vote = |choice| Cmd::Vote { person, action, shown, choice };
                    all.push((vote(Choice::Approve), Purse::Free));
                    all.push((vote(Choice::Reject), Purse::Whim));
                    all.push((vote(Choice::Amend), Purse::Whim));
                    all.push((vote(Choice::TakeOver), Purse::Whim));
                    for to in [Person::Lea, Person::Leo, Person::Kim] {
                        all.push((vote(Choice::HandOn(to)), Purse::Whim));
                    }
                }
            }
            if paper.is_named(Person::Kim) {
                let (person, choice) = (Person::Kim, Choice::Approve);
                all.extend(
                    (0..shown)
                        .map(|shown| (Cmd::Vote { person, action, shown, choice }, Purse::Free)),
                );
            }
        }
        // An answer that comes when nobody is asked any more.
        ActionStage::Withdrawn { .. } if shown > 0 => {
            let (person, choice) = (Person::Lea, Choice::Approve);
            let vote = Cmd::Vote { person, action, shown: shown - 1, choice };
            all.push((vote, Purse::Whim));
        }
        ActionStage::Compensating { attempt, .. } => {
            let attempt = u8::try_from(*attempt).unwrap_or(u8::MAX);
            for outcome in [Undo::Busy, Undo::Never] {
                all.push((Cmd::Undone { action, attempt, outcome }, Purse::Free));
            }
        }
        _ => {}
    }
}
