//! From answers to facts: what a queue, a ticket or a list of tickets shows.

use belay_domain::{
    Act, ActKind, ActorKind, QueueFacts, QueueId, ResolutionCode, StaffMember, Standing, Statement,
    TicketActor, TicketFacts, TicketId, TicketReading, TicketResolution,
};
use belay_expression::expression::{Expression, Scope};
use serde_json::{Value, json};

use crate::description::{Description, List, Statements};
use crate::dialog::list;
use crate::exchange::Trouble;
use crate::format::{Meaning, What};
use crate::people::{People, text};
use crate::settings::{Settings, id};
use crate::{Found, Wanted};

/// The most of a note that is passed on, in characters. The whole of it stays where it was written.
const NOTE_LENGTH_MAX: usize = 4_096;

/// The most links that are passed on with a resolution.
const LINKS_MAX: usize = 20;

/// What expressions give, with the place of what they do not.
pub(crate) struct Extract<'a> {
    pub(crate) description: &'a Description,
    pub(crate) settings: &'a Settings,
}

impl<'a> Extract<'a> {
    /// A queue and who is on it.
    pub(crate) fn queue(&self, queue: &QueueId, scope: &mut Scope) -> Result<QueueFacts, Trouble> {
        let rule = &self.description.inspect;
        if !holds(&rule.exists, scope, "inspect.exists")? {
            return Err(Trouble::refused("there is no such queue, or no right to see it"));
        }
        let enabled = holds(&rule.enabled, scope, "inspect.enabled")?;
        let accounts = list(&rule.accounts, scope, "inspect.accounts")?;
        let people = People::learn(self.description, self.settings, accounts, scope)?;
        let mut staff: Vec<StaffMember> = Vec::new();
        for member in list(&rule.members, scope, "inspect.members")? {
            scope.set("member", &member);
            let who = people.who(&value(&rule.member, scope, "inspect.member")?)?;
            let Some(TicketActor { name, kind }) = who else { continue };
            let on_shift = match value(&rule.member_on_shift, scope, "inspect.member_on_shift")? {
                Value::Null => None,
                Value::Bool(on) => Some(on),
                _ => return Err(odd("inspect.member_on_shift", "neither true, false nor null")),
            };
            let member = StaffMember {
                name,
                kind,
                enabled: holds(&rule.member_enabled, scope, "inspect.member_enabled")?,
                may_take: holds(&rule.member_may_take, scope, "inspect.member_may_take")?,
                on_shift,
            };
            // Somebody may be on a queue by several ways; one on which they can be reached is enough.
            match staff.iter_mut().find(|known| known.name == member.name) {
                Some(known) if !known.is_able() || known.on_shift == Some(false) => *known = member,
                Some(_) => {}
                None => staff.push(member),
            }
        }
        Ok(QueueFacts { queue: queue.clone(), enabled, staff })
    }

    /// What was answered about each of the tickets.
    pub(crate) fn tickets(
        &self,
        wanted: &[Wanted],
        scope: &mut Scope,
    ) -> Result<Vec<TicketReading>, Trouble> {
        let accounts = list(&self.description.read.accounts, scope, "read.accounts")?;
        let people = People::learn(self.description, self.settings, accounts, scope)?;
        let one = |one: &Wanted| {
            self.ticket(one, &people, scope).unwrap_or_else(|trouble| TicketReading::Unreadable {
                detail: format!("not understood: {trouble}"),
            })
        };
        Ok(wanted.iter().map(one).collect())
    }

