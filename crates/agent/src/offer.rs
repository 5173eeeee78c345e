//! A case that the agent may take.

use std::collections::BTreeMap;

use belay_api::v1;
use belay_domain::{ContextEntry, Severity};
use jiff::Timestamp;

use crate::context::{Known, NotWhatWasSent};
use crate::wire;

/// A case on offer. Whoever sent it still holds it.
#[derive(Debug)]
pub struct Offer {
    handoff: String,
    about: About,
    known: Known,
    reason: String,
    deadline: Timestamp,
    actions: Vec<v1::Action>,
}

/// A case in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The case, for example `c-0123456789abcdef`.
    pub id: String,
    /// The tenant it lives in.
    pub tenant: String,
    /// What it is about, in one line.
    pub subject: String,
    /// What kind of matter it is, as routing names it. May be empty.
    pub kind: String,
    /// The customer, as the tenant knows them. May be empty.
    pub customer: String,
    /// How urgent it is.
    pub severity: Severity,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Offer {
    /// The case in short.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What is known of it, oldest first. Its digest has been checked.
    pub fn context(&self) -> &[ContextEntry] {
        self.known.entries()
    }

    /// Why it is handed over.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Until when it may be taken.
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    pub(crate) fn handoff(&self) -> &str {
        &self.handoff
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    pub(crate) fn actions(&self) -> &[v1::Action] {
        &self.actions
    }

    /// Reads an offer; its context has to be the one that was sent.
    pub(crate) fn from_wire(
        offer: v1::HandoffOffer,
        now: Timestamp,
    ) -> Result<Self, NotWhatWasSent> {
        let v1::HandoffOffer {
            handoff_id,
            case,
            context,
            context_digest,
            from: _,
            reason,
            deadline,
            actions,
        } = offer;
        Ok(Self {
            handoff: handoff_id,
            about: About::from_wire(case.unwrap_or_default()),
            known: Known::verified(context, &context_digest)?,
            reason,
            // An offer that does not say until when is answered at once or not at all.
            deadline: wire::timestamp(deadline.as_ref()).unwrap_or(now),
            actions,
        })
    }
}

impl About {
    pub(crate) fn from_wire(summary: v1::CaseSummary) -> Self {
        let severity = wire::severity_from(summary.severity());
        let v1::CaseSummary { id, tenant, subject, kind, customer, labels, .. } = summary;
        Self { id, tenant, subject, kind, customer, severity, labels: labels.into_iter().collect() }
    }
}
