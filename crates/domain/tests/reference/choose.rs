//! Chooses what happens next: mostly what a well-behaved world would do, and everything else now and then.

use crate::actions::Stage;
use crate::ledger::{Ledger, Owner, Step};
use crate::moves::{
    AGENTS, Agree, Ask, Choice, Found, Look, Move, Name, OTHERS, PEOPLE, Queue, Ruling, Said,
    Shows, Ticket, Undo, Who,
};
use crate::owing::Due;
use crate::people::Stand;
use crate::plans::PLANS;
use crate::terms::REASON;

/// The numbers behind one move; smaller ones mean simpler moves.
pub(crate) type Dice = [u8; 6];

/// The most actions: their ids are in the same order as text and as numbers.
const ACTIONS_MAX: usize = 9;
const LEADS: [Name; 7] = ["lea", "leo", "lia", "lea", "opal", "carl", "owner-of-A"];

pub(crate) fn choose(ledger: &Ledger, dice: Dice) -> Move {
    let waits = [0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 9, 14, 31, 61];
    let mut wait = waits[usize::from(dice[5] % 16)];
    if !ledger.was_opened() {
        return Move { wait, ask: opening(dice) };
    }
    let held = matches!(ledger.owner(), Owner::Agent { .. });
    if (held || ledger.search().is_some()) && dice[4] % 16 != 15 {
        // Most agents answer and show progress in time.
        wait = wait.min(2);
    }
    Move { wait, ask: ask(ledger, dice, wait) }
}

fn opening(dice: Dice) -> Ask {
    match dice[0] % 16 {
        0 => Ask::Offer { to: "A" },
        _ => Ask::Open {
            for_people: dice[1] % 8 == 7,
            work: dice[2] % 4 == 3,
            worked: dice[3] % 6 == 5,
            again: false,
        },
    }
}

fn ask(ledger: &Ledger, dice: Dice, wait: i64) -> Ask {
    let [kind, a, _, c, d, _] = dice;
    let (agent, epoch) = (holder(ledger, a), epoch(ledger, c));
    let kind = kind % 28;
    let until = match ledger.owner() {
        Owner::Agent { until, .. } => Some(until),
        Owner::Supervisor | Owner::Person { .. } => None,
    };
    if until.is_none() && (10..=17).contains(&kind) && a % 8 != 7 {
        return serve(ledger, dice, wait);
    }
    if until.is_some_and(|until| until < ledger.now + 6) && c % 4 != 3 {
        return Ask::Progress { agent, epoch, key: u8::from(d % 16 == 15) };
    }
    let awaited = |action: usize| matches!(ledger.stage(action), Stage::Awaiting { .. });
    // Where reviewers have begun to talk, they go on.
    let talk = (1..=ledger.actions()).filter(|action| awaited(*action));
    let talk = talk.map(|action| ledger.questions(action).len() + ledger.handed_on(action).len());
    let talk = talk.max();
    if talk.is_some_and(|said| kind >= 20 || said > 0 && kind >= 6) {
        return vote(ledger, dice);
    }
    // A plan whose parts are done is completed, and then its agent would like to be done with the case.
    if let Some(plan) = finished(ledger)
        && kind >= 18
    {
        return Ask::Complete { agent, epoch, plan, agree: agree(d) };
    }
    if ledger.is_at_issue(false) && kind % 8 == 5 {
        let by = if d % 4 == 3 { Who::Person("lea") } else { Who::Agent(agent, epoch) };
        return Ask::Resolve { by };
    }
    match kind {
        0..=9 | 24.. => serve(ledger, dice, wait),
        10 => Ask::Progress { agent, epoch, key: u8::from(d % 16 == 15) },
        11..=14 => propose(ledger, dice),
        15 | 16 => executor(ledger, dice),
        17 => plan(ledger, dice),
        18 => vote(ledger, dice),
        19 => holders_wish(ledger, dice),
        20 => watched(ledger, dice, wait),
        21 => holders_wish(ledger, dice),
        22 => noise(ledger, dice, wait),
        _ => Ask::Tick,
    }
}

