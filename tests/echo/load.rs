//! The client: many connections, every byte looked at.

use crate::common::{Ran, pid_of, run, start, wait_until};
use crate::server::{Server, closed_port, ganariya};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

/// A server of the test's own, which changes what it sends back of the connection `bad`.
fn liar(connections: usize, bad: usize, change: fn(&mut Vec<u8>)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for number in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = vec![0; 100];
            stream.read_exact(&mut bytes).unwrap();
            if number == bad {
                change(&mut bytes);
            }
            stream.write_all(&bytes).unwrap();
            // Closed before all came back.
            if bytes.len() >= 100 {
                kept.push(stream);
            }
        }
        while let Some(mut stream) = kept.pop() {
            let _ = stream.read(&mut [0]);
        }
    });
    place
}

fn load(place: &str, connections: &str) -> Ran {
    let options = ["--connections", connections, "--bytes", "100"];
    run(&mut ganariya(&[&["echo-client", place], &options[..]].concat()))
}

#[test]
fn what_is_lost_or_differs_is_found() {
    for (change, why) in [
        ((|bytes| bytes[99] ^= 1) as fn(&mut Vec<u8>), "other bytes came back than were sent"),
        (|bytes| bytes.swap(0, 50), "other bytes came back than were sent"),
        (|bytes| bytes.push(0), "other bytes came back than were sent"),
        (|bytes| bytes.truncate(99), "the server ended it before all had come back"),
    ] {
        let ran = load(&liar(5, 3, change), "5");
        let expected = format!("ganariya-fd: 1 connections failed: {why}\n");
        assert_eq!((ran.status, ran.err.as_str()), (1, expected.as_str()));
        assert!(ran.text().starts_with("connections  4\nfailed       1\nmessages     4\n"), "{}", ran.text());
    }
}

#[test]
fn the_echo_of_another_connection_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let mut streams = [(); 2].map(|()| listener.accept().unwrap().0);
        let texts = [0, 1].map(|index| {
            let mut bytes = vec![0; 100];
            streams[index].read_exact(&mut bytes).unwrap();
            bytes
        });
        streams[0].write_all(&texts[1]).unwrap();
        streams[1].write_all(&texts[0]).unwrap();
    });
    let ran = load(&place, "2");
    serving.join().unwrap();
    let expected = "ganariya-fd: 2 connections failed: other bytes came back than were sent\n";
    assert_eq!((ran.status, ran.err.as_str()), (1, expected));
}

#[test]
fn nobody_there_fails_every_connection() {
    let (_tcp, free) = closed_port();
    let ran = load(&free, "3");
    let expected = "ganariya-fd: 3 connections failed: connect: ECONNREFUSED\n";
    assert_eq!((ran.status, ran.err.as_str()), (1, expected));
}

/// Holds so many connections, and gives the server's memory with them in KiB.
fn hold(server: &Server, connections: usize) -> u64 {
    let count = connections.to_string();
    let arguments = ["echo-client", &server.places[0], "--connections", &count, "--hold"];
    let mut child = start(ganariya(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let held = lines.find(|line| line.starts_with("held: "));
    assert_eq!(held, Some(format!("held: {connections} connections")));
    assert_eq!(crate::common::sockets_of(pid_of(&child)).len(), connections);
    assert_eq!(server.sockets(), connections + 1);
    let memory = server.status("VmRSS");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    wait_until("server without clients", || server.sockets() == 1);
    memory
}

#[test]
fn held_connections_stay_until_the_end_of_input() {
    hold(&Server::start(&[]), 100);
}

#[test]
#[ignore = "needs a limit of more than 10,000 descriptors"]
fn ten_thousand_clients_take_less_than_16_mib() {
    let memory = hold(&Server::start(&[]), 10_000);
    assert!(memory < 16 << 10, "{memory} KiB");
}
