//! The published gRPC contract of Belay, as Rust types: generated from `proto/belay/v1`, and how they are encoded.
//!
//! What a message or call means is written in the `.proto` files and shows up here as documentation.
//! Start with [`v1::agent_service_client`] for agents and [`v1::case_service_client`] for everybody else.

pub mod codec;

/// Version 1 of the contract, package `belay.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated code; its documentation is the comments of the contract"
)]
pub mod v1 {
    tonic::include_proto!("belay.v1");
}

/// The whole contract as an encoded `google.protobuf.FileDescriptorSet`, comments included, for gRPC reflection
/// and for programs that handle messages whose types they do not know.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/belay.v1.bin"));
