//! `belay approval`: what waits for a person's decision, and deciding it.

use clap::{Args, Subcommand, ValueEnum};

use belay_api::v1;

use super::{Context, PageArgs, RequestArgs};
use crate::exit::{Exit, Failure};
use crate::output::table::{Cell, Sheet, Table};
use crate::output::{Style, Tone, clean, time, words};
use crate::pages;

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

fn yes(approval: &v1::Approval) -> usize {
    approval.votes.iter().filter(|vote| vote.verdict() == v1::ApprovalVerdict::Approve).count()
}

fn table(approvals: &[v1::Approval], style: &Style) -> String {
    let mut table = Table::new([
        "APPROVAL", "STATE", "AGREED", "UNTIL", "GROUPS", "CONTRACT", "AMOUNT", "CASE",
    ]);
    for approval in approvals {
        table.row([
            Cell::id(&approval.id),
            words::approval(approval.state).cell(),
            Cell::from(format!("{} of {}", yes(approval), approval.quorum)),
            Cell::from(
                time::moment(approval.until.as_ref())
                    .map(|until| time::relative(until, style.now))
                    .unwrap_or_default(),
            ),
            Cell::from(approval.groups.join(",")),
            Cell::from(&approval.contract_id),
            Cell::from(approval.amount.as_ref().map(words::money).unwrap_or_default()),
            Cell::from(&approval.case_subject),
        ]);
    }
    table.render(style, "nothing waits for a decision")
}

fn show(approval: &v1::Approval, style: &Style) -> String {
    let mut sheet = Sheet::default();
    let votes = approval.votes.iter().map(|vote| {
        let verdict = words::verdict(vote.verdict).paint(style);
        let code = match vote.reason_code.as_str() {
            "" => String::new(),
            code => format!(" ({})", clean(code)),
        };
        format!("{} {verdict}{code}{}", clean(&vote.person), said(&vote.note))
    });
    let questions = approval.questions.iter().flat_map(asked);
    let named = approval.delegations.iter().map(|named| {
        format!("{} by {}{}", clean(&named.to), clean(&named.from), said(&named.note))
    });
    let until = time::moment(approval.until.as_ref());
    sheet
        .line("approval", style.paint(Tone::Name, &clean(&approval.id)))
        .line("state", words::approval(approval.state).paint(style))
        .text("case", &format!("{} {}", approval.case_id, approval.case_subject))
        .text("action", &format!("{} (tier {})", approval.contract_id, approval.tier))
        .line("amount", approval.amount.as_ref().map(words::money).unwrap_or_default())
        .text("input", &approval.shown)
        .text("read before", &approval.snapshot_json)
        .text("needs", &format!("{} of {}", approval.quorum, approval.groups.join(", ")))
        .text("not", &approval.excluded.join(", "))
        .lines("votes", votes.collect())
        .lines("to look", named.collect())
        .text("a no says", &approval.reason_codes.join(", "))
        .text("policies", &approval.policies.join(", "))
        .text("proposed by", &approval.proposer)
        .text("it claims", &approval.justification)
        .lines("questions", questions.collect())
        .line("until", until.map(|at| time::both(at, style.now)).unwrap_or_default())
        .text("digest", &approval.shown_digest);
    sheet.render(style)
}

/// What somebody wanted to know, and below it what they were told.
fn asked(question: &v1::ApprovalQuestion) -> Vec<String> {
    let v1::ApprovalQuestion { number, person, text, at: _, reply } = question;
    let asked = format!("{number}. {}: {}", clean(person), clean(text));
    let told = match reply {
        Some(reply) => {
            format!("   {} says: {}", words::actor(reply.by.as_ref()), clean(&reply.text))
        }
        None => "   not answered yet".to_owned(),
    };
    vec![asked, told]
}

fn said(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(": {}", clean(note)) }
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

#[cfg(test)]
mod tests {
    use super::{show, table};
    use crate::output::Style;
    use belay_api::v1;
    use jiff::Timestamp;

    #[test]
    fn questions_names_and_reasons_are_shown_with_who_said_them() {
        let agent = v1::Actor {
            kind: v1::ActorKind::Agent.into(),
            id: "billing-1".into(),
            ..Default::default()
        };
        let question = |number, reply| v1::ApprovalQuestion {
            number,
            person: "dana".into(),
            text: "which invoice?".into(),
            reply,
            ..Default::default()
        };
        let reply = v1::ApprovalReply {
            by: Some(agent),
            text: "the second\u{1b}[1A".into(),
            ..Default::default()
        };
        let approval = v1::Approval {
            id: "c-1/a1".into(),
            state: v1::ApprovalState::Rejected.into(),
            votes: vec![v1::ApprovalVote {
                person: "erin".into(),
                verdict: v1::ApprovalVerdict::Reject.into(),
                note: "no receipt".into(),
                reason_code: "no-proof".into(),
                ..Default::default()
            }],
            questions: vec![question(1, Some(reply)), question(2, None)],
            delegations: vec![v1::ApprovalDelegation {
                from: "dana".into(),
                to: "erin".into(),
                note: "on holiday".into(),
                ..Default::default()
            }],
            reason_codes: vec!["goodwill".into(), "no-proof".into()],
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        let shown = show(&approval, &style);
        for line in [
            "votes      erin no (no-proof): no receipt",
            "to look    erin by dana: on holiday",
            "a no says  goodwill, no-proof",
            "questions  1. dana: which invoice?",
            "              billing-1 says: the second [1A",
            "           2. dana: which invoice?",
            "              not answered yet",
        ] {
            let found = shown.lines().any(|known| {
                let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                squeezed(known) == squeezed(line)
            });
            assert!(found, "{line:?} is not in\n{shown}");
        }
    }

    #[test]
    fn what_the_agent_claims_stands_apart_from_what_is_decided() {
        let approval = v1::Approval {
            id: "c-1/a1".into(),
            state: v1::ApprovalState::Requested.into(),
            case_id: "c-1".into(),
            case_subject: "Refund".into(),
            contract_id: "billing.refund@1".into(),
            shown: "invoice: INV-1\namount: 400.00 EUR".into(),
            amount: Some(v1::Money { currency_code: "EUR".into(), minor_units: 40_000 }),
            tier: 2,
            quorum: 2,
            groups: vec!["finance".into()],
            votes: vec![v1::ApprovalVote {
                person: "dana".into(),
                verdict: v1::ApprovalVerdict::Approve.into(),
                ..Default::default()
            }],
            proposer: "billing-1".into(),
            justification: "already agreed\u{1b}[1A by everybody".into(),
            shown_digest: "d1".into(),
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            show(&approval, &style),
            "\
approval     c-1/a1
state        requested
case         c-1 Refund
action       billing.refund@1 (tier 2)
amount       400.00 EUR
input        invoice: INV-1
             amount: 400.00 EUR
needs        2 of finance
votes        dana yes
proposed by  billing-1
it claims    already agreed [1A by everybody
digest       d1
"
        );
        assert_eq!(
            table(&[approval], &style),
            "\
APPROVAL  STATE      AGREED  UNTIL  GROUPS   CONTRACT          AMOUNT      CASE
c-1/a1    requested  1 of 2         finance  billing.refund@1  400.00 EUR  Refund
"
        );
    }
}
