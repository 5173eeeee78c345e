//! Whatever is wrong with a call, whatever the method: a precise refusal, and nothing has changed.

use belay_api::FILE_DESCRIPTOR_SET;
use belay_api::v1;
use belay_api::v1::ErrorReason as Reason;
use belay_api::v1::connect_request::Message as Say;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};

use crate::stage::callers::{Caller, Refusal, refusal};
use crate::stage::line::Line;
use crate::stage::raw::Call;
use crate::stage::{Stage, request, said};

/// Larger than any message may be.
const TOO_LARGE: usize = 2 * 1024 * 1024;

#[tokio::test]
async fn no_method_takes_what_is_no_message() {
    check(async |stage, path| {
        let operator = stage.person("olga", &["operators"]);
        // A field of a length that is not there.
        let garbled = call(path, vec![0x0a, 0xff, 0xff, 0x03]);
        (garbled.on(operator.line()).await, Code::InvalidArgument, "INVALID_FIELD")
    })
    .await;
}

#[tokio::test]
async fn no_method_takes_a_message_that_is_too_large() {
    check(async |stage, path| {
        let operator = stage.person("olga", &["operators"]);
        let large = call(path, vec![0; TOO_LARGE]);
        (large.on(operator.line()).await, Code::ResourceExhausted, "TOO_LARGE")
    })
    .await;
}

#[tokio::test]
async fn no_method_of_people_and_tools_is_there_for_agents() {
    check(async |stage, path| {
        let agent = Caller::with(stage, stage.authority().agent("billing-1").unwrap(), None);
        (call(path, Vec::new()).on(agent.line()).await, Code::PermissionDenied, "NOT_ALLOWED")
    })
    .await;
}

#[tokio::test]
async fn no_method_believes_a_token_that_nobody_issued() {
    check(async |stage, path| {
        let cli = stage.authority().tool("cli").unwrap();
        let nobody = Caller::with(stage, cli, Some("nonsense"));
        (call(path, Vec::new()).on(nobody.line()).await, Code::Unauthenticated, "UNKNOWN_IDENTITY")
    })
    .await;
}

#[tokio::test]
async fn no_method_guesses_at_a_deadline_that_it_cannot_read() {
    check(async |stage, path| {
        let operator = stage.person("olga", &["operators"]);
        let odd = Call { timeout: Some("soon"), ..call(path, Vec::new()) };
        (odd.on(operator.line()).await, Code::InvalidArgument, "INVALID_FIELD")
    })
    .await;
}

#[tokio::test]
async fn an_empty_message_is_a_question_or_is_refused_with_what_is_missing() {
    let stage = Stage::start().await;
    let operator = stage.person("olga", &["operators"]);
    let before = events(&stage);
    let mut answered = Vec::new();
    for path in methods() {
        match call(&path, Vec::new()).on(operator.line()).await {
            Ok(_) => answered.push(path),
            Err(status) => {
                let found = refusal(Err::<(), _>(status));
                let told = !found.violations.is_empty() || found.reason.starts_with("UNKNOWN_");
                assert!(told, "{path}: {found:?}");
            }
        }
    }
    let changes = |path: &&String| {
        ["Get", "List", "Watch", "Verify", "Export", "Check"]
            .iter()
            .all(|verb| !path.rsplit('/').next().is_some_and(|method| method.starts_with(verb)))
    };
    assert_eq!(answered.iter().find(changes), None, "a change needs a request id");
    assert_eq!(events(&stage), before, "nothing has happened");
}

#[tokio::test]
async fn no_message_of_an_agent_does_anything_to_a_case_that_it_does_not_hold() {
    let stage = Stage::start().await;
    let mut owner = Line::open(&stage, "billing-1").await;
    let case = stage.open("refund").await;
    let held = owner.take_case().await;
    let mut other = Line::open(&stage, "crm-1").await;
    let tool = stage.tool();
    let before = tool.story(&case).await;
    for (what, message) in about_a_case(&case, held.epoch) {
        let (reason, error) = other.refused(message).await;
        assert_eq!(reason, Reason::NotOwner, "{what}: {error:?}");
    }
    for (what, message) in about_a_case("c-0000000000000000", held.epoch) {
        let (reason, error) = other.refused(message).await;
        assert_eq!(reason, Reason::UnknownCase, "{what}: {error:?}");
    }
    for (what, message) in about_a_case("no case at all", held.epoch) {
        let (reason, error) = other.refused(message).await;
        assert_eq!(reason, Reason::InvalidField, "{what}: {error:?}");
        assert!(error.field_violations.iter().any(|one| one.field == "case_id"), "{what}");
    }
    let after = tool.story(&case).await;
    let grown: Vec<_> =
        after[before.len()..].iter().filter(|event| *event != "lease_renewed").collect();
    assert!(grown.is_empty(), "{grown:?}");
}

