//! Request Tracker over its REST2 interface.
//!
//! RT answers an update with 200 and prose that may say no, lists disabled people as members, answers for a
//! merged ticket with the one it was merged into, drops a misspelt custom field without a word, and does not
//! find a deleted ticket. So nothing is believed that was not read, and a ticket counts as ours only by the
//! two custom fields on it.
//!
//! The account needs to see queues, tickets, comments, custom fields and groups, to create and comment, and to
//! set the custom fields at creation. It needs no right to own, reply, move or modify.

mod bulk;
mod config;
mod history;
mod note;
mod people;
mod proving;
mod queue;
mod record;
mod ticket;

#[cfg(test)]
mod tests;

use std::fmt;

use belay_domain::{ActorKind, PersonId, QueueFacts, QueueId};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH, REFERER};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use config::{
    ANY_LIFECYCLE, RequestTrackerConfig, RequestTrackerError, StatusMap, StatusMeaning,
};

use crate::http::{Answer, Failure, Http, HttpTerms};
use crate::{QueueError, QueueErrorKind};
use bulk::Histories;
use people::People;
use queue::QueueNames;

/// The most of an answer that is read. A page of history is some ten kilobytes.
const ANSWER_LENGTH_MAX: usize = 4 * 1024 * 1024;

/// A look takes a few answers after each other; it may take as long as so many that are only just in time.
const LOOK_EXCHANGES_MAX: u32 = 3;

/// An instance of Request Tracker.
pub struct RequestTracker {
    config: RequestTrackerConfig,
    rest: Http,
    /// The pages for people. Who may own a queue's tickets is told only there.
    web: Http,
    authorization: HeaderValue,
    people: People,
    histories: Histories,
    names: QueueNames,
}

impl RequestTracker {
    /// An instance, not yet spoken to.
    pub fn new(config: RequestTrackerConfig) -> Result<Self, RequestTrackerError> {
        config.check()?;
        let http = |base_url: String| {
            Http::new(&HttpTerms {
                base_url,
                timeout: config.timeout,
                answer_max: ANSWER_LENGTH_MAX,
                roots_pem: config.roots_pem.clone(),
            })
        };
        let (rest, web) = (http(config.rest_url())?, http(config.web_url())?);
        let text = format!("token {}", config.token.expose_secret());
        let mut authorization =
            HeaderValue::from_str(&text).map_err(|_| RequestTrackerError::Token)?;
        authorization.set_sensitive(true);
        Ok(Self {
            rest,
            web,
            authorization,
            people: People::default(),
            histories: Histories::default(),
            names: QueueNames::default(),
            config,
        })
    }

    /// What an actor is, given who is on the queue we look at.
    async fn kind(
        &self,
        name: &PersonId,
        queue: Option<&QueueFacts>,
    ) -> Result<ActorKind, QueueError> {
        if let Some(kind) = self.config.known_kind(name) {
            return Ok(kind);
        }
        if let Some(member) = queue.and_then(|queue| queue.member(name)) {
            return Ok(member.kind);
        }
        // Customers write to tickets too; only accounts for staff are people of the house.
        match self.user(&record::segment(name.as_str())).await? {
            Some(user) if user.privileged => Ok(ActorKind::Person),
            _ => Ok(ActorKind::Unknown),
        }
    }

    /// Ends a look that takes too long as a whole, however quick each answer was.
    async fn bounded<T>(
        &self,
        look: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let within = self.config.timeout.saturating_mul(LOOK_EXCHANGES_MAX);
        tokio::time::timeout(within, look).await.unwrap_or_else(|_| {
            let detail = format!("the look took longer than {} s", within.as_secs());
            Err(QueueError::new(QueueErrorKind::Unavailable, detail))
        })
    }

    /// Reads one resource. None if there is no such thing.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<(T, HeaderMap)>, QueueError> {
        let request = self.rest.request(Method::GET, path, query);
        let answer = self.send(&self.rest, request, Asked::Read).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let answer = success(answer, Asked::Read)?;
        // A read that succeeds and says nothing is a read of nothing.
        if matches!(answer.json(), Value::Null)
            || answer.json() == Value::Object(Default::default())
        {
            return Ok(None);
        }
        let found = serde_json::from_slice(&answer.body).map_err(|error| {
            QueueError::new(
                QueueErrorKind::NotUnderstood,
                format!("the answer to {path} is not what RT answers: {error}"),
            )
        })?;
        Ok(Some((found, answer.headers)))
    }

    /// Asks for a change, once.
    async fn change(
        &self,
        method: Method,
        path: &str,
        body: Sent<'_>,
        only_if: Option<&HeaderValue>,
    ) -> Result<Answer, QueueError> {
        let request = self.rest.request(method, path, &[]).map(|request| {
            let request = match body {
                Sent::Json(body) => request.json(body),
                Sent::Text(text) => request
                    .header(reqwest::header::CONTENT_TYPE, "text/plain; charset=utf-8")
                    .body(text.to_owned()),
            };
            match only_if {
                Some(tag) => request.header(IF_MATCH, tag),
                None => request,
            }
        });
        success(self.send(&self.rest, request, Asked::Change).await?, Asked::Change)
    }

    async fn send(
        &self,
        http: &Http,
        request: Result<RequestBuilder, Failure>,
        asked: Asked,
    ) -> Result<Answer, QueueError> {
        let sent = match request {
            Ok(request) => {
                let request = request
                    .header(AUTHORIZATION, self.authorization.clone())
                    .header(REFERER, http.base().as_str());
                http.send(request).await
            }
            Err(failure) => Err(failure),
        };
        sent.map_err(|failure| {
            let kind = match (&failure, asked) {
                (Failure::Malformed { .. }, _) => QueueErrorKind::Refused,
                (Failure::NotSent { .. }, _) | (Failure::NoAnswer { .. }, Asked::Read) => {
                    QueueErrorKind::Unavailable
                }
                (Failure::NoAnswer { .. }, Asked::Change) => QueueErrorKind::Unknown,
            };
            QueueError::new(kind, failure.detail())
        })
    }
}

/// What was asked, and so what no answer means.
#[derive(Clone, Copy)]
enum Asked {
    Read,
    Change,
}

/// What goes with a change.
enum Sent<'a> {
    Json(&'a Value),
    Text(&'a str),
}

/// The answer, if it says yes.
fn success(answer: Answer, asked: Asked) -> Result<Answer, QueueError> {
    let kind = match (answer.status, asked) {
        (200..300, _) => return Ok(answer),
        (401, _) => QueueErrorKind::Unauthorized,
        (429, _) => QueueErrorKind::RateLimited { retry_after: answer.retry_after() },
        (503, Asked::Read) if answer.retry_after().is_some() => {
            QueueErrorKind::RateLimited { retry_after: answer.retry_after() }
        }
        (408 | 500.., Asked::Read) => QueueErrorKind::Unavailable,
        // Something between us and RT may have given up on an RT that went on working.
        (408 | 500.., Asked::Change) => QueueErrorKind::Unknown,
        _ => QueueErrorKind::Refused,
    };
    Err(QueueError::new(kind, answer.brief()))
}

impl fmt::Debug for RequestTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestTracker").field("rest", &self.rest).finish_non_exhaustive()
    }
}

/// A queue as the path of a request names it: by name or by number.
fn queue_path(queue: &QueueId) -> String {
    format!("/queue/{}", record::segment(queue.as_str()))
}
