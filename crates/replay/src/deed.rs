//! What people, rules and organisers do in an office.

#[cfg(test)]
mod tests;

use jiff::SignedDuration;

use crate::people::Kind;
use crate::ticket::{Change, Face, Field, Status, Via, words};
use crate::world::World;

/// Something that is done in an office. What makes no sense when its time comes is left undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody makes themselves the holder of a ticket.
    Take {
        /// Who.
        by: String,
    },
    /// The holder no longer has it.
    GiveBack {
        /// Who gives it back.
        by: String,
    },
    /// Somebody makes somebody else the holder.
    Assign {
        /// Who decides.
        by: String,
        /// Who has it now.
        to: String,
    },
    /// Somebody answers the customer.
    Reply {
        /// Who.
        by: String,
        /// What.
        text: String,
    },
    /// Somebody writes something that customers do not see.
    Note {
        /// Who.
        by: String,
        /// What.
        text: String,
    },
    /// Somebody changes what was written last, whoever wrote it.
    Rewrite {
        /// Who.
        by: String,
        /// What it says now.
        text: String,
    },
    /// Somebody deletes what was written last, whoever wrote it.
    Unsay {
        /// Who.
        by: String,
    },
    /// Somebody changes how the ticket stands.
    Become {
        /// Who.
        by: String,
        /// How it stands now.
        status: Status,
    },
    /// Somebody says that it is done.
    Resolve {
        /// Who.
        by: String,
        /// How, by the office's own code.
        code: Option<String>,
        /// What they wrote about it.
        note: Option<String>,
    },
    /// Somebody moves it to another queue.
    Move {
        /// Who.
        by: String,
        /// Where it is now.
        to: String,
    },
    /// Somebody makes it part of another ticket.
    Merge {
        /// Who.
        by: String,
        /// Which one.
        into: u64,
    },
    /// Somebody deletes it.
    Delete {
        /// Who.
        by: String,
    },
    /// It goes where accounts for programs may not look.
    Hide,
    /// It comes back from there.
    Show,
    /// Somebody does several things in one go.
    Edit {
        /// Who.
        by: String,
        /// What.
        edit: Edit,
    },
    /// Somebody can no longer log in, but stays a member of their queues.
    Disable {
        /// Who.
        person: String,
    },
    /// Somebody can log in again.
    Enable {
        /// Who.
        person: String,
    },
    /// Somebody no longer works on a queue.
    Leave {
        /// Who.
        person: String,
        /// Where.
        queue: String,
    },
    /// A member is on duty or not, or may own tickets or not.
    Duty {
        /// Who.
        person: String,
        /// Where.
        queue: String,
        /// On duty.
        on: bool,
    },
    /// A member may own tickets of a queue or not.
    MayTake {
        /// Who.
        person: String,
        /// Where.
        queue: String,
        /// They may.
        may: bool,
    },
    /// A queue is opened or closed.
    Open {
        /// Which.
        queue: String,
        /// Open.
        open: bool,
    },
}

/// Several things that change in one go. What is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Where it is.
    pub queue: Option<String>,
    /// Who has it; nobody is possible.
    pub holder: Option<Option<String>>,
    /// How it stands.
    pub status: Option<Status>,
    /// How it was resolved.
    pub code: Option<Option<String>>,
    /// What was written about the resolution.
    pub note: Option<Option<String>>,
    /// What is written on it, and whether customers see it.
    pub comments: Vec<(bool, String)>,
    /// Which ticket it becomes part of.
    pub merged: Option<u64>,
}

/// Which ticket a deed is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this number.
    Number(u64),
    /// The first that carries this correlation id.
    Correlation(String),
    /// None: the deed is about people or queues.
    Office,
}

/// What happens to a ticket, counted from when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub(crate) steps: Vec<(SignedDuration, Deed)>,
}

impl Script {
    /// A script in which nothing happens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And so long after the ticket is opened this happens.
    #[must_use]
    pub fn after(mut self, wait: SignedDuration, deed: Deed) -> Self {
        self.steps.push((wait, deed));
        self
    }

    /// And so many seconds after the ticket is opened this happens.
    #[must_use]
    pub fn at(self, seconds: i64, deed: Deed) -> Self {
        self.after(SignedDuration::from_secs(seconds), deed)
    }
}

impl Deed {
    /// Somebody takes it.
    pub fn take(by: &str) -> Self {
        Self::Take { by: by.to_owned() }
    }