#[tokio::test]
async fn no_message_of_an_agent_does_anything_to_a_case_that_is_closed() {
    let stage = Stage::start().await;
    let mut owner = Line::open(&stage, "billing-1").await;
    let case = stage.open("refund").await;
    let held = owner.take_case().await;
    owner.ask(resolved(&case, held.epoch)).await;
    let tool = stage.tool();
    let before = tool.story(&case).await;
    for (what, message) in about_a_case(&case, held.epoch) {
        if what == "resolve" {
            continue; // Its own repeat, which gets its first answer.
        }
        let (reason, error) = owner.refused(message).await;
        assert_eq!(reason, Reason::CaseClosed, "{what}: {error:?}");
    }
    assert_eq!(tool.story(&case).await, before);
}

/// Tries something on every method, which has to be refused so, and leave the journal as it was.
async fn check(
    try_it: impl AsyncFn(&Stage, &str) -> (Result<Vec<u8>, Status>, Code, &'static str),
) {
    let stage = Stage::start().await;
    let before = events(&stage);
    let mut wrong = Vec::new();
    for path in methods() {
        let (answer, code, reason) = try_it(&stage, &path).await;
        match answer {
            Ok(_) => wrong.push(format!("{path}: answered")),
            Err(status) => {
                let Refusal { code: found, reason: said, .. } = refusal(Err::<(), _>(status));
                if (found, said.as_str()) != (code, reason) {
                    wrong.push(format!("{path}: {found:?} {said}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(events(&stage), before, "nothing has happened");
}

fn call(path: &str, body: Vec<u8>) -> Call {
    Call { path: path.to_owned(), body, timeout: None }
}

/// Every method of the contract but the agents' stream, which has rules of its own.
fn methods() -> Vec<String> {
    let contract = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services = contract
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
    let methods: Vec<_> = services
        .flat_map(|(package, service)| {
            let named = move |method| format!("/{package}.{}/{method}", service.name());
            service.method.iter().map(move |method| named(method.name()))
        })
        .filter(|path| !path.ends_with("AgentService/Connect"))
        .collect();
    assert!(methods.len() > 30, "{methods:?}");
    methods
}

/// How many events the journal holds.
fn events(stage: &Stage) -> i64 {
    let file = stage.journal().join("journal.db");
    let open = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(file, open).unwrap();
    journal.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap()
}

/// Everything that an agent may say about a case it holds.
fn about_a_case(case: &str, epoch: u64) -> Vec<(&'static str, Say)> {
    let case_id = || case.to_owned();
    let target =
        v1::HandoffTarget { target: Some(v1::handoff_target::Target::Role("crm".to_owned())) };
    vec![
        (
            "propose",
            Say::Propose(v1::Propose {
                proposal_id: request(),
                case_id: case_id(),
                epoch,
                contract_id: "billing.refund".to_owned(),
                input_json: "{}".to_owned(),
                ..Default::default()
            }),
        ),
        (
            "hand off",
            Say::RequestHandoff(v1::RequestHandoff {
                request_id: request(),
                case_id: case_id(),
                epoch,
                target: Some(target),
                reason: "not mine".to_owned(),
                entries: Vec::new(),
            }),
        ),
        (
            "escalate",
            Say::RequestEscalation(v1::RequestEscalation {
                request_id: request(),
                case_id: case_id(),
                epoch,
                reason: "somebody should look".to_owned(),
                severity: 0,
            }),
        ),
        (
            "add context",
            Say::AddContext(v1::AddContext {
                request_id: request(),
                case_id: case_id(),
                epoch,
                entries: vec![said("something new")],
            }),
        ),
        (
            "release",
            Say::ReleaseCase(v1::ReleaseCase {
                case_id: case_id(),
                epoch,
                reason: "no time".to_owned(),
            }),
        ),
        ("resolve", resolved(case, epoch)),
    ]
}

fn resolved(case: &str, epoch: u64) -> Say {
    Say::ResolveCase(v1::ResolveCase {
        case_id: case.to_owned(),
        epoch,
        resolution_code: "resolved".to_owned(),
        note: String::new(),
    })
}
