//! An HTTP/2 client without manners: it sends any frame at any time and does nothing that it is not told to do.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::testbed::{Bed, PATIENCE};
use crate::tls::Identity;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is said, and what is heard.
pub(crate) struct Raw {
    pub(crate) says: Says,
    pub(crate) hears: Hears,
}

/// The half that speaks.
pub(crate) struct Says(WriteHalf<TlsStream<TcpStream>>);

/// The half that listens.
pub(crate) struct Hears(ReadHalf<TlsStream<TcpStream>>);

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    /// TLS, and nothing said.
    pub(crate) async fn silent(bed: &Bed, identity: &Identity) -> Self {
        let stream = bed.shake_hands(Some(identity)).await.expect("the handshake");
        let (hears, says) = tokio::io::split(stream);
        Self { says: Says(says), hears: Hears(hears) }
    }

    /// TLS, the preface and empty settings.
    pub(crate) async fn greeted(bed: &Bed, identity: &Identity) -> Self {
        Self::greeted_with(bed, identity, &[]).await
    }

    /// The same with settings.
    pub(crate) async fn greeted_with(
        bed: &Bed,
        identity: &Identity,
        settings: &[(u16, u32)],
    ) -> Self {
        let mut raw = Self::silent(bed, identity).await;
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()[..]].concat())
            .collect();
        raw.says.bytes(&[PREFACE, &frame(SETTINGS, 0, 0, &payload)].concat()).await.unwrap();
        raw
    }
}

impl Says {
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    pub(crate) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        // That the server has gone is something to be heard, not said.
        let _ = self.bytes(&frame(kind, flags, stream, payload)).await;
    }
}

impl Hears {
    /// The next frame; none at the end of the connection.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("a frame or the end of the connection")
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of a kind. Everything before it is dropped.
    pub(crate) async fn next(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.frame().await.expect("the connection is open");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Listens to the end of the connection. Says how many streams were reset with which code, and the code of
    /// the last words, if there were any.
    pub(crate) async fn end(&mut self) -> (Vec<u32>, Option<u32>) {
        let (mut resets, mut goodbye) = (Vec::new(), None);
        while let Some(frame) = self.frame().await {
            match frame.kind {
                RST_STREAM => resets.push(frame.code()),
                GOAWAY => goodbye = Some(frame.code()),
                _ => {}
            }
        }
        (resets, goodbye)
    }
}

impl Frame {
    /// The error code of a reset or a goodbye.
    pub(crate) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A frame, well formed or not.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a gRPC call, unindexed and uncompressed.
pub(crate) fn call(path: &str) -> Vec<u8> {
    headers(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ])
}

/// Header fields, unindexed and uncompressed.
pub(crate) fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(text.len(), &mut block);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits.
fn integer(mut value: usize, block: &mut Vec<u8>) {
    if value < 127 {
        block.push(value as u8);
        return;
    }
    block.push(127);
    value -= 127;
    while value >= 128 {
        block.push((value % 128) as u8 | 128);
        value /= 128;
    }
    block.push(value as u8);
}
