//! What was measured: how long each incident was held by nobody, and who would have said otherwise.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use belay_domain::{Event, EventKind, Level, SystemId, TicketId, Timestamp};
use belay_journal::Auditor;
use belay_replay::{Office, Status, Ticket};
use belay_supervisor::decode;
use jiff::SignedDuration;

use super::SYSTEMS;
use crate::itsm::id;

/// How old evidence may be in the playbook of the incidents.
const FRESHNESS: SignedDuration = SignedDuration::from_mins(5);

/// Somebody who comes so soon after Belay moved on would have come anyway.
const ANYWAY: SignedDuration = SignedDuration::from_mins(15);

/// A stretch of time.
type Stretch = (Timestamp, Timestamp);

/// What was measured over all incidents.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// How many incidents.
    pub incidents: u32,
    /// How many of them nobody had for some time after they were opened.
    pub unheld: u32,
    /// For how long they were open and nobody had them.
    pub nobody: SignedDuration,
    /// How many a client that goes by the status called covered while nobody had them.
    pub status_wrong: u32,
    /// For how long.
    pub status_minutes: SignedDuration,
    /// For how long Belay called them covered by somebody of their group.
    pub belay_covered: SignedDuration,
    /// For how long of that nobody had them, and the evidence of before was still fresh.
    pub belay_within: SignedDuration,
    /// For how long of that nobody had them, and the evidence was older than it may be.
    pub belay_false: SignedDuration,
    /// How many were acknowledged by a person of the group, as Belay saw it.
    pub acknowledged: u32,
    /// How many Belay moved on from: to the duty manager.
    pub moved_on: u32,
    /// How much earlier that was than anybody had the incident, for each in which nobody had it.
    pub earlier: Vec<SignedDuration>,
    /// How many of those who were asked in vain would have come anyway, or had it in a way that proves nothing.
    pub needless: u32,
    /// Whole virtual time.
    pub lasted: SignedDuration,
    /// How often ServiceNow was asked.
    pub requests: u64,
}

/// What Belay believed of one incident.
#[derive(Default)]
struct Believed {
    ticket: Option<TicketId>,
    covered: Vec<Stretch>,
    since: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    moved_on: Option<Timestamp>,
    over: bool,
}

/// Takes account of what happened.
pub(super) fn taken(
    journal: &Path,
    record: &Office,
    (cases, numbers): (&[String], &[u64]),
    end: Timestamp,
) -> Result<Account, String> {
    let mut believed: BTreeMap<String, Believed> = BTreeMap::new();
    let auditor = Auditor::open(journal).map_err(|error| error.to_string())?;
    let mut after = 0;
    loop {
        let page = auditor.tail(after, 1_000).map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for stored in &page {
            let event = decode(stored).map_err(|error| error.to_string())?;
            believed.entry(stored.case.clone()).or_default().hear(&event);
        }
    }
    let mut account =
        Account { incidents: u32::try_from(cases.len()).unwrap_or(u32::MAX), ..Account::default() };
    for (case, number) in cases.iter().zip(numbers) {
        let ticket = record.ticket(*number).ok_or_else(|| format!("{case} has no ticket"))?;
        let nothing = Believed::default();
        account.add(&ticket, believed.get(case).unwrap_or(&nothing), end);
    }
    Ok(account)
}

impl Believed {
    /// Follows the first step of the first round: what Belay believed of the incident's own ticket.
    fn hear(&mut self, event: &Event) {
        if self.over {
            return;
        }
        let servicenow: SystemId = id(SYSTEMS[0]);
        match &event.kind {
            EventKind::TicketPlaced { ticket, .. } if self.ticket.is_none() => {
                self.ticket = Some(ticket.clone());
            }
            EventKind::EscalationAcknowledged { evidence, .. }
            | EventKind::EvidenceRenewed { evidence, .. }
                if evidence.queue().system == servicenow && evidence.level() >= Level::E4 =>
            {
                self.since.get_or_insert(event.at);
                self.valid_until = Some(evidence.valid_until());
            }
            EventKind::EscalationLapsed { .. } | EventKind::StepFailed { .. } => {
                self.ends(event.at);
                self.moved_on = Some(event.at);
            }
            EventKind::EscalationResolved { .. } => self.ends(event.at),
            _ => {}
        }
    }

    fn ends(&mut self, at: Timestamp) {
        if let (Some(since), Some(until)) = (self.since, self.valid_until) {
            self.covered.push((since, at.min(until)));
        }
        self.over = true;
    }
}

