//! The journal, for auditors and tools: its events, and whether they are what was written.

use std::sync::Arc;

use belay_api::v1;
use belay_api::v1::ErrorReason;
use belay_api::v1::audit_service_server::AuditService;
use belay_domain::{CaseId, TenantId};
use belay_journal::{Checkpoint, Hash, Progress};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tonic::{Request, Response, Status};

use super::page::Page;
use super::stream::{Answer, Ended, Outlet, answer};
use super::{Shared, unknown_position};
use crate::caller::Caller;
use crate::wire::from_wire::Fields;
use crate::wire::{Fault, to_wire};

/// How many events are read at a time.
const EVENTS_AT_ONCE: usize = 500;

/// See [`AuditService`].
pub(crate) struct Service {
    shared: Shared,
    /// Held while the journal is verified, which reads all of it.
    verifying: Arc<Mutex<()>>,
}

impl Service {
    /// The service.
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, verifying: Arc::default() }
    }
}

#[tonic::async_trait]
impl AuditService for Service {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ListEventsRequest { case_id, page_size, page_token } = request.into_inner();
        let case = self.shared.case_named(&caller, &case_id).await?;
        let page = Page::wanted(page_size, &page_token, format!("events {case_id}"))?;
        let after = page.after().and_then(|after| after.parse().ok()).unwrap_or(0);
        let journal = self.shared.engine.journal();
        let found = journal.events_of(case.id.as_str(), after, page.size() + 1).await;
        let found = found.map_err(Fault::from)?;
        let shown = &found[..found.len().min(page.size())];
        let next_page_token = match shown.last() {
            Some(last) if found.len() > shown.len() => page.token(&last.seq.to_string()),
            _ => String::new(),
        };
        let events = shown.iter().map(to_wire::journal_event).collect();
        Ok(Response::new(v1::ListEventsResponse { events, next_page_token }))
    }

    type VerifyJournalStream = Answer<v1::VerifyJournalResponse>;

    async fn verify_journal(
        &self,
        request: Request<v1::VerifyJournalRequest>,
    ) -> Result<Response<Self::VerifyJournalStream>, Status> {
        let v1::VerifyJournalRequest { known_checkpoints } = request.into_inner();
        let known = checkpoints(known_checkpoints)?;
        let Ok(alone) = Arc::clone(&self.verifying).try_lock_owned() else {
            let what = "the journal is being verified already";
            return Err(Fault::new(ErrorReason::Overloaded, what).into());
        };
        let shared = self.shared.clone();
        Ok(answer(&self.shared, |outlet| verify(shared, known, alone, outlet)))
    }

    type ExportEventsStream = Answer<v1::ExportEventsResponse>;

    async fn export_events(
        &self,
        request: Request<v1::ExportEventsRequest>,
    ) -> Result<Response<Self::ExportEventsStream>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ExportEventsRequest { tenant, after_position, case_id } = request.into_inner();
        let tenant = caller.tenant(&tenant)?;
        let mut fields = Fields::new();
        let case = fields.id_or_none("case_id", &case_id);
        fields.done(Some(()))?;
        let last = *self.shared.engine.journal().durable().borrow();
        if after_position > last {
            return Err(unknown_position(after_position, last).into());
        }
        let shared = self.shared.clone();
        let export = Export { shared, tenant, case, after: after_position, last };
        Ok(answer(&self.shared, |outlet| export.run(outlet)))
    }
}

/// Checkpoints that were kept elsewhere.
fn checkpoints(known: Vec<v1::Checkpoint>) -> Result<Vec<Checkpoint>, Fault> {
    let mut fields = Fields::new();
    let mut checkpoints = Vec::new();
    for (index, v1::Checkpoint { position, mark }) in known.into_iter().enumerate() {
        match <[u8; 32]>::try_from(mark) {
            Ok(mark) => checkpoints.push(Checkpoint { position, mark: Hash::from_bytes(mark) }),
            Err(mark) => {
                let what = format!("has {} bytes and needs 32", mark.len());
                fields.wrong(format!("known_checkpoints[{index}].mark"), what);
            }
        }
    }
    fields.done(Some(checkpoints))
}

/// Verifies the whole journal. A caller who hangs up does not hear the result; the reading ends by itself.
async fn verify(
    shared: Shared,
    known: Vec<Checkpoint>,
    alone: OwnedMutexGuard<()>,
    outlet: Arc<Outlet<v1::VerifyJournalResponse>>,
) -> Result<(), Ended> {
    use v1::verify_journal_response::Message;
    let started = shared.now();
    let (told, mut heard) = watch::channel(None::<Progress>);
    let journal = shared.engine.journal().clone();
    let verifying = tokio::spawn(async move {
        let report = journal.verify(known, move |progress| {
            // Only the latest matters, and nobody may be listening.
            told.send_replace(Some(progress));
        });
        let report = report.await;
        drop(alone);
        report
    });
    while heard.changed().await.is_ok() {
        let Some(progress) = *heard.borrow_and_update() else { continue };
        let message = Some(Message::Progress(to_wire::progress(progress)));
        outlet.send(v1::VerifyJournalResponse { message }).await?;
    }
    let report =
        verifying.await.map_err(|cause| Fault::internal("the verification failed", &cause))??;
    let report = to_wire::report(&report, started, shared.now());
    let message = Some(Message::Report(report));
    outlet.send(v1::VerifyJournalResponse { message }).await?;
    Ok(())
}

struct Export {
    shared: Shared,
    tenant: TenantId,
    case: Option<CaseId>,
    after: u64,
    last: u64,
}

impl Export {
    async fn run(mut self, outlet: Arc<Outlet<v1::ExportEventsResponse>>) -> Result<(), Ended> {
        while self.after < self.last {
            let journal = self.shared.engine.journal();
            let events = journal.tail(self.after, EVENTS_AT_ONCE).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                if event.position > self.last {
                    return Ok(());
                }
                self.after = event.position;
                let case = self.case.as_ref();
                if event.tenant == self.tenant.as_str()
                    && case.is_none_or(|case| event.case == case.as_str())
                {
                    let event = Some(to_wire::journal_event(&event));
                    outlet.send(v1::ExportEventsResponse { event }).await?;
                }
            }
        }
        Ok(())
    }
}
