//! A span and a duration for every call that is served, named as OpenTelemetry names calls.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as _, Frame, SizeHint};
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::continue_trace;
use crate::peer::Peer;

/// Starts a span for every call, as part of the caller's trace, and measures how long it takes.
#[derive(Clone, Debug)]
pub struct TraceLayer {
    durations: Histogram<f64>,
}

/// See [`TraceLayer`].
#[derive(Clone, Debug)]
pub struct TraceService<S> {
    service: S,
    durations: Histogram<f64>,
}

/// An answer that notes how it ended.
#[derive(Debug)]
pub struct TracedBody {
    body: Body,
    call: Call,
}

/// A call under way. Whatever becomes of it, its end is noted once.
#[derive(Debug)]
struct Call {
    span: Span,
    path: String,
    begun: Instant,
    durations: Histogram<f64>,
    noted: bool,
}

impl TraceLayer {
    /// Reports to the meter that [`super::Telemetry::init`] has set up; make it after that.
    pub fn new() -> Self {
        let durations = global::meter("belay")
            .f64_histogram("rpc.server.duration")
            .with_unit("s")
            .with_description("How long calls took to be answered in full")
            .build();
        Self { durations }
    }
}

impl Default for TraceLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = TraceService<S>;

    fn layer(&self, service: S) -> Self::Service {
        TraceService { service, durations: self.durations.clone() }
    }
}

impl<S, B> Service<Request<B>> for TraceService<S>
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let (service, method) = path.split_once('/').unwrap_or((&path, ""));
        let span = tracing::info_span!(
            "call",
            otel.name = path,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system = "grpc",
            rpc.service = service,
            rpc.method = method,
            rpc.grpc.status_code = Empty,
            belay.peer = Empty,
        );
        if let Some(peer) = Peer::of(request.extensions()) {
            span.record("belay.peer", peer.spiffe.as_str());
        }
        continue_trace(&span, request.headers());
        let mut call = Call {
            span: span.clone(),
            path,
            begun: Instant::now(),
            durations: self.durations.clone(),
            noted: false,
        };
        let answer = span.in_scope(|| self.service.call(request));
        Box::pin(async move {
            let (head, body) = answer.instrument(span).await?.into_parts();
            // A refusal has its status in the head; everything else has it after the body.
            if call.note_from(&head.headers) || body.is_end_stream() {
                return Ok(Response::from_parts(head, body));
            }
            Ok(Response::from_parts(head, Body::new(TracedBody { body, call })))
        })
    }
}

impl Call {
    fn note_from(&mut self, headers: &HeaderMap) -> bool {
        let status = Status::from_header_map(headers);
        if let Some(status) = &status {
            self.note(status.code());
        }
        status.is_some()
    }

    fn note(&mut self, code: Code) {
        if std::mem::replace(&mut self.noted, true) {
            return;
        }
        self.span.record("rpc.grpc.status_code", code as i32);
        if is_our_fault(code) {
            self.span.record("otel.status_code", "ERROR");
        }
        // What nobody serves is named by the caller, who could make up any number of names.
        let path = if code == Code::Unimplemented { "unknown/unknown" } else { &self.path };
        let (service, method) = path.split_once('/').unwrap_or((path, ""));
        self.durations.record(
            self.begun.elapsed().as_secs_f64(),
            &[
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", service.to_owned()),
                KeyValue::new("rpc.method", method.to_owned()),
                KeyValue::new("rpc.grpc.status_code", i64::from(code as i32)),
            ],
        );
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Nobody waited for the end.
        self.note(Code::Cancelled);
    }
}

impl hyper::body::Body for TracedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.call.span.clone();
        let _entered = span.enter();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.note_from(trailers);
                }
            }
            Some(Err(status)) => self.call.note(status.code()),
            // A gRPC answer ends with its status; this one did not.
            None => self.call.note(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The codes by which a server says that it, and not its caller, is at fault.
fn is_our_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
