//! The door: nobody gets to a service without being known and allowed.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::permissions::{Who, authorize, row};
use super::{Caller, Identity};
use crate::wire::Fault;

/// Lets calls through whose callers may make them, with the [`Caller`] in their extensions.
#[derive(Clone)]
pub(crate) struct AuthorizeLayer {
    identity: Arc<Identity>,
}

/// See [`AuthorizeLayer`].
#[derive(Clone)]
pub(crate) struct AuthorizeService<S> {
    service: S,
    identity: Arc<Identity>,
}

impl AuthorizeLayer {
    /// A door that knows callers by this.
    pub(crate) fn new(identity: Arc<Identity>) -> Self {
        Self { identity }
    }
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = AuthorizeService<S>;

    fn layer(&self, service: S) -> Self::Service {
        AuthorizeService { service, identity: Arc::clone(&self.identity) }
    }
}

impl<S, B> Service<Request<B>> for AuthorizeService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match admit(&self.identity, &request) {
            Ok(caller) => {
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                Either::Left(self.service.call(request))
            }
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}

/// Who is calling, if they may. What everybody may ask needs no name.
fn admit<B>(identity: &Identity, request: &Request<B>) -> Result<Option<Caller>, Status> {
    let path = request.uri().path();
    let Some((who, _)) = row(path) else {
        return Err(Status::unimplemented(format!("there is no method {path}")));
    };
    if who == Who::Everybody {
        return Ok(None);
    }
    let allowed = || {
        let caller = identity.of(request.extensions(), request.headers())?;
        authorize(who, &caller, identity)?;
        Ok(caller)
    };
    allowed().map(Some).map_err(|fault: Fault| {
        tracing::info!(path, reason = ?fault.reason(), "call refused at the door");
        fault.into()
    })
}
