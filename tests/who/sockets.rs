//! Ports, unix sockets and what links mean.

use crate::common::{Actor, installed, may_unshare, python, run, shell, within};
use crate::{by, found, holders};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// A server of TCP and a socket of UDP on one port, and a client of the first.
const SERVER: &str = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nport = s.getsockname()[1]\n\
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('0.0.0.0', port))\n\
    c = socket.create_connection(('127.0.0.1', port)); d, _ = s.accept()\n\
    print(port, s.fileno(), u.fileno(), c.fileno(), d.fileno(), flush=True)\nimport sys; sys.stdin.read()\n";

#[test]
fn a_port_is_held_by_whoever_has_it_at_its_own_side() {
    if !installed("python3") {
        return;
    }
    let actor = Actor::start(&mut python(SERVER));
    let words: Vec<&str> = actor.line.split_whitespace().collect();
    let [port, listening, datagrams, _client, accepted] = words[..] else { panic!() };
    let all = |target: &str| holders(&found(&[target]));
    assert_eq!(all(&format!(":{port}")), by(actor.pid, &[listening, datagrams, accepted]));
    assert_eq!(all(&format!("tcp:{port}")), by(actor.pid, &[listening, accepted]));
    assert_eq!(all(&format!("tcp:127.0.0.1:{port}")), by(actor.pid, &[listening, accepted]));
    assert_eq!(all(&format!("tcp:127.0.0.2:{port}")), by(actor.pid, &[]));
    // What is bound to every address has each.
    assert_eq!(all(&format!("udp:127.0.0.9:{port}")), by(actor.pid, &[datagrams]));
    assert_eq!(all(&format!("udp:[::1]:{port}")), by(actor.pid, &[]));
    if installed("fuser") {
        let ran = run(Command::new("fuser").args(["-n", "tcp", port]));
        let pids: BTreeSet<&str> = ran.text().split_whitespace().collect();
        assert_eq!(pids, BTreeSet::from([actor.pid.to_string().as_str()]));
    }
    if installed("ss") {
        let ran = run(Command::new("ss").args(["-tanpH", &format!("sport = :{port}")]));
        let owner = format!("pid={},fd=", actor.pid);
        let theirs: BTreeSet<&str> = ran
            .text()
            .lines()
            .map(|line| line.split_once(&owner).unwrap().1.split(')').next().unwrap())
            .collect();
        assert_eq!(theirs, BTreeSet::from([listening, accepted]));
    }
}

#[test]
fn a_port_in_another_network_namespace_is_found_there() {
    if !installed("python3") || !may_unshare("-n") || !installed("ip") {
        return;
    }
    let server = SERVER.replace("import socket\n", "import socket, os\nos.system('ip link set lo up')\n");
    let actor = Actor::start(&mut within(&["unshare", "-n"], &python(&server)));
    let words: Vec<&str> = actor.line.split_whitespace().collect();
    let [port, listening, datagrams, _client, accepted] = words[..] else { panic!() };
    let ours = holders(&found(&[format!(":{port}")]));
    assert!(by(actor.pid, &[listening, datagrams, accepted]).is_subset(&ours), "{ours:?}");
}

#[test]
fn a_unix_socket_is_found_by_its_name_and_by_its_file() {
    if !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let abstract_name = format!("@who-{}", std::process::id());
    let script = format!(
        "import socket\na = socket.socket(socket.AF_UNIX); a.bind('socket'); a.listen()\n\
         b = socket.socket(socket.AF_UNIX); b.bind('\\0{}'); b.listen()\n\
         c = socket.socket(socket.AF_UNIX); c.connect('socket')\n\
         print(a.fileno(), b.fileno(), c.fileno(), flush=True)\nimport sys; sys.stdin.read()\n",
        &abstract_name[1..]
    );
    let actor = Actor::start(python(&script).current_dir(folder.path()));
    let words: Vec<&str> = actor.line.split_whitespace().collect();
    let [by_path, by_name, _client] = words[..] else { panic!() };
    assert_eq!(holders(&found(&[&abstract_name])), by(actor.pid, &[by_name]));
    // It was bound to a relative name, which is the only one that the kernel has for it. The file is the same
    // by any name.
    assert_eq!(holders(&found(&["unix:socket"])), by(actor.pid, &[by_path]));
    let path = folder.path().join("socket");
    let other = folder.path().join("other");
    fs::hard_link(&path, &other).unwrap();
    for path in [&path, &other] {
        assert_eq!(holders(&found(&[path.to_str().unwrap()])), by(actor.pid, &[by_path]), "{path:?}");
    }
    assert_eq!(holders(&found(&[format!("unix:{}", path.display())])), by(actor.pid, &[]));
}

#[test]
fn the_texts_of_links_are_targets() {
    let actor = Actor::start(shell("exec 3<&0").stderr(std::process::Stdio::null()));
    let link = fs::read_link(format!("/proc/{}/fd/3", actor.pid)).unwrap();
    let holding = holders(&found(&[link.to_str().unwrap()]));
    assert!(by(actor.pid, &["0", "3"]).is_subset(&holding), "{holding:?}");
    // The other end is in the tests.
    let others: BTreeSet<i64> = holding.iter().map(|(pid, _)| *pid).collect();
    assert_eq!(others, BTreeSet::from([actor.pid.into(), crate::common::own_pid().into()]));
    assert_eq!(holders(&found(&["socket:[1]"])), by(actor.pid, &[]));
}
