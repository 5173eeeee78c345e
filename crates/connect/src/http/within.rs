//! An exchange with something in this process, such as an axum router: no socket, no clock of its own.

use std::convert::Infallible;

use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Limited};
use tower::ServiceExt;

use super::{Answer, Failure};

/// Something in this process that answers HTTP requests.
pub(crate) trait Within: Send + Sync {
    /// Answers one request; of the body at most so many bytes are read.
    fn answer<'a>(
        &'a self,
        request: reqwest::Request,
        answer_max: usize,
    ) -> BoxFuture<'a, Result<Answer, Failure>>;
}

/// Anything that answers as an axum router does.
pub trait Service:
    tower::Service<
        http::Request<axum::body::Body>,
        Response = http::Response<axum::body::Body>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Service for S where
    S: tower::Service<
            http::Request<axum::body::Body>,
            Response = http::Response<axum::body::Body>,
            Error = Infallible,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

impl<S: Service> Within for S {
    fn answer<'a>(
        &'a self,
        request: reqwest::Request,
        answer_max: usize,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        let service = self.clone();
        Box::pin(async move {
            let malformed = |detail: String| Failure::Malformed { detail };
            let request = http::Request::try_from(request)
                .map_err(|error| malformed(error.to_string()))?
                .map(|body| match body.as_bytes() {
                    Some(bytes) => axum::body::Body::from(bytes.to_vec()),
                    None => axum::body::Body::empty(),
                });
            let Ok(response) = service.oneshot(request).await;
            let (head, body) = response.into_parts();
            // As over a socket: an answer that is not whole is none.
            let body = Limited::new(body, answer_max).collect().await;
            let body = body.map_err(|error| Failure::NoAnswer { detail: error.to_string() })?;
            let body = body.to_bytes().to_vec();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        })
    }
}
