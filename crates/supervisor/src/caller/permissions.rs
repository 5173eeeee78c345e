//! Which callers may call what, and how urgent each call is. One row for every method that is served; the tests
//! hold the rows against the contract.

use belay_api::v1::ErrorReason;
use belay_transport::limits::Lane;

use super::{Caller, Identity, no_person};
use crate::wire::Fault;

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Every process whose certificate is believed.
    Everybody,
    /// Agents, and nobody else.
    Agents,
    /// People with a token, and tools.
    PeopleAndTools,
    /// People with a token.
    People,
    /// People with a token of a group that runs this installation.
    Operators,
}

use Lane::{Command, Lifeline, Query};
use Who::{Agents, Everybody, Operators, People, PeopleAndTools};

/// The table.
pub(super) const TABLE: &[(&str, Who, Lane)] = &[
    // Coverage hangs on the agents' streams, so they come before everything else.
    ("/belay.v1.AgentService/Connect", Agents, Lifeline),
    ("/belay.v1.AgentRegistryService/ListAgents", PeopleAndTools, Query),
    // What a person decides or takes is what cases wait for longest.
    ("/belay.v1.ApprovalService/ListApprovals", PeopleAndTools, Query),
    ("/belay.v1.ApprovalService/GetApproval", PeopleAndTools, Query),
    ("/belay.v1.ApprovalService/Approve", People, Lifeline),
    ("/belay.v1.ApprovalService/Reject", People, Lifeline),
    ("/belay.v1.ApprovalService/Amend", People, Lifeline),
    ("/belay.v1.ApprovalService/Ask", People, Lifeline),
    ("/belay.v1.ApprovalService/Answer", People, Lifeline),
    ("/belay.v1.ApprovalService/Delegate", People, Lifeline),
    ("/belay.v1.ApprovalService/TakeOver", People, Lifeline),
    ("/belay.v1.AuditService/ListEvents", PeopleAndTools, Query),
    ("/belay.v1.AuditService/VerifyJournal", Operators, Query),
    ("/belay.v1.AuditService/ExportEvents", PeopleAndTools, Query),
    ("/belay.v1.CaseService/OpenCase", PeopleAndTools, Command),
    ("/belay.v1.CaseService/GetCase", PeopleAndTools, Query),
    ("/belay.v1.CaseService/ListCases", PeopleAndTools, Query),
    ("/belay.v1.CaseService/UpdateCase", PeopleAndTools, Command),
    ("/belay.v1.CaseService/AddContext", PeopleAndTools, Command),
    ("/belay.v1.CaseService/ResolveCase", People, Command),
    ("/belay.v1.CaseService/MergeCases", People, Command),
    ("/belay.v1.CaseService/TellCasesApart", People, Command),
    ("/belay.v1.CaseService/ExplainCase", PeopleAndTools, Query),
    ("/belay.v1.CaseService/ExplainAction", PeopleAndTools, Query),
    ("/belay.v1.CaseService/WatchCase", PeopleAndTools, Query),
    ("/belay.v1.CaseService/WatchCases", PeopleAndTools, Query),
    ("/belay.v1.CoverageService/GetCoverage", PeopleAndTools, Query),
    ("/belay.v1.CoverageService/ListUncovered", PeopleAndTools, Query),
    ("/belay.v1.CoverageService/GetStatus", Operators, Query),
    ("/belay.v1.DeskService/ListQueues", People, Query),
    ("/belay.v1.DeskService/ListTickets", People, Query),
    ("/belay.v1.DeskService/GetTicket", People, Query),
    ("/belay.v1.DeskService/TakeTicket", People, Lifeline),
    ("/belay.v1.DeskService/GiveBackTicket", People, Lifeline),
    ("/belay.v1.DeskService/AddNote", People, Lifeline),
    ("/belay.v1.DeskService/ResolveTicket", People, Lifeline),
    ("/belay.v1.DeskService/SetShift", People, Lifeline),
    ("/belay.v1.EscalationService/ListEscalations", PeopleAndTools, Query),
    ("/belay.v1.EscalationService/GetEscalation", PeopleAndTools, Query),
    // Asking for people can only add cover. A rumour only makes Belay look sooner, and may come in floods.
    ("/belay.v1.EscalationService/OpenEscalation", PeopleAndTools, Lifeline),
    ("/belay.v1.EscalationService/ReportRumour", PeopleAndTools, Command),
    ("/belay.v1.PlaybookService/GetPlaybook", PeopleAndTools, Query),
    ("/belay.v1.PlaybookService/ReloadPlaybook", Operators, Command),
    ("/belay.v1.PlaybookService/CheckRoutes", PeopleAndTools, Query),
    ("/belay.v1.PlaybookService/WhoCan", PeopleAndTools, Query),
    // What became of actions is counted over all tenants.
    ("/belay.v1.PlaybookService/ListStandings", Operators, Query),
    // What every gRPC client may ask of every server.
    ("/grpc.health.v1.Health/Check", Everybody, Lifeline),
    ("/grpc.health.v1.Health/List", Everybody, Query),
    ("/grpc.health.v1.Health/Watch", Everybody, Lifeline),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Everybody, Query),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Everybody, Query),
];

/// How urgent a call is. What is not served waits longest.
pub(crate) fn lane(path: &str) -> Lane {
    row(path).map_or(Query, |(_, lane)| lane)
}

/// Who may call a method; nobody, if it is not in the table.
pub(super) fn row(path: &str) -> Option<(Who, Lane)> {
    let found = TABLE.iter().find(|(method, _, _)| *method == path);
    found.map(|(_, who, lane)| (*who, *lane))
}

/// Whether a caller may call a method for these.
pub(super) fn authorize(who: Who, caller: &Caller, identity: &Identity) -> Result<(), Fault> {
    let refused = |what: &str| Err(Fault::new(ErrorReason::NotAllowed, what));
    match (who, caller) {
        (Who::Everybody, _)
        | (Who::Agents, Caller::Agent(_))
        | (Who::PeopleAndTools, Caller::Person(_) | Caller::Tool { .. })
        | (Who::People, Caller::Person(_)) => Ok(()),
        (Who::Operators, Caller::Person(_)) if identity.is_operator(caller) => Ok(()),
        (Who::Operators, Caller::Person(_)) => {
            refused("only people in a group that runs this installation may do this")
        }
        (Who::People | Who::Operators, Caller::Tool { .. }) => Err(no_person()),
        (Who::Agents, _) => refused("only agents may do this"),
        (_, Caller::Agent(_)) => refused("agents do their work on their own stream"),
        (_, Caller::Supervisor) => refused("supervisors may not do this"),
    }
}
