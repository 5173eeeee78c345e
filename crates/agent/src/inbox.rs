//! Which of the supervisor's messages have been taken, and how many more it may send.
//!
//! A message that was taken before is dropped. The supervisor may only send what it has credit for; a
//! credit comes back when whatever the message began has been dealt with, so that a slow handler makes the
//! supervisor wait and not this process grow.

/// What is known about the messages that come in.
#[derive(Debug)]
pub(crate) struct Inbox {
    window: u32,
    taken: u64,
    acked: u64,
    returned: u32,
}

impl Inbox {
    /// Lets at most `window` messages be under way.
    pub(crate) fn new(window: u32) -> Self {
        Self { window, taken: 0, acked: 0, returned: window }
    }

    /// Takes the message with this number, and says whether it is new. Number 0 is always new.
    pub(crate) fn take(&mut self, number: u64) -> bool {
        if number == 0 {
            return true;
        }
        if number <= self.taken {
            // It used a credit all the same, and its acknowledgement may be what got lost.
            self.dealt_with();
            self.acked = self.acked.min(number - 1);
            return false;
        }
        if number > self.taken + 1 {
            tracing::warn!(
                expected = self.taken + 1,
                number,
                "messages of the supervisor are missing"
            );
        }
        self.taken = number;
        true
    }

    /// A message that used a credit has been dealt with.
    pub(crate) fn dealt_with(&mut self) {
        self.returned = (self.returned + 1).min(self.window);
    }

    /// The number up to which everything was taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the supervisor should be told what was taken.
    pub(crate) fn owes_ack(&self) -> bool {
        self.acked < self.taken
    }

    /// The acknowledgement to put on the next envelope.
    pub(crate) fn ack(&mut self) -> u64 {
        self.acked = self.taken;
        self.taken
    }

    /// Credit to grant, once it is worth a message: a quarter of the window.
    pub(crate) fn credit(&mut self) -> Option<u32> {
        self.owes_credit().then(|| std::mem::take(&mut self.returned))
    }

    /// Whether [`Self::credit`] would grant some.
    pub(crate) fn owes_credit(&self) -> bool {
        self.returned > 0 && self.returned >= self.window.div_ceil(4)
    }

    /// A stream begins. Grants may have been lost with the old one, so the whole window is granted again.
    pub(crate) fn reconnected(&mut self, resumed: bool) {
        self.returned = self.window;
        if resumed {
            self.acked = self.taken;
        } else {
            (self.taken, self.acked) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests;
