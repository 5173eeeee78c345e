//! The specialist agents of the demonstration: programs of fixed rules in the place of models, joined through the same SDK
//! as any agent.
//!
//! Each case says what is to be done in a fact that intake wrote down; the agent for the system does it. What was
//! answered to it with success is written into a file, against which the journal is held at the end.

mod work;

use std::path::PathBuf;
use std::time::Duration;

use belay_agent::{Agent, Identity};
use belay_transport::telemetry::Telemetry;
use clap::Args;

use crate::exit::{Exit, Failure};

use super::answers::AnswerFile;
use super::children::until_parent_is_gone;

/// Which agent, and where everybody else is.
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    /// Its name, as in its certificate: the role, a dash and a number
    name: String,
    /// Where the supervisor is
    #[arg(long = "supervisor")]
    supervisor: String,
    /// The directory with its certificate
    #[arg(long = "certificates")]
    certificates: PathBuf,
    /// Where the company is
    #[arg(long)]
    company: String,
    /// Where to write down what was answered
    #[arg(long)]
    answers: PathBuf,
}

/// How many cases one agent works on at a time.
const CAPACITY: u32 = 8;

/// Runs the agent until whoever started it is gone.
pub(crate) async fn run(args: AgentArgs) -> Result<Exit, Failure> {
    let telemetry = Telemetry::init("belay-demo-agent")
        .map_err(|error| Failure::of("logs cannot begin", &error))?;
    let role = args.name.split('-').next().unwrap_or_default().to_owned();
    let identity = Identity::in_directory(&args.certificates, &format!("agents/{}", args.name));
    let player = work::Player {
        role: role.clone(),
        company: args.company,
        http: reqwest::Client::new(),
        answers: AnswerFile::open(&args.answers)?,
    };
    let served = Agent::builder(args.supervisor, identity)
        .role(role)
        .capacity(CAPACITY)
        .drain_within(Duration::from_secs(3))
        .serve(player, until_parent_is_gone())
        .await;
    telemetry.shutdown().await;
    served.map_err(|error| Failure::of(format!("the agent {} stopped", args.name), &error))?;
    Ok(Exit::Done)
}