    fn ticket(
        &self,
        wanted: &Wanted,
        people: &People<'_>,
        scope: &mut Scope,
    ) -> Result<TicketReading, Trouble> {
        let rule = &self.description.read;
        let called = self.settings.called(&wanted.queue);
        scope.set("ticket", &Value::from(wanted.ticket.as_str()));
        scope.set("queue", &Value::from(called));
        scope.set("correlation", &Value::from(wanted.correlation.as_str()));
        let record = value(&rule.record, scope, "read.record")?;
        if record.is_null() {
            return Ok(TicketReading::Missing);
        }
        scope.set("record", &record);
        let history = list(&rule.history, scope, "read.history")?;
        scope.set("history", &Value::from(history.clone()));
        let get = |expression, what| value(expression, scope, what);
        let ticket: TicketId = needed(&get(&rule.id, "read.id")?, "read.id")?;
        let in_queue = get(&rule.queue, "read.queue")?;
        let queue = match text(&in_queue) {
            Some(name) if name == called => wanted.queue.clone(),
            Some(name) => self.settings.queue(&name).ok_or_else(|| odd("read.queue", "no id"))?,
            None => return Err(odd("read.queue", "the ticket is in no queue")),
        };
        let status = get(&rule.status, "read.status")?;
        let status = text(&status).ok_or_else(|| odd("read.status", "the ticket has none"))?;
        let merged = get(&rule.merged_into, "read.merged_into")?;
        let standing = match text(&merged) {
            Some(_) => Standing::Merged { into: needed(&merged, "read.merged_into")? },
            None => self.standing(&status),
        };
        let revision = get(&rule.revision, "read.revision")?;
        let revision =
            revision.as_u64().ok_or_else(|| odd("read.revision", "it is no whole number"))?;
        let case = text(&get(&rule.case, "read.case")?).and_then(|case| case.parse().ok());
        let correlation = text(&get(&rule.correlation, "read.correlation")?);
        let holder = people.who(&get(&rule.holder, "read.holder")?)?;
        let resolution = match standing {
            Standing::Resolved | Standing::Rejected => Some(self.resolution(people, scope)?),
            _ => None,
        };
        let acts = self.acts(&history, people, scope)?;
        let correlation = correlation.and_then(|correlation| correlation.parse().ok());
        Ok(TicketReading::Present(Box::new(TicketFacts {
            ticket,
            case,
            correlation,
            queue,
            standing,
            revision,
            holder,
            acts,
            resolution,
        })))
    }

    fn acts(
        &self,
        history: &[Value],
        people: &People<'_>,
        scope: &mut Scope,
    ) -> Result<Vec<Act>, Trouble> {
        let rule = &self.description.read;
        let mut acts = Vec::new();
        for entry in history {
            scope.set("entry", entry);
            let mut fitting = None;
            for case in &rule.acts {
                if holds(&case.when, scope, "read.acts.when")? {
                    fitting = Some(case);
                    break;
                }
            }
            let what = fitting.map_or(What::Other, |case| case.what);
            if what == What::Nothing {
                continue;
            }
            let by = people.who(&value(&rule.by, scope, "read.by")?)?;
            let actor = match by {
                Some(actor) => actor,
                None => {
                    TicketActor { name: needed(&"?".into(), "read.by")?, kind: ActorKind::Unknown }
                }
            };
            let kind = match (what, fitting.and_then(|case| case.to.as_ref())) {
                (What::Holder, Some(to)) => match people.who(&value(to, scope, "read.acts.to")?)? {
                    None => ActKind::GaveBack,
                    Some(holder) if holder.name == actor.name => ActKind::Took,
                    Some(holder) => ActKind::Assigned { to: holder.name },
                },
                (What::Took, _) => ActKind::Took,
                (What::GaveBack, _) => ActKind::GaveBack,
                (What::Replied, _) => ActKind::Replied,
                (What::Noted, _) => ActKind::Noted,
                (What::ChangedState, _) => ActKind::ChangedState,
                (What::Moved, _) => ActKind::Moved,
                (What::Holder | What::Other | What::Nothing, _) => ActKind::Other,
            };
            acts.push(Act { actor, kind });
        }
        Ok(acts)
    }

    fn resolution(&self, people: &People<'_>, scope: &Scope) -> Result<TicketResolution, Trouble> {
        let rule = &self.description.read;
        let code = text(&value(&rule.code, scope, "read.resolution.code")?);
        let note = text(&value(&rule.note, scope, "read.resolution.note")?).unwrap_or_default();
        let links = match value(&rule.links, scope, "read.resolution.links")? {
            Value::Array(links) => links.iter().filter_map(text).take(LINKS_MAX).collect(),
            _ => Vec::new(),
        };
        Ok(TicketResolution {
            actor: people.who(&value(&rule.closed_by, scope, "read.resolution.by")?)?,
            code: code.and_then(|code| self.code(code.trim())),
            note: note.trim().chars().take(NOTE_LENGTH_MAX).collect(),
            links,
        })
    }

