//! How messages are encoded: as protobuf, in buffers that begin small.
//!
//! Every open stream has one buffer in each direction for as long as it lasts, and most streams of agents are idle most
//! of the time. The library begins with 8 KiB each, a quarter of what an idle agent weighs. Buffers grow with what goes
//! through them.

use std::fmt;
use std::marker::PhantomData;

use prost::Message;
use tonic::codec::BufferSettings;
use tonic_prost::ProstCodec;

/// With how many bytes a buffer begins: a message without a context fits.
const BUFFER_BYTES: usize = 1_024;

/// When this much is encoded, it is sent before more is. The library's own default.
const YIELD_BYTES: usize = 32 * 1_024;

/// The codec of every call of the contract.
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as tonic::codec::Codec>::Encoder;
    type Decoder = <ProstCodec<T, U> as tonic::codec::Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> fmt::Debug for Codec<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codec")
    }
}
