//! Holds the borders between the rooms of `src`: who may import whom, who may reach for the kernel,
//! where `unsafe` may stand, how long a file may be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, and which others each may import.
const ROOMS: [(&str, &[&str]); 9] = [
    ("kernel", &[]),
    ("model", &[]),
    ("kind", &["model"]),
    ("collect", &["kernel", "kind", "model"]),
    ("query", &["model"]),
    ("lab", &["kernel", "collect", "model", "query"]),
    ("echo", &["kernel"]),
    ("view", &["model", "query"]),
    ("cmd", &["kernel", "kind", "collect", "model", "query", "lab", "echo", "view"]),
];

/// What of outside only these rooms may name.
const OUTSIDE: [(&str, &[&str]); 10] = [
    ("nix::", &["kernel", "echo"]),
    ("libc::", &["kernel"]),
    ("procfs::", &["kernel"]),
    ("\"/proc", &["kernel"]),
    ("clap::", &["cmd"]),
    ("comfy_table::", &["view"]),
    ("serde::", &["view"]),
    ("serde_json::", &["view"]),
    ("io::stdout", &[]),
    ("std::fs", &["kernel"]),
];

/// The longest file, in lines.
const LONGEST: usize = 450;

/// The modules of a room, also those in its folders.
fn files(room: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            assert!(path.extension().is_some_and(|end| end == "rs"), "{} is not a module", path.display());
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
    assert!(!files.is_empty());
    files
}

/// The code of a file, without its comments and its tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_folders_are_the_rooms() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort_unstable();
    let mut rooms = ROOMS.map(|(room, _)| room.to_owned());
    rooms.sort_unstable();
    assert_eq!(folders, rooms);
}

#[test]
fn rooms_import_only_what_they_may() {
    for (room, allowed) in ROOMS {
        for (path, text) in files(room) {
            let code = code(&text);
            for (other, _) in ROOMS {
                let imports = code.contains(&format!("crate::{other}::"))
                    || code.contains(&format!("crate::{other};"))
                    || code.contains(&format!("crate::{{{other}"));
                let may = other == room || allowed.contains(&other);
                assert!(may || !imports, "{}: {room} may not import {other}", path.display());
            }
        }
    }
}

#[test]
fn only_the_named_rooms_reach_outside() {
    for (room, _) in ROOMS {
        for (path, text) in files(room) {
            let code = code(&text);
            for (what, rooms) in OUTSIDE {
                let found = code.match_indices(what).any(|(at, _)| {
                    let before = code[..at].chars().next_back();
                    !before.is_some_and(|char| char.is_alphanumeric() || char == '_')
                });
                assert!(!found || rooms.contains(&room), "{}: {room} may not name {what}", path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_stands_in_the_kernel_room_alone_each_block_with_its_reason() {
    for (room, _) in ROOMS {
        for (path, text) in files(room) {
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if !code.contains("unsafe {") && !code.contains("unsafe fn") {
                    continue;
                }
                assert_eq!(room, "kernel", "{}:{}", path.display(), index + 1);
                let above = &lines[index.saturating_sub(6)..index];
                let reasoned = above.iter().any(|line| line.trim_start().starts_with("// SAFETY:"));
                assert!(reasoned, "{}:{} has no SAFETY comment", path.display(), index + 1);
            }
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for (room, _) in ROOMS {
        for (path, text) in files(room) {
            assert!(text.starts_with("//!"), "{} opens without its purpose", path.display());
            let lines = text.lines().count();
            assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
        }
    }
}
