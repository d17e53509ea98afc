//! The client: one connection.

use crate::common::{Ran, run, start};
use crate::server::{MODELS, Server, bytes, closed_port, ganariya};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::process::Stdio;
use std::thread;

fn client(arguments: &[&str]) -> Ran {
    run(&mut ganariya(&[&["echo-client"], arguments].concat()))
}

#[test]
fn messages_are_lines_and_come_back() {
    let server = Server::start(&["--listen", "0", "--unix", &format!("@ganariya-c-{}", std::process::id())]);
    let [tcp, unix] = &server.places[..] else { panic!("{:?}", server.places) };
    assert_eq!(client(&[tcp, "one", "two words"]).clean().text(), "one\ntwo words\n");
    assert_eq!(client(&["--unix", unix, "one", "two"]).clean().text(), "one\ntwo\n");
    assert_eq!(client(&[tcp, "x", "y", "--count", "3"]).clean().text(), "x\ny\nx\ny\nx\ny\n");
    let many = client(&[tcp, "hello", "--count", "300000"]).clean();
    assert!(many.text() == "hello\n".repeat(300_000));
    // A port alone is one of this machine.
    assert_eq!(client(&[tcp.strip_prefix("127.0.0.1:").unwrap(), "x"]).clean().text(), "x\n");
}

#[test]
fn standard_input_goes_through_whatever_its_size() {
    for model in MODELS {
        let server = Server::start(&["--model", model]);
        let mut command = ganariya(&["echo-client", &server.places[0]]);
        let mut child = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let sent = bytes(10 << 20);
        let (mut stdin, text) = (child.stdin.take().unwrap(), sent.clone());
        let sending = thread::spawn(move || stdin.write_all(&text).unwrap());
        let mut received = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut received).unwrap();
        sending.join().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(received == sent, "{model}: {} bytes", received.len());
    }
}

#[test]
fn its_own_socket_is_shown_first() {
    let server = Server::start(&[]);
    for (option, arrow) in [(None, "⇄"), (Some("--ascii"), "<->")] {
        let arguments: Vec<&str> = ["--show", &server.places[0], "hello"].into_iter().chain(option).collect();
        let ran = client(&arguments).clean();
        let (first, rest) = ran.text().split_once('\n').unwrap();
        let own = first.strip_prefix("fd 3  127.0.0.1:").unwrap();
        assert!(own.ends_with(&format!(" {arrow} {}", server.places[0])), "{first}");
        assert_eq!(rest, "hello\n");
    }
}

#[test]
fn nobody_there_is_told_with_the_call() {
    let (_tcp, free) = closed_port();
    // It has the port, and takes nothing but what comes from one address.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    deaf.connect("127.0.0.1:1").unwrap();
    let unheard = deaf.local_addr().unwrap().to_string();
    for (arguments, expected) in [
        (&[&free, "x"][..], format!("ganariya-fd: {free}: connect: ECONNREFUSED\n")),
        (&["--unix", "/nowhere", "x"], "ganariya-fd: /nowhere: connect: ENOENT\n".to_owned()),
        (
            &["7:x"],
            "ganariya-fd: 7:x: a host is a numeric address or localhost; names are not looked up\n"
                .to_owned(),
        ),
        (&["localhost:0", "x"], "ganariya-fd: 127.0.0.1:0: nobody listens at port 0\n".to_owned()),
        (&["--udp", &unheard, "x"], format!("ganariya-fd: {unheard}: recvfrom: ECONNREFUSED\n")),
    ] {
        let ran = client(arguments);
        assert_eq!((ran.status, ran.err.as_str()), (2, expected.as_str()), "{arguments:?}");
    }
    assert_eq!(client(&[]).status, 2);
}

#[test]
fn another_answer_than_the_echo_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        for answer in ["hellO\n", "hell", "hello\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = Vec::new();
            stream.read_to_end(&mut text).unwrap();
            assert_eq!(text, b"hello\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let statuses = [0; 3].map(|_| client(&[&place, "hello"])).map(|ran| (ran.status, ran.err));
    let told =
        |count| format!("ganariya-fd: what came back is not what was sent: 6 bytes went, {count} came\n");
    assert_eq!(statuses, [(1, told(6)), (1, told(4)), (0, String::new())]);
    serving.join().unwrap();
}

#[test]
fn datagrams_come_back_or_are_missed() {
    let server = Server::start(&["--udp"]);
    let place = &server.places[0];
    assert_eq!(
        client(&["--udp", place, "one", "two", "--count", "2"]).clean().text(),
        "one\none\ntwo\ntwo\n"
    );
    // One that listens and says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ran = client(&["--udp", &silent.local_addr().unwrap().to_string(), "x"]);
    let expected = "ganariya-fd: 1 of 1 datagrams were not answered\n";
    assert_eq!((ran.status, ran.err.as_str()), (1, expected));
}
