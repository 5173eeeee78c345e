//! The real program, with real clients over mutual TLS, is killed at random moments, meets a disk that fails and a disk
//! that is full. What was answered stays, and no effect is repeated (JRN-1, JRN-3, IDM-1).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "crash/caller.rs"]
mod caller;
#[path = "crash/company.rs"]
mod company;
#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/house.rs"]
mod house;
#[path = "crash/killed.rs"]
mod killed;
#[path = "crash/load.rs"]
mod load;
#[path = "crash/verdict.rs"]
mod verdict;
