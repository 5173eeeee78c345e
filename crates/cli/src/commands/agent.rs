//! `belay agent`: which agents there are, and how they do.

use clap::{Args, Subcommand};

use belay_api::v1;

use super::{Context, PageArgs};
use crate::exit::{Exit, Failure};
use crate::output::table::{Cell, Table};
use crate::output::{Style, Tone, time};
use crate::pages;

/// Agents: who there is, and how they do.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// All agents of the playbook, connected or not
    List(ListArgs),
}

/// Which agents.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only those that may serve this role
    #[arg(long, default_value = "")]
    role: String,
    /// Only those that are connected
    #[arg(long)]
    connected: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Runs the command.
pub(crate) async fn run(command: AgentCommand, context: &Context) -> Result<Exit, Failure> {
    let AgentCommand::List(args) = command;
    let connection = context.connect().await?;
    let (agents, _) = pages!(
        args.page.limit,
        |page_size, page_token| connection.agents().list_agents(connection.call(
            v1::ListAgentsRequest {
                tenant: context.connection.tenant(),
                role: args.role.clone(),
                connected_only: args.connected,
                page_size,
                page_token,
            }
        )),
        agents
    );
    context.output.list(&agents, |style| table(&agents, style))?;
    Ok(Exit::Done)
}

fn table(agents: &[v1::Agent], style: &Style) -> String {
    let mut table = Table::new([
        "AGENT",
        "STATE",
        "ROLES",
        "CASES",
        "CAPACITY",
        "CREDIT",
        "BOUNDARY",
        "LAST SEEN",
        "PROGRAM",
    ]);
    for agent in agents {
        let session = agent.session.as_ref();
        let state = match session {
            Some(session) if session.draining => Cell::new(Tone::Warn, "draining"),
            Some(_) => Cell::new(Tone::Good, "connected"),
            None => Cell::new(Tone::Bad, "absent"),
        };
        let seen = time::moment(agent.last_seen_at.as_ref());
        table.row([
            Cell::id(&agent.id),
            state,
            Cell::from(agent.roles.join(",")),
            Cell::from(agent.cases_held.to_string()),
            Cell::from(session.map(|s| s.capacity.to_string()).unwrap_or_default()),
            Cell::from(session.map(|s| s.credit.to_string()).unwrap_or_default()),
            Cell::from(&agent.boundary),
            Cell::from(seen.map(|at| time::relative(at, style.now)).unwrap_or_default()),
            Cell::from(session.map(|s| s.sdk.clone()).unwrap_or_default()),
        ]);
    }
    table.render(style, "no agents match")
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::output::Style;
    use belay_api::v1;
    use jiff::Timestamp;

    #[test]
    fn an_absent_agent_is_shown_with_what_it_holds() {
        let agent = v1::Agent {
            id: "billing-1".into(),
            roles: vec!["billing".into()],
            boundary: "billing".into(),
            cases_held: 2,
            ..Default::default()
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        assert_eq!(
            table(&[agent], &style),
            "\
AGENT      STATE   ROLES    CASES  CAPACITY  CREDIT  BOUNDARY  LAST SEEN  PROGRAM
billing-1  absent  billing  2                        billing
"
        );
    }
}
