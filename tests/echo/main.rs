//! `echo-server` and `echo-client`, run as a person would, on real sockets.
#![allow(clippy::disallowed_methods, reason = "tests start processes as any program does")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod client;
mod ending;
mod limits;
mod load;
mod pressure;
mod server;
mod serving;
mod tables;
