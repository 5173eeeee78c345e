//! Every write the company really made. Nobody but the company writes here, and nothing is ever taken out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One write that really happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    /// When.
    pub(crate) at: Timestamp,
    /// In which system.
    pub(crate) system: String,
    /// What: `refund`, `credit-note`, `note`, `address`, `adjustment`, `record`, or `undo` of one of them.
    pub(crate) what: String,
    /// On which record.
    pub(crate) record: String,
    /// Under which idempotency key. Empty when none was given.
    pub(crate) key: String,
    /// Whether it takes back an earlier one.
    pub(crate) undo: bool,
}

/// All of them, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ledger(pub(crate) Vec<Written>);

impl Ledger {
    /// How often each write was made, by what it is and its key; taking back does not count.
    pub(crate) fn effects(&self) -> BTreeMap<(String, String), usize> {
        let mut effects = BTreeMap::new();
        for written in self.0.iter().filter(|written| !written.undo && !written.key.is_empty()) {
            *effects.entry((written.what.clone(), written.key.clone())).or_insert(0) += 1;
        }
        effects
    }

    /// How many writes stand under a key: made, and not taken back.
    pub(crate) fn standing(&self, key: &str) -> i64 {
        let of_key = self.0.iter().filter(|written| written.key == key);
        of_key.map(|written| if written.undo { -1 } else { 1 }).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Ledger, Written};
    use jiff::Timestamp;

    #[test]
    fn a_write_that_was_made_twice_is_counted_however_it_was_answered() {
        check(&[("refund", "k1", false), ("refund", "k2", false)], 0, 1);
        check(&[("refund", "k1", false), ("refund", "k1", false)], 1, 2);
        check(&[("refund", "k1", false), ("refund", "k1", true)], 0, 0);
        check(&[("note", "", false), ("note", "", false)], 0, 0);
    }

    #[track_caller]
    fn check(writes: &[(&str, &str, bool)], doubled: usize, standing: i64) {
        let written = writes.iter().map(|(what, key, undo)| Written {
            at: Timestamp::UNIX_EPOCH,
            system: "billing".into(),
            what: (*what).into(),
            record: "r".into(),
            key: (*key).into(),
            undo: *undo,
        });
        let ledger = Ledger(written.collect());
        let found = ledger.effects().values().filter(|count| **count > 1).count();
        assert_eq!((found, ledger.standing("k1")), (doubled, standing));
    }
}
