//! The five vendors, and what differs between them in stories that are told of all.

use belay_domain::Reading;
use belay_replay::Shared;

use super::{Itsm, Stage, goalert, jira, line, pager_duty, run, service_now, zendesk};

/// A vendor whose stand-in serves the office.
pub(super) struct Vendor {
    /// What a story that fails names.
    pub(super) name: &'static str,
    /// The office behind it.
    pub(super) stage: fn() -> Stage,
    /// Another way into an office, with nothing known of it.
    pub(super) itsm: fn(&Shared) -> Itsm,
    /// What its adapter calls the people of the office, and what the office calls them.
    names: &'static [(&'static str, &'static str)],
    /// What every ticket shows from the beginning, and is no part of any story.
    made: &'static str,
    /// What can be done with its tickets besides taking them, giving them back, and closing them.
    can: &'static [Can],
    /// How many of our tickets a page shows.
    pub(super) page: usize,
    /// How many entries of a history a page shows.
    pub(super) history: usize,
    /// How far its search lags in the story of that.
    pub(super) lag: i64,
    /// Of anna's note that she changed herself.
    pub(super) edited_by_her: &'static str,
    /// Of anna's note that ben changed.
    pub(super) edited_by_him: &'static str,
    /// Where it stands who wrote something.
    pub(super) writer: &'static str,
}

/// What not every vendor's tickets can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Can {
    /// Take notes, and show who wrote them.
    Note,
    /// Show customers what was written.
    Reply,
    /// Be given to somebody.
    Give,
    /// Be moved to another queue.
    Move,
    /// Become part of another one.
    Merge,
    /// Be deleted.
    Delete,
    /// Be in a state that only this office knows.
    BeOdd,
    /// Have a code for how they were resolved.
    Code,
    /// Be taken by the account that is ours.
    BeOurs,
}

/// All of them.
pub(super) const VENDORS: [Vendor; 5] = [
    Vendor {
        name: "ServiceNow",
        stage: service_now::stage,
        itsm: service_now::itsm,
        names: &[],
        made: "",
        can: &[
            Can::Note,
            Can::Reply,
            Can::Give,
            Can::Move,
            Can::Merge,
            Can::Delete,
            Can::BeOdd,
            Can::Code,
            Can::BeOurs,
        ],
        page: 200,
        history: 500,
        lag: 4,
        edited_by_her: "unknown anna: approve 0123",
        edited_by_him: "unknown anna: approve 0123",
        writer: "sys_created_by",
    },
    Vendor {
        name: "Jira Service Management",
        stage: jira::stage,
        itsm: jira::itsm,
        names: &[
            ("5b10a2844c20165700ed0001", "anna"),
            ("5b10a2844c20165700ed0002", "ben"),
            ("5b10a2844c20165700ed0004", "robot"),
            ("5b10a2844c20165700ed0005", "silent"),
        ],
        made: "",
        can: &[
            Can::Note,
            Can::Reply,
            Can::Give,
            Can::Move,
            Can::Merge,
            Can::Delete,
            Can::BeOdd,
            Can::Code,
            Can::BeOurs,
        ],
        page: 100,
        history: 100,
        lag: 15,
        edited_by_her: "anna: approve 0123",
        edited_by_him: "unknown anna: approve 0123",
        writer: "author",
    },
    Vendor {
        name: "Zendesk",
        stage: zendesk::stage,
        itsm: zendesk::itsm,
        names: &[("@office.example", ""), ("machine -1", "machine robot")],
        made: "",
        can: &[
            Can::Note,
            Can::Reply,
            Can::Give,
            Can::Move,
            Can::Merge,
            Can::Delete,
            Can::BeOdd,
            Can::Code,
            Can::BeOurs,
        ],
        page: 100,
        history: 100,
        lag: 200,
        // Nobody can change what was written there.
        edited_by_her: "anna: let me see",
        edited_by_him: "anna: let me see",
        writer: "author_id",
    },
    Vendor {
        name: "PagerDuty",
        stage: pager_duty::stage,
        itsm: pager_duty::itsm,
        names: &[
            ("PU00001", "anna"),
            ("PU00002", "ben"),
            ("PU00004", "robot"),
            ("PU00005", "silent"),
        ],
        // Every incident is assigned by the policy when it is made.
        made: "ourselves gave to anna",
        can: &[Can::Note, Can::Move, Can::Merge, Can::BeOdd, Can::BeOurs],
        page: 100,
        history: 100,
        lag: 4,
        edited_by_her: "unknown anna: approve 0123",
        edited_by_him: "unknown anna: approve 0123",
        writer: "user",
    },
    Vendor {
        name: "GoAlert",
        stage: goalert::stage,
        itsm: goalert::itsm,
        names: &[
            ("via%20Robot%20integration", "robot"),
            ("Anna", "anna"),
            ("Ben", "ben"),
            ("Silent", "silent"),
        ],
        made: "",
        can: &[],
        page: 100,
        history: 149,
        lag: 4,
        edited_by_her: "",
        edited_by_him: "",
        writer: "",
    },
];

impl Vendor {
    /// Whether its tickets can do all of that.
    pub(super) fn can(&self, all: &[Can]) -> bool {
        all.iter().all(|one| self.can.contains(one))
    }

    /// A line with the names that the office has for its people.
    pub(super) fn named(&self, line: &str) -> String {
        self.names.iter().fold(line.to_owned(), |line, (theirs, ours)| line.replace(theirs, ours))
    }

    /// A reading in a line, as every vendor shows it: how a ticket is taken differs in which states it goes through.
    pub(super) fn told(&self, reading: &Reading) -> String {
        let line = self.named(&line(reading));
        let parts = line.split("; ").filter(|part| {
            !part.ends_with(" changed state") && (self.made.is_empty() || *part != self.made)
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// Tells a story of every vendor whose tickets can do that.
#[track_caller]
pub(super) fn behind(needed: &[Can], story: impl AsyncFn(&Vendor, Stage)) {
    let able: Vec<&Vendor> = VENDORS.iter().filter(|vendor| vendor.can(needed)).collect();
    assert!(!able.is_empty(), "a story of nobody: {needed:?}");
    for vendor in able {
        // Shown if the story fails, wherever it fails.
        println!("behind {}", vendor.name);
        run(story(vendor, (vendor.stage)()));
    }
}
