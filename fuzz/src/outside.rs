//! What systems outside answer, over HTTP as it is spoken. Bytes are cut into answers, and each kind of question gets
//! one of them.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use belay_connect::business::{Body, BusinessConfig, ReadRequest, WriteRequest};
use belay_connect::{
    BusinessSystem, Credential, HumanQueue, NewTicket, RequestTracker, RequestTrackerConfig,
};
use belay_domain::Severity;
use belay_playbook::{Answer, CaseFacts, Playbook, Reads};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Separates one answer from the next. It never occurs in UTF-8.
const CUT: u8 = 0xff;

/// What may be asked, in the order of the answers.
const QUESTIONS: &[&str] =
    &["/history", "/attachments", "/user/", "/group/", "/Owners", "/queue/", "/tickets", "/ticket"];

const STATUSES: &[u16] = &[200, 201, 204, 302, 401, 404, 412, 429, 500];

#[derive(Clone)]
struct Scripted {
    status: u16,
    tag: Option<u8>,
    body: Vec<u8>,
}

static ANSWERS: Mutex<Vec<Scripted>> = Mutex::new(Vec::new());

struct Outside {
    runtime: Runtime,
    tracker: RequestTracker,
    business: BusinessSystem,
    playbook: Playbook,
}

static OUTSIDE: LazyLock<Outside> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let within = runtime.enter();
    let tracker = RequestTracker::new(RequestTrackerConfig {
        base_url: url.clone(),
        token: "hush".to_owned().into(),
        account: "belay-svc".parse().expect("an id"),
        machines: ["autobot".parse().expect("an id")].into(),
        case_field: "belay-case-id".to_owned(),
        correlation_field: "belay-correlation-id".to_owned(),
        resolution_field: Some("resolution".to_owned()),
        resolutions: std::collections::BTreeMap::new(),
        statuses: RequestTrackerConfig::default_statuses(),
        timeout: Duration::from_secs(1),
        roots_pem: None,
    });
    let business = BusinessSystem::new(BusinessConfig {
        base_url: url,
        read_credential: Credential::None,
        write_credential: Credential::None,
        timeout: Duration::from_secs(1),
        answer_max: 64 * 1024,
        roots_pem: None,
    });
    drop(within);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks/support-desk");
    let playbook = Playbook::load(&folder).expect("the playbook");
    let (tracker, business) = (tracker.expect("an address"), business.expect("an address"));
    Outside { runtime, tracker, business, playbook }
});

/// Request Tracker, read and written. The first byte says what is asked of it.
pub fn request_tracker(data: &[u8]) {
    let Some((what, rest)) = data.split_first() else { return };
    script(rest);
    let Outside { runtime, tracker, .. } = &*OUTSIDE;
    let ticket = "7".parse().expect("an id");
    let queue = "billing-escalations".parse().expect("an id");
    let asking = async {
        match what % 5 {
            0 => drop(tracker.read(&ticket, &queue).await),
            1 => drop(tracker.find(&"c-1/e1/r1s1".parse().expect("an id")).await),
            2 => drop(tracker.inspect(&queue).await),
            3 => drop(tracker.create(&new_ticket()).await),
            _ => drop(tracker.withdraw(&ticket, "the matter is settled").await),
        }
    };
    runtime.block_on(asking);
}

/// A system of record: what it answers to a read and to a write, and what the contracts make of that.
pub fn http_answers(data: &[u8]) {
    script(data);
    let Outside { runtime, business, playbook, .. } = &*OUTSIDE;
    let read = ReadRequest {
        method: "GET".to_owned(),
        path: "/ticket".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::None,
    };
    let write = WriteRequest {
        method: "POST".to_owned(),
        path: "/ticket".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Body::None,
        idempotency: None,
    };
    runtime.block_on(async {
        let _ = business.read(&read).await;
        let _ = business.write(&write).await;
    });
    let Some(answer) = answer_to("/ticket") else { return };
    let shown = String::from_utf8_lossy(&answer.body).into_owned();
    let case = case();
    let answer = Answer::from_http(answer.status, &answer.body);
    let input = INPUT.to_string();
    for contract in playbook.contracts().map(|contract| contract.id().clone()) {
        let _ = playbook.judge_readback(&contract, &input, &case, &answer);
        let _ = playbook.standing(&contract, &input, &case, &answer);
        if let Ok(mut way) = playbook.way_back(&contract, &input, &case, &shown) {
            let _ = (way.judge(&answer), way.see(0, &answer), way.left(0));
            let _ = way.write(0, &Reads::default());
        }
    }
}

static INPUT: LazyLock<serde_json::Value> = LazyLock::new(|| {
    serde_json::json!({
        "customer_id": "c-1", "charge_id": "ch-1", "amount_minor": 500, "currency": "USD",
        "reason": "duplicate-charge", "text": "a note", "order_id": "o-1", "record_id": "r-1",
    })
});

fn case() -> CaseFacts {
    CaseFacts {
        tenant: "default".parse().expect("an id"),
        id: "c-1".parse().expect("an id"),
        kind: "refund".to_owned(),
        severity: None,
        channel: "mail".to_owned(),
        customer: "c-1".to_owned(),
        subject: "charged twice".to_owned(),
        labels: Vec::new(),
    }
}

fn new_ticket() -> NewTicket {
    NewTicket {
        case: "c-1".parse().expect("an id"),
        correlation: "c-1/e1/r1s1".parse().expect("an id"),
        queue: "billing-escalations".parse().expect("an id"),
        subject: "Refund stuck".to_owned(),
        body: "Why".to_owned(),
        severity: Severity::Normal,
    }
}

/// Cuts bytes into answers: a status, a tag, and what is said.
fn script(data: &[u8]) {
    let answers = data.split(|byte| *byte == CUT).take(QUESTIONS.len());
    let answers = answers.filter_map(|answer| {
        let [status, tag, body @ ..] = answer else { return None };
        let status = STATUSES[usize::from(*status) % STATUSES.len()];
        Some(Scripted { status, tag: Some(*tag).filter(|tag| *tag > 0), body: body.to_vec() })
    });
    *ANSWERS.lock().unwrap_or_else(PoisonError::into_inner) = answers.collect();
}

fn answer_to(path: &str) -> Option<Scripted> {
    let answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    let kind = QUESTIONS.iter().position(|question| path.contains(question)).unwrap_or(0);
    answers.get(kind % answers.len().max(1)).cloned()
}

/// Just enough of a server.
async fn serve(mut stream: TcpStream) {
    let mut asked = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = asked.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read_buf(&mut asked).await {
                Ok(1..) => {}
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&asked[..end]).to_ascii_lowercase();
        let length = head.split("content-length:").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next()?.trim().parse().ok());
        let length: usize = length.unwrap_or(0);
        while asked.len() < end + length {
            match stream.read_buf(&mut asked).await {
                Ok(1..) => {}
                _ => return,
            }
        }
        let line = String::from_utf8_lossy(&asked[..end]).into_owned();
        let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let answer = answer_to(path);
        let answer = answer.unwrap_or(Scripted { status: 404, tag: None, body: Vec::new() });
        asked.drain(..end + length);
        let tag = answer.tag.map(|tag| format!("ETag: \"{tag}\"\r\n")).unwrap_or_default();
        // Nothing follows a 204.
        let body = if answer.status == 204 { &[][..] } else { &answer.body };
        let head = format!(
            "HTTP/1.1 {} x\r\n{tag}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.status,
            body.len()
        );
        if stream.write_all(&[head.as_bytes(), body].concat()).await.is_err() {
            return;
        }
    }
}
