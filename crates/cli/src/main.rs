//! The `belay` program: the supervisor, and everything with which people and programs speak with it.

mod args;
mod bench;
mod commands;
mod connection;
mod demo;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use commands::{
    Context, agent, approval, audit, case, check, completions, connector, contract, coverage, desk,
    dev, escalation, graduate, playbook, serve, status, who_can, why,
};
use exit::{Exit, Failure};
use output::Output;

fn main() -> ExitCode {
    let args = Args::parse();
    let context = Context { output: Output::new(args.output), connection: args.connection };
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of("cannot start", &error))
        .and_then(|runtime| runtime.block_on(run(args.command, &context)));
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if failure.exit != Exit::Done {
                context.output.failure(&failure);
            }
            failure.exit.into()
        }
    }
}

async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Serve(args) => serve::run(args, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Check(args) => check::run(&args, context).await,
        Command::Connector(command) => connector::run(command, context).await,
        Command::Contract(command) => contract::run(command, context).await,
        Command::Graduate(args) => graduate::run(&args, context).await,
        Command::Bench(args) => bench::run(args, context).await,
        Command::Case(command) => case::run(command, context).await,
        Command::Why(args) => why::run(args, context).await,
        Command::WhoCan(args) => who_can::run(args, context).await,
        Command::Coverage(args) => coverage::run(args, context).await,
        Command::Approval(command) => approval::run(command, context).await,
        Command::Escalation(command) => escalation::run(command, context).await,
        Command::Desk(command) => desk::run(command, context).await,
        Command::Agent(command) => agent::run(command, context).await,
        Command::Playbook(command) => playbook::run(command, context).await,
        Command::Audit(command) => audit::run(command, context).await,
        Command::Dev(command) => dev::run(command, context),
        Command::Completions(args) => completions::run(&args),
        Command::BenchEcho(args) => bench::serve_echo(args).await,
        Command::Company(args) => demo::company::run(args).await,
        Command::DemoAgent(args) => demo::agent::run(args).await,
    }
}
