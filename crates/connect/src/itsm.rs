//! Any ticket system that somebody has described: ServiceNow, Jira Service Management, Zendesk, PagerDuty, GoAlert, or
//! a user's own.
//!
//! The description says which requests to send and what the answers show; this carries the requests. Each exchange is
//! bounded, a look is bounded as a whole, the system's pace is kept, and a write is never repeated.

mod carrying;
mod config;
mod memory;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use belay_adapter::{Adapter, CheckName, Proven, Seen, Trouble, TroubleKind};
use belay_domain::{
    ActKind, ActorKind, Correlation, QueueFacts, QueueId, Reading, Statement, TicketFacts,
    TicketId, TicketReading,
};

pub use config::{ItsmConfig, ItsmError};

use crate::health::{Line, Pace, RateLimit};
use crate::http::{Exchange, Http, HttpTerms, Service};
use crate::human_queue::inspected;
use crate::placing::Settling;
use crate::proof::{Finding, RouteCheck};
use crate::{
    BoxFuture, HumanQueue, NewTicket, OurTicket, OurTickets, QueueError, QueueErrorKind, Wanted,
};
use memory::Memory;
use token::Secret;

/// The most of an answer that is read. A page of history is some hundred kilobytes.
const ANSWER_LENGTH_MAX: usize = 8 * 1024 * 1024;

/// How long a request may wait for its turn before the look is given up.
const WAIT_MOST: Duration = Duration::from_secs(20);

/// A ticket system, as somebody described it.
pub struct Itsm {
    adapter: Adapter,
    http: Http,
    secret: Secret,
    pace: Pace,
    timeout: Duration,
    memory: Memory,
}

impl Itsm {
    /// An installation, not yet spoken to.
    pub fn new(config: ItsmConfig) -> Result<Self, ItsmError> {
        let http = Http::new(&HttpTerms {
            base_url: config.base_url.clone(),
            timeout: config.timeout,
            answer_max: ANSWER_LENGTH_MAX,
            roots_pem: config.roots_pem.clone(),
        })?;
        Self::with(config, http)
    }

    /// An installation that is in this process, such as an axum router. Waits by the runtime's clock only.
    pub fn over(service: impl Service, config: ItsmConfig) -> Result<Self, ItsmError> {
        let http = Http::new(&HttpTerms {
            base_url: config.base_url.clone(),
            timeout: config.timeout,
            answer_max: ANSWER_LENGTH_MAX,
            roots_pem: None,
        })?;
        Self::with(config, http.within(Arc::new(service)))
    }

    fn with(config: ItsmConfig, http: Http) -> Result<Self, ItsmError> {
        let limit = config.pace.unwrap_or_else(|| {
            let pace = config.description.pace();
            RateLimit { burst: pace.burst, every: pace.every, wait_most: WAIT_MOST }
        });
        let secret = Secret::new(config.description.auth(), &config.secret)?;
        Ok(Self {
            adapter: Adapter::new(config.description, config.settings)?,
            http,
            secret,
            pace: Pace::new(limit),
            timeout: config.timeout,
            memory: Memory::default(),
        })
    }

    /// What is known of several tickets of which each is wanted in its queue; queues are looked at once.
    async fn readings(&self, wanted: &[Wanted]) -> Vec<Reading> {
        let queues: BTreeSet<&QueueId> = wanted.iter().map(|one| &one.queue).collect();
        let mut looked = Vec::with_capacity(queues.len());
        for queue in queues {
            looked.push((queue, self.look(Line::Looks, self.adapter.inspect(queue)).await.ok()));
        }
        let wanted: Vec<belay_adapter::Wanted> = wanted.iter().map(described).collect();
        let mut readings = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(self.adapter.description().at_once()) {
            let tickets = match self.look(Line::Looks, self.adapter.read(some)).await {
                Ok(tickets) => tickets,
                Err(error) => {
                    let detail = error.to_string();
                    vec![TicketReading::Unreadable { detail }; some.len()]
                }
            };
            for (one, ticket) in some.iter().zip(tickets) {
                let queue = looked.iter().find(|(queue, _)| **queue == one.queue);
                let queue = queue.and_then(|(_, facts)| facts.clone());
                readings.push(Reading { ticket, queue });
            }
        }
        readings
    }

    /// Reads a ticket before something is done to it; where it is wanted does not matter.
    async fn see(&self, ticket: &TicketId) -> Result<Seen, QueueError> {
        let anywhere = || QueueError::new(QueueErrorKind::Refused, "a ticket without a queue");
        let wanted = belay_adapter::Wanted {
            ticket: ticket.clone(),
            correlation: ticket.as_str().parse().map_err(|_| anywhere())?,
            queue: "-".parse().map_err(|_| anywhere())?,
        };
        let seen = self.look(Line::Others, self.adapter.see(&wanted)).await?;
        match &seen.reading {
            TicketReading::Unreadable { detail } => {
                Err(QueueError::new(QueueErrorKind::NotUnderstood, detail.clone()))
            }
            TicketReading::Missing | TicketReading::Present(_) => Ok(seen),
        }
    }

