//! What ss, lsof and lsfd say of sockets of every family at the same moment, line by line.
//!
//! Where they differ from what is shown here, the reason stands at the place: a choice of ours, or a
//! defect of theirs. What they print wrongly is asserted too where every version of them does.

use crate::common::{Actor, descriptors, document, fixture, installed, run};
use crate::told::{alone, called};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// `ss` in the network namespace of a process.
fn ss(pid: i32, options: &[&str]) -> Option<String> {
    if !installed("ss") || !installed("nsenter") {
        return None;
    }
    let mut command = Command::new("nsenter");
    let ran = run(command.args(["-t", &pid.to_string(), "-n", "ss"]).args(options));
    Some(String::from_utf8_lossy(&ran.out).into_owned())
}

/// The lines about the descriptors of a process, with their numbers.
fn lines_of(text: &str, pid: i32) -> Vec<(i64, &str)> {
    let owner = format!("pid={pid},fd=");
    let fd = |line: &str| line.split_once(&owner)?.1.split(')').next()?.parse().ok();
    text.lines().filter_map(|line| Some((fd(line)?, line))).collect()
}

/// State, both queues, local and remote address.
type Row = [String; 5];

fn row(words: &[&str]) -> Row {
    [words[1], words[2], words[3], words[4], words[5]].map(str::to_owned)
}

/// A state in the words of ss.
fn state(facts: &Value) -> String {
    match facts["state"].as_str().unwrap() {
        "ESTABLISHED" | "CONNECTED" => "ESTAB".to_owned(),
        "UNCONNECTED" => "UNCONN".to_owned(),
        state => state.replace("WAIT1", "WAIT_1").replace("WAIT2", "WAIT_2").replace('_', "-"),
    }
}

/// The queues in the words of ss: it has the limit of a server's backlog in the place of what is sent.
fn queues(facts: &Value) -> [String; 2] {
    let sent = if facts["state"] == "LISTEN" { "backlog" } else { "send_queue" };
    ["recv_queue", sent].map(|key| facts[key].to_string())
}

/// A socket of IP in the words of ss.
fn in_words_of_ss(facts: &Value) -> Row {
    let text = |key: &str| facts.get(key).and_then(Value::as_str);
    let (mut local, v6) = (text("local").unwrap().to_owned(), facts["family"] == "inet6");
    let mut remote = text("remote").map(str::to_owned);
    let mut nobody = if v6 { "[::]:*" } else { "0.0.0.0:*" };
    if let Some(protocol) = facts.get("ip_protocol") {
        // ss has the number of the protocol where others have a port.
        let bare = |address: &str| if v6 { format!("[{address}]") } else { address.to_owned() };
        local = format!("{}:{protocol}", bare(&local));
        remote = remote.map(|remote| format!("{}:*", bare(&remote)));
        nobody = if v6 { "*:*" } else { nobody };
    }
    if let Some(interface) = text("interface") {
        local = local.replacen(':', &format!("%{interface}:"), 1);
    }
    if local.starts_with("[::]") {
        // Of both versions of IP.
        (local, nobody) = (local.replacen("[::]", "*", 1), "*:*");
    }
    let [received, sent] = queues(facts);
    [state(facts), received, sent, local, remote.unwrap_or_else(|| nobody.to_owned())]
}

/// The sockets of these kinds of a process that are in the kernel's tables.
fn shown<'a>(document: &'a Value, pid: i32, kinds: &[&str]) -> Vec<&'a Value> {
    let of_kind = |shown: &&Value| kinds.iter().any(|kind| shown["kind"] == *kind);
    // One that is bound and does nothing is only in the tables of late kernels and versions of ss.
    let is_listed =
        |shown: &&Value| shown["facts"].get("local").is_some() && shown["facts"]["state"] != "CLOSE";
    descriptors(document, pid).iter().filter(of_kind).filter(is_listed).collect()
}

