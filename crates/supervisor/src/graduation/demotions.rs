//! Which contracts were taken back to shadow, and by which case operators are asked about it.
//!
//! The case is the record: as long as the journal has it, the contract writes nothing, whatever became of the case and
//! however often the supervisor starts. Only the playbook lifts it, by naming that case as restored, or by having
//! another version of the contract.

use std::sync::Arc;

use belay_domain::{Basis, CaseId, ContractId, Event, EventKind, TenantId, Timestamp, Verdict};
use belay_journal::{Journal, Query, ReadError, SearchError};
use belay_playbook::{Contract, Playbook};
use dashmap::DashMap;
use tracing::warn;

use crate::engine::decode;

/// The kind of the case in which operators are asked.
pub(super) const KIND: &str = "belay.demotion";
/// Who opens it.
pub(super) const BY: &str = "belay-graduation";
/// The label that names the contract.
pub(super) const CONTRACT: &str = "contract";

/// One demotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demotion {
    /// The contract with its version.
    pub contract: ContractId,
    /// The case in which operators are asked about it.
    pub case: CaseId,
    /// When.
    pub at: Timestamp,
    /// Why, in a line.
    pub why: String,
}

/// All of them, those that were lifted as well; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demotions(Arc<DashMap<ContractId, Vec<Demotion>>>);

impl Demotion {
    /// The demotion that the opening of a case records, if it does.
    pub(crate) fn of(case: &CaseId, event: &Event) -> Option<Self> {
        let EventKind::CaseOpened { kind, labels, by, subject, .. } = &event.kind else {
            return None;
        };
        if kind != KIND || *by != format!("program:{BY}") {
            return None;
        }
        let (_, contract) = labels.iter().find(|(name, _)| name == CONTRACT)?;
        Some(Self {
            contract: contract.parse().ok()?,
            case: case.clone(),
            at: event.at,
            why: subject.clone(),
        })
    }
}

impl Demotions {
    /// Finds them in the journal, before anything is decided.
    pub(crate) async fn recall(
        &self,
        journal: &Journal,
        tenant: &TenantId,
    ) -> Result<(), ReadError> {
        let mut page_token = None;
        loop {
            let query = Query {
                tenant: tenant.to_string(),
                kind: vec![KIND.to_owned()],
                page_size: 500,
                page_token: page_token.take(),
                ..Query::default()
            };
            let page = match journal.search(query).await {
                Ok(page) => page,
                Err(SearchError::Read(failure)) => return Err(failure),
                Err(failure) => return Err(ReadError::Damaged(failure.to_string())),
            };
            for row in &page.rows {
                let Some(first) = journal.events_of(&row.case, 0, 1).await?.into_iter().next()
                else {
                    continue;
                };
                let case = row.case.parse();
                if let (Ok(case), Ok(event)) = (case, decode(&first))
                    && let Some(demotion) = Demotion::of(&case, &event)
                {
                    warn!(contract = %demotion.contract, %case, why = demotion.why, "a contract was demoted");
                    self.add(demotion);
                }
            }
            page_token = page.next;
            if page_token.is_none() {
                return Ok(());
            }
        }
    }

    /// One more; known ones change nothing.
    pub(crate) fn add(&self, demotion: Demotion) {
        let mut known = self.0.entry(demotion.contract.clone()).or_default();
        if known.iter().all(|other| other.case != demotion.case) {
            known.push(demotion);
            known.sort_by(|one, other| (one.at, &one.case).cmp(&(other.at, &other.case)));
        }
    }

    /// How many a contract has had.
    pub(super) fn count(&self, contract: &ContractId) -> usize {
        self.0.get(contract).map_or(0, |known| known.len())
    }

    /// The one that keeps a contract from writing; none once a person has put it back.
    pub(crate) fn of(&self, contract: &Contract) -> Option<Demotion> {
        let last = self.0.get(contract.id())?.last()?.clone();
        let restored = contract.graduation().and_then(|bounds| bounds.restored.as_ref());
        restored.is_none_or(|restored| restored.demotion != last.case.as_str()).then_some(last)
    }

    /// Those by which contracts that the playbook says write do not.
    pub(crate) fn held(&self, playbook: &Playbook) -> Vec<Demotion> {
        let writing = playbook.contracts().filter(|one| one.mode() != belay_domain::Mode::Shadow);
        writing.filter_map(|contract| self.of(contract)).collect()
    }

    /// What operators should know of them.
    pub(crate) fn warnings(&self, playbook: &Playbook) -> Vec<String> {
        let held = self.held(playbook).into_iter();
        held.map(|demotion| format!("{} (case {})", demotion.why, demotion.case)).collect()
    }

    /// Keeps an action from being written whose contract was demoted; the verdict says why.
    pub(crate) fn hold_back(&self, contract: &Contract, verdict: &mut Verdict, now: Timestamp) {
        let Some(terms) = verdict.terms.as_mut().filter(|terms| terms.live) else { return };
        let Some(demotion) = self.of(contract) else { return };
        terms.live = false;
        let basis = verdict.basis.get_or_insert_with(|| {
            let used = Vec::new();
            let basis = Basis {
                at: now,
                outside_text: false,
                duplicate: None,
                used,
                reads: None,
                demoted: None,
            };
            Box::new(basis)
        });
        basis.demoted = Some(format!("{} (case {})", demotion.why, demotion.case));
    }
}
