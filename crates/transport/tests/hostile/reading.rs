//! Clients that ask and do not read.

use std::time::{Duration, Instant};

use crate::accept::Settings;
use crate::raw::{
    CANCEL, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, Raw, WINDOW_UPDATE, call,
};
use crate::stage::{alone, beside, bulky, measured, resident, until};
use crate::testbed::PATIENCE;

const LIMIT: Duration = Duration::from_millis(500);

/// The setting for the window that streams begin with.
const INITIAL_WINDOW: u16 = 4;

#[tokio::test]
async fn a_stream_that_nobody_reads_is_reset_and_the_others_go_on() {
    let _turn = beside().await;
    let (bed, handlers) = bulky(Settings { unread_max: LIMIT, ..Settings::default() }).await;
    let identity = bed.authority.agent("billing").unwrap();
    let mut raw = Raw::greeted_with(&bed, &identity, &[(INITIAL_WINDOW, 1000)]).await;
    raw.says.frame(HEADERS, END_HEADERS | END_STREAM, 1, &call("/quiet")).await;
    raw.says.frame(HEADERS, END_HEADERS | END_STREAM, 3, &call("/50000")).await;
    let began = Instant::now();
    let mut read = 0;
    let reset = loop {
        let frame = raw.hears.frame().await.expect("the connection is kept");
        match frame.kind {
            DATA => read += frame.payload.len(),
            RST_STREAM => break frame,
            _ => {}
        }
    };
    assert_eq!((reset.stream, reset.code(), read), (3, CANCEL, 1000));
    assert!(began.elapsed() >= LIMIT);
    assert_eq!((bed.counters.cut_unread(), bed.counters.open()), (1, 1));
    assert_eq!(handlers.now(), 1, "the quiet one is left alone");
    // The connection serves on.
    raw.says.frame(HEADERS, END_HEADERS | END_STREAM, 5, &call("/500")).await;
    let answer = raw.hears.next(DATA).await;
    assert_eq!((answer.stream, answer.payload.len()), (5, 500));
}

#[tokio::test]
async fn a_stream_that_is_read_slowly_is_kept() {
    let _turn = beside().await;
    let (bed, _) = bulky(Settings { unread_max: LIMIT, ..Settings::default() }).await;
    let identity = bed.authority.agent("billing").unwrap();
    // The connection's window is large enough; the stream's lets one piece through at a time.
    let mut raw = Raw::greeted_with(&bed, &identity, &[(INITIAL_WINDOW, 16 * 1024)]).await;
    let length = 3 * 16 * 1024;
    raw.says.frame(HEADERS, END_HEADERS | END_STREAM, 1, &call(&format!("/{length}"))).await;
    let mut read = 0;
    while read < length {
        let data = raw.hears.next(DATA).await;
        read += data.payload.len();
        tokio::time::sleep(LIMIT / 2).await;
        let more = u32::try_from(data.payload.len()).unwrap().to_be_bytes();
        raw.says.frame(WINDOW_UPDATE, 0, 1, &more).await;
    }
    assert_eq!((read, bed.counters.cut_unread()), (length, 0));
}

/// What is large is held once, for as long as somebody may read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_that_nobody_reads_are_let_go() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let _turn = alone().await;
    let (bed, handlers) = bulky(Settings { unread_max: 2 * LIMIT, ..Settings::default() }).await;
    let identity = bed.authority.agent("billing").unwrap();
    let mut raw = Raw::greeted_with(&bed, &identity, &[(INITIAL_WINDOW, 0)]).await;
    let before = resident();
    for stream in 0..16 {
        let path = format!("/{LENGTH}");
        raw.says.frame(HEADERS, END_HEADERS | END_STREAM, 2 * stream + 1, &call(&path)).await;
    }
    until("all of them to be held", || handlers.now() == 16).await;
    until("their answers to be there", || resident() > before + 15 * LENGTH / 1024).await;
    let held = resident() - before;
    until("all of them to be let go", || handlers.now() == 0).await;
    let mut left = 0;
    until("their memory to be free", || {
        left = resident().saturating_sub(before);
        left < 4 * 1024
    })
    .await;
    assert_eq!(bed.counters.cut_unread(), 16);
    measured(
        "16 answers of 4 MiB that nobody reads",
        format_args!(
            "{held} KiB while they wait, {left} KiB after they were cut; the connection stays"
        ),
    );
    assert_eq!(bed.counters.open(), 1);
}

/// A client whose socket is full cannot be told anything; its streams end all the same, and then its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_at_all_loses_its_connection() {
    let _turn = beside().await;
    let settings = Settings {
        unread_max: LIMIT,
        keepalive_every: LIMIT,
        keepalive_timeout: LIMIT,
        ..Settings::default()
    };
    let (bed, handlers) = bulky(settings).await;
    let identity = bed.authority.agent("billing").unwrap();
    let large = 0x7fff_ffff;
    let mut raw = Raw::greeted_with(&bed, &identity, &[(INITIAL_WINDOW, large)]).await;
    raw.says.frame(WINDOW_UPDATE, 0, 0, &(large - 65_535).to_be_bytes()).await;
    raw.says.frame(HEADERS, END_HEADERS | END_STREAM, 1, &call("/50000000")).await;
    let began = Instant::now();
    until("the handler to begin", || handlers.ever() == 1).await;
    until("the handler to end", || handlers.now() == 0).await;
    until("the connection to end", || bed.counters.open() == 0).await;
    assert!(began.elapsed() < PATIENCE);
}
