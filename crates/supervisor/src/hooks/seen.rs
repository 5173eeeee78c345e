//! Which webhooks were taken already. They are remembered for longer than the window in which they are believed, so
//! that one that is sent again finds itself.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use belay_domain::{Span, Timestamp, after};

/// How long one is remembered: the window on both sides, and half of that again.
const REMEMBERED: Span = Span::from_mins(15);

/// The most that are remembered, some six megabytes. Only those that were proven are, so strangers cannot fill it; when
/// it is full the oldest goes, and what a repeat of that one could do is to cause a look.
const REMEMBERED_MAX: usize = 65_536;

/// What makes a webhook the same one.
pub(super) type Mark = [u8; 32];

/// The webhooks that were taken lately.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    marks: HashSet<Mark>,
    order: VecDeque<(Timestamp, Mark)>,
}

impl Seen {
    /// Whether this one has not been seen before. From now on it has.
    pub(super) fn first_time(&self, mark: Mark, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((at, oldest)) = known.order.front().copied() {
            if known.order.len() < REMEMBERED_MAX && after(at, REMEMBERED) > now {
                break;
            }
            known.order.pop_front();
            known.marks.remove(&oldest);
        }
        if !known.marks.insert(mark) {
            return false;
        }
        known.order.push_back((now, mark));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_known_for_a_quarter_of_an_hour() {
        let (seen, at) =
            (Seen::default(), |minutes| after(Timestamp::UNIX_EPOCH, Span::from_mins(minutes)));
        assert!(seen.first_time([1; 32], at(0)));
        assert!(!seen.first_time([1; 32], at(14)));
        assert!(seen.first_time([2; 32], at(14)));
        assert!(seen.first_time([1; 32], at(15)), "the window is long over");
        assert!(!seen.first_time([2; 32], at(16)));
    }

    #[test]
    fn the_oldest_goes_when_it_is_full() {
        let (seen, now) = (Seen::default(), Timestamp::UNIX_EPOCH);
        let mark = |number: usize| {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&number.to_le_bytes());
            mark
        };
        for number in 0..=REMEMBERED_MAX {
            assert!(seen.first_time(mark(number), now));
        }
        let known = seen.0.lock().unwrap();
        assert_eq!((known.marks.len(), known.order.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
    }
}
