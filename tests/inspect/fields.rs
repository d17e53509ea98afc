//! Every field of the JSON, held against what a process says of its own descriptors.

use crate::common::{self, descriptor, descriptors, document, fixture, inspect, process, run};
use crate::told::{check_facts, check_peers, number, told};
use nix::fcntl::OFlag;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every kind that there is, but for `unknown` and those of which a machine may have none.
const KINDS: [&str; 27] = [
    "file",
    "dir",
    "symlink",
    "tty",
    "char",
    "pipe",
    "fifo",
    "mqueue",
    "memfd",
    "eventfd",
    "eventpoll",
    "timerfd",
    "signalfd",
    "inotify",
    "fanotify",
    "pidfd",
    "namespace",
    "tcp",
    "udp",
    "udplite",
    "icmp",
    "raw",
    "unix",
    "netlink",
    "packet",
    "vsock",
    "socket",
];

#[test]
fn every_kind_is_shown_as_its_process_knows_it() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    for told in told(&report) {
        let shown = descriptor(&document, actor.pid, number(&told["fd"]));
        let what = &told["what"];
        for key in ["kind", "name", "access", "cloexec", "offset", "dev", "ino", "deleted"] {
            assert_eq!(shown[key], told[key], "{key} of {what}: {shown}");
        }
        assert_eq!(shown["identity"], "proven", "{what}");
        assert_eq!(shown.get("name_bytes"), None, "{what}");
    }
    let skipped = report["skipped"].as_array().unwrap();
    for kind in KINDS {
        let is_told = told(&report).iter().any(|told| told["kind"] == kind);
        assert!(is_told || !skipped.is_empty(), "the fixture has no {kind}");
    }
    if !skipped.is_empty() {
        common::skip_for_want_of(&format!("what the fixture could not open: {skipped:?}"));
    }
}

#[test]
fn nothing_is_shown_that_was_not_opened() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    let told: BTreeSet<i32> = told(&report).iter().map(|told| number(&told["fd"])).collect();
    let shown: Vec<i32> =
        descriptors(&document, actor.pid).iter().map(|shown| number(&shown["fd"])).collect();
    assert!(shown.is_sorted());
    // The standard streams, and what whoever runs the tests has given on to all their children.
    let inherited: BTreeSet<i32> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().parse().unwrap())
        .collect();
    let shown: BTreeSet<i32> = shown.into_iter().collect();
    assert!(told.is_subset(&shown), "{told:?} {shown:?}");
    let more: BTreeSet<i32> = &shown - &told;
    assert!(more.is_subset(&inherited), "{more:?}");
    assert!(more.is_superset(&BTreeSet::from([0, 1, 2])), "{more:?}");
}

#[test]
fn the_names_of_the_flags_are_the_bits_of_the_open_file_description() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    for told in told(&report) {
        let shown = descriptor(&document, actor.pid, number(&told["fd"]));
        let names = shown["flags"].as_array().unwrap();
        let bits = names.iter().fold(0, |bits, name| bits | bits_of(name.as_str().unwrap()));
        assert_eq!(bits, number(&told["status_flags"]), "{}: {names:?}", told["what"]);
    }
    let log = told(&report).iter().find(|told| told["what"] == "a log").unwrap();
    let shown = &descriptor(&document, actor.pid, number(&log["fd"]))["flags"];
    for name in ["O_WRONLY", "O_APPEND", "O_NONBLOCK", "O_SYNC"] {
        assert!(shown.as_array().unwrap().contains(&name.into()), "{name}: {shown}");
    }
}

/// By the C library's constants. It has 0 for O_LARGEFILE where every file is large; the kernel sets
/// the bit all the same.
fn bits_of(name: &str) -> i32 {
    if name == "O_LARGEFILE" {
        return if cfg!(any(target_arch = "arm", target_arch = "aarch64")) { 0o400_000 } else { 0o100_000 };
    }
    let flag = match name {
        "O_RDONLY" => OFlag::O_RDONLY,
        "O_WRONLY" => OFlag::O_WRONLY,
        "O_RDWR" => OFlag::O_RDWR,
        "O_APPEND" => OFlag::O_APPEND,
        "O_NONBLOCK" => OFlag::O_NONBLOCK,
        "O_SYNC" => OFlag::O_SYNC,
        "O_DIRECTORY" => OFlag::O_DIRECTORY,
        "O_NOFOLLOW" => OFlag::O_NOFOLLOW,
        "O_PATH" => OFlag::O_PATH,
        other => panic!("the fixture opens nothing with {other}"),
    };
    flag.bits()
}