    /// The holder gives it back.
    pub fn give_back(by: &str) -> Self {
        Self::GiveBack { by: by.to_owned() }
    }

    /// Somebody gives it to somebody else.
    pub fn assign(by: &str, to: &str) -> Self {
        Self::Assign { by: by.to_owned(), to: to.to_owned() }
    }

    /// Somebody writes a note.
    pub fn note(by: &str, text: &str) -> Self {
        Self::Note { by: by.to_owned(), text: text.to_owned() }
    }

    /// Somebody changes what was written last.
    pub fn rewrite(by: &str, text: &str) -> Self {
        Self::Rewrite { by: by.to_owned(), text: text.to_owned() }
    }

    /// Somebody deletes what was written last.
    pub fn unsay(by: &str) -> Self {
        Self::Unsay { by: by.to_owned() }
    }

    /// Somebody answers the customer.
    pub fn reply(by: &str, text: &str) -> Self {
        Self::Reply { by: by.to_owned(), text: text.to_owned() }
    }

    /// Somebody resolves it, with a code if one is given.
    pub fn resolve(by: &str, code: Option<&str>) -> Self {
        let note = code.map(|code| format!("resolved: {code}"));
        Self::Resolve { by: by.to_owned(), code: code.map(str::to_owned), note }
    }

    /// Somebody changes how it stands.
    pub fn become_(by: &str, status: Status) -> Self {
        Self::Become { by: by.to_owned(), status }
    }

    /// Somebody moves it.
    pub fn move_to(by: &str, to: &str) -> Self {
        Self::Move { by: by.to_owned(), to: to.to_owned() }
    }

    /// What it means for a ticket that looks so, and who does it; none if it makes no sense.
    fn edit(&self, face: &Face) -> Option<(&str, Edit)> {
        let open = face.status.is_open();
        let edit = Edit::default();
        Some(match self {
            Self::Take { by } if open => {
                let status = (face.status == Status::New).then_some(Status::Open);
                (by, Edit { holder: Some(Some(by.clone())), status, ..edit })
            }
            Self::GiveBack { by } if open && face.holder.is_some() => {
                (by, Edit { holder: Some(None), ..edit })
            }
            Self::Assign { by, to } if open => {
                (by, Edit { holder: Some(Some(to.clone())), ..edit })
            }
            Self::Reply { by, text } => (by, Edit { comments: vec![(true, text.clone())], ..edit }),
            Self::Note { by, text } => (by, Edit { comments: vec![(false, text.clone())], ..edit }),
            Self::Become { by, status } => (by, Edit { status: Some(status.clone()), ..edit }),
            Self::Resolve { by, code, note } if open => {
                let (code, note) = (Some(code.clone()), Some(note.clone()));
                (by, Edit { status: Some(Status::Resolved), code, note, ..edit })
            }
            Self::Move { by, to } => (by, Edit { queue: Some(to.clone()), ..edit }),
            Self::Merge { by, into } if open => {
                (by, Edit { status: Some(Status::Closed), merged: Some(*into), ..edit })
            }
            Self::Edit { by, edit } => (by, edit.clone()),
            _ => return None,
        })
    }
}

impl World {
    /// Does something at a moment, if it makes sense. Says whether it did.
    pub(crate) fn happen(&mut self, which: &Which, deed: &Deed, via: Option<Via>) -> bool {
        let number = match which {
            Which::Number(number) => *number,
            Which::Correlation(correlation) => match self.carrying(correlation).first() {
                Some(number) => *number,
                None => return false,
            },
            Which::Office => return self.organise(deed),
        };
        if self.organise(deed) {
            return true;
        }
        let Some(ticket) = self.tickets.get(&number) else { return false };
        let mut face = ticket.face().clone();
        if face.deleted {
            return false;
        }
        let done = match deed {
            Deed::Hide | Deed::Show => {
                face.hidden = *deed == Deed::Hide;
                self.show(number, face, None);
                return true;
            }
            Deed::Delete { by } => {
                face.deleted = true;
                Some((by.as_str(), vec![Change::Deleted]))
            }
            Deed::Rewrite { by, .. } | Deed::Unsay { by } => {
                let last = words(&ticket.history).last().map(|words| words.entry.serial);
                last.map(|entry| (by.as_str(), vec![unwritten(deed, entry)]))
            }
            _ => deed.edit(&face).map(|(by, edit)| (by, changes(&mut face, by, edit))),
        };
        let Some((by, changes)) = done.filter(|(_, changes)| !changes.is_empty()) else {
            return false;
        };
        let rule = self.people.get(by).is_none_or(|person| person.kind == Kind::Machine);
        let via = via.unwrap_or(if rule { Via::Rule } else { Via::Pages });
        face.revision += 1;
        face.updated = self.now;
        by.clone_into(&mut face.updated_by);
        let entry = self.entry(by, via, changes);
        self.show(number, face, Some(entry));
        true
    }

