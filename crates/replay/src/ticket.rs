//! A ticket: how it looks, how it looked before, and what was done to it by whom.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A ticket. It never forgets a face, so that it can be read as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number, from 1.
    pub number: u64,
    /// When it was opened.
    pub opened: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// The queue it was asked for in, whatever became of it.
    pub wanted: String,
    /// The faces it had, and from when on. The first is how it was opened.
    pub faces: Vec<(Timestamp, Face)>,
    /// What was done to it, the oldest first.
    pub history: Vec<Entry>,
    /// Who truly had it, and from when on: somebody able who took it by an act of their own, in the queue in which
    /// it was wanted, while it was open and could be read.
    pub truth: Vec<(Timestamp, Option<String>)>,
}

/// A ticket as it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    /// Where it is.
    pub queue: String,
    /// What people see first.
    pub subject: String,
    /// What they have to know.
    pub body: String,
    /// What whoever opened it finds it by, in the field that the vendor has for that.
    pub correlation: Option<String>,
    /// Further fields, by the names the vendor gives them.
    pub fields: BTreeMap<String, String>,
    /// From 1, the highest, to 5.
    pub priority: u8,
    /// How it stands.
    pub status: Status,
    /// Who has it.
    pub holder: Option<String>,
    /// The holder did something to it since they have it.
    pub taken: bool,
    /// How it was resolved.
    pub code: Option<String>,
    /// What was written when it was resolved.
    pub note: Option<String>,
    /// Which ticket it became part of.
    pub merged: Option<u64>,
    /// It was deleted.
    pub deleted: bool,
    /// It went where the accounts for programs may not look.
    pub hidden: bool,
    /// How often it was changed.
    pub revision: u64,
    /// When it was changed last.
    pub updated: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
}

/// How a ticket stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody has begun.
    New,
    /// In the works.
    Open,
    /// Waiting for something or somebody, by the name of the wait.
    Waiting(String),
    /// Done, going by whoever said so.
    Resolved,
    /// Done, and no longer to be changed.
    Closed,
    /// Something that only this office knows, as it is written on the ticket.
    Odd(String),
}

/// What somebody did in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place among all entries of the office, from 1.
    pub serial: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// How.
    pub via: Via,
    /// What.
    pub changes: Vec<Change>,
}

/// How something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// In the pages for people.
    Pages,
    /// Through the interface for programs.
    Program,
    /// By a rule of the system itself.
    Rule,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was opened.
    Opened,
    /// A field changed; empty is nothing.
    Set {
        /// Which.
        field: Field,
        /// What it was.
        old: String,
        /// What it is.
        new: String,
    },
    /// Somebody wrote something.
    Wrote {
        /// Customers see it.
        public: bool,
        /// What.
        text: String,
    },
    /// What was written in an entry before this one says something else now.
    Rewrote {
        /// The serial of that entry.
        entry: u64,
        /// What it says now.
        text: String,
    },
    /// What was written in an entry before this one stands there no more.
    Unsaid {
        /// The serial of that entry.
        entry: u64,
    },
    /// It became part of another one.
    Merged {
        /// Which.
        into: u64,
    },
    /// It was deleted.
    Deleted,
}

/// Something that was written and still stands there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    /// When it was written, and by whom.
    pub(crate) entry: &'a Entry,
    /// Its place among what was written in the same go.
    pub(crate) index: usize,
    /// Customers see it.
    pub(crate) public: bool,
    /// What it says now.
    pub(crate) text: &'a str,
    /// When it was changed last, and by whom.
    pub(crate) rewritten: Option<&'a Entry>,
}

/// A field whose changes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Where it is, by name.
    Queue,
    /// Who has it, by name.
    Holder,
    /// How it stands.
    Status,
    /// How it was resolved.
    Code,
    /// What was written when it was resolved.
    Note,
}

impl Ticket {
    /// How it looks.
    #[must_use]
    pub fn face(&self) -> &Face {
        // There is always the first one.
        self.faces
            .last()
            .map(|(_, face)| face)
            .unwrap_or_else(|| unreachable!("a ticket has a face"))
    }

    /// How it looked at a moment; none before it was opened.
    #[must_use]
    pub fn face_at(&self, at: Timestamp) -> Option<&Face> {
        self.faces.iter().rev().find(|(since, _)| *since <= at).map(|(_, face)| face)
    }

    /// What had been done to it by a moment.
    #[must_use]
    pub fn history_at(&self, at: Timestamp) -> &[Entry] {
        let known = self.history.iter().take_while(|entry| entry.at <= at).count();
        self.history.get(..known).unwrap_or_default()
    }

    /// Who truly had it at a moment.
    #[must_use]
    pub fn had_by(&self, at: Timestamp) -> Option<&str> {
        let known = self.truth.iter().rev().find(|(since, _)| *since <= at);
        known.and_then(|(_, who)| who.as_deref())
    }
}

/// What stands on a ticket after these entries, the oldest first.
pub(crate) fn words(history: &[Entry]) -> Vec<Words<'_>> {
    let mut standing: Vec<Words<'_>> = Vec::new();
    for entry in history {
        let mut index = 0;
        for change in &entry.changes {
            match change {
                Change::Wrote { public, text } => {
                    let (public, rewritten) = (*public, None);
                    standing.push(Words { entry, index, public, text, rewritten });
                    index += 1;
                }
                Change::Rewrote { entry: serial, text } => {
                    let of = standing.iter_mut().filter(|words| words.entry.serial == *serial);
                    of.for_each(|words| (words.text, words.rewritten) = (text, Some(entry)));
                }
                Change::Unsaid { entry } => standing.retain(|words| words.entry.serial != *entry),
                Change::Opened | Change::Set { .. } | Change::Merged { .. } | Change::Deleted => {}
            }
        }
    }
    standing
}

impl Status {
    /// Whether it is still to be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Resolved | Self::Closed)
    }

    /// Its name in the office; vendors have their own.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Waiting(_) => "waiting",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Odd(name) => name,
        }
    }
}