/// Mostly the one who holds the case.
fn holder(ledger: &Ledger, luck: u8) -> Name {
    let any = AGENTS[usize::from(luck % 3)];
    if luck % 8 == 7 { any } else { ledger.owning_agent().unwrap_or(any) }
}

fn epoch(ledger: &Ledger, luck: u8) -> u64 {
    ledger.epoch().saturating_sub(u64::from(luck % 12 == 11))
}

fn serve(ledger: &Ledger, dice: Dice, wait: i64) -> Ask {
    let [_, a, b, c, d, _] = dice;
    let owed = ledger.owes();
    if owed.is_empty() {
        return Ask::Tick;
    }
    let chosen = owed[usize::from(a) % owed.len()].clone();
    // Agents are quick, and people are slow to forget a ticket.
    let hurry = owed.iter().find(|due| matches!(due, Due::Seek | Due::Offer { .. }));
    let hurry = hurry.filter(|_| d % 2 == 0).cloned();
    match hurry.unwrap_or(chosen) {
        Due::Seek if b % 8 == 7 => Ask::Nobody,
        Due::Seek => Ask::Offer { to: AGENTS[usize::from(b % 3)] },
        Due::Offer { number, to } => {
            let knows = if c % 12 == 11 { ledger.known() - 1 } else { ledger.known() };
            let agent = if d % 16 == 15 { AGENTS[usize::from(b % 3)] } else { to };
            match c % 8 {
                7 => Ask::Decline { agent, offer: number },
                _ => Ask::Accept { agent, key: 0, offer: number, knows },
            }
        }
        Due::Assess { action, revision } => {
            let revision = if d % 16 == 15 { revision + 1 } else { revision };
            Ask::Judge { action, revision, ruling: ruling(b, c) }
        }
        Due::Deliver { action } => begin(ledger, action, b, c),
        Due::Execute { action, attempt } => {
            Ask::Report { agent: None, action, attempt, said: said(b) }
        }
        Due::ReadBack { action, attempt } => {
            Ask::Read { action, attempt, shows: shows(b), sent: sent(ledger, c, wait) }
        }
        Due::Undo { action, attempt } => {
            let how = [Undo::Done, Undo::Done, Undo::Busy, Undo::Never][usize::from(b % 4)];
            Ask::Undid { action, attempt, how }
        }
        Due::Agreement { plan } => {
            let sent = sent(ledger, c, wait);
            let shows = if a % 4 == 3 { shows(b) } else { Shows::NoAnswer };
            Ask::Agreement { plan, shows, all: d % 6 != 5, sent }
        }
        Due::Place { step } => match b % 8 {
            6 => Ask::Impossible { step },
            7 => Ask::Placed { step, ticket: 2 },
            _ => Ask::Placed { step, ticket: 1 },
        },
        Due::Watch { step, ticket } => look(ledger, step, ticket, dice, wait),
        Due::TellPeople { step, ticket } => Ask::Gone { step, ticket },
    }
}

fn ruling(b: u8, c: u8) -> Ruling {
    let ask = [0, 0, 0, 0, 1, 1, 2, 2][usize::from(b % 8)];
    Ruling {
        newer: c % 8 == 7,
        deny: b % 16 == 9,
        shadow: c % 16 == 5,
        risky: ask > 0 || b % 16 == 8,
        ask,
        coded: b / 32 % 2 == 1,
        by_us: c.is_multiple_of(3),
        undoable: c % 2 == 1,
        undo: b % 5 == 3,
    }
}

fn said(luck: u8) -> Said {
    [Said::Yes, Said::Yes, Said::Yes, Said::Unsure, Said::Busy, Said::Never][usize::from(luck % 6)]
}

fn shows(luck: u8) -> Shows {
    [
        Shows::It,
        Shows::It,
        Shows::It,
        Shows::Nothing,
        Shows::Nothing,
        Shows::SomethingElse,
        Shows::NoAnswer,
    ][usize::from(luck % 7)]
}

