//! How a Belay process proves who is on the other end, and how connections are accepted safely.
//!
//! Identity comes from the TLS session and from nowhere else: a peer is the one SPIFFE id of its
//! certificate, and no handler runs before that is settled. People add a bearer token on top. What a
//! peer may do is never decided here.
//!
//! A server puts the parts together in this order, outermost first: [`accept::Server`] (who may
//! connect), [`telemetry::TraceLayer`] (what happened), [`deadline::DeadlineLayer`] (by when),
//! [`limits::LimitLayer`] (how much at once), and then its services. A client calls
//! [`channel::connect`].

pub mod spiffe;

pub mod thumbprint;

pub mod peer;

pub mod revocation;

pub mod tls;

pub mod accept;

pub mod channel;

pub mod deadline;

pub mod limits;

pub mod person;

pub mod permit;

pub mod authority;

pub mod issuer;

pub mod telemetry;

pub mod web;

mod jwks;
mod private_file;
mod signing_key;

#[cfg(test)]
mod testbed;
