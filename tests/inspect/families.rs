//! Sockets of every family, in one network namespace and in several.

use crate::common::{
    Actor, descriptor, document, installed, may_unshare, python, run, shell, sockets_of, wait_until, within,
};
use crate::told::{alone, called, check_all, network_of, number, told};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

#[test]
fn every_family_is_shown_in_a_namespace_of_its_own() {
    let Some((actor, report)) = alone(&[]) else { return };
    let document = document(&[actor.pid]);
    check_all(&document, actor.pid, &report);
    let kinds: BTreeSet<&str> = told(&report).iter().map(|told| told["kind"].as_str().unwrap()).collect();
    // Those that every kernel has and root may open.
    for kind in ["tcp", "udp", "icmp", "raw", "unix", "netlink", "packet"] {
        assert!(kinds.contains(kind), "{kind}: {}", report["skipped"]);
    }
}

#[test]
fn the_same_addresses_in_two_namespaces_are_two_networks() {
    let Some((one, one_report)) = alone(&["--port", "20000"]) else { return };
    let Some((other, other_report)) = alone(&["--port", "20000"]) else { return };
    assert_ne!(network_of(one.pid), network_of(other.pid));
    // The point of the test: there is no telling them apart by their addresses.
    let inet = |report: &Value| -> Vec<Value> {
        let ours = told(report).iter().filter(|told| ["tcp", "udp"].iter().any(|kind| told["kind"] == *kind));
        ours.map(|told| json!([told["local"], told["remote"]])).collect()
    };
    assert_eq!(inet(&one_report), inet(&other_report));
    assert!(inet(&one_report).len() > 20);
    let both = document(&[one.pid, other.pid]);
    check_all(&both, one.pid, &one_report);
    check_all(&both, other.pid, &other_report);
    // The tables of the others are looked through, and nobody there is at the other end.
    let single = document(&[other.pid]);
    check_all(&single, other.pid, &other_report);
}

/// A shell in a network namespace of its own.
fn lonely() -> Actor {
    Actor::start(&mut within(&["unshare", "-n"], &shell("ip link set lo up")))
}

/// Runs `ip` in the namespace of a process.
fn ip(pid: i32, words: &str) {
    let pid = pid.to_string();
    let ran = run(Command::new("nsenter").args(["-t", &pid, "-n", "ip"]).args(words.split(' ')));
    assert_eq!(ran.status, 0, "ip {words}: {}", ran.err);
}

/// Starts a program in Python in the namespace of a process.
fn python_in(pid: i32, script: &str) -> Actor {
    Actor::start(&mut within(&["nsenter", "-t", &pid.to_string(), "-n"], &python(script)))
}

#[test]
fn a_connection_between_two_namespaces_leads_outside_on_both_sides() {
    if !may_unshare("-n") || !installed("ip") || !installed("nsenter") || !installed("python3") {
        return;
    }
    let (left, right) = (lonely(), lonely());
    // It goes with the namespaces.
    let link = format!("link add one type veth peer name other netns {}", right.pid);
    ip(left.pid, &link);
    for (pid, name, address) in [(left.pid, "one", "192.0.2.1/24"), (right.pid, "other", "192.0.2.2/24")] {
        ip(pid, &format!("address add {address} dev {name}"));
        ip(pid, &format!("link set {name} up"));
    }
    let listen = "import socket, threading\ns = socket.create_server(('192.0.2.1', 7000))\n\
        kept = []\nthreading.Thread(target=lambda: kept.append(s.accept()), daemon=True).start()";
    let server = python_in(left.pid, listen);
    let connect = "import socket\nc = socket.create_connection(('192.0.2.1', 7000))";
    let client = python_in(right.pid, connect);
    wait_until("connection that was accepted", || sockets_of(server.pid).len() == 2);
    let near = sockets_of(client.pid)[0];
    let [listening, accepted] = sockets_of(server.pid)[..] else { panic!() };
    for pids in [vec![server.pid], vec![client.pid], vec![client.pid, server.pid]] {
        let document = document(&pids);
        if pids.contains(&server.pid) {
            let shown = descriptor(&document, server.pid, accepted);
            assert_eq!(shown["facts"]["local"], "192.0.2.1:7000");
            assert_eq!(shown["facts"]["state"], "ESTABLISHED");
            assert_eq!(shown["facts"]["netns"], network_of(left.pid));
            let remote = shown["facts"]["remote"].as_str().unwrap();
            assert!(remote.starts_with("192.0.2.2:"), "{shown}");
            assert_eq!(shown["peers"], json!([{"outside": remote}]));
            assert_eq!(descriptor(&document, server.pid, listening)["peers"], json!([]));
        }
        if pids.contains(&client.pid) {
            let shown = descriptor(&document, client.pid, near);
            assert_eq!(shown["facts"]["remote"], "192.0.2.1:7000");
            assert_eq!(shown["facts"]["netns"], network_of(right.pid));
            assert_eq!(shown["peers"], json!([{"outside": "192.0.2.1:7000"}]));
        }
    }
}

