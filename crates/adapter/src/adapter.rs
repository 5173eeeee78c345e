//! What can be asked of one installation, each as a talk that says which request is next.

use std::sync::Arc;
use std::time::Duration;

use belay_domain::{
    CaseId, Correlation, PersonId, QueueFacts, QueueId, Severity, Standing, Statement, TicketFacts,
    TicketId, TicketReading,
};
use belay_expression::expression::Scope;
use serde_json::{Value, json};

use crate::description::{Ask, Description};
use crate::dialog::{Dialog, list};
use crate::exchange::{Answer, Request, Trouble};
use crate::extract::{self, Extract, needed, value};
use crate::format::CheckName;
use crate::people::text;
use crate::settings::{Settings, SettingsError};

/// A description and what one installation adds to it.
#[derive(Clone, Debug)]
pub struct Adapter {
    description: Arc<Description>,
    settings: Settings,
}

/// One thing that is asked of a system, in as many requests as that takes. It may be dropped at any time; what was
/// asked for then stays asked for.
pub struct Talk<'a, T> {
    dialog: Dialog<'a>,
    end: Box<End<'a, T>>,
}

/// What is made of the answers.
type End<'a, T> = dyn FnOnce(&mut Scope) -> Result<T, Trouble> + Send + 'a;

/// A ticket that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewTicket<'a> {
    /// The case it is for.
    pub case: &'a CaseId,
    /// What it is found again by.
    pub correlation: &'a Correlation,
    /// Where it is wanted.
    pub queue: &'a QueueId,
    /// What people see first.
    pub subject: &'a str,
    /// What they have to know.
    pub text: &'a str,
    /// How much it matters.
    pub severity: Severity,
}

/// A ticket that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The ticket.
    pub ticket: TicketId,
    /// The step it is for.
    pub correlation: Correlation,
    /// Where it should be.
    pub queue: QueueId,
}

/// A ticket that a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The ticket.
    pub ticket: TicketId,
    /// The correlation id on it, if it carries one.
    pub correlation: Option<Correlation>,
    /// The case id on it, if it carries one.
    pub case: Option<CaseId>,
    /// The queue it is in, if the list tells.
    pub queue: Option<QueueId>,
    /// Whose it is, if it is anybody's and the list tells.
    pub holder: Option<PersonId>,
    /// Its subject, if the list tells.
    pub subject: Option<String>,
    /// How urgent it is in the system's own words, if the list tells.
    pub priority: Option<String>,
}

/// A page of our open tickets, and what the next one is asked for with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurPage {
    /// The tickets.
    pub tickets: Vec<Found>,
    /// Where the next page begins; none if this was the last.
    pub next: Option<String>,
}

/// A ticket before something is done to it: what requests see of it, and what it shows.
#[derive(Clone, Debug)]
pub struct Seen {
    record: Value,
    /// What it shows.
    pub reading: TicketReading,
}

/// One thing that was looked at about a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What.
    pub check: CheckName,
    /// What was found.
    pub verdict: Proven,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// As it should be.
    Held,
    /// Not so, and what to do.
    Broken(String),
    /// It cannot be told, and why.
    Untold(String),
}

impl Adapter {
    /// An adapter for one installation.
    pub fn new(description: Arc<Description>, settings: Settings) -> Result<Self, SettingsError> {
        settings.check(&description)?;
        Ok(Self { description, settings })
    }

    /// The description.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Reads a queue and who is on it.
    pub fn inspect<'a>(&'a self, queue: &'a QueueId) -> Result<Talk<'a, QueueFacts>, Trouble> {
        let called = self.checked(self.settings.called(queue))?;
        let scope = self.scope().with("queue", &called.into());
        let end = move |scope: &mut Scope| self.extract().queue(queue, scope);
        Ok(self.talk(&self.description.inspect.asks, scope, end))
    }

