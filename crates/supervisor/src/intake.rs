//! Opening cases: once for each request, and once for each matter.

use std::sync::Arc;

use belay_domain::{
    Actor, Case, CaseId, CaseTerms, Command, ContextEntry, Digest, Hasher, NewEntry, Open,
    Rejection, RequestId, Severity, TenantId, Timestamp,
};
use belay_playbook::CaseFacts;

use crate::engine::{Engine, FINGERPRINT, REQUEST, Refused};
use crate::keyed_lock::KeyedLock;
use crate::playbooks::Playbooks;

/// Opens cases; cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake {
    engine: Engine,
    playbooks: Playbooks,
    matters: KeyedLock,
}

/// What is reported.
#[derive(Clone, Debug)]
pub(crate) struct OpenRequest {
    /// Whose case it is.
    pub tenant: TenantId,
    /// The request; the same one opens the same case.
    pub request: RequestId,
    /// What it is about, in a line.
    pub subject: String,
    /// Its kind, as the routing names it.
    pub kind: String,
    /// How much it matters, if the caller knows.
    pub severity: Option<Severity>,
    /// The customer.
    pub customer: String,
    /// Through which channel it came.
    pub channel: String,
    /// What makes two reports the same matter.
    pub fingerprint: Option<Digest>,
    /// Anything else to find it by.
    pub labels: Vec<(String, String)>,
    /// What is known at the start.
    pub context: Vec<NewEntry>,
    /// Who opens it.
    pub by: Actor,
}

/// The case that a report led to.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// The case.
    pub case: Arc<Case>,
    /// Whether this request opened it.
    pub created: bool,
    /// Whether this request was linked to a case that another one had opened for the same matter.
    pub linked: bool,
    /// The case that this request was about when it came first, where that was merged into this one since.
    pub merged: Option<Arc<Case>>,
}

impl Intake {
    /// An intake that opens cases in this engine.
    #[must_use]
    pub(crate) fn new(engine: Engine, playbooks: Playbooks) -> Self {
        Self { engine, playbooks, matters: KeyedLock::default() }
    }

    /// Opens a case, or finds the one that this request or this matter has already.
    pub(crate) async fn open(&self, request: OpenRequest) -> Result<Opened, Refused> {
        self.open_under(request, None).await
    }

    /// The same under these terms; those of the routing if there are none.
    pub(crate) async fn open_under(
        &self,
        request: OpenRequest,
        terms: Option<CaseTerms>,
    ) -> Result<Opened, Refused> {
        // What Belay opens by itself is no report.
        let request = if terms.is_none() { self.recognised(request) } else { request };
        // Two requests about one matter must not open two cases between looking and writing.
        let matter = request.fingerprint.map(|found| format!("{}/{found}", request.tenant));
        let same_request = format!("{}/{}", request.tenant, request.request);
        let _held = self.matters.lock(matter.into_iter().chain([same_request])).await;
        if let Some(known) = self.holder(&request.tenant, REQUEST, request.request.as_str()).await?
        {
            return match self.successor(&known).await? {
                Some(case) => {
                    Ok(Opened { case, created: false, linked: false, merged: Some(known) })
                }
                None => Ok(Opened { case: known, created: false, linked: false, merged: None }),
            };
        }
        if let Some(fingerprint) = request.fingerprint
            && let Some(known) =
                self.holder(&request.tenant, FINGERPRINT, &fingerprint.to_string()).await?
            && let known = self.successor(&known).await?.unwrap_or(known)
            && known.is_open()
        {
            let command = Command::LinkContact {
                request: request.request.clone(),
                channel: request.channel.clone(),
                context: request.context.clone(),
                severity: request.severity,
            };
            match self.engine.command(&known.id, command).await {
                Ok(applied) => {
                    let case = applied.case;
                    return Ok(Opened { case, created: false, linked: true, merged: None });
                }
                // It was resolved a moment ago, perhaps without knowing of this report, which gets a case of its own. So does
                // one whose matter was merged into another case a moment ago; that it is the same is found out again.
                Err(Refused::Rejected(Rejection::CaseClosed | Rejection::CaseMerged { .. })) => {}
                Err(refused) => return Err(refused),
            }
        }
        let applied = self.create(request, terms).await?;
        Ok(Opened { case: applied, created: true, linked: false, merged: None })
    }

    /// The report with the fingerprint by which the playbook recognises its matter, where the caller gave none.
    fn recognised(&self, mut request: OpenRequest) -> OpenRequest {
        if request.fingerprint.is_none() {
            let facts = facts(&request, case_id(&request.tenant, &request.request));
            let entries = request.context.iter().map(told_now).collect::<Vec<_>>();
            request.fingerprint = self.playbooks.current().fingerprint(&facts, &entries);
        }
        request
    }

    async fn create(
        &self,
        request: OpenRequest,
        terms: Option<CaseTerms>,
    ) -> Result<Arc<Case>, Refused> {
        let id = case_id(&request.tenant, &request.request);
        let facts = facts(&request, id.clone());
        let terms = terms.unwrap_or_else(|| self.playbooks.current().open(&facts));
        let open = Open {
            tenant: request.tenant,
            request: request.request,
            subject: request.subject,
            kind: request.kind,
            customer: request.customer,
            channel: request.channel,
            fingerprint: request.fingerprint,
            labels: request.labels,
            context: request.context,
            by: request.by,
            terms,
        };
        Ok(self.engine.command(&id, Command::Open(Box::new(open))).await?.case)
    }

    /// The case that a case was merged into, if it was.
    async fn successor(&self, case: &Case) -> Result<Option<Arc<Case>>, Refused> {
        match case.merged_into() {
            Some(into) => self.engine.case(into).await,
            None => Ok(None),
        }
    }

    /// The case that holds a claim.
    async fn holder(
        &self,
        tenant: &TenantId,
        kind: &str,
        key: &str,
    ) -> Result<Option<Arc<Case>>, Refused> {
        let found = self.engine.journal().claim(tenant.as_str(), kind, key).await;
        let found = found.map_err(|failure| Refused::Unreadable(Arc::new(failure)))?;
        match found.and_then(|holder| holder.parse::<CaseId>().ok()) {
            Some(case) => self.engine.case(&case).await,
            None => Ok(None),
        }
    }
}

/// What a report says, as an entry. When does not matter here.
fn told_now(entry: &NewEntry) -> ContextEntry {
    let NewEntry { kind, body, provenance } = entry.clone();
    ContextEntry { kind, body, provenance, at: Timestamp::UNIX_EPOCH }
}

/// What the playbook is told of a report.
fn facts(request: &OpenRequest, id: CaseId) -> CaseFacts {
    CaseFacts {
        tenant: request.tenant.clone(),
        id,
        kind: request.kind.clone(),
        severity: request.severity,
        channel: request.channel.clone(),
        customer: request.customer.clone(),
        subject: request.subject.clone(),
        labels: request.labels.clone(),
    }
}

/// The id of the case that a request opens. The same request always names the same case.
fn case_id(tenant: &TenantId, request: &RequestId) -> CaseId {
    let digest = Hasher::new("belay case id")
        .part(tenant.as_str().as_bytes())
        .part(request.as_str().as_bytes())
        .finish()
        .to_string();
    let short = digest.get(..16).unwrap_or(&digest);
    format!("c-{short}").parse().unwrap_or_else(|_| unreachable!("hexadecimal digits are an id"))
}
