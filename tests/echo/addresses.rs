//! Addresses that cannot be had, and what is said of them.

use crate::common::{Ran, gone_pid, installed, is_root, program, run, skip_for_want_of};
use crate::server::{Server, ganariya};
use nix::sys::signal::Signal;
use std::process::Command;

fn refused(arguments: &[&str]) -> String {
    let ran = run(&mut ganariya(&[&["echo-server"], arguments].concat()));
    assert_eq!((ran.status, ran.text()), (2, ""), "{}", ran.err);
    ran.err
}

/// The server as a user who is nobody.
fn as_nobody(arguments: &[&str]) -> Option<Ran> {
    if !installed("setpriv") {
        return None;
    }
    if !is_root() {
        skip_for_want_of("the right to become another user");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    command.arg(program()).arg("echo-server").args(arguments);
    crate::common::plain(&mut command);
    Some(run(&mut command))
}

/// The number of the one socket of a server.
fn socket(server: &Server) -> i32 {
    crate::common::sockets_of(server.pid)[0]
}

#[test]
fn a_port_in_use_names_its_holder() {
    for (options, place) in [
        (&["--listen", "0"][..], "same"),
        (&["--listen", "[::1]:0"], "same"),
        (&["--listen", "0.0.0.0:0"], "127.0.0.1"),
        (&["--listen", "127.0.0.1:0"], "0.0.0.0"),
        (&["--udp", "--listen", "0"], "same"),
    ] {
        let server = Server::start(options);
        let (host, port) = server.places[0].rsplit_once(':').unwrap();
        let place = format!("{}:{port}", if place == "same" { host } else { place });
        // Clients of it have the port as well, and do not hold it.
        let _client = (!options.contains(&"--udp")).then(|| server.client());
        let mut arguments = options.to_vec();
        *arguments.last_mut().unwrap() = &place;
        let holder = format!("ganariya-fd[{}] fd {}", server.pid, socket(&server));
        let expected = format!("ganariya-fd: {place}: bind: EADDRINUSE; held by {holder}\n");
        assert_eq!(refused(&arguments), expected);
    }
}

#[test]
fn a_live_unix_socket_names_its_holder_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    for place in [path.to_str().unwrap(), &format!("@ganariya-live-{}", std::process::id())] {
        let server = Server::start(&["--unix", place]);
        let expected = format!(
            "ganariya-fd: {place}: bind: EADDRINUSE; held by ganariya-fd[{}] fd {}\n",
            server.pid,
            socket(&server)
        );
        server.client().echoes("before");
        assert_eq!(refused(&["--unix", place]), expected);
        server.client().echoes("after");
    }
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let path = path.to_str().unwrap();
    let mut server = Server::start(&["--unix", path]);
    server.signal(Signal::SIGKILL);
    server.ended();
    assert!(std::fs::exists(path).unwrap());
    Server::start(&["--unix", path]).client().echoes("hello");
}

#[test]
fn a_file_in_the_place_of_a_socket_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    std::fs::write(&path, "data").unwrap();
    let shown = path.to_str().unwrap();
    let expected =
        format!("ganariya-fd: {shown}: bind: EADDRINUSE; a file that is no socket is there, and stays\n");
    assert_eq!(refused(&["--unix", shown]), expected);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn a_holder_that_may_not_be_seen_is_said_to_be_hidden() {
    let server = Server::start(&[]);
    let place = &server.places[0];
    let Some(ran) = as_nobody(&["--listen", place]) else { return };
    let expected = format!(
        "ganariya-fd: {place}: bind: EADDRINUSE; its holder is in none of the tables that you may read: sudo shows it\n"
    );
    assert_eq!((ran.status, ran.err), (2, expected));
}

#[test]
fn a_privileged_port_tells_what_would_help() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first.trim() == "0" {
        return skip_for_want_of("a port that needs rights");
    }
    let Some(ran) = as_nobody(&["--listen", "1"]) else { return };
    let expected = format!(
        "ganariya-fd: 127.0.0.1:1: bind: EACCES; ports below {first} need CAP_NET_BIND_SERVICE: take one from {first} on, or run with sudo\n",
        first = first.trim()
    );
    assert_eq!((ran.status, ran.err), (2, expected));
}

#[test]
fn what_is_no_address_is_told() {
    for (text, expected) in [
        ("127.0.0.1", "127.0.0.1: lacks a port, as in 127.0.0.1:7007 or [::1]:7007"),
        ("127.0.0.1:70000", "127.0.0.1:70000: a port is a number up to 65535"),
        (
            "example.org:80",
            "example.org:80: a host is a numeric address or localhost; names are not looked up",
        ),
        ("192.0.2.1:80", "192.0.2.1:80: bind: EADDRNOTAVAIL; this machine has no such address"),
    ] {
        assert_eq!(refused(&["--listen", text]), format!("ganariya-fd: {expected}\n"));
    }
    let long = format!("/tmp/{}", "x".repeat(200));
    assert_eq!(refused(&["--unix", &long]), format!("ganariya-fd: {long}: bind: ENAMETOOLONG\n"));
    let folder = format!("/proc/{}/socket", gone_pid());
    assert_eq!(refused(&["--unix", &folder]), format!("ganariya-fd: {folder}: bind: ENOENT\n"));
}

#[test]
fn where_one_address_cannot_be_had_nothing_is_left_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    refused(&["--unix", path.to_str().unwrap(), "--unix", "/nowhere/socket"]);
    assert!(!path.exists());
}

#[test]
fn an_address_that_others_can_reach_is_told() {
    for (place, other) in [("0.0.0.0:0", "[::]:0"), ("[::]:0", "0.0.0.0:0")] {
        let mut server = Server::start(&["--listen", place]);
        let expected = format!(
            "ganariya-fd: {} can be reached from other machines, and whoever can gets an answer\n",
            server.places[0]
        );
        // Both families have the port for themselves.
        let port = server.places[0].rsplit_once(':').unwrap().1;
        let both = other.replace(":0", &format!(":{port}"));
        drop(Server::start(&["--listen", &both]));
        server.signal(Signal::SIGTERM);
        server.ended();
        assert_eq!(server.errors(), expected);
    }
    let server = Server::start(&["--lang", "ja", "--listen", "0.0.0.0:0"]);
    crate::common::wait_until("note", || server.errors().ends_with('\n'));
    assert!(server.errors().contains("他のマシンからも接続でき"), "{}", server.errors());
}