impl Account {
    fn add(&mut self, ticket: &Ticket, believed: &Believed, end: Timestamp) {
        let unheld = unheld(ticket, end);
        self.nobody += length(&unheld);
        self.unheld += u32::from(!unheld.is_empty());
        let called: Vec<Stretch> =
            stretches(ticket, end, |face| matches!(face.status, Status::Open | Status::Waiting(_)));
        let wrong: SignedDuration = overlap(&called, &unheld);
        self.status_minutes += wrong;
        self.status_wrong += u32::from(!wrong.is_zero());
        self.acknowledged += u32::from(!believed.covered.is_empty());
        self.belay_covered += length(&believed.covered);
        let stale: Vec<Stretch> = unheld
            .iter()
            .filter_map(|(from, to)| {
                let from = from.checked_add(FRESHNESS).ok()?;
                (from < *to).then_some((from, *to))
            })
            .collect();
        let beyond = overlap(&believed.covered, &stale);
        self.belay_false += beyond;
        self.belay_within += overlap(&believed.covered, &unheld) - beyond;
        let Some(moved_on) = believed.moved_on else { return };
        self.moved_on += 1;
        // From a group that reaches nobody it moves on before there is a ticket.
        let moved_on = moved_on.max(ticket.opened);
        let waits = unheld.iter().find(|(from, to)| *from <= moved_on && moved_on < *to);
        let earlier = waits.map_or(SignedDuration::ZERO, |(_, to)| to.duration_since(moved_on));
        if earlier <= ANYWAY {
            self.needless += 1;
        } else {
            self.earlier.push(earlier);
        }
    }
}

/// When it was open and nobody had it. What happens after its first resolution is another matter.
fn unheld(ticket: &Ticket, end: Timestamp) -> Vec<Stretch> {
    stretches(ticket, end, |face| {
        matches!(face.status, Status::New | Status::Open | Status::Waiting(_))
            && face.holder.is_none()
    })
}

/// When its face was such, up to its first resolution.
fn stretches(
    ticket: &Ticket,
    end: Timestamp,
    such: impl Fn(&belay_replay::Face) -> bool,
) -> Vec<Stretch> {
    let done = ticket.faces.iter().find(|(_, face)| {
        matches!(face.status, Status::Resolved | Status::Closed | Status::Odd(_))
    });
    let end = done.map_or(end, |(at, _)| *at);
    let nexts = ticket.faces.iter().skip(1).map(|(at, _)| *at).chain([end]);
    let each = ticket.faces.iter().zip(nexts);
    let such = each.filter(|((_, face), _)| such(face));
    such.map(|((from, _), to)| (*from, to.min(end))).filter(|(from, to)| from < to).collect()
}

fn length(stretches: &[Stretch]) -> SignedDuration {
    stretches.iter().fold(SignedDuration::ZERO, |sum, (from, to)| sum + to.duration_since(*from))
}

fn overlap(ones: &[Stretch], others: &[Stretch]) -> SignedDuration {
    let both = ones.iter().flat_map(|(from, to)| {
        others.iter().filter_map(move |(since, until)| {
            let (from, to) = (*from.max(since), *to.min(until));
            (from < to).then_some((from, to))
        })
    });
    length(&both.collect::<Vec<_>>())
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |time: SignedDuration| time.as_secs() / 60;
        let mut earlier = self.earlier.clone();
        earlier.sort_unstable();
        let half = earlier.get(earlier.len() / 2).copied().unwrap_or_default();
        let all = earlier.iter().fold(SignedDuration::ZERO, |sum, time| sum + *time);
        let mut line = |what: &str, number: String| writeln!(f, "{what:<88} {number:>10}");
        line("incidents", self.incidents.to_string())?;
        line("of these, open and held by nobody for some time", self.unheld.to_string())?;
        line(
            "minutes in which they were open and nobody had them",
            minutes(self.nobody).to_string(),
        )?;
        line(
            "a client that goes by the status: incidents called covered while nobody had them",
            self.status_wrong.to_string(),
        )?;
        line(
            "a client that goes by the status: minutes called covered while nobody had them",
            minutes(self.status_minutes).to_string(),
        )?;
        line(
            "Belay: incidents acknowledged by a person of the group",
            self.acknowledged.to_string(),
        )?;
        line("Belay: minutes called covered", minutes(self.belay_covered).to_string())?;
        line(
            "Belay: minutes of them that nobody had it, while the last look was still fresh",
            minutes(self.belay_within).to_string(),
        )?;
        line(
            "Belay: seconds of them beyond the freshness interval (must be 0)",
            self.belay_false.as_secs().to_string(),
        )?;
        line("Belay: incidents from which it moved on", self.moved_on.to_string())?;
        line("  of these, nobody had it for a good while longer", earlier.len().to_string())?;
        line(
            "  minutes earlier than anybody had it, half of these at least",
            minutes(half).to_string(),
        )?;
        line("  minutes earlier, all together", minutes(all).to_string())?;
        line(
            "  of these, needless: somebody had it, or came within a quarter of an hour",
            self.needless.to_string(),
        )?;
        line("requests to ServiceNow", self.requests.to_string())?;
        line("virtual hours", self.lasted.as_hours().to_string())
    }
}
