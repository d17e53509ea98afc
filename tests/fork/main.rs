//! The lab `fork`: a real parent and a real child, and what the kernel says of both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests start processes as a person's shell would")]
#![allow(clippy::print_stderr, reason = "where what was skipped is told")]

#[path = "../common/mod.rs"]
mod common;

use common::{descriptor, descriptors, plain, program, run};
use serde_json::{Value, json};
use std::process::Command;

fn fork(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("fork").args(arguments);
    plain(&mut command);
    command
}

fn document(arguments: &[&str]) -> Value {
    let ran = run(fork(&["--format", "json"]).args(arguments));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.text());
    ran.json()
}

fn pid(process: &Value) -> i32 {
    i32::try_from(process["pid"].as_i64().unwrap()).unwrap()
}

/// The moment of this name.
fn moment<'a>(found: &'a Value, name: &str) -> &'a Value {
    let moments = found["moments"].as_array().unwrap();
    moments.iter().find(|moment| moment["name"] == name).unwrap_or_else(|| panic!("no {name}: {found}"))
}

/// The parent's and the child's pid, of a moment that has both.
fn both(moment: &Value) -> (i32, i32) {
    let processes = moment["processes"].as_array().unwrap();
    (pid(&processes[0]), pid(&processes[1]))
}

#[test]
fn a_child_has_its_parents_numbers_and_open_file_descriptions() {
    let found = document(&[]);
    let after = moment(&found, "fork");
    let (parent, child) = both(after);
    let of = |pid| descriptors(after, pid).iter().map(|fd| (fd["fd"].clone(), fd["open_file"].clone()));
    let (parents, childs): (Vec<_>, Vec<_>) = (of(parent).collect(), of(child).collect());
    assert_eq!(parents, childs, "the same numbers, each with the same open file description");
    assert_eq!(parents.len(), 10);
    assert!(parents.iter().all(|(_, open_file)| open_file.is_string()), "proven");
    // dup shares, and opening again does not.
    assert_eq!(descriptor(after, parent, 3)["open_file"], descriptor(after, parent, 4)["open_file"]);
    assert_ne!(descriptor(after, parent, 3)["open_file"], descriptor(after, parent, 5)["open_file"]);
    assert_eq!(descriptor(after, parent, 3)["ino"], descriptor(after, parent, 5)["ino"]);
    let offset = |fd| descriptor(after, child, fd)["offset"].clone();
    assert_eq!((offset(3), offset(4), offset(5)), (json!(7), json!(7), json!(0)));
    assert_eq!(descriptor(after, child, 6)["cloexec"], true, "a fork does not close it");
    assert_eq!(descriptor(after, child, 9)["facts"]["state"], "LISTEN");
}

#[test]
fn the_parents_table_is_shown_before_the_fork() {
    let found = document(&[]);
    let before = moment(&found, "before fork");
    let processes = before["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 1);
    assert_eq!(descriptors(before, pid(&processes[0])).len(), 10);
    assert_eq!(descriptor(before, pid(&processes[0]), 3)["offset"], 7);
}

#[test]
fn the_childs_seek_moves_the_parents_offset() {
    let found = document(&[]);
    let moved = moment(&found, "offset moved");
    let (parent, child) = both(moved);
    for pid in [parent, child] {
        for (fd, offset) in [(3, 20), (4, 20), (5, 0)] {
            assert_eq!(descriptor(moved, pid, fd)["offset"], offset, "{pid} {fd}");
        }
    }
    // What the child did to its standard output is its own.
    let (parents, childs) = (descriptor(moved, parent, 1), descriptor(moved, child, 1));
    assert_ne!(parents["open_file"], childs["open_file"]);
    assert_eq!(parents["open_file"], descriptor(moved, parent, 1)["open_file"]);
    assert_eq!(childs["kind"], "file");
}

#[test]
fn exec_closes_what_has_cloexec_and_nothing_else() {
    let found = document(&[]);
    let exec = moment(&found, "exec");
    let (parent, child) = both(exec);
    let numbers =
        |pid| descriptors(exec, pid).iter().map(|fd| fd["fd"].as_i64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(parent), (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(child), [0, 1, 2, 3, 4, 5, 7, 8, 9]);
    let steps = found["steps"].as_array().unwrap();
    let last = steps.last().unwrap();
    assert_eq!((&last["call"], &last["actor"]), (&json!("execve"), &json!("child")));
    assert_eq!(last["changes"], json!(["- 6 /dev/zero r"]));
    assert_eq!(found["exits"][0]["status"], 0);
}

#[test]
fn a_redirection_changes_the_childs_table_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fork(&["--format", "json", "--timeout", "0.2", "sleep 77301 > a.txt"]);
    let ran = run(command.current_dir(folder.path()));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let found = ran.json();
    let (shell, sleep) = both(moment(&found, "exec"));
    let name = |pid, fd| descriptor(&found, pid, fd)["name"].clone();
    assert_eq!(name(sleep, 1), folder.path().join("a.txt").to_str().unwrap());
    assert_ne!(name(shell, 1), name(sleep, 1));
    assert_eq!(descriptor(&found, shell, 0)["open_file"], descriptor(&found, sleep, 0)["open_file"]);
    assert!(folder.path().join("a.txt").exists(), "what the user named stays");
    let before = moment(&found, "before exec");
    assert_eq!(before["processes"].as_array().unwrap().len(), 1);
    assert_eq!(found["ended_by"], "timeout");
}

#[test]
fn a_redirection_behind_the_ampersand_is_explained() {
    let ran = run(&mut fork(&["--timeout", "0.2", "sleep 77302 & > /nowhere/a.txt"]));
    assert_eq!(ran.status, 0);
    assert!(ran.err.contains("is two commands: `sleep 77302 &`"), "{}", ran.err);
    assert!(ran.text().contains("execve("), "{}", ran.text());
    assert!(!ran.text().contains("a.txt"), "nothing of it is redirected");
}

#[test]
fn a_pipeline_is_for_pipe() {
    let ran = run(&mut fork(&["ls | cat"]));
    assert_eq!((ran.status, ran.text()), (2, ""));
    assert!(ran.err.contains("ganariya-fd pipe 'ls | cat'"), "{}", ran.err);
}

#[test]
fn its_own_file_has_no_name_and_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(fork(&[]).env("TMPDIR", folder.path()));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