/// Each state, queue and address of TCP, UDP and raw sockets.
fn compare_inet(pid: i32, document: &Value) {
    let Some(text) = ss(pid, &["-tuwanpeOH"]) else { return };
    let theirs: BTreeMap<i64, Row> = lines_of(&text, pid)
        .into_iter()
        .map(|(fd, line)| (fd, row(&line.split_ascii_whitespace().collect::<Vec<_>>())))
        .collect();
    let is_mptcp = |shown: &&&Value| shown["facts"]["protocol"].as_str().unwrap().starts_with("MPTCP");
    let sockets = shown(document, pid, &["tcp", "udp", "raw"]);
    let key = |shown: &&Value| (shown["fd"].as_i64().unwrap(), in_words_of_ss(&shown["facts"]));
    // A socket of MPTCP has the inode of each of its connections, and ss lists it as one of TCP too.
    let (of_mptcp, others): (Vec<_>, Vec<_>) = sockets.iter().partition(is_mptcp);
    let ours: BTreeMap<i64, Row> = others.into_iter().map(key).collect();
    assert!(ours.len() >= 20, "{ours:?}");
    for (fd, row) in &ours {
        assert_eq!(theirs.get(fd), Some(row), "fd {fd}");
    }
    let numbers = |sockets: &[&Value]| -> BTreeSet<i64> {
        sockets.iter().map(|shown| shown["fd"].as_i64().unwrap()).collect()
    };
    assert_eq!(theirs.keys().copied().collect::<BTreeSet<_>>(), numbers(&sockets));

    let text = ss(pid, &["-ManpeOH"]).unwrap();
    let theirs: BTreeMap<i64, Vec<&str>> = lines_of(&text, pid)
        .into_iter()
        .map(|(fd, line)| (fd, line.split_ascii_whitespace().collect()))
        .collect();
    assert_eq!(theirs.len(), of_mptcp.len());
    for shown in of_mptcp {
        let words = &theirs[&shown["fd"].as_i64().unwrap()];
        let [state, received, sent, local, remote] = in_words_of_ss(&shown["facts"]);
        assert_eq!([words[0], words[3]], [&state, &local], "{shown}");
        // Of a connection ss has the memory that its bytes take where their number belongs.
        let is_server = state == "LISTEN";
        assert_eq!(shown["facts"].get("recv_queue").is_some(), is_server, "{shown}");
        assert!(!is_server || words[1..3] == [&received, &sent], "{shown}");
        // Where nobody is, ss has the same of both versions of IP.
        assert!(words[4] == remote || (words[4] == "*:*" && remote == "[::]:*"), "{shown}: {words:?}");
    }
}

/// State, queues, inode of this socket and of the one it is connected to.
type LocalRow = (String, [String; 2], u64, u64);

/// The local sockets of a process as ss has them. Names with newlines break its lines: of such a line is
/// left what stands behind the name.
fn local_rows(text: &str, pid: i32) -> BTreeMap<i64, (Option<LocalRow>, u64, u64)> {
    lines_of(text, pid)
        .into_iter()
        .map(|(fd, line)| {
            let words: Vec<&str> = line.split(" users:").next().unwrap().split_ascii_whitespace().collect();
            let number = |from_end: usize| words[words.len() - from_end].parse().unwrap();
            let (own, other) = (number(3), number(1));
            let queues = || [words[2].to_owned(), words[3].to_owned()];
            let whole = words[0].starts_with("u_").then(|| (words[1].to_owned(), queues(), own, other));
            (fd, (whole, own, other))
        })
        .collect()
}

/// Each state, queue and other end of local sockets.
fn compare_local(pid: i32, document: &Value) {
    let Some(text) = ss(pid, &["-xanpeOH"]) else { return };
    let theirs = local_rows(&text, pid);
    let sockets: Vec<&Value> = descriptors(document, pid).iter().filter(|s| s["kind"] == "unix").collect();
    assert_eq!(theirs.len(), sockets.len());
    assert!(sockets.len() >= 25);
    let mut broken = 0;
    for shown in sockets {
        let fd = shown["fd"].as_i64().unwrap();
        let (whole, own, other) = &theirs[&fd];
        assert_eq!(shown["ino"], *own);
        let Some((state_of, queues_of, ..)) = whole else {
            broken += 1;
            continue;
        };
        assert_eq!((&state(&shown["facts"]), &queues(&shown["facts"])), (state_of, queues_of), "{shown}");
        // It tells the socket that this one is connected to; the other way round it is in all rows.
        let is_other = |(fd, (_, ino, peer)): &(&i64, &(Option<LocalRow>, u64, u64))| {
            (ino == other || (peer == own && *own != 0)) && **fd != shown["fd"].as_i64().unwrap()
        };
        let expected: BTreeSet<i64> = theirs.iter().filter(is_other).map(|(fd, _)| *fd).collect();
        let peers = shown["peers"].as_array().unwrap();
        // Of who waits for a server ss tells in the lines of none of both.
        let connected = peers.iter().filter(|peer| peer.get("backlog").is_none());
        let ours: BTreeSet<i64> = connected.map(|peer| peer["fd"].as_i64().unwrap()).collect();
        assert_eq!(ours, expected, "{shown}");
    }
    // ss prints a newline in a name as it is.
    assert_eq!(broken, 2, "{text}");
}

