//! Streams that are opened to be reset, by the client or because it breaks the rules, and frames without end.

use std::time::Duration;

use tokio::time::timeout;

use crate::accept::Settings;
use crate::raw::{
    ACK, CONTINUATION, DATA, END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PING, RST_STREAM, Raw,
    SETTINGS, WINDOW_UPDATE, call, frame,
};
use crate::stage::{Handlers, alone, beside, measured, never, resident};
use crate::testbed::{Bed, Outcome, PATIENCE};

/// CVE-2023-44487: opened, and reset by the client before anybody can answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_opened_and_reset_end_the_connection() {
    let turn = |stream| {
        let open = frame(HEADERS, END_HEADERS, stream, &call("/x/y"));
        [open, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    check("opened and reset by the client", 20_000, turn, 200).await;
}

/// RUSTSEC-2024-0003 and CVE-2025-8671: opened, and reset by us because the client broke a rule on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_we_have_to_reset_end_the_connection() {
    let too_much = |stream| {
        let open = frame(HEADERS, END_HEADERS, stream, &call("/x/y"));
        [open, frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes())].concat()
    };
    check("a window that grows too large", 1_000, too_much, 160).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_without_end_end_the_connection() {
    let _turn = alone().await;
    let (bed, handlers) = never(Settings::default()).await;
    let Raw { mut says, mut hears } =
        Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    let before = resident();
    let flood = tokio::spawn(async move {
        says.frame(HEADERS, 0, 1, &call("/x/y")).await;
        let filler = crate::raw::headers(&[("x", &"y".repeat(8 * 1024))]);
        for _ in 0..20_000 {
            if says.bytes(&frame(CONTINUATION, 0, 1, &filler)).await.is_err() {
                break;
            }
        }
    });
    let (_, goodbye) = hears.end().await;
    assert_eq!(goodbye, Some(ENHANCE_YOUR_CALM));
    flood.await.unwrap();
    assert_eq!(handlers.ever(), 0);
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB");
    measured("headers without end", format_args!("connection ended, memory grew by {grown} KiB"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_frames_without_data_end_the_connection() {
    let _turn = beside().await;
    let (bed, _) = never(Settings::default()).await;
    let Raw { mut says, mut hears } =
        Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    says.frame(HEADERS, END_HEADERS, 1, &call("/x/y")).await;
    let flood = tokio::spawn(async move {
        let frames = frame(DATA, 0, 1, &[]).repeat(1_000);
        while says.bytes(&frames).await.is_ok() {}
    });
    let (_, goodbye) = hears.end().await;
    assert_eq!(goodbye, Some(ENHANCE_YOUR_CALM));
    flood.await.unwrap();
}

/// Answers to pings and settings wait for the client; while it does not read them, it is not listened to, and
/// then it does not answer our ping either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_and_settings_whose_answers_nobody_reads_end_the_connection() {
    for (what, frames) in
        [("pings", frame(PING, 0, 0, &[7; 8])), ("settings", frame(SETTINGS, 0, 0, &[]))]
    {
        let _turn = alone().await;
        let settings = Settings {
            keepalive_every: Duration::from_millis(300),
            keepalive_timeout: Duration::from_millis(300),
            ..Settings::default()
        };
        let (bed, _) = never(settings).await;
        let identity = bed.authority.agent("billing").unwrap();
        let Raw { mut says, hears: _not_heard } = Raw::greeted(&bed, &identity).await;
        says.frame(HEADERS, END_HEADERS, 1, &call("/x/y")).await;
        let before = resident();
        let frames = frames.repeat(10_000);
        let flood = async {
            let mut sent = 0_usize;
            while says.bytes(&frames).await.is_ok() {
                sent += frames.len();
                assert!(sent < 1 << 30, "a gigabyte of {what} was taken");
            }
            sent
        };
        let sent = timeout(PATIENCE, flood).await.expect("the connection ends");
        let grown = resident().saturating_sub(before);
        assert!(grown < 16 * 1024, "{grown} KiB");
        assert_eq!(bed.counters.open(), 0);
        measured(
            &format!("{what} whose answers nobody reads"),
            format_args!("cut after {} KiB of them, memory grew by {grown} KiB", sent / 1024),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_without_end_keep_nobody_else_out() {
    let _turn = beside().await;
    let (bed, _) = never(Settings::default()).await;
    let Raw { mut says, mut hears } =
        Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    let flood = tokio::spawn(async move {
        let frames = frame(PING, 0, 0, &[7; 8]).repeat(1_000);
        while says.bytes(&frames).await.is_ok() {}
    });
    let reading = tokio::spawn(async move {
        let mut answered = 0_usize;
        while let Some(frame) = hears.frame().await {
            answered += usize::from(frame.kind == PING && frame.flags == ACK);
        }
        answered
    });
    let others = async {
        for _ in 0..20 {
            let other = bed.authority.agent("refunds").unwrap();
            let mut raw = Raw::greeted(&bed, &other).await;
            raw.hears.next(SETTINGS).await;
        }
    };
    let began = std::time::Instant::now();
    timeout(PATIENCE, others).await.expect("others are served");
    measured(
        "pings without end",
        format_args!("20 others were let in within {:?}", began.elapsed()),
    );
    flood.abort();
    bed.stop.cancel();
    assert!(timeout(PATIENCE, reading).await.unwrap().unwrap() > 0, "pings are answered");
}

/// Opens streams with these frames until the server ends the connection, which it does after so many resets.
async fn check(
    what: &str,
    most: u32,
    turn: impl Fn(u32) -> Vec<u8> + Send + 'static,
    resets: usize,
) {
    let _turn = alone().await;
    let (bed, handlers) = never(Settings::default()).await;
    let Raw { mut says, mut hears } =
        Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    let before = resident();
    let flood = tokio::spawn(async move {
        for number in 0..most {
            if says.bytes(&turn(2 * number + 1)).await.is_err() {
                break;
            }
        }
    });
    let (found, goodbye) = hears.end().await;
    assert_eq!(goodbye, Some(ENHANCE_YOUR_CALM), "{what}");
    assert!(found.len() <= resets, "{what}: {} resets", found.len());
    flood.await.unwrap();
    gone(&bed, &handlers).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024, "{what}: {grown} KiB");
    let (begun, answered) = (handlers.ever(), found.len());
    measured(
        what,
        format_args!(
            "sent away after {begun} handlers and {answered} resets, memory grew by {grown} KiB"
        ),
    );
    let identity = bed.authority.agent("billing").unwrap();
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::LetIn, "it may come back");
}

async fn gone(bed: &Bed, handlers: &Handlers) {
    crate::stage::until("the connection and its handlers to end", || {
        bed.counters.open() == 0 && handlers.now() == 0
    })
    .await;
}
