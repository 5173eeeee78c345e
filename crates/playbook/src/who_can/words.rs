//! What an agent may do, in words.

use std::fmt;

use super::{Approvals, May};

impl May {
    /// A stable name, for programs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::No(_) => "no",
            Self::IfApproved => "if-approved",
            Self::AsPoliciesSay => "as-policies-say",
            Self::Automatically => "automatically",
        }
    }

    /// The more freely the higher.
    #[must_use]
    pub fn freedom(&self) -> u8 {
        match self {
            Self::No(_) => 0,
            Self::IfApproved => 1,
            Self::AsPoliciesSay => 2,
            Self::Automatically => 3,
        }
    }
}

impl fmt::Display for May {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(why) => write!(f, "no: {}", why.join("; ")),
            Self::IfApproved => f.write_str("if people agree"),
            Self::AsPoliciesSay => f.write_str("by itself or if people agree, as the policies say"),
            Self::Automatically => f.write_str("by itself"),
        }
    }
}

impl fmt::Display for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<&str> = self.groups.iter().map(|group| group.as_str()).collect();
        write!(f, "{} of {} within {:#}", self.quorum, groups.join(" or "), self.within)?;
        let not: Vec<&str> = self.excluded.iter().map(|person| person.as_str()).collect();
        if not.is_empty() { Ok(()) } else { write!(f, ", not {}", not.join(", ")) }
    }
}
