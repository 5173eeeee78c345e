//! The playbook in force. It can be replaced while the supervisor runs; whoever decides takes the one that is
//! in force at that moment and keeps to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use belay_playbook::{Playbook, Problems};

use crate::graduation::Demotions;

/// A handle on the playbook in force; cheap to clone.
#[derive(Clone, Debug)]
pub struct Playbooks {
    folder: Arc<PathBuf>,
    current: Arc<ArcSwap<Playbook>>,
    demotions: Demotions,
}

impl Playbooks {
    /// Loads the playbook of a folder.
    pub fn load(folder: &Path) -> Result<Self, Problems> {
        Ok(Self::loaded(folder, Arc::new(Playbook::load(folder)?)))
    }

    /// A playbook that was loaded from a folder.
    #[must_use]
    pub fn loaded(folder: &Path, current: Arc<Playbook>) -> Self {
        let (folder, current) = (Arc::new(folder.to_owned()), Arc::new(ArcSwap::new(current)));
        Self { folder, current, demotions: Demotions::default() }
    }

    /// The playbook in force.
    #[must_use]
    pub fn current(&self) -> Arc<Playbook> {
        self.current.load_full()
    }

    /// Which of its contracts do not write although it says so.
    pub(crate) fn demotions(&self) -> &Demotions {
        &self.demotions
    }

    /// Where it was loaded from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts a playbook in force.
    pub fn put(&self, playbook: Arc<Playbook>) {
        self.current.store(playbook);
    }
}
