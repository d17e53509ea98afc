//! The same facts, read from `/proc` by the test itself.

use crate::common::{descriptor, descriptors, document, fixture, inspect, process, run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// A file of a process's directory.
fn proc(pid: i32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap()
}

/// Numbers and targets, as `ls -l /proc/PID/fd` shows them.
fn links(pid: i32) -> BTreeMap<i32, String> {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let target = fs::read_link(entry.path()).unwrap().into_os_string().into_string().unwrap();
            (entry.file_name().into_string().unwrap().parse().unwrap(), target)
        })
        .collect()
}

/// The kernel's text for a descriptor: it marks a memfd too, which never had a name.
fn link(shown: &Value) -> String {
    let mark = if shown["deleted"] == true || shown["kind"] == "memfd" { " (deleted)" } else { "" };
    format!("{}{mark}", shown["name"].as_str().unwrap())
}

#[test]
fn numbers_and_targets_are_those_of_the_directory() {
    let (actor, _) = fixture();
    let document = document(&[actor.pid]);
    let shown: BTreeMap<i32, String> = descriptors(&document, actor.pid)
        .iter()
        .map(|shown| (i32::try_from(shown["fd"].as_i64().unwrap()).unwrap(), link(shown)))
        .collect();
    assert_eq!(shown, links(actor.pid));
}

#[test]
fn a_listing_shows_what_ls_shows() {
    let (actor, _) = fixture();
    let listing = run(&mut inspect(&[actor.pid.to_string()])).clean();
    let lines: Vec<&str> = listing.text().lines().collect();
    let targets = links(actor.pid);
    assert_eq!(lines.len(), targets.len() + 1, "a heading and a line for each: {}", listing.text());
    let column = lines[0].find("NAME").unwrap();
    for (line, (fd, target)) in lines[1..].iter().zip(&targets) {
        assert_eq!(line.split_ascii_whitespace().nth(3), Some(fd.to_string().as_str()), "{line}");
        let name = target.trim_end_matches(" (deleted)");
        // The addresses say more of a socket than its number does.
        let is_shown = line[column..].trim_start_matches('"').starts_with(name);
        assert!(is_shown || name.starts_with("socket:["), "{target}: {line}");
    }
}

#[test]
fn fdinfo_and_stat_say_the_same() {
    let (actor, _) = fixture();
    let document = document(&[actor.pid]);
    for fd in links(actor.pid).into_keys() {
        let shown = descriptor(&document, actor.pid, fd);
        let info = proc(actor.pid, &format!("fdinfo/{fd}"));
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("no {name}: {info}")).trim()
        };
        assert_eq!(shown["offset"].to_string(), field("pos"), "fd {fd}");
        let flags = i64::from_str_radix(field("flags"), 8).unwrap();
        assert_eq!(shown["cloexec"], flags & 0o2_000_000 != 0, "fd {fd}");
        let access = match (flags & 0o10_000_000 != 0, flags & 3) {
            (true, _) => "path",
            (_, 0) => "r",
            (_, 1) => "w",
            _ => "rw",
        };
        assert_eq!(shown["access"], access, "fd {fd}");
        // Follows the link to the file itself, and does not open it.
        let stat = fs::metadata(format!("/proc/{}/fd/{fd}", actor.pid)).unwrap();
        assert_eq!(shown["ino"], stat.ino(), "fd {fd}");
        let (major, minor) = (nix::sys::stat::major(stat.dev()), nix::sys::stat::minor(stat.dev()));
        assert_eq!(shown["dev"], format!("{major}:{minor}"), "fd {fd}");
        if shown["kind"] == "anon" {
            assert_eq!(shown["facts"], own_lines(&info), "fd {fd}");
        }
    }
}

/// The lines that only one kind has, a name that comes again as a list.
fn own_lines(info: &str) -> Value {
    let mut facts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
        if !["pos", "flags", "mnt_id", "ino"].contains(&name) {
            facts.entry(name.trim().to_owned()).or_default().push(value.trim());
        }
    }
    let value = |values: Vec<&str>| if values.len() == 1 { json!(values[0]) } else { json!(values) };
    facts.into_iter().map(|(name, values)| (name, value(values))).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn the_process_itself_is_described_as_its_directory_says() {
    let (actor, _) = fixture();
    let document = document(&[actor.pid]);
    let shown = process(&document, actor.pid);
    let stat = proc(actor.pid, "stat");
    let after_name: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!(shown["ppid"].to_string(), after_name[1]);
    assert_eq!(shown["start_ticks"].to_string(), after_name[19]);
    assert_eq!(shown["command"], proc(actor.pid, "comm").trim_end());
    assert_eq!(shown["state"], "sleeping");
    let argv: Vec<String> =
        proc(actor.pid, "cmdline").trim_end_matches('\0').split('\0').map(str::to_owned).collect();
    assert_eq!(shown["argv"], json!(argv));
    assert_eq!(shown["uid"], nix::unistd::geteuid().as_raw());
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().map(|user| user.name);
    assert_eq!(shown["user"], json!(user));
    let limits = proc(actor.pid, "limits");
    let limit: Vec<&str> = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap()
        .split_ascii_whitespace()
        .collect();
    let number = |text: &str| text.parse::<u64>().map_or(Value::Null, Value::from);
    assert_eq!(shown["limit"], json!({"soft": number(limit[0]), "hard": number(limit[1])}));
}

#[test]
fn the_document_says_when_and_where_it_was_taken() {
    let before = std::time::SystemTime::now();
    let document = document(&[crate::common::own_pid()]);
    assert_eq!(document["schema"], "ganariya-fd/1");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(document["host"]["kernel"], kernel.trim_end());
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(document["host"]["name"], name.trim_end());
    let taken_at = humantime::parse_rfc3339(document["taken_at"].as_str().unwrap()).unwrap();
    // Written to the millisecond.
    assert!(taken_at + std::time::Duration::from_millis(1) > before);
    assert!(taken_at <= std::time::SystemTime::now());
}

#[test]
fn sockets_are_in_the_network_namespace_of_their_process() {
    let (actor, _) = fixture();
    let document = document(&[actor.pid]);
    let link = fs::read_link(format!("/proc/{}/ns/net", actor.pid)).unwrap().into_os_string().into_string();
    let mut seen = 0;
    for shown in descriptors(&document, actor.pid) {
        if let Some(namespace) = shown["facts"].get("netns") {
            assert_eq!(format!("net:[{namespace}]"), *link.as_ref().unwrap());
            seen += 1;
        }
    }
    assert!(seen > 10);
}