    /// Whether a note of ours with these words is on a ticket. Where it cannot be told what we wrote there, anything of
    /// ours may be it.
    async fn has_said(
        &self,
        ticket: &TicketId,
        facts: &TicketFacts,
        note: &str,
    ) -> Result<bool, QueueError> {
        if !said(facts) {
            return Ok(false);
        }
        let statements = match self.adapter.statements(ticket).map_err(told)? {
            Some(talk) => self.look(Line::Others, Ok(talk)).await,
            None => return Ok(true),
        };
        match statements {
            Ok(statements) => Ok(statements.iter().any(|one| {
                one.actor.kind == ActorKind::Ourselves
                    && one.text.split_whitespace().eq(note.split_whitespace())
            })),
            Err(error) if error.kind == QueueErrorKind::Refused => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn close_unheld(&self, ticket: &TicketId, note: &str) -> Result<(), QueueError> {
        let seen = self.see(ticket).await?;
        let Some(facts) = seen.facts().filter(|_| seen.is_open()) else { return Ok(()) };
        let told = self.adapter.comment(ticket, &seen, note).is_some();
        if told && !self.has_said(ticket, facts, note).await? {
            let detail = "the comment was accepted and is not there";
            return Err(QueueError::new(QueueErrorKind::Refused, detail));
        }
        if facts.holder.as_ref().is_some_and(|holder| holder.kind != ActorKind::Ourselves) {
            return Ok(());
        }
        match self.adapter.close(ticket, &seen, note) {
            None => Ok(()),
            Some(close) => match self.carry(Line::Others, Ok(close)).await {
                Err(error) if error.retryable() => Err(error),
                // Not being allowed to is fine: the comment is there.
                _ => Ok(()),
            },
        }
    }
}

impl HumanQueue for Itsm {
    fn inspect<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<QueueFacts, QueueError>> {
        Box::pin(self.look(Line::Others, self.adapter.inspect(queue)))
    }

    fn find<'a>(
        &'a self,
        correlation: &'a Correlation,
    ) -> BoxFuture<'a, Result<Vec<TicketId>, QueueError>> {
        Box::pin(self.look(Line::Others, self.adapter.find(correlation)))
    }

    fn create<'a>(&'a self, ticket: &'a NewTicket) -> BoxFuture<'a, Result<TicketId, QueueError>> {
        Box::pin(self.carry(
            Line::Others,
            self.adapter.create(belay_adapter::NewTicket {
                case: &ticket.case,
                correlation: &ticket.correlation,
                queue: &ticket.queue,
                subject: &ticket.subject,
                text: &ticket.body,
                severity: ticket.severity,
            }),
        ))
    }

