//! Holds the outputs that README.md shows against what the program prints in a terminal of 80 columns.
//!
//! Pids, inodes and other numbers differ from run to run, and so do the user and the folder; they are
//! evened out on both sides. A line `…` in the README stands for lines that it leaves out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes as a person's shell would")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "common/mod.rs"]
mod common;

use common::terminal::on;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// A block of the README: the command lines behind `$ `, and the output under them.
struct Block {
    commands: Vec<String>,
    output: String,
}

fn blocks(readme: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for part in readme.split("```console\n").skip(1) {
        let body = part.split("```").next().unwrap();
        let (commands, output): (Vec<&str>, Vec<&str>) =
            body.lines().partition(|line| line.starts_with("$ "));
        let commands: Vec<_> = commands.iter().map(|line| line[2..].to_owned()).collect();
        blocks.push(Block { commands, output: output.join("\n") });
    }
    blocks
}

/// What does not depend on the run.
fn even_out(text: &str) -> String {
    let mut even = String::new();
    for line in text.lines() {
        // Where a process runs is told of some and not of others.
        if line.trim_start().starts_with("cgroup ") || line.trim_start().starts_with("container ") {
            continue;
        }
        let mut before = ' ';
        let mut digits = String::new();
        for char in line.chars().chain(['\n']) {
            if char.is_ascii_digit() {
                digits.push(char);
                continue;
            }
            // Numbers of one or two digits are descriptors.
            even.push_str(if digits.len() > 2 { "#" } else { &digits });
            if !digits.is_empty() {
                before = '#';
            }
            digits.clear();
            let char = if char == '\n' { ' ' } else { char };
            if !(char == before && matches!(char, ' ' | '─' | '═')) {
                even.push(char);
            }
            before = char;
        }
    }
    let user = even.match_indices("user ").map(|(at, _)| at).collect::<Vec<_>>();
    for at in user.into_iter().rev() {
        let end = even[at..].find(',').map_or(even.len(), |end| at + end);
        even.replace_range(at..end, "user me");
    }
    let even =
        even.split("/dev/pts/").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '#'));
    let even = even.collect::<Vec<_>>().join("/dev/pts/#");
    // The terminal's own descriptor is the lowest that happens to be free in the tests.
    let mut parts = even.split("xterm[#] fd ");
    let first = parts.next().unwrap_or_default().to_owned();
    let even = parts.fold(first, |even, part| {
        even + "xterm[#] fd # " + part.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    even.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Runs the command lines of a block one after the other in one interactive bash, as a person would.
fn shown(block: &Block, folder: &Path) -> String {
    let program = common::program();
    let mut script = format!("PATH={}:$PATH\n", program.parent().unwrap().display());
    // What the tests themselves have inherited, a person's shell has not.
    script
        .push_str("for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ $fd -gt 2 ] && eval \"exec $fd>&-\"; done\n");
    for command in &block.commands {
        script.push_str(command);
        script.push('\n');
        if command.trim_end().ends_with('&') {
            // A person takes longer to type than a child to become its command.
            script.push_str("while [ \"$(cat /proc/$!/comm)\" = bash ]; do :; done\n");
        }
    }
    script.push_str("for job in $(jobs -p); do kill -KILL $job; done 2>/dev/null\n");
    // Its own session with the terminal as the controlling one, so that it has job control.
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", "bash", "--norc", "-ic", &script]).current_dir(folder);
    common::plain(&mut command);
    command.env("NO_COLOR", "1");
    let (text, _) = on(80, &mut command, "");
    text.replace(folder.to_str().unwrap(), "/home/me")
}

#[test]
fn outputs_are_what_the_program_prints() {
    if !common::installed("bash") || !common::installed("setsid") {
        return;
    }
    let blocks: Vec<_> = blocks(README).into_iter().filter(|block| !block.output.trim().is_empty()).collect();
    assert!(blocks.len() >= 2, "README.md shows no outputs");
    // This process holds the other end of the terminal, as a terminal emulator does.
    std::fs::write("/proc/self/comm", "xterm").unwrap();
    for block in blocks {
        let temporary = tempfile::tempdir().unwrap();
        // The pipeline of the first example looks for Cargo's files.
        for file in ["Cargo.lock", "Cargo.toml", "README.md"] {
            std::fs::write(temporary.path().join(file), "").unwrap();
        }
        let shown = shown(&block, temporary.path());
        let even = even_out(&shown);
        let mut rest = even.as_str();
        for piece in format!("\n{}\n", block.output).split("\n…\n") {
            let piece = even_out(piece);
            let found = rest.find(&piece);
            let at = found.unwrap_or_else(|| {
                panic!(
                    "{:?} prints\n{shown}\nwhich evened out is\n{rest}\nand lacks\n{piece}",
                    block.commands
                )
            });
            rest = &rest[at + piece.len()..];
        }
    }
}

#[test]
fn the_two_commands_are_named() {
    for command in ["$ cargo run --release -- pipe 'ls | grep Cargo'", "$ cargo test"] {
        assert!(README.lines().any(|line| line == command), "{command}");
    }
}
