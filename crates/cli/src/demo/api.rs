//! How those who play in the demonstration speak with the supervisor: through the same public API as everybody, each with
//! their own token, and patiently, because the supervisor will be killed under them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_transport::channel;
use belay_transport::tls::Identity;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::connection::{Caller, Connection, DEFAULT_TENANT, dev_token};
use crate::exit::{Exit, Failure};

/// How long somebody tries again before they give up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(5);
/// How long somebody waits before they try again.
const PAUSE: Duration = Duration::from_millis(150);
/// How long a token of the cast is valid. People explore for a while with `--keep`.
const TOKEN_TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// The line to the supervisor, and whose tokens can be signed.
#[derive(Clone)]
pub(crate) struct Door {
    channel: Channel,
    identity: PathBuf,
}

impl Door {
    /// Prepares the line; it is used when it is needed, and made anew when it breaks.
    pub(crate) fn new(endpoint: &str, identity: &Path) -> Result<Self, Failure> {
        let channel =
            channel::connect_lazy(endpoint, Identity::in_directory(identity, "tools/cli"))
                .map_err(|error| Failure::of("the line to the supervisor failed", &error))?;
        Ok(Self { channel, identity: identity.to_owned() })
    }

    /// For the program itself.
    pub(crate) fn tool(&self) -> Connection {
        Connection::over(self.channel.clone(), Caller::tool(), CALL_WITHIN)
    }

    /// For a person.
    pub(crate) fn person(&self, name: &str, groups: &[&str]) -> Result<Connection, Failure> {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let token = dev_token(&self.identity, name, &groups, DEFAULT_TENANT, TOKEN_TTL)?;
        Ok(Connection::over(self.channel.clone(), Caller::with_token(&token)?, CALL_WITHIN))
    }
}

/// Asks until there is an answer. Only what may be repeated is asked like this; request ids see to that.
pub(crate) async fn patiently<T, F>(what: &str, mut ask: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = match ask().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        if !may_pass(&status) {
            return Err(status.into());
        }
        if Instant::now() >= deadline {
            let failure = Failure::from(status);
            let what = format!("{what}: no answer in {} s: {}", PATIENCE.as_secs(), failure.what);
            return Err(Failure::new(Exit::Unavailable, what));
        }
        sleep(PAUSE).await;
    }
}

/// Whether it may be different in a moment: the supervisor is away or busy.
pub(crate) fn may_pass(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Aborted
            | Code::ResourceExhausted
    )
}
