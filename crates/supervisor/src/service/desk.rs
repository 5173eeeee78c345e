//! The desk, for the people who staff it. Taking a ticket here becomes cover only when Belay has read it back, like
//! in any other system.

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::desk_service_server::DeskService;
use belay_connect::Desk;
use belay_connect::desk::{DeskTicket, Page as DeskPage, TicketFilter, TicketStanding};
use belay_domain::{PersonId, RequestId, ResolutionCode, TicketId};
use tonic::{Request, Response, Status};

use super::page::Page;
use super::{Mutation, Shared, invalid};
use crate::caller::{Caller, Person};
use crate::dedupe::content;
use crate::wire::from_wire::Fields;
use crate::wire::{Fault, to_wire};

/// See [`DeskService`].
pub(crate) struct Service(pub(crate) Shared);

#[tonic::async_trait]
impl DeskService for Service {
    async fn list_queues(
        &self,
        request: Request<v1::ListQueuesRequest>,
    ) -> Result<Response<v1::ListQueuesResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.tenant(&request.into_inner().tenant)?;
        let Some(desk) = self.0.systems.desk() else {
            return Ok(Response::new(v1::ListQueuesResponse { queues: Vec::new() }));
        };
        let queues = desk.queues().await.map_err(Fault::from)?;
        let mut queues: Vec<v1::DeskQueue> = queues.iter().map(to_wire::desk_queue).collect();
        queues.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Response::new(v1::ListQueuesResponse { queues }))
    }

    async fn list_tickets(
        &self,
        request: Request<v1::ListTicketsRequest>,
    ) -> Result<Response<v1::ListTicketsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let person = caller.person()?;
        let v1::ListTicketsRequest { tenant, queue, state, mine, case_id, page_size, page_token } =
            request.into_inner();
        let tenant = caller.tenant(&tenant)?;
        let mut fields = Fields::new();
        let state = fields.value::<v1::DeskTicketState>("state", state);
        let queue_id = fields.id_or_none("queue", &queue);
        let case = fields.id_or_none("case_id", &case_id);
        fields.done(Some(()))?;
        let state = state.unwrap_or(v1::DeskTicketState::Unspecified);
        let me = mine.then(|| person.id.clone());
        let question = format!("tickets {tenant} {queue} {state:?} {me:?} {case_id}");
        let page = Page::wanted(page_size, &page_token, question)?;
        let desk = self.desk()?;
        if let Some(queue) = &queue_id {
            belay_connect::HumanQueue::inspect(&desk, queue)
                .await
                .map_err(|_| unknown_queue(queue.as_str()))?;
        }
        let filter = TicketFilter {
            queue: queue_id,
            holder: me,
            unheld: state == v1::DeskTicketState::Waiting,
            standing: standing(state),
            case,
        };
        let (tickets, next_page_token) = self.tickets(person, &desk, filter, state, &page).await?;
        Ok(Response::new(v1::ListTicketsResponse { tickets, next_page_token }))
    }

    async fn get_ticket(
        &self,
        request: Request<v1::GetTicketRequest>,
    ) -> Result<Response<v1::GetTicketResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::GetTicketRequest { ticket_id } = request.into_inner();
        let id = ticket_id.parse().map_err(|error| invalid("ticket_id", &error))?;
        let ticket = self.ticket(&caller, &id).await?;
        let ticket = Some(to_wire::desk_ticket(&ticket));
        Ok(Response::new(v1::GetTicketResponse { ticket }))
    }

    async fn take_ticket(
        &self,
        request: Request<v1::TakeTicketRequest>,
    ) -> Result<Response<v1::TakeTicketResponse>, Status> {
        let caller = Caller::of(&request)?;
        let person = caller.person()?.id.clone();
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let v1::TakeTicketRequest { request_id, ticket_id } = message;
        let (request, id) = ids(Fields::new(), &request_id, &ticket_id)?;
        let asking = Mutation { caller: &caller, method: "TakeTicket", request, content: digest };
        let work = async {
            self.ticket(&caller, &id).await?;
            let taken = self.desk()?.take(&person, &id).await?;
            Ok(v1::TakeTicketResponse { ticket: Some(to_wire::desk_ticket(&taken)) })
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }

    async fn give_back_ticket(
        &self,
        request: Request<v1::GiveBackTicketRequest>,
    ) -> Result<Response<v1::GiveBackTicketResponse>, Status> {
        let caller = Caller::of(&request)?;
        let person = caller.person()?.id.clone();
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let v1::GiveBackTicketRequest { request_id, ticket_id, note } = message;
        let mut fields = Fields::new();
        let note = fields.text("note", note);
        let (request, id) = ids(fields, &request_id, &ticket_id)?;
        let asking =
            Mutation { caller: &caller, method: "GiveBackTicket", request, content: digest };
        let work = async {
            self.ticket(&caller, &id).await?;
            let desk = self.desk()?;
            // The note first, while the person still holds the ticket.
            if !note.trim().is_empty() {
                holds(&self.ticket(&caller, &id).await?, &person)?;
                desk.note(&person, &id, &note, Some(&asking.request)).await?;
            }
            let ticket = desk.give_back(&person, &id).await?;
            Ok(v1::GiveBackTicketResponse { ticket: Some(to_wire::desk_ticket(&ticket)) })
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }

    async fn add_note(
        &self,
        request: Request<v1::AddNoteRequest>,
    ) -> Result<Response<v1::AddNoteResponse>, Status> {
        let caller = Caller::of(&request)?;
        let person = caller.person()?.id.clone();
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let v1::AddNoteRequest { request_id, ticket_id, note } = message;
        let mut fields = Fields::new();
        if note.trim().is_empty() {
            fields.wrong("note", "must not be blank");
        }
        let note = fields.text("note", note);
        let (request, id) = ids(fields, &request_id, &ticket_id)?;
        let asking = Mutation { caller: &caller, method: "AddNote", request, content: digest };
        let work = async {
            self.ticket(&caller, &id).await?;
            let ticket = self.desk()?.note(&person, &id, &note, Some(&asking.request)).await?;
            Ok(v1::AddNoteResponse { ticket: Some(to_wire::desk_ticket(&ticket)) })
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }

    async fn resolve_ticket(
        &self,
        request: Request<v1::ResolveTicketRequest>,
    ) -> Result<Response<v1::ResolveTicketResponse>, Status> {
        let caller = Caller::of(&request)?;
        let person = caller.person()?.id.clone();
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let v1::ResolveTicketRequest { request_id, ticket_id, resolution_code, note } = message;
        let mut fields = Fields::new();
        let note = fields.text("note", note);
        let code = fields.id::<ResolutionCode>("resolution_code", &resolution_code);
        let request = fields.request(&request_id);
        let id = fields.id::<TicketId>("ticket_id", &ticket_id);
        let ((request, id), code) = fields.done(request.zip(id).zip(code))?;
        let asking =
            Mutation { caller: &caller, method: "ResolveTicket", request, content: digest };
        let work = async {
            self.ticket(&caller, &id).await?;
            let ticket = self.desk()?.resolve(&person, &id, &code, &note).await?;
            Ok(v1::ResolveTicketResponse { ticket: Some(to_wire::desk_ticket(&ticket)) })
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }

    async fn set_shift(
        &self,
        request: Request<v1::SetShiftRequest>,
    ) -> Result<Response<v1::SetShiftResponse>, Status> {
        let caller = Caller::of(&request)?;
        let person = caller.person()?.id.clone();
        let message = request.into_inner();
        let digest = content(&message, &[]);
        let v1::SetShiftRequest { request_id, on_shift } = message;
        let request = request_id.parse().map_err(|error| invalid("request_id", &error))?;
        let asking = Mutation { caller: &caller, method: "SetShift", request, content: digest };
        let work = async {
            let desk = self.desk()?;
            if on_shift {
                desk.start_shift(&person).await?;
            } else {
                desk.end_shift(&person).await?;
            }
            let queues = desk.queues().await?;
            let theirs = queues.iter().filter(|queue| queue.facts.member(&person).is_some());
            Ok(v1::SetShiftResponse { queues: theirs.map(to_wire::desk_queue).collect() })
        };
        Ok(Response::new(self.0.once(&asking, work).await?))
    }
}

impl Service {
    fn desk(&self) -> Result<Desk, Fault> {
        self.0.systems.desk().ok_or_else(|| {
            let what = "this supervisor has no desk; the playbook names none";
            Fault::new(ErrorReason::UnknownQueue, what)
        })
    }

    /// A ticket of a case that the caller may see.
    async fn ticket(&self, caller: &Caller, ticket: &TicketId) -> Result<DeskTicket, Fault> {
        let unknown = || {
            Fault::new(ErrorReason::UnknownTicket, format!("there is no ticket {ticket}"))
                .with("ticket_id", ticket.as_str())
        };
        let Some(desk) = self.0.systems.desk() else { return Err(unknown()) };
        let found = desk.ticket(ticket).await?;
        match self.0.case(caller, &found.case).await {
            Ok(_) => Ok(found),
            Err(fault) if fault.reason() == ErrorReason::UnknownCase => Err(unknown()),
            Err(fault) => Err(fault),
        }
    }

    /// A page of tickets of the person's tenant. The desk does not know tenants, so what is of another is left
    /// out here, and looking goes on until the page is full.
    async fn tickets(
        &self,
        person: &Person,
        desk: &Desk,
        filter: TicketFilter,
        state: v1::DeskTicketState,
        page: &Page,
    ) -> Result<(Vec<v1::DeskTicket>, String), Fault> {
        let mut after: Option<TicketId> = page.after().and_then(|after| after.parse().ok());
        let mut tickets: Vec<v1::DeskTicket> = Vec::new();
        loop {
            let wanted = DeskPage { after, size: DeskPage::SIZE_MAX };
            let found = desk.tickets(filter.clone(), wanted).await?;
            for ticket in &found.tickets {
                let held = ticket.holder.is_some();
                if state == v1::DeskTicketState::Taken && !held
                    || !self.is_of(person, ticket).await?
                {
                    continue;
                }
                if tickets.len() == page.size() {
                    let last = tickets.last().map_or("", |last| last.id.as_str());
                    return Ok((tickets.clone(), page.token(last)));
                }
                tickets.push(to_wire::desk_ticket(ticket));
            }
            match found.next {
                Some(next) => after = Some(next),
                None => return Ok((tickets, String::new())),
            }
        }
    }

    async fn is_of(&self, person: &Person, ticket: &DeskTicket) -> Result<bool, Fault> {
        let row = self.0.engine.journal().get(ticket.case.as_str()).await?;
        Ok(row.is_some_and(|row| row.tenant == person.tenant.as_str()))
    }
}

fn ids(mut fields: Fields, request: &str, ticket: &str) -> Result<(RequestId, TicketId), Fault> {
    let request = fields.request(request);
    let ticket = fields.id("ticket_id", ticket);
    fields.done(request.zip(ticket))
}

/// A note by somebody else would be allowed, so whether they hold the ticket is looked at first.
fn holds(ticket: &DeskTicket, person: &PersonId) -> Result<(), Fault> {
    if ticket.holder.as_ref() == Some(person) {
        return Ok(());
    }
    let (ticket, person) = (ticket.id.clone(), person.clone());
    Err(belay_connect::DeskError::NotHolder { ticket, person }.into())
}

fn standing(state: v1::DeskTicketState) -> Option<TicketStanding> {
    match state {
        v1::DeskTicketState::Unspecified => None,
        v1::DeskTicketState::Waiting | v1::DeskTicketState::Taken => Some(TicketStanding::Open),
        v1::DeskTicketState::Resolved => Some(TicketStanding::Resolved),
        v1::DeskTicketState::Withdrawn => Some(TicketStanding::Withdrawn),
    }
}

fn unknown_queue(queue: &str) -> Fault {
    Fault::new(ErrorReason::UnknownQueue, format!("there is no queue {queue} at the desk"))
        .with("queue", queue)
}
