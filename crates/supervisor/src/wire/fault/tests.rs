use std::collections::BTreeMap;
use std::error::Error;

use belay_connect::DeskError;
use belay_domain::{Digest, Epoch, Rejection};
use belay_journal::{AppendError, Failure, FailureKind, ReadError};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic_types::StatusExt as _;

use super::*;
use crate::engine::Refused;
use crate::wire::testbed::id;

#[test]
fn every_reason_has_the_status_that_the_contract_promises() {
    let promised = promised();
    let mut seen = 0;
    for (number, promise) in promised.iter().filter(|(number, _)| **number != 0) {
        let Ok(reason) = ErrorReason::try_from(*number) else { continue };
        let code = format!("{:?}", code_of(reason)).to_lowercase();
        assert_eq!(code, promise.replace('_', "").to_lowercase(), "{reason:?}");
        seen += 1;
    }
    assert_eq!(seen, promised.len() - 1, "every reason of the contract was looked at");
}

#[test]
fn the_page_about_errors_has_one_row_for_every_reason() {
    let page = include_str!("../../../../../docs/errors.md");
    let mut rows: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name.to_owned(), rest.split(" |").next().unwrap().to_owned()))
        .collect();
    rows.sort();
    let mut promised: Vec<(String, String)> = promised()
        .into_iter()
        .filter_map(|(number, code)| Some((ErrorReason::try_from(number).ok()?, code)))
        .filter(|(reason, _)| *reason != ErrorReason::Unspecified)
        .map(|(reason, code)| (name_of(reason).to_owned(), code))
        .collect();
    promised.sort();
    assert_eq!(rows, promised);
}

/// The status before the colon in the comment of every reason in the contract.
fn promised() -> BTreeMap<i32, String> {
    let set = FileDescriptorSet::decode(belay_api::FILE_DESCRIPTOR_SET).unwrap();
    let file = set.file.iter().find(|file| file.name().ends_with("error.proto")).unwrap();
    let values = &file.enum_type[0].value;
    let comments = &file.source_code_info.as_ref().unwrap().location;
    let comment = |index: usize| {
        let path = [5, 0, 2, i32::try_from(index).unwrap()];
        let found = comments.iter().find(|location| location.path == path).unwrap();
        found.leading_comments().trim().split(':').next().unwrap().to_owned()
    };
    values.iter().enumerate().map(|(index, value)| (value.number(), comment(index))).collect()
}

#[test]
fn every_rejection_of_the_domain_keeps_its_reason() {
    for rejection in rejections() {
        let (code, said) = (rejection.code(), rejection.to_string());
        let fault = Fault::from(rejection);
        assert_eq!(name_of(fault.reason()), code);
        assert_eq!(fault.to_string(), said);
        assert_ne!(fault.code(), Code::Internal, "{code}");
    }
}

#[test]
fn a_status_carries_domain_reason_and_ids() {
    let rejection = Rejection::StaleEpoch { given: Epoch(3), current: Epoch(5) };
    let status = Status::from(Fault::from(rejection));
    assert_eq!(status.code(), Code::FailedPrecondition);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("belay", "STALE_EPOCH"));
    assert_eq!(info.metadata["epoch"], "5");
    assert!(details.retry_info().is_none(), "repeating it would not help");
}