/// When a read was sent whose answer comes now: just now, a while ago, or, by a mistake, in the future.
fn sent(ledger: &Ledger, luck: u8, wait: i64) -> i64 {
    let ago = [0, 0, 0, 0, 0, 1, 2, 6, 25, -1][usize::from(luck % 10)];
    ledger.now + wait - ago
}

fn begin(ledger: &Ledger, action: usize, b: u8, c: u8) -> Ask {
    let by = ledger.proposal(action).0;
    let current = ledger.permits(action);
    Ask::Begin {
        agent: if b % 16 == 15 { AGENTS[usize::from(c % 3)] } else { by },
        key: u8::from(b % 16 == 14),
        epoch: epoch(ledger, c),
        action,
        permit: if b % 8 == 5 { usize::from(c % 4) } else { current },
        same: b % 16 != 13,
    }
}

fn propose(ledger: &Ledger, dice: Dice) -> Ask {
    let [_, a, b, c, d, _] = dice;
    if ledger.actions() >= ACTIONS_MAX {
        return Ask::Tick;
    }
    let next = ledger.actions() as u8;
    Ask::Propose {
        agent: holder(ledger, a),
        epoch: epoch(ledger, c),
        number: if d % 10 == 9 { b % 4 } else { next },
        input: if d % 6 == 5 { d % 4 } else { next + 4 },
        plan: [None, None, Some(PLANS[0]), Some(PLANS[1])][usize::from(a / 8 % 4)],
        ruling: (d % 5 != 4).then(|| ruling(b, c)),
    }
}

/// The agent that carries something out, or carried it out a while ago.
fn executor(ledger: &Ledger, dice: Dice) -> Ask {
    let [_, a, b, c, d, _] = dice;
    if ledger.actions() == 0 {
        return propose(ledger, dice);
    }
    let sent =
        |action: &usize| matches!(ledger.stage(*action), Stage::Dispatched { permit: Some(_), .. });
    let waiting: Vec<usize> = (1..=ledger.actions()).filter(sent).collect();
    let action = match waiting.get(usize::from(a) % waiting.len().max(1)) {
        Some(action) if d % 4 != 3 => *action,
        _ => 1 + usize::from(a) % ledger.actions(),
    };
    if d % 8 == 6 {
        return begin(ledger, action, b, c);
    }
    let attempt = match c % 8 {
        7 => ledger.attempts(action) + 1,
        6 => ledger.attempts(action).saturating_sub(1),
        _ => ledger.attempts(action),
    };
    let by = ledger.proposal(action).0;
    let agent = if c % 16 == 15 { None } else { Some(by) };
    Ask::Report { agent, action, attempt, said: said(b) }
}

fn plan(ledger: &Ledger, dice: Dice) -> Ask {
    let [_, a, b, c, d, _] = dice;
    let (agent, epoch) = (holder(ledger, a), epoch(ledger, c));
    let plan = if b % 16 == 15 { "unknown" } else { PLANS[usize::from(b % 2)] };
    if d % 4 == 3 {
        Ask::Abandon { agent, epoch, plan }
    } else {
        Ask::Complete { agent, epoch, plan, agree: agree(b / 16) }
    }
}

/// An open plan of which something was done, and nothing is under way.
fn finished(ledger: &Ledger) -> Option<Name> {
    PLANS.into_iter().find(|plan| {
        let parts =
            (1..=ledger.actions()).filter(|action| ledger.proposal(*action).3 == Some(*plan));
        let stages: Vec<Stage> = parts.map(|part| ledger.stage(part)).collect();
        ledger.plan(plan) == Some("open")
            && stages.contains(&Stage::Verified)
            && stages.iter().all(|stage| stage.is_settled())
    })
}

fn agree(luck: u8) -> Agree {
    let agree =
        [Agree::OrPeople, Agree::OrUndone, Agree::Nothing, Agree::Elsewhere, Agree::OrPeople];
    agree[usize::from(luck) % agree.len()]
}

