//! The JSON Schema of the documents: that what every command prints is as it says, and that it is not so lax
//! that this says nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes as a person's shell would")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;

mod inspect;
mod labs;
mod schema;
mod strict;
mod who;
