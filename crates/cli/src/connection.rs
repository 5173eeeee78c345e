//! How commands reach the supervisor: where it is, which certificate the program shows, and for which person it
//! speaks. All of it comes from flags or `BELAY_` variables, with defaults that fit the first run.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_api::v1::agent_registry_service_client::AgentRegistryServiceClient;
use belay_api::v1::approval_service_client::ApprovalServiceClient;
use belay_api::v1::audit_service_client::AuditServiceClient;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use belay_api::v1::desk_service_client::DeskServiceClient;
use belay_api::v1::escalation_service_client::EscalationServiceClient;
use belay_api::v1::playbook_service_client::PlaybookServiceClient;
use belay_supervisor::PORT_DEFAULT;
use belay_transport::channel::{self, Bearer};
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use belay_transport::tls::Identity;
use clap::Args;
use jiff::Timestamp;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::exit::{Exit, Failure};

/// The tenant of the first run.
pub(crate) const DEFAULT_TENANT: &str = belay_supervisor::TENANT_DEFAULT;
/// Where the first run keeps what it makes.
pub(crate) const HOME: &str = ".belay";
/// In an identity directory: where its supervisor listens.
pub(crate) const ENDPOINT_FILE: &str = "endpoint";

/// How long a token that the program makes for itself is valid: as long as one command may take.
const OWN_TOKEN_TTL: Duration = Duration::from_secs(15 * 60);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the supervisor is reached, and as whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Where the supervisor is; by default where the one that made the identity listens
    #[arg(long, global = true, env = "BELAY_ENDPOINT", value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Directory with `ca.pem` and `tools/cli.pem`; by default ./.belay/identity, then ~/.belay/identity
    #[arg(long, global = true, env = "BELAY_IDENTITY", value_name = "DIR")]
    pub(crate) identity: Option<PathBuf>,
    /// Bearer token of the person for whom the command is given
    #[arg(long, global = true, env = "BELAY_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Development only: act as this person, with a token signed by the key in the identity directory
    #[arg(
        long,
        global = true,
        env = "BELAY_PERSON",
        value_name = "NAME",
        conflicts_with = "token"
    )]
    pub(crate) person: Option<String>,
    /// Development only: a group of that person; may be repeated
    #[arg(
        long = "group",
        global = true,
        env = "BELAY_GROUPS",
        value_delimiter = ',',
        value_name = "GROUP"
    )]
    pub(crate) groups: Vec<String>,
    /// Whose cases; by default those of the own identity
    #[arg(long, global = true, env = "BELAY_TENANT", value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Seconds that one call may take
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

/// A connection to a supervisor.
#[derive(Clone)]
pub(crate) struct Connection {
    service: Service,
    timeout: Duration,
}

/// What every client speaks through.
pub(crate) type Service = InterceptedService<Channel, Caller>;

/// For whom a call is made.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Option<Bearer>);

impl Interceptor for Caller {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        match &mut self.0 {
            Some(bearer) => bearer.call(request),
            None => Ok(request),
        }
    }
}

impl ConnectionArgs {
    /// The identity directory that is meant: the one that was named, or the first that exists.
    pub(crate) fn identity_directory(&self) -> PathBuf {
        if let Some(directory) = &self.identity {
            return directory.clone();
        }
        let here = Path::new(HOME).join("identity");
        let home = env::var_os("HOME").map(|home| Path::new(&home).join(HOME).join("identity"));
        match home {
            Some(home) if !here.exists() && home.exists() => home,
            _ => here,
        }
    }

