//! Which messages of one agent have been taken, and up to which all of them have been dealt with.
//!
//! A message is taken once. It counts as dealt with when its reply waits to be sent, which is after whatever it
//! meant is durable, so what is acknowledged has been done.

use std::collections::BTreeSet;

/// The numbers of one session's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inbox {
    taken: u64,
    /// Everything up to here has been dealt with.
    dealt: u64,
    /// And these, beyond a gap.
    beyond: BTreeSet<u64>,
}

/// What to do with a message that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Carry it out.
    New,
    /// It was taken before: its reply has been sent, or is on its way.
    Again,
    /// Messages before it are missing.
    Gap {
        /// The number that should have come.
        expected: u64,
    },
}

impl Inbox {
    /// Takes the message with this number, from 1 on.
    pub(crate) fn take(&mut self, number: u64) -> Arrival {
        let expected = self.taken + 1;
        match number {
            _ if number < expected => Arrival::Again,
            _ if number > expected => Arrival::Gap { expected },
            _ => {
                self.taken = number;
                Arrival::New
            }
        }
    }

    /// The message has been dealt with. False if it was already.
    pub(crate) fn deal(&mut self, number: u64) -> bool {
        if number <= self.dealt || number > self.taken || !self.beyond.insert(number) {
            return false;
        }
        while self.beyond.remove(&(self.dealt + 1)) {
            self.dealt += 1;
        }
        true
    }

    /// Up to where everything has been dealt with.
    pub(crate) fn acknowledgement(&self) -> u64 {
        self.dealt
    }

    /// How many have been taken and not dealt with.
    pub(crate) fn under_way(&self) -> u64 {
        self.taken - self.dealt - self.beyond.len() as u64
    }
}

#[cfg(test)]
mod tests;
