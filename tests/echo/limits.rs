//! What a server does when there is no room for another client.

use crate::common::{installed, is_root, own_pid, skip_for_want_of, wait_until};
use crate::server::{Client, MODELS, Server, inherited};
use std::io::Write as _;

/// So many clients, each of which has sent its number.
fn crowd(server: &Server, count: usize) -> Vec<Client> {
    let clients = (0..count).map(|number| {
        let mut client = server.client();
        client.write_all(number.to_string().as_bytes()).unwrap();
        client
    });
    clients.collect()
}

/// Those of a crowd that have an answer, and those that wait, when so many have one.
fn answered(clients: Vec<Client>, count: usize) -> (Vec<Client>, Vec<(usize, Client)>) {
    let (mut served, mut waiting) = (Vec::new(), Vec::new());
    for (number, mut client) in clients.into_iter().enumerate() {
        // They are let in in the order in which they came.
        if number < count {
            client.receives(&number.to_string());
            served.push(client);
        } else {
            assert!(client.waits());
            waiting.push((number, client));
        }
    }
    (served, waiting)
}

/// Expects that those who wait are served as others leave.
fn take_turns(server: &Server, served: Vec<Client>, waiting: Vec<(usize, Client)>) {
    let mut served = std::collections::VecDeque::from(served);
    for (number, mut client) in waiting {
        served.pop_front();
        client.receives(&number.to_string());
        served.push_back(client);
    }
    for client in &mut served {
        client.echoes("still there");
    }
    assert_eq!(server.errors().lines().count(), 1, "{}", server.errors());
}

/// Waits while the server tries again and again, and expects that it sleeps meanwhile.
fn sleeps_meanwhile(server: &Server) {
    let (ticks, sleeps) = (server.ticks(), server.status("voluntary_ctxt_switches"));
    wait_until("server that tries again", || server.status("voluntary_ctxt_switches") >= sleeps + 4);
    let used = server.ticks() - ticks;
    assert!(used <= 10, "{used} ticks while there was nothing to do");
}

/// The limit under which there is room for so many descriptors beside those that were inherited.
fn limit(room: usize) -> usize {
    let inherited = inherited();
    let fits = |limit: &usize| {
        let taken = inherited.iter().filter(|fd| usize::try_from(**fd).unwrap() < *limit).count();
        limit - taken == room
    };
    (room..room + 100).find(fits).unwrap()
}

#[test]
fn without_descriptors_others_wait_and_are_served_when_somebody_leaves() {
    for (model, fixed) in [("epoll", 5), ("thread", 4)] {
        let limit = format!("ulimit -n {}; exec \"$@\"", limit(fixed + 4));
        let server = Server::start_within(&["sh", "-c", &limit, "sh"], &["--model", model]);
        let clients = crowd(&server, 7);
        wait_until("word on it", || server.errors().ends_with('\n'));
        let note = "ganariya-fd: no further clients can be let in for now (accept4: EMFILE)";
        assert!(server.errors().starts_with(note), "{}", server.errors());
        let (served, waiting) = answered(clients, 4);
        sleeps_meanwhile(&server);
        take_turns(&server, served, waiting);
    }
}

#[test]
fn without_processes_others_wait_and_are_served_when_somebody_leaves() {
    if !installed("prlimit") || !installed("setpriv") {
        return;
    }
    if !is_root() {
        return skip_for_want_of("the right to become another user");
    }
    for (nth, (model, call)) in (0..).zip([("fork", "clone"), ("thread", "clone3")]) {
        // The limit counts all processes of a user, so this one has no others.
        let user = 1_000_000 + 2 * own_pid() + nth;
        let user = [format!("--reuid={user}"), format!("--regid={user}")];
        let around = ["prlimit", "--nproc=4:4", "setpriv", &user[0], &user[1], "--clear-groups"];
        let server = Server::start_within(&around, &["--model", model]);
        let clients = crowd(&server, 6);
        wait_until("word on it", || server.errors().ends_with('\n'));
        let note = format!("ganariya-fd: no further clients can be let in for now ({call}: EAGAIN)");
        assert!(server.errors().starts_with(&note), "{}", server.errors());
        let (served, waiting) = answered(clients, 3);
        sleeps_meanwhile(&server);
        take_turns(&server, served, waiting);
    }
}

#[test]
fn no_more_are_let_in_than_may_be() {
    for model in MODELS {
        let server = Server::start(&["--model", model, "--max-clients", "2"]);
        let (mut served, waiting) = answered(crowd(&server, 5), 2);
        for _ in 0..50 {
            served[0].echoes("once more");
        }
        let clients = if model == "fork" { server.children().len() } else { server.sockets() - 1 };
        assert_eq!(clients, 2, "{model}");
        for (number, mut client) in waiting {
            assert!(client.waits(), "{model}");
            served.remove(0);
            client.receives(&number.to_string());
            served.push(client);
        }
        assert_eq!(server.errors(), "");
    }
}

#[test]
fn the_idle_are_let_go_and_the_server_goes_on() {
    for model in MODELS {
        let server = Server::start(&["--model", model, "--idle-timeout", "0.2"]);
        let (mut silent, mut once) = (server.client(), server.client());
        once.echoes("hello");
        silent.sees_the_end();
        once.sees_the_end();
        server.client().echoes("hello");
        assert_eq!(server.errors(), "");
    }
}

#[test]
fn one_that_does_not_read_is_idle_too() {
    let name = format!("@ganariya-idle-{}", own_pid());
    for model in MODELS {
        let server = Server::start(&["--model", model, "--idle-timeout", "0.5", "--unix", &name]);
        let sockets = server.sockets();
        let mut stuck = server.client();
        stuck.set_nonblocking(true);
        // Until the server has closed it.
        wait_until("broken pipe", || {
            stuck.write(&[0; 1000]).is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        });
        wait_until("server without clients", || server.sockets() == sockets && server.children().is_empty());
    }
}
