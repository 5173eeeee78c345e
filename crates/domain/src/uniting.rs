//! What comes next between two cases that are the same matter, read off the two cases alone: whoever looks at them, and
//! whenever, after a crash too, finds the same step.

use crate::decide::{CONTACTS_MAX, CONTEXT_MAX};
use crate::{Case, CaseId, Command, Status};

/// What becomes of two open cases that are the same matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Union {
    /// One may be merged into the other.
    Merge {
        /// The one that goes.
        from: CaseId,
        /// The one that stays.
        into: CaseId,
    },
    /// Neither may go now. Both stay open, each with its own coverage.
    Wait {
        /// What stands in the way, for people.
        why: String,
    },
}

/// What comes next between two cases, seen from one of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing is left between the two.
    Over,
    /// One of the two is to be told this.
    Tell {
        /// Which.
        case: CaseId,
        /// What.
        command: Box<Command>,
    },
    /// One is to take over what was reported to the other.
    Absorb {
        /// The one that goes.
        from: CaseId,
        /// The one that stays.
        into: CaseId,
    },
    /// Nothing can be done now.
    Wait {
        /// What stands in the way, for people.
        why: String,
    },
}

/// What comes next between `ours` and the case `other`, which is `theirs` if there is such a case.
#[must_use]
pub fn next_between(ours: &Case, other: &CaseId, theirs: Option<&Case>) -> Next {
    if !ours.is_open() || !ours.ties.same.contains(other) {
        return Next::Over;
    }
    let tell =
        |case: &CaseId, command| Next::Tell { case: case.clone(), command: Box::new(command) };
    let part =
        |why: &str| tell(&ours.id, Command::Part { with: other.clone(), why: why.to_owned() });
    let shares =
        |with: &CaseId| Command::ShareMatter { with: with.clone(), fingerprint: None, by: None };
    let Some(theirs) = theirs else { return part("there is no such case") };
    match &theirs.status {
        Status::Unopened => part("there is no such case"),
        // Whoever resolved it knew of what was reported here: then this is resolved as well.
        Status::Resolved { .. }
            if ours.ties.into.as_ref() == Some(other) && ours.may_end_in(theirs).is_ok() =>
        {
            tell(&ours.id, merge(ours, other))
        }
        Status::Resolved { .. } => part("it was resolved"),
        Status::Merged { into, .. } if *into == ours.id => part("it was merged into this one"),
        Status::Merged { into, .. }
            if !ours.ties.same.contains(into) && !ours.ties.apart.contains(into) =>
        {
            tell(&ours.id, shares(into))
        }
        Status::Merged { .. } => part("it was merged into another"),
        Status::Open if theirs.ties.apart.contains(&ours.id) => {
            part("a person says that it is another matter")
        }
        Status::Open if !theirs.ties.same.contains(&ours.id) => tell(other, shares(&ours.id)),
        Status::Open => between_open(ours, theirs),
    }
}

/// Both are open and know of each other.
fn between_open(ours: &Case, theirs: &Case) -> Next {
    let tell =
        |case: &CaseId, command| Next::Tell { case: case.clone(), command: Box::new(command) };
    let (goes, stays) = match (&ours.ties.into, &theirs.ties.into) {
        (Some(into), None) if *into == theirs.id => (ours, theirs),
        (None, Some(into)) if *into == ours.id => (theirs, ours),
        (None, None) => {
            return match ours.union_with(theirs) {
                Union::Wait { why } => Next::Wait { why },
                Union::Merge { from, into } => tell(&from, Command::ProposeMerge { into }),
            };
        }
        (Some(into), _) | (None, Some(into)) => {
            return Next::Wait { why: format!("one of the two is being merged into {into}") };
        }
    };
    match goes.may_end_in(stays) {
        Ok(()) => tell(&goes.id, merge(goes, &stays.id)),
        Err(why) => {
            let taken = stays.ties.absorbed.get(&goes.id);
            if taken.is_some_and(|taken| taken.reported == goes.reported()) {
                Next::Wait { why }
            } else {
                Next::Absorb { from: goes.id.clone(), into: stays.id.clone() }
            }
        }
    }
}

fn merge(goes: &Case, into: &CaseId) -> Command {
    Command::Merge { into: into.clone(), reported: goes.reported() }
}

impl Case {
    /// Which of two open cases of one matter may be merged into the other.
    ///
    /// A case on which something stands, be it a write that is not settled, an offer, or a person who looks into it, stays:
    /// closing it would lose that. Otherwise the one that somebody holds stays, so that no cover is given up; and of two
    /// that are held, or not, the older: its people have been asked for longest, and its name is the one that was given
    /// out. The answer is the same from both sides, and depends on nothing but the two.
    #[must_use]
    pub fn union_with(&self, other: &Case) -> Union {
        let age = |case: &Case| (case.opened_at, case.id.clone());
        let (stays, goes) = match (self.stands(), other.stands()) {
            (Some(own), Some(others)) => {
                return Union::Wait { why: format!("{own}, and {others}") };
            }
            (Some(_), None) => (self, other),
            (None, Some(_)) => (other, self),
            (None, None) if self.is_held() != other.is_held() => {
                if self.is_held() {
                    (self, other)
                } else {
                    (other, self)
                }
            }
            (None, None) if age(self) <= age(other) => (self, other),
            (None, None) => (other, self),
        };
        if goes.is_held() && !stays.is_held() {
            let why = format!("nobody holds {} yet, and somebody holds {}", stays.id, goes.id);
            return Union::Wait { why };
        }
        if !stays.has_room_for(goes) {
            let why = format!("{} has no room for what was reported to {}", stays.id, goes.id);
            return Union::Wait { why };
        }
        Union::Merge { from: goes.id.clone(), into: stays.id.clone() }
    }

    /// Whether this case may be over, merged into one that took over everything that was reported to it and whose people
    /// know of it; why not yet, otherwise.
    pub fn may_end_in(&self, stays: &Case) -> Result<(), String> {
        if let Some(why) = self.stands() {
            return Err(why);
        }
        let Some(absorbed) = stays.ties.absorbed.get(&self.id) else {
            return Err(format!(
                "{} has not taken over what was reported to {}",
                stays.id, self.id
            ));
        };
        if absorbed.reported != self.reported() {
            return Err(format!("more was reported to {} meanwhile", self.id));
        }
        if !absorbed.told {
            return Err(format!(
                "whoever has {} has not been seen to know of {}",
                stays.id, self.id
            ));
        }
        if stays.is_open() && self.is_held() && !stays.is_held() {
            return Err(format!("nobody holds {}, and somebody holds {}", stays.id, self.id));
        }
        Ok(())
    }

    /// Whether everything that was reported to another case can be kept here as well, with room for one entry about it.
    fn has_room_for(&self, other: &Case) -> bool {
        let entries = self.context.entries().len() + other.context.entries().len();
        let contacts = self.contacts.len() + other.contacts.len();
        entries < CONTEXT_MAX && contacts <= CONTACTS_MAX
    }
}
