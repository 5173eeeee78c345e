//! How big: what idle agents and open cases cost in memory, how soon a supervisor with many open cases answers after a start,
//! and how soon it notices that a lease has ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use belay_api::v1;
use belay_api::v1::agent_service_client::AgentServiceClient;
use belay_api::v1::{connect_request, connect_response, watch_cases_response};
use belay_transport::channel;
use belay_transport::tls::Identity;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;

use super::keeping::Keeping;
use super::meter::{Meter, Reading};
use super::playbook::idle_agent;
use super::stage::{Server, Stage};
use crate::exit::{Exit, Failure};

/// How many agents connect at once, below what a supervisor allows one address.
const CONNECTING: usize = 64;

/// How long memory has to come to rest.
const REST: Duration = Duration::from_secs(2);

/// Of so many cases, one has something due at the start.
const DUE_OF: usize = 100;

/// How far apart leases end whose end is to be noticed.
const APART: Duration = Duration::from_millis(10);

/// The longest that everything due may take to be under way.
const UNDER_WAY_WITHIN: Duration = Duration::from_secs(60);

/// What a measurement of size found, beside the reading.
pub(crate) struct Found {
    /// How many, and how long each took.
    pub(crate) reading: Reading,
    /// What the server holds in memory.
    pub(crate) rss: Option<u64>,
    /// What else is worth saying, in words.
    pub(crate) remark: String,
}

/// Connects every idle agent of the playbook, each with a certificate and a session of its own.
pub(crate) async fn agents(stage: &Stage, server: &Server) -> Result<Found, Failure> {
    let before = server.rss();
    let meter = Arc::new(Meter::new()?);
    let places = Arc::new(Semaphore::new(CONNECTING));
    let mut connecting = JoinSet::new();
    let began = Instant::now();
    meter.count_all();
    for number in 1..=stage.staff().idle {
        let (endpoint, identity) = (server.endpoint.clone(), stage.agent(&idle_agent(number)));
        let (meter, places) = (meter.clone(), places.clone());
        connecting.spawn(async move {
            // It is never closed.
            let _place = places.acquire_owned().await;
            let began = Instant::now();
            let session = connect(&endpoint, identity).await?;
            meter.finished(began.elapsed());
            Ok::<_, Failure>(session)
        });
    }
    let mut sessions = Vec::with_capacity(stage.staff().idle);
    while let Some(connected) = connecting.join_next().await {
        let broken = |error| Failure::of("an agent could not connect", &error);
        sessions.push(connected.map_err(broken)??);
    }
    let reading = meter.reading(began.elapsed());
    tokio::time::sleep(REST).await;
    let rss = server.rss();
    let idle = stage.staff().idle;
    let remark = match rss {
        Some(_) => format!("{idle} idle agents: {} bytes for each", each(before, rss, idle)),
        None => format!("{idle} idle agents; what they take is seen where the supervisor runs"),
    };
    Ok(Found { reading, rss, remark })
}

type Session = (mpsc::UnboundedSender<v1::ConnectRequest>, Streaming<v1::ConnectResponse>);

async fn connect(endpoint: &str, identity: Identity) -> Result<Session, Failure> {
    let channel = channel::connect(endpoint, identity)
        .await
        .map_err(|error| Failure::of("an agent has no line", &error))?;
    let (mouth, said) = mpsc::unbounded_channel();
    let register =
        v1::Register { sdk: "belay-bench".to_owned(), capacity: 1, ..v1::Register::default() };
    let gone = || Failure::new(Exit::Failed, "the line of an agent ended as it began");
    let message = Some(connect_request::Message::Register(register));
    let first = v1::ConnectRequest { message, ..v1::ConnectRequest::default() };
    mouth.send(first).map_err(|_| gone())?;
    let mut client = AgentServiceClient::new(channel);
    let mut ear = client.connect(UnboundedReceiverStream::new(said)).await?.into_inner();
    match ear.message().await?.and_then(|first| first.message) {
        Some(connect_response::Message::Registered(_)) => Ok((mouth, ear)),
        _ => Err(gone()),
    }
}

