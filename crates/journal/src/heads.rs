//! Where recently used cases stand, so that the writer need not ask the database for every submission.
//!
//! The writer is the only one who moves a head, so what is remembered is always right. Cases that were not
//! used for a while are forgotten and read again when they come back.

use std::collections::HashMap;

use crate::chain::Hash;

/// How many heads a generation holds; at most two generations are kept, some 8 MB with ids of usual length.
const GENERATION_MAX: usize = 16_384;

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The short number that stands for the case inside the database.
    pub(crate) no: i64,
    pub(crate) tenant: String,
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
    pub(crate) attention: Option<i64>,
    /// Whether the database has a row for this head yet.
    pub(crate) stored: bool,
    /// A digest of the parts of the case's row that seldom change; `None` when it is not known.
    pub(crate) settled: Option<u64>,
    /// A digest of the other parts, but for the time of the last change.
    pub(crate) moved: Option<u64>,
}

/// The heads that are remembered: those used since the last turn, and those of the turn before.
#[derive(Default)]
pub(crate) struct Heads {
    recent: HashMap<String, Head>,
    older: HashMap<String, Head>,
}

impl Heads {
    /// The head of a case, if it is remembered.
    pub(crate) fn get(&mut self, case: &str) -> Option<&mut Head> {
        if let Some((case, head)) = self.older.remove_entry(case) {
            self.recent.insert(case, head);
        }
        self.recent.get_mut(case)
    }

    /// Remembers the head of a case.
    pub(crate) fn put(&mut self, case: &str, head: Head) {
        self.recent.insert(case.to_owned(), head);
    }

    /// Forgets what was not used for a whole turn. Only between transactions: within one, all are needed.
    pub(crate) fn turn(&mut self) {
        if self.recent.len() >= GENERATION_MAX {
            self.older = std::mem::take(&mut self.recent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_kept_and_what_is_not_is_forgotten() {
        let mut heads = Heads::default();
        let head = |no| Head {
            no,
            tenant: "t".to_owned(),
            seq: 1,
            hash: Hash::NONE,
            attention: None,
            stored: true,
            settled: None,
            moved: None,
        };
        heads.put("used", head(-1));
        heads.put("unused", head(-2));
        for turn in 0..2_i64 {
            for no in 0..GENERATION_MAX as i64 {
                heads.put(&format!("{turn}/{no}"), head(no));
            }
            assert_eq!(heads.get("used").map(|head| head.no), Some(-1));
            heads.turn();
        }
        assert_eq!(heads.get("used").map(|head| head.no), Some(-1));
        assert_eq!(heads.get("unused"), None);
    }
}
