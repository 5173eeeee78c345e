//! How a command ends: with an exit code that scripts can rely on, and, when it did not go well, with words for
//! the person who typed it: what happened, why, and what to do next.

mod hint;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::process::ExitCode;

use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What the exit codes mean, as `belay --help` ends.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed, or the answer is not what it should be
  2    the command was not understood
  3    there is no such case, approval, ticket ...
  4    refused: not allowed, or not in this state
  5    the supervisor cannot be reached, or cannot answer now
  6    something was found: uncovered cases, problems in a playbook, a broken journal
  130  interrupted";

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command was not understood.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// Refused.
    Refused = 4,
    /// The supervisor cannot be reached, or cannot answer now.
    Unavailable = 5,
    /// What was asked to be empty is not, or what was checked is not sound.
    Found = 6,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to do. Small, because nearly every function may give one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Box<Said>);

/// What is said of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What happened, a lower-case fragment.
    pub(crate) what: String,
    /// The stable reason, when the supervisor gave one.
    pub(crate) reason: Option<String>,
    /// The ids it is about, as the supervisor named them.
    pub(crate) about: Vec<(String, String)>,
    /// Fields that are wrong and things that have to happen first.
    pub(crate) details: Vec<(String, String)>,
    /// What to do next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure that is told in one sentence.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self(Box::new(Said {
            exit,
            what: what.into(),
            reason: None,
            about: Vec::new(),
            details: Vec::new(),
            hint: None,
        }))
    }

    /// [`Exit::Failed`] with an error and everything below it.
    pub(crate) fn of(what: impl fmt::Display, error: &dyn std::error::Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Some layers repeat what is below them.
            if !text.ends_with(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        Self::new(Exit::Failed, text)
    }

    /// With advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// For programs, one object.
    pub(crate) fn json(&self) -> Value {
        let pairs = |pairs: &[(String, String)]| {
            pairs
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
        };
        let details: Vec<Value> = self
            .details
            .iter()
            .map(|(subject, description)| json!({ "subject": subject, "description": description }))
            .collect();
        json!({ "error": {
            "exit": self.exit as u8,
            "reason": self.reason,
            "message": self.what,
            "about": pairs(&self.about),
            "details": details,
            "hint": self.hint,
        }})
    }
}

impl Deref for Failure {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Said {
        &mut self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        for (subject, description) in &self.details {
            if self.what.contains(subject) && self.what.contains(description) {
                continue; // A single wrong field is the message itself.
            }
            write!(f, "\n  {subject}: {description}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let mut failure = Self::new(exit_of(status.code()), message_of(&status));
        let details = status.get_error_details();
        if let Some(info) = details.error_info() {
            failure.hint = hint::for_reason(&info.reason).map(str::to_owned);
            failure.reason = Some(info.reason.clone());
            failure.about =
                info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            failure.about.sort();
        }
        if let Some(request) = details.bad_request() {
            let fields = request.field_violations.iter();
            failure.details.extend(fields.map(|v| (v.field.clone(), v.description.clone())));
        }
        if let Some(precondition) = details.precondition_failure() {
            let first = precondition.violations.iter();
            failure.details.extend(first.map(|v| (v.subject.clone(), v.description.clone())));
        }
        let retry = details.retry_info().and_then(|info| info.retry_delay);
        if let (None, Some(delay)) = (&failure.hint, retry) {
            failure.hint = Some(format!("try again in {:.1} s", delay.as_secs_f64()));
        }
        if failure.hint.is_none() {
            failure.hint = hint::for_code(status.code()).map(str::to_owned);
        }
        failure
    }
}

fn message_of(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_lowercase(),
        message => message.to_owned(),
    }
}

fn exit_of(code: Code) -> Exit {
    match code {
        Code::Ok => Exit::Done,
        Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
        Code::NotFound => Exit::NotFound,
        Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::AlreadyExists => Exit::Refused,
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Cancelled => Exit::Unavailable,
        Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Exit::Failed,
    }
}

#[cfg(test)]
mod tests;
