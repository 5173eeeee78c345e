//! The limiter in front of a service.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::arriving::Arrivals;
use super::{Lane, Limits};
use crate::deadline::Deadline;

/// Tells the lane of a call from its path, such as `/belay.v1.Cases/Open`.
type Classify = Arc<dyn Fn(&str) -> Lane + Send + Sync>;

/// Lets calls through as the limiter has places for them. A call asks for a place when its request has come, and
/// keeps it until its answer begins, so neither a slow request nor a stream holds one.
#[derive(Clone)]
pub struct LimitLayer {
    limits: Arc<Limits>,
    classify: Classify,
    arrivals: Arrivals,
    talks: &'static [&'static str],
}

/// See [`LimitLayer`].
#[derive(Clone)]
pub struct LimitService<S> {
    service: S,
    limits: Arc<Limits>,
    classify: Classify,
    arrivals: Arrivals,
    talks: &'static [&'static str],
}

impl LimitLayer {
    /// Shares `limits` between all calls; `classify` tells a call's lane from its path.
    pub fn new(
        limits: Arc<Limits>,
        classify: impl Fn(&str) -> Lane + Send + Sync + 'static,
    ) -> Self {
        Self { limits, classify: Arc::new(classify), arrivals: Arrivals::new(), talks: &[] }
    }

    /// Which calls, by their paths, go on asking while they are answered. Their requests are not waited for.
    #[must_use]
    pub fn talks(self, talks: &'static [&'static str]) -> Self {
        Self { talks, ..self }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, service: S) -> Self::Service {
        LimitService {
            service,
            limits: Arc::clone(&self.limits),
            classify: Arc::clone(&self.classify),
            arrivals: self.arrivals.clone(),
            talks: self.talks,
        }
    }
}

impl<S, B> Service<Request<B>> for LimitService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let (lane, talks) = ((self.classify)(path), self.talks.contains(&path));
        let (limits, arrivals) = (Arc::clone(&self.limits), self.arrivals.clone());
        // The copy that was asked whether it is ready is the one that must be called.
        let fresh = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, fresh);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let mut body = Body::new(body);
            if !talks {
                body = match arrivals.whole(body).await {
                    Ok(body) => body,
                    Err(status) => return Ok(status.into_http()),
                };
            }
            let request = Request::from_parts(head, body);
            let place = match limits.enter(lane).await {
                Ok(place) => place,
                Err(shed) => return Ok(Status::from(shed).into_http()),
            };
            if Deadline::of(request.extensions()).is_some_and(Deadline::has_passed) {
                return Ok(Status::deadline_exceeded("the deadline passed while the call waited")
                    .into_http());
            }
            let answer = service.call(request).await;
            drop(place);
            answer
        })
    }
}

impl fmt::Debug for LimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitLayer").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for LimitService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitService").field("limits", &self.limits).finish_non_exhaustive()
    }
}