/// Groups and numbers of netlink sockets, protocols and interfaces of packet sockets.
fn compare_kernel_side(pid: i32, document: &Value) {
    let Some(text) = ss(pid, &["-A", "netlink", "-anpeOH"]) else { return };
    let of_kind = |kind: &'static str| descriptors(document, pid).iter().filter(move |s| s["kind"] == kind);
    for shown in of_kind("netlink") {
        let facts = &shown["facts"];
        let Some(port) = facts.get("port") else { continue };
        let groups = facts["groups"].as_array().unwrap();
        let mask = groups.iter().fold(0_u32, |mask, group| mask | 1 << (group.as_u64().unwrap() - 1));
        // ss has one who listens to groups twice, and resolves the number to the name of its process.
        let names = [format!(":{port} "), format!(":every_kind/{port} ")];
        let is_it = |line: &&str| names.iter().any(|name| line.contains(name));
        let mut lines = text.lines().filter(is_it);
        let expected = format!("groups=0x{mask:08x}");
        assert!(lines.clone().count() >= 1 && lines.all(|line| line.contains(&expected)), "{text}");
    }
    let text = ss(pid, &["-A", "packet", "-anpeOH"]).unwrap();
    let lines: BTreeMap<i64, &str> = lines_of(&text, pid).into_iter().collect();
    assert_eq!(lines.len(), of_kind("packet").count());
    for shown in of_kind("packet") {
        let facts = &shown["facts"];
        let protocol = facts["ether_protocol"].as_str().unwrap().trim_start_matches("0x");
        let protocol = u16::from_str_radix(protocol, 16).unwrap();
        let interface = facts.get("interface").map_or("*", |name| name.as_str().unwrap());
        let line = lines[&shown["fd"].as_i64().unwrap()];
        // A protocol that it has no name for stands there in decimal digits.
        assert!(line.contains(&format!("[{protocol}]:{interface} ")), "{shown}: {line}");
        let kind = if facts["type"] == "raw" { "p_raw" } else { "p_dgr" };
        assert!(line.starts_with(kind), "{line}");
    }
}

#[test]
fn ss_has_the_same_of_every_socket_in_a_namespace() {
    let Some((actor, _)) = alone(&[]) else { return };
    let document = document(&[actor.pid]);
    compare_inet(actor.pid, &document);
    compare_local(actor.pid, &document);
    compare_kernel_side(actor.pid, &document);
}

#[test]
fn ss_has_the_same_of_two_namespaces_with_the_same_ports() {
    let Some((one, _)) = alone(&["--port", "30000"]) else { return };
    let Some((other, _)) = alone(&["--port", "30000"]) else { return };
    let document = document(&[one.pid, other.pid]);
    for pid in [one.pid, other.pid] {
        compare_inet(pid, &document);
        compare_local(pid, &document);
        compare_kernel_side(pid, &document);
    }
}

/// What `lsof +E` has of each descriptor: the rest of its line, and the other ends in it.
fn lsof(actor: &Actor) -> Option<BTreeMap<i64, (String, BTreeSet<i64>)>> {
    if !installed("lsof") {
        return None;
    }
    let pid = actor.pid.to_string();
    let ran = run(Command::new("lsof").args(["-nPw", "+E", "-a", "-d", "0-99999", "-p", &pid]));
    let text = String::from_utf8_lossy(&ran.out).into_owned();
    let end = |word: &str| {
        let (owner, fd) = word.rsplit_once(',')?;
        owner.starts_with(&format!("{pid},")).then_some(())?;
        fd.trim_end_matches(char::is_alphabetic).parse().ok()
    };
    let lines = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let fd =
            (words.get(1) == Some(&pid.as_str())).then(|| words[3].trim_end_matches(char::is_alphabetic))?;
        Some((fd.parse().ok()?, (line.to_owned(), words.iter().filter_map(|word| end(word)).collect())))
    });
    Some(lines.collect())
}

