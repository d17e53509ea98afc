//! Processes that are not there, are dead already, or may not be looked at: what is missing is always
//! said, and never looks like a complete answer.

use crate::common::{
    self, Actor, descriptors, document, gone_pid, inspect, installed, is_root, process, program, run,
    skip_for_want_of, state, wait_until,
};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;
use tempfile::TempDir;

#[test]
fn a_pid_that_is_gone_is_told_and_matches_nothing() {
    let gone = gone_pid();
    let ran = run(&mut inspect(&[gone.to_string()]));
    assert_eq!((ran.status, ran.text()), (1, ""));
    assert_eq!(ran.err, format!("ganariya-fd: no process has the pid {gone} (open: ENOENT)\n"));
    // Nothing was there to be read, so nothing was missed.
    let strict = run(&mut inspect(&["--strict", &gone.to_string()]));
    assert_eq!((strict.status, strict.err), (1, ran.err));
}

#[test]
fn a_pid_that_is_gone_is_a_gap_in_json() {
    let gone = gone_pid();
    let gap = json!({
        "pid": gone, "what": "process", "call": "open", "error": "ENOENT",
        "hint": "it has exited, or this /proc does not show it",
    });
    let ran = run(&mut inspect(&["--format", "json", &gone.to_string()]));
    assert_eq!(ran.status, 1);
    let document = ran.json();
    assert_eq!((&document["processes"], &document["gaps"]), (&json!([]), &json!([gap])));
    let ran = run(&mut inspect(&["--format", "jsonl", &gone.to_string()]));
    assert_eq!(ran.status, 1);
    let mut line = gap;
    line["type"] = "gap".into();
    assert_eq!(ran.json_lines(), [line]);
}

#[test]
fn of_two_the_one_that_lives_is_shown_and_the_other_told() {
    let (gone, actor) = (gone_pid(), Actor::shell(""));
    let ran = run(&mut inspect(&[gone.to_string(), actor.pid.to_string()]));
    assert_eq!(ran.status, 0);
    assert!(ran.err.starts_with(&format!("ganariya-fd: no process has the pid {gone} (")), "{}", ran.err);
    let open = fs::read_dir(format!("/proc/{}/fd", actor.pid)).unwrap().count();
    assert_eq!(ran.text().lines().filter(|line| line.contains(&format!(" {} ", actor.pid))).count(), open);
}

#[test]
fn many_that_are_gone_are_counted() {
    let pids: Vec<String> = (0..12).map(|_| gone_pid().to_string()).collect();
    let ran = run(&mut inspect(&pids));
    assert_eq!(ran.status, 1);
    // A pid may come again among the twelve, and is then asked for once.
    assert!(ran.err.lines().count() <= 9, "{}", ran.err);
    assert!(ran.err.contains("more pids name no process"), "{}", ran.err);
}

