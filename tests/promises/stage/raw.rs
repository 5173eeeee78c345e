//! Calls with any bytes in them, for what no generated client would send.

use std::time::Duration;

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

use super::callers::Line;
use super::within;

/// A call as it goes over the wire.
pub(crate) struct Call {
    /// The method, as `/belay.v1.Service/Method`.
    pub(crate) path: String,
    /// What is sent as its message.
    pub(crate) body: Vec<u8>,
    /// The header `grpc-timeout`, whatever it says.
    pub(crate) timeout: Option<&'static str>,
}

impl Call {
    /// Calls, and reads the first answer if one comes.
    pub(crate) async fn on(self, line: Line) -> Result<Vec<u8>, Status> {
        let mut grpc = Grpc::new(line).max_decoding_message_size(64 * 1024 * 1024);
        let path: PathAndQuery = self.path.parse().unwrap();
        let mut request = Request::new(self.body);
        if let Some(timeout) = self.timeout {
            request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        }
        let what = format!("an answer to {}", self.path);
        let calling = async {
            grpc.ready().await.map_err(|_| Status::unavailable("no connection"))?;
            let answer = grpc.server_streaming(request, path, Bytes).await?;
            let mut coming = answer.into_inner();
            // A watch that has nothing to say yet was let in all the same.
            let first = tokio::time::timeout(Duration::from_millis(300), coming.message()).await;
            Ok(first.unwrap_or(Ok(None))?.unwrap_or_default())
        };
        within(&what, calling).await
    }
}

/// Messages that are bytes and stay bytes.
#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}