    /// Changes who is there. Says whether it did.
    fn organise(&mut self, deed: &Deed) -> bool {
        match deed {
            Deed::Disable { person } | Deed::Enable { person } => {
                let Some(person) = self.people.get_mut(person) else { return false };
                person.enabled = matches!(deed, Deed::Enable { .. });
            }
            Deed::Leave { person, queue } => {
                let Some(queue) = self.queues.get_mut(queue) else { return false };
                queue.members.retain(|member| member.person != *person);
            }
            Deed::Duty { person, queue, on } => {
                let Some(queue) = self.queues.get_mut(queue) else { return false };
                let members = queue.members.iter_mut();
                members.filter(|member| member.person == *person).for_each(|it| it.on_duty = *on);
            }
            Deed::MayTake { person, queue, may } => {
                let Some(queue) = self.queues.get_mut(queue) else { return false };
                let members = queue.members.iter_mut();
                members.filter(|member| member.person == *person).for_each(|it| it.may_take = *may);
            }
            Deed::Open { queue, open } => {
                let Some(queue) = self.queues.get_mut(queue) else { return false };
                queue.enabled = *open;
            }
            _ => return false,
        }
        self.reconsider();
        true
    }
}

/// Applies an edit to a face, and says what changed.
fn changes(face: &mut Face, by: &str, edit: Edit) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut set = |field, old: String, new: String| {
        if old != new {
            changes.push(Change::Set { field, old, new });
        }
    };
    let Edit { queue, holder, status, code, note, comments, merged } = edit;
    // Whoever has it and does something to it has it by an act of their own.
    let mut taken = face.taken || face.holder.as_deref() == Some(by);
    if let Some(queue) = queue {
        set(Field::Queue, std::mem::replace(&mut face.queue, queue.clone()), queue);
    }
    if let Some(holder) = holder {
        if face.holder != holder || holder.as_deref() == Some(by) {
            taken = holder.as_deref() == Some(by);
        }
        let old = std::mem::replace(&mut face.holder, holder.clone());
        set(Field::Holder, old.unwrap_or_default(), holder.unwrap_or_default());
    }
    if let Some(status) = status {
        let old = std::mem::replace(&mut face.status, status.clone());
        if old.is_open() != status.is_open() && status.is_open() {
            // Opened again: whoever had it must take it once more.
            taken = face.holder.as_deref() == Some(by);
            (face.code, face.note) = (None, None);
        }
        set(Field::Status, spelled(&old), spelled(&status));
    }
    if let Some(code) = code {
        let old = std::mem::replace(&mut face.code, code.clone());
        set(Field::Code, old.unwrap_or_default(), code.unwrap_or_default());
    }
    if let Some(note) = note {
        let old = std::mem::replace(&mut face.note, note.clone());
        set(Field::Note, old.unwrap_or_default(), note.unwrap_or_default());
    }
    if let Some(into) = merged {
        face.merged = Some(into);
        changes.push(Change::Merged { into });
    }
    for (public, text) in comments {
        changes.push(Change::Wrote { public, text });
    }
    face.taken = taken && face.holder.is_some();
    changes
}

/// What becomes of what was written in an entry.
fn unwritten(deed: &Deed, entry: u64) -> Change {
    match deed {
        Deed::Rewrite { text, .. } => Change::Rewrote { entry, text: text.clone() },
        _ => Change::Unsaid { entry },
    }
}

/// A status as a history keeps it. [`unspelled`] is the way back.
fn spelled(status: &Status) -> String {
    match status {
        Status::Waiting(why) => format!("waiting:{why}"),
        Status::Odd(name) => format!("odd:{name}"),
        plain => plain.name().to_owned(),
    }
}

/// The status that a history means.
pub(crate) fn unspelled(text: &str) -> Status {
    match text.split_once(':') {
        Some(("waiting", why)) => Status::Waiting(why.to_owned()),
        Some((_, name)) => Status::Odd(name.to_owned()),
        None => match text {
            "open" => Status::Open,
            "resolved" => Status::Resolved,
            "closed" => Status::Closed,
            _ => Status::New,
        },
    }
}
