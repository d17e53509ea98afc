//! Who is at the other end of a pipe or FIFO, across processes.

use crate::common::{
    self, Actor, descriptor, document, inspect, installed, python, run, shell, skip_for_want_of,
};
use nix::fcntl::OFlag;
use nix::unistd::{mkfifo, pipe2};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

/// A shell with `file` as its standard error.
fn with_stderr(script: &str, file: impl Into<std::process::Stdio>) -> Actor {
    Actor::start(shell(script).stderr(file))
}

fn peer(actor: &Actor, fd: i32, access: &str) -> Value {
    let command = fs::read_to_string(format!("/proc/{}/comm", actor.pid)).unwrap();
    json!({"pid": actor.pid, "command": command.trim_end(), "fd": fd, "access": access})
}

/// The peers of a descriptor, by pid and number.
fn peers(document: &Value, pid: i32, fd: i32) -> Vec<Value> {
    let mut peers = descriptor(document, pid, fd)["peers"].as_array().unwrap().clone();
    peers.sort_by_key(|peer| (peer["pid"].as_i64(), peer["fd"].as_i64()));
    peers
}

/// In the order of [`peers`].
fn in_order(mut expected: Vec<Value>) -> Vec<Value> {
    expected.sort_by_key(|peer| (peer["pid"].as_i64(), peer["fd"].as_i64()));
    expected
}

#[test]
fn three_holders_of_a_pipe_are_named_at_its_other_end() {
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let twice = with_stderr("exec 5>&2", writing.try_clone().unwrap());
    let once = with_stderr("", writing);
    let reader = with_stderr("", reading);
    let writers = in_order(vec![peer(&twice, 2, "w"), peer(&twice, 5, "w"), peer(&once, 2, "w")]);
    let readers = [peer(&reader, 2, "r")];
    // Found by the search in all processes, one at a time, and among those shown.
    for shown in [vec![reader.pid], vec![once.pid], vec![twice.pid], vec![twice.pid, once.pid, reader.pid]] {
        let document = document(&shown);
        for pid in shown {
            if pid == reader.pid {
                assert_eq!(peers(&document, pid, 2), writers);
            } else {
                assert_eq!(peers(&document, pid, 2), readers);
            }
        }
    }
    let listing = run(&mut inspect(&[reader.pid.to_string()])).clean();
    let command = readers[0]["command"].as_str().unwrap();
    for (writer, fd) in [(&twice, 2), (&twice, 5), (&once, 2)] {
        let text = format!("{command}[{}] fd {fd} (w)", writer.pid);
        assert!(listing.text().contains(&text), "{text}: {}", listing.text());
    }
    let listing = run(&mut inspect(&[once.pid.to_string()])).clean();
    let text = format!("  {command}[{}] fd 2 (r)\n", reader.pid);
    assert!(listing.text().contains(&text), "{text}: {}", listing.text());
}

#[test]
fn a_pipe_whose_other_end_is_closed_has_nobody_there() {
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let actor = with_stderr("", writing);
    let pid = actor.pid;
    let before = document(&[pid]);
    assert_eq!(peers(&before, pid, 2).len(), 1);
    assert_eq!(peers(&before, pid, 2)[0]["pid"], common::own_pid());
    drop(reading);
    let after = document(&[pid]);
    assert_eq!(peers(&after, pid, 2), common::nobody(&after));
    let listing = run(&mut inspect(&[pid.to_string()])).clean();
    let last = match &common::nobody(&after)[..] {
        [] => "nobody".to_owned(),
        [unknown, ..] => {
            let [call, error] = ["call", "error"].map(|key| unknown["unknown"][key].as_str().unwrap());
            format!("? ({call}: {error})")
        }
    };
    let name = descriptor(&after, pid, 2)["name"].as_str().unwrap();
    let line = listing.text().lines().find(|line| line.contains(name)).unwrap();
    assert!(line.ends_with(&last), "{line}");
}

