//! Clients that mean harm, against a whole supervisor. What only concerns the connection is tried in
//! `crates/transport/tests/hostile`; `docs/hostile-clients.md` has the table of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use belay_api::v1;
use belay_api::v1::connect_request::Message as Say;
use belay_api::v1::connect_response::Message as Hear;
use belay_transport::limits::LimitSettings;
use prost::Message;
use tonic::Code;

use crate::stage::agents::hear;
use crate::stage::bare::{Answer, Bare, Reading, answered, framed};
use crate::stage::callers::Caller;
use crate::stage::line::Line;
use crate::stage::{Stage, case_of, request, said, until, within};

/// What is tried: its name, the method, more headers, the body, and the answer that is due.
type Attempt<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Vec<u8>, Answer);

const CONNECT: &str = "/belay.v1.AgentService/Connect";

/// Large enough to work with, small enough that a single long message does not fit.
const WINDOW: u32 = 2 * 1024;

/// It says that it makes progress as long as anybody listens, and reads nothing. After ten seconds nobody listens
/// to it any more, its lease ends, its stream is reset, and another agent has the case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_stops_reading_is_cut_and_its_lease_ends() {
    let stage = short_leases().await;
    let (tool, case) = (stage.tool(), stage.open("refund").await);
    let identity = stage.authority().agent("billing-1").unwrap();
    let mut bare = Bare::connect(&stage, &identity, WINDOW).await;
    let (mut out, answer) = bare.open(CONNECT, &[]).await;
    let mut say = move |id: u64, message: Say| {
        let message = Some(message);
        let envelope = v1::ConnectRequest { message_id: id, message, ..Default::default() };
        out.send_data(framed(&envelope.encode_to_vec()).into(), false)
    };
    say(0, Say::Register(v1::Register { capacity: 1, ..Default::default() })).unwrap();
    say(0, Say::Credit(v1::Credit { messages: 1000 })).unwrap();
    let mut reading = Reading::of(answer).await;
    let epoch = loop {
        let heard: v1::ConnectResponse = reading.message().await;
        match heard.message {
            Some(Hear::HandoffOffer(offer)) => {
                let v1::HandoffOffer { handoff_id, context_digest, .. } = offer;
                let accept = v1::AcceptHandoff { handoff_id, context_digest };
                say(1, Say::AcceptHandoff(accept)).unwrap();
            }
            Some(Hear::CaseAssigned(assigned)) => break assigned.epoch,
            _ => {}
        }
    };
    let progressing = tokio::spawn({
        let case_id = case.clone();
        async move {
            let progress = v1::Progress { case_id, epoch, ..Default::default() };
            while say(0, Say::Progress(progress.clone())).is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    let stalled = Instant::now();
    let reset = tokio::spawn(async move {
        let reason = reading.stall(Duration::from_secs(60)).await;
        (reason, stalled.elapsed())
    });
    // More than fits through the window.
    let entries = vec![said(&"long ".repeat(2000))];
    let more = v1::AddContextRequest { request_id: request(), case_id: case.clone(), entries };
    tool.cases().add_context(more).await.expect("the context grows");
    tool.sees_event(&case, "lease_renewed", 3).await;
    let (_second, mut took) = stage.agent_keeping("billing-2");
    let (taken, later) = hear("the second agent to take it", &mut took).await;
    let passed = stalled.elapsed();
    assert_eq!((taken, later > epoch), (case, true));
    assert!(passed >= Duration::from_secs(10), "cut after {passed:?} already");
    let (reason, ended) = within("the end of the stream", reset).await.unwrap();
    assert_eq!(reason, Some(h2::Reason::CANCEL));
    assert!(ended < Duration::from_secs(20), "reset after {ended:?}");
    progressing.abort();
    println!(
        "measured: an agent that stops reading: another has its case after {passed:?}, its stream is reset after {ended:?}"
    );
}

/// `COV-7`: the line is alive, pings go to and fro, and no word of the case.
#[tokio::test]
async fn pings_renew_no_lease() {
    let often = Duration::from_millis(50);
    let stage = Stage::tuned(
        |playbook| playbook.edit("playbook.yaml", "lease: 5s", "lease: 1s"),
        |config| config.connections.keepalive_every = often,
    )
    .await;
    let case = stage.open("refund").await;
    let mut quiet = Line::open(&stage, "billing-1").await;
    let assigned = quiet.take_case().await;
    let began = Instant::now();
    let lost = quiet
        .next("the loss of the lease", |message| match message {
            Hear::LeaseLost(lost) => Some(lost.clone()),
            _ => None,
        })
        .await;
    assert_eq!((lost.case_id, lost.epoch), (case, assigned.epoch));
    let took = began.elapsed();
    println!("measured: a lease of 1 s with a ping every {often:?}: lost after {took:?}");
    // On a line that is as good as ever.
    let answer = quiet.ask(Say::Drain(v1::Drain::default())).await;
    assert!(matches!(answer, Hear::Done(_)), "{answer:?}");
}

/// Questions come in floods; what keeps cases covered gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_questions_costs_no_lease_and_no_acknowledgement() {
    let stage = Stage::tuned(
        |playbook| playbook.edit("playbook.yaml", "lease: 5s", "lease: 2s"),
        |config| {
            let mut limits = LimitSettings::default();
            limits.lifeline.places = 8;
            limits.command.places = 7;
            limits.query.places = 1;
            limits.query.waiting_max = 1;
            config.limits = limits;
        },
    )
    .await;
    let (tool, held) = (stage.tool(), stage.open("refund").await);
    let (_agent, mut took) = stage.agent_keeping("billing-1");
    hear("the agent to take it", &mut took).await;
    let asked = stage.open("other").await;
    let person = stage.person("cara", &[]);
    let ticket = person.ticket(&asked, "support-desk").await.id;

    let (answered, shed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let flood: Vec<_> = (0..128)
        .map(|place| {
            let (answered, shed) = (Arc::clone(&answered), Arc::clone(&shed));
            let caller = if place % 16 == 0 { Caller::tool(&stage) } else { tool.clone() };
            tokio::spawn(async move {
                loop {
                    match caller.cases().list_cases(v1::ListCasesRequest::default()).await {
                        Ok(_) => answered.fetch_add(1, Ordering::SeqCst),
                        Err(status) => {
                            assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                            shed.fetch_add(1, Ordering::SeqCst)
                        }
                    };
                }
            })
        })
        .collect();
    until("the flood to be more than is borne", async || {
        (shed.load(Ordering::SeqCst) > 100).then_some(())
    })
    .await;
    let began = Instant::now();
    person.take(&ticket).await.expect("the acknowledgement gets through");
    let acknowledged = began.elapsed();
    let began = Instant::now();
    stage.tool().open(case_of("other")).await.expect("a command gets through");
    let opened = began.elapsed();
    // Several times the length of a lease.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(flood.iter().all(|asking| !asking.is_finished()), "the flood went on");
    for asking in &flood {
        asking.abort();
    }
    // What was asked last is still being answered.
    let quiet = async || tool.cases().list_cases(v1::ListCasesRequest::default()).await.ok();
    until("the flood to be over", quiet).await;
    let story = tool.story(&held).await;
    assert!(!story.contains(&"lease_expired".to_owned()), "{story:?}");
    let (answered, shed) = (answered.load(Ordering::SeqCst), shed.load(Ordering::SeqCst));
    println!(
        "measured: under a flood of questions ({answered} answered, {shed} turned away): acknowledged in {acknowledged:?}, a case opened in {opened:?}, no lease lost"
    );
}

/// A call that is announced and never made takes nobody's place.
#[tokio::test]
async fn requests_that_never_come_hold_nobody_up() {
    let stage = Stage::tuned(
        |_| (),
        |config| {
            config.limits.lifeline.places = 4;
            config.limits.command.places = 3;
            config.limits.query.places = 2;
        },
    )
    .await;
    let identity = stage.authority().agent("billing-1").unwrap();
    let mut bare = Bare::connect(&stage, &identity, 1 << 16).await;
    let mut announced = Vec::new();
    for _ in 0..8 {
        announced.push(bare.open("/grpc.health.v1.Health/Check", &[]).await);
    }
    for (out, _) in &mut announced {
        out.send_data(vec![0, 0].into(), false).unwrap();
    }
    let began = Instant::now();
    let tool = stage.tool();
    for _ in 0..20 {
        tool.open(case_of("note")).await.expect("a command gets through");
        tool.cases().list_cases(v1::ListCasesRequest::default()).await.expect("and a question");
    }
    println!(
        "measured: beside twice as many announced calls as there are places: 40 others in {:?}",
        began.elapsed()
    );
    for (_, answer) in announced {
        let answer = within("an answer to what was announced", answered(answer)).await;
        assert_eq!(answer, Answer::Grpc(Code::DeadlineExceeded));
    }
}

/// Each is answered at once, precisely, and changes nothing.
#[tokio::test]
async fn what_is_no_grpc_is_refused_and_changes_nothing() {
    let stage = Stage::start().await;
    let identity = stage.authority().tool("cli").unwrap();
    let mut bare = Bare::connect(&stage, &identity, 1 << 16).await;
    let open = "/belay.v1.CaseService/OpenCase";
    let message = case_of("note").encode_to_vec();
    let good = framed(&message);
    let grpc = Answer::Grpc;

    let mut torn = good.clone();
    torn.truncate(good.len() - 1);
    let mut endless = good.clone();
    endless[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut compressed = good.clone();
    compressed[0] = 1;
    let mut odd = good.clone();
    odd[0] = 7;
    let twice = [good.clone(), good.clone()].concat();
    let large = framed(&vec![0; 1024 * 1024 + 1]);
    let gzip = [("grpc-encoding", "gzip")];
    let late = [("grpc-timeout", "0m")];
    let soon = [("grpc-timeout", "soon")];
    let table: Vec<Attempt<'_>> = vec![
        ("nothing", open, &[], vec![], grpc(Code::Internal)),
        ("half a head", open, &[], vec![0, 0], grpc(Code::Internal)),
        ("a torn message", open, &[], torn, grpc(Code::Internal)),
        ("a length without end", open, &[], endless, grpc(Code::ResourceExhausted)),
        ("a message too large", open, &[], large, grpc(Code::ResourceExhausted)),
        ("a message said to be compressed", open, &[], compressed.clone(), grpc(Code::Internal)),
        ("a flag that means nothing", open, &[], odd, grpc(Code::Internal)),
        ("compression", open, &gzip, compressed, grpc(Code::Unimplemented)),
        ("garbage", open, &[], framed(&[0xff; 64]), grpc(Code::InvalidArgument)),
        (
            "a method that is not there",
            "/belay.v1.CaseService/Drop",
            &[],
            good.clone(),
            grpc(Code::Unimplemented),
        ),
        ("a path that is none", "/", &[], good.clone(), grpc(Code::Unimplemented)),
        ("a deadline that has passed", open, &late, good.clone(), grpc(Code::DeadlineExceeded)),
        ("a deadline that is none", open, &soon, good.clone(), grpc(Code::InvalidArgument)),
    ];
    for (what, path, headers, body, expected) in table {
        assert_eq!(bare.call(path, headers, body).await, expected, "{what}");
    }
    let listed = stage.tool().cases().list_cases(v1::ListCasesRequest::default()).await.unwrap();
    assert!(listed.into_inner().cases.is_empty(), "nothing was opened");
    assert_eq!(bare.call(open, &[], good).await, grpc(Code::Ok), "the same connection serves on");
    // One message is what a call has; what follows it is not looked at.
    let answer = bare.call(open, &[], twice).await;
    assert!(matches!(answer, Answer::Grpc(_)), "{answer:?}");
}

#[tokio::test]
async fn an_agent_sends_a_mebibyte_at_most_and_nothing_compressed() {
    let stage = Stage::start().await;
    let identity = stage.authority().agent("billing-1").unwrap();
    let mut bare = Bare::connect(&stage, &identity, 1 << 16).await;
    let compressed = bare.call(CONNECT, &[("grpc-encoding", "gzip")], framed(&[])).await;
    assert_eq!(compressed, Answer::Grpc(Code::Unimplemented));

    let mut line = Line::open(&stage, "billing-1").await;
    let note = "x".repeat(1024 * 1024);
    let progress = v1::Progress { case_id: "c-1".to_owned(), epoch: 1, note, ..Default::default() };
    line.mention(Say::Progress(progress)).await;
    let ended = line.ended().await;
    crate::stage::callers::refused::<()>(ended, Code::ResourceExhausted, "TOO_LARGE");
}

async fn short_leases() -> Stage {
    Stage::with(|playbook| playbook.edit("playbook.yaml", "lease: 5s", "lease: 1s")).await
}