/// The value behind `name:` in what ss tells of a connection.
fn ss_value<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.find(&format!(" {name}")).unwrap_or_else(|| panic!("no {name}: {text}"));
    text[start + 1 + name.len()..].split_ascii_whitespace().next().unwrap()
}

#[test]
fn what_tcp_has_measured_is_shown_when_it_is_asked_for() {
    let Some((actor, report)) = alone(&[]) else { return };
    let pid = actor.pid.to_string();
    let shown = |arguments: &[&str]| run(&mut crate::common::inspect(arguments)).clean().json();
    let with = shown(&["--format", "json", "--tcp-info", &pid]);
    let without = shown(&["--format", "json", &pid]);
    for what in ["a client of TCP", "the server's side of the same connection of TCP"] {
        let told = called(&report, what);
        let fd = number(&told["fd"]);
        assert_eq!(descriptor(&without, actor.pid, fd)["facts"].get("tcp_info"), None);
        let info = &descriptor(&with, actor.pid, fd)["facts"]["tcp_info"];
        assert_eq!(info["congestion"], told["congestion"], "{info}");
        assert_eq!(info["total_retrans"], 0, "{info}");
        let is_client = what == "a client of TCP";
        assert_eq!(info["bytes_received"], if is_client { 0 } else { 5 }, "{info}");
        if !installed("ss") || !installed("nsenter") {
            continue;
        }
        let filter = format!("( sport = {} )", told["local"].as_str().unwrap().rsplit_once(':').unwrap().1);
        let mut command = Command::new("nsenter");
        let ran = run(command.args(["-t", &pid, "-n", "ss", "-tinOH", "state", "established", &filter]));
        let line = ran.text().lines().next().unwrap();
        // Of the kernel's microseconds ss gives thousandths.
        let seconds = |text: &str| text.parse::<f64>().unwrap() / 1000.0;
        let (rtt, variance) = ss_value(line, "rtt:").split_once('/').unwrap();
        let near = |key: &str, theirs: f64| {
            let ours = info[key].as_f64().unwrap_or_else(|| panic!("{key}: {info}"));
            assert!((ours - theirs).abs() < 1e-6, "{key}: {ours} {theirs}");
        };
        near("rtt", seconds(rtt));
        near("rttvar", seconds(variance));
        near("rto", seconds(ss_value(line, "rto:")));
        assert_eq!(info["snd_cwnd"].to_string(), ss_value(line, "cwnd:"));
        if is_client {
            // With one more for the connection's beginning.
            assert_eq!(info["bytes_acked"].to_string(), ss_value(line, "bytes_acked:"));
        }
    }
    let listening = number(&called(&report, "a server of TCP")["fd"]);
    let facts = &descriptor(&with, actor.pid, listening)["facts"];
    assert_eq!(facts["backlog"], 7, "{facts}");
}

#[test]
fn what_epoll_watches_is_told_by_the_file_and_not_by_its_number() {
    let Some((actor, report)) = alone(&[]) else { return };
    let document = document(&[actor.pid]);
    let told = called(&report, "an epoll instance");
    let shown = descriptor(&document, actor.pid, number(&told["fd"]));
    let by_data = |list: &Value| {
        let mut list = list.as_array().unwrap().clone();
        list.sort_by_key(|watch| watch["data"].as_u64());
        list
    };
    let (told, shown) = (by_data(&told["tfd"]), by_data(&shown["facts"]["tfd"]));
    assert_eq!(told.len(), shown.len(), "{shown:?}");
    for (told, shown) in told.iter().zip(&shown) {
        for key in ["fd", "data", "ino", "means"] {
            assert_eq!(shown[key], told[key], "{key} of {shown}");
        }
        assert_eq!(shown["pos"], 0);
        // The kernel adds these two to whatever is asked for.
        let added = [json!("EPOLLERR"), json!("EPOLLHUP")];
        let mut events = shown["events"].as_array().unwrap().clone();
        events.retain(|event| !added.contains(event));
        assert_eq!(json!(events), told["events"], "{shown}");
    }
    // The device is that of the file which is watched, and still open by another number.
    let reader = called(&report, "a pipe that is watched");
    let of_pipe: Vec<_> = shown.iter().filter(|watch| watch["ino"] == reader["ino"]).collect();
    assert_eq!(of_pipe.len(), 2);
    assert!(of_pipe.iter().all(|watch| watch["dev"] == reader["dev"]), "{of_pipe:?}");
    // The trap: by this number another file is open now.
    let reused = called(&report, "a number that was another file's");
    assert!(of_pipe.iter().any(|watch| watch["fd"] == reused["fd"] && watch["means"] == "stale"));
    let link = fs::read_link(format!("/proc/{}/fd/{}", actor.pid, reused["fd"])).unwrap();
    assert_eq!(link.to_str(), Some("/dev/null"));
}
