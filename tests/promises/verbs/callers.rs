//! The verbs of people and tools.

use std::collections::BTreeSet;

use belay_api::v1;
use tonic::Request;

use super::Play;
use crate::stage::agents::Wish;
use crate::stage::{request, said};

/// What people and tools do with cases, and what they may ask.
pub(super) async fn cases() -> BTreeSet<String> {
    let mut play = Play::begin().await;
    let (tool, olga) = (play.tool.clone(), play.stage.person("olga", &["operators"]));
    let cara = play.stage.person("cara", &["support"]);
    let case = play.stage.open("other").await;
    play.shows("CaseService/OpenCase", tool.story(&case).await.contains(&"case_opened".to_owned()));
    play.shows("CaseService/GetCase", tool.case(&case).await.summary.unwrap().id == case);
    let listed =
        tool.cases().list_cases(v1::ListCasesRequest::default()).await.unwrap().into_inner();
    play.shows("CaseService/ListCases", listed.cases.iter().any(|one| one.id == case));
    play.leaves("CaseService/UpdateCase", &case, "case_amended", async {
        let change = v1::UpdateCaseRequest {
            request_id: request(),
            case_id: case.clone(),
            subject: Some("renamed".to_owned()),
            ..Default::default()
        };
        tool.cases().update_case(change).await.unwrap();
    })
    .await;
    play.leaves("CaseService/AddContext", &case, "context_added", async {
        let add = v1::AddContextRequest {
            request_id: request(),
            case_id: case.clone(),
            entries: vec![said("more")],
        };
        tool.cases().add_context(add).await.unwrap();
    })
    .await;
    let explain = v1::ExplainCaseRequest { case_id: case.clone() };
    let told = tool.cases().explain_case(explain).await.unwrap().into_inner();
    play.shows("CaseService/ExplainCase", format!("{told:?}").contains(&case));
    let watch = v1::WatchCaseRequest { case_id: case.clone(), after_sequence: 0 };
    let first = tool.cases().watch_case(watch).await.unwrap().into_inner().message().await.unwrap();
    play.shows("CaseService/WatchCase", first.is_some());
    let mut all =
        tool.cases().watch_cases(v1::WatchCasesRequest::default()).await.unwrap().into_inner();
    let (one, other) = (play.stage.open("other").await, play.stage.open("other").await);
    play.shows("CaseService/WatchCases", all.message().await.unwrap().is_some());
    play.leaves("CaseService/TellCasesApart", &one, "matter_told_apart", async {
        let apart = v1::TellCasesApartRequest {
            request_id: request(),
            case_id: one.clone(),
            other_case_id: case.clone(),
            note: "two matters".to_owned(),
        };
        cara.cases().tell_cases_apart(apart).await.unwrap();
    })
    .await;
    let joined = v1::MergeCasesRequest {
        request_id: request(),
        case_id: one.clone(),
        other_case_id: other.clone(),
    };
    cara.cases().merge_cases(joined).await.unwrap();
    let both = [tool.story(&one).await, tool.story(&other).await].concat();
    play.shows(
        "CaseService/MergeCases",
        both.iter().any(|event| event.starts_with("merge_proposed") || event == "case_merged"),
    );
    let ends = play.stage.open("other").await;
    play.leaves("CaseService/ResolveCase", &ends, "case_resolved", async {
        let resolve = v1::ResolveCaseRequest {
            request_id: request(),
            case_id: ends.clone(),
            resolution_code: "resolved".to_owned(),
            note: String::new(),
        };
        cara.cases().resolve_case(resolve).await.unwrap();
    })
    .await;
    let (_agent, _said) = play.stage.agent_wishing("crm-1", vec![Wish::note("hello")]);
    let noted = play.stage.open("note").await;
    tool.sees_resolved(&noted).await;
    let explain = v1::ExplainActionRequest { action_id: format!("{noted}/a1") };
    let told = tool.cases().explain_action(explain).await.unwrap().into_inner();
    play.shows("CaseService/ExplainAction", told.ruling() == v1::Ruling::Authorized);

    play.shows("CoverageService/GetCoverage", tool.coverage(&case).await.coverage.is_some());
    let uncovered =
        tool.coverages().list_uncovered(v1::ListUncoveredRequest::default()).await.unwrap();
    play.shows("CoverageService/ListUncovered", uncovered.into_inner().total == 0);
    let status =
        olga.coverages().get_status(v1::GetStatusRequest::default()).await.unwrap().into_inner();
    play.shows("CoverageService/GetStatus", format!("{status:?}").len() > 20);

    let events = v1::ListEventsRequest { case_id: case.clone(), ..Default::default() };
    let events = olga.audit().list_events(events).await.unwrap().into_inner().events;
    play.shows("AuditService/ListEvents", events[0].event == "case_opened");
    let mut verified = olga
        .audit()
        .verify_journal(v1::VerifyJournalRequest::default())
        .await
        .unwrap()
        .into_inner();
    play.shows("AuditService/VerifyJournal", verified.message().await.unwrap().is_some());
    let mut exported =
        olga.audit().export_events(v1::ExportEventsRequest::default()).await.unwrap().into_inner();
    play.shows("AuditService/ExportEvents", exported.message().await.unwrap().is_some());

    let shown =
        olga.playbook().get_playbook(v1::GetPlaybookRequest::default()).await.unwrap().into_inner();
    play.shows("PlaybookService/GetPlaybook", format!("{shown:?}").contains("billing.refund@1"));
    let file = play.stage.room("playbook").join("routing.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("severity: high", "severity: low")).unwrap();
    let reload = v1::ReloadPlaybookRequest { request_id: request(), dry_run: false };
    let reloaded = olga.playbook().reload_playbook(reload).await.unwrap().into_inner();
    play.shows("PlaybookService/ReloadPlaybook", reloaded.changed);
    let routes =
        olga.playbook().check_routes(v1::CheckRoutesRequest {}).await.unwrap().into_inner().routes;
    play.shows("PlaybookService/CheckRoutes", !routes.is_empty());
    let who = v1::WhoCanRequest { contract: "billing.refund".to_owned(), ..Default::default() };
    let who = olga.playbook().who_can(who).await.unwrap().into_inner();
    play.shows("PlaybookService/WhoCan", format!("{who:?}").contains("billing-1"));
    let standings = v1::ListStandingsRequest { contract: String::new() };
    let standings = olga.playbook().list_standings(standings).await;
    play.shows("PlaybookService/ListStandings", standings.is_ok());
    play.played
}

/// What people do at the desk and with escalations.
pub(super) async fn people() -> BTreeSet<String> {
    let mut play = Play::begin().await;
    let cara = play.stage.person("cara", &["support"]);
    let case = play.stage.open("other").await;
    let ticket = cara.ticket(&case, "support-desk").await;
    let queues =
        cara.desk().list_queues(v1::ListQueuesRequest::default()).await.unwrap().into_inner();
    play.shows("DeskService/ListQueues", format!("{queues:?}").contains("support-desk"));
    play.shows("DeskService/ListTickets", ticket.case_id == case);
    let get = v1::GetTicketRequest { ticket_id: ticket.id.clone() };
    let found = cara.desk().get_ticket(get).await.unwrap().into_inner().ticket.unwrap();
    play.shows("DeskService/GetTicket", found.id == ticket.id);
    play.leaves("DeskService/TakeTicket", &case, "escalation_acknowledged", async {
        cara.take(&ticket.id).await.unwrap();
    })
    .await;
    let note = v1::AddNoteRequest {
        request_id: request(),
        ticket_id: ticket.id.clone(),
        note: "called them".to_owned(),
    };
    let noted = cara.desk().add_note(note).await.unwrap().into_inner();
    play.shows("DeskService/AddNote", format!("{noted:?}").contains("called them"));
    play.leaves("DeskService/GiveBackTicket", &case, "escalation_lapsed", async {
        cara.give_back(&ticket.id).await;
    })
    .await;
    let shift = v1::SetShiftRequest { request_id: request(), on_shift: false };
    let shift = cara.desk().set_shift(shift).await.unwrap().into_inner();
    play.shows("DeskService/SetShift", format!("{shift:?}").contains("cara"));
    let shift = v1::SetShiftRequest { request_id: request(), on_shift: true };
    cara.desk().set_shift(shift).await.unwrap();
    let settled = play.stage.open("other").await;
    let ticket = cara.ticket(&settled, "support-desk").await;
    cara.take(&ticket.id).await.unwrap();
    play.leaves("DeskService/ResolveTicket", &settled, "escalation_resolved", async {
        cara.settle(&ticket.id, "resolved").await;
    })
    .await;

    let (_agent, mut held) = play.stage.agent_keeping("crm-1");
    let kept = play.stage.open("note").await;
    held.recv().await.unwrap();
    play.leaves("EscalationService/OpenEscalation", &kept, "escalation_opened", async {
        let open = v1::OpenEscalationRequest {
            request_id: request(),
            case_id: kept.clone(),
            reason: "somebody should look".to_owned(),
            severity: 0,
        };
        cara.escalations().open_escalation(open).await.unwrap();
    })
    .await;
    let list = v1::ListEscalationsRequest { case_id: kept.clone(), ..Default::default() };
    let listed = cara.escalations().list_escalations(list).await.unwrap().into_inner().escalations;
    play.shows("EscalationService/ListEscalations", listed.len() == 1);
    let get = v1::GetEscalationRequest { escalation_id: listed[0].id.clone() };
    let found =
        cara.escalations().get_escalation(get).await.unwrap().into_inner().escalation.unwrap();
    play.shows("EscalationService/GetEscalation", found.id == listed[0].id);
    let ticket = cara.ticket(&kept, "support-desk").await;
    let rumour = v1::ReportRumourRequest {
        system: "desk".to_owned(),
        about: Some(v1::report_rumour_request::About::TicketId(ticket.id)),
    };
    let heard = play.tool.escalations().report_rumour(Request::new(rumour)).await;
    play.shows("EscalationService/ReportRumour", heard.is_ok());
    play.played
}