fn vote(ledger: &Ledger, dice: Dice) -> Ask {
    let [_, a, b, c, d, _] = dice;
    let asked = |action: &usize| matches!(ledger.stage(*action), Stage::Awaiting { .. });
    let waiting: Vec<usize> = (1..=ledger.actions()).filter(asked).collect();
    let action = match waiting.get(usize::from(a) % waiting.len().max(1)) {
        Some(action) => *action,
        None if ledger.actions() > 0 && d % 2 == 1 => 1 + usize::from(a) % ledger.actions(),
        None => return serve(ledger, dice, 0),
    };
    if d % 12 == 11 {
        return Ask::Playbook { newer: c % 2 == 1 };
    }
    let asked = !waiting.is_empty() && !ledger.questions(action).is_empty();
    if c / 16 % 3 == 2 && (asked || d % 8 == 7) {
        return reply(ledger, action, dice);
    }
    let talk = !waiting.is_empty() && (asked || !ledger.handed_on(action).is_empty());
    let people = if talk { &LEADS[..3] } else { &LEADS[..] };
    Ask::Decide {
        action,
        person: people[usize::from(b) % people.len()],
        lead: d % 12 != 10,
        seen: d % 12 != 9,
        choice: match c % 16 {
            6 | 14 => Choice::No { code: reason(ledger, action, b) },
            7 | 15 => Choice::Change { input: 100 + b % 50 },
            3 | 5 | 10 => Choice::Wonder,
            2 | 8 | 9 | 11 => Choice::HandOn { to: people[usize::from(b / 8) % people.len()] },
            13 => Choice::TakeOver,
            _ => Choice::Yes,
        },
    }
}

/// Mostly a reason that may be given, where one has to be.
fn reason(ledger: &Ledger, action: usize, luck: u8) -> Option<Name> {
    let coded = ledger.ruling(action).is_some_and(|ruling| ruling.coded);
    match luck / 7 % 4 {
        0 => Some("bad-mood"),
        1 => None,
        _ => Some(REASON).filter(|_| coded),
    }
}

fn reply(ledger: &Ledger, action: usize, dice: Dice) -> Ask {
    let [_, a, b, c, d, _] = dice;
    let asked = ledger.questions(action).len();
    let by = match b % 8 {
        0 | 1 => Who::Person("opal"),
        2 => Who::Person("ann"),
        _ => Who::Agent(holder(ledger, a), epoch(ledger, c)),
    };
    let question = match b / 8 % 8 {
        0 => asked + 1,
        _ => 1 + usize::from(d) % asked.max(1),
    };
    Ask::Reply { action, question, by, text: a % 2 }
}

/// A look at a ticket that is watched, if one is.
fn watched(ledger: &Ledger, dice: Dice, wait: i64) -> Ask {
    let watched = (1..=ledger.escalations()).filter_map(|asked| {
        let taken = matches!(ledger.stand(asked), Stand::Taken { .. });
        ledger.ticket(asked).map(|ticket| (taken, ledger.step(asked).0, ticket))
    });
    match watched.max() {
        Some((_, step, ticket)) => look(ledger, step, ticket, dice, wait),
        None => serve(ledger, dice, wait),
    }
}

