//! When something is exported, and how a trace goes on through us.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as Export};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer as _, ServiceExt};
use tracing::instrument::WithSubscriber;

use super::*;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn nothing_is_exported_unless_the_variables_say_where_to() {
    check("", (false, false));
    check("OTEL_EXPORTER_OTLP_ENDPOINT=", (false, false));
    check("OTEL_SERVICE_NAME=belay", (false, false));
}

#[test]
fn signals_are_exported_together_or_each_alone() {
    check("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", (true, true));
    check("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4317", (true, false));
    check("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c:4317", (false, true));
    check("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_METRICS_EXPORTER=none", (true, false));
}

#[test]
fn the_switch_turns_everything_off() {
    check("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_SDK_DISABLED=true", (false, false));
    check("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_SDK_DISABLED=TRUE", (false, false));
    check("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317 OTEL_SDK_DISABLED=no", (true, true));
}

#[test]
fn what_carries_telemetry_is_not_traced() {
    for target in [
        "h2::client",
        "hyper",
        "tonic::transport",
        "opentelemetry_sdk::trace",
        "opentelemetry-otlp",
    ] {
        assert!(is_carrier(target), "{target}");
    }
    for target in ["belay_supervisor", "h2o", "tonic_like::x"] {
        assert!(!is_carrier(target), "{target}");
    }
}

#[tokio::test]
async fn a_call_is_part_of_its_callers_trace() {
    let span = served(Some(TRACEPARENT), Status::ok("")).await;
    assert_eq!(
        span.span_context.trace_id(),
        TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap()
    );
    assert_eq!(span.parent_span_id, SpanId::from_hex("b7ad6b7169203331").unwrap());
    assert_eq!((span.name.as_ref(), &span.span_kind), ("belay.v1.Cases/Open", &SpanKind::Server));
}

#[tokio::test]
async fn a_call_without_a_trace_begins_one() {
    for headers in [None, Some("00-nonsense-01")] {
        assert_eq!(served(headers, Status::ok("")).await.parent_span_id, SpanId::INVALID);
    }
}

#[tokio::test]
async fn a_span_is_named_and_judged_as_the_conventions_say() {
    let span = served(None, Status::internal("")).await;
    assert_eq!(attribute(&span, "rpc.system"), "grpc");
    assert_eq!(attribute(&span, "rpc.service"), "belay.v1.Cases");
    assert_eq!(attribute(&span, "rpc.method"), "Open");
    assert_eq!(attribute(&span, "rpc.grpc.status_code"), "13");
    assert!(matches!(span.status, opentelemetry::trace::Status::Error { .. }));
    let span = served(None, Status::permission_denied("")).await;
    assert_eq!(attribute(&span, "rpc.grpc.status_code"), "7");
    assert_eq!(
        span.status,
        opentelemetry::trace::Status::Unset,
        "the caller's fault is not our error"
    );
}

#[tokio::test]
async fn an_outgoing_call_goes_on_with_the_trace() {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let (_spans, subscriber) = subscriber();
    async {
        let span = tracing::info_span!("outer");
        continue_trace(&span, &headers(TRACEPARENT));
        let _entered = span.enter();
        let request = InjectTrace.call(tonic::Request::new(())).unwrap();
        let sent = request.metadata().get("traceparent").unwrap().to_str().unwrap();
        assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{sent}");
        assert!(!sent.contains("b7ad6b7169203331"), "our own span is the parent now: {sent}");
        assert_eq!(traceparent().as_deref(), Some(sent));
    }
    .with_subscriber(subscriber)
    .await;
}

/// Keeps the spans that are finished.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl Export for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

#[track_caller]
fn check(variables: &str, expected: (bool, bool)) {
    let find = |name: &str| {
        let mut pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
    };
    let Exported { traces, metrics } = Exported::from_variables(find);
    assert_eq!((traces, metrics), expected, "with {variables:?}");
}

/// Serves one call, which is answered with `status`, and gives its span.
async fn served(traceparent: Option<&str>, status: Status) -> SpanData {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let (exporter, subscriber) = subscriber();
    let service = tower::service_fn(move |_: Request<()>| {
        let answer: Response<Body> = status.clone().into_http();
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut request =
        Request::builder().uri("https://localhost/belay.v1.Cases/Open").body(()).unwrap();
    if let Some(traceparent) = traceparent {
        *request.headers_mut() = headers(traceparent);
    }
    async {
        let answer = TraceLayer::new().layer(service).oneshot(request).await.unwrap();
        drop(answer);
    }
    .with_subscriber(subscriber)
    .await;
    exporter.0.lock().unwrap().pop().expect("a span")
}

fn subscriber() -> (Kept, impl tracing::Subscriber + Send + Sync) {
    let exporter = Kept::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    (exporter, tracing_subscriber::registry().with(layer))
}

fn headers(traceparent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", traceparent.parse().unwrap());
    headers
}

fn attribute(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
}
