//! Who holds a case, how that is known, and which cases nobody holds.

use std::collections::BTreeSet;

use belay_api::v1;
use belay_api::v1::coverage_service_server::CoverageService;
use belay_domain::{Case, CaseId, Coverage, Severity, TenantId, Timestamp, next_moment};
use belay_journal::CaseRow;
use tonic::{Request, Response, Status};

use super::Shared;
use super::page::{Page, Part, key_of};
use crate::caller::Caller;
use crate::upkeep::Kept;
use crate::wire::{Fault, to_wire};

/// The most uncovered cases that are put in order for one list. Far more than people could see to; what is
/// beyond is counted.
const LISTED_MAX: usize = 10_000;

/// See [`CoverageService`].
pub(crate) struct Service(pub(crate) Shared);

#[tonic::async_trait]
impl CoverageService for Service {
    async fn get_coverage(
        &self,
        request: Request<v1::GetCoverageRequest>,
    ) -> Result<Response<v1::GetCoverageResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::GetCoverageRequest { case_id } = request.into_inner();
        let (asked, mut as_of) = self.0.case_named_as_of(&caller, &case_id).await?;
        let (mut case, mut merged_case_id) = (asked, String::new());
        // Whoever has the name of a case that was merged asks who has its matter.
        if let Some(into) = case.merged_into().cloned() {
            merged_case_id = case_id;
            (case, as_of) = self.0.case_as_of(&caller, &into).await?;
        }
        Ok(Response::new(v1::GetCoverageResponse {
            case_id: case.id.to_string(),
            coverage: Some(to_wire::coverage(&case, as_of)),
            next_moment: next_moment(&case).map(to_wire::time),
            warnings: self.warnings(&case),
            merged_case_id,
        }))
    }

    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let v1::GetStatusRequest {} = request.into_inner();
        let kept = self.0.kept.get();
        let pass = kept.and_then(|kept| kept.passes.borrow().clone());
        let canaries = kept.map(|kept| kept.canaries.all()).unwrap_or_default();
        Ok(Response::new(v1::GetStatusResponse {
            as_of: Some(to_wire::time(self.0.now())),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            audit: pass.as_ref().map(to_wire::audit_pass),
            warnings: kept.map(Kept::warnings).unwrap_or_default(),
            canaries: canaries.iter().map(to_wire::canary).collect(),
        }))
    }

    async fn list_uncovered(
        &self,
        request: Request<v1::ListUncoveredRequest>,
    ) -> Result<Response<v1::ListUncoveredResponse>, Status> {
        let caller = Caller::of(&request)?;
        let v1::ListUncoveredRequest { tenant, include_pending, page_size, page_token } =
            request.into_inner();
        let tenant = caller.tenant(&tenant)?;
        let question = format!("uncovered {tenant} {include_pending}");
        let page = Page::wanted(page_size, &page_token, question)?;
        let (part, total) = self.uncovered(&tenant, include_pending, &page).await?;
        let now = self.0.now();
        let mut cases = Vec::new();
        for id in part.things {
            // What was covered or resolved in the meantime does not belong on the list any more.
            if let Some(case) = self.0.engine.case(&id).await.map_err(Fault::from)? {
                cases.extend(uncovered_case(&case, now, include_pending));
            }
        }
        Ok(Response::new(v1::ListUncoveredResponse { cases, next_page_token: part.next, total }))
    }
}

impl Service {
    /// What may end the coverage of a case although it stands now.
    fn warnings(&self, case: &Case) -> Vec<String> {
        let open = case.escalations.values().filter(|found| found.is_open());
        let systems: BTreeSet<_> = open.map(|found| &found.step_plan().queue.system).collect();
        let credentials = self.0.systems.credentials();
        let refused = systems.into_iter().filter_map(|system| credentials.warning(system));
        refused.chain(self.0.systems.findings().warnings(Some(&case.id))).collect()
    }

    /// The wanted part of the list, the longest uncovered first, and how long the whole list is.
    async fn uncovered(
        &self,
        tenant: &TenantId,
        include_pending: bool,
        page: &Page,
    ) -> Result<(Part<CaseId>, u64), Fault> {
        let now = self.0.now();
        let journal = self.0.engine.journal();
        let rows = journal.uncovered(Some(tenant.as_str()), now, LISTED_MAX).await?;
        let all = rows.len() == LISTED_MAX;
        let listed: Vec<(String, CaseId)> = rows
            .iter()
            .filter(|row| include_pending || row.coverage != "pending")
            .filter_map(|row| Some((key(row), row.case.parse().ok()?)))
            .collect();
        let total = match (all, include_pending) {
            (true, true) => journal.uncovered_count(Some(tenant.as_str()), now).await?,
            _ => listed.len() as u64,
        };
        Ok((page.cut(listed), total))
    }
}

fn key(row: &CaseRow) -> String {
    let since = row.uncovered_since.or(row.covered_until).unwrap_or(row.updated_at);
    format!("{} {}", key_of(since), row.case)
}

fn uncovered_case(case: &Case, now: Timestamp, include_pending: bool) -> Option<v1::UncoveredCase> {
    let listed = match case.coverage(now) {
        Coverage::Uncovered(_) => true,
        Coverage::Pending(_) => include_pending,
        Coverage::Covered(_) | Coverage::Closed | Coverage::Merged { .. } => false,
    };
    let severity = case.terms.as_ref().map_or(Severity::Normal, |terms| terms.severity);
    listed.then(|| v1::UncoveredCase {
        case_id: case.id.to_string(),
        subject: case.subject.clone(),
        severity: to_wire::severity(severity).into(),
        coverage: Some(to_wire::coverage(case, now)),
        next_moment: next_moment(case).map(to_wire::time),
    })
}
