//! What is held without a descriptor: working and root directory, program, mapped files.

use crate::common::{Actor, inspect, installed, is_root, program, python, run, within};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

/// The places of a process, with name, device and inode.
fn places(document: &Value) -> Vec<(String, String, String, u64)> {
    let all = document["processes"][0]["descriptors"].as_array().unwrap().iter();
    let places = all.filter(|shown| shown["fd"].is_string());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    places
        .map(|shown| {
            (text(&shown["fd"]), text(&shown["name"]), text(&shown["dev"]), shown["ino"].as_u64().unwrap())
        })
        .collect()
}

/// A program that has mapped a file, and a deleted one; its working directory is `folder`.
fn mapping(folder: &std::path::Path) -> Actor {
    let script = "import mmap, os\nmaps = []\n\
        for name in ['mapped', 'gone', 'a\\nname']:\n\
        \x20   f = os.open(name, os.O_RDWR | os.O_CREAT); os.write(f, b'x' * 5000)\n\
        \x20   maps.append(mmap.mmap(f, 5000)); os.close(f)\n\
        os.unlink('gone')";
    Actor::start(python(script).current_dir(folder))
}

#[test]
fn each_place_is_the_file_that_the_process_has_there() {
    if !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let actor = mapping(folder.path());
    let pid = actor.pid.to_string();
    let document = run(&mut inspect(&["--mapped", "--format", "json", &pid])).clean().json();
    let places = places(&document);
    for (word, link) in [("cwd", "cwd"), ("root", "root"), ("exe", "exe")] {
        let path = format!("/proc/{pid}/{link}");
        let (stat, name) = (fs::metadata(&path).unwrap(), fs::read_link(&path).unwrap());
        let shown = places.iter().find(|(place, ..)| place == word).unwrap();
        let expected = format!("{}:{}", nix::sys::stat::major(stat.dev()), nix::sys::stat::minor(stat.dev()));
        assert_eq!(
            (shown.1.as_str(), &shown.2, shown.3),
            (name.to_str().unwrap(), &expected, stat.ino()),
            "{word}"
        );
    }
    // Every file of the maps is there once, and the program as such.
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let inodes: BTreeSet<u64> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(4)?.parse().ok())
        .filter(|&ino| ino != 0)
        .collect();
    let mapped: Vec<u64> = places.iter().filter(|place| place.0 == "mem").map(|place| place.3).collect();
    let program = places.iter().find(|place| place.0 == "exe").unwrap().3;
    assert_eq!(mapped.iter().copied().chain([program]).collect::<BTreeSet<_>>(), inodes);
    assert_eq!(mapped.len() + 1, inodes.len(), "{places:?}");
    let shown = |name: &str| {
        let all = document["processes"][0]["descriptors"].as_array().unwrap();
        let path = folder.path().canonicalize().unwrap().join(name);
        let found = all.iter().find(|shown| shown["name"] == path.to_str().unwrap() && shown["fd"] == "mem");
        found.unwrap_or_else(|| panic!("no {name}: {places:?}")).clone()
    };
    assert_eq!((&shown("mapped")["deleted"], &shown("gone")["deleted"]), (&json!(false), &json!(true)));
    assert_eq!(shown("a\nname")["kind"], "file");
    // They have no open file description.
    assert_eq!(shown("mapped")["open_file"], Value::Null);
    assert_eq!((shown("mapped").get("identity"), &shown("mapped")["access"]), (None, &Value::Null));
}

#[test]
fn places_are_left_out_unless_they_are_asked_for() {
    let actor = Actor::shell("");
    let pid = actor.pid.to_string();
    let of = |arguments: &[&str]| {
        let arguments = [&["--format", "json"], arguments, &[&pid]].concat();
        run(&mut inspect(&arguments)).clean().json()
    };
    assert_eq!(places(&of(&[])), []);
    let words =
        |document: &Value| -> Vec<String> { places(document).into_iter().map(|place| place.0).collect() };
    assert_eq!(words(&of(&["--fd", "cwd,root"])), ["cwd", "root"]);
    let document = of(&["-f", "0-1,exe"]);
    let fds: Vec<_> =
        document["processes"][0]["descriptors"].as_array().unwrap().iter().map(|d| &d["fd"]).collect();
    assert_eq!(fds, [&json!("exe"), &json!(0), &json!(1)]);
}

/// An ordinary user may not follow the links of map_files, and finds the files by their names.
#[test]
fn a_user_sees_what_the_users_own_processes_have_mapped() {
    if !is_root() || !installed("setpriv") || !installed("python3") {
        return;
    }
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let copy = folder.path().join("ganariya-fd");
    fs::copy(program(), &copy).unwrap();
    let actor = Actor::start(&mut within(&nobody, &crate::common::shell("")));
    let mut inner = Command::new(&copy);
    inner.args(["inspect", "--mapped", "--format", "json", &actor.pid.to_string()]);
    let mut command = within(&nobody, &inner);
    crate::common::plain(&mut command);
    let document = run(&mut command).json();
    // The C library, or whatever else a shell is linked to.
    let maps = fs::read_to_string(format!("/proc/{}/maps", actor.pid)).unwrap();
    let library =
        maps.lines().find_map(|line| line.split_whitespace().nth(5).filter(|name| name.contains(".so")));
    let Some(library) = library else { return };
    let stat = fs::metadata(library).unwrap();
    let shown = document["processes"][0]["descriptors"].as_array().unwrap();
    let shown = shown.iter().find(|shown| shown["name"] == library).unwrap_or_else(|| panic!("{document}"));
    assert_eq!(
        (&shown["fd"], &shown["kind"], &shown["ino"]),
        (&json!("mem"), &json!("file"), &json!(stat.ino()))
    );
}
