//! All processes of a busy machine at one moment, as lsof and lsfd have them.

use crate::common::{Actor, every_kind, fixture, inspect, installed, python, run, state, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// A descriptor of a process, with the inode of its file.
type Held = (i64, i64, u64);

/// Processes with much in their tables, which stand still.
struct Stopped(Vec<Actor>);

impl Stopped {
    fn start() -> Self {
        let mut actors = vec![fixture().0, Actor::start(every_kind().args(["--many", "600"]))];
        actors.extend((0..4).map(|_| Actor::shell("exec 3</dev/null 4>&1 5<. 6<>/dev/null; rm -f x")));
        // As many ends as there are pairs of them.
        let ends = "import os, socket\npipes = [os.pipe() for _ in range(50)]\n\
            pairs = [socket.socketpair() for _ in range(50)]\n\
            s = socket.create_server(('127.0.0.1', 0), backlog=100)\n\
            clients = [socket.create_connection(s.getsockname()) for _ in range(50)]\n\
            served = [s.accept() for _ in clients]\nfor _ in range(2):\n    if os.fork() == 0: break";
        if installed("python3") {
            actors.push(Actor::start(&mut python(ends)));
        }
        for actor in &actors {
            kill(Pid::from_raw(actor.pid), Signal::SIGSTOP).unwrap();
            wait_until("stop", || state(actor.pid) == Some('T'));
        }
        Self(actors)
    }

    fn has(&self, pid: i64) -> bool {
        self.0.iter().any(|actor| i64::from(actor.pid) == pid)
    }

    /// What `inspect --all` has of these.
    fn ours(&self) -> BTreeSet<Held> {
        self.chosen(&["--all"])
    }

    fn chosen(&self, choice: &[&str]) -> BTreeSet<Held> {
        let columns = ["--format", "jsonl", "--columns", "pid,fd,ino"];
        let ran = run(&mut inspect(&[choice, &columns].concat()));
        let lines = ran.json_lines();
        let held = |line: &Value| Some((line["pid"].as_i64()?, line["fd"].as_i64()?, line["ino"].as_u64()?));
        lines.iter().filter_map(held).filter(|(pid, ..)| self.has(*pid)).collect()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for actor in &self.0 {
            let _ = kill(Pid::from_raw(actor.pid), Signal::SIGCONT);
        }
    }
}

#[test]
fn lsfd_has_the_same_descriptors_of_all_processes() {
    if !installed("lsfd") {
        return;
    }
    let stopped = Stopped::start();
    let ours = stopped.ours();
    assert!(ours.len() > 1000, "{}", ours.len());
    let ran = run(Command::new("lsfd").args(["-nr", "-o", "PID,ASSOC,INODE"]));
    let theirs: BTreeSet<Held> = ran
        .text()
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Places have words, and what cannot be read has no inode.
            Some((words.first()?.parse().ok()?, words.get(1)?.parse().ok()?, words.get(2)?.parse().ok()?))
        })
        .filter(|(pid, ..)| stopped.has(*pid))
        .collect();
    // It takes a file of the same name as the one before for the same. All pidfds have one name, and each
    // process an inode.
    let pidfds = stopped.chosen(&["-k", "pidfd"]);
    let is_pidfd = |held: &&Held| pidfds.iter().any(|(pid, fd, _)| (*pid, *fd) == (held.0, held.1));
    let differences = ours.symmetric_difference(&theirs).filter(|held| !is_pidfd(held));
    assert_eq!(differences.collect::<Vec<_>>(), Vec::<&Held>::new());
}

#[test]
fn lsof_has_the_same_descriptors_of_all_processes() {
    if !installed("lsof") {
        return;
    }
    let stopped = Stopped::start();
    let ours = stopped.ours();
    let ran = run(Command::new("lsof").args(["-nPw", "-F", "pfi", "-d", "0-99999"]));
    let (mut pid, mut fd, mut numbers, mut inodes) = (0, 0, BTreeSet::new(), BTreeSet::new());
    for line in ran.text().lines().filter(|line| !line.is_empty()) {
        match line.split_at(1) {
            ("p", number) => pid = number.parse().unwrap(),
            ("f", number) => {
                fd = number.parse::<i64>().unwrap();
                numbers.insert((pid, fd));
            }
            ("i", inode) => drop(inodes.insert((pid, fd, inode.parse::<u64>().unwrap()))),
            _ => {}
        }
    }
    let theirs: BTreeSet<(i64, i64)> = numbers.into_iter().filter(|(pid, _)| stopped.has(*pid)).collect();
    assert_eq!(ours.iter().map(|(pid, fd, _)| (*pid, *fd)).collect::<BTreeSet<_>>(), theirs);
    // It has no inode for sockets of TCP and UDP; every other is the same.
    let inodes: BTreeSet<Held> = inodes.into_iter().filter(|(pid, ..)| stopped.has(*pid)).collect();
    assert!(inodes.len() > 800);
    assert_eq!(inodes.difference(&ours).collect::<Vec<_>>(), Vec::<&Held>::new());
}
