//! What an auditor makes of the events about writes: who wanted them, who approved what, which permits there were.

use belay_domain::{Decision, Digest, Event, EventKind};

use crate::audit::Whose;
use crate::command::{Choice, Cmd, Person};
use crate::law::{Law, Laws};
use crate::names::action_number;
use crate::terms::tick_of;

/// What a write is about. A small one needs nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Input {
    Small,
    Large,
    /// What a person made of it.
    Other,
}

/// How far a write is, as the events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reached {
    Proposed,
    Awaiting,
    Approved,
    Authorized,
    Dispatched,
    Executed,
    Unknown,
    Retrying,
    /// A read showed it as promised.
    Verified,
    /// A read showed something else.
    Diverged,
    Undoing,
    Undone,
    /// It is said to have taken no effect.
    Failed,
    Over,
}

/// One write, as the events tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paper {
    pub(crate) number: u8,
    pub(crate) input: Input,
    pub(crate) reached: Reached,
    pub(crate) attempts: u8,
    /// What was shown to people, with the input that it was about.
    pub(crate) shown: Vec<(Digest, Input)>,
    epoch: u64,
    /// Who approved which input.
    votes: Vec<(Person, Input)>,
    author: Option<Person>,
    /// Who named whom to look instead.
    handed: Vec<(Person, Person)>,
    quorum: u32,
    pub(crate) permits: u8,
    permit: Option<(u8, u8)>,
    /// When the attempt that runs has to have begun to be sent.
    pub(crate) until: u8,
    settled_at: u8,
    undone: bool,
    planned: bool,
}

/// The writes of the case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Papers {
    all: Vec<Paper>,
    /// The part of the plan that was undone last.
    undone_down_to: Option<u8>,
}

impl Input {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
            Self::Other => "other",
        }
    }

    fn of(text: &str) -> Self {
        match text {
            "small" => Self::Small,
            "large" => Self::Large,
            _ => Self::Other,
        }
    }
}

impl Reached {
    fn is_proved(self) -> bool {
        matches!(self, Self::Verified | Self::Diverged)
    }

    fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Proposed | Self::Awaiting | Self::Approved | Self::Authorized | Self::Retrying
        )
    }
}

impl Papers {
    pub(crate) fn all(&self) -> &[Paper] {
        &self.all
    }

    pub(crate) fn of(&self, number: u8) -> Option<&Paper> {
        self.all.iter().find(|paper| paper.number == number)
    }

    /// Whether a write that was let through has not been sent.
    pub(crate) fn any_let_through(&self) -> bool {
        self.all.iter().any(|paper| paper.reached != Reached::Proposed && paper.reached.is_unsent())
    }

    /// Whether a write is on its way that has not been sent.
    pub(crate) fn any_unsent(&self) -> bool {
        self.all.iter().any(|paper| paper.reached.is_unsent())
    }

    /// Within a plan, what was done later is undone earlier.
    fn is_next_to_undo(&mut self, number: u8) -> bool {
        if !self.of(number).is_some_and(|paper| paper.planned) {
            return true;
        }
        let last = self.undone_down_to.replace(number);
        let later_stands = self.all.iter().any(|paper| {
            let stands = matches!(paper.reached, Reached::Verified | Reached::Undoing);
            paper.planned && paper.number > number && stands
        });
        !later_stands && last.is_none_or(|last| number < last)
    }

    /// Reads one event. `owner` is the agent that holds the case with a running lease, if one does.
    pub(crate) fn read(
        &mut self,
        cmd: Cmd,
        event: &Event,
        owner: &Whose,
        epoch: u64,
        now: u8,
    ) -> Laws {
        let mut broken = Laws::NONE;
        if let EventKind::ActionProposed { action, epoch, input, plan, .. } = &event.kind {
            self.all.push(Paper::new(
                action_number(action).unwrap_or(0),
                Input::of(input),
                epoch.0,
                plan.is_some(),
            ));
            return broken;
        }
        if let EventKind::CompensationStarted { action, attempt: 1, .. } = &event.kind {
            broken.hold(Law::Idm7, self.is_next_to_undo(action_number(action).unwrap_or(0)));
        }
        let Some(number) = about(&event.kind) else { return broken };
        let Some(paper) = self.all.iter_mut().find(|paper| paper.number == number) else {
            return broken;
        };
        broken.and(paper.read(cmd, &event.kind, owner, epoch, now))
    }
}

impl Paper {
    fn new(number: u8, input: Input, epoch: u64, planned: bool) -> Self {
        Self {
            number,
            input,
            reached: Reached::Proposed,
            attempts: 0,
            shown: Vec::new(),
            epoch,
            votes: Vec::new(),
            author: None,
            handed: Vec::new(),
            quorum: 0,
            permits: 0,
            permit: None,
            until: 0,
            settled_at: 0,
            undone: false,
            planned,
        }
    }

