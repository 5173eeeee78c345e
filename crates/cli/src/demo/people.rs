//! The people of the demonstration. They work at the desk and decide approvals through the same API as any person, each
//! with a token of their own, and see nothing that a person would not see.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use belay_api::v1;

use super::answers::{Answer, Answers};
use super::api::{Door, PATIENCE, may_pass, patiently};
use crate::connection::Connection;
use crate::exit::{Exit, Failure};
use crate::pages;

/// How often people look whether there is something to do.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long people take to read a ticket.
const READING: Duration = Duration::from_millis(1_200);
/// How long people take to finish one.
const WORKING: Duration = Duration::from_millis(1_800);
/// How tickets begin that ask for a decision and not for taking a case.
const TO_DECIDE: &str = "Please decide";
/// The most tickets that a demonstration can have.
const TICKETS_MAX: u32 = 2_000;

/// Somebody.
#[derive(Clone)]
pub(crate) struct Person {
    /// The subject of their token.
    pub(crate) name: &'static str,
    connection: Connection,
    answers: Answers,
}

/// Everybody.
pub(crate) struct Cast {
    /// Works on money, agrees to refunds.
    pub(crate) ann: Person,
    /// Works on money, agrees to refunds.
    pub(crate) ben: Person,
    /// Works on everything else, agrees to changes of orders.
    pub(crate) cara: Person,
    /// Works on everything else, agrees to changes of orders.
    pub(crate) dan: Person,
    /// Answers when nobody else does.
    pub(crate) lea: Person,
    /// Runs the billing agents, and would agree to what they propose.
    pub(crate) oscar: Person,
}

impl Cast {
    /// Everybody gets a token.
    pub(crate) fn new(door: &Door, answers: &Answers) -> Result<Self, Failure> {
        let person = |name: &'static str, groups: &[&str]| {
            let connection = door.person(name, groups)?;
            Ok::<_, Failure>(Person { name, connection, answers: answers.clone() })
        };
        Ok(Self {
            ann: person("ann", &["finance"])?,
            ben: person("ben", &["finance"])?,
            cara: person("cara", &["operations"])?,
            dan: person("dan", &["operations"])?,
            lea: person("lea", &[])?,
            oscar: person("oscar", &["finance"])?,
        })
    }
}

