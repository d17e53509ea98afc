//! `who`: files, ports, sockets and pipes, found by what they are, and how their holders came to them.
#![allow(clippy::disallowed_methods, reason = "tests start processes as any program does")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod origins;
mod output;
mod sockets;

use common::{plain, program};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// `ganariya-fd who ARGUMENTS`.
fn who<A: AsRef<str>>(arguments: &[A]) -> Command {
    let mut command = Command::new(program());
    command.arg("who").args(arguments.iter().map(AsRef::as_ref));
    plain(&mut command);
    command
}

/// The document that it gives.
fn found<A: AsRef<str>>(arguments: &[A]) -> Value {
    let arguments: Vec<&str> =
        ["--format", "json"].into_iter().chain(arguments.iter().map(AsRef::as_ref)).collect();
    let ran = common::run(&mut who(&arguments));
    assert!(ran.status <= 1, "{}: {}", ran.status, ran.err);
    let document = ran.json();
    let is_empty =
        ["holders", "kernel_holders"].iter().all(|key| document[key].as_array().unwrap().is_empty());
    assert_eq!(ran.status == 1, is_empty, "{document}");
    document
}

/// Who holds it by what: pids with numbers of descriptors, or words for places.
fn holders(document: &Value) -> BTreeSet<(i64, String)> {
    let holders = document["holders"].as_array().unwrap().iter();
    let fd = |fd: &Value| fd.as_str().map_or_else(|| fd.to_string(), str::to_owned);
    holders.map(|holder| (holder["pid"].as_i64().unwrap(), fd(&holder["fd"]))).collect()
}

/// The same as it is expected.
fn by(pid: i32, places: &[&str]) -> BTreeSet<(i64, String)> {
    places.iter().map(|place| (pid.into(), (*place).to_owned())).collect()
}
