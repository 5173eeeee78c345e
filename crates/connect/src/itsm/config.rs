//! What an operator says about one installation of a ticket system.

use std::sync::Arc;
use std::time::Duration;

use belay_adapter::{Description, Settings, SettingsError};
use secrecy::SecretString;

use crate::RateLimit;
use crate::http::AddressError;

/// How an installation is reached and understood.
#[derive(Clone, Debug)]
pub struct ItsmConfig {
    /// Where it is, `https://example.service-now.com`.
    pub base_url: String,
    /// How its kind is asked and understood.
    pub description: Arc<Description>,
    /// What this installation adds to that.
    pub settings: Settings,
    /// The secret of the service account, in the form that the description says.
    pub secret: SecretString,
    /// How often it may be asked; as the description says if none is given.
    pub pace: Option<RateLimit>,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// Certificate authorities to trust besides the machine's, as PEM.
    pub roots_pem: Option<Vec<u8>>,
}

/// Why an installation cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum ItsmError {
    /// The address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The settings say something that the description does not know.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The secret cannot be sent.
    #[error("the credential holds characters that cannot be sent in a header")]
    Secret,
    /// The secret has another form.
    #[error("the credential has to be two parts with a colon between them, like user:password")]
    TwoParts,
}
