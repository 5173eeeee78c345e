//! Looking through all cases of a tenant for something that no index knows: what people decided or resolved long
//! ago. Bounded, because it reads case after case.

use std::sync::Arc;

use belay_api::v1::ErrorReason;
use belay_domain::{Case, CaseId, TenantId};
use belay_journal::{Order, PAGE_SIZE_MAX, Query};

use super::Shared;
use crate::wire::Fault;

/// The most cases that one question looks through. More than that has to be asked case by case.
const CASES_MAX: usize = 5_000;

/// Every case of a tenant, those that changed last first.
pub(crate) async fn cases(shared: &Shared, tenant: &TenantId) -> Result<Vec<Arc<Case>>, Fault> {
    let mut found = Vec::new();
    let mut query = Query {
        tenant: tenant.to_string(),
        order: Order::UpdatedNewest,
        page_size: PAGE_SIZE_MAX,
        ..Query::default()
    };
    loop {
        let page = shared.engine.journal().search(query.clone()).await?;
        for row in page.rows {
            let Ok(id) = row.case.parse::<CaseId>() else { continue };
            if let Some(case) = shared.engine.case(&id).await? {
                found.push(case);
            }
        }
        match page.next {
            None => return Ok(found),
            Some(_) if found.len() >= CASES_MAX => {
                let what =
                    format!("more than {CASES_MAX} cases would have to be read; name a case");
                return Err(Fault::new(ErrorReason::TooMany, what));
            }
            next => query.page_token = next,
        }
    }
}
