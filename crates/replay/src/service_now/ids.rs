//! The ids of ServiceNow: 32 hexadecimal digits, each table with its own.

/// A table of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Incident,
    User,
    Group,
    Member,
    Role,
    HasRole,
    Audit,
    Journal,
    Choice,
    Rota,
    Rule,
}

/// What all ids of this instance have in the middle.
const MIDDLE: &str = "4f411200adf9f8e18110c7";
/// Spreads ids that follow each other. Odd, so that there is a way back.
const SPREAD: u32 = 0x9E37_79B1;
/// The way back: `SPREAD * BACK` is 1, modulo 2 to the power of 32.
const BACK: u32 = back();

const fn back() -> u32 {
    // Each round of Newton's method doubles the bits that are right; the first has three.
    let (mut inverse, mut round) = (SPREAD, 0);
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(SPREAD.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

impl Table {
    const ALL: [Self; 11] = [
        Self::Incident,
        Self::User,
        Self::Group,
        Self::Member,
        Self::Role,
        Self::HasRole,
        Self::Audit,
        Self::Journal,
        Self::Choice,
        Self::Rota,
        Self::Rule,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::User => "sys_user",
            Self::Group => "sys_user_group",
            Self::Member => "sys_user_grmember",
            Self::Role => "sys_user_role",
            Self::HasRole => "sys_user_has_role",
            Self::Audit => "sys_audit",
            Self::Journal => "sys_journal_field",
            Self::Choice => "sys_choice",
            Self::Rota => "cmn_rota",
            Self::Rule => "sys_rate_limit_rules",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name && *table != Self::Rule)
    }

    /// The id of the row with this serial.
    pub(super) fn id(self, serial: u64) -> String {
        // A stand-in has fewer rows than that.
        let serial = u32::try_from(serial).unwrap_or(u32::MAX);
        format!("{:08x}{MIDDLE}{:02x}", serial.wrapping_mul(SPREAD), self as u8)
    }

    /// The serial of the row with this id, if it is one of this table.
    pub(super) fn serial(self, id: &str) -> Option<u64> {
        let spread = u32::from_str_radix(id.get(..8)?, 16).ok()?;
        let serial = u64::from(spread.wrapping_mul(BACK));
        (self.id(serial) == id).then_some(serial)
    }
}
