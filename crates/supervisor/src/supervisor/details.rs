//! Every refusal carries a stable reason, also those that are made before a service is reached: a message that is too
//! large or that is none, a deadline that has passed, a timeout that cannot be read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use belay_api::v1::ErrorReason;
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::wire::Fault;

/// What tonic says about a message that is larger than it takes.
const TOO_LARGE: &str = "decoded message length too large";

/// What tonic says about bytes that are no message of the method, as if that were our own mistake.
const UNREADABLE: &str = "failed to decode Protobuf message";

/// Completes refusals.
#[derive(Clone, Copy, Debug)]
pub(super) struct DetailsLayer;

/// See [`DetailsLayer`].
#[derive(Clone, Debug)]
pub(super) struct DetailsService<S>(S);

impl<S> Layer<S> for DetailsLayer {
    type Service = DetailsService<S>;

    fn layer(&self, service: S) -> Self::Service {
        DetailsService(service)
    }
}

impl<S, B> Service<Request<B>> for DetailsService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answered = self.0.call(request);
        Box::pin(async move {
            let answer = answered.await?;
            // A refusal before the answer began has its status in the head.
            let refusal = Status::from_header_map(answer.headers());
            Ok(match refusal.and_then(|status| complete(&status)) {
                Some(fault) => Status::from(fault).into_http(),
                None => answer,
            })
        })
    }
}

/// The same refusal with its reason; none if it is complete, or no refusal of ours.
pub(super) fn complete(status: &Status) -> Option<Fault> {
    if !status.details().is_empty() {
        return None;
    }
    let message = status.message();
    let reason = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted if message.contains(TOO_LARGE) => {
            ErrorReason::TooLarge
        }
        Code::Internal if message.contains(UNREADABLE) => ErrorReason::InvalidField,
        Code::DeadlineExceeded => ErrorReason::TooLate,
        Code::InvalidArgument => ErrorReason::InvalidField,
        Code::ResourceExhausted => ErrorReason::Overloaded,
        _ => return None,
    };
    Some(Fault::new(reason, message))
}

#[cfg(test)]
mod tests;
