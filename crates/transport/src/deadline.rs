//! By when a call must be answered.
//!
//! The time a client allows is read once, where its call arrives, and turned into a moment that
//! everything behind it can see. A call whose moment has passed is not worked on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Extensions, HeaderMap, Request, Response};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// The longest a call may take to begin its answer, whatever its client allows. A stream begins its
/// answer when it is accepted and may then go on for days.
pub const ANSWER_BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// The moment after which nobody waits for the answer any more. In the extensions of every request
/// whose client gave a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// Reads the `grpc-timeout` of every call and keeps it.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeadlineLayer;

/// See [`DeadlineLayer`].
#[derive(Clone, Debug)]
pub struct DeadlineService<S> {
    service: S,
}

/// The client's timeout is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout is 1 to 8 digits and one of the units H, M, S, m, u, n")]
pub struct InvalidTimeout;

impl Deadline {
    /// The deadline that far away.
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout)
    }

    /// The deadline of a request, if its client gave one.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// The moment itself.
    pub fn at(self) -> Instant {
        self.0
    }

    /// How much time is left. None is zero.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, service: S) -> Self::Service {
        DeadlineService { service }
    }
}

impl<S, B> Service<Request<B>> for DeadlineService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let timeout = match timeout_of(request.headers()) {
            Ok(timeout) => timeout,
            Err(error) => return answer(Status::invalid_argument(error.to_string())),
        };
        let deadline = timeout.map(Deadline::after);
        if deadline.is_some_and(Deadline::has_passed) {
            return answer(passed());
        }
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(deadline);
        }
        let limit = deadline.map_or(ANSWER_BEGINS_WITHIN, |deadline| {
            deadline.remaining().min(ANSWER_BEGINS_WITHIN)
        });
        let answered = tokio::time::timeout(limit, self.service.call(request));
        Box::pin(async move { answered.await.unwrap_or_else(|_| Ok(passed().into_http())) })
    }
}

/// Reads the timeout of a call, strictly, as the gRPC protocol spells it.
pub fn timeout_of(headers: &HeaderMap) -> Result<Option<Duration>, InvalidTimeout> {
    let mut values = headers.get_all("grpc-timeout").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(InvalidTimeout);
    }
    let (unit, digits) = value.as_bytes().split_last().ok_or(InvalidTimeout)?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidTimeout);
    }
    let amount = digits.iter().fold(0_u64, |amount, digit| amount * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Ok(Some(Duration::from_secs(amount * 3600))),
        b'M' => Ok(Some(Duration::from_secs(amount * 60))),
        b'S' => Ok(Some(Duration::from_secs(amount))),
        b'm' => Ok(Some(Duration::from_millis(amount))),
        b'u' => Ok(Some(Duration::from_micros(amount))),
        b'n' => Ok(Some(Duration::from_nanos(amount))),
        _ => Err(InvalidTimeout),
    }
}

fn passed() -> Status {
    Status::deadline_exceeded("the deadline of the call has passed")
}

fn answer<E>(status: Status) -> Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>
where
    E: Send + 'static,
{
    Box::pin(std::future::ready(Ok(status.into_http())))
}

#[cfg(test)]
mod tests;
