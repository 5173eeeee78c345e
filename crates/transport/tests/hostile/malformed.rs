//! Frames that are none: each ends its connection with a reason, and the server serves on.

use crate::accept::Settings;
use crate::raw::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_SIZE_ERROR, HEADERS, PING, PREFACE,
    PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, call, frame, headers,
};
use crate::stage::{beside, never};
use crate::testbed::Outcome;

#[tokio::test]
async fn frames_in_the_wrong_place_break_the_protocol() {
    check(
        "headers on the connection itself",
        &frame(HEADERS, END_HEADERS, 0, &call("/x/y")),
        PROTOCOL_ERROR,
    )
    .await;
    check(
        "a stream with a number of the server's",
        &frame(HEADERS, END_HEADERS, 2, &call("/x/y")),
        PROTOCOL_ERROR,
    )
    .await;
    check("data on a stream that was never opened", &frame(DATA, 0, 1, b"x"), PROTOCOL_ERROR).await;
    check("data on the connection itself", &frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR).await;
    check(
        "a reset of a stream that was never opened",
        &frame(RST_STREAM, 0, 1, &[0; 4]),
        PROTOCOL_ERROR,
    )
    .await;
    check(
        "a promise, which only servers make",
        &frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]),
        PROTOCOL_ERROR,
    )
    .await;
    check("a continuation of nothing", &frame(CONTINUATION, END_HEADERS, 1, b""), PROTOCOL_ERROR)
        .await;
    let torn = [frame(HEADERS, 0, 1, &call("/x/y")), frame(PING, 0, 0, &[0; 8])].concat();
    check("headers that something else interrupts", &torn, PROTOCOL_ERROR).await;
    let backwards = [
        frame(HEADERS, END_HEADERS, 3, &call("/x/y")),
        frame(HEADERS, END_HEADERS, 1, &call("/x/y")),
    ]
    .concat();
    check("a stream with a number that is over", &backwards, PROTOCOL_ERROR).await;
    let nothing =
        [frame(HEADERS, END_HEADERS, 1, &call("/x/y")), frame(WINDOW_UPDATE, 0, 1, &[0; 4])]
            .concat();
    check("a window that grows by nothing", &nothing, PROTOCOL_ERROR).await;
    check(
        "a window of the connection that grows by nothing",
        &frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
        PROTOCOL_ERROR,
    )
    .await;
}

#[tokio::test]
async fn frames_of_the_wrong_size_break_the_protocol() {
    check("a ping of seven bytes", &frame(PING, 0, 0, &[0; 7]), PROTOCOL_ERROR).await;
    check("settings of five bytes", &frame(SETTINGS, 0, 0, &[0; 5]), PROTOCOL_ERROR).await;
    check(
        "settings that are acknowledged and made",
        &frame(SETTINGS, ACK, 0, &[0; 6]),
        PROTOCOL_ERROR,
    )
    .await;
    check(
        "a frame larger than was allowed",
        &frame(DATA, 0, 1, &[0; 16 * 1024 + 1]),
        FRAME_SIZE_ERROR,
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_breaks_the_protocol() {
    check(
        "headers that name a place in an empty table",
        &frame(HEADERS, END_HEADERS, 1, &[0xbf]),
        PROTOCOL_ERROR,
    )
    .await;
    check(
        "headers that end in the middle",
        &frame(HEADERS, END_HEADERS, 1, &[0, 0x7f]),
        PROTOCOL_ERROR,
    )
    .await;
    let window = [&4_u16.to_be_bytes()[..], &0x8000_0000_u32.to_be_bytes()[..]].concat();
    check("a window that no window can be", &frame(SETTINGS, 0, 0, &window), PROTOCOL_ERROR).await;
    let after_the_end =
        [frame(HEADERS, END_HEADERS | END_STREAM, 1, &call("/x/y")), frame(DATA, 0, 1, b"more")]
            .concat();
    check("data after the end of a stream", &after_the_end, PROTOCOL_ERROR).await;
    let padded = frame(DATA, 8, 1, &[200, 1, 2]);
    let opened = [frame(HEADERS, END_HEADERS, 1, &call("/x/y")), padded].concat();
    check("more padding than there is frame", &opened, PROTOCOL_ERROR).await;
}

/// No request comes of headers that are no request's, and what the client has said is forgotten.
#[tokio::test]
async fn headers_that_are_no_requests_reach_no_handler() {
    let _turn = beside().await;
    let long = "x".repeat(40 * 1024);
    let usual = [(":method", "POST"), (":scheme", "https"), (":path", "/x/y")];
    let blocks = [
        headers(&[]),
        headers(&[(":method", "POST")]),
        headers(&[usual[0], usual[1], usual[2], (":path", "/x/z")]),
        headers(&[usual[0], usual[1], usual[2], (":status", "200")]),
        headers(&[usual[0], usual[1], usual[2], ("connection", "close")]),
        headers(&[usual[0], usual[1], usual[2], ("Capital", "x")]),
        headers(&[usual[0], usual[1], usual[2], ("line", "a\r\nb")]),
        headers(&[usual[0], usual[1], usual[2], ("long", &long)]),
    ];
    for block in blocks {
        let (bed, handlers) = never(Settings::default()).await;
        let mut raw = Raw::greeted(&bed, &bed.authority.agent("billing").unwrap()).await;
        let mut flags = END_STREAM;
        let mut kind = HEADERS;
        for piece in block.chunks(16 * 1024) {
            raw.says.frame(kind, flags, 1, piece).await;
            (kind, flags) = (CONTINUATION, 0);
        }
        if block.len() <= 16 * 1024 {
            raw.says.bytes(&frame(CONTINUATION, END_HEADERS, 1, &[])).await.unwrap();
        } else {
            raw.says.frame(CONTINUATION, END_HEADERS, 1, &[]).await;
        }
        raw.says.frame(PING, 0, 0, &[1; 8]).await;
        loop {
            match raw.hears.frame().await {
                None => break,
                Some(frame) if frame.kind == PING && frame.flags == ACK => break,
                Some(_) => {}
            }
        }
        assert_eq!(
            handlers.ever(),
            0,
            "{:?}",
            String::from_utf8_lossy(&block[..block.len().min(100)])
        );
    }
}

#[tokio::test]
async fn a_greeting_of_another_protocol_is_closed() {
    let _turn = beside().await;
    for greeting in [
        &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        &[0; 64],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
    ] {
        let (bed, handlers) = never(Settings::default()).await;
        let mut raw = Raw::silent(&bed, &bed.authority.agent("billing").unwrap()).await;
        raw.says.bytes(greeting).await.unwrap();
        let _ = raw.hears.end().await;
        assert_eq!(
            (handlers.ever(), bed.counters.refused(crate::accept::Refusal::NoRequest)),
            (0, 0)
        );
    }
}

/// Says this after the greeting.
async fn check(what: &str, bytes: &[u8], code: u32) {
    let _turn = beside().await;
    let (bed, _) = never(Settings::default()).await;
    let identity = bed.authority.agent("billing").unwrap();
    let mut raw = Raw::silent(&bed, &identity).await;
    raw.says.bytes(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), bytes].concat()).await.unwrap();
    let (_, goodbye) = raw.hears.end().await;
    assert_eq!(goodbye, Some(code), "{what}");
    assert_eq!(bed.shows(Some(&identity)).await, Outcome::LetIn, "after {what}");
}
