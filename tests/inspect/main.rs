//! `inspect`, run as a person would, on real processes.
#![allow(clippy::disallowed_methods, reason = "tests start processes as any program does")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;

mod against_peers;
mod busy;
mod choosing;
mod churn;
mod dead_mount;
mod deleted;
mod fallback;
mod families;
mod fields;
mod gone;
mod holders;
mod kinds;
mod lsof_format;
mod names;
mod namespaces;
mod other_tools;
mod own_proc;
mod places;
mod rights;
mod rounds;
mod sharing;
mod sparing;
mod streams;
mod terminal;
mod threads;
mod told;
mod traps;
mod unix_names;