    /// Whether no person has had a part in it yet.
    pub(crate) fn nobody_decided(&self) -> bool {
        let untouched = self.votes.is_empty() && self.handed.is_empty() && self.author.is_none();
        self.shown.len() == 1 && untouched
    }

    /// Whether somebody named this person to look instead.
    pub(crate) fn is_named(&self, person: Person) -> bool {
        self.handed.iter().any(|(_, to)| *to == person)
    }

    fn read(&mut self, cmd: Cmd, kind: &EventKind, owner: &Whose, epoch: u64, now: u8) -> Laws {
        let mut broken = Laws::NONE;
        match kind {
            EventKind::ActionAssessed { verdict, .. } => {
                broken.hold(Law::Apr4, self.reached == Reached::Proposed);
                self.input = Input::of(&verdict.input);
            }
            EventKind::ApprovalRequested { approval, .. } => {
                self.reached = Reached::Awaiting;
                self.shown.push((approval.binding, self.input));
                self.quorum = approval.terms.quorum;
                self.votes.clear();
                self.handed.clear();
            }
            EventKind::ApprovalDelegated { .. } => broken = broken.and(self.handed_on(cmd)),
            EventKind::ApprovalGiven { .. } => broken = broken.and(self.voted(cmd)),
            EventKind::ApprovalEnded { decision, .. } => {
                broken.hold(Law::Apr4, self.reached == Reached::Awaiting);
                self.reached =
                    if *decision == Decision::Approved { Reached::Approved } else { Reached::Over };
            }
            EventKind::ActionAmended { input, .. } => {
                self.input = Input::of(input);
                if let Cmd::Vote { person, .. } = cmd {
                    self.author = Some(person);
                }
                self.votes.clear();
                self.reached = Reached::Proposed;
            }
            EventKind::ActionAuthorized { permit, .. } => {
                broken = broken.and(self.may_happen());
                broken.hold(Law::Prm2, permit.epoch.0 == epoch && self.epoch == epoch);
                broken.hold(Law::Own2, matches!(owner, Whose::Agent(_)));
                self.permits += 1;
                let issued = format!("c/a{}/p{}", self.number, self.permits);
                broken.hold(Law::Prm1, permit.permit.as_str() == issued);
                self.permit = Some((self.permits, tick_of(permit.expires)));
                self.reached = Reached::Authorized;
            }
            EventKind::PermitExpired { .. } => self.permit = None,
            EventKind::ActionDispatched { attempt, permit, until, .. } => {
                broken = broken.and(self.may_happen());
                broken.hold(Law::Own2, self.epoch == epoch && matches!(owner, Whose::Agent(_)));
                if permit.is_some() {
                    let granted = self.permit.take();
                    let right = matches!(cmd, Cmd::Begin { forged: false, permit, .. }
                        if granted.is_some_and(|(number, _)| number == permit));
                    broken.hold(Law::Prm1, granted.is_some());
                    broken.hold(Law::Prm2, right && granted.is_some_and(|(_, end)| now < end));
                }
                self.attempts = u8::try_from(*attempt).unwrap_or(u8::MAX);
                self.until = tick_of(*until);
                self.reached = Reached::Dispatched;
            }
            EventKind::ActionExecuted { settle_until, .. } => {
                self.settled_at = tick_of(*settle_until);
                self.reached = Reached::Executed;
            }
            EventKind::ActionUnknown { settle_until, .. } => {
                broken.hold(Law::Idm4, self.reached == Reached::Dispatched);
                self.settled_at = tick_of(*settle_until);
                self.reached = Reached::Unknown;
            }
            EventKind::ActionRetried { .. } => {
                broken.hold(Law::Idm4, self.looked(cmd));
                self.reached = Reached::Retrying;
            }
            EventKind::ActionVerified { .. } | EventKind::ActionDiverged { .. } => {
                let looked = matches!(cmd, Cmd::Verify { .. });
                let asked = matches!(self.reached, Reached::Executed | Reached::Unknown);
                broken.hold(Law::Idm6, looked && asked);
                let verified = matches!(kind, EventKind::ActionVerified { .. });
                self.reached = if verified { Reached::Verified } else { Reached::Diverged };
            }
            EventKind::CompensationStarted { attempt: 1, .. } => {
                broken.hold(Law::Idm4, self.reached.is_proved() || self.undone);
                broken.hold(Law::Idm7, !self.undone && self.reached != Reached::Undoing);
                self.reached = Reached::Undoing;
            }
            EventKind::CompensationStarted { .. } => {
                broken.hold(Law::Idm7, self.reached == Reached::Undoing && !self.undone);
            }
            EventKind::ActionCompensated { .. } => {
                broken.hold(Law::Idm7, !self.undone && self.reached == Reached::Undoing);
                (self.undone, self.reached) = (true, Reached::Undone);
            }
            EventKind::ActionFailed { .. } => {
                // Given up without ever having been sent, or after a look.
                broken.hold(Law::Idm4, self.reached == Reached::Authorized || self.looked(cmd));
                self.reached = Reached::Failed;
            }
            EventKind::ActionDenied { .. } | EventKind::ActionShadowed { .. } => {
                broken.hold(Law::Apr4, self.reached == Reached::Proposed);
                self.reached = Reached::Over;
            }
            EventKind::CompensationFailed { .. } | EventKind::ActionWithdrawn { .. } => {
                self.reached = Reached::Over;
            }
            _ => {}
        }
        broken
    }

