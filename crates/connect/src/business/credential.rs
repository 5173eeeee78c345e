//! What proves to a system of record who asks: something secret in a header, or a token that is had for it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::http::{Failure, Http, header};
use crate::token::{Asking, NoToken, Tokens};

/// What proves to a system who asks. Never shown and never logged.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// `Authorization: Bearer ...`.
    Bearer(SecretString),
    /// `Authorization: ...` with another scheme.
    Authorization {
        /// The scheme, such as `token`.
        scheme: String,
        /// What follows it.
        secret: SecretString,
    },
    /// `Authorization: Basic ...`.
    Basic {
        /// The account.
        user: String,
        /// Its password.
        password: SecretString,
    },
    /// A header of the system's own.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: SecretString,
    },
    /// A token in `Authorization` that the system gives for a login.
    Login(Login),
}

/// A login: one `POST` that is answered with a token.
#[derive(Clone, Debug)]
pub struct Login {
    /// The path below the system's address.
    pub path: String,
    /// What is sent: names and texts, the account and its password among them.
    pub fields: Vec<(String, SecretString)>,
    /// Whether it is sent as a form instead of JSON.
    pub form: bool,
    /// The place of the token in the answer, as a JSON pointer.
    pub token_at: String,
    /// The place of the seconds for which it is good.
    pub expires_in_at: Option<String>,
    /// For how long it is used if the answer does not say that; until it is refused if nobody does.
    pub lasts: Option<Duration>,
    /// The scheme of the header.
    pub scheme: String,
}

/// Puts a credential on requests. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Signer {
    Fixed(Credential),
    Token(Arc<Tokens>),
}

/// A request that says who sends it.
pub(super) struct Signed {
    pub(super) request: RequestBuilder,
    /// With which token.
    pub(super) token: Option<HeaderValue>,
}

/// Why a request does not say who sends it. It has not left.
pub(super) enum Unsigned {
    Failure(Failure),
    NoToken(NoToken),
}

impl Signer {
    /// For reading and for writing. One login has one token, because some systems end the one when they give another.
    pub(super) fn both(read: Credential, write: Credential) -> (Self, Self) {
        match (&read, &write) {
            (Credential::Login(one), Credential::Login(other)) if one.is(other) => {
                let signer = Self::new(read);
                (signer.clone(), signer)
            }
            _ => (Self::new(read), Self::new(write)),
        }
    }

    fn new(credential: Credential) -> Self {
        match credential {
            Credential::Login(login) => Self::Token(Arc::new(Tokens::new(login.asking()))),
            fixed => Self::Fixed(fixed),
        }
    }

    pub(super) async fn sign(
        &self,
        request: RequestBuilder,
        http: &Http,
    ) -> Result<Signed, Unsigned> {
        match self {
            Self::Fixed(credential) => {
                let request = credential.sign(request).map_err(Unsigned::Failure)?;
                Ok(Signed { request, token: None })
            }
            Self::Token(tokens) => {
                let token = tokens.header(http, async { Ok::<(), Unsigned>(()) }).await?;
                let request = request.header(AUTHORIZATION, token.clone());
                Ok(Signed { request, token: Some(token) })
            }
        }
    }

    /// Whether what was answered with this status means that the token is over and another one can be had.
    pub(super) fn is_over(&self, token: Option<&HeaderValue>, status: u16) -> bool {
        match (self, token) {
            (Self::Token(tokens), Some(token)) if status == 401 => tokens.refused(token),
            (Self::Token(tokens), Some(token)) => {
                tokens.accepted(token);
                false
            }
            (Self::Token(_), None) | (Self::Fixed(_), _) => false,
        }
    }
}

impl Credential {
    fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder, Failure> {
        Ok(match self {
            Self::None | Self::Login(_) => request,
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Self::Basic { user, password } => {
                request.basic_auth(user, Some(password.expose_secret()))
            }
            Self::Authorization { scheme, secret } => {
                let value = format!("{scheme} {}", secret.expose_secret());
                secret_header(request, "authorization", &value)?
            }
            Self::Header { name, value } => secret_header(request, name, value.expose_secret())?,
        })
    }
}

impl Login {
    fn asking(self) -> Asking {
        let Self { path, fields, form, token_at, expires_in_at, lasts, scheme } = self;
        Asking { path, fields, form, token_at, expires_in_at, lasts, scheme }
    }

    /// Whether it is the same login.
    fn is(&self, other: &Self) -> bool {
        let texts = |login: &Self| -> Vec<(String, String)> {
            let fields = login.fields.iter();
            fields.map(|(name, text)| (name.clone(), text.expose_secret().to_owned())).collect()
        };
        self.path == other.path && self.scheme == other.scheme && texts(self) == texts(other)
    }
}

impl From<NoToken> for Unsigned {
    fn from(why: NoToken) -> Self {
        Self::NoToken(why)
    }
}

fn secret_header(
    request: RequestBuilder,
    name: &str,
    value: &str,
) -> Result<RequestBuilder, Failure> {
    let (name, mut value) = header(name, value)?;
    value.set_sensitive(true);
    Ok(request.header(name, value))
}
