//! What the fixture tells of its own descriptors, and what has to be shown of them.

use crate::common::{self, Actor, descriptor, every_kind};
use nix::sys::statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, statfs};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// What is told by the name that it is shown by.
const SAME: [&str; 37] = [
    "family",
    "type",
    "protocol",
    "state",
    "local",
    "remote",
    "recv_queue",
    "send_queue",
    "backlog",
    "shutdown",
    "interface",
    "scm_fds",
    "netlink_protocol",
    "port",
    "groups",
    "ether_protocol",
    "ip_protocol",
    "ident",
    "eventfd-count",
    "eventfd-semaphore",
    "rdev",
    "clockid",
    "clock",
    "settime flags",
    "ticks",
    "it_value",
    "it_interval",
    "sigmask",
    "Pid",
    "NSpid",
    "command",
    "inode",
    "size",
    "allocated",
    "nlink",
    "locks",
    "API",
];

/// What is shown only where it is told.
const NEVER_MADE_UP: [&str; 6] = ["local", "remote", "shutdown", "interface", "locks", "lock"];

/// The fixture in a network namespace of its own; nothing where it may not make one.
pub fn alone(arguments: &[&str]) -> Option<(Actor, Value)> {
    if !common::may_unshare("-n") {
        return None;
    }
    let actor = Actor::start(every_kind().arg("--own-network").args(arguments));
    let report = serde_json::from_str(&actor.line).unwrap();
    Some((actor, report))
}

/// The descriptors that the fixture told of.
pub fn told(report: &Value) -> &[Value] {
    report["descriptors"].as_array().unwrap()
}

/// The descriptor that the fixture calls so.
pub fn called<'a>(report: &'a Value, what: &str) -> &'a Value {
    told(report).iter().find(|told| told["what"] == what).unwrap_or_else(|| panic!("no {what}: {report}"))
}

pub fn number(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap()).unwrap()
}

/// The inode of the network namespace that a process is in.
pub fn network_of(pid: i32) -> u64 {
    fs::metadata(format!("/proc/{pid}/ns/net")).unwrap().ino()
}

/// Whether the kernel tells the address of a TCP socket that is bound and does not listen (Linux 6.8).
fn tells_of_bound_sockets() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or_default());
    (numbers.next(), numbers.next()) >= (Some(6), Some(8))
}

/// Holds the facts of one descriptor against what its process knows of it.
pub fn check_facts(pid: i32, told: &Value, shown: &Value, gaps: &Value) {
    let (facts, what) = (&shown["facts"], &told["what"]);
    let hidden = what == "a TCP socket that is bound and does not listen" && !tells_of_bound_sockets();
    for key in SAME {
        if let Some(value) = told.get(key)
            && !(hidden && key == "local")
        {
            assert_eq!(facts.get(key), Some(value), "{key} of {what}: {shown}");
        }
    }
    for key in NEVER_MADE_UP {
        let may_be = told.get(key).is_some()
            || (key == "local" && told.get("vsock_local").is_some())
            || (key == "remote" && told.get("peer_name").is_some());
        assert!(may_be || facts.get(key).is_none(), "{key} of {what}: {facts}");
    }
    // The other end's name is the other end's, and shown or not; but never another.
    if let Some(name) = told.get("peer_name") {
        assert!(facts.get("remote").is_none_or(|remote| remote == name), "{what}: {facts}");
    }
    // Not every kernel tells others of these; then that has to be said.
    if let Some(address) = told.get("vsock_local") {
        let untold = facts.get("local").is_none() && !gaps.as_array().unwrap().is_empty();
        assert!(facts.get("local") == Some(address) || untold, "{what}: {facts} {gaps}");
        let state = facts.get("state");
        assert!(state.is_none_or(|state| *state == told["vsock_state"]), "{what}: {facts}");
    }
    if told.get("family").is_some() {
        assert_eq!(facts["netns"], network_of(pid), "{what}: {facts}");
    }
    if told.get("scm_fds").is_none() {
        assert!(facts.get("scm_fds").is_none_or(|count| *count == 0), "{what}: {facts}");
    }
    if let Some(mode) = told.get("permissions") {
        assert_eq!(facts["mode"], *mode, "{what}: {facts}");
    }
    if let Some(most) = told.get("it_value_below").and_then(Value::as_f64) {
        let left = facts["it_value"].as_f64().unwrap();
        assert!(left > 0.0 && left <= most, "{what}: {facts}");
    }
    check_watches(told, facts);
    for key in told.get("facts").and_then(Value::as_array).into_iter().flatten() {
        assert!(facts.get(key.as_str().unwrap()).is_some(), "{key} of {what}: {facts}");
    }
}

