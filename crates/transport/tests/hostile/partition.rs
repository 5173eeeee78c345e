//! A line that goes silent: nobody hears anything, and nobody is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::accept::Settings;
use crate::raw::{ACK, END_HEADERS, HEADERS, PING, Raw, call};
use crate::stage::{beside, measured, never, until};

const EVERY: Duration = Duration::from_millis(400);
const WITHIN: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_line_that_goes_silent_is_given_up() {
    let _turn = beside().await;
    let (mut bed, handlers) = never(settings()).await;
    let line = Line::to(bed.address).await;
    bed.address = line.address;
    let mut raw = Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    raw.says.frame(HEADERS, END_HEADERS, 1, &call("/x/y")).await;
    until("the handler to begin", || handlers.now() == 1).await;
    line.silent.store(true, Ordering::SeqCst);
    let began = Instant::now();
    until("the connection to be given up", || bed.counters.open() == 0).await;
    until("its handler to end", || handlers.now() == 0).await;
    let took = began.elapsed();
    measured(
        "a line that goes silent",
        format_args!("given up after {took:?}, with {EVERY:?} and {WITHIN:?}"),
    );
}

/// What answers is alive, and is left alone: for a transport that is enough.
#[tokio::test]
async fn a_client_that_answers_pings_is_kept() {
    let _turn = beside().await;
    let (bed, handlers) = never(settings()).await;
    let Raw { mut says, mut hears } =
        Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    says.frame(HEADERS, END_HEADERS, 1, &call("/x/y")).await;
    for _ in 0..5 {
        let ping = hears.next(PING).await;
        assert_eq!(ping.flags & ACK, 0);
        says.frame(PING, ACK, 0, &ping.payload).await;
    }
    assert_eq!((bed.counters.open(), handlers.now()), (1, 1));
}

fn settings() -> Settings {
    Settings { keepalive_every: EVERY, keepalive_timeout: WITHIN, ..Settings::default() }
}

/// A line between a client and a server, which can be made to swallow everything.
struct Line {
    address: SocketAddr,
    silent: Arc<AtomicBool>,
}

impl Line {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let silent = Arc::new(AtomicBool::new(false));
        let swallow = Arc::clone(&silent);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, Arc::clone(&swallow)));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&swallow)));
            }
        });
        Self { address, silent }
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    silent: Arc<AtomicBool>,
) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if !silent.load(Ordering::SeqCst) && to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
    // Not even the end comes through.
    if silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}
