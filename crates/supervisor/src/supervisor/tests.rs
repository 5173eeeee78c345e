use std::path::Path;
use std::time::Duration;

use belay_api::v1;
use belay_api::v1::approval_service_client::ApprovalServiceClient;
use belay_api::v1::audit_service_client::AuditServiceClient;
use belay_api::v1::case_service_client::CaseServiceClient;
use belay_api::v1::coverage_service_client::CoverageServiceClient;
use belay_api::v1::desk_service_client::DeskServiceClient;
use belay_api::v1::playbook_service_client::PlaybookServiceClient;
use belay_transport::authority::DevAuthority;
use belay_transport::channel::{Bearer, connect};
use belay_transport::issuer::DevIssuer;
use belay_transport::person::Person;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::*;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_opened_taken_by_a_person_resolved_and_never_forgotten() {
    let bed = Bed::start().await;
    let tool = bed.tool("intake").await;
    let opened = CaseServiceClient::new(tool.clone()).open_case(report("r-1")).await.unwrap();
    let opened = opened.into_inner();
    assert!(opened.opened);
    let id = opened.case.unwrap().summary.unwrap().id;

    let again = CaseServiceClient::new(tool.clone()).open_case(report("r-1")).await.unwrap();
    assert!(again.into_inner().opened, "the same answer again");
    let other = v1::OpenCaseRequest { subject: "another".to_owned(), ..report("r-1") };
    let refused = CaseServiceClient::new(tool.clone()).open_case(other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::AlreadyExists, "KEY_REUSED".to_owned()));

    // Nobody covers it before ana has taken the ticket and Belay has seen that she did.
    let mut watch = bed.watch(&id).await;
    let ana = bed.person("ana", &["support"]).await;
    let mut desk = DeskServiceClient::new(ana.clone());
    let ticket = bed.ticket(&mut desk).await;
    let summary = bed.case(&id).await.summary.unwrap();
    assert_ne!(summary.coverage(), v1::CoverageKind::Covered);
    desk.take_ticket(take("t-1", &ticket)).await.unwrap();
    desk.take_ticket(take("t-1", &ticket)).await.expect("the same answer again");
    watch.until("escalation_acknowledged").await;
    let explained = bed.explain(&id).await;
    assert!(explained.headline.starts_with("ana of desk/support holds"), "{}", explained.headline);

    let resolve = v1::ResolveTicketRequest {
        request_id: "t-2".to_owned(),
        ticket_id: ticket.clone(),
        resolution_code: "resolved".to_owned(),
        note: "called back".to_owned(),
    };
    desk.resolve_ticket(resolve).await.unwrap();
    watch.until("case_resolved").await;
    watch.ends().await;

    let bed = bed.restart().await;
    let case = bed.case(&id).await;
    assert_eq!(case.resolution.unwrap().by.unwrap().id, "ana");
    assert_eq!(bed.verify().await, (true, case.sequence));
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_what_is_not_theirs() {
    let bed = Bed::start().await;
    let tool = bed.tool("intake").await;
    let opened = CaseServiceClient::new(tool.clone()).open_case(report("r-1")).await.unwrap();
    let id = opened.into_inner().case.unwrap().summary.unwrap().id;
    let get = || v1::GetCaseRequest { case_id: id.clone() };

    let agent = bed.channel(&bed.authority.agent("helper").unwrap()).await;
    let refused = CaseServiceClient::new(agent).get_case(get()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::PermissionDenied, "NOT_ALLOWED".to_owned())
    );

    let stranger = bed.person_of("zoe", &["support"], "other").await;
    let refused = CaseServiceClient::new(stranger.clone()).get_case(get()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "UNKNOWN_CASE".to_owned()));
    let theirs = CaseServiceClient::new(stranger).list_cases(v1::ListCasesRequest::default()).await;
    assert!(theirs.unwrap().into_inner().cases.is_empty());

    let take = DeskServiceClient::new(tool.clone()).take_ticket(take("t-1", "desk-1")).await;
    let refused = take.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::Unauthenticated, "UNKNOWN_IDENTITY".to_owned())
    );

    let approve = v1::ApproveRequest {
        request_id: "a-1".to_owned(),
        approval_id: format!("{id}/a1"),
        shown_digest: "00".repeat(32),
        note: String::new(),
    };
    let ana = bed.person("ana", &["support"]).await;
    let refused = ApprovalServiceClient::new(ana.clone()).approve(approve).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "UNKNOWN_APPROVAL".to_owned()));

    let reload = v1::ReloadPlaybookRequest { request_id: "p-1".to_owned(), dry_run: true };
    let refused = PlaybookServiceClient::new(ana).reload_playbook(reload).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_ALLOWED");
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_audit_and_playbook_say_what_is_there() {
    let bed = Bed::start().await;
    let tool = bed.tool("intake").await;
    let mut cases = CaseServiceClient::new(tool.clone());
    for number in 0..5 {
        cases.open_case(report(&format!("r-{number}"))).await.unwrap();
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page_token = std::mem::take(&mut token);
        let request = v1::ListCasesRequest { page_size: 2, page_token, ..Default::default() };
        let page = cases.list_cases(request).await.unwrap().into_inner();
        seen.extend(page.cases.into_iter().map(|case| case.id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let uncovered = v1::ListUncoveredRequest { include_pending: true, ..Default::default() };
    let uncovered = CoverageServiceClient::new(tool.clone()).list_uncovered(uncovered).await;
    let uncovered = uncovered.unwrap().into_inner();
    assert_eq!((uncovered.total, uncovered.cases.len()), (5, 5));

    let events = v1::ListEventsRequest { case_id: seen[0].clone(), ..Default::default() };
    let events = AuditServiceClient::new(tool.clone()).list_events(events).await.unwrap();
    assert_eq!(events.into_inner().events[0].event, "case_opened");

    let playbook = PlaybookServiceClient::new(tool.clone())
        .get_playbook(v1::GetPlaybookRequest {})
        .await
        .unwrap()
        .into_inner()
        .playbook
        .unwrap();
    assert_eq!((playbook.name.as_str(), playbook.version.len()), ("small", 64));
    let boundaries: Vec<_> = playbook.boundaries.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(boundaries, ["nothing", "spare"], "also those that no agent has");
    assert_eq!(playbook.policies, ["nobody-writes"]);
    let route = playbook.routes.iter().map(|route| {
        (route.name.as_str(), route.condition.as_str(), route.escalation_policy.as_str())
    });
    let route: Vec<_> = route.collect();
    assert_eq!(route, [("rule 1", "kind: [help]", "takeover"), ("otherwise", "", "takeover")]);
    assert!(playbook.routes[0].target.is_some() && playbook.routes[1].target.is_none());
    let mut playbooks = PlaybookServiceClient::new(tool.clone());
    let routes = playbooks.check_routes(v1::CheckRoutesRequest {});
    let routes = routes.await.unwrap().into_inner().routes;
    assert_eq!(
        (routes[0].queue.as_str(), routes[0].people, routes[0].reachable),
        ("support", 1, true)
    );

    std::fs::write(bed.playbook().join("routing.yaml"), "otherwise: {to: nobody}").unwrap();
    let operator = bed.person("olga", &["operators"]).await;
    let reload = v1::ReloadPlaybookRequest { request_id: "p-1".to_owned(), dry_run: false };
    let refused = PlaybookServiceClient::new(operator).reload_playbook(reload).await.unwrap_err();
    assert_eq!(reason(&refused), "PLAYBOOK_INVALID");
    let details = refused.get_error_details();
    let places = &details.precondition_failure().unwrap().violations;
    assert!(places[0].subject.starts_with("routing.yaml:"), "{places:?}");
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_playbook_brings_its_queues_staff_and_systems_or_does_not_come_into_force() {
    let bed = Bed::start().await;
    let ben = bed.person("ben", &["support"]).await;
    let mut desk = DeskServiceClient::new(ben);
    let tool = bed.tool("intake").await;
    CaseServiceClient::new(tool).open_case(report("r-1")).await.unwrap();
    let ticket = bed.ticket(&mut DeskServiceClient::new(bed.person("ana", &[]).await)).await;
    let refused = desk.take_ticket(take("t-1", &ticket)).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_ON_STAFF");

    // What cannot be connected does not come into force, and neither does anything else of that playbook.
    let with_ben = SYSTEMS.replace("staff: [ana]", "staff: [ana, ben]");
    let with_ben = with_ben + "      ben: {name: Ben}\n";
    let shop = "  shop:\n    kind: http\n    base_url: ${BELAY_TEST_NOT_SET}\n";
    std::fs::write(bed.playbook().join("systems.yaml"), format!("{with_ben}{shop}")).unwrap();
    for dry_run in [true, false] {
        let refused = bed.reload("p-1", dry_run).await.unwrap_err();
        assert_eq!(reason(&refused), "PLAYBOOK_INVALID");
        let details = refused.get_error_details();
        let violation = &details.precondition_failure().unwrap().violations[0];
        assert_eq!(violation.subject, "systems.yaml");
        let said = &violation.description;
        assert!(said.contains("shop") && said.contains("BELAY_TEST_NOT_SET"), "{said}");
    }
    let refused = desk.take_ticket(take("t-2", &ticket)).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_ON_STAFF", "the old one stays in force");

    std::fs::write(bed.playbook().join("systems.yaml"), &with_ben).unwrap();
    assert!(bed.reload("p-2", true).await.unwrap().changed);
    let refused = desk.take_ticket(take("t-3", &ticket)).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_ON_STAFF", "a dry run changes nothing");
    assert!(bed.reload("p-3", false).await.unwrap().changed);
    let taken = desk.take_ticket(take("t-4", &ticket)).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!(taken.holder, "ben");
    bed.running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_leaves_says_so_and_ends_what_streams() {
    let bed = Bed::start().await;
    let tool = bed.tool("probe").await;
    let mut health = HealthClient::new(tool.clone());
    let check = HealthCheckRequest { service: "belay.v1.CaseService".to_owned() };
    let mut watching = health.watch(check.clone()).await.unwrap().into_inner();
    assert_eq!(watching.message().await.unwrap().unwrap().status, 1, "serving");
    let request = v1::WatchCasesRequest::default();
    let cases = CaseServiceClient::new(tool.clone()).watch_cases(request).await;
    let mut cases = cases.unwrap().into_inner();
    let first = cases.message().await.unwrap().unwrap().message.unwrap();
    assert!(matches!(first, v1::watch_cases_response::Message::CaughtUp(_)));

    let draining = tokio::spawn(bed.running.drain());
    assert_eq!(watching.message().await.unwrap().unwrap().status, 2, "not serving");
    let ended = cases.message().await.unwrap_err();
    assert_eq!(reason(&ended), "DRAINING");
    let drained = tokio::time::timeout(PATIENCE, draining).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playbook_with_errors_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("playbook");
    write_playbook(&folder);
    std::fs::remove_file(folder.join("taxonomy.yaml")).unwrap();
    let config = Config::development(&directory.path().join("data"), &folder);
    let refused = Supervisor::start(config).await.unwrap_err();
    assert!(matches!(refused, StartError::Playbook(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_supervisors_do_not_share_one_journal() {
    let bed = Bed::start().await;
    let refused = Supervisor::start(bed.config()).await.unwrap_err();
    assert!(matches!(refused, StartError::Journal(_)), "{refused}");
    bed.running.drain().await;
}

struct Bed {
    running: Running,
    authority: DevAuthority,
    issuer: DevIssuer,
    directory: tempfile::TempDir,
}

type Authenticated = InterceptedService<Channel, Bearer>;

impl Bed {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        write_playbook(&directory.path().join("playbook"));
        Self::serve(directory).await
    }

    async fn serve(directory: tempfile::TempDir) -> Self {
        let running = Supervisor::start(config(directory.path())).await.unwrap();
        let identity = directory.path().join("data/identity");
        Self {
            running,
            authority: DevAuthority::open_or_create(&identity).unwrap(),
            issuer: DevIssuer::open_or_create(&identity).unwrap(),
            directory,
        }
    }

    async fn restart(self) -> Self {
        let Self { running, directory, .. } = self;
        tokio::time::timeout(PATIENCE, running.drain()).await.unwrap();
        Self::serve(directory).await
    }

    fn config(&self) -> Config {
        config(self.directory.path())
    }

    fn playbook(&self) -> PathBuf {
        self.directory.path().join("playbook")
    }

    async fn channel(&self, identity: &belay_transport::tls::Identity) -> Channel {
        let endpoint = format!("https://localhost:{}", self.running.address().port());
        connect(&endpoint, identity.clone()).await.unwrap()
    }

    async fn tool(&self, name: &str) -> Channel {
        self.channel(&self.authority.tool(name).unwrap()).await
    }

    async fn person(&self, name: &str, groups: &[&str]) -> Authenticated {
        self.person_of(name, groups, "default").await
    }

    async fn person_of(&self, name: &str, groups: &[&str], tenant: &str) -> Authenticated {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let person = Person { id: name.to_owned(), groups, tenant: tenant.to_owned() };
        let now = belay_domain::Timestamp::now();
        let token = self.issuer.issue_token(&person, Duration::from_secs(60), now).unwrap();
        InterceptedService::new(self.tool("cli").await, Bearer::new(&token).unwrap())
    }

    async fn case(&self, id: &str) -> v1::Case {
        let request = v1::GetCaseRequest { case_id: id.to_owned() };
        let mut cases = CaseServiceClient::new(self.tool("cli").await);
        cases.get_case(request).await.unwrap().into_inner().case.unwrap()
    }

    async fn explain(&self, id: &str) -> v1::ExplainCaseResponse {
        let request = v1::ExplainCaseRequest { case_id: id.to_owned() };
        let mut cases = CaseServiceClient::new(self.tool("cli").await);
        cases.explain_case(request).await.unwrap().into_inner()
    }

    /// The only ticket of the desk, once it is there.
    async fn ticket(&self, desk: &mut DeskServiceClient<Authenticated>) -> String {
        let looking = async {
            loop {
                let request = v1::ListTicketsRequest::default();
                let found = desk.list_tickets(request).await.unwrap().into_inner().tickets;
                if let Some(ticket) = found.first() {
                    return ticket.id.clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap()
    }

    /// Asks for the playbook to be loaded again.
    async fn reload(
        &self,
        request: &str,
        dry_run: bool,
    ) -> Result<v1::ReloadPlaybookResponse, Status> {
        let mut playbooks = PlaybookServiceClient::new(self.person("olga", &["operators"]).await);
        let request = v1::ReloadPlaybookRequest { request_id: request.to_owned(), dry_run };
        playbooks.reload_playbook(request).await.map(tonic::Response::into_inner)
    }

    async fn watch(&self, id: &str) -> Watch {
        let request = v1::WatchCaseRequest { case_id: id.to_owned(), after_sequence: 0 };
        let mut cases = CaseServiceClient::new(self.tool("cli").await);
        Watch { stream: cases.watch_case(request).await.unwrap().into_inner(), sequence: 0 }
    }

    /// Whether the journal is intact, and how many events it has.
    async fn verify(&self) -> (bool, u64) {
        let operator = self.person("olga", &["operators"]).await;
        let mut audit = AuditServiceClient::new(operator);
        let request = v1::VerifyJournalRequest::default();
        let mut stream = audit.verify_journal(request).await.unwrap().into_inner();
        let mut report = None;
        while let Some(answer) = stream.message().await.unwrap() {
            if let Some(v1::verify_journal_response::Message::Report(found)) = answer.message {
                report = Some(found);
            }
        }
        let report = report.unwrap();
        (report.intact, report.events_checked)
    }
}

struct Watch {
    stream: tonic::Streaming<v1::WatchCaseResponse>,
    sequence: u64,
}

impl Watch {
    /// Reads until an event of this name; the events come without gaps.
    async fn until(&mut self, event: &str) {
        let reading = async {
            while let Some(answer) = self.stream.message().await.unwrap() {
                let Some(v1::watch_case_response::Message::Update(update)) = answer.message else {
                    continue;
                };
                assert_eq!(update.sequence, self.sequence + 1);
                self.sequence = update.sequence;
                if update.event == event {
                    return;
                }
            }
            panic!("the watch ended before {event}")
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
    }

    /// Reads until the stream ends by itself.
    async fn ends(&mut self) {
        let reading = async { while self.stream.message().await.unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
    }
}

fn config(directory: &Path) -> Config {
    let folder = directory.join("playbook");
    let mut config = Config::development(&directory.join("data"), &folder);
    config.listen.set_port(0);
    config
}

fn report(request: &str) -> v1::OpenCaseRequest {
    v1::OpenCaseRequest {
        request_id: request.to_owned(),
        subject: "charged twice".to_owned(),
        ..v1::OpenCaseRequest::default()
    }
}

fn take(request: &str, ticket: &str) -> v1::TakeTicketRequest {
    v1::TakeTicketRequest { request_id: request.to_owned(), ticket_id: ticket.to_owned() }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map_or_else(String::new, |info| info.reason.clone())
}

/// People and a desk, no agents' work.
fn write_playbook(folder: &Path) {
    let files = [
        ("playbook.yaml", PLAYBOOK),
        ("systems.yaml", SYSTEMS),
        (
            "routing.yaml",
            "rules:\n  - {when: {kind: [help]}, to: role help, takeover: takeover}\notherwise: {to: people, takeover: takeover}\n",
        ),
        (
            "agents.yaml",
            "roles:\n  help: helps\nagents:\n  helper: {roles: [help], boundary: nothing, operators: [olga]}\n",
        ),
        ("taxonomy.yaml", "resolutions:\n  resolved: {title: Done, means: resolve}\n"),
        ("boundaries/nothing.yaml", "name: nothing\ncontracts: []\n"),
        ("boundaries/spare.yaml", "name: spare\ncontracts: []\n"),
        ("policies/none.cedar", "@id(\"nobody-writes\")\nforbid (principal, action, resource);\n"),
        (
            "escalations/takeover.yaml",
            "name: takeover\nsteps:\n  - {queue: desk/support, acknowledge_within: 5m, work_within: 1h}\nbackoff: {first: 1m, most: 15m}\n",
        ),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

const SYSTEMS: &str = "\
systems:
  desk:
    kind: desk
    queues:
      support: {description: People, staff: [ana]}
    people:
      ana: {name: Ana}
";

const PLAYBOOK: &str = r#"name: small
groups:
  leads: agree
tiers:
  "1": {quorum: 1, groups: [leads], decide_within: 30m, escalation: takeover}
  "2": {quorum: 1, groups: [leads], decide_within: 30m, escalation: takeover}
  "3": {quorum: 1, groups: [leads], decide_within: 30m, escalation: takeover}
defaults:
  severity: normal
  lease: 15s
  seek_within: 30s
  offer_within: 10s
  bounces_max: 3
  freshness: 60s
  look_every: 20s
  permit_within: 60s
  outcome_within: 30s
  settle_within: 15s
  verify_within: 10m
  attempts_max: 4
  backoff: {first: 2s, most: 1m}
"#;