impl Person {
    /// Works at a queue for as long as the demonstration lasts: takes what waits there, works on it, and
    /// resolves it. Cases of which `reserved` is true are left to the story that they belong to.
    pub(crate) async fn staff(&self, queue: &str, reserved: impl Fn(&str) -> bool) {
        loop {
            let waiting = self.waiting(queue).await.unwrap_or_default();
            let next = waiting
                .into_iter()
                .find(|ticket| ticket.subject.starts_with(TO_DECIDE) || !reserved(&ticket.subject));
            // A ticket that somebody else took first, or that is gone, is nobody's failure.
            if let Some(ticket) = next
                && self.take(&ticket.id).await.is_ok()
                && !ticket.subject.starts_with(TO_DECIDE)
            {
                sleep(READING).await;
                if self.note(&ticket.id).await.is_ok() {
                    sleep(WORKING).await;
                    let _ = self.resolve(&ticket.id, "resolved").await;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Agrees to whatever waits for this person's decision, except where `reserved` is true of the case's subject,
    /// for as long as the demonstration lasts.
    pub(crate) async fn decide(&self, reserved: impl Fn(&str) -> bool) {
        loop {
            for approval in self.to_decide().await.unwrap_or_default() {
                if !reserved(&approval.case_subject) {
                    sleep(READING).await;
                    // Somebody may have decided meanwhile.
                    let _ = self.approve(&approval).await;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The ticket of a case that waits in a queue, as soon as there is one.
    pub(crate) async fn ticket_of(
        &self,
        queue: &str,
        case: &str,
    ) -> Result<v1::DeskTicket, Failure> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let waiting = self.waiting(queue).await?;
            if let Some(ticket) = waiting.into_iter().find(|ticket| ticket.case_id == case) {
                return Ok(ticket);
            }
            sleep(LOOK_EVERY).await;
        }
        let what = format!("no ticket of {case} came into {queue} within {} s", PATIENCE.as_secs());
        Err(Failure::new(Exit::Failed, what))
    }

    async fn waiting(&self, queue: &str) -> Result<Vec<v1::DeskTicket>, Failure> {
        let request = v1::ListTicketsRequest {
            queue: queue.to_owned(),
            state: v1::DeskTicketState::Waiting.into(),
            page_size: 200,
            ..v1::ListTicketsRequest::default()
        };
        match self.connection.desk().list_tickets(self.connection.call(request)).await {
            Ok(answer) => Ok(answer.into_inner().tickets),
            Err(status) if may_pass(&status) => Ok(Vec::new()),
            Err(status) => Err(status.into()),
        }
    }

    /// All tickets of the desk with everything that was done to them.
    pub(crate) async fn records(&self) -> Result<Vec<v1::DeskTicket>, Failure> {
        let connection = &self.connection;
        let (tickets, _) = pages!(
            TICKETS_MAX,
            |page_size, page_token| connection.desk().list_tickets(connection.call(
                v1::ListTicketsRequest {
                    page_size,
                    page_token,
                    ..v1::ListTicketsRequest::default()
                }
            )),
            tickets
        );
        let mut records = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            let call = connection.call(v1::GetTicketRequest { ticket_id: ticket.id });
            records.extend(connection.desk().get_ticket(call).await?.into_inner().ticket);
        }
        Ok(records)
    }

    /// Takes a ticket.
    pub(crate) async fn take(&self, ticket: &str) -> Result<(), Failure> {
        let request = v1::TakeTicketRequest {
            request_id: self.request(&format!("take-{ticket}")),
            ticket_id: ticket.to_owned(),
        };
        patiently("taking a ticket", || {
            let (mut desk, call) = (self.connection.desk(), self.connection.call(request.clone()));
            async move { desk.take_ticket(call).await }
        })
        .await?;
        self.answers.add(Answer::Took { ticket: ticket.to_owned(), person: self.name.to_owned() });
        Ok(())
    }

    /// Gives a ticket back.
    pub(crate) async fn give_back(&self, ticket: &str, why: &str) -> Result<(), Failure> {
        let request = v1::GiveBackTicketRequest {
            request_id: self.request(&format!("give-back-{ticket}")),
            ticket_id: ticket.to_owned(),
            note: why.to_owned(),
        };
        patiently("giving a ticket back", || {
            let (mut desk, call) = (self.connection.desk(), self.connection.call(request.clone()));
            async move { desk.give_back_ticket(call).await }
        })
        .await
        .map(drop)
    }

    /// Writes a note on a ticket.
    pub(crate) async fn note(&self, ticket: &str) -> Result<(), Failure> {
        let request = v1::AddNoteRequest {
            request_id: self.request(&format!("note-{ticket}")),
            ticket_id: ticket.to_owned(),
            note: "I am on it.".to_owned(),
        };
        patiently("writing a note", || {
            let (mut desk, call) = (self.connection.desk(), self.connection.call(request.clone()));
            async move { desk.add_note(call).await }
        })
        .await
        .map(drop)
    }

    /// Closes a ticket.
    pub(crate) async fn resolve(&self, ticket: &str, code: &str) -> Result<(), Failure> {
        let request = v1::ResolveTicketRequest {
            request_id: self.request(&format!("resolve-{ticket}")),
            ticket_id: ticket.to_owned(),
            resolution_code: code.to_owned(),
            note: "seen to".to_owned(),
        };
        patiently("closing a ticket", || {
            let (mut desk, call) = (self.connection.desk(), self.connection.call(request.clone()));
            async move { desk.resolve_ticket(call).await }
        })
        .await
        .map(drop)
    }

    async fn to_decide(&self) -> Result<Vec<v1::Approval>, Failure> {
        let request = v1::ListApprovalsRequest {
            for_me: true,
            page_size: 100,
            ..v1::ListApprovalsRequest::default()
        };
        let answer =
            self.connection.approvals().list_approvals(self.connection.call(request)).await?;
        Ok(answer.into_inner().approvals)
    }

    /// The approval of a case that people are asked for, whoever may decide it.
    pub(crate) async fn approval_of(&self, case: &str) -> Result<v1::Approval, Failure> {
        let request = v1::ListApprovalsRequest {
            case_id: case.to_owned(),
            ..v1::ListApprovalsRequest::default()
        };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let answer = patiently("listing approvals", || {
                let mut approvals = self.connection.approvals();
                let call = self.connection.call(request.clone());
                async move { approvals.list_approvals(call).await }
            })
            .await?;
            if let Some(approval) = answer.approvals.into_iter().next() {
                return Ok(approval);
            }
            sleep(LOOK_EVERY).await;
        }
        let what = format!("nobody is asked to decide on {case} within {} s", PATIENCE.as_secs());
        Err(Failure::new(Exit::Failed, what))
    }

    /// Says yes to exactly what was shown.
    pub(crate) async fn approve(&self, approval: &v1::Approval) -> Result<(), Failure> {
        // A second yes of the same person is another request.
        let request = v1::ApproveRequest {
            request_id: format!("demo-{}-{}", self.name, uuid::Uuid::now_v7()),
            approval_id: approval.id.clone(),
            shown_digest: approval.shown_digest.clone(),
            note: "looks right".to_owned(),
        };
        patiently("approving", || {
            let mut approvals = self.connection.approvals();
            let call = self.connection.call(request.clone());
            async move { approvals.approve(call).await }
        })
        .await?;
        let (approval, person) = (approval.id.clone(), self.name.to_owned());
        self.answers.add(Answer::Approved { approval, person });
        Ok(())
    }

    fn request(&self, what: &str) -> String {
        format!("demo-{}-{what}", self.name)
    }
}
