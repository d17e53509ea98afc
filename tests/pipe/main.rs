//! The lab `pipe`, run as a person runs it: real pipelines, and what the kernel says of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes as a person's shell would")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;
mod ending;
mod json;
mod looking;
mod real_shells;
mod redirections;
mod shells;
mod wiring;

use common::{Ran, plain, program, run};
use std::process::Command;

/// `ganariya-fd pipe ARGUMENTS`, in English, in the project's folder.
fn pipe(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("pipe").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    plain(&mut command);
    command
}

/// What a run of the lab printed, in its parts.
struct Told {
    steps: Vec<String>,
    /// Of each process: its name with its pid, and the lines of its table.
    tables: Vec<(String, Vec<Vec<String>>)>,
    output: String,
    exits: Vec<String>,
}

/// The parts of the lab's text, as it is where standard output is no terminal.
fn told(ran: &Ran) -> Told {
    let text = ran.text();
    let mut parts = text.split("── ");
    let steps = parts.next().unwrap().lines().filter(|line| is_step(line)).map(str::to_owned).collect();
    let at_exec = parts.next().unwrap_or_else(|| panic!("{text}\n{}", ran.err));
    let body = |part: &str| part.split_once('\n').map(|(_, body)| body.to_owned()).unwrap_or_default();
    let output = body(parts.next().unwrap());
    let exits = body(parts.next().unwrap()).lines().map(|line| line.trim().to_owned()).collect();
    let mut tables: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    for line in at_exec.lines() {
        if line.contains("  ppid ") {
            tables.push((line.split("  ").next().unwrap().to_owned(), Vec::new()));
        } else if line.starts_with(|char: char| char.is_ascii_digit()) {
            let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            tables.last_mut().unwrap().1.push(cells.map(str::to_owned).collect());
        }
    }
    Told { steps, tables, output, exits }
}

/// Whether a line is that of a step: `3  shell[4100]  close(4)`.
fn is_step(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let number = words.next().is_some_and(|first| first.parse::<u32>().is_ok());
    number && words.next().is_some_and(|actor| actor.contains('[') && actor.ends_with(']'))
}

/// `told` of a run that ended with 0.
fn success(arguments: &[&str]) -> Told {
    let ran = run(&mut pipe(arguments));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.text());
    told(&ran)
}
