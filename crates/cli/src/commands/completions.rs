//! `belay completions`: for shells that complete commands.

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::{Exit, Failure};
use crate::output::print;

/// For which shell.
#[derive(ClapArgs, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "belay", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
