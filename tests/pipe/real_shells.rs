//! `--shell`: a real shell wires it, under the same eyes. And `--leave-open`: one that forgets to.

use crate::common::{descriptor, installed, run};
use crate::pipe;
use serde_json::Value;
use std::fs;

fn document(arguments: &[&str]) -> Value {
    let ran = run(pipe(&["--format", "json"]).args(arguments));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.text());
    ran.json()
}

/// The pid and the name of each command, in the order of their births.
fn commands(found: &Value) -> Vec<(i32, String)> {
    let exits = found["exits"].as_array().unwrap().iter();
    exits
        .map(|exit| {
            (
                i32::try_from(exit["pid"].as_i64().unwrap()).unwrap(),
                exit["command"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

/// The calls of one process, in order.
fn calls(found: &Value, pid: i32) -> Vec<String> {
    let steps = found["steps"].as_array().unwrap().iter().filter(|step| step["pid"] == pid);
    steps.map(|step| step["call"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_shell_wires_a_pipeline_to_the_same_tables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let pipeline = format!("ls | cat > {} 2>&1", file.display());
    for shell in ["bash", "dash", "zsh"] {
        if !installed(shell) {
            continue;
        }
        let found = document(&["--shell", shell, &pipeline]);
        let [(ls, ls_name), (cat, cat_name)] = &commands(&found)[..] else { panic!("{shell}: {found}") };
        assert_eq!((ls_name.as_str(), cat_name.as_str()), ("ls", "cat"), "{shell}");
        assert_eq!(descriptor(&found, *ls, 1)["ino"], descriptor(&found, *cat, 0)["ino"], "{shell}");
        assert_eq!(descriptor(&found, *cat, 1)["name"], file.to_str().unwrap(), "{shell}");
        let shared = descriptor(&found, *cat, 1)["open_file"].clone();
        assert_eq!(descriptor(&found, *cat, 2)["open_file"], shared, "{shell}");
        assert!(fs::read_to_string(&file).unwrap().contains("Cargo.toml"), "{shell}");
    }
}

#[test]
fn dash_redirects_in_the_parent_and_bash_in_the_child() {
    if !installed("bash") || !installed("dash") {
        return;
    }
    let found = document(&["--shell", "dash", "cat < Cargo.toml; :"]);
    let [(cat, _)] = commands(&found)[..] else { panic!("{found}") };
    let shell = i32::try_from(found["steps"][0]["pid"].as_i64().unwrap()).unwrap();
    assert_eq!(found["steps"][0]["call"], "openat", "before the fork, by the shell");
    assert!(calls(&found, shell).contains(&"vfork".to_owned()));
    assert_eq!(calls(&found, cat), ["execve"]);

    let found = document(&["--shell", "bash", "cat < Cargo.toml; :"]);
    let [(cat, _)] = commands(&found)[..] else { panic!("{found}") };
    assert_eq!(calls(&found, cat), ["openat", "dup2", "close", "execve"]);
}

#[test]
fn in_zsh_a_redirection_behind_the_ampersand_is_a_command_of_its_own() {
    if !installed("zsh") || !installed("bash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.txt");
    let text = format!("sleep 0 & > {}", file.display());
    let found = document(&["--shell", "zsh", &text]);
    let names: Vec<_> = commands(&found).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["sleep", "cat"], "zsh puts cat where no command stands");
    // In bash there is no second command: the file is made and nothing else.
    let found = document(&["--shell", "bash", &text]);
    let sleep = commands(&found)[0].0;
    assert_eq!(commands(&found).len(), 1);
    assert_ne!(descriptor(&found, sleep, 1)["name"], file.to_str().unwrap());
}

#[test]
fn whatever_the_shell_understands_is_run_and_its_status_given() {
    if !installed("bash") {
        return;
    }
    let ran = run(&mut pipe(&["--shell", "bash", "cat <(echo hi) | wc -l; exit 3"]));
    assert_eq!(ran.status, 3, "{}", ran.err);
    assert!(ran.text().contains("\n1\n"), "{}", ran.text());
    let ran = run(&mut pipe(&["--shell", "bash", "for i in 1 2; do true | cat; done; (exit 4)"]));
    assert_eq!(ran.status, 4, "{}", ran.err);
    let ran = run(&mut pipe(&["--shell", "bash", "echo builtin"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.text().contains("builtin\n"));
    let ran = run(&mut pipe(&["--shell", "nosuchshell", "ls"]));
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("nosuchshell"), "{}", ran.err);
}

#[test]
fn a_forgotten_write_end_keeps_the_reader_waiting_and_that_is_said() {
    let ran = run(&mut pipe(&["--leave-open", "--timeout", "60", "true | cat"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let line = ran.text().lines().find(|line| line.contains("waits in a read of 0")).unwrap();
    assert!(line.contains("shell["), "the shell has a write end still: {line}");
    assert!(ran.text().contains("Nothing more can happen"), "{}", ran.text());
    let found = document(&["--leave-open", "true | cat"]);
    assert_eq!(found["ended_by"], "stuck");
}

#[test]
fn a_fifo_between_two_stages_is_opened_by_both() {
    let folder = tempfile::tempdir().unwrap();
    nix::unistd::mkfifo(&folder.path().join("p"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let ran = run(pipe(&["--timeout", "60", "echo hi >p | cat <p"]).current_dir(folder.path()));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.text().contains("\nhi\n"), "{}", ran.text());
}
