//! The limiter in front of a service.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{Lane, Limits};
use crate::deadline::Deadline;

/// Tells the lane of a call from its path, such as `/belay.v1.Cases/Open`.
type Classify = Arc<dyn Fn(&str) -> Lane + Send + Sync>;

/// Lets calls through as the limiter has places for them. A call keeps its place until its answer
/// begins, so a stream does not hold one.
#[derive(Clone)]
pub struct LimitLayer {
    limits: Arc<Limits>,
    classify: Classify,
}

/// See [`LimitLayer`].
#[derive(Clone)]
pub struct LimitService<S> {
    service: S,
    limits: Arc<Limits>,
    classify: Classify,
}

impl LimitLayer {
    /// Shares `limits` between all calls; `classify` tells a call's lane from its path.
    pub fn new(
        limits: Arc<Limits>,
        classify: impl Fn(&str) -> Lane + Send + Sync + 'static,
    ) -> Self {
        Self { limits, classify: Arc::new(classify) }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, service: S) -> Self::Service {
        LimitService {
            service,
            limits: Arc::clone(&self.limits),
            classify: Arc::clone(&self.classify),
        }
    }
}

impl<S, B> Service<Request<B>> for LimitService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let lane = (self.classify)(request.uri().path());
        let limits = Arc::clone(&self.limits);
        // The copy that was asked whether it is ready is the one that must be called.
        let fresh = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, fresh);
        Box::pin(async move {
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
