//! The tables that a running server prints.

use crate::common::{heard, installed, pid_of, plain, program, run, start, state, wait_until};
use crate::server::MODELS;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server that prints its tables.
struct Server {
    child: Child,
    /// What it prints, as long as anybody reads that.
    lines: Option<Lines<BufReader<ChildStdout>>>,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(model: &str) -> Self {
        Self::start_with(&["--model", model])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.arg("echo-server").args(arguments);
        plain(&mut command);
        let mut child = start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()));
        let out = child.stdout.take().unwrap();
        fcntl(&out, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        let mut lines = BufReader::new(out).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { child, lines: Some(lines), address }
    }

    /// The next table that says that so many are connected: its rows, each as its columns.
    fn table(&mut self, connected: usize) -> Vec<Vec<String>> {
        let heading = format!("ganariya-fd[{}]: {connected} connected", pid_of(&self.child));
        let has_event_loop = self.has_event_loop();
        let lines = self.lines.as_mut().unwrap();
        while lines.next().unwrap().unwrap().trim() != heading {}
        let mut rows = Vec::new();
        for line in lines {
            let line = line.unwrap();
            let words: Vec<String> = line.split("  ").map(|word| word.trim().to_owned()).collect();
            let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let number = words.first().and_then(|word| word.parse::<i32>().ok());
            match (words.is_empty(), number) {
                (true, _) => break,
                (false, Some(_)) => rows.push(words),
                (false, None) if words[0] == "PID" => {}
                // What the event loop watches comes last.
                (false, None) => {
                    rows.push(words);
                    break;
                }
            }
            // The listening socket and each connection; only the event loop has a line more.
            if rows.len() == connected + 1 && !has_event_loop {
                break;
            }
        }
        rows
    }

    fn has_event_loop(&self) -> bool {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", pid_of(&self.child))).unwrap();
        folder.flatten().any(|entry| {
            std::fs::read_link(entry.path()).is_ok_and(|link| link.to_string_lossy().contains("eventpoll"))
        })
    }

    /// The process that makes the tables.
    fn beside(&self) -> i32 {
        wait_until("its name", || self.find_beside().is_some());
        self.find_beside().unwrap()
    }

    fn find_beside(&self) -> Option<i32> {
        let children = format!("/proc/{0}/task/{0}/children", pid_of(&self.child));
        let children = std::fs::read_to_string(children).unwrap();
        let is_it = |pid: &str| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains("echo-tables"))
        };
        children.split_whitespace().find(|pid| is_it(pid))?.parse().ok()
    }
}

#[test]
fn a_table_comes_with_each_connection_and_goes_with_it() {
    for model in MODELS {
        let mut server = Server::start(model);
        assert_eq!(server.table(0)[0][2], server.address);
        let mut client = TcpStream::connect(&server.address).unwrap();
        let local = client.local_addr().unwrap().to_string();
        let rows = server.table(1);
        let row = rows.iter().find(|row| row.get(3) == Some(&local)).unwrap_or_else(|| panic!("{rows:?}"));
        assert_eq!((&row[2], row[4].as_str()), (&server.address, "ESTABLISHED"));
        // This process is at the other end.
        assert!(row[5].contains(&format!("[{}] fd ", std::process::id())), "{row:?}");
        assert_eq!(row[6], "0/0");
        if installed("ss") {
            let ss = run(Command::new("ss").args(["-Htanp", "state", "established"]));
            let addresses = [server.address.as_str(), &local];
            let text = ss.lossy();
            let line = text.lines().find(|line| line.split_whitespace().skip(2).take(2).eq(addresses));
            let user = format!("pid={},fd={}", row[0], row[1]);
            assert!(line.is_some_and(|line| line.contains(&user)), "{user}: {}", ss.lossy());
        }
        if model == "epoll" {
            let watched = rows.last().unwrap().join(" ");
            assert!(watched.contains("(eventpoll) watches fd "), "{watched}");
            assert!(watched.ends_with(&format!(" {}", row[1])), "{watched}");
        }
        // The next one tells what went through until then.
        client.write_all(b"12345").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        let second = TcpStream::connect(&server.address).unwrap();
        let rows = server.table(2);
        assert!(rows.iter().any(|row| row.get(3) == Some(&local) && row[6] == "5/5"), "{rows:?}");
        drop((client, second));
        assert_eq!(server.table(0)[0][2], server.address);
        kill(Pid::from_raw(pid_of(&server.child)), Signal::SIGTERM).unwrap();
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn who_makes_the_tables_ends_with_the_server_however_that_ends() {
    for signal in heard(&[Signal::SIGINT, Signal::SIGKILL]) {
        let mut server = Server::start("epoll");
        server.table(0);
        let beside = server.beside();
        kill(Pid::from_raw(pid_of(&server.child)), signal).unwrap();
        server.child.wait().unwrap();
        wait_until("its end", || matches!(state(beside), None | Some('Z')));
    }
}

#[test]
fn the_server_goes_on_when_nobody_reads_its_tables() {
    let mut server = Server::start("epoll");
    server.lines = None;
    for _ in 0..3 {
        let mut client = TcpStream::connect(&server.address).unwrap();
        client.write_all(b"12345").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
    }
    kill(Pid::from_raw(pid_of(&server.child)), Signal::SIGTERM).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_client_that_takes_nothing_keeps_neither_from_ending() {
    for model in MODELS {
        let mut server = crate::server::Server::printing(&["--model", model]);
        server.client().echoes("x");
        let mut stuck = server.client();
        stuck.fill(&server);
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ended(), 0, "{model}");
    }
}

#[test]
fn a_table_that_nobody_takes_keeps_the_server_from_nothing() {
    // Large tables, and a small pipe.
    let names: Vec<String> =
        (0..20).map(|n| format!("@{}.{n}{}", std::process::id(), "x".repeat(60))).collect();
    let arguments: Vec<&str> = names.iter().flat_map(|name| ["--unix", name.as_str()]).collect();
    let mut server = Server::start_with(&[&["--listen", "0"], &arguments[..]].concat());
    let pid = server.beside();
    let waits = || {
        std::fs::read_to_string(format!("/proc/{pid}/syscall"))
            .is_ok_and(|call| call.starts_with(&format!("{} ", nix::libc::SYS_write)))
    };
    wait_until("a full pipe", || {
        let mut client = TcpStream::connect(&server.address).unwrap();
        client.write_all(b"12345").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        waits()
    });
    kill(Pid::from_raw(pid_of(&server.child)), Signal::SIGTERM).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    wait_until("its end", || matches!(state(pid), None | Some('Z')));
}
