//! Systems of record over plain HTTP: read as often as needed, written once at a time.
//!
//! A system's answer to a write is only its answer. Whether the write took effect is for a read-back to say,
//! and an answer that never came says nothing at all.

mod credential;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::BoxFuture;
pub use crate::http::AddressError;
use crate::http::{Answer, Failure, Http, HttpTerms, header};
use crate::token::NoToken;
pub use credential::{Credential, Login};
use credential::{Signed, Signer};

/// The most of an answer that is read, unless the playbook says otherwise.
pub const ANSWER_LENGTH_MAX: usize = 1024 * 1024;

/// How a system of record is reached.
#[derive(Clone, Debug)]
pub struct BusinessConfig {
    /// Where its API begins; every path is below it.
    pub base_url: String,
    /// With what it is read.
    pub read_credential: Credential,
    /// With what it is written.
    pub write_credential: Credential,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// The most of an answer that is read, in bytes.
    pub answer_max: usize,
    /// Certificate authorities to trust besides the machine's, as PEM.
    pub roots_pem: Option<Vec<u8>>,
}

/// A system of record.
#[derive(Clone)]
pub struct BusinessSystem {
    http: Http,
    reader: Signer,
    writer: Signer,
}

/// A read. Some systems search with POST; that is up to who writes the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRequest {
    /// The method, `GET` as a rule.
    pub method: String,
    /// The path below the base; values in it percent-encoded.
    pub path: String,
    /// The query, not encoded.
    pub query: Vec<(String, String)>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What is sent along.
    pub body: Body,
}

/// A write.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteRequest {
    /// The method.
    pub method: String,
    /// The path below the base; values in it percent-encoded.
    pub path: String,
    /// The query, not encoded.
    pub query: Vec<(String, String)>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// What is written.
    pub body: Body,
    /// What makes it the same write, and in which header the system takes it.
    pub idempotency: Option<Idempotency>,
}

/// What makes a write the same write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The header, `Idempotency-Key` as a rule.
    pub header: String,
    /// The key.
    pub key: String,
}

/// What is sent along with a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// JSON.
    Json(Value),
    /// `application/x-www-form-urlencoded`, for systems that take nothing else.
    Form(Vec<(String, String)>),
}

/// What a read showed. Any answer of the system is one, `404` too.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body: JSON, null if there was none, or a text if it was not JSON.
    pub body: Value,
}

/// Why a read showed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The request itself is wrong, and always will be.
    #[error("the request cannot be made: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// Our credential is not accepted, or does not reach so far.
    #[error("the system refuses our credential: {detail}")]
    Unauthorized {
        /// What it said.
        detail: String,
    },
    /// The system asks us to slow down.
    #[error("the system asks us to slow down")]
    RateLimited {
        /// How long to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// No answer that could be read.
    #[error("the system cannot be read: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
}

/// How a write went, as far as the answer tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WriteOutcome {
    /// The system said yes.
    Done {
        /// The HTTP status.
        status: u16,
        /// What it answered.
        body: Value,
    },
    /// The system said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it answered.
        body: Value,
        /// Whether it will say no again to the same.
        permanent: bool,
        /// How long to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// The request never left; it can be tried again.
    NotSent {
        /// What happened.
        detail: String,
        /// Whether it cannot leave at any time, because it is malformed.
        permanent: bool,
    },
    /// It was sent, and nobody can tell whether it was carried out: read back before anything else.
    Unknown {
        /// What happened.
        detail: String,
        /// What was answered, if anything was.
        answer: Option<Response>,
        /// How long to wait, if it says so.
        retry_after: Option<Duration>,
    },
}

impl WriteOutcome {
    /// No answer came.
    #[must_use]
    pub fn unheard(detail: impl Into<String>) -> Self {
        Self::Unknown { detail: detail.into(), answer: None, retry_after: None }
    }

    /// How long the system asks to be left alone, if it does.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } | Self::Unknown { retry_after, .. } => *retry_after,
            Self::Done { .. } | Self::NotSent { .. } => None,
        }
    }
}

impl ReadError {
    /// Whether reading again later can help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }
}

/// A system of record, however it is reached.
pub trait SystemOfRecord: Send + Sync {
    /// Reads, once.
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>>;

    /// Writes, once. Never repeats by itself, whatever happens.
    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome>;
}

impl SystemOfRecord for BusinessSystem {
    fn read<'a>(&'a self, read: &'a ReadRequest) -> BoxFuture<'a, Result<Response, ReadError>> {
        Box::pin(Self::read(self, read))
    }

    fn write<'a>(&'a self, write: &'a WriteRequest) -> BoxFuture<'a, WriteOutcome> {
        Box::pin(Self::write(self, write))
    }
}

impl BusinessSystem {
    /// A system, not yet spoken to.
    pub fn new(config: BusinessConfig) -> Result<Self, AddressError> {
        let BusinessConfig {
            base_url,
            read_credential,
            write_credential,
            timeout,
            answer_max,
            roots_pem,
        } = config;
        let http = Http::new(&HttpTerms { base_url, timeout, answer_max, roots_pem })?;
        let (reader, writer) = Signer::both(read_credential, write_credential);
        Ok(Self { http, reader, writer })
    }

