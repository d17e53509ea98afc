//! Every model at every kind of address.

use crate::common::{Ran, run, wait_until};
use crate::server::{Client, MODELS, Server, descriptors, ganariya, inherited};
use std::net::UdpSocket;
use std::time::Duration;

/// Starts a server of a model at all kinds of addresses.
fn everywhere(model: &str, name: &str) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let name = format!("@ganariya-{name}-{model}-{}", std::process::id());
    let places = ["--listen", "0", "--listen", "[::1]:0", "--unix", path.to_str().unwrap(), "--unix", &name];
    (Server::start(&[&["--model", model], &places[..]].concat()), folder)
}

#[test]
fn all_models_serve_at_all_kinds_of_addresses() {
    for model in MODELS {
        let (server, folder) = everywhere(model, "all");
        assert!(server.places[0].starts_with("127.0.0.1:") && !server.places[0].ends_with(":0"));
        assert!(server.places[1].starts_with("[::1]:") && !server.places[1].ends_with(":0"));
        assert_eq!(server.places[2], folder.path().join("socket").to_str().unwrap());
        assert!(server.places[3].starts_with("@ganariya-all"));
        let mut clients: Vec<Client> = server.places.iter().map(|place| Client::connect(place)).collect();
        for round in 0..3 {
            for (index, client) in clients.iter_mut().enumerate() {
                client.echoes(&format!("{model} {index} {round}\n"));
            }
        }
        for client in &mut clients {
            client.finish();
            client.sees_the_end();
        }
        assert_eq!(server.errors(), "");
    }
}

#[test]
fn without_an_address_it_is_a_port_of_loopback() {
    let server = Server::start(&[]);
    assert!(server.places[0].starts_with("127.0.0.1:"), "{:?}", server.places);
    server.client().echoes("x");
}

#[test]
fn a_server_holds_what_serves_and_nothing_else() {
    for (model, sockets, others) in [("epoll", 2, 4), ("thread", 2, 3), ("fork", 1, 3)] {
        let server = Server::start(&["--model", model]);
        let mut client = server.client();
        client.echoes("x");
        let inherited = inherited();
        let descriptors =
            |pid: i32| descriptors(pid).into_iter().filter(|number| !inherited.contains(number)).count();
        assert_eq!(server.sockets(), sockets, "{model}");
        assert_eq!(descriptors(server.pid), sockets + others, "{model}");
        for child in server.children() {
            // The listening socket is the parent's, and this one the child's alone.
            assert_eq!((crate::common::sockets_of(child).len(), descriptors(child)), (1, 4));
        }
    }
}

#[test]
fn datagrams_are_sent_back() {
    for model in MODELS {
        let server = Server::start(&["--udp", "--model", model, "--listen", "0", "--listen", "[::1]:0"]);
        for (place, own) in server.places.iter().zip(["127.0.0.1:0", "[::1]:0"]) {
            let gone = UdpSocket::bind(own).unwrap();
            gone.send_to(b"from nobody", place).unwrap();
            drop(gone);
            let client = UdpSocket::bind(own).unwrap();
            client.connect(place).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            for size in [0, 1, 1472, 65_000] {
                let sent = crate::server::bytes(size);
                client.send(&sent).unwrap();
                let mut received = vec![0; 65_536];
                let length = client.recv(&mut received).unwrap();
                assert_eq!(received[..length], sent);
            }
        }
        assert_eq!(server.errors(), "");
    }
}

#[test]
fn all_models_serve_many_at_once() {
    for model in MODELS {
        let (server, _folder) = everywhere(model, "many");
        for place in &server.places {
            let place: Vec<&str> = if place.contains("]:") || place.starts_with("127") {
                vec![place]
            } else {
                vec!["--unix", place]
            };
            let options = ["--connections", "60", "--count", "20", "--bytes", "3000"];
            let ran = run(&mut ganariya(&[&["echo-client"], &place[..], &options].concat()));
            let Ran { status, ref err, .. } = ran;
            assert_eq!((status, err.as_str()), (0, ""), "{model} {place:?}");
            for line in
                ["connections  60\n", "failed       0\n", "messages     1200\n", "bytes        3600000\n"]
            {
                assert!(ran.text().contains(line), "{}", ran.text());
            }
        }
        wait_until("server without clients", || match model {
            "fork" => server.children().is_empty(),
            _ => server.sockets() == server.places.len(),
        });
        assert_eq!(server.errors(), "");
    }
}
