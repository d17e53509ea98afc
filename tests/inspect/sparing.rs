//! No more is asked of the kernel than is needed, as strace(1) sees it.

use crate::common::{Actor, inspect, installed, pid_of, program, python, run, start};
use crate::told::alone;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

/// The calls that `inspect` of these makes: of sockets, of opening files, and of entering a namespace.
fn traced(arguments: &[&str]) -> Option<Vec<String>> {
    installed("strace").then(|| strace("trace=%net,open,openat,openat2,setns", arguments))
}

/// The calls of some kinds that `inspect` of these makes, a line each.
fn strace(kinds: &str, arguments: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", kinds, "-e", "signal=none", "-o"]);
    command.arg(&log).arg(program()).args(inspect(arguments).get_args());
    assert_eq!(run(&mut command).status, 0);
    let text = fs::read(log).unwrap();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// How many calls it takes to read the table of a process for these columns.
fn count(columns: &str, pid: i32) -> usize {
    let calls = strace("trace=%file,%desc", &["--columns", columns, &pid.to_string()]);
    // The process is read through one directory, and then others, if any are.
    let of_it = calls.iter().skip_while(|line| !line.contains(&format!("\"/proc/{pid}\"")));
    let of_it = of_it.skip(1).take_while(|line| !line.contains("openat(AT_FDCWD, \"/proc/"));
    // A program that is built to be debugged looks at a descriptor before it closes it.
    of_it.filter(|line| !line.contains("fcntl(")).count()
}

/// A call takes about a microsecond, and there may be a million descriptors.
#[test]
fn a_descriptor_costs_as_many_calls_as_what_is_shown_of_it_needs() {
    const MANY: usize = 400;
    if !installed("python3") || !installed("strace") {
        return;
    }
    let names = "fd,access,kind,name";
    // To read the link, to lstat it, to stat its file: no more of any than its columns take.
    let bounds = [
        ("[os.open('/etc/passwd', os.O_RDONLY) for _ in range(n)]", names, 3),
        ("[os.pipe() for _ in range(n // 2)]", names, 2),
        ("[os.eventfd(0) for _ in range(n)]", names, 2),
        // Of a few processes each socket is asked for its protocol.
        ("[socket.socketpair() for _ in range(n // 2)]", names, 3),
        // An eventfd's other end is known by the number in its fdinfo, which is opened, read and closed.
        ("[os.eventfd(0) for _ in range(n)]", "fd,peers", 4),
        ("[os.pipe() for _ in range(n // 2)]", "fd,peers", 2),
        ("[os.pipe() for _ in range(n // 2)]", "fd,offset", 4),
        ("[os.open('/etc/passwd', os.O_RDONLY) for _ in range(n)]", "fd,offset", 5),
    ];
    for (make, columns, bound) in bounds {
        let of = |n: usize| {
            let script = format!("import os, socket\nn = {n}\nkept = {make}");
            let actor = Actor::start(&mut python(&script));
            count(columns, actor.pid)
        };
        let (few, many) = (of(2), of(MANY));
        assert!(few > 2 * 5, "{few}");
        // Listing them takes a call for some hundreds.
        let most = bound * (MANY - 2) + MANY / 20;
        assert!(many - few <= most, "{make}, {columns}: {few} calls of 2, {many} of {MANY}");
    }
}

/// A process without any other end: its standard streams are no pipes.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = Command::new("sleep");
        command.arg("infinity").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(start(&mut command))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn who_has_no_socket_costs_no_table_of_sockets() {
    let sleeper = Sleeper::start();
    let pid = pid_of(&sleeper.0).to_string();
    let Some(calls) = traced(&[&pid]) else { return };
    assert!(calls.iter().any(|call| call.contains("/proc")), "{calls:?}");
    // A local socket is how the C library asks for the names of users.
    let is_of_network = |call: &&String| {
        ["AF_NETLINK", "AF_INET", "net/", "ns/net", "setns("].iter().any(|word| call.contains(word))
    };
    assert_eq!(calls.iter().find(is_of_network), None);
}

/// How often each question was asked of the kernel: by all of its bytes but its number, which tells
/// nothing.
fn questions(calls: &[String]) -> BTreeMap<String, usize> {
    let mut questions = BTreeMap::new();
    for call in calls {
        let is_sent = call.contains("sendto(") || call.contains("sendmsg(");
        let Some((_, message)) = call.split_once("nlmsg_len=").filter(|_| is_sent) else { continue };
        let (before, after) = message.split_once("nlmsg_seq=").unwrap();
        let (_, after) = after.split_once(',').unwrap();
        let question = format!("{before}{}", after.split_once(", nl_pid=").unwrap_or((after, "")).0);
        *questions.entry(question).or_default() += 1;
    }
    questions
}

#[test]
fn each_table_of_each_namespace_is_read_once() {
    let Some((one, _)) = alone(&[]) else { return };
    let Some((other, _)) = alone(&[]) else { return };
    let Some(calls) = traced(&[&one.pid.to_string(), &other.pid.to_string()]) else { return };
    let asked = questions(&calls);
    assert!(asked.len() >= 6, "{asked:?}");
    assert!(asked.values().all(|&count| count == 2), "{asked:?}");
}

#[test]
fn only_the_tables_that_have_the_sockets_are_read() {
    if !installed("python3") {
        return;
    }
    let actor = Actor::start(&mut python("import socket\na, b = socket.socketpair()"));
    let Some(calls) = traced(&[&actor.pid.to_string()]) else { return };
    // One, and its family is the first byte behind the header.
    let asked = questions(&calls);
    assert_eq!(asked.values().sum::<usize>(), 1, "{asked:?}");
    let question = asked.keys().next().unwrap();
    assert!(question.contains("\"\\x01") || question.contains("AF_UNIX"), "{question}");
    assert_eq!(calls.iter().find(|call| call.contains("net/")), None);
}
