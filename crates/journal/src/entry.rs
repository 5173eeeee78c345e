//! What callers append: the events of one case, and everything that must change with them or not at all.

use jiff::Timestamp;

use crate::case::CaseRow;
use crate::error::AppendError;

/// The most entries one submission may hold: several times what a shard decides in one batch.
pub const ENTRIES_MAX: usize = 4_096;

/// The most events one submission may hold, so that one caller cannot make all others wait for seconds.
pub const EVENTS_MAX: usize = 16_384;

/// The largest body of one event. A case's context is cut into entries long before this.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest id, kind or key. They stand in indexes, where long text makes every lookup slow.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// What one decision changes about one case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Whose case it is. A case never changes its tenant.
    pub tenant: String,
    /// The case; unique over all tenants.
    pub case: String,
    /// The number of the last event the decision knew of; 0 for a case that has none yet.
    pub expected_seq: u64,
    /// What was decided. May be empty when only the projection is brought up to date.
    pub events: Vec<NewEvent>,
    /// How the case looks in lists afterwards; `None` leaves it as it was.
    pub row: Option<CaseRow>,
    /// When the case next needs a look. `None`: never, until another event says otherwise.
    pub attention: Option<Timestamp>,
    /// What the case must be the only one to hold. A claim of somebody else refuses the submission.
    pub claims: Vec<Claim>,
    /// Claims given up, before the new ones are made. Those not held by the named holder are left alone.
    pub releases: Vec<Claim>,
    /// What counts against cumulative limits from now on.
    pub usage: Vec<Usage>,
    /// Actions whose usage no longer counts.
    pub releases_usage: Vec<String>,
    /// Limits that must still hold once the usage of this submission is added.
    pub caps: Vec<Cap>,
}

/// An event that is not yet written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What kind of event it is, for people and filters.
    pub kind: String,
    /// When it was decided. Kept to the microsecond.
    pub at: Timestamp,
    /// The event itself. The journal never looks inside.
    pub body: Vec<u8>,
}

/// Something only one holder may have per tenant: a request id, a fingerprint, an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// What kind of thing is claimed.
    pub kind: String,
    /// Which one.
    pub key: String,
    /// Who holds it: a case or an action. The same holder may claim it again.
    pub holder: String,
}

/// One use of something with a limit over time, such as the money an agent may refund in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What it counts against.
    pub key: String,
    /// How much, in minor units of the currency, or a plain count.
    pub amount_minor: i64,
    /// The currency; empty for plain counts.
    pub currency: String,
    /// When it was used.
    pub at: Timestamp,
    /// The action that used it, so that it can be taken back by `releases_usage`.
    pub action: String,
}

/// A limit that is checked in the very transaction that adds to it.
///
/// Two shards may decide on the same budget at the same moment; the one that comes second is refused here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// What is limited.
    pub key: String,
    /// Which currency is summed.
    pub currency: String,
    /// From when on uses count.
    pub since: Timestamp,
    /// The most they may come to, with those of this submission.
    pub max_minor: i64,
}

/// The proof that a submission is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The position in the whole journal of the first event written; with no events, one past `last`.
    pub first: u64,
    /// The position of the last event written.
    pub last: u64,
}

impl Entry {
    /// Refuses what the store could not keep, before it reaches the writer.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        name("tenant", &self.tenant)?;
        name("case", &self.case)?;
        if self.events.is_empty() && self.expected_seq == 0 {
            return Err(AppendError::Invalid(format!(
                "case {} cannot begin without an event",
                self.case
            )));
        }
        for event in &self.events {
            name("event kind", &event.kind)?;
            if event.body.len() > BODY_BYTES_MAX {
                return Err(AppendError::Invalid(format!(
                    "the body of an event of case {} has {} bytes; the most is {BODY_BYTES_MAX}",
                    self.case,
                    event.body.len()
                )));
            }
        }
        for claim in self.claims.iter().chain(&self.releases) {
            name("claim kind", &claim.kind)?;
            name("claim key", &claim.key)?;
            name("claim holder", &claim.holder)?;
        }
        for usage in &self.usage {
            name("usage key", &usage.key)?;
            name("usage action", &usage.action)?;
        }
        match &self.row {
            Some(row) if row.tenant != self.tenant || row.case != self.case => {
                Err(AppendError::Invalid(format!(
                    "the row of case {} says tenant {} case {}",
                    self.case, row.tenant, row.case
                )))
            }
            Some(row) if row.bytes() > BODY_BYTES_MAX => Err(AppendError::Invalid(format!(
                "the row of case {} has {} bytes; the most is {BODY_BYTES_MAX}",
                self.case,
                row.bytes()
            ))),
            _ => Ok(()),
        }
    }

    /// Roughly what the entry occupies while it waits.
    pub(crate) fn bytes(&self) -> usize {
        let events: usize =
            self.events.iter().map(|event| event.body.len() + event.kind.len() + 64).sum();
        let row = self.row.as_ref().map_or(0, CaseRow::bytes);
        let rest = self.claims.len() + self.releases.len() + self.usage.len() + self.caps.len();
        256 + events + row + 128 * rest
    }
}

fn name(what: &str, text: &str) -> Result<(), AppendError> {
    if text.is_empty() {
        return Err(AppendError::Invalid(format!("the {what} is empty")));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(AppendError::Invalid(format!(
            "the {what} has {} bytes; the most is {TEXT_BYTES_MAX}",
            text.len()
        )));
    }
    Ok(())
}
