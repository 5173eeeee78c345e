//! A stage whose playbook is that of accounts payable, and whose ERP is the real one.

use std::fs;
use std::path::Path;

use belay_agent::{ActionResult, CallError, Case, Outcome, Source};
use belay_api::v1;
use serde_json::{Value, json};

use crate::office::{Office, Supplier, setting};
use crate::stage::playbook::Playbook;
use crate::stage::{Stage, request};

/// Waiting times that suit a busy machine.
const DEFAULTS: &str = "\
defaults:
  severity: normal
  lease: 10s
  seek_within: 10s
  offer_within: 5s
  bounces_max: 2
  freshness: 5s
  look_every: 500ms
  permit_within: 30s
  outcome_within: 20s
  settle_within: 5s
  verify_within: 20s
  attempts_max: 3
  backoff: {first: 100ms, most: 500ms}
";

/// A supervisor with the playbook as users copy it, before the real ERP.
pub(crate) async fn stage(office: &Office) -> Stage {
    Stage::with(|playbook| {
        let folder = playbook.folder();
        fs::remove_dir_all(folder).unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/payables"), folder);
        let text = fs::read_to_string(folder.join("playbook.yaml")).unwrap();
        let (before, _) = text.split_once("defaults:").unwrap();
        playbook.put("playbook.yaml", &format!("{before}{DEFAULTS}"));
        with_secrets(playbook, &office.erp);
    })
    .await
}

/// Credentials in files instead of variables, which all tests of a program share.
fn with_secrets(playbook: &Playbook, erp: &str) {
    let secrets = playbook.folder().with_file_name("secrets");
    fs::create_dir_all(&secrets).unwrap();
    let path = playbook.folder().join("systems.yaml");
    let mut text = fs::read_to_string(&path).unwrap().replace("${PAYABLES_ERP_REST}", erp);
    for name in
        ["PAYABLES_VENDOR_KEY", "PAYABLES_DRAFT_KEY", "PAYABLES_POST_KEY", "PAYABLES_READ_KEY"]
    {
        assert!(text.contains(name), "{name} is not used any more");
        let file = secrets.join(name);
        fs::write(&file, setting(name)).unwrap();
        text = text.replace(&format!("env: {name}"), &format!("file: {}", file.display()));
    }
    playbook.put("systems.yaml", &text);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A report about a supplier, as a tool opens it: what is known came through a channel that
/// proved who speaks.
pub(crate) fn report(
    kind: &str,
    supplier: &Supplier,
    labels: &[(&str, &str)],
) -> v1::OpenCaseRequest {
    v1::OpenCaseRequest {
        request_id: format!("{}-{}", request(), supplier.code),
        subject: format!("a matter of {kind}"),
        kind: kind.to_owned(),
        customer: supplier.code.clone(),
        channel: "portal".to_owned(),
        labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        context: vec![v1::NewContextEntry {
            kind: "message".to_owned(),
            body: "What the supplier entered on the portal, signed in.".to_owned(),
            provenance: Some(v1::Provenance {
                source: v1::ProvenanceSource::VerifiedChannel.into(),
                reference: "portal-1".to_owned(),
            }),
        }],
        ..v1::OpenCaseRequest::default()
    }
}

/// A write that the supervisor carries out. What the supplier said came through a channel that proved who speaks.
pub(crate) async fn wish(
    case: &Case,
    plan: &str,
    contract: &str,
    input: Value,
) -> Result<ActionResult, CallError> {
    let mut proposal = case.propose(contract, input.clone());
    for field in input.as_object().unwrap().keys() {
        let source = match field.as_str() {
            "to" | "number" | "date" | "total_minor" if contract != "invoices.cancel@1" => {
                Source::VerifiedChannel
            }
            _ => Source::SystemOfRecord,
        };
        proposal = proposal.provenance(format!("/{field}"), source, "portal");
    }
    let proposal = proposal.plan(plan);
    proposal.act(async |_| Outcome::failed("an agent has nothing to write with")).await
}

/// An invoice for so many reams of paper at 12.50.
pub(crate) fn invoice(supplier: &Supplier, number: &str, reams: i64) -> Value {
    json!({
        "supplier_id": supplier.id, "number": number, "date": "2026-11-20", "currency": "USD",
        "total_minor": 1250 * reams,
        "lines": [{"text": "paper", "quantity": reams, "unit_minor": 1250}],
    })
}

/// Drafts an invoice with a permit, and asks for it to be posted. What became of the first that was not verified, or of
/// the last.
pub(crate) async fn book(
    case: &Case,
    office: &Office,
    supplier: &Supplier,
    number: &str,
    reams: i64,
) -> Result<ActionResult, CallError> {
    let input = invoice(supplier, number, reams);
    let mut proposal = case.propose("invoices.draft@1", input.clone());
    for field in ["/number", "/date", "/total_minor", "/lines", "/currency"] {
        proposal = proposal.provenance(field, Source::VerifiedChannel, "portal");
    }
    let proposal = proposal.provenance("/supplier_id", Source::SystemOfRecord, "erp").plan("book");
    let drafted = proposal
        .act(|permit| {
            let office = office.clone();
            async move { office.draft(permit).await }
        })
        .await?;
    let ActionResult::Verified(report) = drafted else { return Ok(drafted) };
    let shown = report.shown.unwrap_or_default();
    let input = json!({
        "invoice_id": shown["id"], "supplier_id": supplier.id, "number": number,
        "total_minor": input["total_minor"], "currency": "USD",
    });
    wish(case, "book", "invoices.post@1", input).await
}