    /// `APR-2`: a yes is handed on by the one whose it is, before it is given, once.
    fn handed_on(&mut self, cmd: Cmd) -> Laws {
        let mut broken = Laws::NONE;
        let Cmd::Vote { person, choice: Choice::HandOn(to), .. } = cmd else {
            broken.hold(Law::Apr2, false);
            return broken;
        };
        let voted = self.votes.iter().any(|(known, _)| [person, to].contains(known));
        let had_one = self.is_named(person) || self.handed.iter().any(|(from, _)| *from == to);
        broken.hold(Law::Apr2, person != to && !voted && !had_one && self.author != Some(to));
        self.handed.push((person, to));
        broken
    }

    /// `APR-1`, `APR-2`: what one person said counts for what that person was shown.
    fn voted(&mut self, cmd: Cmd) -> Laws {
        let mut broken = Laws::NONE;
        let Cmd::Vote { person, shown, choice: Choice::Approve, .. } = cmd else {
            broken.hold(Law::Apr1, false);
            return broken;
        };
        broken.hold(Law::Apr2, self.author != Some(person));
        // Being named gives no right, and naming somebody gives it up.
        broken.hold(Law::Apr2, Person::ALL.contains(&person));
        broken.hold(Law::Apr2, self.handed.iter().all(|(from, _)| *from != person));
        broken.hold(Law::Apr2, self.votes.iter().all(|(known, _)| *known != person));
        if let Some((_, input)) = self.shown.get(usize::from(shown)) {
            self.votes.push((person, *input));
        }
        broken
    }

    /// `APR-1`, `APR-4`: a write that needs people has enough of them, for exactly this input.
    fn may_happen(&self) -> Laws {
        let mut broken = Laws::NONE;
        broken.hold(Law::Apr4, self.reached != Reached::Over);
        if self.input != Input::Small {
            let of_this = self.votes.iter().filter(|(_, input)| *input == self.input).count();
            let enough = self.quorum > 0 && of_this >= self.quorum as usize;
            broken.hold(Law::Apr1, enough && self.reached != Reached::Awaiting);
        }
        broken
    }

    /// Whether it has been looked for, late enough for an absence to mean something.
    fn looked(&self, cmd: Cmd) -> bool {
        self.reached == Reached::Unknown
            && matches!(cmd, Cmd::Verify { sent, .. } if sent >= self.settled_at)
    }
}

/// The write an event is about.
fn about(kind: &EventKind) -> Option<u8> {
    match kind {
        EventKind::ActionAssessed { action, .. }
        | EventKind::ActionDenied { action, .. }
        | EventKind::ActionShadowed { action }
        | EventKind::ApprovalRequested { action, .. }
        | EventKind::ApprovalGiven { action, .. }
        | EventKind::ApprovalDelegated { action, .. }
        | EventKind::ApprovalEnded { action, .. }
        | EventKind::ActionAmended { action, .. }
        | EventKind::ActionAuthorized { action, .. }
        | EventKind::PermitExpired { action, .. }
        | EventKind::ActionDispatched { action, .. }
        | EventKind::ActionExecuted { action, .. }
        | EventKind::ActionUnknown { action, .. }
        | EventKind::ActionRetried { action, .. }
        | EventKind::ActionFailed { action, .. }
        | EventKind::ActionVerified { action, .. }
        | EventKind::ActionDiverged { action, .. }
        | EventKind::ActionWithdrawn { action, .. }
        | EventKind::CompensationStarted { action, .. }
        | EventKind::ActionCompensated { action }
        | EventKind::CompensationFailed { action, .. } => action_number(action),
        _ => None,
    }
}
