//! The same calls with the same results as strace(1) tells of another run of the same program.

use crate::common::{installed, run};
use crate::runner::Case;
use crate::tracee::{Tracee, example};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::ptrace::Pace;
use std::collections::HashMap;
use std::process::Command;

pub const CASES: &[Case] = &[
    ("strace_tells_the_same_calls_of_the_scenarios", of_scenarios),
    ("strace_tells_the_same_calls_of_every_kind_of_file", of_every_kind),
    ("strace_tells_the_same_calls_of_pipelines", of_pipelines),
];

/// The calls that are compared: those of the table that make, copy, alter or close descriptors, or
/// tasks. The `?` lets strace pass over one that it does not know.
const CALLS: &str = "openat openat2 open creat memfd_create mq_open pipe pipe2 eventfd2 epoll_create1 epoll_ctl \
    signalfd4 timerfd_create inotify_init1 fanotify_init userfaultfd socket socketpair bind listen connect \
    accept accept4 shutdown pidfd_open io_uring_setup dup dup2 dup3 fcntl close close_range recvmsg sendmsg \
    fork vfork clone clone3 unshare execve execveat ioctl lseek";

/// Of each task, in the order of their making, its calls: `close = 0`. Pids are given as `task`.
type Told = Vec<Vec<String>>;

fn ours(words: &[&str]) -> Told {
    let (mut order, mut calls) = (Vec::new(), HashMap::<i32, Vec<(String, String)>>::new());
    let mut tracee = Tracee::launch(words);
    order.push(tracee.first);
    tracee.run(Pace::ToCall, |event| match event {
        Event::Born { birth, .. } => order.push(birth.child),
        Event::Step { step, .. } | Event::Exec { step, .. } => {
            let result = if step.result.starts_with('[') { "0" } else { &step.result };
            let told = calls.entry(step.pid).or_default();
            told.push((step.call.to_owned(), result.to_owned()));
        }
        _ => {}
    });
    finish(&order, calls)
}

fn theirs(words: &[&str]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let list: Vec<String> = CALLS.split_whitespace().map(|name| format!("?{name}")).collect();
    // The engine gives its tracees no number above 2, and neither does this.
    let alone = "for fd in /proc/$$/fd/*; do fd=${fd##*/}; \
        [ $fd -lt 3 ] || [ $fd -eq 255 ] || eval \"exec $fd>&-\"; done; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args([
        "-c",
        alone,
        "bash",
        "strace",
        "-f",
        "-qq",
        "-e",
        &format!("trace={}", list.join(",")),
        "-e",
        "signal=none",
        "-o",
    ]);
    run(command.arg(&log).args(words));
    let (mut order, mut calls) = (Vec::new(), HashMap::<i32, Vec<(String, String)>>::new());
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let (pid, call) = line.split_once(' ').unwrap();
        let pid: i32 = pid.parse().unwrap();
        if !order.contains(&pid) {
            order.push(pid);
        }
        let call = call.trim().trim_start_matches("<... ");
        let end = call.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap();
        // An exit, or a call whose end stands in a later line.
        if call.starts_with("+++") || call.ends_with("<unfinished ...>") {
            continue;
        }
        let result = call.rsplit_once(" = ").unwrap().1;
        let mut words = result.split_whitespace();
        let result = match words.next().unwrap() {
            "-1" => words.next().unwrap(),
            value => value,
        };
        // To be made again.
        if !result.starts_with('?') && !result.starts_with("ERESTART") {
            let value = u64::from_str_radix(result.strip_prefix("0x").unwrap_or("?"), 16);
            let result = value.map_or_else(|_| result.to_owned(), |value| value.to_string());
            calls.entry(pid).or_default().push((call[..end].to_owned(), result));
        }
    }
    finish(&order, calls)
}

fn finish(order: &[i32], mut calls: HashMap<i32, Vec<(String, String)>>) -> Told {
    let compared: Vec<&str> = CALLS.split_whitespace().collect();
    let line = |(call, result): (String, String)| {
        let is_task = result.parse().is_ok_and(|pid: i32| order.contains(&pid) && pid > 3);
        format!("{call} = {}", if is_task { "task" } else { &result })
    };
    let of = |pid: &i32| calls.remove(pid).unwrap_or_default();
    let told: Vec<Vec<(String, String)>> = order.iter().map(of).collect();
    let is_compared = |(call, _): &(String, String)| compared.contains(&call.as_str());
    told.into_iter().map(|calls| calls.into_iter().filter(is_compared).map(line).collect()).collect()
}

fn compare(words: &[&str]) {
    let (ours, theirs) = (ours(words), theirs(words));
    assert!(ours.iter().flatten().count() > 5);
    assert_eq!(ours.len(), theirs.len(), "{words:?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        same(words, ours, theirs);
    }
}

/// The same where the tasks are made in no certain order.
fn compare_as_sets(words: &[&str]) {
    let sorted = |mut told: Told| {
        told.sort();
        told
    };
    let (ours, theirs) = (sorted(ours(words)), sorted(theirs(words)));
    assert_eq!(ours.len(), theirs.len(), "{words:?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        same(words, ours, theirs);
    }
}

/// Fails with where two tasks' calls part.
fn same(words: &[&str], ours: &[String], theirs: &[String]) {
    let parts = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
    let at = parts.unwrap_or(ours.len().min(theirs.len()));
    let from = at.saturating_sub(5);
    assert_eq!(ours.get(from..at + 5), theirs.get(from..at + 5), "{words:?}, call {at}");
    assert_eq!(ours, theirs, "{words:?}");
}

fn of_scenarios() {
    if installed("strace") && installed("bash") {
        for scenario in ["files", "pipes", "sockets", "passing", "spawn"] {
            compare(&[&example("every_call"), scenario]);
        }
    }
}

fn of_every_kind() {
    if installed("strace") && installed("bash") {
        compare(&[&example("every_kind")]);
    }
}

fn of_pipelines() {
    if !installed("strace") || !installed("bash") {
        return;
    }
    for shell in ["dash", "bash"] {
        if installed(shell) {
            compare_as_sets(&[shell, "-c", "ls / | cat >/dev/null 2>&1"]);
            compare_as_sets(&[shell, "-c", "exec 3</dev/null; cat <&3 | wc -l | cat; ls /missing"]);
        }
    }
}