    /// Reads, once. A read that is refused because a token ran out is sent once more with a new one.
    pub async fn read(&self, read: &ReadRequest) -> Result<Response, ReadError> {
        let ReadRequest { method, path, query, headers, body } = read;
        let mut renewed = false;
        let answer = loop {
            let request = self
                .request(method, path, query, headers, body)
                .map_err(|failure| ReadError::Malformed { detail: failure.detail() })?;
            let signed = self.reader.sign(request, &self.http).await.map_err(unsigned_read)?;
            let Signed { request, token } = signed;
            let answer = self.http.send(request).await.map_err(|failure| match failure {
                Failure::Malformed { detail } => ReadError::Malformed { detail },
                failure => ReadError::Unavailable { detail: failure.detail() },
            })?;
            let is_over = self.reader.is_over(token.as_ref(), answer.status);
            if !is_over || renewed {
                break answer;
            }
            renewed = true;
        };
        match answer.status {
            401 | 403 => Err(ReadError::Unauthorized { detail: answer.brief() }),
            429 => Err(ReadError::RateLimited { retry_after: answer.retry_after() }),
            // A redirect or a broken gateway shows nothing about the record.
            300..=399 | 408 | 500.. => Err(ReadError::Unavailable { detail: answer.brief() }),
            status => Ok(Response { status, body: answer.json() }),
        }
    }

    /// Writes, once. Never repeats by itself, whatever happens.
    pub async fn write(&self, write: &WriteRequest) -> WriteOutcome {
        let WriteRequest { method, path, query, headers, body, idempotency } = write;
        let request = self.request(method, path, query, headers, body);
        let request = request.and_then(|request| match idempotency {
            Some(Idempotency { header: name, key }) => {
                let (name, key) = header(name, key)?;
                Ok(request.header(name, key))
            }
            None => Ok(request),
        });
        let signed = match request {
            Ok(request) => self.writer.sign(request, &self.http).await,
            Err(failure) => Err(credential::Unsigned::Failure(failure)),
        };
        let Signed { request, token } = match signed {
            Ok(signed) => signed,
            Err(why) => return unsigned_write(why),
        };
        match self.http.send(request).await {
            // Refused at the door, and another token can be had: the same is accepted later.
            Ok(answer) if self.writer.is_over(token.as_ref(), answer.status) => {
                let detail = "the token was not accepted any more (401); the next one is asked for";
                WriteOutcome::NotSent { detail: detail.to_owned(), permanent: false }
            }
            Ok(answer) => outcome(&answer),
            Err(failure) => unsent(failure),
        }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        headers: &[(String, String)],
        body: &Body,
    ) -> Result<RequestBuilder, Failure> {
        let method: Method = method
            .parse()
            .map_err(|_| Failure::Malformed { detail: format!("{method:?} is no method") })?;
        let query: Vec<(&str, &str)> =
            query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut request = self.http.request(method, path, &query)?;
        for (name, value) in headers {
            let (name, value) = header(name, value)?;
            request = request.header(name, value);
        }
        Ok(match body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Form(fields) => request.form(fields),
        })
    }
}

/// What an answer to a write says, where its contract says nothing else.
fn outcome(answer: &Answer) -> WriteOutcome {
    let (status, body) = (answer.status, answer.json());
    let retry_after = answer.retry_after();
    let unknown = || WriteOutcome::Unknown {
        detail: answer.brief(),
        answer: Some(Response { status, body: answer.json() }),
        retry_after,
    };
    match status {
        200..=299 => WriteOutcome::Done { status, body },
        // Too early, locked, too many: the same may be accepted later.
        423 | 425 | 429 => WriteOutcome::Refused { status, body, permanent: false, retry_after },
        // A gateway gave up on a server that may have gone on working.
        408 => unknown(),
        // Not implemented, HTTP version not supported: refused before anything was done.
        501 | 505 => WriteOutcome::Refused { status, body, permanent: true, retry_after },
        ..=499 => WriteOutcome::Refused { status, body, permanent: true, retry_after },
        _ => unknown(),
    }
}

fn unsent(failure: Failure) -> WriteOutcome {
    match failure {
        Failure::NotSent { detail } => WriteOutcome::NotSent { detail, permanent: false },
        Failure::Malformed { detail } => WriteOutcome::NotSent { detail, permanent: true },
        Failure::NoAnswer { detail } => WriteOutcome::unheard(detail),
    }
}

/// Nothing left, because nothing could be shown that proves who we are.
fn unsigned_write(why: credential::Unsigned) -> WriteOutcome {
    let why = match why {
        credential::Unsigned::Failure(failure) => return unsent(failure),
        credential::Unsigned::NoToken(why) => why,
    };
    let (status, retry_after) = match &why {
        NoToken::Refused { .. } | NoToken::NotUnderstood => (401, None),
        NoToken::RateLimited { retry_after } => (429, *retry_after),
        NoToken::Unavailable { .. } => {
            return WriteOutcome::NotSent { detail: why.to_string(), permanent: false };
        }
    };
    let body = Value::from(why.to_string());
    WriteOutcome::Refused { status, body, permanent: false, retry_after }
}

fn unsigned_read(why: credential::Unsigned) -> ReadError {
    match why {
        credential::Unsigned::Failure(failure) => ReadError::Malformed { detail: failure.detail() },
        credential::Unsigned::NoToken(why) => match why {
            NoToken::Refused { .. } | NoToken::NotUnderstood => {
                ReadError::Unauthorized { detail: why.to_string() }
            }
            NoToken::RateLimited { retry_after } => ReadError::RateLimited { retry_after },
            NoToken::Unavailable { .. } => ReadError::Unavailable { detail: why.to_string() },
        },
    }
}

impl fmt::Debug for BusinessSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusinessSystem")
            .field("base_url", &self.http.base().as_str())
            .finish_non_exhaustive()
    }
}