    /// Finds the tickets that carry this correlation id, the oldest first.
    pub fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> Result<Talk<'a, Vec<TicketId>>, Trouble> {
        let wanted = self.checked(correlation.as_str())?;
        let scope = self.scope().with("correlation", &wanted.into());
        let rule = &self.description.find;
        let end = move |scope: &mut Scope| {
            let (found, _) = self.extract().list(rule, scope)?;
            // A search that understood something else must not pass for one that found.
            if found.iter().any(|ticket| ticket.correlation.as_ref() != Some(correlation)) {
                let detail = "the search answers with tickets that do not carry what was searched";
                return Err(Trouble::not_understood(detail));
            }
            Ok(found.into_iter().map(|ticket| ticket.ticket).collect())
        };
        Ok(self.talk(&rule.asks, scope, end))
    }

    /// Makes a ticket. The id is what the system answered, which proves nothing.
    pub fn create<'a>(&'a self, ticket: NewTicket<'a>) -> Result<Talk<'a, TicketId>, Trouble> {
        let severity = match ticket.severity {
            Severity::Critical => 1,
            Severity::High => 2,
            Severity::Normal => 3,
            Severity::Low => 4,
        };
        let scope = self
            .scope()
            .with("case", &self.checked(ticket.case.as_str())?.into())
            .with("correlation", &self.checked(ticket.correlation.as_str())?.into())
            .with("queue", &self.checked(self.settings.called(ticket.queue))?.into())
            .with("subject", &ticket.subject.into())
            .with("text", &ticket.text.into())
            .with("severity", &severity.into());
        let rule = &self.description.create;
        let end =
            move |scope: &mut Scope| needed(&value(&rule.id, scope, "create.id")?, "create.id");
        Ok(self.talk(&rule.asks, scope, end))
    }

    /// Reads tickets with what was done to them; at most as many as the description reads together. The readings come
    /// in the order asked for.
    pub fn read<'a>(
        &'a self,
        wanted: &'a [Wanted],
    ) -> Result<Talk<'a, Vec<TicketReading>>, Trouble> {
        let scope = self.reading(wanted)?;
        let end = move |scope: &mut Scope| self.extract().tickets(wanted, scope);
        Ok(self.talk(&self.description.read.asks, scope, end))
    }

    /// Reads one ticket before something is done to it.
    pub fn see<'a>(&'a self, wanted: &'a Wanted) -> Result<Talk<'a, Seen>, Trouble> {
        let wanted = std::slice::from_ref(wanted);
        let scope = self.reading(wanted)?;
        let end = move |scope: &mut Scope| {
            let reading = self.extract().tickets(wanted, scope)?.pop();
            let reading = reading.unwrap_or(TicketReading::Missing);
            let record = value(&self.description.read.record, scope, "read.record")?;
            Ok(Seen { record, reading })
        };
        Ok(self.talk(&self.description.read.asks, scope, end))
    }

    /// Reads what was written on a ticket. None if the description does not say how.
    pub fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> Result<Option<Talk<'a, Vec<Statement>>>, Trouble> {
        let Some(rule) = &self.description.statements else { return Ok(None) };
        let scope = self.scope().with("ticket", &self.checked(ticket.as_str())?.into());
        let end = move |scope: &mut Scope| self.extract().statements(rule, scope);
        Ok(Some(self.talk(&rule.asks, scope, end)))
    }

    /// Lists our open tickets, a page at a time. None if the system cannot.
    pub fn ours<'a>(&'a self, begin: Option<&str>) -> Option<Talk<'a, OurPage>> {
        let rule = self.description.ours.as_ref()?;
        let queues: Value = self.settings.queues.values().map(String::as_str).collect();
        let scope = self.scope().with("begin", &json!(begin)).with("queues", &queues);
        let end = move |scope: &mut Scope| {
            let (tickets, next) = self.extract().list(rule, scope)?;
            Ok(OurPage { tickets, next })
        };
        Some(self.talk(&rule.asks, scope, end))
    }

    /// Leaves a comment on a ticket. None if the description does not say how.
    pub fn comment<'a>(
        &'a self,
        ticket: &TicketId,
        seen: &Seen,
        note: &str,
    ) -> Option<Talk<'a, ()>> {
        let rule = self.description.withdraw.as_ref().filter(|rule| !rule.comment.is_empty())?;
        Some(self.talk(&rule.comment, self.about(ticket, seen, note), |_| Ok(())))
    }

    /// Closes a ticket. None if the description does not say how.
    pub fn close<'a>(&'a self, ticket: &TicketId, seen: &Seen, note: &str) -> Option<Talk<'a, ()>> {
        let rule = self.description.withdraw.as_ref().filter(|rule| !rule.close.is_empty())?;
        Some(self.talk(&rule.close, self.about(ticket, seen, note), |_| Ok(())))
    }

    /// Looks at what a route depends on besides the queue itself. None if the description says nothing.
    pub fn prove<'a>(
        &'a self,
        queue: &'a QueueId,
    ) -> Result<Option<Talk<'a, Vec<Proof>>>, Trouble> {
        let Some(rule) = &self.description.prove else { return Ok(None) };
        let called = self.checked(self.settings.called(queue))?;
        let scope = self.scope().with("queue", &called.into());
        let end = move |scope: &mut Scope| {
            let mut proofs = Vec::new();
            if !value(&rule.statuses, scope, "prove.statuses").is_ok_and(|it| it.is_null()) {
                let statuses = list(&rule.statuses, scope, "prove.statuses")?;
                proofs.push(self.mapped(&statuses));
            }
            for (check, held, remedy) in &rule.checks {
                let verdict = match held.value(scope) {
                    Ok(Value::Bool(true)) => Proven::Held,
                    Ok(Value::Bool(false)) => Proven::Broken(remedy.clone()),
                    Ok(_) => Proven::Untold(remedy.clone()),
                    Err(why) => Proven::Untold(why),
                };
                proofs.push(Proof { check: *check, verdict });
            }
            Ok(proofs)
        };
        Ok(Some(self.talk(&rule.asks, scope, end)))
    }

    /// How long nothing more should be asked, going by what an answer says of our budget.
    #[must_use]
    pub fn rest(&self, answer: &Answer) -> Option<Duration> {
        let pace = &self.description.pace;
        let left: i64 = answer.headers.get(pace.remaining.as_deref()?)?.trim().parse().ok()?;
        if left > 0 { None } else { answer.seconds(&pace.resets_in) }
    }

    fn mapped(&self, statuses: &[Value]) -> Proof {
        let names = statuses.iter().filter_map(text);
        let unmapped: Vec<String> =
            names.filter(|status| self.extract().meaning(status).is_none()).collect();
        let verdict = if unmapped.is_empty() {
            Proven::Held
        } else {
            Proven::Broken(format!("say what these mean, with statuses: {}", unmapped.join(", ")))
        };
        Proof { check: CheckName::StatusesMapped, verdict }
    }

    fn about(&self, ticket: &TicketId, seen: &Seen, note: &str) -> Scope {
        self.scope()
            .with("ticket", &ticket.as_str().into())
            .with("record", &seen.record)
            .with("note", &note.into())
    }

    fn reading(&self, wanted: &[Wanted]) -> Result<Scope, Trouble> {
        for one in wanted {
            self.checked(one.ticket.as_str())?;
            self.checked(one.correlation.as_str())?;
            self.checked(self.settings.called(&one.queue))?;
        }
        Ok(self.scope().with("wanted", &extract::wanted(&self.settings, wanted)))
    }

    /// A text that cannot change the meaning of a request.
    fn checked<'t>(&self, text: &'t str) -> Result<&'t str, Trouble> {
        let never = &self.description.never_in_ids;
        match text.chars().find(|letter| never.contains(*letter)) {
            None => Ok(text),
            Some(letter) => {
                Err(Trouble::refused(format!("{text:?} cannot be asked for, it holds {letter:?}")))
            }
        }
    }

    fn scope(&self) -> Scope {
        extract::scope(&self.description, &self.settings)
    }

    fn extract(&self) -> Extract<'_> {
        Extract { description: &self.description, settings: &self.settings }
    }

    fn talk<'a, T>(
        &'a self,
        asks: &'a [Ask],
        scope: Scope,
        end: impl FnOnce(&mut Scope) -> Result<T, Trouble> + Send + 'a,
    ) -> Talk<'a, T> {
        Talk { dialog: Dialog::new(&self.description, asks, scope), end: Box::new(end) }
    }
}

impl<T> Talk<'_, T> {
    /// The next request; none when there is nothing more to ask.
    pub fn ask(&mut self) -> Result<Option<Request>, Trouble> {
        self.dialog.next()
    }

    /// Takes the answer to the request that was given out last.
    pub fn hear(&mut self, answer: &Answer) -> Result<(), Trouble> {
        self.dialog.hear(answer)
    }

    /// What the answers show. To be called when there is nothing more to ask.
    pub fn end(mut self) -> Result<T, Trouble> {
        (self.end)(&mut self.dialog.scope)
    }
}

impl Seen {
    /// The facts, if there is such a ticket and it could be read.
    #[must_use]
    pub fn facts(&self) -> Option<&TicketFacts> {
        match &self.reading {
            TicketReading::Present(facts) => Some(facts),
            TicketReading::Missing | TicketReading::Unreadable { .. } => None,
        }
    }

    /// Whether somebody can still act on it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.facts().is_some_and(|facts| {
            matches!(facts.standing, Standing::Open | Standing::Unknown { .. })
        })
    }
}