fn look(ledger: &Ledger, step: Step, ticket: Ticket, dice: Dice, wait: i64) -> Ask {
    let [_, a, b, c, d, e] = dice;
    let (known, holder) = match ledger.stand(step.0) {
        Stand::Placed { shown: Some(shown) } | Stand::Routed { shown } => (shown.revision, None),
        Stand::Taken { shown, by } => (shown.revision, Some(by)),
        _ => (1, None),
    };
    let revision = (known + u64::from(a / 16 % 3)).saturating_sub(u64::from(d % 16 == 15));
    let who = match b % 16 {
        12 => OTHERS[usize::from(c % 4)],
        13 | 14 => PEOPLE[usize::from(c % 2)],
        _ => holder.unwrap_or(PEOPLE[0]),
    };
    let found = match c % 16 {
        9 => [Found::Rejected, Found::Deleted, Found::Merged, Found::Odd][usize::from(d % 4)],
        10 => [Found::Nothing, Found::NoAnswer][usize::from(d % 2)],
        11 | 12 => {
            let closer = if d % 4 == 3 { OTHERS[usize::from(a % 4)] } else { who };
            let code = ["solved", "back", "solved", "back", "odd"][usize::from(d % 5)];
            Found::ClosedBy { who: closer, code }
        }
        _ => Found::Open,
    };
    let queue = match d % 20 {
        16 => Queue::NoAnswer,
        17 => Queue::Disabled,
        18 => Queue::Empty,
        19 => Queue::Night,
        _ => Queue::Staffed,
    };
    let look = Look {
        ticket: found,
        number: if e % 32 == 31 { ticket + 1 } else { ticket },
        revision,
        ours: e % 32 != 30,
        here: e % 32 != 29,
        holder: (holder.is_some() || b % 4 != 3).then_some(who).filter(|_| b % 16 != 11),
        took: b % 16 != 10,
        works: u32::from(a % 3),
        queue,
    };
    Ask::Look { step, look, sent: sent(ledger, e, wait) }
}

fn holders_wish(ledger: &Ledger, dice: Dice) -> Ask {
    let [_, a, b, c, d, _] = dice;
    let (agent, epoch) = (holder(ledger, a), epoch(ledger, c));
    let by = if d % 4 == 3 { Who::Person("lea") } else { Who::Agent(agent, epoch) };
    match b % 10 {
        0..=2 => Ask::HandOff {
            agent,
            epoch,
            role: (c % 4 != 3).then_some("crm"),
            to: AGENTS[usize::from(d % 3)],
        },
        3 | 4 => Ask::Escalate { by },
        5 | 6 => Ask::Release { agent, epoch },
        7 | 8 => Ask::Learn { by },
        _ if d % 3 == 0 => Ask::Resolve { by },
        _ => Ask::Learn { by },
    }
}

/// What comes twice, too late, or out of nowhere.
fn noise(ledger: &Ledger, dice: Dice, wait: i64) -> Ask {
    let [_, a, b, c, d, _] = dice;
    let action = usize::from(a % 10);
    let step = (usize::from(a % 4), 1 + u32::from(b % 2), 1 + usize::from(c % 2));
    match b % 15 {
        0 => Ask::Placed { step, ticket: 1 + d % 3 },
        1 => Ask::Impossible { step },
        2 => Ask::Gone { step, ticket: 1 + d % 3 },
        3 => look(ledger, (step.0.min(ledger.escalations()).max(1), step.1, step.2), 1, dice, wait),
        4 => Ask::Read { action, attempt: u32::from(c % 3), shows: shows(d), sent: ledger.now },
        5 => Ask::Undid { action, attempt: 1 + u32::from(c % 2), how: Undo::Done },
        6 => Ask::Judge { action, revision: 0, ruling: ruling(c, d) },
        7 => Ask::Offer { to: AGENTS[usize::from(c % 3)] },
        8 => Ask::Nobody,
        9 => Ask::Open { for_people: false, work: false, worked: false, again: c % 2 == 0 },
        10 => Ask::Accept {
            agent: AGENTS[usize::from(c % 3)],
            key: d % 2,
            offer: ledger.offers().saturating_sub(usize::from(d % 3 == 2)),
            knows: ledger.known(),
        },
        11 if (1..=ledger.actions()).contains(&action) => begin(ledger, action, c, d),
        12 => Ask::Playbook { newer: d % 2 == 1 },
        13 => Ask::Agreement {
            plan: if d % 8 == 7 { "unknown" } else { PLANS[usize::from(c % 2)] },
            shows: shows(d),
            all: true,
            sent: ledger.now,
        },
        _ => Ask::Report { agent: None, action, attempt: 1, said: said(c) },
    }
}
