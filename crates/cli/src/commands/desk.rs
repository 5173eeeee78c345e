//! `belay desk`: the built-in desk, for the people who staff it.

use clap::{Args, Subcommand, ValueEnum};

use belay_api::v1;

use super::{Context, PageArgs, RequestArgs};
use crate::exit::{Exit, Failure};
use crate::output::table::{Cell, Sheet, Table};
use crate::output::{Style, Tone, clean, time, words};
use crate::pages;

/// The desk: queues, tickets, and working on them.
#[derive(Debug, Subcommand)]
pub(crate) enum DeskCommand {
    /// The queues and who works on them
    Queues,
    /// Tickets, oldest first
    Tickets(TicketsArgs),
    /// One ticket with everything that was done to it
    Show {
        /// The ticket
        ticket: String,
    },
    /// Take a ticket, and with it the responsibility
    Take(TicketArgs),
    /// Give back a ticket that you hold
    GiveBack(NotedArgs),
    /// Write a note on a ticket; by its holder, that counts as work
    Note(NotedArgs),
    /// Close a ticket that you hold
    Resolve(ResolveArgs),
    /// Begin or end your shift
    Shift {
        /// Whether it begins or ends
        state: ShiftArg,
        #[command(flatten)]
        request: RequestArgs,
    },
}

