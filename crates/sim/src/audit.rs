//! The independent auditor: holds what Belay reported and journaled against what was true in the world.

pub(crate) mod claims;
mod history;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use belay_domain::{ActionStage, Case, CaseId, Event, EventKind, Standing, Timestamp, apply};
use belay_journal::{Auditor, StoredEvent};
use belay_supervisor::{Config, CoverageAudit, GRACE, decode};

use crate::world::{State, World};

/// Everything that the journal holds.
pub(crate) struct Journaled {
    pub(crate) digest: String,
    pub(crate) cases: BTreeMap<CaseId, Vec<Known>>,
}

/// An event, and in which of the supervisor's lives it was written.
pub(crate) struct Known {
    pub(crate) event: Event,
    pub(crate) life: usize,
}

/// Reads the journal of a world whose supervisor has ended, and checks its chains.
pub(crate) fn read(world: &World) -> Result<Journaled, String> {
    let folder = Config::journal_in(world.data());
    let auditor = Auditor::open(&folder).map_err(|error| error.to_string())?;
    let report = auditor.verify(&[], |_| {}).map_err(|error| error.to_string())?;
    if !report.is_intact() {
        return Err(format!("the chain is broken: {report:?}"));
    }
    let mut digest = blake3::Hasher::new();
    let mut cases: BTreeMap<CaseId, Vec<Known>> = BTreeMap::new();
    let state = world.look();
    let mut after = 0;
    loop {
        let page: Vec<StoredEvent> =
            auditor.tail(after, 1_000).map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for stored in &page {
            digest.update(&stored.position.to_le_bytes());
            digest.update(stored.case.as_bytes());
            digest.update(&stored.body);
            let event = decode(stored).map_err(|error| error.to_string())?;
            let case = stored.case.parse().map_err(|_| format!("{} is no case", stored.case))?;
            let life = state.life_of(stored.position);
            cases.entry(case).or_default().push(Known { event, life });
        }
    }
    Ok(Journaled { digest: digest.finalize().to_hex().to_string(), cases })
}

/// Checks everything that can only be checked at the end.
pub(crate) fn audit(world: &World, journaled: &Journaled) {
    let mut state = world.look();
    let state = &mut *state;
    for (case, events) in &journaled.cases {
        for event in events {
            state.tally.count(&format!("events: {}", event.event.kind.name()));
        }
        history::check(state, case, events);
    }
    promises(state, journaled);
    effects(state, journaled);
    tickets(state);
    settled(state, journaled);
    if let Some(end) = end_of(state) {
        independent(state, &Config::journal_in(world.data()), end);
    }
}

/// The auditor that a supervisor runs, which knows none of the domain's rules, has nothing to say either.
fn independent(state: &mut State, journal: &Path, end: Timestamp) {
    let read =
        CoverageAudit::open(journal).map_err(|error| error.to_string()).and_then(|mut audit| {
            while audit.read_on().map_err(|error| error.to_string())? {}
            Ok(audit)
        });
    match read {
        Ok(audit) => {
            let pass = audit.judge(end, GRACE);
            state.tally.add("auditor: open cases judged", pass.open);
            for finding in pass.findings {
                state.wrong("AUD the independent auditor agrees", finding.to_string());
            }
        }
        Err(why) => state.wrong("AUD the independent auditor agrees", why),
    }
}

/// The last moment of the last life, by its clock.
fn end_of(state: &State) -> Option<Timestamp> {
    state.lives.last().map(|life| {
        let lived = state.now().saturating_sub(life.from);
        let lived = i64::try_from(lived.as_micros()).unwrap_or(i64::MAX);
        belay_domain::after(life.clock, belay_domain::Span::from_micros(lived))
    })
}

/// `JRN-1`: whatever was answered with success is in the journal.
fn promises(state: &mut State, journaled: &Journaled) {
    let nothing = Vec::new();
    let promises = std::mem::take(&mut state.promises);
    let mut owners: BTreeMap<(CaseId, u64), String> = BTreeMap::new();
    let mut opened: BTreeMap<String, CaseId> = BTreeMap::new();
    for (at, promise) in &promises {
        state.tally.count(&format!("answers: {}", promise.name()));
        let events = journaled.cases.get(promise.case()).unwrap_or(&nothing);
        if !promise.is_kept(events.iter().map(|known| &known.event)) {
            let line =
                format!("answered at {:.3} and not in the journal: {promise:?}", at.as_secs_f64());
            state.wrong("JRN-1 answered means durable", line);
        }
        use crate::promises::Promise;
        match promise {
            Promise::Assigned { agent, case, epoch } => {
                let before = owners.insert((case.clone(), *epoch), agent.clone());
                if let Some(before) = before.filter(|before| before != agent) {
                    let line = format!("{before} and {agent} were both given {case} under {epoch}");
                    state.wrong("OWN-3 one owner for one epoch", line);
                }
            }
            Promise::Opened { case, request } => {
                let before = opened.insert(request.clone(), case.clone());
                if let Some(before) = before.filter(|before| before != case) {
                    let line = format!("{request} opened {before} and {case}");
                    state.wrong("IDM-5 a request opens one case", line);
                }
            }
            _ => {}
        }
    }
}

