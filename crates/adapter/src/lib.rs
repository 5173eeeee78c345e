//! Systems in which people are reached, described instead of programmed.
//!
//! A [`Description`] says in YAML which requests to send and what the answers show. An [`Adapter`] is a description
//! with what one installation adds to it. It sends nothing itself: a [`Talk`] says which [`Request`] is next, takes
//! its [`Answer`], and ends with facts. Whoever carries the requests owns time, sockets and secrets.
//!
//! What a description does not understand is reported as not understood. Nothing here guesses, and nothing here
//! decides whether anybody is covered.

mod adapter;
mod built_in;
mod compile;
mod description;
mod dialog;
mod exchange;
mod extract;
mod format;
mod judge;
mod people;
mod settings;

#[cfg(test)]
mod tests;

pub use adapter::{Adapter, Found, NewTicket, OurPage, Proof, Proven, Seen, Talk, Wanted};
pub use built_in::{BUILT_IN, built_in};
pub use description::{Auth, Description, Pace};
pub use exchange::{Answer, Method, Request, Trouble, TroubleKind};
pub use format::{AuthScheme, CheckName, Meaning};
pub use settings::{Settings, SettingsError};
