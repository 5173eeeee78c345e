//! `belay dev`: identities for trying things out. Whoever can read their directory can be anybody, so this is not
//! for production.

use std::time::Duration;

use belay_transport::authority::{AuthorityError, DevAuthority};
use belay_transport::issuer::DevIssuer;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::connection::{DEFAULT_TENANT, dev_token};
use crate::exit::{Exit, Failure};
use crate::output::print;

/// Identities for development.
#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    /// Make a certificate authority, with certificates for a supervisor and this program, and a token signer
    Ca,
    /// Make or renew the certificate of an agent
    AgentCert {
        /// The agent's name, as in the playbook
        name: String,
    },
    /// Print a bearer token for the person and groups given by --person and --group
    Token(TokenArgs),
}

/// What a token says.
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// How many minutes it is valid
    #[arg(long, default_value_t = 60, value_name = "MINUTES")]
    minutes: u64,
}

/// Runs the command.
pub(crate) fn run(command: DevCommand, context: &Context) -> Result<Exit, Failure> {
    let directory = context.connection.identity_directory();
    let failed = |error: AuthorityError| Failure::of("the development authority failed", &error);
    let authority = DevAuthority::open_or_create(&directory).map_err(failed)?;
    match command {
        DevCommand::Ca => {
            DevIssuer::open_or_create(&directory)
                .map_err(|error| Failure::of("the development token signer failed", &error))?;
            context.output.value(
                || json!({ "identity": directory, "trust_domain": authority.trust_domain().to_string() }),
                |_| {
                    format!(
                        "identities of {} are in {}\n",
                        authority.trust_domain(),
                        directory.display()
                    )
                },
            )?;
        }
        DevCommand::AgentCert { name } => {
            let identity = authority.agent(&name).map_err(failed)?;
            context.output.value(
                || {
                    json!({
                        "ca": identity.ca,
                        "certificate": identity.certificate,
                        "key": identity.key,
                    })
                },
                |_| {
                    format!(
                        "ca           {}\ncertificate  {}\nkey          {}\n",
                        identity.ca.display(),
                        identity.certificate.display(),
                        identity.key.display()
                    )
                },
            )?;
        }
        DevCommand::Token(args) => {
            let Some(person) = &context.connection.person else {
                return Err(Failure::new(Exit::Usage, "for whom is the token?")
                    .hint("belay dev token --person alice --group finance"));
            };
            let token = dev_token(
                &directory,
                person,
                &context.connection.groups,
                context.connection.tenant.as_deref().unwrap_or(DEFAULT_TENANT),
                Duration::from_secs(args.minutes.saturating_mul(60)),
            )?;
            if context.output.is_json() {
                print(&json!({ "person": person, "token": token }).to_string())?;
            } else {
                print(&token)?;
            }
        }
    }
    Ok(Exit::Done)
}
