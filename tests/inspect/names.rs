//! Names that were made to deceive: of files, of commands, of arguments. A person sees them escaped,
//! a program gets every byte.

use crate::common::{Actor, descriptor, document, inspect, process, run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const NAMES: [&[u8]; 7] = [
    b"red\x1b[31m\x1b]0;title\x07",
    b"two\nroot 1 lines\r\t",
    b"back\\slash\\n",
    b"not \xff\xfe UTF-8",
    b"x (deleted)",
    "turned\u{202e}txt.exe\u{9b}31m".as_bytes(),
    b"  -> blanks, (offset 9) ",
];

/// The first number of the files; the shell's own are below.
const FIRST: i32 = 3;

/// A process with a hostile name and argument that has the files open, and their directory.
fn hostile() -> (TempDir, Actor) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    for name in NAMES {
        File::create(file(name)).unwrap();
    }
    // The kernel calls a command by the name that it was started by, up to 15 bytes of it.
    let command = file(COMMAND);
    let shell = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("sh"))
        .find(|path| path.exists())
        .unwrap();
    symlink(shell, &command).unwrap();
    let opens: Vec<String> =
        (0..NAMES.len()).map(|index| format!("{}<\"${{{}}}\"", FIRST as usize + index, index + 1)).collect();
    let script = format!("exec {}\necho ready\nread line", opens.join(" "));
    let actor = Actor::start(
        Command::new(command)
            .arg0("sh")
            .arg("-c")
            .arg(script)
            .arg("sh")
            .args(NAMES.map(OsStr::from_bytes))
            .current_dir(&folder),
    );
    (folder, actor)
}

const COMMAND: &[u8] = b"\x1b[2Jx\n\xff)S 1";

/// The bytes under `key`: of its companion with `_bytes` where the text is not UTF-8.
fn bytes(object: &Value, key: &str) -> Vec<u8> {
    let text = object[key].as_str().unwrap();
    let Some(encoded) = object.get(format!("{key}_bytes")) else {
        return text.as_bytes().to_vec();
    };
    let bytes = STANDARD.decode(encoded.as_str().unwrap()).unwrap();
    assert!(std::str::from_utf8(&bytes).is_err(), "{key} needs no bytes beside it: {object}");
    assert_eq!(text, String::from_utf8_lossy(&bytes));
    bytes
}

fn real(folder: &TempDir) -> Vec<u8> {
    fs::canonicalize(folder.path()).unwrap().into_os_string().into_vec()
}

#[test]
fn json_carries_every_byte_of_a_name() {
    let (folder, actor) = hostile();
    let document = document(&[actor.pid]);
    for (fd, name) in (FIRST..).zip(NAMES) {
        let shown = descriptor(&document, actor.pid, fd);
        let expected = [&real(&folder)[..], b"/", name].concat();
        assert_eq!(bytes(shown, "name"), expected, "{shown}");
        assert_eq!(shown["deleted"], false, "{shown}");
    }
    let shown = process(&document, actor.pid);
    assert_eq!(bytes(shown, "command"), COMMAND);
    let encoded = shown["argv_bytes"].as_array().unwrap();
    let decoded: Vec<_> =
        encoded.iter().map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap()).collect();
    assert_eq!(decoded[4..], NAMES.map(<[u8]>::to_vec));
    let lossy: Vec<_> = decoded.iter().map(|argument| String::from_utf8_lossy(argument)).collect();
    assert_eq!(shown["argv"], serde_json::json!(lossy));
}

#[test]
fn jsonl_stays_one_object_a_line() {
    let (_folder, actor) = hostile();
    let ran = run(&mut inspect(&["--format", "jsonl", &actor.pid.to_string()])).clean();
    let fds = fs::read_dir(format!("/proc/{}/fd", actor.pid)).unwrap().count();
    let lines = ran.json_lines();
    assert_eq!(lines.iter().filter(|line| line["type"] == "descriptor").count(), fds);
    assert!(lines.iter().all(|line| line["type"] == "gap" || bytes(line, "command") == COMMAND));
}

#[test]
fn no_control_character_of_a_name_reaches_a_person() {
    let (_folder, actor) = hostile();
    let pid = actor.pid.to_string();
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let ran = run(&mut inspect(&[&pid])).clean();
    assert_eq!(ran.text().lines().count(), fds + 1, "a name made a line: {}", ran.text());
    let all = run(&mut inspect(&["--all"]));
    // The number alone may be that of a descriptor of another process.
    let own = |line: &&str| line.starts_with(r"\x1b[2Jx\n\xff)S 1 ") && line.contains(&format!(" {pid} "));
    assert_eq!(all.text().lines().filter(own).count(), fds);
    for text in [ran.text(), all.text()] {
        let unseen = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
        assert!(!text.contains(unseen), "{text:?}");
    }
    for shown in [
        r"/red\x1b[31m\x1b]0;title\x07",
        r"/two\nroot 1 lines\r\t",
        r"/back\\slash\\n",
        r"/not \xff\xfe UTF-8",
        r"/turned\u{202e}txt.exe\u{9b}31m",
    ] {
        assert!(ran.text().contains(shown), "{shown}: {}", ran.text());
    }
    assert!(ran.text().lines().skip(1).all(|line| line.starts_with(r"\x1b[2Jx\n\xff)S 1 ")));
}

#[test]
fn a_peers_name_is_escaped_as_well() {
    let (reading, writing) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let (folder, _) = hostile();
    let command = folder.path().join(OsStr::from_bytes(COMMAND));
    let _hostile =
        Actor::start(Command::new(command).arg0("sh").args(["-c", "echo ready; read line"]).stderr(writing));
    let reader = Actor::start(crate::common::shell("").stderr(reading));
    let ran = run(&mut inspect(&[reader.pid.to_string()])).clean();
    assert!(ran.text().contains(r"\x1b[2Jx\n\xff)S 1["), "{}", ran.text());
    assert!(!ran.text().contains('\x1b'));
}

#[test]
fn a_file_that_was_removed_is_told_from_one_that_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x", "x (deleted)"] {
        File::create(folder.path().join(name)).unwrap();
    }
    let actor =
        Actor::start(crate::common::shell("exec 3<x 4<'x (deleted)'\nrm x").current_dir(folder.path()));
    let document = document(&[actor.pid]);
    let real = String::from_utf8(real(&folder)).unwrap();
    let (removed, named) = (descriptor(&document, actor.pid, 3), descriptor(&document, actor.pid, 4));
    assert_eq!((&removed["name"], &removed["deleted"]), (&format!("{real}/x").into(), &true.into()));
    assert_eq!((&named["name"], &named["deleted"]), (&format!("{real}/x (deleted)").into(), &false.into()));
    let ran = run(&mut inspect(&[actor.pid.to_string()])).clean();
    assert!(ran.text().contains(&format!(" {real}/x (deleted) ")), "{}", ran.text());
    assert!(ran.text().contains(&format!(" \"{real}/x (deleted)\" ")), "{}", ran.text());
    assert!(Path::new(&format!("{real}/x (deleted)")).exists());
}
