//! `belay approval`: what waits for a person's decision, and deciding it.

mod shown;

use clap::{Args, Subcommand, ValueEnum};

use belay_api::v1;

use super::{Context, PageArgs, RequestArgs};
use crate::exit::{Exit, Failure};
use crate::output::{Tone, clean, words};
use crate::pages;
use shown::{show, table, yes};

/// Approvals: what waits for a person, and deciding it.
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalCommand {
    /// What is to be decided, nearest deadline first
    List(ListArgs),
    /// One approval with everything that is to be seen before deciding
    Show {
        /// The approval: the id of its action
        approval: String,
    },
    /// Say yes
    Approve(DecideArgs),
    /// Say no
    Reject(RejectArgs),
    /// Change the input; it is ruled again from the start
    Amend(AmendArgs),
    /// Ask the agent that proposed, or whoever opened the case; the deadline runs on
    Ask(AskArgs),
    /// Answer what a reviewer asked about a case that you opened
    Answer(AnswerArgs),
    /// Name somebody else who should look instead of you
    ///
    /// It gives them no right: they decide only if their own token proves a group that may, and they count once. You cannot
    /// say yes any more yourself; a no still counts. It can be handed on once, and not back.
    Delegate(DelegateArgs),
    /// Take the whole case out of the agent's hands
    ///
    /// What the agent proposed is withdrawn and people are asked to take the case. Nobody covers it before one of them is
    /// seen to have the ticket: if that is to be you, take it.
    TakeOver(DecideArgs),
}

/// Which approvals.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only those that you could decide now
    #[arg(long)]
    mine: bool,
    /// Only of this case
    #[arg(long, default_value = "", value_name = "CASE")]
    case: String,
    /// Only in this state; may be repeated
    #[arg(long)]
    state: Vec<StateArg>,
    /// In every state
    #[arg(long, conflicts_with = "state")]
    all: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Where an approval stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StateArg {
    /// People are being asked.
    Requested,
    /// Enough people said yes.
    Approved,
    /// Somebody said no.
    Rejected,
    /// Somebody changed the input.
    Amended,
    /// Nobody decided in time.
    Expired,
    /// What it was about has changed.
    Superseded,
}

/// A person's yes, or what needs no more words than one.
#[derive(Args, Debug)]
pub(crate) struct DecideArgs {
    /// The approval: the id of its action
    approval: String,
    /// Why; must be said, except with a yes or a name
    #[arg(long, default_value = "")]
    note: String,
    /// `shown_digest` of what you were shown; by default it is looked up and shown now
    #[arg(long, value_name = "DIGEST")]
    shown: Option<String>,
    #[command(flatten)]
    request: RequestArgs,
}

/// A person's change.
#[derive(Args, Debug)]
pub(crate) struct AmendArgs {
    #[command(flatten)]
    decide: DecideArgs,
    /// The whole changed input as JSON
    #[arg(long, value_name = "JSON")]
    input: String,
}

/// A person's no.
#[derive(Args, Debug)]
pub(crate) struct RejectArgs {
    #[command(flatten)]
    decide: DecideArgs,
    /// A reason code of the taxonomy; `belay approval show` lists them
    #[arg(long, default_value = "", value_name = "CODE")]
    reason: String,
}

/// A person's question.
#[derive(Args, Debug)]
pub(crate) struct AskArgs {
    /// The approval: the id of its action
    approval: String,
    /// The question
    question: String,
    /// `shown_digest` of what you were shown; by default it is looked up and shown now
    #[arg(long, value_name = "DIGEST")]
    shown: Option<String>,
    #[command(flatten)]
    request: RequestArgs,
}

