//! `belay case`: opens, finds, shows and resolves cases.

mod render;

use std::collections::HashMap;

use belay_domain::{Digest, Hasher};
use clap::{Args, Subcommand, ValueEnum};

use belay_api::v1;

use super::{Context, PageArgs, RequestArgs, SeverityArg, key_value, watch};
use crate::exit::{Exit, Failure};
use crate::pages;

/// Cases: open, find, show, watch, resolve.
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// Open a case; a repeat with the same --request-id or the same matter is the same case
    Open(OpenArgs),
    /// Cases that match, newest first
    List(ListArgs),
    /// One case with everything in it
    Show {
        /// The case
        case: String,
    },
    /// What happens to a case, or to all of them, as it happens
    Watch(watch::WatchArgs),
    /// Add to what is known of a case
    Add(AddArgs),
    /// Resolve a case
    Resolve(ResolveArgs),
    /// Make one case of two that are the same matter, as soon as that is safe
    Merge(PairArgs),
    /// Say that two cases are different matters; they are not merged again
    Apart(ApartArgs),
}

/// What a new case is about.
#[derive(Args, Debug)]
pub(crate) struct OpenArgs {
    /// What it is about, in one line
    subject: String,
    /// What kind of matter it is, as routing in the playbook names it
    #[arg(long, default_value = "")]
    kind: String,
    /// The customer, as you know them
    #[arg(long, default_value = "")]
    customer: String,
    /// How urgent it is; by default what the playbook says
    #[arg(long)]
    severity: Option<SeverityArg>,
    /// Through which channel it was reported
    #[arg(long, default_value = "cli")]
    channel: String,
    /// A label; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = key_value)]
    labels: Vec<(String, String)>,
    /// What makes another report the same matter: any text, compared without regard to case and spaces
    #[arg(long, value_name = "TEXT", conflicts_with = "fingerprint")]
    same_as: Option<String>,
    /// The same as a digest that you made yourself: 64 hexadecimal digits
    #[arg(long, value_name = "DIGEST")]
    fingerprint: Option<Digest>,
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    #[command(flatten)]
    request: RequestArgs,
}

/// What is known of a case.
#[derive(Args, Debug)]
pub(crate) struct KnowledgeArgs {
    /// What the customer said; may be repeated
    #[arg(long = "message", value_name = "TEXT")]
    messages: Vec<String>,
    /// A fact from a system of record, as JSON; may be repeated
    #[arg(long = "fact", value_name = "JSON")]
    facts: Vec<String>,
    /// A remark of your own; may be repeated
    #[arg(long = "note", value_name = "TEXT")]
    notes: Vec<String>,
}

/// Which cases.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Words that occur in id, subject or customer
    text: Vec<String>,
    /// Only open ones
    #[arg(long, conflicts_with = "resolved")]
    open: bool,
    /// Only resolved ones
    #[arg(long)]
    resolved: bool,
    /// Only those covered like this; may be repeated
    #[arg(long)]
    coverage: Vec<CoverageArg>,
    /// Only of this kind; may be repeated
    #[arg(long)]
    kind: Vec<String>,
    /// Only those held by this agent or queue
    #[arg(long, default_value = "")]
    owner: String,
    /// Only of this customer
    #[arg(long, default_value = "")]
    customer: String,
    #[command(flatten)]
    page: PageArgs,
}

/// Whether somebody has a case.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CoverageArg {
    /// Somebody has it.
    Covered,
    /// Somebody is being asked.
    Pending,
    /// Nobody has it.
    Uncovered,
    /// It is resolved.
    Closed,
}

/// What is added to a case.
#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// The case
    case: String,
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    #[command(flatten)]
    request: RequestArgs,
}

