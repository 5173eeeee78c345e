//! Who is there: queues, and the people and machines that work on them.

use std::collections::BTreeSet;

use jiff::Timestamp;

/// Somebody or something with a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What they log in with. Unique in the office.
    pub name: String,
    /// What they are.
    pub kind: Kind,
    /// They may log in.
    pub enabled: bool,
    /// The system says of a machine that it is one. Many do not.
    pub labelled: bool,
    /// What their account may do through the interface for programs.
    pub rights: BTreeSet<Right>,
    /// What they prove themselves with there, if they use it.
    pub secret: Option<String>,
    /// From when on the secret is refused.
    pub expires: Option<Timestamp>,
    /// Their place in the order of joining, from 1; vendors make their ids from it.
    pub serial: u64,
}

/// What somebody with a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A human being.
    Person,
    /// A rule, a bot or an integration.
    Machine,
}

/// What an account may do through the interface for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Open tickets.
    Create,
    /// Read and search tickets.
    Read,
    /// Read what happened to tickets, and who did it.
    History,
    /// Read queues and people.
    People,
    /// Comment on tickets.
    Comment,
    /// Change tickets otherwise.
    Write,
}

/// A queue, assignment group, project, service or rota: where tickets wait for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// What it is called. Unique in the office.
    pub name: String,
    /// Tickets may be put there.
    pub enabled: bool,
    /// Who works on it, in the order of joining.
    pub members: Vec<Member>,
    /// It has shifts: only members on duty are called.
    pub rota: bool,
    /// Its place in the order of opening, from 1; vendors make their ids from it.
    pub serial: u64,
}

/// One who works on a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: String,
    /// They may own its tickets.
    pub may_take: bool,
    /// They are on duty now. Says something only where the queue has shifts.
    pub on_duty: bool,
    /// The serial of the membership itself.
    pub serial: u64,
}

impl Person {
    /// A human being who works in the office and does not use the interface for programs.
    pub fn human(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Person,
            enabled: true,
            labelled: true,
            rights: BTreeSet::new(),
            secret: None,
            expires: None,
            serial: 0,
        }
    }

    /// A rule, bot or integration that the system shows to be one.
    pub fn machine(name: &str) -> Self {
        Self { kind: Kind::Machine, ..Self::human(name) }
    }

    /// An account for programs, with all rights.
    pub fn account(name: &str, secret: &str) -> Self {
        let rights = [
            Right::Create,
            Right::Read,
            Right::History,
            Right::People,
            Right::Comment,
            Right::Write,
        ];
        Self { rights: rights.into(), secret: Some(secret.to_owned()), ..Self::machine(name) }
    }

    /// Without one of the rights.
    #[must_use]
    pub fn without(mut self, right: Right) -> Self {
        self.rights.remove(&right);
        self
    }

    /// A machine that looks like anybody else.
    #[must_use]
    pub fn unlabelled(mut self) -> Self {
        self.labelled = false;
        self
    }

    /// With a secret that is refused from a moment on.
    #[must_use]
    pub fn until(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// What mail reaches them by.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}@office.example", self.name)
    }

    /// What others call them: the login with a capital.
    #[must_use]
    pub fn full_name(&self) -> String {
        let mut letters = self.name.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

impl Queue {
    /// A queue without shifts, with these members, who may all take its tickets.
    pub fn new(name: &str, members: &[&str]) -> Self {
        let member = |person: &&str| Member {
            person: (*person).to_owned(),
            may_take: true,
            on_duty: true,
            serial: 0,
        };
        Self {
            name: name.to_owned(),
            enabled: true,
            members: members.iter().map(member).collect(),
            rota: false,
            serial: 0,
        }
    }

    /// With shifts.
    #[must_use]
    pub fn with_rota(mut self) -> Self {
        self.rota = true;
        self
    }

    /// A member by name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.person == name)
    }
}
