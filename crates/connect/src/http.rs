//! One HTTP exchange with an outside system: bounded in time and size, never redirected, never repeated.
//!
//! What matters about a failure is whether the request can have been carried out; everything here is sorted
//! by that.

mod overheard;
mod within;

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, RequestBuilder, Url, redirect};
use tokio::time::Instant;

pub use overheard::Exchange;
pub(crate) use overheard::Overheard;
pub use within::Service;
pub(crate) use within::Within;

/// The longest a system may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How to reach a system.
#[derive(Clone, Debug)]
pub(crate) struct HttpTerms {
    pub(crate) base_url: String,
    pub(crate) timeout: Duration,
    pub(crate) answer_max: usize,
    pub(crate) roots_pem: Option<Vec<u8>>,
}

/// Why a system's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("{url:?} is no URL; write it like https://host/path")]
    NotUrl {
        /// As it was given.
        url: String,
    },
    /// Not HTTP.
    #[error("{url:?} is not reached over http or https")]
    NotHttp {
        /// As it was given.
        url: String,
    },
    /// A credential in the address would be logged with it.
    #[error("the address of {host} holds a user or password; give the credential separately")]
    HoldsCredential {
        /// The host.
        host: String,
    },
    /// The certificate authority's file cannot be used.
    #[error("the certificate authorities given for this system are not PEM certificates")]
    Roots(#[source] reqwest::Error),
    /// TLS cannot be set up.
    #[error("no HTTP client could be made")]
    Client(#[source] reqwest::Error),
}

/// An HTTP client that talks to one system only.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: Url,
    timeout: Duration,
    answer_max: usize,
    /// Who answers instead of whoever listens at the address.
    within: Option<Arc<dyn Within>>,
    overheard: Overheard,
}

/// What the system answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent; the request has not been carried out.
    NotSent { detail: String },
    /// The request cannot be sent, now or later.
    Malformed { detail: String },
    /// The request was sent, in whole or in part, and no whole answer came.
    NoAnswer { detail: String },
}

impl Http {
    pub(crate) fn new(terms: &HttpTerms) -> Result<Self, AddressError> {
        let url = || terms.base_url.clone();
        let mut base: Url = url().parse().map_err(|_| AddressError::NotUrl { url: url() })?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(AddressError::NotHttp { url: url() });
        }
        if !base.username().is_empty() || base.password().is_some() {
            let host = base.host_str().unwrap_or_default().to_owned();
            return Err(AddressError::HoldsCredential { host });
        }
        base.set_query(None);
        base.set_fragment(None);
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN.min(terms.timeout))
            .timeout(terms.timeout)
            .user_agent(concat!("belay/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &terms.roots_pem {
            let roots = Certificate::from_pem_bundle(pem).map_err(AddressError::Roots)?;
            client = client.tls_certs_merge(roots);
        }
        let client = client.build().map_err(AddressError::Client)?;
        let (timeout, answer_max) = (terms.timeout, terms.answer_max);
        let overheard = Overheard::default();
        Ok(Self { client, base, timeout, answer_max, within: None, overheard })
    }

    /// Sends to something in this process instead of over a socket. Waits by the runtime's clock only.
    pub(crate) fn within(mut self, service: Arc<dyn Within>) -> Self {
        self.within = Some(service);
        self
    }

    /// What goes over the wire, for whoever listens.
    pub(crate) fn overheard(&self) -> &Overheard {
        &self.overheard
    }

    /// The system's address, without anything secret.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// A request to `path` below the system's address. A path that leads out of it is malformed.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, Failure> {
        let mut url = self.below(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.client.request(method, url))
    }

    /// Sends the request, once, and reads the answer to its end.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let request =
            request.build().map_err(|error| Failure::Malformed { detail: told(error) })?;
        let (asked, sent) = (self.overheard.asked(&request), Instant::now());
        let answer = self.exchange(request).await?;
        if let Some(asked) = asked {
            self.overheard.keep(asked, sent, &answer);
        }
        Ok(answer)
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Answer, Failure> {
        if let Some(within) = &self.within {
            let (timeout, most) = (self.timeout, self.answer_max);
            let answer = tokio::time::timeout(timeout, within.answer(request, most)).await;
            return answer.unwrap_or_else(|_| {
                let detail = format!("no answer within {} s", timeout.as_secs());
                Err(Failure::NoAnswer { detail })
            });
        }
        let mut response = self.client.execute(request).await.map_err(|error| {
            if error.is_connect() {
                Failure::NotSent { detail: told(error) }
            } else if error.is_builder() {
                Failure::Malformed { detail: told(error) }
            } else {
                Failure::NoAnswer { detail: told(error) }
            }
        })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| Failure::NoAnswer { detail: told(error) })? {
                Some(chunk) if body.len() + chunk.len() > self.answer_max => {
                    let most = self.answer_max;
                    let detail = format!("the answer ({status}) is longer than {most} bytes");
                    return Err(Failure::NoAnswer { detail });
                }
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(Answer { status, headers, body }),
            }
        }
    }

    fn below(&self, path: &str) -> Result<Url, Failure> {
        let malformed =
            |why: &str| Failure::Malformed { detail: format!("the path {path:?} {why}") };
        if !path.starts_with('/') {
            return Err(malformed("does not start with a slash"));
        }
        if path.contains(['#', '\\']) || path.chars().any(char::is_control) {
            return Err(malformed("holds a character that has no place in one"));
        }
        let root = self.base.as_str().trim_end_matches('/');
        let url: Url = format!("{root}{path}").parse().map_err(|_| malformed("is not one"))?;
        // Parsing resolves dots, encoded ones too: what remains must still be below the base.
        let dots = path.split(['/', '?']).any(|part| {
            let part = part.to_ascii_lowercase().replace("%2e", ".");
            part == "." || part == ".."
        });
        if dots || url.origin() != self.base.origin() {
            return Err(malformed("leads out of the system's address"));
        }
        Ok(url)
    }
}

impl Answer {
    /// The body as JSON. An empty body is null, and what is not JSON is a text.
    pub(crate) fn json(&self) -> serde_json::Value {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return serde_json::Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into_owned().into())
    }

    /// How long the system asks us to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The status and the first of what was said, for people.
    pub(crate) fn brief(&self) -> String {
        const SHOWN_MAX: usize = 200;
        let said: String = String::from_utf8_lossy(&self.body)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(SHOWN_MAX)
            .collect();
        if said.is_empty() {
            format!("{}", self.status)
        } else {
            format!("{}: {said}", self.status)
        }
    }
}

impl Failure {
    pub(crate) fn detail(self) -> String {
        match self {
            Self::NotSent { detail } | Self::Malformed { detail } | Self::NoAnswer { detail } => {
                detail
            }
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// A header from text that operators or templates wrote.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let malformed = || Failure::Malformed { detail: format!("the header {name:?} is not valid") };
    let parsed: HeaderName = name.parse().map_err(|_| malformed())?;
    Ok((parsed, value.parse().map_err(|_| malformed())?))
}

/// An error with its causes. Without the URL, because a query may hold what must not be logged.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(": ");
        told.push_str(&error.to_string());
        cause = error.source();
    }
    told
}