    fn read<'a>(&'a self, ticket: &'a TicketId, queue: &'a QueueId) -> BoxFuture<'a, Reading> {
        Box::pin(async move {
            let unreadable = |detail: &str| Reading {
                ticket: TicketReading::Unreadable { detail: detail.to_owned() },
                queue: None,
            };
            // One that is read by its id needs no correlation id to be found by.
            let Ok(correlation) = ticket.as_str().parse() else {
                return unreadable("it has no id");
            };
            let (ticket, queue) = (ticket.clone(), queue.clone());
            let wanted = [Wanted { ticket, queue, correlation }];
            self.readings(&wanted).await.pop().unwrap_or_else(|| unreadable("it was not read"))
        })
    }

    fn read_many<'a>(&'a self, wanted: &'a [Wanted]) -> BoxFuture<'a, Vec<Reading>> {
        Box::pin(self.readings(wanted))
    }

    fn reads_at_once(&self) -> usize {
        self.adapter.description().at_once()
    }

    /// One: every request waits for its turn by itself.
    fn requests_for(&self, _: &[Wanted]) -> u32 {
        1
    }

    fn ours<'a>(&'a self, page: Option<&'a str>) -> BoxFuture<'a, Result<OurTickets, QueueError>> {
        Box::pin(async move {
            let Some(talk) = self.adapter.ours(page) else {
                let detail = "this system's adapter cannot list our tickets";
                return Err(QueueError::new(QueueErrorKind::Refused, detail));
            };
            let page = self.look(Line::Others, Ok(talk)).await?;
            let ours = page.tickets.into_iter().filter_map(|found| {
                // Without our mark it is nobody's ticket of ours.
                let correlation = found.correlation?;
                Some(OurTicket {
                    ticket: found.ticket,
                    correlation,
                    case: found.case,
                    queue: found.queue,
                    holder: found.holder,
                    subject: found.subject,
                    priority: found.priority,
                })
            });
            Ok(OurTickets { tickets: ours.collect(), next: page.next })
        })
    }

    fn prove<'a>(&'a self, queue: &'a QueueId) -> BoxFuture<'a, Result<Vec<Finding>, QueueError>> {
        Box::pin(async move {
            let mut findings = inspected(&self.inspect(queue).await?);
            if let Some(talk) = self.adapter.prove(queue).map_err(told)? {
                let proofs = self.look(Line::Others, Ok(talk)).await?;
                findings.extend(proofs.into_iter().map(|proof| {
                    let check = match proof.check {
                        CheckName::Readable => RouteCheck::Readable,
                        CheckName::RightsSuffice => RouteCheck::RightsSuffice,
                        CheckName::RightsNotExcessive => RouteCheck::RightsNotExcessive,
                        CheckName::StatusesMapped => RouteCheck::StatusesMapped,
                    };
                    match proof.verdict {
                        Proven::Held => Finding::held(check),
                        Proven::Broken(why) => Finding::broken(check, why),
                        Proven::Untold(why) => Finding::untold(check, why),
                    }
                }));
            }
            for check in [
                RouteCheck::Readable,
                RouteCheck::StatusesMapped,
                RouteCheck::RightsSuffice,
                RouteCheck::RightsNotExcessive,
            ] {
                if !findings.iter().any(|finding| finding.check == check) {
                    let why = "this system's adapter does not say how to look";
                    findings.push(Finding::untold(check, why));
                }
            }
            findings.sort_by_key(|finding| finding.check);
            Ok(findings)
        })
    }

    fn statements<'a>(
        &'a self,
        ticket: &'a TicketId,
    ) -> BoxFuture<'a, Result<Vec<Statement>, QueueError>> {
        Box::pin(async move {
            match self.adapter.statements(ticket).map_err(told)? {
                Some(talk) => self.look(Line::Looks, Ok(talk)).await,
                None => {
                    let detail = "this system's adapter cannot tell who wrote what on a ticket";
                    Err(QueueError::new(QueueErrorKind::Refused, detail))
                }
            }
        })
    }

    fn withdraw<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let seen = self.see(ticket).await?;
            // Closed is closed, and what our ticket was merged into is somebody else's.
            let Some(facts) = seen.facts().filter(|_| seen.is_open()) else { return Ok(()) };
            if facts.ticket != *ticket {
                return Ok(());
            }
            if !self.has_said(ticket, facts, note).await? {
                match self.adapter.comment(ticket, &seen, note) {
                    Some(comment) => self.carry(Line::Others, Ok(comment)).await?,
                    // Where nothing can be said, only what nobody holds can be withdrawn.
                    None if facts.holder.is_some() => {
                        let detail = "somebody holds it, and this system has no way to tell them";
                        return Err(QueueError::new(QueueErrorKind::Refused, detail));
                    }
                    None => {}
                }
            }
            self.close_unheld(ticket, note).await
        })
    }

    fn overheard(&self) -> Option<Vec<Exchange>> {
        Some(self.http.overheard().take())
    }

    fn tell<'a>(
        &'a self,
        ticket: &'a TicketId,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let seen = self.see(ticket).await?;
            let Some(facts) = seen.facts().filter(|_| seen.is_open()) else { return Ok(()) };
            if facts.ticket != *ticket || self.has_said(ticket, facts, note).await? {
                return Ok(());
            }
            match self.adapter.comment(ticket, &seen, note) {
                Some(comment) => self.carry(Line::Others, Ok(comment)).await,
                None => {
                    let detail = "nothing can be written on a ticket of this system";
                    Err(QueueError::new(QueueErrorKind::Refused, detail))
                }
            }
        })
    }

    fn settling(&self) -> Settling {
        Settling { within: self.adapter.description().settles_within(), ..Settling::default() }
    }
}

/// Whether we wrote something on a ticket already.
fn said(facts: &TicketFacts) -> bool {
    facts.acts.iter().any(|act| {
        act.actor.kind == ActorKind::Ourselves
            && matches!(act.kind, ActKind::Noted | ActKind::Replied)
    })
}

fn described(wanted: &Wanted) -> belay_adapter::Wanted {
    belay_adapter::Wanted {
        ticket: wanted.ticket.clone(),
        correlation: wanted.correlation.clone(),
        queue: wanted.queue.clone(),
    }
}

fn told(trouble: Trouble) -> QueueError {
    let kind = match trouble.kind {
        TroubleKind::Refused => QueueErrorKind::Refused,
        TroubleKind::Unauthorized => QueueErrorKind::Unauthorized,
        TroubleKind::RateLimited { retry_after } => QueueErrorKind::RateLimited { retry_after },
        TroubleKind::Unavailable => QueueErrorKind::Unavailable,
        TroubleKind::Unknown => QueueErrorKind::Unknown,
        TroubleKind::NotUnderstood => QueueErrorKind::NotUnderstood,
    };
    QueueError::new(kind, trouble.detail)
}

impl fmt::Debug for Itsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Itsm")
            .field("adapter", &self.adapter.description().name())
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
