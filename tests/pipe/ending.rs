//! How the lab ends: with its pipeline's status, on time, and with nothing left behind.

use crate::common::{descriptor, installed, plain, program, run, start, wait_until};
use crate::{pipe, told};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::{Command, Stdio};

/// The processes, zombies apart, that were executed with this argument.
fn with_argument(argument: &str) -> Vec<i32> {
    let of_process = |pid: i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| of_process(pid).split(|&b| b == 0).any(|word| word == argument.as_bytes()))
        .collect()
}

#[test]
fn its_status_is_that_of_the_last_command() {
    for (pipeline, status) in [
        ("true | false", 1),
        ("false | true", 0),
        ("sh -c 'exit 7'", 7),
        ("true | sh -c 'kill -KILL $$'", 137),
        ("true | /nowhere/to/be/found", 127),
        ("true | /etc/passwd", 126),
    ] {
        let ran = run(&mut pipe(&[pipeline]));
        assert_eq!(ran.status, status, "{pipeline}: {}", ran.err);
    }
}

#[test]
fn a_writer_without_a_reader_is_killed_by_sigpipe() {
    let ran = run(&mut pipe(&["yes | head -1"]));
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let told = told(&ran);
    assert_eq!(told.output, "y\n");
    assert!(told.exits[0].contains("was killed by SIGPIPE (13)"), "{:?}", told.exits);
}

#[test]
fn a_command_that_is_not_there_is_a_real_failed_exec() {
    let ran = run(&mut pipe(&["nosuchcommand | cat"]));
    assert_eq!(ran.status, 0);
    let step = ran.text().lines().find(|line| line.contains("execve(\"nosuchcommand\")")).unwrap();
    assert!(step.ends_with("= ENOENT"), "{step}");
    assert!(ran.err.contains("nosuchcommand"), "{}", ran.err);
    let told = told(&ran);
    assert!(told.exits[0].ends_with("exited with status 127"));
    // Its end of the pipe went with it.
    assert!(told.tables[1].0.starts_with("cat["));
    assert!(ran.text().contains("nobody ──▶ cat["));
}

#[test]
fn what_is_not_understood_is_refused_with_its_position() {
    for (text, position) in [("ls > $f", 6), ("ls | | wc", 6), ("echo 'a", 6), ("", 1)] {
        let ran = run(&mut pipe(&[text]));
        assert_eq!(ran.status, 2, "{text}");
        assert!(ran.err.contains(&format!("at character {position}:")), "{text}: {}", ran.err);
        assert!(ran.out.is_empty(), "{text}");
    }
}

