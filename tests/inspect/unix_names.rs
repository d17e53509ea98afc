//! Names of local sockets may hold any byte: the table in `/proc/net/unix` cannot be read without doubt,
//! and who reads it is led astray. The kernel's other way, sock_diag, has the names with their lengths.

use crate::common::{Actor, descriptor, document, installed, python, run, sockets_of};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program that listens on a name, given as Python writes bytes.
fn listening(name: &str) -> Actor {
    Actor::start(&mut python(&format!(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind({name})\ns.listen()"
    )))
}

/// What is shown of the only socket of a process.
fn shown(actor: &Actor) -> Value {
    let fd = sockets_of(actor.pid)[0];
    descriptor(&document(&[actor.pid]), actor.pid, fd).clone()
}

/// The name of a socket in what lsof prints of it for programs.
fn of_lsof(actor: &Actor) -> String {
    let pid = actor.pid.to_string();
    let ran = run(Command::new("lsof").args(["-nPw", "-a", "-U", "-F", "n", "-p", &pid]));
    let text = String::from_utf8_lossy(&ran.out).into_owned();
    let name = text.lines().find_map(|line| line.strip_prefix('n')).unwrap_or_default();
    name.split(" type=").next().unwrap().to_owned()
}

#[test]
fn names_with_blanks_colons_and_newlines_are_carried_as_they_are() {
    if !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["with blanks", "a: b", "two\nlines", "tab\tand \"quotes\"", "いろは", "ends in a blank "]
    {
        let name = path(name);
        let actor = listening(&serde_json::to_string(&name).unwrap());
        let shown = shown(&actor);
        assert_eq!(shown["facts"]["local"], name, "{shown}");
        assert_eq!(shown["facts"]["state"], "LISTEN", "{shown}");
        if installed("lsof") && name.contains(' ') {
            // lsof ends the name at its first blank.
            assert_ne!(of_lsof(&actor), name);
        }
    }
    let id = std::process::id();
    for (python, ours) in [
        (format!("b'\\x00{id} a b'"), format!("@{id} a b")),
        (format!("b'\\x00{id}\\0x\\0\\0'"), format!("@{id}\0x\0\0")),
        (format!("b'\\x00{id}\\nnext: '"), format!("@{id}\nnext: ")),
    ] {
        let shown = shown(&listening(&python));
        assert_eq!(shown["facts"]["local"], ours, "{shown}");
    }
}

#[test]
fn a_name_that_is_no_text_is_not_taken_for_another() {
    if !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let shown = shown(&listening(&format!("b'{folder}/\\xff\\xfe'")));
    let local = shown["facts"]["local"].as_str().unwrap();
    assert!(local.starts_with(folder), "{shown}");
    // What stands there for the two bytes is not what is in the name.
    assert!(!local.ends_with('/') && !Path::new(local).exists(), "{shown}");
}

#[test]
fn a_name_that_looks_like_a_line_of_the_table_forges_nothing() {
    if !installed("python3") {
        return;
    }
    let victim = listening("b''");
    let inode = shown(&victim)["ino"].as_u64().unwrap();
    let trusted = "/run/trusted";
    let line = format!("0000000000000000: 00000002 00000000 00010000 0001 01 {inode} {trusted}");
    let name = format!("{}\n{line}", std::process::id());
    let forger = listening(&format!("b'\\x00' + {}.encode()", serde_json::to_string(&name).unwrap()));
    // The point of the test: the table says that the victim listens there.
    let table = fs::read(format!("/proc/{}/net/unix", forger.pid)).unwrap();
    assert!(String::from_utf8_lossy(&table).lines().any(|found| found == line));
    let document = document(&[victim.pid, forger.pid]);
    let facts = |actor: &Actor| {
        descriptor(&document, actor.pid, sockets_of(actor.pid)[0])["facts"].as_object().unwrap().clone()
    };
    // Bound to nothing, it has got a name of five digits from the kernel.
    let local = facts(&victim)["local"].as_str().unwrap().to_owned();
    assert!(local.len() == 6 && local.starts_with('@'), "{local}");
    assert_eq!(facts(&forger)["local"], format!("@{name}"));
    // lsof takes the one or the other line, by the order in which the kernel's hash has them.
}
