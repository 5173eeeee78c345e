//! The outside systems of the demonstration: CRM, billing, ERP and ITSM as one small HTTP service.
//!
//! It checks nothing, as many real systems do: whoever writes twice has written twice. It survives being killed, and keeps a
//! ledger of every write it really made, against which the demonstration is held at the end. Told so beforehand, it
//! misbehaves as real systems do: it commits and answers 500, it answers 200 and commits nothing, it writes
//! something else, it takes its time.

mod ledger;
mod routes;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use tokio::net::TcpListener;

use crate::exit::{Exit, Failure};

pub(crate) use ledger::Ledger;
pub(crate) use store::{Fault, Records, Store};

use super::children::until_parent_is_gone;

/// Where the company lives.
#[derive(Args, Debug)]
pub(crate) struct CompanyArgs {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// The file that holds its records; made by whoever starts it
    #[arg(long)]
    file: PathBuf,
}

/// The company at work. Every write is in the file before it is answered.
#[derive(Clone)]
pub(crate) struct Company {
    store: Arc<Mutex<Store>>,
    file: Arc<PathBuf>,
}

/// Runs the company until whoever started it is gone.
pub(crate) async fn run(args: CompanyArgs) -> Result<Exit, Failure> {
    let store = Store::read(&args.file)?;
    let company = Company { store: Arc::new(Mutex::new(store)), file: Arc::new(args.file) };
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::of(format!("cannot listen on {}", args.listen), &error))?;
    axum::serve(listener, routes::router(company))
        .with_graceful_shutdown(until_parent_is_gone())
        .await
        .map_err(|error| Failure::of("the company failed", &error))?;
    Ok(Exit::Done)
}

impl Company {
    /// Reads.
    fn read<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes, and keeps the outcome.
    fn write<T>(&self, write: impl FnOnce(&mut Store) -> T) -> Result<T, Failure> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let result = write(&mut store);
        store.write(&self.file)?;
        Ok(result)
    }
}