    /// What was written on a ticket. An account of which it is not sure that it said so is nobody known.
    pub(crate) fn statements(
        &self,
        rule: &Statements,
        scope: &mut Scope,
    ) -> Result<Vec<Statement>, Trouble> {
        let accounts = list(&rule.accounts, scope, "statements.accounts")?;
        let people = People::learn(self.description, self.settings, accounts, scope)?;
        let mut statements: Vec<Statement> = Vec::new();
        for said in list(&rule.said, scope, "statements.said")? {
            scope.set("statement", &said);
            let get = |expression, what| value(expression, scope, what);
            let id = text(&get(&rule.id, "statements.id")?);
            let id = id.ok_or_else(|| odd("statements.id", "a statement has none"))?;
            if statements.iter().any(|known| known.id == id) {
                return Err(odd("statements.id", &format!("two statements have the id {id}")));
            }
            let by = people.who(&get(&rule.by, "statements.by")?)?;
            let mut actor = by.ok_or_else(|| odd("statements.by", "nobody wrote a statement"))?;
            let sure = holds(&rule.sure, scope, "statements.sure")?;
            if !sure && actor.kind == ActorKind::Person {
                actor.kind = ActorKind::Unknown;
            }
            let text = text(&get(&rule.text, "statements.text")?).unwrap_or_default();
            let text = text.chars().take(NOTE_LENGTH_MAX).collect();
            statements.push(Statement { id, actor, text });
        }
        Ok(statements)
    }

    /// The code in the taxonomy's words, where the operator named them.
    fn code(&self, said: &str) -> Option<ResolutionCode> {
        self.settings.resolutions.get(said).cloned().or_else(|| id(said))
    }

    fn standing(&self, status: &str) -> Standing {
        match self.meaning(status) {
            Some(Meaning::Open) => Standing::Open,
            Some(Meaning::Resolved) => Standing::Resolved,
            Some(Meaning::Rejected) => Standing::Rejected,
            Some(Meaning::Deleted) => Standing::Deleted,
            None => Standing::Unknown { raw: status.to_owned() },
        }
    }

    pub(crate) fn meaning(&self, status: &str) -> Option<Meaning> {
        let own = self.settings.statuses.get(status);
        own.or_else(|| self.description.statuses.get(status)).copied()
    }

    /// The tickets of a list, and what its next page is asked for with.
    pub(crate) fn list(
        &self,
        rule: &List,
        scope: &mut Scope,
    ) -> Result<(Vec<Found>, Option<String>), Trouble> {
        let mut tickets = Vec::new();
        for found in list(&rule.tickets, scope, "tickets")? {
            scope.set("found", &found);
            let correlation = text(&value(&rule.correlation, scope, "correlation")?);
            let queue = text(&value(&rule.queue, scope, "queue")?);
            let holder = text(&value(&rule.holder, scope, "holder")?);
            tickets.push(Found {
                ticket: needed(&value(&rule.id, scope, "id")?, "id")?,
                correlation: correlation.and_then(|correlation| correlation.parse().ok()),
                case: text(&value(&rule.case, scope, "case")?).and_then(|case| case.parse().ok()),
                queue: queue.and_then(|queue| self.settings.queue(&queue)),
                holder: holder.and_then(|holder| id(&holder)),
                subject: text(&value(&rule.subject, scope, "subject")?),
                priority: text(&value(&rule.priority, scope, "priority")?),
            });
        }
        Ok((tickets, text(&value(&rule.next, scope, "next")?)))
    }
}

/// What is common to all expressions of an installation.
pub(crate) fn scope(description: &Description, settings: &Settings) -> Scope {
    Scope::new()
        .with("fields", &settings.fields(description))
        .with("ourselves", &Value::from(settings.service_account.as_str()))
}

/// The tickets that are wanted, as requests see them.
pub(crate) fn wanted(settings: &Settings, wanted: &[Wanted]) -> Value {
    let one = |one: &Wanted| {
        json!({
            "ticket": one.ticket.as_str(),
            "correlation": one.correlation.as_str(),
            "queue": settings.called(&one.queue),
        })
    };
    Value::Array(wanted.iter().map(one).collect())
}

pub(crate) fn value(expression: &Expression, scope: &Scope, what: &str) -> Result<Value, Trouble> {
    expression.value(scope).map_err(|why| odd(what, &why))
}

pub(crate) fn holds(expression: &Expression, scope: &Scope, what: &str) -> Result<bool, Trouble> {
    expression.holds(scope).map_err(|why| odd(what, &why))
}

/// An id that has to be there, as the system writes it.
pub(crate) fn needed<T: std::str::FromStr>(value: &Value, what: &str) -> Result<T, Trouble> {
    let found = text(value).and_then(|text| text.parse().ok());
    found.ok_or_else(|| odd(what, &format!("{value} is no id")))
}

fn odd(what: &str, why: &str) -> Trouble {
    Trouble::not_understood(format!("{what}: {why}"))
}