#[test]
fn a_pid_named_twice_is_shown_once() {
    let actor = Actor::shell("");
    let document = common::document(&[actor.pid, actor.pid]);
    assert_eq!(document["processes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_zombie_says_so() {
    let mut actor = Actor::shell("");
    actor.end_unwaited();
    let pid = actor.pid.to_string();
    let document = run(&mut inspect(&["--format", "json", &pid])).json();
    assert_eq!(process(&document, actor.pid)["state"], "zombie");
    assert_eq!(process(&document, actor.pid)["descriptors"], json!([]), "{document}");
    let ran = run(&mut inspect(&[&pid]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let rows: Vec<&str> = ran.text().lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{}", ran.text());
    assert!(rows[0].contains(&pid) && rows[0].contains("exited"), "{}", ran.text());
}

#[test]
fn a_zombie_is_no_secret_although_its_directory_is_roots() {
    if is_root() && !common::installed("setpriv") {
        return;
    }
    let user = Unprivileged::new();
    let mut actor = Actor::start(&mut Unprivileged::as_user(&mut common::shell("")));
    actor.end_unwaited();
    let pid = actor.pid.to_string();
    let ran = run(&mut user.inspect(&["--strict", "--format", "json", &pid]));
    let document = ran.json();
    assert_eq!((ran.status, &document["gaps"]), (0, &json!([])), "{}", ran.err);
    assert_eq!(process(&document, actor.pid)["descriptors"], json!([]));
}

/// The program, where a user without rights may run it.
struct Unprivileged {
    folder: TempDir,
}

impl Unprivileged {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(program(), folder.path().join("ganariya-fd")).unwrap();
        Self { folder }
    }

    /// `command` as a user who is not root: as nobody, where this is root.
    fn as_user(command: &mut Command) -> Command {
        if !is_root() {
            return std::mem::replace(command, Command::new("true"));
        }
        let mut user = Command::new("setpriv");
        user.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        user.arg(command.get_program()).args(command.get_args());
        common::plain(&mut user);
        user
    }

    fn inspect(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.folder.path().join("ganariya-fd"));
        command.arg("inspect").args(arguments);
        common::plain(&mut command);
        Self::as_user(&mut command)
    }
}

/// A process of root, and one who may not look into it.
fn forbidden() -> Option<(Unprivileged, i32, Option<Actor>)> {
    if is_root() {
        if !common::installed("setpriv") {
            return None;
        }
        let actor = Actor::shell("");
        return Some((Unprivileged::new(), actor.pid, Some(actor)));
    }
    if fs::metadata("/proc/1").is_ok_and(|init| init.uid() == 0) {
        return Some((Unprivileged::new(), 1, None));
    }
    skip_for_want_of("a process of another user");
    None
}

const HINT: &str = "needs CAP_SYS_PTRACE; run as the same user or with sudo";

#[test]
fn a_table_without_the_right_to_read_it_is_a_gap() {
    let Some((user, pid, _actor)) = forbidden() else { return };
    let name = pid.to_string();
    let ran = run(&mut user.inspect(&["--format", "json", &name]));
    assert_eq!(ran.status, 0);
    let document = ran.json();
    assert_eq!(process(&document, pid)["descriptors"], Value::Null);
    let gap = json!({"pid": pid, "what": "fd table", "call": "openat", "error": "EACCES", "hint": HINT});
    assert!(document["gaps"].as_array().unwrap().contains(&gap), "{document}");
    let ran = run(&mut user.inspect(&["--format", "json", "--strict", &name]));
    assert_eq!((ran.status, &ran.json()["gaps"]), (3, &document["gaps"]));
    let lines = run(&mut user.inspect(&["--format", "jsonl", &name])).json_lines();
    assert!(lines.iter().any(|line| line["type"] == "gap" && line["error"] == "EACCES"), "{lines:?}");
}

#[test]
fn a_table_without_the_right_to_read_it_is_a_row_of_its_own() {
    let Some((user, pid, _actor)) = forbidden() else { return };
    let name = pid.to_string();
    for (arguments, status) in [(vec![&*name], 0), (vec!["--strict", &name], 3)] {
        let ran = run(&mut user.inspect(&arguments));
        assert_eq!(ran.status, status);
        let rows: Vec<&str> = ran.text().lines().skip(1).collect();
        assert_eq!(rows.len(), 1, "{}", ran.text());
        assert!(rows[0].contains(&name) && rows[0].contains("openat: EACCES"), "{}", rows[0]);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        for word in ["could not be read", "fd table", "openat: EACCES", HINT] {
            assert!(ran.err.contains(word), "{word}: {}", ran.err);
        }
    }
}

#[test]
fn a_listing_of_all_has_a_row_for_each_table_that_it_could_not_read() {
    let Some((user, pid, _actor)) = forbidden() else { return };
    let ran = run(&mut user.inspect(&["--all"]));
    assert_eq!(ran.status, 0);
    let rows: Vec<&str> = ran.text().lines().filter(|line| line.contains(&format!(" {pid} "))).collect();
    assert!(rows.iter().any(|row| row.contains("openat: EACCES")), "{rows:?}");
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.contains(HINT), "{}", ran.err);
    assert_eq!(run(&mut user.inspect(&["--all", "--strict"])).status, 3);
}

#[test]
fn an_end_that_may_be_in_a_table_out_of_reach_is_not_called_nobody() {
    if !is_root() || !common::installed("setpriv") {
        skip_for_want_of("root, to hold an end where another user cannot see it");
        return;
    }
    let user = Unprivileged::new();
    // Its standard input comes from this process, which is root's.
    let actor = Actor::start(&mut Unprivileged::as_user(&mut common::shell("")));
    let pid = actor.pid.to_string();
    let ran = run(&mut user.inspect(&["--format", "json", &pid]));
    let document = ran.json();
    let unknown = json!([{"unknown": {"call": "openat", "error": "EACCES"}}]);
    assert_eq!(common::descriptor(&document, actor.pid, 0)["peers"], unknown);
    assert!(document["gaps"].as_array().unwrap().iter().all(|gap| gap["what"] == "other ends"));
    let ran = run(&mut user.inspect(&[&pid]));
    let input = ran.text().lines().nth(1).unwrap();
    assert!(input.ends_with("? (openat: EACCES)"), "{input}");
    assert!(ran.err.contains("other ends in the tables of ") && ran.err.contains(HINT), "{}", ran.err);
}

#[test]
fn a_process_whose_first_thread_has_exited_has_its_table_still() {
    if !installed("python3") {
        return;
    }
    // The first thread exits alone; the other has opened the file and waits.
    let script = "
import ctypes, os, sys, threading
def stay():
    file = open('/dev/zero')
    print('ready', flush=True)
    sys.stdin.readline()
    os._exit(0)
threading.Thread(target=stay).start()
ctypes.CDLL(None).pthread_exit(None)
";
    let actor = Actor::start(Command::new("python3").args(["-c", script]));
    wait_until("an exit of the first thread", || state(actor.pid) == Some('Z'));
    let found = document(&[actor.pid]);
    let names: Vec<_> = descriptors(&found, actor.pid).iter().map(|fd| fd["name"].clone()).collect();
    assert!(names.iter().any(|name| name == "/dev/zero"), "{names:?}");
    let listing = run(&mut inspect(&[actor.pid.to_string()]));
    assert!(listing.text().contains("/dev/zero"), "{}", listing.text());
}
