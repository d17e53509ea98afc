//! The stop engine on real tracees: `collect::follow` with `kernel::ptrace` under it.
//!
//! It waits for any child, forks and takes signals, so each case is a process of its own with one thread
//! (see `runner`), and calls the library instead of running the binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes as any program does")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "it tells as cargo's own tests do")]

#[path = "../common/mod.rs"]
mod common;
mod tracee;

mod births;
mod calls;
mod exec;
mod foreign;
mod killing;
mod pace;
mod peers;
mod replay;
mod runner;
mod signals;
mod tables;

use runner::Case;

fn main() {
    let rooms: [(&str, &[Case]); 9] = [
        ("calls", calls::CASES),
        ("tables", tables::CASES),
        ("peers", peers::CASES),
        ("births", births::CASES),
        ("exec", exec::CASES),
        ("signals", signals::CASES),
        ("killing", killing::CASES),
        ("pace", pace::CASES),
        ("foreign", foreign::CASES),
    ];
    if let Some(role) = std::env::var_os(killing::TRACER) {
        return killing::trace_until_killed(&role);
    }
    runner::run(&rooms);
}
