//! `belay serve`: runs the supervisor until it is told to leave.

use std::fs;
use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use belay_supervisor::{
    Config, Fatal, Files, HookDoor, PORT_DEFAULT, People, Running, StartError, Supervisor, Trust,
};
use belay_transport::person::Provider;
use belay_transport::telemetry::Telemetry;
use belay_transport::tls::Identity;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Context, check};
use crate::connection::{ENDPOINT_FILE, HOME};
use crate::demo::until_parent_is_gone;
use crate::exit::{Exit, Failure};
use crate::output::{Style, Tone};

/// How the supervisor runs.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The folder of the playbook
    #[arg(long, value_name = "DIR", env = "BELAY_PLAYBOOK")]
    playbook: PathBuf,
    /// Where everything is kept that has to survive
    #[arg(long, value_name = "DIR", env = "BELAY_DATA", default_value = HOME)]
    data: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDR", env = "BELAY_LISTEN", default_value_t = SocketAddr::from(([127, 0, 0, 1], PORT_DEFAULT)))]
    listen: SocketAddr,
    #[command(flatten)]
    hooks: HookArgs,
    #[command(flatten)]
    organisation: OrganisationArgs,
    /// Leave when standard input ends; for whoever starts it as a child
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

/// Where webhooks are taken. Which ones, and how they are proven, is in the playbook's operations.yaml.
#[derive(Args, Debug)]
#[command(next_help_heading = "Webhooks (without --hooks: none are taken)")]
struct HookArgs {
    /// Where to listen for webhooks; without a certificate only on this machine, behind a proxy that has one
    #[arg(long, value_name = "ADDR", env = "BELAY_HOOKS")]
    hooks: Option<SocketAddr>,
    /// The certificate that senders of webhooks see
    #[arg(long, value_name = "FILE", requires_all = ["hooks", "hooks_key"])]
    hooks_certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "hooks_certificate")]
    hooks_key: Option<PathBuf>,
}

/// Certificates and an identity provider of one's own; without them a development authority is made in the data
/// directory.
#[derive(Args, Debug)]
#[command(next_help_heading = "Identity of the organisation (without it: a development authority)")]
struct OrganisationArgs {
    /// The supervisor's certificate
    #[arg(long, value_name = "FILE", requires_all = ["key", "ca"])]
    certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The authorities whose certificates are believed
    #[arg(long, value_name = "FILE", requires = "certificate")]
    ca: Option<PathBuf>,
    /// The issuer of people's tokens
    #[arg(long, value_name = "URL", requires_all = ["certificate", "oidc_keys", "oidc_audience"])]
    oidc_issuer: Option<String>,
    /// For whom these tokens are meant
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    oidc_audience: Option<String>,
    /// The issuer's published keys, a JSON Web Key Set
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_keys: Option<PathBuf>,
    /// Certificates and identities that are no longer believed
    #[arg(long, value_name = "FILE", requires = "certificate")]
    revocations: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: ServeArgs, context: &Context) -> Result<Exit, Failure> {
    let telemetry =
        Telemetry::init("belay").map_err(|error| Failure::of("telemetry cannot begin", &error))?;
    let ended = serve(args, context).await;
    telemetry.shutdown().await;
    ended
}

