//! Opens the cases that are worked on, and new ones for those that have gone far enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::case_service_client::CaseServiceClient;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::Code;
use tonic::transport::Channel;

use super::meter::Meter;
use super::stage::Server;
use crate::exit::{Exit, Failure};

/// How many are opened at once: as many calls as a supervisor allows on one connection.
const AT_ONCE: usize = 120;

/// How long the first cases have to come into the hands of somebody, and how long each further one may take.
const READY_WITHIN: Duration = Duration::from_secs(30);
const READY_EACH: Duration = Duration::from_millis(5);

/// How long the cases that are left may take to be closed at the end.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// Opens cases of one kind.
#[derive(Clone)]
pub(crate) struct Opener {
    shared: Arc<Shared>,
}

struct Shared {
    kind: &'static str,
    cases: CaseServiceClient<Channel>,
    places: Arc<Semaphore>,
    run: uuid::Uuid,
    asked: AtomicU64,
    ready: AtomicU64,
    closed: AtomicU64,
    meter: Arc<Meter>,
}

impl Opener {
    /// Opens cases of this kind.
    pub(crate) async fn new(
        kind: &'static str,
        server: &Server,
        meter: Arc<Meter>,
    ) -> Result<Self, Failure> {
        let cases = CaseServiceClient::new(server.connect().await?);
        let shared = Shared {
            kind,
            cases,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            run: uuid::Uuid::now_v7(),
            asked: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            meter,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Opens one more, without waiting for it.
    pub(crate) fn open(&self) {
        let shared = self.shared.clone();
        let number = shared.asked.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            // It is never closed.
            let _place = shared.places.clone().acquire_owned().await;
            if let Err(status) = shared.call(number).await
                && !shared.meter.is_stopping()
            {
                shared.meter.fail(format!("a case could not be opened: {}", status.message()));
            }
        });
    }

    /// A case has come into the hands of somebody for the first time.
    pub(crate) fn is_ready(&self) {
        self.shared.ready.fetch_add(1, Ordering::Relaxed);
    }

    /// A case is closed.
    pub(crate) fn is_closed(&self) {
        self.shared.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// Opens so many more, and waits until somebody has each.
    pub(crate) async fn fill(&self, count: usize) -> Result<(), Failure> {
        self.fill_at(count, Duration::ZERO).await
    }

    /// The same, with a pause after each.
    pub(crate) async fn fill_at(&self, count: usize, pause: Duration) -> Result<(), Failure> {
        for _ in 0..count {
            self.open();
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        let wanted = self.shared.asked.load(Ordering::Relaxed);
        let each = READY_EACH.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        let deadline = Instant::now() + READY_WITHIN + each;
        while self.shared.ready.load(Ordering::Relaxed) < wanted {
            if Instant::now() >= deadline {
                let ready = self.shared.ready.load(Ordering::Relaxed);
                let what = format!("only {ready} of {wanted} cases found somebody in time");
                return Err(Failure::new(Exit::Failed, what));
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
                failure = self.shared.meter.failed() => return Err(failure),
            }
        }
        Ok(())
    }

    /// Waits until everything that was opened is closed. What stays open says nothing about what was measured.
    pub(crate) async fn settle(&self) {
        let deadline = Instant::now() + CLOSED_WITHIN;
        let is_settled = || {
            let closed = self.shared.closed.load(Ordering::Relaxed);
            closed >= self.shared.asked.load(Ordering::Relaxed)
        };
        while !is_settled() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Shared {
    async fn call(&self, number: u64) -> Result<(), tonic::Status> {
        let id = format!("bench-{}-{number}", self.run);
        let request = request(&id, self.kind, &format!("customer-{number}"));
        let mut cases = self.cases.clone();
        loop {
            match cases.open_case(request.clone()).await {
                Ok(_) => return Ok(()),
                // Turned away for a moment, as an intake service would be.
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(status) => return Err(status),
            }
        }
    }
}

/// What an intake service sends to open a case.
pub(crate) fn request(id: &str, kind: &str, customer: &str) -> v1::OpenCaseRequest {
    v1::OpenCaseRequest {
        request_id: id.to_owned(),
        subject: "A charge appears twice on the last statement".to_owned(),
        kind: kind.to_owned(),
        customer: customer.to_owned(),
        channel: "mail".to_owned(),
        context: context(),
        ..v1::OpenCaseRequest::default()
    }
}

/// What is known of a case when it comes in: what the customer wrote, what they want, and a record.
fn context() -> Vec<v1::NewContextEntry> {
    let entry = |kind: &str, body: &str, source: v1::ProvenanceSource, reference: &str| {
        let provenance = v1::Provenance { source: source.into(), reference: reference.to_owned() };
        v1::NewContextEntry {
            kind: kind.to_owned(),
            body: body.to_owned(),
            provenance: Some(provenance),
        }
    };
    vec![
        entry(
            "message",
            "Hello, my last statement shows the same charge twice, on the third and on the fourth of the month. \
             I bought only once. Please give me back the second one, and tell me when it is done. Thank you.",
            v1::ProvenanceSource::Customer,
            "mail/20260714-1187",
        ),
        entry("intent", "refund of a duplicate charge", v1::ProvenanceSource::Model, "triage"),
        entry(
            "fact",
            "{\"charge\":\"ch-20417\",\"amount_minor\":2499,\"currency\":\"USD\",\"status\":\"paid\"}",
            v1::ProvenanceSource::SystemOfRecord,
            "billing/charges/ch-20417",
        ),
    ]
}
