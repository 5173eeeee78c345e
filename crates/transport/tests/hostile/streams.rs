//! One client that wants twenty thousand streams.

use crate::accept::Settings;
use crate::raw::{
    END_HEADERS, ENHANCE_YOUR_CALM, HEADERS, PREFACE, REFUSED_STREAM, RST_STREAM, Raw, SETTINGS,
    WINDOW_UPDATE, call, frame,
};
use crate::stage::{Handlers, alone, beside, measured, never, resident, until};
use crate::testbed::Bed;
use crate::tls::Identity;

const STREAMS: u32 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_has_sixteen_streams_however_many_it_opens() {
    let (bed, handlers) = never(Settings::default()).await;
    check(&bed, &bed.authority.agent("billing").unwrap(), 16, &handlers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_has_a_hundred_and_twenty_eight() {
    let (bed, handlers) = never(Settings::default()).await;
    check(&bed, &bed.authority.tool("cli").unwrap(), 128, &handlers).await;
}

/// Some clients forget what they were told. As long as they stop at some point, they lose nothing else by it.
#[tokio::test]
async fn a_stream_too_many_is_refused_and_the_others_go_on() {
    let _turn = beside().await;
    let (bed, handlers) = never(Settings::default()).await;
    let mut raw = Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
    for number in 0..16 {
        raw.says.frame(HEADERS, END_HEADERS, 2 * number + 1, &call("/x/y")).await;
    }
    until("as many as there may be", || handlers.now() == 16).await;
    for number in 16..116 {
        raw.says.frame(HEADERS, END_HEADERS, 2 * number + 1, &call("/x/y")).await;
        let reset = raw.hears.next(RST_STREAM).await;
        assert_eq!((reset.stream, reset.code()), (2 * number + 1, REFUSED_STREAM));
    }
    assert_eq!((handlers.now(), handlers.ever()), (16, 16));
}

#[tokio::test]
async fn the_windows_and_the_bounds_are_told_on_the_wire() {
    let _turn = beside().await;
    let (bed, _) = never(Settings::default()).await;
    let mut raw = Raw::silent(&bed, &bed.authority.agent("billing").unwrap()).await;
    raw.says.bytes(PREFACE).await.unwrap();
    let settings = raw.hears.next(SETTINGS).await;
    let told: Vec<(u16, u32)> = settings
        .payload
        .chunks(6)
        .map(|entry| {
            let name = u16::from_be_bytes(entry[..2].try_into().unwrap());
            (name, u32::from_be_bytes(entry[2..].try_into().unwrap()))
        })
        .collect();
    // Streams at once, the window of a stream, the largest frame, and the largest list of headers.
    assert_eq!(told, [(3, 16), (4, 64 * 1024), (5, 16 * 1024), (6, 32 * 1024)]);
    let update = raw.hears.next(WINDOW_UPDATE).await;
    let more = u32::from_be_bytes(update.payload.try_into().unwrap());
    // Every connection begins with 65,535.
    assert_eq!((update.stream, more + 65_535), (0, 128 * 1024));
}

/// Opens them all, and sees that only so many got a handler. Who goes on after so many refusals is sent away.
async fn check(bed: &Bed, identity: &Identity, most: usize, handlers: &Handlers) {
    let _turn = alone().await;
    let Raw { mut says, mut hears } = Raw::greeted(bed, identity).await;
    let before = resident();
    let began = std::time::Instant::now();
    let flood = tokio::spawn(async move {
        let headers = call("/belay.v1.AgentService/Connect");
        for number in 0..STREAMS {
            let bytes = frame(HEADERS, END_HEADERS, 2 * number + 1, &headers);
            if says.bytes(&bytes).await.is_err() {
                return number;
            }
        }
        STREAMS
    });
    let (refused, goodbye) = hears.end().await;
    let took = began.elapsed();
    let sent = flood.await.unwrap();
    assert!(refused.iter().all(|code| *code == REFUSED_STREAM), "{refused:?}");
    assert_eq!(goodbye, Some(ENHANCE_YOUR_CALM));
    assert!(handlers.ever() <= most, "{} handlers", handlers.ever());
    until("its handlers to end", || handlers.now() == 0 && bed.counters.open() == 0).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB");
    let refused = refused.len();
    measured(
        "20,000 streams of one client",
        format_args!(
            "of at most {most} {} were opened, {refused} refused, sent away after {took:?} when {sent} were sent; memory grew by {grown} KiB",
            handlers.ever()
        ),
    );
}