    /// Where the supervisor is.
    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| {
            std::fs::read_to_string(self.identity_directory().join(ENDPOINT_FILE))
                .map(|text| text.trim().to_owned())
                .unwrap_or_else(|_| format!("https://localhost:{PORT_DEFAULT}"))
        })
    }

    /// The tenant of a request: empty for the caller's own.
    pub(crate) fn tenant(&self) -> String {
        self.tenant.clone().unwrap_or_default()
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let directory = self.identity_directory();
        let identity = Identity::in_directory(&directory, "tools/cli");
        if !identity.certificate.exists() {
            let what = format!("there is no identity in {}", directory.display());
            return Err(Failure::new(Exit::Unavailable, what).hint(
                "name the directory with --identity or $BELAY_IDENTITY; `belay serve` and `belay dev ca` make one",
            ));
        }
        let caller = self.caller(&directory)?;
        let endpoint = self.endpoint();
        Connection::open(&endpoint, identity, caller, Duration::from_secs(self.timeout)).await
    }

    /// For whom calls are made: the bearer of a token, a development person, or nobody but the program.
    fn caller(&self, directory: &Path) -> Result<Caller, Failure> {
        let token = match (&self.token, &self.person) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(person)) => Some(dev_token(
                directory,
                person,
                &self.groups,
                self.tenant.as_deref().unwrap_or(DEFAULT_TENANT),
                OWN_TOKEN_TTL,
            )?),
            (None, None) => None,
        };
        let bearer = token.map(|token| Bearer::new(&token)).transpose();
        let bearer = bearer.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        Ok(Caller(bearer))
    }
}

impl Caller {
    /// A person with a token.
    pub(crate) fn with_token(token: &str) -> Result<Self, Failure> {
        let bearer = Bearer::new(token).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
        Ok(Self(Some(bearer)))
    }

    /// Only the program.
    pub(crate) fn tool() -> Self {
        Self(None)
    }
}

/// A development token, signed with the key in `directory`.
pub(crate) fn dev_token(
    directory: &Path,
    person: &str,
    groups: &[String],
    tenant: &str,
    ttl: Duration,
) -> Result<String, Failure> {
    if !directory.join("oidc.key").exists() {
        let what = format!("{} cannot sign tokens for people", directory.display());
        return Err(Failure::new(Exit::Usage, what).hint(
            "only development identities can: `belay dev ca` makes one; otherwise give --token",
        ));
    }
    let issuer = DevIssuer::open_or_create(directory)
        .map_err(|error| Failure::of("cannot sign a development token", &error))?;
    let person =
        Person { id: person.to_owned(), groups: groups.to_vec(), tenant: tenant.to_owned() };
    issuer
        .issue_token(&person, ttl, Timestamp::now())
        .map_err(|error| Failure::of("cannot sign a development token", &error))
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident,)*) => {
        impl Connection {
            $($(#[$doc])* pub(crate) fn $name(&self) -> $client<Service> {
                $client::new(self.service.clone())
            })*
        }
    };
}

clients! {
    /// Cases.
    cases: CaseServiceClient,
    /// Coverage.
    coverage: CoverageServiceClient,
    /// Approvals.
    approvals: ApprovalServiceClient,
    /// Escalations.
    escalations: EscalationServiceClient,
    /// The desk.
    desk: DeskServiceClient,
    /// The registered agents.
    agents: AgentRegistryServiceClient,
    /// The playbook.
    playbook: PlaybookServiceClient,
    /// The journal.
    audit: AuditServiceClient,
}

impl Connection {
    /// Connects to `endpoint`.
    pub(crate) async fn open(
        endpoint: &str,
        identity: Identity,
        caller: Caller,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let channel = tokio::time::timeout(CONNECT_TIMEOUT, channel::connect(endpoint, identity))
            .await
            .map_err(|_| {
                let what = format!("{endpoint} did not answer in {} s", CONNECT_TIMEOUT.as_secs());
                Failure::new(Exit::Unavailable, what)
            })?
            .map_err(|error| {
                Failure::new(Exit::Unavailable, error.to_string())
                    .hint("is the supervisor running? start one with `belay serve --playbook DIR`")
            })?;
        Ok(Self::over(channel, caller, timeout))
    }

    /// Over a channel that there is already.
    pub(crate) fn over(channel: Channel, caller: Caller, timeout: Duration) -> Self {
        Self { service: InterceptedService::new(channel, caller), timeout }
    }

    /// A call with the deadline that the user gave. For streams, which may last, use [`Request::new`].
    pub(crate) fn call<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}