/// Opens so many cases, which agents take and then hold, and kills the supervisor. Then starts one on a journal with so many open cases, one of a hundred with something due. The first time is that of the
/// first answer, the second until everything that was due is under way.
pub(crate) async fn cold_start(
    stage: &mut Stage,
    count: usize,
    say: impl Fn(&str),
) -> Result<(Found, Found), Failure> {
    let due = (count / DUE_OF).max(1);
    let server = stage.serve().await?;
    say(&format!("opening {count} cases first"));
    let data = server.data.clone();
    let keeping = Keeping::start(stage, &server, "held").await?;
    let began = Instant::now();
    let kept = count.saturating_sub(due);
    // What grows only once has grown by the time that half of them are there.
    let first = kept / 2;
    keeping.opener.fill(first).await?;
    tokio::time::sleep(REST).await;
    let before = server.rss();
    keeping.opener.fill(kept - first).await?;
    let reading =
        Reading { count: kept as u64, seconds: began.elapsed().as_secs_f64(), p50: 0, p99: 0 };
    tokio::time::sleep(REST).await;
    let rss = server.rss();
    let remark = format!(
        "{kept} open cases held: {} bytes for each of the later half",
        each(before, rss, kept - first)
    );
    let held = Found { reading, rss, remark };
    drop(keeping);
    let keeping = Keeping::start(stage, &server, "brief").await?;
    keeping.opener.fill(due).await?;
    let wait = keeping.until_all_have_ended();
    server.kill().await?;
    say(&format!("killed; it starts again when {due} leases have ended"));
    tokio::time::sleep(wait).await;
    let began = Instant::now();
    let mut server = stage.spawn(&data)?;
    server.wait().await?;
    let tool = server.door()?.tool();
    let first = v1::ListCasesRequest { page_size: 1, ..v1::ListCasesRequest::default() };
    tool.cases().list_cases(first).await?;
    let answered = began.elapsed();
    let under_way = tokio::time::timeout(UNDER_WAY_WITHIN, async {
        loop {
            let ended = ended(&data)?;
            if ended >= due as u64 {
                return Ok::<_, Failure>(began.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let under_way = under_way.await.unwrap_or_else(|_| {
        Err(Failure::new(Exit::Failed, "not everything that was due was begun within a minute"))
    })?;
    let rss = server.rss();
    server.end().await;
    let remark = format!(
        "start with {count} open cases, {due} of them due: first answer after {} ms, all due work under way after {} ms",
        answered.as_millis(),
        under_way.as_millis()
    );
    let micros = |length: Duration| u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
    let reading = Reading {
        count: due as u64,
        seconds: under_way.as_secs_f64(),
        p50: micros(answered),
        p99: micros(under_way),
    };
    Ok((held, Found { reading, rss, remark }))
}

/// How many leases stand in the journal as ended.
fn ended(data: &std::path::Path) -> Result<u64, Failure> {
    let failed = |error| Failure::of("the journal cannot be read", &error);
    let file = data.join("journal").join("journal.db");
    let journal =
        rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(failed)?;
    let count = "SELECT count(*) FROM events WHERE kind = 'lease_expired' \
                 AND position > (SELECT max(position) FROM events) - 1000000";
    let found: i64 = journal.query_row(count, [], |row| row.get(0)).map_err(failed)?;
    Ok(u64::try_from(found).unwrap_or_default())
}

/// Lets the leases of so many cases end, and sees how long after that the journal says so. A watcher only sees what is
/// durable, so the delay includes the append and the way to the watcher.
pub(crate) async fn notice(stage: &Stage, server: &Server, count: usize) -> Result<Found, Failure> {
    let keeping = Keeping::start(stage, server, "brief").await?;
    let tool = server.door()?.tool();
    let asked = v1::WatchCasesRequest::default();
    let mut updates = tool.cases().watch_cases(asked).await?.into_inner();
    let meter = keeping.meter.clone();
    meter.count_all();
    let began = Instant::now();
    let noticed = async {
        let mut until = HashMap::new();
        let mut seen = 0;
        while seen < count {
            let Some(v1::WatchCasesResponse { message }) = updates.message().await? else { break };
            let Some(watch_cases_response::Message::Update(update)) = message else { continue };
            match update.event.as_str() {
                "handoff_accepted" => {
                    let ends = update.summary.and_then(|summary| summary.coverage_until);
                    until.insert(update.case_id, ends);
                }
                "lease_expired" => {
                    let ended = until.remove(&update.case_id).flatten();
                    meter.finished(super::watching::since(ended));
                    seen += 1;
                }
                _ => {}
            }
        }
        Ok::<_, Failure>(())
    };
    let (filled, noticed) = tokio::join!(keeping.opener.fill_at(count, APART), noticed);
    filled?;
    noticed?;
    let reading = meter.reading(began.elapsed());
    let remark = format!(
        "{count} leases ended: the journal said so {} us later (p50), {} us (p99)",
        reading.p50, reading.p99
    );
    Ok(Found { reading, rss: server.rss(), remark })
}

fn each(before: Option<u64>, after: Option<u64>, count: usize) -> u64 {
    match (before, after) {
        (Some(before), Some(after)) if count > 0 => after.saturating_sub(before) / count as u64,
        _ => 0,
    }
}