/// Holds what is watched against what was asked to be. Where the right is missing, paths are not known.
fn check_watches(told: &Value, facts: &Value) {
    if let Some(flags) = told.get("group_flags") {
        assert_eq!(facts["flags"], *flags);
    }
    for (key, list) in [("watches", "inotify"), ("marks", "fanotify")] {
        let Some(watches) = told.get(key).and_then(Value::as_array) else { continue };
        let shown = facts[list].as_array().unwrap();
        assert_eq!(shown.len(), watches.len(), "{facts}");
        for watch in watches {
            let same = |shown: &&Value| {
                let mut keys = watch.as_object().unwrap().keys();
                keys.all(|key| shown.get(key) == watch.get(key) || (key == "path" && !may_open_handles()))
            };
            assert!(shown.iter().any(|shown| same(&shown)), "{watch}: {facts}");
        }
    }
}

/// Whether files may be opened by their handles (open_by_handle_at(2)), and the temporary directory is on a
/// filesystem that has none of another machine or process.
fn may_open_handles() -> bool {
    const DAC_READ_SEARCH: u64 = 1 << 2;
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let capable = u64::from_str_radix(line.trim(), 16).unwrap() & DAC_READ_SEARCH != 0;
    let kind = statfs(&std::env::temp_dir()).unwrap().filesystem_type();
    capable && [BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC].contains(&kind)
}

/// Holds the peers of one descriptor against those that its process has made for it.
pub fn check_peers(document: &Value, pid: i32, told: &Value) {
    let peer = |fd: &Value| {
        let access = &descriptor(document, pid, number(fd))["access"];
        json!({"pid": pid, "command": "every_kind", "fd": fd, "access": access})
    };
    let waiting = |fd: &Value| {
        let mut peer = peer(fd);
        peer["backlog"] = true.into();
        peer
    };
    let fds = |key: &str| told[key].as_array().unwrap().clone();
    let mut peers: Vec<Value> = fds("peers").iter().map(peer).collect();
    peers.extend(fds("backlog_peers").iter().map(waiting));
    // Of these there might be another end in a table that nobody may read.
    let anybodys = told["what"] == "a pipe that nobody writes to" || told["kind"] == "eventfd";
    if peers.is_empty() && anybodys {
        peers = common::nobody(document);
    }
    let shown = &descriptor(document, pid, number(&told["fd"]))["peers"];
    assert_eq!(in_order(shown.as_array().unwrap()), in_order(&peers), "{}", told["what"]);
}

/// Peers by pid and number.
pub fn in_order(peers: &[Value]) -> Vec<Value> {
    let mut peers = peers.to_vec();
    peers.sort_by_key(|peer| (peer["pid"].as_i64(), peer["fd"].as_i64()));
    peers
}

/// Holds all that a document shows of the fixture against what that told.
pub fn check_all(document: &Value, pid: i32, report: &Value) {
    for told in told(report) {
        let shown = descriptor(document, pid, number(&told["fd"]));
        assert_eq!(shown["kind"], told["kind"], "{shown}");
        check_facts(pid, told, shown, &document["gaps"]);
        check_peers(document, pid, told);
    }
}