#[test]
fn unsettled_actions_are_preconditions_one_by_one() {
    let actions = vec![id("c-1/a1"), id("c-1/a2")];
    let fault = Fault::from(Rejection::Unsettled { actions });
    let details = Status::from(fault.clone()).get_error_details();
    let violations = &details.precondition_failure().unwrap().violations;
    let subjects: Vec<&str> = violations.iter().map(|found| found.subject.as_str()).collect();
    assert_eq!(subjects, ["c-1/a1", "c-1/a2"]);
    assert_eq!(violations[0].r#type, "UNSETTLED_ACTIONS");
    let error = v1::Error::from(fault);
    assert_eq!(error.precondition_violations.len(), 2, "the same goes to agents");
    assert_eq!(error.precondition_violations[1].subject, "c-1/a2");
}

#[test]
fn only_what_may_succeed_unchanged_says_when_to_come_again() {
    let again = |fault: Fault| Status::from(fault).get_error_details().retry_info().is_some();
    assert!(again(Refused::Overloaded.into()));
    assert!(again(Refused::Contended.into()));
    assert!(again(Refused::Draining.into()));
    assert!(again(unwritable(AppendError::Failed(failure())).into()));
    assert!(again(Refused::Unreadable(std::sync::Arc::new(ReadError::Busy)).into()));
    assert!(again(DeskError::Busy.into()));
    // What is being read will be known in a moment.
    let soon = |rejection: &Rejection| matches!(rejection, Rejection::NotCompared { .. });
    for rejection in rejections() {
        if soon(&rejection) {
            assert!(again(rejection.into()));
            continue;
        }
        assert!(!again(rejection.clone().into()), "{}", rejection.code());
    }
}

#[test]
fn what_is_our_fault_tells_a_reference_and_nothing_else() {
    let secret = "disk image at /secret/place is malformed";
    let damaged = ReadError::Damaged(secret.to_owned());
    let fault = Fault::from(Refused::Unreadable(std::sync::Arc::new(damaged)));
    assert_eq!(fault.code(), Code::Internal);
    let status = Status::from(fault);
    assert!(!status.message().contains("secret"), "{}", status.message());
    let details = status.get_error_details();
    let reference = &details.error_info().unwrap().metadata["reference"];
    assert!(status.message().contains(reference.as_str()));
}

#[test]
fn a_journal_that_failed_leaves_it_open_whether_it_took_effect() {
    let fault = Fault::from(unwritable(AppendError::Failed(failure())));
    assert_eq!(fault.reason(), ErrorReason::JournalUnavailable);
    assert!(fault.source().is_none(), "the cause stays in our log");
    let full = AppendError::Full { waiting: 1, bytes: 1 };
    assert_eq!(Fault::from(unwritable(full)).reason(), ErrorReason::Overloaded);
    assert_eq!(Fault::from(unwritable(AppendError::Closed)).reason(), ErrorReason::Draining);
    let no_room = AppendError::DiskFull { path: "/secret/place".into() };
    let fault = Fault::from(unwritable(no_room));
    assert_eq!(fault.reason(), ErrorReason::DiskFull);
    assert!(!fault.to_string().contains("secret"), "{fault}");
    let odd = AppendError::Invalid("odd".to_owned());
    assert_eq!(Fault::from(unwritable(odd)).reason(), ErrorReason::Internal);
}

#[test]
fn the_desk_says_who_has_to_do_what_first() {
    let reason = |error: DeskError| name_of(Fault::from(error).reason());
    let (person, ticket) = (id("ana"), id("desk-1"));
    let not_holder = DeskError::NotHolder { ticket, person };
    let status = Status::from(Fault::from(not_holder));
    let details = status.get_error_details();
    assert_eq!(
        details.precondition_failure().unwrap().violations[0].description,
        "take the ticket"
    );
    assert_eq!(reason(DeskError::OffShift { person: id("ana") }), "OFF_SHIFT");
    assert_eq!(reason(DeskError::NotOnDesk { person: id("ana") }), "NOT_ON_STAFF");
    assert_eq!(reason(DeskError::NoTicket { ticket: id("desk-9") }), "UNKNOWN_TICKET");
    assert_eq!(reason(DeskError::Closed { ticket: id("desk-9") }), "TICKET_CLOSED");
    assert_eq!(reason(DeskError::EmptyText), "INVALID_FIELD");
    assert_eq!(reason(DeskError::Stopped), "DRAINING");
    assert_eq!(reason(DeskError::Damaged { detail: "row 7".to_owned() }), "INTERNAL");
}

#[test]
fn every_wrong_field_is_in_both_forms() {
    let fields = vec![
        ("subject".to_owned(), "has to say something".to_owned()),
        ("labels".to_owned(), "too many".to_owned()),
    ];
    let fault = Fault::fields(ErrorReason::InvalidField, fields);
    let details = Status::from(fault.clone()).get_error_details();
    let named: Vec<&str> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(named, ["subject", "labels"]);
    let error = v1::Error::from(fault);
    assert_eq!(error.code, 3);
    assert_eq!(error.reason(), ErrorReason::InvalidField);
    assert_eq!(error.field_violations[1].description, "too many");
}

fn unwritable(error: AppendError) -> Refused {
    Refused::Unwritable(error)
}

fn failure() -> Failure {
    Failure { kind: FailureKind::Io, message: "the disk is gone".to_owned() }
}

/// One of each. The compiler does not hold this list against the enum; the match below does.
fn rejections() -> Vec<Rejection> {
    use Rejection as R;
    let digest = Digest::of(b"x");
    let all = vec![
        R::UnknownCase,
        R::AlreadyOpen,
        R::CaseClosed,
        R::EmptyPlan { policy: "p".to_owned() },
        R::TooLong { field: "subject", most: 1 },
        R::TooMany { what: "labels", most: 1 },
        R::NotOwner { agent: id("a") },
        R::StaleEpoch { given: Epoch(1), current: Epoch(2) },
        R::LeaseOver,
        R::NotRouting,
        R::NoSuchOffer { handoff: id("h") },
        R::NotOffered { handoff: id("h") },
        R::ContextMismatch { given: digest, current: digest },
        R::HandoffUnderWay,
        R::EscalationUnderWay,
        R::UnknownAction { action: id("a") },
        R::ProposalReused { proposal: id("p") },
        R::WrongStage { action: id("a"), stage: "denied" },
        R::StaleRevision { given: 0, current: 1 },
        R::StaleAttempt { given: 0, current: 1 },
        R::WrongPermit { permit: id("p") },
        R::PermitUsed { permit: id("p") },
        R::PermitExpired { permit: id("p") },
        R::WrongKey,
        R::InputMismatch,
        R::NotExecutor { agent: id("a") },
        R::ApprovalMismatch,
        R::NotAnApprover { person: id("p") },
        R::Involved { person: id("p") },
        R::AlreadyVoted { person: id("p") },
        R::UnknownPlan { plan: id("p") },
        R::PlanClosed { plan: id("p") },
        R::StaleStep,
        R::Unsettled { actions: vec![id("a")] },
        R::StaleApproval { action: id("a"), stage: "expired" },
        R::UnknownReason { code: id("mood"), known: vec![id("goodwill")] },
        R::ReasonMissing { known: vec![id("goodwill")] },
        R::AlreadyAsked { person: id("p") },
        R::UnknownQuestion { action: id("a"), question: 1 },
        R::AlreadyAnswered { action: id("a"), question: 1 },
        R::NotAsked { by: "person:p".to_owned() },
        R::HandedOver { person: id("p"), to: id("q") },
        R::DelegationCircle { from: id("p"), to: id("q") },
        R::DelegationTooDeep { from: id("p"), to: id("q") },
        R::CaseMerged { into: id("c") },
        R::NotSameMatter { other: id("c") },
        R::MergeUnderWay { into: id("c") },
        R::Standing { why: "it is held".to_owned() },
        R::ReportedMeanwhile,
        R::NotCompared { plan: id("p") },
    ];
    let mut places: Vec<usize> = all.iter().map(place).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), all.len(), "each once");
    assert_eq!(places.last().map(|last| last + 1), Some(all.len()), "and none left out");
    all
}

