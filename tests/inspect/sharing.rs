//! Which descriptors share an open file description: what fork and dup copy, and a second open does
//! not.

use crate::common::{Actor, descriptor, document, inspect, installed, python, run, shell, skip_for_want_of};
use nix::sys::resource::{Resource, getrlimit};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use tempfile::TempDir;

/// A file of ten bytes that is read to its seventh, in a directory of its own.
fn file() -> (TempDir, File) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ten");
    let mut file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    file.write_all(b"0123456789").unwrap();
    file.seek(SeekFrom::Start(7)).unwrap();
    (folder, file)
}

/// The label of the open file description and the descriptors that share it, sorted.
fn sharing(document: &Value, pid: i32, fd: i32) -> (&str, Vec<Value>) {
    let shown = descriptor(document, pid, fd);
    assert_eq!(shown["identity"], "proven", "{shown}");
    let mut others = shown["shared_with"].as_array().unwrap().clone();
    others.sort_by_key(|other| (other["pid"].as_i64(), other["fd"].as_i64()));
    (shown["open_file"].as_str().unwrap(), others)
}

fn slot(pid: i32, fd: i32) -> Value {
    json!({"pid": pid, "fd": fd})
}

#[test]
fn two_processes_with_one_open_file_description_share_it_both_ways() {
    let (folder, file) = file();
    let first = Actor::start(shell("").stderr(file.try_clone().unwrap()));
    let second = Actor::start(shell("exec 4<ten 5>&2").current_dir(folder.path()).stderr(file));
    let document = document(&[first.pid, second.pid]);
    let (label, others) = sharing(&document, first.pid, 2);
    let mut expected = [slot(second.pid, 2), slot(second.pid, 5)];
    assert_eq!(others, expected);
    expected = [slot(first.pid, 2), slot(second.pid, 5)];
    expected.sort_by_key(|slot| slot["pid"].as_i64());
    assert_eq!(sharing(&document, second.pid, 2), (label, expected.to_vec()));
    assert_eq!(sharing(&document, second.pid, 5).0, label);
    for (pid, fd) in [(first.pid, 2), (second.pid, 2), (second.pid, 5)] {
        assert_eq!(descriptor(&document, pid, fd)["offset"], 7);
    }
    // The same file, opened again: an offset of its own.
    let (own, others) = sharing(&document, second.pid, 4);
    assert_ne!(own, label);
    assert_eq!((others, &descriptor(&document, second.pid, 4)["offset"]), (vec![], &json!(0)));
    assert_eq!(descriptor(&document, second.pid, 4)["ino"], descriptor(&document, second.pid, 2)["ino"]);
}

#[test]
fn only_processes_that_are_shown_are_named_as_sharers() {
    let (_folder, file) = file();
    let first = Actor::start(shell("").stderr(file.try_clone().unwrap()));
    let second = Actor::start(shell("").stderr(file));
    for pid in [first.pid, second.pid] {
        assert_eq!(sharing(&document(&[pid]), pid, 2).1, [] as [Value; 0]);
    }
}

#[test]
fn a_child_shares_all_that_it_inherited_and_not_what_was_opened_after_the_fork() {
    let (folder, file) = file();
    drop(file);
    // The child is a real fork of the shell, which gives it /dev/null as its standard input. Each
    // opens the file once more after it; the child's line says that it has.
    let script = "exec 3<ten 6<&0
        (exec 4<ten; echo ready; read line <&6) &
        read line <&3
        exec 5<ten
        echo $!";
    let mut actor = Actor::start(shell(script).current_dir(folder.path()));
    let mut lines = vec![std::mem::take(&mut actor.line)];
    for _ in 0..2 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut actor.stdout, &mut line).unwrap();
        lines.push(line);
    }
    let child: i32 = lines.iter().find_map(|line| line.trim().parse().ok()).unwrap();
    let document = document(&[actor.pid, child]);
    for fd in [1, 2, 3, 6] {
        let (label, others) = sharing(&document, actor.pid, fd);
        assert!(others.contains(&slot(child, fd)), "fd {fd}: {others:?}");
        let (childs, others) = sharing(&document, child, fd);
        assert_eq!(childs, label);
        assert!(others.contains(&slot(actor.pid, fd)), "fd {fd}: {others:?}");
    }
    // What the shell has read, its child has read too.
    let offset = &descriptor(&document, actor.pid, 3)["offset"];
    assert_ne!(offset, 0);
    assert_eq!(offset, &descriptor(&document, child, 3)["offset"]);
    for (pid, fd) in [(child, 4), (actor.pid, 5)] {
        assert_eq!(sharing(&document, pid, fd).1, [] as [Value; 0]);
        assert_eq!(descriptor(&document, pid, fd)["offset"], 0);
    }
}

#[test]
fn letters_mark_what_is_shared_in_a_listing() {
    let (folder, file) = file();
    let first =
        Actor::start(shell("exec 7<ten 8<ten").current_dir(folder.path()).stderr(file.try_clone().unwrap()));
    let second = Actor::start(shell("").stderr(file));
    let listing = run(&mut inspect(&[first.pid.to_string(), second.pid.to_string()])).clean();
    let letter = |pid: i32, fd: i32| {
        let words = listing.text().lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let mut rows = words.filter(|row| row[1] == pid.to_string() && row[3] == fd.to_string());
        rows.next().unwrap()[4]
    };
    assert_eq!(letter(first.pid, 2), letter(second.pid, 2));
    assert_eq!(letter(first.pid, 2).len(), 1);
    assert_ne!(letter(first.pid, 2), "-");
    for fd in [7, 8] {
        assert_eq!(letter(first.pid, fd), "-");
    }
}

#[test]
fn of_thousands_of_one_file_each_shares_with_its_own_copy() {
    const OPENED: usize = 1500;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if hard < 4000 || !installed("python3") {
        return skip_for_want_of("python3 and 4000 descriptors");
    }
    let (folder, _file) = file();
    let path = folder.path().join("ten");
    let path = path.to_str().unwrap();
    let script = format!(
        "import os, resource\n\
         _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n\
         resource.setrlimit(resource.RLIMIT_NOFILE, (4000, hard))\n\
         opened = [os.open({path:?}, os.O_RDONLY) for _ in range({OPENED})]\n\
         copies = [os.dup(fd) for fd in opened]"
    );
    let actor = Actor::start(&mut python(&script));
    let of_file = format!("name = {path}");
    let ran =
        run(&mut inspect(&["--format", "json", "-w", &of_file, &actor.pid.to_string()].map(str::to_owned)));
    let document: Value = serde_json::from_str(ran.text()).unwrap();
    let shown = document["processes"][0]["descriptors"].as_array().unwrap();
    assert_eq!(shown.len(), 2 * OPENED);
    let (opened, copies) = shown.split_at(OPENED);
    let mut labels = std::collections::HashSet::new();
    for (one, copy) in opened.iter().zip(copies) {
        assert_eq!([&one["identity"], &copy["identity"]], ["proven", "proven"]);
        assert_eq!(one["shared_with"], json!([{"pid": actor.pid, "fd": copy["fd"]}]));
        assert_eq!(copy["shared_with"], json!([{"pid": actor.pid, "fd": one["fd"]}]));
        assert_eq!(one["open_file"], copy["open_file"]);
        labels.insert(one["open_file"].as_str().unwrap());
    }
    assert_eq!(labels.len(), OPENED);
}
