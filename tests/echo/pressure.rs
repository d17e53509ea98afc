//! Clients that want much, read nothing, or vanish.

use crate::common::wait_until;
use crate::server::{MODELS, Server, bytes};
use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::thread;

#[test]
fn a_large_message_comes_back_byte_for_byte() {
    let sent = Arc::new(bytes(10 << 20));
    for model in MODELS {
        let server = Server::start(&["--model", model]);
        let mut client = server.client();
        let crate::server::Client::Tcp(stream) = &client else { unreachable!() };
        let (mut writer, text) = (stream.try_clone().unwrap(), Arc::clone(&sent));
        let sending = thread::spawn(move || writer.write_all(&text).unwrap());
        let mut received = vec![0; sent.len()];
        client.read_exact(&mut received).unwrap();
        sending.join().unwrap();
        assert!(received == *sent, "{model}");
    }
}

#[test]
fn one_that_never_reads_costs_little_and_keeps_nobody_waiting() {
    for model in MODELS {
        for place in ["--listen=0", "--unix=@ganariya-full"] {
            let place = if place.starts_with("--unix") {
                format!("{place}-{model}-{}", std::process::id())
            } else {
                place.to_owned()
            };
            let server = Server::start(&["--model", model, &place]);
            let mut other = server.client();
            other.echoes("before");
            let before = server.status("RssAnon");
            let mut slow = server.client();
            let sent = slow.fill(&server);
            let grown = server.status("RssAnon").saturating_sub(before);
            assert!(grown <= 512, "{model}: {grown} KiB for {} bytes", sent.len());
            for round in 0..100 {
                other.echoes(&format!("meanwhile {round}"));
            }
            slow.finish();
            let mut received = Vec::new();
            slow.read_to_end(&mut received).unwrap();
            assert!(received == sent, "{model}: {} of {} bytes", received.len(), sent.len());
        }
    }
}

#[test]
fn one_that_ends_its_side_gets_everything_and_then_the_end() {
    for model in MODELS {
        let server = Server::start(&["--model", model]);
        let mut client = server.client();
        let sent = bytes(100_000);
        client.write_all(&sent).unwrap();
        client.finish();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert!(received == sent, "{model}");
    }
}

#[test]
fn a_reset_ends_that_client_alone() {
    for model in MODELS {
        let server = Server::start(&["--model", model]);
        let mut other = server.client();
        other.echoes("before");
        let (sockets, children) = (server.sockets(), server.children().len());
        for stuck in [false, true] {
            let mut client = server.client();
            client.echoes("hello");
            if stuck {
                client.fill(&server);
            }
            setsockopt(&client, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 }).unwrap();
            drop(client);
            wait_until("one client less", || {
                server.sockets() == sockets && server.children().len() == children
            });
            other.echoes("after");
        }
        assert_eq!(server.errors(), "");
    }
}
