//! A few connections for reading, so that reads neither wait for the writer nor crowd out each other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::driver::{Driver, pass};
use crate::error::{OpenError, ReadError};
use crate::schema::open_reader;

/// Reading connections, opened when first needed and kept.
pub(crate) struct Pool {
    path: PathBuf,
    driver: Driver,
    idle: Mutex<Vec<Connection>>,
    running: Arc<Semaphore>,
    admitted: Semaphore,
}

impl Pool {
    pub(crate) fn new(
        path: PathBuf,
        driver: Driver,
        connections: usize,
        waiting_max: usize,
    ) -> Pool {
        let connections = connections.max(1);
        Pool {
            path,
            driver,
            idle: Mutex::default(),
            running: Arc::new(Semaphore::new(connections)),
            admitted: Semaphore::new(connections + waiting_max),
        }
    }

    /// Runs one read on a blocking thread. `Busy` when too many wait already.
    pub(crate) async fn read<T, E>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ReadError> + Send + 'static,
    {
        let _admitted = self.admitted.try_acquire().map_err(|_| ReadError::Busy)?;
        // Goes into the thread: a caller who gives up does not make room for another connection.
        let running =
            Arc::clone(&self.running).acquire_owned().await.map_err(|_| ReadError::Closed)?;
        if let Driver::Inline(disk) = &self.driver {
            let slowness = disk.read();
            pass(slowness.done_after).await;
            let result = self.run(read);
            pass(slowness.told_after).await;
            return result;
        }
        let pool = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let result = pool.run(read);
            drop(running);
            result
        });
        done.await.unwrap_or_else(|_| Err(ReadError::Closed.into()))
    }

    fn run<T, E: From<ReadError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.take()?;
        let result = read(&connection);
        self.idle().push(connection);
        result
    }

    /// Refuses new reads and lets go of the connections that are not in use.
    pub(crate) fn close(&self) {
        self.running.close();
        self.idle().clear();
    }

    fn take(&self) -> Result<Connection, ReadError> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        open_reader(&self.path).map_err(|error| match error {
            OpenError::Store { source, .. } => ReadError::Store(source),
            other => ReadError::Damaged(other.to_string()),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