#[test]
fn descriptors_share_exactly_what_dup_shared() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    let mut groups: BTreeMap<i64, Vec<i32>> = BTreeMap::new();
    for told in told(&report) {
        groups.entry(told["open_file"].as_i64().unwrap()).or_default().push(number(&told["fd"]));
    }
    assert!(groups.values().filter(|group| group.len() > 1).count() >= 2, "{groups:?}");
    let mut labels = BTreeSet::new();
    for group in groups.values() {
        let label = &descriptor(&document, actor.pid, group[0])["open_file"];
        assert!(labels.insert(label.as_str().unwrap()), "{label} is given to two open file descriptions");
        for &fd in group {
            let shown = descriptor(&document, actor.pid, fd);
            let others: Vec<_> = group.iter().filter(|&&other| other != fd).collect();
            let others: Vec<_> = others.into_iter().map(|fd| json!({"pid": actor.pid, "fd": fd})).collect();
            assert_eq!(shown["shared_with"], json!(others), "fd {fd}");
            assert_eq!(&shown["open_file"], label, "fd {fd}");
        }
    }
}

#[test]
fn both_ends_of_everything_name_each_other() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    for told in told(&report) {
        check_peers(&document, actor.pid, told);
    }
    let ends = told(&report).iter().filter(|told| !told["peers"].as_array().unwrap().is_empty());
    assert!(ends.count() >= 25);
}

#[test]
fn facts_are_those_that_the_process_can_ask_for_itself() {
    let (actor, report) = fixture();
    let document = document(&[actor.pid]);
    for told in told(&report) {
        let shown = descriptor(&document, actor.pid, number(&told["fd"]));
        check_facts(actor.pid, told, shown, &document["gaps"]);
    }
}

#[test]
fn the_standard_streams_lead_to_who_started_the_process() {
    let (actor, _) = fixture();
    let document = document(&[actor.pid]);
    for (fd, access, theirs) in [(0, "r", "w"), (1, "w", "r")] {
        let shown = descriptor(&document, actor.pid, fd);
        assert_eq!((&shown["kind"], &shown["access"]), (&json!("pipe"), &json!(access)));
        let peers = shown["peers"].as_array().unwrap();
        assert_eq!(peers.len(), 1, "{shown}");
        assert_eq!(peers[0]["pid"], common::own_pid());
        assert_eq!(peers[0]["access"], theirs);
        let link = std::fs::read_link(format!("/proc/self/fd/{}", peers[0]["fd"])).unwrap();
        assert_eq!(link.to_str(), shown["name"].as_str());
    }
}

#[test]
fn jsonl_is_the_same_in_lines() {
    let (actor, _) = fixture();
    let document = document(&[actor.pid]);
    let lines = run(&mut inspect(&["--format", "jsonl", &actor.pid.to_string()])).clean().json_lines();
    let of_type =
        |kind: &str| -> Vec<Value> { lines.iter().filter(|line| line["type"] == kind).cloned().collect() };
    let mut expected = process(&document, actor.pid).clone();
    let fields = expected.as_object_mut().unwrap();
    fields.remove("descriptors");
    fields.insert("type".to_owned(), "process".into());
    assert_eq!(of_type("process"), [expected]);
    // What a timer has left is less each time.
    let timeless = |mut line: Value| {
        line["facts"].as_object_mut().unwrap().remove("it_value");
        line
    };
    let expected: Vec<Value> = descriptors(&document, actor.pid)
        .iter()
        .map(|descriptor| {
            let mut line = timeless(descriptor.clone());
            line["type"] = "descriptor".into();
            line["pid"] = actor.pid.into();
            line["command"] = "every_kind".into();
            line
        })
        .collect();
    let shown: Vec<Value> = of_type("descriptor").into_iter().map(timeless).collect();
    assert_eq!(shown, expected);
    let mut gaps = of_type("gap");
    for gap in &mut gaps {
        gap.as_object_mut().unwrap().remove("type");
    }
    assert_eq!(lines.len(), 1 + expected.len() + gaps.len());
    assert_eq!(json!(gaps), document["gaps"]);
    // Whose tables were not to be read, and what the kernel does not tell of a socket.
    let expected = |gap: &Value| gap["what"] == "other ends" || gap["pid"] == actor.pid;
    assert!(gaps.iter().all(expected), "{gaps:?}");
}
