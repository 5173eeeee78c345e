//! What can be typed after `belay`.

use clap::{Parser, Subcommand};

use crate::bench::{BenchArgs, EchoArgs};
use crate::commands::agent::AgentCommand;
use crate::commands::approval::ApprovalCommand;
use crate::commands::audit::AuditCommand;
use crate::commands::case::CaseCommand;
use crate::commands::check::CheckArgs;
use crate::commands::completions::CompletionsArgs;
use crate::commands::connector::ConnectorCommand;
use crate::commands::contract::ContractCommand;
use crate::commands::coverage::CoverageArgs;
use crate::commands::desk::DeskCommand;
use crate::commands::dev::DevCommand;
use crate::commands::escalation::EscalationCommand;
use crate::commands::graduate::GraduateArgs;
use crate::commands::playbook::PlaybookCommand;
use crate::commands::serve::ServeArgs;
use crate::commands::status::StatusArgs;
use crate::commands::who_can::WhoCanArgs;
use crate::commands::why::WhyArgs;
use crate::connection::ConnectionArgs;
use crate::demo::{AgentArgs, CompanyArgs, DemoArgs};
use crate::exit::EXIT_CODES;
use crate::output::Format;

/// Customer cases are held by somebody, provably: routes them to agents and people, governs what agents write,
/// and never calls a case covered before the answer has come back and been checked.
#[derive(Debug, Parser)]
#[command(name = "belay", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// In which form to answer: for people, or one JSON object a line for programs
    #[arg(
        long,
        global = true,
        env = "BELAY_OUTPUT",
        value_name = "FORMAT",
        default_value = "human"
    )]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See Belay at work: a supervisor, agents, people and a company, all on this machine, in under a minute
    Demo(DemoArgs),
    /// Run the supervisor
    Serve(ServeArgs),
    /// How Belay itself is: its auditor, what to look into, its canaries; exit code 6 when something is wrong
    Status(StatusArgs),
    /// Check a playbook and report everything that is wrong with it
    Check(CheckArgs),
    /// Connectors: verify, on your own instance, that a human queue cannot make Belay believe what is not so
    #[command(subcommand)]
    Connector(ConnectorCommand),
    /// Contracts: test one with recorded answers, or against the live systems
    #[command(subcommand)]
    Contract(ContractCommand),
    /// Whether contracts may write more, by what became of their actions, and what is missing; exit code 6 when a rule
    /// does not hold. Reads the journal on disk, or asks the supervisor that runs
    Graduate(GraduateArgs),
    /// Measure how fast and how big: handoffs, actions, escalations and watchers, beside what this machine can do at all
    Bench(BenchArgs),
    /// Cases: open, list, show, watch, add, resolve
    #[command(subcommand)]
    Case(CaseCommand),
    /// Why a case stands where it stands: who holds it, on what evidence, until when, and what happens next. Or why an
    /// action (c-…/a1) was decided as it was, and the smallest change that would have changed the answer
    Why(WhyArgs),
    /// Which agents may do a thing: how freely, with whose approval, within which limits and what is left of them
    WhoCan(WhoCanArgs),
    /// Whether somebody has a case, or which cases nobody has; exit code 6 when one is uncovered
    Coverage(CoverageArgs),
    /// Approvals: list, show, approve, reject, amend, ask, answer, delegate, take-over
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// Escalations: list, open
    #[command(subcommand)]
    Escalation(EscalationCommand),
    /// The built-in desk: queues, tickets, take, give-back, note, resolve, shift
    #[command(subcommand)]
    Desk(DeskCommand),
    /// Agents: list
    #[command(subcommand)]
    Agent(AgentCommand),
    /// The playbook in force: show, reload, routes. Two playbooks: diff
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// The journal: verify, export
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Identities for development: ca, agent-cert, token
    #[command(subcommand)]
    Dev(DevCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Answers with what it was sent, for a measurement
    #[command(hide = true)]
    BenchEcho(EchoArgs),
    /// Plays the outside systems of a demonstration
    #[command(hide = true)]
    Company(CompanyArgs),
    /// Plays one agent of a demonstration
    #[command(hide = true)]
    DemoAgent(AgentArgs),
}

#[cfg(test)]
mod tests;
