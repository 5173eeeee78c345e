//! Which certificates and processes are no longer believed.
//!
//! The list can change at any time. The accept loop asks it for every new connection and watches it
//! for every live one, so a revoked peer loses its streams at once.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belay_planted::{Bug, planted};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::peer::Peer;
use crate::spiffe::SpiffeId;
use crate::thumbprint::Thumbprint;

/// The longest list that is read from a file. A list that does not fit is a sign that certificates
/// live too long; refusing it keeps a broken export from filling the memory.
pub const LIST_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What is revoked at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationList {
    /// Single certificates.
    pub certificates: HashSet<Thumbprint>,
    /// Whole identities, whatever certificate they show.
    pub identities: HashSet<SpiffeId>,
}

/// The list that is in force, shared by whoever changes it and every connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Revocations {
    list: Arc<watch::Sender<Arc<RevocationList>>>,
}

/// Why a list was not taken over. The one before it stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error("the list of revocations cannot be read")]
    Read(#[source] io::Error),
    /// The file is longer than [`LIST_BYTES_MAX`].
    #[error("the list of revocations is longer than {LIST_BYTES_MAX} bytes")]
    TooLong,
    /// A line is neither a certificate nor an identity.
    #[error("line {line} of the list of revocations is neither sha256:<hex> nor a spiffe:// id")]
    Line {
        /// Counted from one.
        line: usize,
    },
}

impl RevocationList {
    /// Reads a list: one `sha256:<hex>` or `spiffe://…` a line; `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        let mut list = Self::default();
        for (index, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            let unreadable = ListError::Line { line: index + 1 };
            if entry.is_empty() {
                continue;
            } else if let Some(hex) = entry.strip_prefix("sha256:") {
                list.certificates.insert(hex.parse().map_err(|_| unreadable)?);
            } else {
                list.identities.insert(entry.parse().map_err(|_| unreadable)?);
            }
        }
        Ok(list)
    }

    /// Whether the list names this peer, by certificate or by identity.
    pub fn names(&self, peer: &Peer) -> bool {
        self.certificates.contains(&peer.certificate) || self.identities.contains(&peer.spiffe)
    }
}

impl Revocations {
    /// Begins with `list` in force.
    pub fn new(list: RevocationList) -> Self {
        Self { list: Arc::new(watch::Sender::new(Arc::new(list))) }
    }

    /// Begins with the list in a file.
    pub fn from_file(path: &Path) -> Result<Self, ListError> {
        read(path).map(Self::new)
    }

    /// Puts `list` in force in place of the one before.
    pub fn replace(&self, list: RevocationList) {
        self.list.send_if_modified(|current| {
            let changed = **current != list;
            *current = Arc::new(list);
            changed
        });
    }

    /// Puts the list in a file in force. An unreadable file changes nothing.
    pub fn reload(&self, path: &Path) -> Result<(), ListError> {
        self.replace(read(path)?);
        Ok(())
    }

    /// Puts the list in a file in force whenever it changes, until `stop`.
    pub async fn follow(&self, path: &Path, every: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(every);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.reload(path) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "revocations not reloaded"
                );
            }
        }
    }

    /// Revokes one certificate.
    pub fn revoke_certificate(&self, certificate: Thumbprint) {
        self.list.send_modify(|list| {
            Arc::make_mut(list).certificates.insert(certificate);
        });
    }

    /// Revokes an identity, whatever certificate it shows.
    pub fn revoke_identity(&self, identity: SpiffeId) {
        self.list.send_modify(|list| {
            Arc::make_mut(list).identities.insert(identity);
        });
    }

    /// Whether `peer` is revoked now.
    pub fn names(&self, peer: &Peer) -> bool {
        self.list.borrow().names(peer)
    }

    /// The list in force.
    pub fn current(&self) -> Arc<RevocationList> {
        self.list.borrow().clone()
    }

    /// Waits until `peer` is revoked. Safe to drop.
    pub async fn revoked(&self, peer: &Peer) {
        let mut changes = self.list.subscribe();
        // The sender lives as long as `self`, so this can only end by finding the peer.
        let named = |list: &Arc<RevocationList>| list.names(peer);
        let _ = changes.wait_for(|list| named(list) && !planted(Bug::RevokedKeepsStream)).await;
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new(RevocationList::default())
    }
}

fn read(path: &Path) -> Result<RevocationList, ListError> {
    if std::fs::metadata(path).map_err(ListError::Read)?.len() > LIST_BYTES_MAX {
        return Err(ListError::TooLong);
    }
    RevocationList::parse(&std::fs::read_to_string(path).map_err(ListError::Read)?)
}

#[cfg(test)]
mod tests;
