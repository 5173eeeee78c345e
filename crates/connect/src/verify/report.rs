//! What was found about one human queue: a row for every way in which such a queue can lie, and what is left of the
//! test tickets.

use std::time::Duration;

use belay_domain::TicketId;

use crate::proof::{Finding, Verdict};

/// Everything that a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What a look at the route showed, before anything was created.
    pub findings: Vec<Finding>,
    /// A row for each lie, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// Properties that do not hold, besides those that led to cover.
    pub failures: Vec<String>,
    /// The test tickets, and what became of them.
    pub tickets: Vec<Left>,
    /// How many requests for a ticket, a queue or a search were made.
    pub requests: u32,
    /// How long it took.
    pub took: Duration,
}

/// One way to lie, and whether this system tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the catalogue.
    pub number: u8,
    /// What the lie is.
    pub lie: &'static str,
    /// What came of trying it.
    pub outcome: Outcome,
    /// What was seen, or why it was not tried.
    pub seen: String,
}

/// What came of trying a lie. The later ones outweigh the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was not tried.
    NotTried,
    /// Nothing that we may do from outside makes a system tell it; the catalogue's own suite plays it.
    NotProvoked,
    /// It was tried, and the system told the truth.
    NotTold,
    /// The system tells it, and it did not lead to cover.
    Told,
    /// A case would have been called covered, or done, though nobody was asked to take it.
    LedToCover,
}

/// A test ticket, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The ticket.
    pub ticket: TicketId,
    /// Whether nobody has to look after it: it is closed, gone, or says that nothing is needed.
    pub clean: bool,
    /// How it was last seen.
    pub state: String,
}

impl Report {
    /// Whether the queue can be relied on: no lie led to cover, every property holds, nothing is left behind.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.led_to_cover()
            && self.failures.is_empty()
            && self.tickets.iter().all(|left| left.clean)
            && !self.findings.iter().any(|found| matches!(found.verdict, Verdict::Broken(_)))
    }

    /// Whether any lie led to cover.
    #[must_use]
    pub fn led_to_cover(&self) -> bool {
        self.rows.iter().any(|row| row.outcome == Outcome::LedToCover)
    }

    /// The lies that this system tells, by their numbers.
    #[must_use]
    pub fn told(&self) -> Vec<u8> {
        let told = self.rows.iter().filter(|row| row.outcome >= Outcome::Told);
        told.map(|row| row.number).collect()
    }
}

impl Outcome {
    /// As it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotTried => "not tried",
            Self::NotProvoked => "cannot be provoked",
            Self::NotTold => "not told",
            Self::Told => "told",
            Self::LedToCover => "LED TO COVER",
        }
    }
}

/// The rows, while they are being filled in.
#[derive(Debug)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    /// The catalogue, nothing tried yet.
    pub(super) fn new() -> Self {
        let row = |&(number, lie, why): &(u8, &'static str, &str)| {
            let (outcome, seen) = match why {
                "" => (Outcome::NotTried, "no ticket could be created and read back".to_owned()),
                why => (Outcome::NotProvoked, format!("{why}; played by the catalogue's suite")),
            };
            Row { number, lie, outcome, seen }
        };
        Self(CATALOGUE.iter().map(row).collect())
    }

    /// What came of trying a lie. What outweighs it stays, and so does what came first.
    pub(super) fn note(&mut self, number: u8, outcome: Outcome, seen: impl Into<String>) {
        let row = self.0.iter_mut().find(|row| row.number == number);
        if let Some(row) = row.filter(|row| row.outcome < outcome) {
            row.outcome = outcome;
            row.seen = seen.into();
        }
    }

    /// Says why a lie was not tried.
    pub(super) fn not_tried(&mut self, number: u8, why: impl Into<String>) {
        let row = self.0.iter_mut().find(|row| row.number == number);
        if let Some(row) = row.filter(|row| row.outcome <= Outcome::NotProvoked) {
            row.outcome = Outcome::NotTried;
            row.seen = why.into();
        }
    }

    pub(super) fn done(self) -> Vec<Row> {
        self.0
    }
}

/// Each lie, and why nothing we may do makes a system tell it; empty where it can be tried.
const CATALOGUE: [(u8, &str, &str); 22] = [
    (1, "a create is accepted and nothing is created", ""),
    (2, "an id that never existed is answered with success", ""),
    (3, "the ticket is created and the answer is lost", ""),
    (4, "a second ticket for the same request; a search that lags", ""),
    (5, "created in another queue than the one asked for", ""),
    (6, "the queue has nobody", ""),
    (7, "taken by a machine", ""),
    (8, "taken, and then nothing", "needs a person who leaves it alone for hours"),
    (9, "taken, and then given back", ""),
    (10, "an owner was set and nobody took anything", ""),
    (11, "merged, deleted, moved out of sight", "our account should not be able to"),
    (12, "a status that nobody mapped", ""),
    (
        13,
        "a webhook is late, lost, repeated or forged",
        "Belay believes none, it only looks sooner",
    ),
    (14, "a read-back is stale or partial", "needs a replica that lags while we look"),
    (15, "an update is answered with success and was refused", ""),
    (16, "a value is dropped without an error", ""),
    (17, "the system's own timer never fires", "Belay relies on no timer but its own"),
    (18, "resolved by an automation", ""),
    (19, "slow, rate limited, down, or its credential expired", "needs an outage"),
    (20, "a channel is dead and every retry goes to it", "needs an outage that lasts"),
    (21, "many tickets taken by one person in one second", "needs many tickets and a person"),
    (22, "its clock is off or coarse", "nothing that we are shown has a time of the system's"),
];
