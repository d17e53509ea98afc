//! The lab as one JSON document.

use crate::common::{descriptor, process, run, start};
use crate::pipe;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

fn document(arguments: &[&str]) -> Value {
    let ran = run(pipe(&["--format", "json"]).args(arguments));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.text());
    ran.json()
}

/// The pid of a stage's process, from 1.
fn stage(document: &Value, number: usize) -> i32 {
    i32::try_from(document["exits"][number - 1]["pid"].as_i64().unwrap()).unwrap()
}

#[test]
fn one_document_holds_all_and_the_output() {
    let found = document(&["ls | grep Cargo"]);
    assert_eq!(found["schema"], "ganariya-fd/1");
    assert_eq!(found["output"], serde_json::json!({"stdout": "Cargo.lock\nCargo.toml\n", "stderr": ""}));
    assert_eq!(found["ended_by"], Value::Null);
    let (ls, grep) = (stage(&found, 1), stage(&found, 2));
    let (out, input) = (descriptor(&found, ls, 1), descriptor(&found, grep, 0));
    assert_eq!((&out["kind"], &out["access"]), (&"pipe".into(), &"w".into()));
    assert_eq!((&input["kind"], &input["access"]), (&"pipe".into(), &"r".into()));
    assert_eq!(out["ino"], input["ino"]);
    assert_eq!(out["peers"][0]["pid"], grep);
    assert_eq!(input["peers"][0]["pid"], ls);
    let statuses: Vec<_> = found["exits"].as_array().unwrap().iter().map(|exit| &exit["status"]).collect();
    assert_eq!(statuses, [0, 0]);
}

#[test]
fn captured_outputs_are_marked_and_nothing_else_is() {
    let found = document(&["echo a | cat"]);
    let (first, last) = (stage(&found, 1), stage(&found, 2));
    let marked = |pid, fd| descriptor(&found, pid, fd).get("lab") == Some(&"capture".into());
    assert!(!marked(first, 0) && !marked(first, 1) && marked(first, 2));
    assert!(!marked(last, 0) && marked(last, 1) && marked(last, 2));
}

#[test]
fn steps_carry_the_kernels_names_and_their_changes() {
    let found = document(&["true | cat"]);
    let steps = found["steps"].as_array().unwrap();
    let calls: Vec<_> = steps.iter().map(|step| step["call"].as_str().unwrap()).collect();
    assert_eq!(&calls[..2], ["pipe2", "clone"]);
    assert_eq!(steps[0]["result"], "[3, 4]");
    assert_eq!(steps[0]["changes"], serde_json::json!(["+ 3 pipe r", "+ 4 pipe w"]));
    let shell = &steps[0]["pid"];
    assert!(process(&found, i32::try_from(shell.as_i64().unwrap()).unwrap())["command"] == "shell");
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step["n"], index + 1);
    }
    let moments: Vec<_> = found["moments"].as_array().unwrap().iter().map(|moment| &moment["name"]).collect();
    assert_eq!(moments, ["start", "fork", "fork", "exec"]);
    assert_eq!(found["moments"][3]["after_step"], steps.len());
}

#[test]
fn output_that_is_not_utf8_is_carried_whole() {
    let found = document(&[r"printf 'a\377'"]);
    assert_eq!(found["output"]["stdout_bytes"], "Yf8=");
}

#[test]
fn a_signal_and_a_timeout_are_told() {
    let found = document(&["yes | head -1"]);
    assert_eq!(found["exits"][0]["signal"], "SIGPIPE");
    let found = document(&["--timeout", "0.2", "sleep 77201 | cat"]);
    assert_eq!(found["ended_by"], "timeout");
    assert_eq!(found["exits"][0]["signal"], "SIGTERM");
}

#[test]
fn a_held_document_is_out_before_the_word_of_it() {
    let mut command = pipe(&["--format", "json", "--hold", "sleep 77202 | cat"]);
    let mut lab = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(lab.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("held: shell="), "{line}");
    // The document ends where the next value would begin, although the program goes on.
    let mut values = serde_json::Deserializer::from_reader(lab.stdout.take().unwrap()).into_iter::<Value>();
    let found = values.next().unwrap().unwrap();
    assert_eq!(found["processes"].as_array().unwrap().len(), 3);
    assert!(found.get("output").is_none());
    kill(Pid::from_raw(i32::try_from(lab.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(lab.wait().unwrap().code(), Some(143));
    assert!(values.next().is_none(), "one document and nothing else");
}
