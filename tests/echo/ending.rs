//! How a server ends, and what it leaves behind: nothing.

use crate::common::{heard, state, wait_until};
use crate::server::{Client, MODELS, Server, bytes};
use nix::sys::signal::Signal;
use std::io::{Read as _, Write as _};
use std::path::Path;

#[test]
fn what_was_received_goes_back_before_the_end() {
    for model in MODELS {
        for signal in heard(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("socket");
            let mut server =
                Server::start(&["--model", model, "--listen", "0", "--unix", path.to_str().unwrap()]);
            let mut clients: Vec<_> = server.places.iter().map(|place| Client::connect(place)).collect();
            for client in &mut clients {
                client.echoes("there");
            }
            // It finds the signal and the bytes at once.
            server.signal(Signal::SIGSTOP);
            wait_until("stopped server", || state(server.pid) == Some('T'));
            let sent = bytes(20_000);
            for client in &mut clients {
                client.write_all(&sent).unwrap();
            }
            server.signal(signal);
            server.signal(Signal::SIGCONT);
            for client in &mut clients {
                let mut received = Vec::new();
                client.read_to_end(&mut received).unwrap();
                assert!(received == sent, "{model} {signal}: {} bytes", received.len());
            }
            assert_eq!(server.ended(), 0, "{model} {signal}");
            assert!(!path.exists());
            assert_eq!(server.errors(), "");
        }
    }
}

#[test]
fn one_that_never_reads_does_not_keep_it_from_ending() {
    for model in MODELS {
        for signals in [1, 2] {
            let mut server = Server::start(&["--model", model]);
            let mut stuck = server.client();
            stuck.fill(&server);
            let children = server.children();
            server.signal(Signal::SIGTERM);
            if signals == 2 {
                wait_until("closed port", || server.sockets() < 1 + usize::from(children.is_empty()));
                server.signal(Signal::SIGTERM);
            }
            assert_eq!(server.ended(), 0, "{model}");
            for child in children {
                assert_eq!(state(child), None, "{model}");
            }
        }
    }
}

#[test]
fn children_leave_no_trace() {
    let server = Server::start(&["--model", "fork"]);
    for _ in 0..20 {
        let (mut one, mut two) = (server.client(), server.client());
        one.echoes("one");
        two.echoes("two");
        assert_eq!(server.children().len(), 2);
        drop((one, two));
        wait_until("parent without children", || server.children().is_empty());
    }
}

#[test]
fn children_die_with_their_parent() {
    let mut server = Server::start(&["--model", "fork"]);
    let mut client = server.client();
    client.echoes("hello");
    let children = server.children();
    assert_eq!(children.len(), 1);
    server.signal(Signal::SIGKILL);
    assert_eq!(server.ended(), 128 + 9);
    client.sees_the_end();
    wait_until("end of the child", || state(children[0]).is_none_or(|state| state == 'Z'));
}

#[test]
fn a_child_that_is_asked_to_end_ends_its_client_alone() {
    let server = Server::start(&["--model", "fork"]);
    let (mut one, mut two) = (server.client(), server.client());
    one.echoes("one");
    let first = server.children();
    two.echoes("two");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first[0]), Signal::SIGTERM).unwrap();
    one.sees_the_end();
    two.echoes("still there");
    wait_until("one child less", || server.children().len() == 1);
}

#[test]
fn a_port_is_free_as_soon_as_the_server_has_ended() {
    for model in MODELS {
        let mut server = Server::start(&["--model", model]);
        let mut client = server.client();
        client.echoes("hello");
        server.signal(Signal::SIGTERM);
        assert_eq!(server.ended(), 0);
        // The server ended the connection first, so its side waits in TIME_WAIT.
        client.sees_the_end();
        drop(client);
        let place = server.places[0].clone();
        let again = Server::start(&["--model", model, "--listen", &place]);
        assert_eq!(again.places[0], place);
        again.client().echoes("again");
    }
}

#[test]
fn the_path_of_another_server_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let path = path.to_str().unwrap();
    let mut first = Server::start(&["--unix", path]);
    std::fs::remove_file(path).unwrap();
    let second = Server::start(&["--unix", path]);
    first.signal(Signal::SIGTERM);
    assert_eq!(first.ended(), 0);
    assert!(Path::new(path).exists());
    second.client().echoes("hello");
}