/// The answer to one.
#[derive(Args, Debug)]
pub(crate) struct AnswerArgs {
    /// The approval: the id of its action
    approval: String,
    /// Which question; `belay approval show` numbers them
    question: u32,
    /// The answer
    answer: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// Somebody else who should look.
#[derive(Args, Debug)]
pub(crate) struct DelegateArgs {
    #[command(flatten)]
    decide: DecideArgs,
    /// Who: the subject of their token
    #[arg(long, value_name = "PERSON")]
    to: String,
}

/// Runs the command.
pub(crate) async fn run(command: ApprovalCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        ApprovalCommand::List(args) => list(args, context).await,
        ApprovalCommand::Show { approval } => {
            let approval = get(approval, context).await?;
            context.output.one(&approval, |style| show(&approval, style))?;
            Ok(Exit::Done)
        }
        ApprovalCommand::Approve(args) => {
            let (args, shown_digest) = seen(args, context).await?;
            let connection = context.connect().await?;
            let request = v1::ApproveRequest {
                request_id: args.request.id(),
                approval_id: args.approval,
                shown_digest,
                note: args.note,
            };
            let answer = connection.approvals().approve(connection.call(request)).await?;
            decided(answer.into_inner().approval, context)
        }
        ApprovalCommand::Reject(RejectArgs { decide, reason }) => {
            let (args, shown_digest) = seen(decide, context).await?;
            let connection = context.connect().await?;
            let request = v1::RejectRequest {
                request_id: args.request.id(),
                approval_id: args.approval,
                shown_digest,
                note: args.note,
                reason_code: reason,
            };
            let answer = connection.approvals().reject(connection.call(request)).await?;
            decided(answer.into_inner().approval, context)
        }
        ApprovalCommand::Amend(AmendArgs { decide, input }) => {
            let (args, shown_digest) = seen(decide, context).await?;
            let connection = context.connect().await?;
            let request = v1::AmendRequest {
                request_id: args.request.id(),
                approval_id: args.approval,
                shown_digest,
                input_json: input,
                note: args.note,
            };
            let answer = connection.approvals().amend(connection.call(request)).await?;
            decided(answer.into_inner().approval, context)
        }
        ApprovalCommand::Ask(AskArgs { approval, question, shown, request }) => {
            let decide = DecideArgs { approval, note: String::new(), shown, request };
            let (args, shown_digest) = seen(decide, context).await?;
            let connection = context.connect().await?;
            let request = v1::AskRequest {
                request_id: args.request.id(),
                approval_id: args.approval,
                shown_digest,
                question,
            };
            let answer = connection.approvals().ask(connection.call(request)).await?;
            decided(answer.into_inner().approval, context)
        }
        ApprovalCommand::Answer(AnswerArgs { approval, question, answer, request }) => {
            let connection = context.connect().await?;
            let request = v1::AnswerRequest {
                request_id: request.id(),
                approval_id: approval,
                question,
                answer,
            };
            let answer = connection.approvals().answer(connection.call(request)).await?;
            decided(answer.into_inner().approval, context)
        }
        ApprovalCommand::Delegate(DelegateArgs { decide, to }) => {
            let (args, shown_digest) = seen(decide, context).await?;
            let connection = context.connect().await?;
            let request = v1::DelegateRequest {
                request_id: args.request.id(),
                approval_id: args.approval,
                shown_digest,
                to,
                note: args.note,
            };
            let answer = connection.approvals().delegate(connection.call(request)).await?;
            decided(answer.into_inner().approval, context)
        }
        ApprovalCommand::TakeOver(args) => {
            let (args, shown_digest) = seen(args, context).await?;
            let connection = context.connect().await?;
            let request = v1::TakeOverRequest {
                request_id: args.request.id(),
                approval_id: args.approval,
                shown_digest,
                note: args.note,
            };
            let answer = connection.approvals().take_over(connection.call(request)).await?;
            let v1::TakeOverResponse { approval, escalation_id } = answer.into_inner();
            let exit = decided(approval, context)?;
            context.output.note(format!(
                "people are asked to take the case by {escalation_id}; nobody has it before one of \
                 them takes the ticket"
            ));
            Ok(exit)
        }
    }
}

async fn list(args: ListArgs, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let states: Vec<i32> = if args.all {
        StateArg::value_variants()
            .iter()
            .map(|state| v1::ApprovalState::from(*state).into())
            .collect()
    } else {
        args.state.iter().map(|state| v1::ApprovalState::from(*state).into()).collect()
    };
    let (approvals, _) = pages!(
        args.page.limit,
        |page_size, page_token| connection.approvals().list_approvals(connection.call(
            v1::ListApprovalsRequest {
                tenant: context.connection.tenant(),
                case_id: args.case.clone(),
                states: states.clone(),
                for_me: args.mine,
                page_size,
                page_token,
            }
        )),
        approvals
    );
    context.output.list(&approvals, |style| table(&approvals, style))?;
    Ok(Exit::Done)
}

async fn get(approval_id: String, context: &Context) -> Result<v1::Approval, Failure> {
    let connection = context.connect().await?;
    let request = connection.call(v1::GetApprovalRequest { approval_id });
    Ok(connection
        .approvals()
        .get_approval(request)
        .await?
        .into_inner()
        .approval
        .unwrap_or_default())
}

/// The digest of what the person decides on. When they did not name it, it is shown to them now.
async fn seen(args: DecideArgs, context: &Context) -> Result<(DecideArgs, String), Failure> {
    if let Some(digest) = args.shown.clone() {
        return Ok((args, digest));
    }
    let approval = get(args.approval.clone(), context).await?;
    context.output.note(show(&approval, &context.output.style).trim_end());
    Ok((args, approval.shown_digest))
}

fn decided(approval: Option<v1::Approval>, context: &Context) -> Result<Exit, Failure> {
    let approval = approval.unwrap_or_default();
    context.output.one(&approval, |style| {
        let more =
            usize::try_from(approval.quorum).unwrap_or(usize::MAX).saturating_sub(yes(&approval));
        let state = words::approval(approval.state).paint(style);
        let id = style.paint(Tone::Name, &clean(&approval.id));
        match (approval.state(), more) {
            (v1::ApprovalState::Requested, 1..) => {
                format!("{id} {state}: {more} more must agree\n")
            }
            _ => format!("{id} {state}\n"),
        }
    })?;
    Ok(Exit::Done)
}

impl From<StateArg> for v1::ApprovalState {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Requested => Self::Requested,
            StateArg::Approved => Self::Approved,
            StateArg::Rejected => Self::Rejected,
            StateArg::Amended => Self::Amended,
            StateArg::Expired => Self::Expired,
            StateArg::Superseded => Self::Superseded,
        }
    }
}
