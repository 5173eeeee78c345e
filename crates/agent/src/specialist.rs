//! What an agent's author writes: which cases to take, and what to do about one.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use belay_domain::Severity;

use crate::{Case, Offer};

/// A program that knows one business system well.
pub trait Specialist: Send + Sync + 'static {
    /// Whether to take a case. Takes every case unless written otherwise. The offer goes to somebody else
    /// when there is no answer before [`Offer::deadline`].
    fn consider(&self, offer: &Offer) -> impl Future<Output = Answer> + Send {
        let _ = offer;
        async { Answer::Accept }
    }

    /// Works on a case until it is resolved or somebody else's.
    ///
    /// The future is dropped at the point where it waits when the case is lost: its lease ran out, another
    /// agent or a person took it, it was closed. After an error the case is given back with the reason, or
    /// people are asked: see [`Trouble`]. A panic counts as an error.
    ///
    /// It may be called again for the same case when the process or the supervisor was restarted. Proposals
    /// and notes that are made again in the same order are recognised and take effect once.
    fn work(&self, case: &mut Case) -> impl Future<Output = Result<Done, Trouble>> + Send;
}

/// What to do with an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Take the case.
    Accept,
    /// Leave it to the next candidate, with the reason for people.
    Decline(String),
}

/// The case needs no more work of this agent. Comes from [`Case::resolve`], [`Case::hand_off`],
/// [`Case::escalate`] and [`Case::release`], and from nowhere else.
#[derive(Debug)]
#[must_use = "return it from `work`: the case is not worked on any more"]
pub struct Done {
    /// Whether the agent holds the case until somebody else has it.
    pub(crate) parting: bool,
    pub(crate) escalation: Option<String>,
}

/// Why the agent cannot go on with a case. Any error turns into one.
///
/// It is no error itself, so that `?` works on every error that is.
pub struct Trouble {
    reason: String,
    pub(crate) severity: Option<Asking>,
}

/// How urgently people are asked to take a case. `None`: as the case's own severity says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking(pub(crate) Option<Severity>);

impl Done {
    /// The escalation by which people are asked, after [`Case::escalate`].
    pub fn escalation(&self) -> Option<&str> {
        self.escalation.as_deref()
    }
}

impl Trouble {
    /// Gives the case back with this reason, so that somebody else is looked for at once.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), severity: None }
    }

    /// Asks people to take the case, for this reason. `None`: as urgently as the case is.
    pub fn for_people(reason: impl fmt::Display, severity: impl Into<Option<Severity>>) -> Self {
        Self { reason: reason.to_string(), severity: Some(Asking(severity.into())) }
    }

    /// What is wrong, for people.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl<E: Error + 'static> From<E> for Trouble {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            reason.push_str(": ");
            reason.push_str(&source.to_string());
            cause = source.source();
        }
        Self { reason, severity: None }
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trouble").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// The same as [`Specialist`], in a form that the session can hold without knowing its type.
pub(crate) trait Work: Send + Sync + 'static {
    fn consider<'a>(&'a self, offer: &'a Offer) -> Boxed<'a, Answer>;
    fn work<'a>(&'a self, case: &'a mut Case) -> Boxed<'a, Result<Done, Trouble>>;
}

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<S: Specialist> Work for S {
    fn consider<'a>(&'a self, offer: &'a Offer) -> Boxed<'a, Answer> {
        Box::pin(Specialist::consider(self, offer))
    }

    fn work<'a>(&'a self, case: &'a mut Case) -> Boxed<'a, Result<Done, Trouble>> {
        Box::pin(Specialist::work(self, case))
    }
}
