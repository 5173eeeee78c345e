//! A client that is its own HTTP/2: it decides what it reads, and when, and what it calls gRPC.

use std::sync::Arc;
use std::time::Duration;

use belay_transport::tls::{Identity, client_config};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Code;

use super::{Stage, within};

/// A connection of a client.
pub(crate) struct Bare {
    requests: SendRequest<Bytes>,
}

/// How a call was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As gRPC.
    Grpc(Code),
    /// As plain HTTP.
    Http(u16),
    /// The stream was reset.
    Reset,
}

impl Bare {
    /// Connects with streams whose window for answers is this large.
    pub(crate) async fn connect(stage: &Stage, identity: &Identity, window: u32) -> Self {
        let config = client_config(identity).unwrap();
        let stream = TcpStream::connect(stage.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window);
        let (requests, connection) = builder.handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self { requests }
    }

    /// Opens a call with these headers, whose request goes on.
    pub(crate) async fn open(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (SendStream<Bytes>, ResponseFuture) {
        let mut request = Request::post(format!("https://localhost{path}"));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("te", "trailers").body(()).unwrap();
        let mut ready = self.requests.clone().ready().await.expect("the connection is open");
        let (answer, body) = ready.send_request(request, false).unwrap();
        (body, answer)
    }

    /// Makes a call with this body, and says how it was answered.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let (mut sending, answer) = self.open(path, headers).await;
        // That nobody wants to hear the rest is an answer too.
        let _ = sending.send_data(body.into(), true);
        within(path, answered(answer)).await
    }
}

/// Reads an answer to its end.
pub(crate) async fn answered(answer: ResponseFuture) -> Answer {
    let Ok(answer) = answer.await else { return Answer::Reset };
    let (head, mut body) = answer.into_parts();
    if head.status != 200 {
        return Answer::Http(head.status.as_u16());
    }
    if let Some(code) = code(&head.headers) {
        return Answer::Grpc(code);
    }
    while let Some(piece) = body.data().await {
        let Ok(piece) = piece else { return Answer::Reset };
        let _ = body.flow_control().release_capacity(piece.len());
    }
    match body.trailers().await {
        Ok(Some(trailers)) => code(&trailers).map_or(Answer::Reset, Answer::Grpc),
        Ok(None) | Err(_) => Answer::Reset,
    }
}

fn code(headers: &HeaderMap) -> Option<Code> {
    Some(Code::from_bytes(headers.get("grpc-status")?.as_bytes()))
}

/// A message in its gRPC frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// Reads the messages that come on a stream, as long as it is asked to.
pub(crate) struct Reading {
    body: RecvStream,
    buffer: Vec<u8>,
}

impl Reading {
    pub(crate) async fn of(answer: ResponseFuture) -> Self {
        let answer = within("the head of an answer", answer).await.expect("an answer");
        Self { body: answer.into_body(), buffer: Vec::new() }
    }

    /// The next message.
    pub(crate) async fn message<M: prost::Message + Default>(&mut self) -> M {
        loop {
            if let [_, a, b, c, d, rest @ ..] = self.buffer.as_slice() {
                let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                if rest.len() >= length {
                    let message = M::decode(&rest[..length]).unwrap();
                    self.buffer.drain(..5 + length);
                    return message;
                }
            }
            let piece = within("more of an answer", self.body.data()).await;
            let piece = piece.expect("the stream goes on").expect("the stream is well");
            self.body.flow_control().release_capacity(piece.len()).unwrap();
            self.buffer.extend_from_slice(&piece);
        }
    }

    /// Takes what came and makes no room for more, until the stream is reset.
    pub(crate) async fn stall(mut self, limit: Duration) -> Option<h2::Reason> {
        let reset = async {
            loop {
                match self.body.data().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return error.reason(),
                    None => return None,
                }
            }
        };
        tokio::time::timeout(limit, reset).await.expect("the stream ends")
    }
}