#[test]
fn a_fifo_is_known_by_its_inode_and_not_by_its_name() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        mkfifo(&folder.path().join("same"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let hold = |folder: &Path| Actor::start(shell("exec 3<>same 4<same").current_dir(folder));
    let (first, second) = (hold(one.path()), hold(other.path()));
    let alone = with_stderr("", File::options().write(true).open(one.path().join("same")).unwrap());
    let document = document(&[first.pid, second.pid, alone.pid]);
    let writers = in_order(vec![peer(&first, 3, "rw"), peer(&alone, 2, "w")]);
    assert_eq!(peers(&document, first.pid, 4), writers);
    assert_eq!(peers(&document, second.pid, 4), [peer(&second, 3, "rw")]);
    assert_eq!(peers(&document, alone.pid, 2), in_order(vec![peer(&first, 3, "rw"), peer(&first, 4, "r")]));
}

#[test]
fn fifos_of_two_filesystems_with_one_inode_number_are_not_one() {
    if !common::installed("unshare") {
        return;
    }
    let isolate = if common::is_root() { "-m" } else { "-rm" };
    let folder = tempfile::tempdir().unwrap();
    let mount = "mkdir a b && mount -t tmpfs a a && mount -t tmpfs b b && mkfifo a/f b/f";
    let run_isolated = |script: &str| {
        let mut command = Command::new("unshare");
        command.args([isolate, "sh", "-c", script]).current_dir(folder.path());
        command
    };
    if run(&mut run_isolated("mkdir t && mount -t tmpfs t t")).status != 0 {
        skip_for_want_of("the right to mount in a namespace of its own");
        return;
    }
    let script = format!("{mount} && exec 3<>a/f 4<>b/f 5>a/f && echo ready && read line");
    let actor = Actor::start(&mut run_isolated(&script));
    let link = |fd: i32| fs::metadata(format!("/proc/{}/fd/{fd}", actor.pid)).unwrap();
    let (a, b) = (link(3), link(4));
    assert_ne!(a.dev(), b.dev());
    // The point of the test: tmpfs counts inodes from the same number in each mount.
    assert_eq!(a.ino(), b.ino());
    let document = document(&[actor.pid]);
    assert_eq!(peers(&document, actor.pid, 3), [peer(&actor, 5, "w")]);
    assert_eq!(peers(&document, actor.pid, 4), common::nobody(&document));
    assert_eq!(peers(&document, actor.pid, 5), [peer(&actor, 3, "rw")]);
}

/// Naming all would take a line of each holder for each other holder.
#[test]
fn of_very_many_other_ends_the_first_are_named_and_the_rest_counted() {
    let script = "import os, tempfile\n\
        r, w = os.pipe()\nreaders = [os.dup(r) for _ in range(99)]\n\
        folder = tempfile.mkdtemp()\nname = folder + '/fifo'\nos.mkfifo(name)\n\
        both = [os.open(name, os.O_RDWR) for _ in range(70)]\n\
        os.unlink(name); os.rmdir(folder)\nprint(w, both[0], flush=True)";
    let Some(actor) = installed("python3").then(|| Actor::start(&mut python(script))) else { return };
    let numbers: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let document = document(&[actor.pid]);
    for (fd, list, all) in
        [(numbers[0], "peers", 100), (numbers[1], "peers", 69), (numbers[0] - 1, "shared_with", 99)]
    {
        let shown = descriptor(&document, actor.pid, fd);
        assert_eq!(shown[list].as_array().unwrap().len(), 64, "{shown}");
        assert_eq!(shown[format!("{list}_more")], all - 64, "{shown}");
    }
    let ran = run(&mut inspect(&[&actor.pid.to_string()])).clean();
    let line = |fd: i32| {
        let fd = fd.to_string();
        ran.text().lines().find(|line| line.split_whitespace().nth(3) == Some(&fd)).unwrap()
    };
    for (fd, rest) in [(numbers[0], "and 36 more"), (numbers[1], "and 5 more")] {
        assert_eq!(line(fd).matches(" fd ").count(), 64, "{}", line(fd));
        assert!(line(fd).ends_with(rest), "{}", line(fd));
    }
}

#[test]
fn what_hundreds_of_ends_have_in_common_is_so_of_each() {
    const MANY: usize = 100;
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let reader = with_stderr("", reading.try_clone().unwrap());
    let command = fs::read_to_string(format!("/proc/{}/comm", reader.pid)).unwrap();
    let ino = fs::metadata(format!("/proc/self/fd/{}", reading.as_raw_fd())).unwrap().ino();
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let both = || File::options().read(true).write(true).open(&fifo).unwrap();
    let _held: Vec<_> =
        (0..MANY).map(|_| (reading.try_clone().unwrap(), writing.try_clone().unwrap(), both())).collect();
    let own = std::process::id();
    let count = |condition: &str, name: &str| {
        let expression = format!("name = '{name}' and ({condition})");
        let words =
            ["-w", &expression, "--format", "csv", "--columns", "fd", "--sort", "peers", &own.to_string()]
                .map(str::to_owned);
        run(&mut inspect(&words)).text().lines().count().saturating_sub(1)
    };
    let (pipe, fifo) = (format!("pipe:[{ino}]"), fifo.to_str().unwrap());
    for (condition, expected) in [
        (format!("peers = {}", command.trim_end()), MANY + 1),
        (format!("peers = {}", reader.pid), MANY + 1),
        (format!("access = r and peers = {}", reader.pid), 0),
        (format!("peers != {}", reader.pid), MANY + 1),
        (format!("peers = {own}"), 2 * (MANY + 1)),
        (format!("peers = {own} and not peers = {}", reader.pid), MANY + 1),
        ("peers".to_owned(), 2 * (MANY + 1)),
    ] {
        assert_eq!(count(&condition, &pipe), expected, "{condition}");
    }
    // Each of these faces itself as well, and has the others.
    assert_eq!(count(&format!("peers = {own}"), fifo), MANY);
    assert_eq!(count(&format!("peers = {}", reader.pid), fifo), 0);
}
