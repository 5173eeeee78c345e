//! The files of a playbook, field by field, as they are written. The published JSON Schema is made from these types,
//! and every file is held against it, so that what an editor accepts is what Belay accepts.

mod agents;
mod calendars;
mod contract;
mod dictionary;
mod escalation;
mod graduation;
mod identity;
mod operations;
mod playbook;
mod routing;
mod systems;
mod text;

pub(crate) use agents::{AgentsFile, BoundaryFile};
pub(crate) use calendars::{CalendarRule, CalendarsFile, PeopleFile, ShiftRule};
pub(crate) use contract::{
    AnswerRule, AssertionRule, Compensation, ContractFile, ExecutorName, Failures, KeyOf, ModeName,
    OnDivergence, ReadBackRule, ReadRule, UndoStepRule, WriteRule,
};
pub(crate) use dictionary::{
    DictionaryFile, EqualityRule, FieldRule, FormName, LeadRule, MappingRule, RecordRule,
    TaxonomyFile, TypeName,
};
pub(crate) use escalation::{
    EscalationFile, ExhaustionName, OutsideName, SeverityRule, StepRule, SweepRule,
};
pub(crate) use graduation::GraduationRule;
pub(crate) use identity::{FactKind, IdentityFile, LookupRule, SoughtRule};
pub(crate) use operations::{
    CanaryRule, EncodingName, ExpectName, HeartbeatRule, HmacRule, HookLike, HookRule, KeyName,
    OperationsFile, SecretRule, TimeFormName, TimeRule,
};
pub(crate) use playbook::{ApprovalRule, BackoffRule, Defaults, OutsideText, PlaybookFile};
pub(crate) use routing::{RouteRule, RoutingFile};
pub(crate) use systems::{
    CredentialRule, LoginRule, PlaceRule, ReconcileRule, RemedyName, SendName, SystemKindName,
    SystemRule, SystemsFile,
};
pub(crate) use text::{Amount, FORMS, Length};
