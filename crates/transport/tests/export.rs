//! Traces and metrics reach a collector if, and only if, the standard variables name one.
//!
//! Telemetry belongs to a process and is told where to go by its environment, so each case runs this
//! file's own program again as another process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use belay_transport::telemetry::Telemetry;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_to_be_sent_is_sent_at_the_shutdown() {
    check("OTEL_EXPORTER_OTLP_ENDPOINT", &[METRICS, TRACES]).await;
    check("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &[TRACES]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_unless_the_variables_say_so() {
    check("BELAY_UNRELATED", &[]).await;
}

#[tokio::test]
#[ignore = "the process that the tests above start"]
async fn process() {
    let telemetry = Telemetry::init("belay-test").expect("telemetry begins");
    tracing::info_span!("work").in_scope(|| tracing::info!("working"));
    opentelemetry::global::meter("test").u64_counter("work").build().add(1, &[]);
    telemetry.shutdown().await;
}

/// Runs a process with `variable` naming the collector, and compares what the collector was asked.
async fn check(variable: &str, expected: &[&str]) {
    let (address, asked) = collector().await;
    let mut process = Command::new(std::env::current_exe().expect("this program"));
    process.args(["--ignored", "--exact", "process"]).env(variable, format!("http://{address}"));
    for inherited in ["OTEL_SDK_DISABLED", "RUST_LOG"] {
        process.env_remove(inherited);
    }
    let output = tokio::task::spawn_blocking(move || process.output())
        .await
        .expect("a thread")
        .expect("a process");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = asked.lock().expect("no panic").clone();
    found.sort();
    found.dedup();
    assert_eq!(found, expected, "with {variable}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A collector that says yes to everything and remembers what it was asked.
async fn collector() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let remembered = Arc::clone(&remembered);
            let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
                remembered.lock().expect("no panic").push(request.uri().path().to_owned());
                let answer = tonic::Status::ok("").into_http::<tonic::body::Body>();
                async move { Ok::<_, Infallible>(answer) }
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, asked)
}
