//! `--hold` and `--step`: the processes stand still while a person looks at them.

use crate::common::terminal::on;
use crate::common::{held_pids, installed, pid_of, plain, program, run, start, state, wait_until};
use crate::pipe;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

/// A lab that holds its processes, and their pids by name.
fn held(pipeline: &str, stdin: Stdio) -> (Child, Vec<(String, i32)>) {
    let mut command = pipe(&["--hold", "--timeout", "60", pipeline]);
    let mut lab = start(command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let pids = held_pids(&mut lab);
    (lab, pids)
}

fn link(pid: i32, fd: i32) -> String {
    fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().into_os_string().into_string().unwrap()
}

#[test]
fn held_processes_are_what_the_tables_said() {
    let (lab, pids) = held("sleep 77101 | cat", Stdio::null());
    let names: Vec<_> = pids.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["shell", "sleep", "cat"]);
    let pid = |index: usize| pids[index].1;
    for (_, pid) in &pids {
        assert_eq!(state(*pid), Some('t'), "a tracing stop");
    }
    assert!(link(pid(1), 1).starts_with("pipe:["));
    assert_eq!(link(pid(1), 1), link(pid(2), 0));
    if installed("lsof") {
        let ran = run(Command::new("lsof").args(["-nP", "-w", "-Ff", "-p", &pid(2).to_string()]));
        let fds: Vec<_> = ran.text().lines().filter(|line| ["f0", "f1", "f2"].contains(line)).collect();
        assert_eq!(fds, ["f0", "f1", "f2"]);
    }
    kill(Pid::from_raw(pid_of(&lab)), Signal::SIGTERM).unwrap();
    let output = lab.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(pids.iter().all(|(_, pid)| matches!(state(*pid), None | Some('Z'))), "nothing is left");
}

#[test]
fn enter_lets_held_processes_go_on() {
    let (mut lab, _) = held("echo done | cat", Stdio::piped());
    lab.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let output = lab.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("\ndone\n"));
}

#[test]
fn what_is_typed_after_enter_is_the_first_stages() {
    let (mut lab, _) = held("cat | cat", Stdio::piped());
    lab.stdin.take().unwrap().write_all(b"\nmine\n").unwrap();
    let output = lab.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("\nmine\n"));
}

#[test]
fn the_end_of_an_input_that_is_no_terminal_ends_nothing() {
    let (mut lab, pids) = held("sleep 77102 | cat", Stdio::piped());
    drop(lab.stdin.take());
    // It has seen the end once it waits for signals alone.
    let lab_pid = pid_of(&lab);
    wait_until("a wait", || state(lab_pid) == Some('S'));
    assert_eq!(state(pids[1].1), Some('t'));
    kill(Pid::from_raw(lab_pid), Signal::SIGINT).unwrap();
    assert_eq!(lab.wait().unwrap().code(), Some(130));
}

/// The lab on a terminal of its own, from which `typed` is read.
fn typed(arguments: &str, typed: &str) -> (String, Option<i32>) {
    let mut command = Command::new("setsid");
    let line = format!("exec '{}' pipe {arguments}", program().display());
    command.args(["--ctty", "--wait", "sh", "-c", &line]);
    plain(&mut command);
    command.env("NO_COLOR", "1");
    on(80, &mut command, typed)
}

#[test]
fn each_step_waits_for_enter() {
    if !installed("setsid") {
        return;
    }
    // Two stages make twelve steps.
    let (text, status) = typed("--step --tables none 'echo done | cat'", &"\n".repeat(12));
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains(" 12  cat["), "{text}");
    assert!(text.contains("\ndone\n"), "{text}");
}

#[test]
fn the_end_of_input_on_a_terminal_ends_the_lab() {
    if !installed("setsid") {
        return;
    }
    let (text, status) = typed("--step --tables none 'echo done | cat'", "\n\n\u{4}");
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("nothing that the lab started is left"), "{text}");
    assert!(!text.contains("  4  "), "{text}");
    let (text, status) = typed("--hold --tables none 'sleep 77103 | cat'", "\u{4}");
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn the_terminal_is_as_it_was_whatever_a_command_did_to_it() {
    if !installed("setsid") || !installed("stty") {
        return;
    }
    let mut command = Command::new("setsid");
    // The command takes the terminal's modes away and is ended before it could put them back.
    let lab = format!(
        "'{}' pipe --tables none --timeout 0.5 \"sh -c 'stty raw -echo; sleep 77104'\"",
        program().display()
    );
    let line = format!("stty -g > before; {lab}; stty -g > after");
    command.args(["--ctty", "--wait", "sh", "-c", &line]);
    let folder = tempfile::tempdir().unwrap();
    plain(command.current_dir(folder.path()));
    let (text, _) = on(80, &mut command, "");
    let modes = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(text.contains("It did not end by itself"), "{text}");
    assert_eq!(modes("before"), modes("after"));
}
