//! The one thread that works on the desk's file.

use tokio::sync::{mpsc, oneshot};

use super::DeskError;
use super::store::Store;

/// Requests that may wait for the file. People and the engine write these, a few hundred a second at most; a
/// full queue means that the disk has stalled.
const REQUESTS_WAITING_MAX: usize = 1_024;

type Job = Box<dyn FnOnce(&mut Store) + Send>;

/// Hands requests to the thread. The thread ends when the last handle is gone.
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    pub(super) fn start(mut store: Store) -> Result<Self, DeskError> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(REQUESTS_WAITING_MAX);
        std::thread::Builder::new()
            .name("belay-desk".to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut store);
                }
            })
            .map_err(DeskError::Start)?;
        Ok(Self { jobs })
    }

    /// Runs `request` on the thread and waits for its answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Store) -> Result<T, DeskError> + Send + 'static,
    ) -> Result<T, DeskError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Who no longer waits does not need the answer; what was asked is done all the same.
            let _ = answer.send(request(store));
        });
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DeskError::Busy,
            mpsc::error::TrySendError::Closed(_) => DeskError::Stopped,
        })?;
        answered.await.map_err(|_| DeskError::Stopped)?
    }
}
