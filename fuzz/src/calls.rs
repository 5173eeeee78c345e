//! Every method of the contract, called with any bytes on a real supervisor, without the network; and the stream of
//! an agent.

use std::path::Path;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;

use belay_api::v1;
use belay_supervisor::{Assembled, Config, Supervisor, Surroundings};
use belay_transport::issuer::DevIssuer;
use belay_transport::peer::Peer;
use belay_transport::person::Person;
use belay_transport::thumbprint::Thumbprint;
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body as _, Frame};
use prost::Message;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::Code;
use tonic::body::Body;
use tower::ServiceExt;

/// Methods are only added at the end, so that the corpus keeps its meaning.
const METHODS: &[&str] = &[
    "AgentRegistryService/ListAgents",
    "ApprovalService/ListApprovals",
    "ApprovalService/GetApproval",
    "ApprovalService/Approve",
    "ApprovalService/Reject",
    "ApprovalService/Amend",
    "ApprovalService/Ask",
    "ApprovalService/Answer",
    "ApprovalService/Delegate",
    "ApprovalService/TakeOver",
    "AuditService/ListEvents",
    "AuditService/VerifyJournal",
    "AuditService/ExportEvents",
    "CaseService/OpenCase",
    "CaseService/GetCase",
    "CaseService/ListCases",
    "CaseService/UpdateCase",
    "CaseService/AddContext",
    "CaseService/ResolveCase",
    "CaseService/ExplainCase",
    "CaseService/ExplainAction",
    "CaseService/WatchCase",
    "CaseService/WatchCases",
    "CoverageService/GetCoverage",
    "CoverageService/ListUncovered",
    "DeskService/ListQueues",
    "DeskService/ListTickets",
    "DeskService/GetTicket",
    "DeskService/TakeTicket",
    "DeskService/GiveBackTicket",
    "DeskService/AddNote",
    "DeskService/ResolveTicket",
    "DeskService/SetShift",
    "EscalationService/ListEscalations",
    "EscalationService/GetEscalation",
    "EscalationService/OpenEscalation",
    "EscalationService/ReportRumour",
    "PlaybookService/GetPlaybook",
    "PlaybookService/CheckRoutes",
];

/// A watch goes on; so much of it is heard.
const HEARD_FOR: Duration = Duration::from_millis(5);

/// Nothing takes longer than this, or something hangs.
const PATIENCE: Duration = Duration::from_secs(5);

struct House {
    _directory: TempDir,
    runtime: Runtime,
    supervisor: Assembled,
    token: String,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    // In memory where there is such a place, because every change waits for its disk.
    let shared = Path::new("/dev/shm");
    let directory =
        if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let directory = directory.expect("a directory");
    let playbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks/first-agent");
    let mut config = Config::development(&directory.path().join("data"), &playbook);
    config.shards = 1;
    let identities = config.data.join("identity");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let supervisor = runtime.block_on(Supervisor::assemble(config, Surroundings::default()));
    let person = Person {
        id: "kim".to_owned(),
        groups: vec!["operators".to_owned()],
        tenant: "default".to_owned(),
    };
    let issuer = DevIssuer::open_or_create(&identities).expect("the issuer");
    let day = Duration::from_secs(24 * 3600);
    let token = issuer.issue_token(&person, day, jiff::Timestamp::now()).expect("a token");
    let supervisor = supervisor.expect("a supervisor");
    House { _directory: directory, runtime, supervisor, token }
});

/// One call. The first byte says of what, the second by whom, and the rest is the message. Whatever it is, the answer
/// is gRPC and not our fault.
pub fn calls(data: &[u8]) {
    let [method, who, message @ ..] = data else { return };
    let method = METHODS[usize::from(*method) % METHODS.len()];
    let mut request = request(&format!("/belay.v1.{method}"), framed(message));
    match who % 3 {
        0 => present(&mut request, "tool/cli"),
        1 => present(&mut request, "agent/my-first-agent"),
        _ => {
            present(&mut request, "tool/cli");
            let token = format!("Bearer {}", HOUSE.token).parse().expect("a header");
            request.headers_mut().insert("authorization", token);
        }
    }
    let status = HOUSE.runtime.block_on(answered(request, Some(HEARD_FOR)));
    if let Some(status) = status {
        assert!(!matches!(status, Code::Internal | Code::Unknown), "{method}: {status:?}");
    }
}

/// The stream of an agent: it registers, and then says these messages, each with its length in one byte before it.
pub fn agent_messages(data: &[u8]) {
    use v1::connect_request::Message as Say;
    let say = |message| v1::ConnectRequest { message: Some(message), ..Default::default() };
    let register = v1::Register { capacity: 1, ..Default::default() };
    let mut said = framed(&say(Say::Register(register)).encode_to_vec());
    said.extend(framed(&say(Say::Credit(v1::Credit { messages: 100 })).encode_to_vec()));
    let mut rest = data;
    while let [length, more @ ..] = rest {
        let (message, after) = more.split_at(usize::from(*length).min(more.len()));
        said.extend(framed(message));
        rest = after;
    }
    let mut request = request("/belay.v1.AgentService/Connect", said);
    present(&mut request, "agent/my-first-agent");
    let status = HOUSE.runtime.block_on(answered(request, None));
    assert!(!matches!(status, Some(Code::Internal | Code::Unknown)), "{status:?}");
}

/// The status of an answer; none if it goes on for longer than it is heard.
async fn answered(request: Request<Body>, heard_for: Option<Duration>) -> Option<Code> {
    let answer = tokio::time::timeout(PATIENCE, HOUSE.supervisor.api().oneshot(request)).await;
    let Ok(answer) = answer.expect("an answer in time");
    assert_eq!(answer.status(), 200);
    if let Some(code) = code(answer.headers()) {
        return Some(code);
    }
    let mut body = answer.into_body();
    let reading = async {
        loop {
            let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
            match next.await {
                Some(Ok(frame)) => {
                    if let Some(code) = frame.trailers_ref().and_then(code) {
                        return code;
                    }
                }
                Some(Err(status)) => return status.code(),
                None => return Code::Ok,
            }
        }
    };
    match tokio::time::timeout(heard_for.unwrap_or(PATIENCE), reading).await {
        Ok(code) => Some(code),
        Err(_) => {
            assert!(heard_for.is_some(), "the stream does not end");
            None
        }
    }
}

fn code(headers: &HeaderMap) -> Option<Code> {
    Some(Code::from_bytes(headers.get("grpc-status")?.as_bytes()))
}

fn request(path: &str, body: Vec<u8>) -> Request<Body> {
    Request::post(format!("https://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Whole(Some(body.into()))))
        .expect("a request")
}

fn present(request: &mut Request<Body>, path: &str) {
    let spiffe = format!("spiffe://belay.local/{path}").parse().expect("an id");
    let remote = ([127, 0, 0, 1], 1).into();
    let certificate = Thumbprint::from([1; 32]);
    request.extensions_mut().insert(Peer { spiffe, certificate, remote });
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a length").to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// A request that is all there.
struct Whole(Option<Bytes>);

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}
