//! How a trace goes on from message to message, by W3C `traceparent`.

use belay_transport::telemetry;
use http::{HeaderMap, HeaderValue};
use tracing::Span;

/// The current span, for the envelope of a message. Empty outside any trace.
pub(crate) fn current() -> String {
    telemetry::traceparent().unwrap_or_default()
}

/// Makes `span` part of the trace that a message came in.
pub(crate) fn goes_on(span: &Span, traceparent: &str) {
    if let Ok(value) = HeaderValue::from_str(traceparent) {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", value);
        telemetry::continue_trace(span, &headers);
    }
}
