//! What a run is about: everything at once, or nothing but human queues and the ways in which they lie.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::dice::Dice;

/// How many ways of lying the catalogue has.
const ROWS: u8 = 22;

/// What a run is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scene {
    /// Agents, actions, approvals and people, with several lies of the catalogue.
    #[default]
    Everything,
    /// Cases that go straight to people. In every other run one row of the catalogue stands alone; the others have a
    /// random combination.
    Catalogue,
}

impl Scene {
    /// The lies that are told in a run.
    pub(crate) fn lies(self, seed: u64, dice: &mut Dice) -> BTreeSet<u8> {
        if let Some(row) = self.row(seed) {
            return BTreeSet::from([row]);
        }
        let rows: Vec<u8> = (1..=ROWS).collect();
        (0..dice.within(5..10)).map(|_| *dice.pick(&rows)).collect()
    }

    /// The row of the catalogue that stands alone in a run, if one does.
    #[must_use]
    pub fn row(self, seed: u64) -> Option<u8> {
        let alone = self == Self::Catalogue && seed.is_multiple_of(2);
        alone.then(|| u8::try_from(seed / 2 % u64::from(ROWS)).unwrap_or(0) + 1)
    }

    /// How many agents there are.
    pub(crate) fn agents(self) -> usize {
        match self {
            Self::Everything => 3,
            Self::Catalogue => 0,
        }
    }

    /// How many customers report something.
    pub(crate) fn reports(self) -> Range<u64> {
        match self {
            Self::Everything => 3..6,
            Self::Catalogue => 2..4,
        }
    }

    /// How many tickets, offers and claims of cover there are at least, lest a run show nothing.
    pub(crate) fn turns(self) -> u64 {
        match self {
            Self::Everything => 4,
            Self::Catalogue => 2,
        }
    }

    /// The share of reports that go straight to people, in percent.
    pub(crate) fn complaints(self) -> u64 {
        match self {
            Self::Everything => 35,
            Self::Catalogue => 100,
        }
    }
}