/// How a case ends.
#[derive(Args, Debug)]
pub(crate) struct ResolveArgs {
    /// The case
    case: String,
    /// A resolution code of the playbook
    #[arg(long)]
    code: String,
    /// For whoever reads it later
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// Two cases.
#[derive(Args, Debug)]
pub(crate) struct PairArgs {
    /// One of them
    case: String,
    /// The other
    other: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// Two cases that are different matters.
#[derive(Args, Debug)]
pub(crate) struct ApartArgs {
    #[command(flatten)]
    pair: PairArgs,
    /// Why, for whoever reads it later
    #[arg(long, default_value = "")]
    note: String,
}

/// Runs the command.
pub(crate) async fn run(command: CaseCommand, context: &Context) -> Result<Exit, Failure> {
    match command {
        CaseCommand::Open(args) => open(args, context).await,
        CaseCommand::List(args) => list(args, context).await,
        CaseCommand::Show { case } => show(case, context).await,
        CaseCommand::Watch(args) => watch::run(args, context).await,
        CaseCommand::Add(args) => add(args, context).await,
        CaseCommand::Resolve(args) => resolve(args, context).await,
        CaseCommand::Merge(args) => merge(args, context).await,
        CaseCommand::Apart(args) => apart(args, context).await,
    }
}

async fn open(args: OpenArgs, context: &Context) -> Result<Exit, Failure> {
    let request = v1::OpenCaseRequest {
        request_id: args.request.id(),
        tenant: context.connection.tenant(),
        subject: args.subject,
        severity: args.severity.map_or(v1::Severity::Unspecified, Into::into).into(),
        kind: args.kind,
        customer: args.customer,
        channel: args.channel,
        labels: args.labels.into_iter().collect::<HashMap<_, _>>(),
        fingerprint: args
            .fingerprint
            .or(args.same_as.as_deref().map(sameness))
            .map(|d| d.to_string()),
        context: args.knowledge.entries(),
    };
    let connection = context.connect().await?;
    let answer = connection.cases().open_case(connection.call(request)).await?.into_inner();
    context.output.one(&answer, |style| render::opened(&answer, style))?;
    Ok(Exit::Done)
}

async fn list(args: ListArgs, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let filter = args.filter(context.connection.tenant());
    let (cases, more) = pages!(
        args.page.limit,
        |page_size, page_token| connection.cases().list_cases(connection.call(
            v1::ListCasesRequest {
                filter: Some(filter.clone()),
                order: v1::CaseOrder::NewestFirst.into(),
                page_size,
                page_token,
            }
        )),
        cases
    );
    context.output.list(&cases, |style| render::list(&cases, style))?;
    if more {
        context
            .output
            .note(format_args!("there are more: --limit shows more than {}", cases.len()));
    }
    Ok(Exit::Done)
}

async fn show(case_id: String, context: &Context) -> Result<Exit, Failure> {
    let connection = context.connect().await?;
    let request = connection.call(v1::GetCaseRequest { case_id });
    let case = connection.cases().get_case(request).await?.into_inner().case.unwrap_or_default();
    context.output.one(&case, |style| render::show(&case, style))?;
    Ok(Exit::Done)
}

async fn add(args: AddArgs, context: &Context) -> Result<Exit, Failure> {
    let entries = args.knowledge.entries();
    if entries.is_empty() {
        return Err(Failure::new(Exit::Usage, "nothing to add")
            .hint("say what became known with --message, --fact or --note"));
    }
    let request =
        v1::AddContextRequest { request_id: args.request.id(), case_id: args.case, entries };
    let connection = context.connect().await?;
    let answer = connection.cases().add_context(connection.call(request)).await?.into_inner();
    context.output.one(&answer, |_| {
        format!("{} added; the context is now {}\n", answer.entries.len(), answer.context_digest)
    })?;
    Ok(Exit::Done)
}

async fn resolve(args: ResolveArgs, context: &Context) -> Result<Exit, Failure> {
    let request = v1::ResolveCaseRequest {
        request_id: args.request.id(),
        case_id: args.case,
        resolution_code: args.code,
        note: args.note,
    };
    let connection = context.connect().await?;
    let answer = connection.cases().resolve_case(connection.call(request)).await?.into_inner();
    let case = answer.case.unwrap_or_default();
    context.output.one(&case, |style| render::resolved(&case, style))?;
    Ok(Exit::Done)
}

async fn merge(args: PairArgs, context: &Context) -> Result<Exit, Failure> {
    let request = v1::MergeCasesRequest {
        request_id: args.request.id(),
        case_id: args.case,
        other_case_id: args.other,
    };
    let connection = context.connect().await?;
    let answer = connection.cases().merge_cases(connection.call(request)).await?.into_inner();
    context.output.one(&answer, |style| render::merged(&answer, style))?;
    Ok(Exit::Done)
}

async fn apart(args: ApartArgs, context: &Context) -> Result<Exit, Failure> {
    let request = v1::TellCasesApartRequest {
        request_id: args.pair.request.id(),
        case_id: args.pair.case,
        other_case_id: args.pair.other,
        note: args.note,
    };
    let connection = context.connect().await?;
    let answer = connection.cases().tell_cases_apart(connection.call(request)).await?.into_inner();
    context.output.one(&answer, |_| "they are two matters from now on\n".to_owned())?;
    Ok(Exit::Done)
}

impl ListArgs {
    fn filter(&self, tenant: String) -> v1::CaseFilter {
        let mut states = Vec::new();
        if self.open {
            states.push(v1::CaseState::Open.into());
        }
        if self.resolved {
            states.push(v1::CaseState::Resolved.into());
        }
        v1::CaseFilter {
            tenant,
            states,
            coverage: self.coverage.iter().map(|c| v1::CoverageKind::from(*c).into()).collect(),
            kinds: self.kind.clone(),
            owner: self.owner.clone(),
            customer: self.customer.clone(),
            text: self.text.join(" "),
            ..v1::CaseFilter::default()
        }
    }
}

impl From<CoverageArg> for v1::CoverageKind {
    fn from(coverage: CoverageArg) -> Self {
        match coverage {
            CoverageArg::Covered => Self::Covered,
            CoverageArg::Pending => Self::Pending,
            CoverageArg::Uncovered => Self::Uncovered,
            CoverageArg::Closed => Self::Closed,
        }
    }
}

impl KnowledgeArgs {
    fn entries(&self) -> Vec<v1::NewContextEntry> {
        use v1::ProvenanceSource as S;
        let entry = |kind: &str, source: S| {
            let kind = kind.to_owned();
            move |body: &String| v1::NewContextEntry {
                kind: kind.clone(),
                body: body.clone(),
                provenance: Some(v1::Provenance {
                    source: source.into(),
                    reference: String::new(),
                }),
            }
        };
        let messages = self.messages.iter().map(entry("message", S::Customer));
        let facts = self.facts.iter().map(entry("fact", S::SystemOfRecord));
        let notes = self.notes.iter().map(entry("note", S::Staff));
        messages.chain(facts).chain(notes).collect()
    }
}

/// A fingerprint over a text as people write it: capitals and the number of spaces do not matter.
pub(crate) fn sameness(text: &str) -> Digest {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    Hasher::new("belay cli matter").part(words.join(" ").as_bytes()).finish()
}

#[cfg(test)]
mod tests;