/// Which tickets.
#[derive(Args, Debug)]
pub(crate) struct TicketsArgs {
    /// Only in this queue
    #[arg(long, default_value = "")]
    queue: String,
    /// Only in this state
    #[arg(long)]
    state: Option<TicketStateArg>,
    /// Only those that you hold
    #[arg(long)]
    mine: bool,
    /// Only of this case
    #[arg(long, default_value = "", value_name = "CASE")]
    case: String,
    #[command(flatten)]
    page: PageArgs,
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TicketStateArg {
    /// Nobody holds it.
    Waiting,
    /// Somebody holds it.
    Taken,
    /// Closed by its holder.
    Resolved,
    /// Closed because it is no longer needed.
    Withdrawn,
}

/// One ticket.
#[derive(Args, Debug)]
pub(crate) struct TicketArgs {
    /// The ticket
    ticket: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// One ticket and words.
#[derive(Args, Debug)]
pub(crate) struct NotedArgs {
    /// The ticket
    ticket: String,
    /// What to write
    #[arg(default_value = "")]
    note: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// How a ticket is closed.
#[derive(Args, Debug)]
pub(crate) struct ResolveArgs {
    /// The ticket
    ticket: String,
    /// A resolution code of the playbook
    #[arg(long)]
    code: String,
    /// For whoever reads it later
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// Whether somebody is on shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShiftArg {
    /// It begins.
    On,
    /// It ends.
    Off,
}

/// Runs the command.
pub(crate) async fn run(command: DeskCommand, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let mut desk = connection.desk();
    let ticket = match command {
        DeskCommand::Queues => {
            let request =
                connection.call(v1::ListQueuesRequest { tenant: context.connection.tenant() });
            let queues = desk.list_queues(request).await?.into_inner().queues;
            context.output.list(&queues, |style| staffed(&queues, style))?;
            return Ok(Exit::Done);
        }
        DeskCommand::Tickets(args) => return tickets(args, context).await,
        DeskCommand::Shift { state, request } => {
            let request =
                v1::SetShiftRequest { request_id: request.id(), on_shift: state == ShiftArg::On };
            let queues = desk.set_shift(connection.call(request)).await?.into_inner().queues;
            context.output.list(&queues, |style| staffed(&queues, style))?;
            return Ok(Exit::Done);
        }
        DeskCommand::Show { ticket } => {
            let request = v1::GetTicketRequest { ticket_id: ticket };
            desk.get_ticket(connection.call(request)).await?.into_inner().ticket
        }
        DeskCommand::Take(TicketArgs { ticket, request }) => {
            let request = v1::TakeTicketRequest { request_id: request.id(), ticket_id: ticket };
            desk.take_ticket(connection.call(request)).await?.into_inner().ticket
        }
        DeskCommand::GiveBack(NotedArgs { ticket, note, request }) => {
            let request =
                v1::GiveBackTicketRequest { request_id: request.id(), ticket_id: ticket, note };
            desk.give_back_ticket(connection.call(request)).await?.into_inner().ticket
        }
        DeskCommand::Note(NotedArgs { ticket, note, request }) => {
            let request = v1::AddNoteRequest { request_id: request.id(), ticket_id: ticket, note };
            desk.add_note(connection.call(request)).await?.into_inner().ticket
        }
        DeskCommand::Resolve(args) => {
            let request = v1::ResolveTicketRequest {
                request_id: args.request.id(),
                ticket_id: args.ticket,
                resolution_code: args.code,
                note: args.note,
            };
            desk.resolve_ticket(connection.call(request)).await?.into_inner().ticket
        }
    };
    let ticket = ticket.unwrap_or_default();
    context.output.one(&ticket, |style| show(&ticket, style))?;
    Ok(Exit::Done)
}

async fn tickets(args: TicketsArgs, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let state = args.state.map_or(v1::DeskTicketState::Unspecified, Into::into);
    let (tickets, _) = pages!(
        args.page.limit,
        |page_size, page_token| connection.desk().list_tickets(connection.call(
            v1::ListTicketsRequest {
                tenant: context.connection.tenant(),
                queue: args.queue.clone(),
                state: state.into(),
                mine: args.mine,
                case_id: args.case.clone(),
                page_size,
                page_token,
            }
        )),
        tickets
    );
    context.output.list(&tickets, |style| table(&tickets, style))?;
    Ok(Exit::Done)
}

fn staffed(queues: &[v1::DeskQueue], style: &Style) -> String {
    let mut table =
        Table::new(["QUEUE", "TITLE", "TAKES", "WAITING", "OPEN", "ON SHIFT", "OTHERS"]);
    for queue in queues {
        let there = |staff: &&v1::DeskStaff| {
            staff.human && staff.enabled && staff.may_take && staff.on_shift != Some(false)
        };
        let names = |staff: Vec<&v1::DeskStaff>| {
            staff.iter().map(|staff| staff.person.as_str()).collect::<Vec<_>>().join(",")
        };
        let (here, others): (Vec<_>, Vec<_>) = queue.staff.iter().partition(there);
        let takes = match (queue.enabled, here.is_empty()) {
            (true, false) => Cell::new(Tone::Good, "yes"),
            (true, true) => Cell::new(Tone::Bad, "nobody there"),
            (false, _) => Cell::new(Tone::Bad, "disabled"),
        };
        table.row([
            Cell::id(&queue.id),
            Cell::from(&queue.title),
            takes,
            Cell::from(queue.waiting.to_string()),
            Cell::from(queue.open.to_string()),
            Cell::from(names(here)),
            Cell::from(names(others)),
        ]);
    }
    table.render(style, "the desk has no queues for you")
}

fn table(tickets: &[v1::DeskTicket], style: &Style) -> String {
    let mut table =
        Table::new(["TICKET", "QUEUE", "STATE", "HOLDER", "SEVERITY", "AGE", "CASE", "SUBJECT"]);
    for ticket in tickets {
        let age = time::moment(ticket.created_at.as_ref());
        table.row([
            Cell::id(&ticket.id),
            Cell::from(&ticket.queue),
            words::ticket(ticket.state).cell(),
            Cell::from(&ticket.holder),
            words::severity(ticket.severity).cell(),
            Cell::from(age.map(|at| time::span(style.now.duration_since(at))).unwrap_or_default()),
            Cell::id(&ticket.case_id),
            Cell::from(&ticket.subject),
        ]);
    }
    table.render(style, "no tickets match")
}

fn show(ticket: &v1::DeskTicket, style: &Style) -> String {
    let mut sheet = Sheet::default();
    let acts = ticket.acts.iter().map(|act| {
        let at = time::moment(act.at.as_ref()).map(|at| time::absolute(at, style.now));
        let text = if act.text.is_empty() { String::new() } else { format!(": {}", act.text) };
        clean(&format!("{} {} {}{text}", at.unwrap_or_default(), act.by, did(act.kind)))
    });
    sheet
        .line("ticket", style.paint(Tone::Name, &clean(&ticket.id)))
        .line("subject", style.paint(Tone::Bold, &clean(&ticket.subject)))
        .line("state", words::ticket(ticket.state).paint(style))
        .text("holder", &ticket.holder)
        .text("queue", &ticket.queue)
        .text("case", &ticket.case_id)
        .text("asked by", &ticket.correlation_id)
        .text("text", &ticket.body)
        .text("resolution", &ticket.resolution_code)
        .lines("done", acts.collect());
    sheet.render(style)
}

fn did(kind: i32) -> &'static str {
    use v1::DeskActKind as K;
    match K::try_from(kind) {
        Ok(K::Took) => "took it",
        Ok(K::Assigned) => "assigned it",
        Ok(K::GaveBack) => "gave it back",
        Ok(K::Replied) => "replied",
        Ok(K::Noted) => "noted",
        Ok(K::ChangedState) => "changed its state",
        Ok(K::Moved) => "moved it",
        Ok(K::Other | K::Unspecified) | Err(_) => "did something",
    }
}

impl From<TicketStateArg> for v1::DeskTicketState {
    fn from(state: TicketStateArg) -> Self {
        match state {
            TicketStateArg::Waiting => Self::Waiting,
            TicketStateArg::Taken => Self::Taken,
            TicketStateArg::Resolved => Self::Resolved,
            TicketStateArg::Withdrawn => Self::Withdrawn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::staffed;
    use crate::output::Style;
    use belay_api::v1;
    use jiff::Timestamp;

    #[test]
    fn a_queue_without_anybody_there_is_told_apart() {
        let staff = |person: &str, on_shift| v1::DeskStaff {
            person: person.into(),
            human: true,
            enabled: true,
            may_take: true,
            on_shift,
        };
        let queue = |id: &str, staff| v1::DeskQueue {
            id: id.into(),
            title: "Billing".into(),
            enabled: true,
            staff,
            open: 2,
            waiting: 1,
        };
        let queues = [
            queue("day", vec![staff("dana", Some(true)), staff("eli", None)]),
            queue("night", vec![staff("finn", Some(false))]),
        ];
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            staffed(&queues, &style),
            "\
QUEUE  TITLE    TAKES         WAITING  OPEN  ON SHIFT  OTHERS
day    Billing  yes           1        2     dana,eli
night  Billing  nobody there  1        2               finn
"
        );
    }
}
