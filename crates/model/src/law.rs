//! The laws, by the numbers of the design's list of invariants, and sets of those that were broken.

use std::fmt;

macro_rules! laws {
    ($($name:ident = $number:literal, $says:literal;)*) => {
        /// One law that every state is held against.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each is said in one sentence by `says`")]
        pub enum Law { $($name,)* }

        impl Law {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its number.
            #[must_use]
            pub fn number(self) -> &'static str {
                match self { $(Self::$name => $number,)* }
            }

            /// What it says.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }
    };
}

laws! {
    Cov1 = "COV-1", "who is said to hold the case really held it a moment ago";
    Cov2 = "COV-2", "only a read that was sent after the step began is evidence";
    Cov3 = "COV-3", "evidence is dated when its read was sent, and lasts as long as evidence may";
    Cov4 = "COV-4", "nothing older replaces what is known";
    Cov5 = "COV-5", "machines, outsiders and those who were merely made holders acknowledge nothing";
    Cov6 = "COV-6", "evidence is of our ticket, and a mismatch withdraws coverage at once";
    Cov7 = "COV-7", "an agent covers the case only as long as its last progress is young";
    Cov9 = "COV-9", "an open case is covered, being asked about with a deadline, or raised";
    Own1 = "OWN-1", "the case has the one owner that its history says";
    Own2 = "OWN-2", "nothing is taken from an agent that does not own the case now";
    Own3 = "OWN-3", "the epoch grows with every change of owner";
    Own4 = "OWN-4", "a handoff is one event, from the owner to the receiver";
    Own5 = "OWN-5", "the receiver has the whole context";
    Own6 = "OWN-6", "only who was offered the case takes it, and only in time";
    Own7 = "OWN-7", "the case does not go to and fro without people";
    Apr1 = "APR-1", "a write that needs people has enough of them for exactly its input";
    Apr2 = "APR-2", "nobody approves what they have written, without a right, or after handing it on, and nobody counts twice";
    Apr3 = "APR-3", "one approval leads to one effect at most";
    Apr4 = "APR-4", "what was turned down stays so";
    Apr5 = "APR-5", "nothing that was not sent survives a change of owner";
    Apr6 = "APR-6", "no answer is no, and people are asked to take the case";
    Idm1 = "IDM-1", "one key, one effect";
    Idm2 = "IDM-2", "the intent is durable before the first byte is sent";
    Idm4 = "IDM-4", "what is unknown is looked up before anything else is done";
    Idm6 = "IDM-6", "what is called done took effect, and what is called failed did not";
    Idm7 = "IDM-7", "undone at most once, in reverse";
    Prm1 = "PRM-1", "a permit is issued once and used once";
    Prm2 = "PRM-2", "a permit is good for its agent, input, epoch and time only";
}

/// A set of laws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Laws(u32);

impl Laws {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, law: Law) -> bool {
        self.0 & 1 << law as u8 != 0
    }

    /// Adds the law if it does not hold.
    pub(crate) fn hold(&mut self, law: Law, holds: bool) {
        if !holds {
            self.0 |= 1 << law as u8;
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Law> {
        Law::ALL.iter().copied().filter(move |law| self.has(*law))
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number(), self.says())
    }
}
