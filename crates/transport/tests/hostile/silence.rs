//! Five hundred clients that connect and say nothing, or almost nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::accept::{Refusal, Settings};
use crate::raw::Raw;
use crate::stage::{alone, beside, measured, resident, until};
use crate::testbed::{Bed, Outcome, PATIENCE};

const CLIENTS: usize = 500;

/// Long enough that all of them connect within it on a busy machine.
const HANDSHAKE: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_silent_connections_are_closed() {
    let _turn = alone().await;
    let settings = Settings {
        handshake_timeout: HANDSHAKE,
        handshakes_pending_per_address_max: u32::MAX,
        ..Settings::default()
    };
    let bed = Bed::healthy(settings).await;
    let before = resident();
    let began = Instant::now();
    let mut silent = connect(&bed).await;
    let grown = resident().saturating_sub(before);
    join_all(silent.iter_mut().map(closes)).await;
    let took = began.elapsed();
    // A connection is closed a moment before it is counted.
    until("each to be counted", || {
        bed.counters.refused(Refusal::HandshakeTimeout) == CLIENTS as u64
    })
    .await;
    measured(
        "500 connections without a word",
        format_args!(
            "all closed {took:?} after the first, with a handshake timeout of {HANDSHAKE:?}; {grown} KiB"
        ),
    );
}

/// One address has 128 handshakes, and the rest are closed at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_an_eighth_of_the_handshakes() {
    let _turn = alone().await;
    let bed = Bed::healthy(Settings { handshake_timeout: HANDSHAKE, ..Settings::default() }).await;
    let mut silent = connect(&bed).await;
    join_all(silent.iter_mut().map(closes)).await;
    let counted =
        || [Refusal::Address, Refusal::HandshakeTimeout].map(|why| bed.counters.refused(why));
    until("each to be counted", || counted().iter().sum::<u64>() == CLIENTS as u64).await;
    let [at_once, later] = counted();
    // All of them connect within the handshake timeout, unless the machine has a very bad day.
    assert!((128..2 * 128).contains(&later), "{later} waited");
    measured(
        "500 handshakes of one address",
        format_args!("{at_once} closed at once, {later} in time"),
    );
    let identity = bed.authority.agent("billing").unwrap();
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::LetIn, "the address has places again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_believed_clients_that_ask_nothing_are_closed() {
    let _turn = alone().await;
    let limit = Duration::from_secs(3);
    let mut settings = Settings { first_request_timeout: limit, ..Settings::default() };
    settings.tool.connections_max = CLIENTS as u32;
    let bed = Bed::healthy(settings).await;
    let identity = bed.authority.tool("cli").unwrap();
    let before = resident();
    let began = Instant::now();
    // Sixty at a time, well below what one address may have.
    let mut waiting = Vec::new();
    for _ in 0..CLIENTS / 50 {
        waiting.extend(join_all((0..50).map(|_| Raw::silent(&bed, &identity))).await);
    }
    let connected = began.elapsed();
    let grown = resident().saturating_sub(before);
    join_all(waiting.iter_mut().map(|raw| raw.hears.end())).await;
    let took = began.elapsed();
    assert_eq!(bed.counters.accepted(), CLIENTS as u64);
    until("each to be counted", || bed.counters.refused(Refusal::NoRequest) == CLIENTS as u64)
        .await;
    until("nobody to be left", || bed.counters.open() == 0).await;
    measured(
        "500 believed clients that send no preface",
        format_args!(
            "all connected after {connected:?} and closed after {took:?}, with {limit:?} for the first request; {grown} KiB for both sides"
        ),
    );
}

/// One byte now and then renews nothing.
#[tokio::test]
async fn a_handshake_that_drips_is_closed_all_the_same() {
    let _turn = beside().await;
    let limit = Duration::from_millis(500);
    let bed = Bed::healthy(Settings { handshake_timeout: limit, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    let began = Instant::now();
    // The beginning of a handshake message of 512 bytes.
    stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await.unwrap();
    let dripped = async {
        while stream.write_all(&[0]).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, dripped).await.expect("the connection is closed");
    assert!(began.elapsed() >= limit);
    assert_eq!(bed.counters.refused(Refusal::HandshakeTimeout), 1);
}

/// Neither does a request that is never finished: not its head, and not its headers.
#[tokio::test]
async fn a_request_that_drips_is_no_request() {
    let _turn = beside().await;
    let limit = Duration::from_millis(500);
    let bed = Bed::healthy(Settings { first_request_timeout: limit, ..Settings::default() }).await;
    let identity = bed.authority.agent("billing").unwrap();
    let greeting = [
        crate::raw::PREFACE,
        &crate::raw::frame(crate::raw::SETTINGS, 0, 0, &[]),
        &crate::raw::frame(crate::raw::HEADERS, 0, 1, &crate::raw::call("/x/y")),
    ]
    .concat();
    let mut raw = Raw::silent(&bed, &identity).await;
    let over = AtomicBool::new(false);
    let drip = async {
        for byte in &greeting {
            if over.load(Ordering::SeqCst) || raw.says.bytes(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let hear = async {
        let _ = raw.hears.end().await;
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(drip, hear);
    assert_eq!(bed.counters.refused(Refusal::NoRequest), 1);
}

#[tokio::test]
async fn all_connections_together_have_a_limit() {
    let _turn = beside().await;
    let bed = Bed::healthy(Settings { connections_max: 3, ..Settings::default() }).await;
    let mut held = Vec::new();
    for name in ["a", "b", "c"] {
        held.push(Raw::greeted(&bed, &bed.authority.agent(name).unwrap()).await);
    }
    for raw in &mut held {
        raw.hears.next(crate::raw::SETTINGS).await;
    }
    let fourth = bed.authority.agent("d").unwrap();
    assert_eq!(bed.shows(Some(&fourth)).await, Outcome::Refused);
    assert_eq!(bed.counters.refused(Refusal::Connections), 1);
    held.pop();
    let again = async { while bed.shows(Some(&fourth)).await == Outcome::Refused {} };
    timeout(PATIENCE, again).await.expect("a place becomes free");
}

async fn connect(bed: &Bed) -> Vec<TcpStream> {
    let connecting = (0..CLIENTS).map(|_| TcpStream::connect(bed.address));
    join_all(connecting).await.into_iter().map(Result::unwrap).collect()
}

async fn closes(stream: &mut TcpStream) {
    let read = timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("it is closed");
    assert!(!matches!(read, Ok(1..)), "{read:?}");
}
