//! What is going on, for those who watch: logs to the terminal, traces and metrics to a collector.
//!
//! Logs always go to standard error. Traces and metrics are exported only if the standard
//! `OTEL_EXPORTER_OTLP_ENDPOINT` variables say where to; nothing is sent anywhere by default. A trace
//! that begins elsewhere goes on here, and goes on in whatever we call, by W3C headers.

mod layer;

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, global};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithTonicConfig,
    tonic_types::transport::Certificate, tonic_types::transport::ClientTlsConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic::service::Interceptor;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer};

pub use layer::{TraceLayer, TraceService, TracedBody};

/// The variable that makes logs JSON, one object a line, when it is `json`.
pub const LOG_FORMAT_VARIABLE: &str = "BELAY_LOG_FORMAT";

/// What is logged when `RUST_LOG` says nothing.
const LOG_DEFAULT: &str = "info";

/// Who carries the telemetry itself. Tracing them would make telemetry of telemetry, without end.
const CARRIERS: &[&str] = &["h2", "hyper", "hyper_util", "tonic", "tower", "opentelemetry"];

/// Logs, traces and metrics of this process. Keep it until the end, then [`Telemetry::shutdown`].
#[derive(Debug)]
#[must_use = "traces and metrics that wait to be sent are lost without a shutdown"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

/// Why telemetry cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// An exporter cannot be made of what the variables say.
    #[error("the OTEL_EXPORTER_OTLP_ variables do not describe a collector")]
    Exporter(#[source] ExporterBuildError),
    /// The authority of the collector cannot be read.
    #[error("cannot read the certificate {path} that OTEL_EXPORTER_OTLP_CERTIFICATE names")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// `RUST_LOG` is not understood.
    #[error("RUST_LOG is not a list of directives such as info,belay_supervisor=debug")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Somebody was first.
    #[error("logs of this process are already set up")]
    Again(#[source] tracing_subscriber::util::TryInitError),
}

/// What is exported, as the environment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exported {
    traces: bool,
    metrics: bool,
}

impl Telemetry {
    /// Begins telemetry for the process. Call once, inside the runtime.
    pub fn init(service_name: &'static str) -> Result<Self, TelemetryError> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let exported = Exported::from_variables(|name| env::var(name).ok());
        // It also reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which win if they are set.
        let resource = || match env::var("OTEL_SERVICE_NAME") {
            Ok(_) => Resource::builder().build(),
            Err(_) => Resource::builder().with_service_name(service_name).build(),
        };
        let traces = exported.traces.then(|| tracer_provider(resource())).transpose()?;
        let metrics = exported.metrics.then(|| meter_provider(resource())).transpose()?;
        let filter = match env::var(EnvFilter::DEFAULT_ENV) {
            Ok(directives) if !directives.is_empty() => {
                EnvFilter::builder().parse(directives).map_err(TelemetryError::Filter)?
            }
            _ => EnvFilter::new(LOG_DEFAULT),
        };
        let logs = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let logs = match env::var(LOG_FORMAT_VARIABLE).as_deref() {
            Ok("json") => logs.json().flatten_event(true).boxed(),
            _ => logs.boxed(),
        };
        let spans = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("belay"))
                .with_filter(filter_fn(|metadata| !is_carrier(metadata.target())))
                .with_filter(LevelFilter::INFO)
        });
        tracing_subscriber::registry()
            .with(logs.with_filter(filter))
            .with(spans)
            .try_init()
            .map_err(TelemetryError::Again)?;
        if let Some(provider) = &traces {
            global::set_tracer_provider(provider.clone());
        }
        if let Some(provider) = &metrics {
            global::set_meter_provider(provider.clone());
        }
        Ok(Self { traces, metrics })
    }

    /// Whether anything is exported.
    pub fn is_exporting(&self) -> bool {
        self.traces.is_some() || self.metrics.is_some()
    }

    /// Sends what is left and ends. Waits for the collector for a few seconds at most.
    pub async fn shutdown(self) {
        // The library waits by blocking.
        let ended = tokio::task::spawn_blocking(move || {
            let traces = self.traces.map(|provider| provider.shutdown());
            let metrics = self.metrics.map(|provider| provider.shutdown());
            for result in [traces, metrics].into_iter().flatten() {
                if let Err(error) = result {
                    tracing::warn!(%error, "the last telemetry was not sent");
                }
            }
        });
        // It can only fail if the runtime is going away, and then there is nobody to tell.
        let _ = ended.await;
    }
}

/// The trace a request belongs to, from its W3C headers.
pub fn context_of(headers: &HeaderMap) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)))
}

/// Makes `span` part of the trace that the headers name, if they name one. Call before it is entered.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    let context = context_of(headers);
    if context.span().span_context().is_valid() {
        // It fails only where spans are not exported, and then there is nothing to join.
        let _ = span.set_parent(context);
    }
}

/// Writes the current span into the headers of an outgoing request.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeadersMut(headers))
    });
}

/// The current span as a `traceparent`, to be kept with what is done later. `None` outside any trace.
pub fn traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    headers.get("traceparent")?.to_str().ok().map(str::to_owned)
}

/// Lets every outgoing call go on with the trace it is made in.
#[derive(Clone, Copy, Debug, Default)]
pub struct InjectTrace;

impl Interceptor for InjectTrace {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        inject(request.metadata_mut().as_mut());
        Ok(request)
    }
}

impl Exported {
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.trim().is_empty());
        let is = |name: &str, wanted: &str| {
            variable(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
        };
        let disabled = is("OTEL_SDK_DISABLED", "true");
        let everything = set("OTEL_EXPORTER_OTLP_ENDPOINT");
        let exported = |signal: &str| {
            !disabled
                && !is(&format!("OTEL_{signal}_EXPORTER"), "none")
                && (everything || set(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")))
        };
        Self { traces: exported("TRACES"), metrics: exported("METRICS") }
    }
}

fn tracer_provider(resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder().with_tonic();
    let exporter = match collector_tls()? {
        Some(tls) => exporter.with_tls_config(tls),
        None => exporter,
    };
    let exporter = exporter.build().map_err(TelemetryError::Exporter)?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

fn meter_provider(resource: Resource) -> Result<SdkMeterProvider, TelemetryError> {
    let exporter = MetricExporter::builder().with_tonic();
    let exporter = match collector_tls()? {
        Some(tls) => exporter.with_tls_config(tls),
        None => exporter,
    };
    let exporter = exporter.build().map_err(TelemetryError::Exporter)?;
    Ok(SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource).build())
}

/// How to believe the collector, if its address is https and the variables name an authority.
fn collector_tls() -> Result<Option<ClientTlsConfig>, TelemetryError> {
    let Some(path) = env::var_os("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from) else {
        return Ok(None);
    };
    let pem =
        std::fs::read(&path).map_err(|source| TelemetryError::Certificate { path, source })?;
    Ok(Some(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))))
}

fn is_carrier(target: &str) -> bool {
    // opentelemetry's crates have underscores in their names, so the prefix is enough for them.
    let krate = target.split("::").next().unwrap_or(target);
    CARRIERS.contains(&krate) || krate.starts_with("opentelemetry")
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(key), http::HeaderValue::try_from(value))
        {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests;