async fn serve(args: ServeArgs, context: &Context) -> Result<Exit, Failure> {
    let failed = |error| Failure::of("cannot listen to signals", &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;

    let until_stdin_ends = args.until_stdin_ends;
    let folder = args.playbook.display().to_string();
    let config = config(args, context);
    let development = match &config.trust {
        Trust::Development { directory } => Some(directory.clone()),
        Trust::Files(_) => None,
    };
    let running = match Supervisor::start(config).await {
        Ok(running) => running,
        Err(error) => return Err(not_started(&error, &folder)),
    };
    announce(&running, development.as_deref(), context)?;

    tokio::select! {
        fatal = running.failed() => {
            // Nothing is acknowledged any more, so there is nothing to wait for.
            let hint = match &fatal {
                Fatal::Journal(_) => "look at the disk, and start again: whatever was acknowledged is there",
                Fatal::Slept(_) => "keep a machine that serves from sleeping; whatever was acknowledged is there",
            };
            return Err(Failure::new(Exit::Failed, fatal.to_string()).hint(hint));
        }
        () = next(&mut terminate, &mut interrupt) => {}
        () = until_parent_is_gone(), if until_stdin_ends => {}
    }
    context.output.note("leaving in order; once more ends at once");
    tokio::select! {
        drained = running.drain() => {
            if drained.cut > 0 {
                context.output.note(format_args!("{} connections did not end in time", drained.cut));
            }
            Ok(Exit::Done)
        }
        () = next(&mut terminate, &mut interrupt) => {
            Err(Failure::new(Exit::Interrupted, "left at once; what was begun is taken up at the next start"))
        }
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn config(args: ServeArgs, context: &Context) -> Config {
    let mut config = Config::development(&args.data, &args.playbook);
    config.listen = args.listen;
    let HookArgs { hooks, hooks_certificate, hooks_key } = args.hooks;
    config.hooks =
        hooks.map(|listen| HookDoor { listen, certificate: hooks_certificate.zip(hooks_key) });
    if let Some(directory) = &context.connection.identity {
        config.trust = Trust::Development { directory: directory.clone() };
    }
    let own = args.organisation;
    if let (Some(certificate), Some(key), Some(ca)) = (own.certificate, own.key, own.ca) {
        let people = match (own.oidc_issuer, own.oidc_audience, own.oidc_keys) {
            (Some(issuer), Some(audience), Some(keys)) => {
                Some(People { provider: Provider::new(issuer, audience), keys })
            }
            _ => None,
        };
        let identity = Identity { ca, certificate, key };
        let files = Files { identity, people, revocations: own.revocations };
        config.trust = Trust::Files(Box::new(files));
    }
    config
}

/// Why it does not run. The problems of a playbook are shown one by one, as `belay check` shows them.
fn not_started(error: &StartError, folder: &str) -> Failure {
    if let StartError::Playbook(problems) = error {
        let style = Style { colour: false, now: jiff::Timestamp::UNIX_EPOCH };
        let text = check::render(problems.all(), folder, &style);
        return Failure::new(
            Exit::Found,
            format!("the playbook cannot be loaded\n{}", text.trim_end()),
        )
        .hint(format!("mend these; `belay check {folder}` checks without starting"));
    }
    Failure::of("the supervisor cannot start", error)
}

/// Says where it is and how to go on, and leaves the address where this program looks for it.
fn announce(running: &Running, identity: Option<&Path>, context: &Context) -> Result<(), Failure> {
    let address = running.address();
    let endpoint = match address.ip() {
        ip if ip.is_loopback() => format!("https://localhost:{}", address.port()),
        _ => format!("https://{address}"),
    };
    if let Some(directory) = identity {
        let file = directory.join(ENDPOINT_FILE);
        fs::write(&file, format!("{endpoint}\n"))
            .map_err(|error| Failure::of(format!("cannot write {}", file.display()), &error))?;
    }
    context.output.value(
        || {
            let hooks = running.hooks().map(|address| address.to_string());
            json!({ "endpoint": endpoint, "data": running.data(), "identity": identity, "hooks": hooks })
        },
        |style| {
            // Logs go to the same terminal; the sign of life should stand out from them.
            let name = |text: &str| style.paint(Tone::Bold, text);
            let data = running.data().display();
            let mut text = format!("{} {endpoint}\n  data      {data}\n", name("belay serves at"));
            if let Some(hooks) = running.hooks() {
                text.push_str(&format!("  hooks     {hooks}\n"));
            }
            if let Some(identity) = identity {
                let shown = identity.display();
                text.push_str(&format!(
                    "  identity  {shown} (development: for this machine only)\n"
                ));
                // Where this program looks by itself, it need not be told.
                let found = identity == Path::new(HOME).join("identity");
                let told = if found { String::new() } else { format!("--identity {shown} ") };
                text.push_str(&format!("  try       belay {told}case list\n"));
            }
            if stderr().is_terminal() {
                text.push_str("  stop      ctrl-c\n");
            }
            text
        },
    )
}