/// `IDM-1`: what was to happen once happened once; what is said to have happened did.
fn effects(state: &mut State, journaled: &Journaled) {
    let mut wrongs = Vec::new();
    let mut taken: BTreeMap<String, u64> = BTreeMap::new();
    for row in state.records.rows.iter().filter(|row| row.gone.is_none()) {
        *taken.entry(row.key.clone()).or_default() += 1;
    }
    let (mut once, mut lost) = (0, 0);
    for (key, times) in &taken {
        if *times > 1 {
            wrongs
                .push(("IDM-1 one effect for one key", format!("{key} took effect {times} times")));
        } else {
            once += 1;
        }
    }
    for events in journaled.cases.values() {
        let Some(case) = folded(events) else { continue };
        for action in case.actions.values() {
            let Some(terms) = action.terms() else { continue };
            let there = taken.contains_key(terms.key.as_str());
            match &action.stage {
                ActionStage::Verified { .. } if !there => {
                    lost += 1;
                    let line = format!("{} is verified and {} is not there", action.id, terms.key);
                    wrongs.push(("VER verified means done", line));
                }
                ActionStage::Failed { .. } | ActionStage::Denied { .. } if there => {
                    let others = case.actions.values().filter(|other| other.id != action.id);
                    let other = others.filter_map(|other| other.terms().map(|terms| &terms.key));
                    if !other.into_iter().any(|key| *key == terms.key) {
                        let line = format!(
                            "{} is said to have failed and {} is there",
                            action.id, terms.key
                        );
                        wrongs.push(("IDM-4 unknown is not failed", line));
                    }
                }
                _ => {}
            }
        }
    }
    state.tally.add("effects: once", once);
    state.tally.add("effects: LOST", lost);
    for (promise, line) in wrongs {
        if promise.starts_with("IDM-1") {
            state.tally.count("effects: DOUBLED");
        }
        state.wrong(promise, line);
    }
}

/// At the end, at most one ticket of a step is left in people's hands.
fn tickets(state: &mut State) {
    let mut live: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for house in state.houses.values() {
        for ticket in house.tickets.values() {
            let left = ticket.now.standing == Standing::Open && !ticket.withdrawn && !ticket.hidden;
            // A ticket that lost our mark cannot be found by it.
            if left && ticket.now.correlation.is_some() {
                live.entry(ticket.correlation.to_string()).or_default().push(ticket.id.to_string());
            }
        }
    }
    for (step, tickets) in live.into_iter().filter(|(_, tickets)| tickets.len() > 1) {
        state.wrong("IDM-1 one ticket for one step", format!("{step} has {tickets:?}"));
    }
}

/// After the faults have stopped, everything settles.
fn settled(state: &mut State, journaled: &Journaled) {
    let opened: BTreeSet<CaseId> = state.cases.iter().cloned().collect();
    let Some(end) = end_of(state) else {
        return;
    };
    for case in opened {
        let Some(folded) = journaled.cases.get(&case).and_then(|events| folded(events)) else {
            continue;
        };
        if folded.is_open() && !folded.coverage(end).is_covered() {
            let line = format!("{case} is {:?} at the end", folded.coverage(end));
            state.wrong("LIV-1 everything is covered in the end", line);
        }
        state.tally.count(if folded.is_open() {
            "cases: covered at the end"
        } else {
            "cases: resolved"
        });
        for action in folded.actions.values() {
            // What the target does not tell within the time is shown to people, and theirs from then on.
            if matches!(action.stage, ActionStage::Unknown { told: false, .. }) {
                let line = format!("{} is {:?} at the end", action.id, action.stage);
                state.wrong("LIV-5 what is unknown is found out", line);
            }
        }
    }
}

/// The case after these events.
pub(crate) fn folded(events: &[Known]) -> Option<Case> {
    let mut case = None;
    for Known { event, .. } in events {
        if let EventKind::CaseOpened { .. } = event.kind {
            case = Some(Case::unopened("c".parse().ok()?));
        }
        if let Some(case) = &mut case {
            apply(case, event);
        }
    }
    case
}