/// A number for each variant: a new one does not compile before it has one, and then has to be listed above.
fn place(rejection: &Rejection) -> usize {
    use Rejection as R;
    match rejection {
        R::UnknownCase => 0,
        R::AlreadyOpen => 1,
        R::CaseClosed => 2,
        R::EmptyPlan { .. } => 3,
        R::TooLong { .. } => 4,
        R::TooMany { .. } => 5,
        R::NotOwner { .. } => 6,
        R::StaleEpoch { .. } => 7,
        R::LeaseOver => 8,
        R::NotRouting => 9,
        R::NoSuchOffer { .. } => 10,
        R::NotOffered { .. } => 11,
        R::ContextMismatch { .. } => 12,
        R::HandoffUnderWay => 13,
        R::EscalationUnderWay => 14,
        R::UnknownAction { .. } => 15,
        R::ProposalReused { .. } => 16,
        R::WrongStage { .. } => 17,
        R::StaleRevision { .. } => 18,
        R::StaleAttempt { .. } => 19,
        R::WrongPermit { .. } => 20,
        R::PermitUsed { .. } => 21,
        R::PermitExpired { .. } => 22,
        R::WrongKey => 23,
        R::InputMismatch => 24,
        R::NotExecutor { .. } => 25,
        R::ApprovalMismatch => 26,
        R::NotAnApprover { .. } => 27,
        R::Involved { .. } => 28,
        R::AlreadyVoted { .. } => 29,
        R::UnknownPlan { .. } => 30,
        R::PlanClosed { .. } => 31,
        R::StaleStep => 32,
        R::Unsettled { .. } => 33,
        R::StaleApproval { .. } => 34,
        R::UnknownReason { .. } => 35,
        R::ReasonMissing { .. } => 36,
        R::AlreadyAsked { .. } => 37,
        R::UnknownQuestion { .. } => 38,
        R::AlreadyAnswered { .. } => 39,
        R::NotAsked { .. } => 40,
        R::HandedOver { .. } => 41,
        R::DelegationCircle { .. } => 42,
        R::DelegationTooDeep { .. } => 43,
        R::CaseMerged { .. } => 44,
        R::NotSameMatter { .. } => 45,
        R::MergeUnderWay { .. } => 46,
        R::Standing { .. } => 47,
        R::ReportedMeanwhile => 48,
        R::NotCompared { .. } => 49,
    }
}
