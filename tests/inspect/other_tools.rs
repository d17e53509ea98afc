//! What lsof, lsfd and ss say of the same process, where they are installed.

use crate::common::{Actor, descriptors, document, fixture, installed, run};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Numbers and inodes, as `inspect` has them.
fn inodes(actor: &Actor) -> BTreeSet<(i64, u64)> {
    let document = document(&[actor.pid]);
    let pair = |shown: &Value| (shown["fd"].as_i64().unwrap(), shown["ino"].as_u64().unwrap());
    descriptors(&document, actor.pid).iter().map(pair).collect()
}

#[test]
fn lsof_lists_the_same_descriptors_and_inodes() {
    if !installed("lsof") {
        return;
    }
    let (actor, _) = fixture();
    let pid = actor.pid.to_string();
    // Without -a and -d, places such as cwd and mem are listed too.
    let ran = run(Command::new("lsof").args(["-nPw", "-F", "fin", "-a", "-d", "0-99999", "-p", &pid]));
    let (mut fd, mut theirs) = (None, BTreeMap::new());
    for line in ran.text().lines() {
        match line.split_at(1) {
            ("f", number) => {
                fd = number.parse::<i64>().ok();
                theirs.insert(fd.unwrap(), None);
            }
            ("i", inode) => drop(theirs.insert(fd.unwrap(), inode.parse::<u64>().ok())),
            _ => {}
        }
    }
    let ours = inodes(&actor);
    let fds: BTreeSet<i64> = ours.iter().map(|(fd, _)| *fd).collect();
    assert_eq!(theirs.keys().copied().collect::<BTreeSet<_>>(), fds);
    // Of a connected TCP or UDP socket lsof gives no inode in this form.
    for (fd, inode) in theirs {
        assert!(inode.is_none_or(|inode| ours.contains(&(fd, inode))), "fd {fd}: {inode:?}");
    }
}

#[test]
fn lsfd_lists_the_same_descriptors_and_inodes() {
    if !installed("lsfd") {
        return;
    }
    let (actor, _) = fixture();
    let ran = run(Command::new("lsfd").args(["-nr", "-o", "ASSOC,INODE", "-p", &actor.pid.to_string()]));
    let theirs: BTreeSet<(i64, u64)> = ran
        .text()
        .lines()
        .filter_map(|line| {
            let (fd, inode) = line.trim().split_once(' ')?;
            Some((fd.parse().ok()?, inode.trim().parse().unwrap()))
        })
        .collect();
    // It takes a file of the same name as the one before for the same. All pidfds have one name, and each process an
    // inode.
    let document = document(&[actor.pid]);
    let pidfds: Vec<i64> = descriptors(&document, actor.pid)
        .iter()
        .filter(|shown| shown["kind"] == "pidfd")
        .map(|shown| shown["fd"].as_i64().unwrap())
        .collect();
    let others = |all: BTreeSet<(i64, u64)>| -> BTreeSet<(i64, u64)> {
        all.into_iter().filter(|(fd, _)| !pidfds.contains(fd)).collect()
    };
    assert_eq!(others(theirs), others(inodes(&actor)));
}

/// State, queue of what is not yet read, local and remote address, by descriptor.
type Sockets = BTreeMap<i64, (String, Option<u64>, String, String)>;

#[test]
fn ss_shows_the_same_addresses_states_and_queues() {
    if !installed("ss") {
        return;
    }
    let (actor, _) = fixture();
    for (option, kind) in [("-t", "tcp"), ("-u", "udp")] {
        let ran = run(Command::new("ss").args(["-anpH", option]));
        let mut theirs = Sockets::new();
        for line in ran.lossy().lines() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let of_fixture = format!("pid={},fd=", actor.pid);
            let Some((_, rest)) = line.split_once(&of_fixture) else { continue };
            let fd = rest.split(')').next().unwrap().parse().unwrap();
            let state = words[0].to_owned();
            let queue = words[1].parse().ok();
            theirs.insert(fd, (state, queue, words[3].to_owned(), words[4].to_owned()));
        }
        let ours = sockets(&actor, kind);
        // Of MPTCP ss has the queue of the first connection, which is not that of the whole.
        for (fd, (_, queue, ..)) in &mut theirs {
            *queue = queue.filter(|_| ours.get(fd).is_none_or(|(_, queue, ..)| queue.is_some()));
        }
        assert!(ours.len() >= 2);
        assert_eq!(theirs, ours, "{kind}");
    }
}

/// The same in the words of ss. A socket without any address is in no table of the kernel.
fn sockets(actor: &Actor, kind: &str) -> Sockets {
    let document = document(&[actor.pid]);
    let of_kind = descriptors(&document, actor.pid).iter().filter(|shown| shown["kind"] == kind);
    of_kind
        .filter_map(|shown| {
            let facts = &shown["facts"];
            let local = facts.get("local")?.as_str().unwrap();
            let remote = facts.get("remote").and_then(Value::as_str);
            let state = match facts["state"].as_str().unwrap() {
                // Bound to an address and neither listening nor connected: ss does not ask for these.
                "CLOSE" => return None,
                "ESTABLISHED" => "ESTAB",
                "FIN_WAIT1" => "FIN-WAIT-1",
                "FIN_WAIT2" => "FIN-WAIT-2",
                "CLOSE_WAIT" => "CLOSE-WAIT",
                state => state,
            };
            // ss has a star for any address of either version, and for any port.
            let nobody = if local.starts_with('[') { "[::]:*" } else { "0.0.0.0:*" };
            let (local, nobody) = if local.starts_with("[::]") && remote.is_none() {
                (local.replacen("[::]", "*", 1), "*:*")
            } else {
                (local.to_owned(), nobody)
            };
            let local = match facts.get("interface").and_then(Value::as_str) {
                Some(interface) => local.replacen(':', &format!("%{interface}:"), 1),
                None => local,
            };
            let queue = facts.get("recv_queue").and_then(Value::as_u64);
            let remote = remote.unwrap_or(nobody).to_owned();
            Some((shown["fd"].as_i64().unwrap(), (state.to_owned(), queue, local, remote)))
        })
        .collect()
}
