//! What is asked of a case.

use belay_api::v1;
use belay_domain::{Actor, CaseId, NewEntry, RequestId, ResolutionCode, Severity, TenantId};

use super::{Fields, Speaker, entries};
use crate::intake::OpenRequest;
use crate::wire::Fault;

/// A change of what a case is called or how much it matters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Amended {
    pub(crate) request: RequestId,
    pub(crate) case: CaseId,
    pub(crate) subject: Option<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) labels: Option<Vec<(String, String)>>,
}

/// Something that became known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AddContext {
    pub(crate) request: RequestId,
    pub(crate) case: CaseId,
    pub(crate) entries: Vec<NewEntry>,
}

/// The end of a case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolve {
    pub(crate) request: RequestId,
    pub(crate) case: CaseId,
    pub(crate) code: ResolutionCode,
    pub(crate) note: String,
}

/// Two cases of which somebody says what they are to each other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) request: RequestId,
    pub(crate) case: CaseId,
    pub(crate) other: CaseId,
    pub(crate) note: String,
}

/// A case that is to be opened for this tenant.
pub(crate) fn open(
    request: v1::OpenCaseRequest,
    tenant: TenantId,
    by: Actor,
) -> Result<OpenRequest, Fault> {
    let v1::OpenCaseRequest {
        request_id,
        tenant: _,
        subject,
        severity,
        kind,
        customer,
        channel,
        labels,
        fingerprint,
        context,
    } = request;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let subject = fields.said("subject", subject);
    let severity = fields.severity("severity", severity);
    let kind = fields.line("kind", kind);
    let customer = fields.line("customer", customer);
    let channel = fields.line("channel", channel);
    let labels = fields.labels("labels", labels);
    let fingerprint = fingerprint.and_then(|text| fields.digest("fingerprint", &text));
    let reference = by.reference();
    let context = entries(&mut fields, "context", context, Speaker::PersonOrTool, &reference);
    fields.done(request.map(|request| OpenRequest {
        tenant,
        request,
        subject,
        kind,
        severity,
        customer,
        channel,
        fingerprint,
        labels,
        context,
        by,
    }))
}

/// A change of a case.
pub(crate) fn amend(request: v1::UpdateCaseRequest) -> Result<Amended, Fault> {
    let v1::UpdateCaseRequest { request_id, case_id, subject, severity, labels } = request;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let case = fields.id("case_id", &case_id);
    let subject = subject.map(|subject| fields.said("subject", subject));
    let severity = severity.and_then(|severity| {
        let stated = fields.severity("severity", severity);
        if stated.is_none() && severity == v1::Severity::Unspecified as i32 {
            fields.wrong("severity", "has to say something when it is set");
        }
        stated
    });
    let labels = labels.map(|labels| fields.labels("labels", labels.labels));
    let read = request.zip(case);
    fields.done(read.map(|(request, case)| Amended { request, case, subject, severity, labels }))
}

/// Entries for the context of a case.
pub(crate) fn add_context(request: v1::AddContextRequest, by: &str) -> Result<AddContext, Fault> {
    let v1::AddContextRequest { request_id, case_id, entries: new } = request;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let case = fields.id("case_id", &case_id);
    if new.is_empty() {
        fields.wrong("entries", "has to have at least one");
    }
    let entries = entries(&mut fields, "entries", new, Speaker::PersonOrTool, by);
    fields.done(request.zip(case).map(|(request, case)| AddContext { request, case, entries }))
}

/// Two cases that are one matter.
pub(crate) fn merge_cases(request: v1::MergeCasesRequest) -> Result<Pair, Fault> {
    let v1::MergeCasesRequest { request_id, case_id, other_case_id } = request;
    pair(&request_id, &case_id, &other_case_id, String::new())
}

/// Two cases that are two matters.
pub(crate) fn tell_apart(request: v1::TellCasesApartRequest) -> Result<Pair, Fault> {
    let v1::TellCasesApartRequest { request_id, case_id, other_case_id, note } = request;
    pair(&request_id, &case_id, &other_case_id, note)
}

fn pair(request: &str, case: &str, other: &str, note: String) -> Result<Pair, Fault> {
    let mut fields = Fields::new();
    let request = fields.request(request);
    let case = fields.id("case_id", case);
    let other = fields.id("other_case_id", other);
    let note = fields.line("note", note);
    let read = request.zip(case).zip(other);
    fields.done(read.map(|((request, case), other)| Pair { request, case, other, note }))
}

/// The end of a case.
pub(crate) fn resolve(request: v1::ResolveCaseRequest) -> Result<Resolve, Fault> {
    let v1::ResolveCaseRequest { request_id, case_id, resolution_code, note } = request;
    let mut fields = Fields::new();
    let request = fields.request(&request_id);
    let case = fields.id("case_id", &case_id);
    let code = fields.id("resolution_code", &resolution_code);
    let note = fields.text("note", note);
    let read = request.zip(case).zip(code);
    fields.done(read.map(|((request, case), code)| Resolve { request, case, code, note }))
}
