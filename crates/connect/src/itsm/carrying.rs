//! Carrying requests: each in its turn, with our credential, and none twice that changes anything.

use std::time::Duration;

use belay_adapter::{Answer, Request, Talk, Trouble, TroubleKind};
use reqwest::Method;
use reqwest::header::IF_NONE_MATCH;
use tokio::time::Instant;

use super::memory::Recalled;
use super::token::Credential;
use super::{Itsm, told};
use crate::health::Line;
use crate::http::{Failure, header};
use crate::{QueueError, QueueErrorKind};

/// A look takes several answers after each other; it may take as long as so many that are only just in time.
const LOOK_EXCHANGES_MAX: u32 = 4;

/// The longest that a system is left alone because it asked for that. It may be wrong about the hour.
const REST_MOST: Duration = Duration::from_secs(600);

impl Itsm {
    /// Carries a talk to its end; each of its requests waits in this line.
    pub(super) async fn carry<T>(
        &self,
        line: Line,
        talk: Result<Talk<'_, T>, Trouble>,
    ) -> Result<T, QueueError> {
        let mut talk = talk.map_err(told)?;
        while let Some(request) = talk.ask().map_err(told)? {
            let tag = match self.memory.recall(&request) {
                Recalled::Answer(answer) => {
                    talk.hear(&answer).map_err(told)?;
                    continue;
                }
                Recalled::Tagged(tag, answer) => Some((tag, answer)),
                Recalled::Nothing => None,
            };
            let asked = Instant::now();
            let mut answer = self.ask(line, &request, tag.as_ref().map(|(tag, _)| tag)).await?;
            if let Some(rest) = self.adapter.rest(&answer) {
                self.pace.rest(rest.min(REST_MOST));
            }
            if let Some((tag, known)) = tag.filter(|_| answer.status == 304) {
                // It confirms what we have only if it speaks of that.
                if answer.headers.get("etag").is_some_and(|said| said.trim() != tag) {
                    let detail = "unchanged, it says, and names another version than ours";
                    return Err(QueueError::new(QueueErrorKind::NotUnderstood, detail));
                }
                answer = Answer::clone(&known);
            }
            talk.hear(&answer).map_err(|trouble| {
                // What a write is refused for is not always asked too often by all.
                if let (TroubleKind::RateLimited { retry_after: Some(wait) }, false) =
                    (trouble.kind, request.changes)
                {
                    self.pace.rest(wait.min(REST_MOST));
                }
                told(trouble)
            })?;
            self.memory.keep(&request, &answer, asked);
        }
        talk.end().map_err(told)
    }

    /// Carries a talk to its end that changes nothing, and gives it up if it takes too long as a whole, however quick
    /// each answer was.
    pub(super) async fn look<T>(
        &self,
        line: Line,
        talk: Result<Talk<'_, T>, Trouble>,
    ) -> Result<T, QueueError> {
        let within = self.timeout.saturating_mul(LOOK_EXCHANGES_MAX);
        tokio::time::timeout(within, self.carry(line, talk)).await.unwrap_or_else(|_| {
            let detail = format!("the look took longer than {} s", within.as_secs());
            Err(QueueError::new(QueueErrorKind::Unavailable, detail))
        })
    }

    /// Sends a request. One that is refused because a token ran out is sent once more with a new one, if it changes
    /// nothing.
    async fn ask(
        &self,
        line: Line,
        request: &Request,
        tag: Option<&String>,
    ) -> Result<Answer, QueueError> {
        let credential = self.secret.header(&self.http, &self.pace, line).await?;
        let answer = self.send(line, request, &credential, tag).await?;
        if answer.status != 401 {
            self.secret.accepted(&credential);
            return Ok(answer);
        }
        if !self.secret.refused(&credential) || request.changes {
            return Ok(answer);
        }
        let credential = self.secret.header(&self.http, &self.pace, line).await?;
        let answer = self.send(line, request, &credential, tag).await?;
        match answer.status {
            401 => drop(self.secret.refused(&credential)),
            _ => self.secret.accepted(&credential),
        }
        Ok(answer)
    }

    async fn send(
        &self,
        line: Line,
        request: &Request,
        credential: &Credential,
        tag: Option<&String>,
    ) -> Result<Answer, QueueError> {
        self.pace.turn(line).await.map_err(|wait| {
            let kind = QueueErrorKind::RateLimited { retry_after: Some(wait) };
            QueueError::new(kind, "too many requests are waiting for it")
        })?;
        let sent = match self.built(request, credential, tag) {
            Ok(builder) => self.http.send(builder).await,
            Err(failure) => Err(failure),
        };
        let answer = sent.map_err(|failure| {
            let kind = match (&failure, request.changes) {
                (Failure::Malformed { .. }, _) => QueueErrorKind::Refused,
                (Failure::NotSent { .. }, _) | (Failure::NoAnswer { .. }, false) => {
                    QueueErrorKind::Unavailable
                }
                (Failure::NoAnswer { .. }, true) => QueueErrorKind::Unknown,
            };
            QueueError::new(kind, failure.detail())
        })?;
        let headers = answer.headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        Ok(Answer { status: answer.status, headers: headers.collect(), body: answer.body })
    }

    fn built(
        &self,
        request: &Request,
        (credential, secret): &Credential,
        tag: Option<&String>,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let query: Vec<(&str, &str)> =
            request.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let method = match request.method {
            belay_adapter::Method::Get => Method::GET,
            belay_adapter::Method::Post => Method::POST,
            belay_adapter::Method::Put => Method::PUT,
            belay_adapter::Method::Patch => Method::PATCH,
            belay_adapter::Method::Delete => Method::DELETE,
        };
        let mut builder = self.http.request(method, &request.path, &query)?;
        for (name, value) in &request.headers {
            let (name, value) = header(name, value)?;
            builder = builder.header(name, value);
        }
        if let Some(tag) = tag {
            let (name, value) = header(IF_NONE_MATCH.as_str(), tag)?;
            builder = builder.header(name, value);
        }
        builder = builder.header(credential, secret);
        Ok(match &request.body {
            Some(body) => builder.json(body),
            None => builder,
        })
    }
}