#[test]
fn it_is_ended_on_time_and_that_is_no_failure() {
    let ran = run(&mut pipe(&["--timeout", "0.2", "sleep 77001 | cat"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.text().contains("It did not end by itself within 0.2 s"), "{}", ran.text());
    assert_eq!(with_argument("77001"), Vec::<i32>::new());
}

#[test]
fn a_command_that_ignores_sigterm_is_ended_all_the_same() {
    let ran =
        run(&mut pipe(&["--timeout", "0.2", r#"sh -c 'trap "" TERM; sleep 77002; sleep 77002' | cat"#]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(with_argument("77002"), Vec::<i32>::new());
}

#[test]
fn what_a_command_left_in_the_background_is_ended_too() {
    let ran = run(&mut pipe(&["sh -c 'setsid sleep 77003 >/dev/null 2>&1 & exec true'"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(with_argument("77003"), Vec::<i32>::new());
}

#[test]
fn it_ends_at_a_signal_and_leaves_nothing() {
    for (signal, status, argument) in
        [(Signal::SIGTERM, 143, "77004"), (Signal::SIGINT, 130, "77005"), (Signal::SIGHUP, 129, "77006")]
    {
        let mut lab =
            start(pipe(&["--timeout", "60", &format!("sleep {argument} | cat")]).stdout(Stdio::null()));
        wait_until("the stage", || !with_argument(argument).is_empty());
        kill(Pid::from_raw(i32::try_from(lab.id()).unwrap()), signal).unwrap();
        assert_eq!(lab.wait().unwrap().code(), Some(status), "{signal}");
        assert_eq!(with_argument(argument), Vec::<i32>::new(), "{signal}");
    }
}

#[test]
fn when_it_is_killed_its_processes_are_gone() {
    let mut lab = start(pipe(&["--timeout", "60", "sleep 77007 | cat"]).stdout(Stdio::null()));
    wait_until("the stage", || !with_argument("77007").is_empty());
    lab.kill().unwrap();
    lab.wait().unwrap();
    wait_until("an end of all stages", || with_argument("77007").is_empty());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("'{}' pipe 'sleep 77008 | cat' | head -n 1", program().display()));
    plain(&mut command);
    let ran = run(&mut command);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    wait_until("an end of all stages", || with_argument("77008").is_empty());
}

/// The program under strace, which traces whatever it starts, so that it may not.
fn under_strace(arguments: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null"]).arg(program()).args(arguments);
    plain(&mut command);
    command
}

#[test]
fn under_another_tracer_the_stages_stop_themselves() {
    if !installed("strace") {
        return;
    }
    let ran = run(&mut under_strace(&["pipe", "--format", "json", "--timeout", "60", "echo hi | cat"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("forbidden here (ptrace: EPERM)"), "{}", ran.err);
    let found = ran.json();
    assert_eq!(found["steps"], serde_json::json!([]), "no call was seen, and none is shown");
    assert_eq!(found["moments"][0]["name"], "stopped before exec");
    let pid = |index: usize| i32::try_from(found["exits"][index]["pid"].as_i64().unwrap()).unwrap();
    let (first, last) = (descriptor(&found, pid(0), 1), descriptor(&found, pid(1), 0));
    assert_eq!((&first["kind"], &first["ino"]), (&last["kind"], &last["ino"]));
    assert_eq!(first["peers"][0]["pid"], pid(1));
    assert_eq!(found["output"]["stdout"], "hi\n");
}

#[test]
fn under_another_tracer_nothing_is_left_either() {
    if !installed("strace") {
        return;
    }
    let ran = run(&mut under_strace(&["pipe", "--timeout", "0.2", "sleep 77009 | cat"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.text().contains("It did not end by itself"), "{}", ran.text());
    wait_until("an end of all stages", || with_argument("77009").is_empty());
    let ran = run(&mut under_strace(&["fork"]));
    assert_eq!((ran.status, ran.text()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("forbidden here (ptrace: EPERM)"), "{}", ran.err);
}

/// Runs a program under a seccomp filter (seccomp(2)) that answers ptrace with EPERM.
#[cfg(target_arch = "x86_64")]
const WITHOUT_PTRACE: &str = "
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
def instruction(code, true, false, k): return struct.pack('HBBI', code, true, false, k)
# Load the call's number; is it ptrace (101)? then EPERM, else allow.
program = (instruction(0x20, 0, 0, 0) + instruction(0x15, 0, 1, 101)
           + instruction(0x06, 0, 0, 0x00050001) + instruction(0x06, 0, 0, 0x7fff0000))
text = ctypes.create_string_buffer(program)
class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, ctypes.addressof(text)))) == 0
os.execvp(sys.argv[1], sys.argv[1:])
";

#[cfg(target_arch = "x86_64")]
#[test]
fn under_a_seccomp_filter_that_forbids_tracing_it_shows_what_it_can() {
    if !installed("python3") {
        return;
    }
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT_PTRACE]).arg(program());
    command.args(["pipe", "--format", "json", "--timeout", "60", "echo hi | cat; exit 3"]);
    // The grammar is the lab's own, tracer or not.
    plain(&mut command);
    assert_eq!(run(&mut command).status, 2);
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT_PTRACE]).arg(program());
    command.args(["pipe", "--format", "json", "--timeout", "60", "echo hi | sh -c 'cat; exit 3'"]);
    plain(&mut command);
    let ran = run(&mut command);
    assert_eq!(ran.status, 3, "{}", ran.err);
    let found = ran.json();
    assert_eq!(found["moments"][0]["name"], "stopped before exec");
    assert_eq!(found["output"]["stdout"], "hi\n");
    // What a command left in the background is ended there, too.
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT_PTRACE]).arg(program());
    command.args(["pipe", "sh -c 'setsid sleep 77010 >/dev/null 2>&1 & exec true'"]);
    plain(&mut command);
    assert_eq!(run(&mut command).status, 0);
    assert_eq!(with_argument("77010"), Vec::<i32>::new());
}