fn is_peer(peer: &Value, actor: &Actor) -> bool {
    peer["pid"] == actor.pid && peer.get("backlog").is_none()
}

#[test]
fn lsof_has_the_other_ends_that_it_can_tell() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    let Some(theirs) = lsof(&actor) else { return };
    let fd_of = |what: &str| called(&report, what)["fd"].as_i64().unwrap();
    // lsof takes an IPv4 address and the same one mapped into IPv6 for two, and looks for no other end of
    // a connection of which one direction is closed.
    let missed = [
        "its client over IPv4",
        "the server's side of that",
        "a connection that the other side has closed",
        "the side that has closed",
    ]
    .map(fd_of);
    // Of three clients of one socket of datagrams it names the first alone.
    let log = fd_of("a local socket of datagrams");
    let waits = fd_of("a local server that does not accept");
    let mut compared = 0;
    for shown in descriptors(&document, actor.pid) {
        let (fd, kind) = (shown["fd"].as_i64().unwrap(), shown["kind"].as_str().unwrap());
        let (line, ends) = &theirs[&fd];
        let peers = shown["peers"].as_array().unwrap();
        let ours: BTreeSet<i64> = peers
            .iter()
            .filter(|peer| is_peer(peer, &actor))
            .map(|peer| peer["fd"].as_i64().unwrap())
            .collect();
        match kind {
            "tcp" if missed.contains(&fd) => assert!(ours.len() == 1, "{shown}\n{line}"),
            "unix" if fd == log => assert!(ends.is_subset(&ours) && ours.len() == 3, "{shown}\n{line}"),
            // The waiting client is at the other end for lsof; for us too, with a word on what it waits for.
            "unix" if fd == waits => assert!(ours.is_empty(), "{shown}\n{line}"),
            "tcp" | "tty" | "unix" => assert_eq!(ends, &ours, "{shown}\n{line}"),
            // For lsof all others who have the file open are other ends: readers of readers, places of O_PATH.
            "pipe" | "fifo" => assert!(ends.is_superset(&ours), "{shown}\n{line}"),
            _ => continue,
        }
        compared += usize::from(!ours.is_empty());
    }
    assert!(compared >= 25, "{compared}");
}

#[test]
fn lsof_knows_nothing_of_sockets_in_another_namespace() {
    let Some((actor, _)) = alone(&[]) else { return };
    let Some(theirs) = lsof(&actor) else { return };
    let document = document(&[actor.pid]);
    let sockets = shown(&document, actor.pid, &["tcp", "udp", "udplite", "raw", "icmp"]);
    assert!(sockets.len() >= 30);
    for shown in sockets {
        // Its own namespace's tables are all that it reads: it has no address, we have.
        let (line, ends) = &theirs[&shown["fd"].as_i64().unwrap()];
        let protocol = shown["facts"]["protocol"].as_str().unwrap();
        assert!(line.ends_with(&format!("protocol: {protocol}")) && ends.is_empty(), "{line}");
    }
}

#[test]
fn lsfd_has_the_same_protocols() {
    if !installed("lsfd") {
        return;
    }
    let Some((actor, _)) = alone(&[]) else { return };
    // Later versions have more words for the same columns, so that only this is asked of all of them.
    let ran = run(Command::new("lsfd").args(["-nr", "-o", "ASSOC,PROTONAME", "-p", &actor.pid.to_string()]));
    let theirs: BTreeMap<i64, &str> = ran
        .text()
        .lines()
        .filter_map(|line| {
            let (fd, protocol) = line.trim().split_once(' ')?;
            Some((fd.parse().ok()?, protocol.trim()))
        })
        .collect();
    let document = document(&[actor.pid]);
    let sockets = descriptors(&document, actor.pid).iter().filter(|s| s["facts"].get("protocol").is_some());
    let ours: BTreeMap<i64, &str> = sockets
        .map(|shown| (shown["fd"].as_i64().unwrap(), shown["facts"]["protocol"].as_str().unwrap()))
        .collect();
    assert!(ours.len() >= 60);
    let theirs: BTreeMap<i64, &str> = theirs.into_iter().filter(|(_, name)| !name.is_empty()).collect();
    assert_eq!(theirs, ours);
}
