//! Watchers: streams of all changes, while cases are being passed on. What counts is what arrives at each of them, and the
//! time of one runs from the moment that stands in the event until it has arrived.

use std::sync::Arc;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::case_service_client::CaseServiceClient;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::handoff::Passing;
use super::meter::{Meter, Reading};
use super::stage::{Server, Stage};
use crate::exit::Failure;

/// How many cases are being passed on meanwhile: few, because each change goes to every watcher.
const LOAD: usize = 1;

/// How many streams share a connection; a supervisor allows a tool twice as many.
const STREAMS_OF_A_CONNECTION: usize = 64;

/// Measures with this many watchers.
pub(crate) async fn measure(
    stage: &Stage,
    server: &Server,
    watchers: usize,
    warm_up: Duration,
    length: Duration,
) -> Result<Reading, Failure> {
    let passing = Passing::start(stage, server, LOAD).await?;
    let meter = Arc::new(Meter::new()?);
    let mut watching = JoinSet::new();
    let mut channel = server.connect().await?;
    for number in 0..watchers {
        if number > 0 && number.is_multiple_of(STREAMS_OF_A_CONNECTION) {
            channel = server.connect().await?;
        }
        watching.spawn(watch(channel.clone(), meter.clone()));
    }
    let reading = tokio::select! {
        reading = meter.measure(warm_up, length) => reading?,
        failure = passing.meter().failed() => return Err(failure),
    };
    watching.shutdown().await;
    passing.stop().await;
    Ok(reading)
}

async fn watch(channel: Channel, meter: Arc<Meter>) {
    let broken = |status: tonic::Status| {
        if !meter.is_stopping() {
            meter.fail(format!("a watcher was cut off: {}", status.message()));
        }
    };
    let asked = v1::WatchCasesRequest::default();
    let mut updates = match CaseServiceClient::new(channel).watch_cases(asked).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return broken(status),
    };
    loop {
        match updates.message().await {
            Ok(Some(v1::WatchCasesResponse { message })) => {
                if let Some(v1::watch_cases_response::Message::Update(update)) = message {
                    meter.finished(since(update.at));
                }
            }
            Ok(None) => return,
            Err(status) => return broken(status),
        }
    }
}

/// How long ago that was, by this machine's clock, which is the supervisor's too.
pub(crate) fn since(at: Option<prost_types::Timestamp>) -> Duration {
    let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    at.and_then(|at| Timestamp::now().duration_since(at).try_into().ok()).unwrap_or_default()
}
