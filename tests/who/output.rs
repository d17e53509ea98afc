//! What is printed, and the status that it ends with.

use crate::common::terminal::on;
use crate::common::{Actor, run};
use crate::{found, who};
use std::collections::BTreeSet;

#[test]
fn pids_are_bare_and_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let script = format!("exec 3>'{0}' 4<'{0}'", path.display());
    let (one, other) = (Actor::shell(&script), Actor::shell(&script));
    let path = path.to_str().unwrap();
    let ran = run(&mut who(&["--pids", path]));
    let expected = BTreeSet::from([one.pid, other.pid]);
    let lines: Vec<String> = expected.iter().map(i32::to_string).collect();
    assert_eq!((ran.status, ran.text()), (0, (lines.join("\n") + "\n").as_str()));
    drop((one, other));
    let ran = run(&mut who(&["--pids", path]));
    assert_eq!((ran.status, ran.text()), (1, ""));
    let ran = run(&mut who(&[path]));
    assert_eq!((ran.status, ran.text()), (1, ""));
}

#[test]
fn several_targets_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other, none] = ["one", "other", "none"].map(|name| folder.path().join(name));
    std::fs::write(&none, "").unwrap();
    let actor = Actor::shell(&format!("exec 3>'{}' 4>'{}'", one.display(), other.display()));
    let arguments = [&one, &other, &none].map(|path| path.to_str().unwrap());
    let document = found(&arguments);
    let targets: Vec<&str> = document["holders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|holder| holder["target"].as_str().unwrap())
        .collect();
    assert_eq!(targets, arguments[..2]);
    let ran = run(&mut who(&arguments));
    let lines: Vec<Vec<&str>> = ran.text().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..3], ["TARGET", "COMMAND", "PID"]);
    let pid = actor.pid.to_string();
    assert_eq!(lines[1][..3], [arguments[0], "sh", &pid]);
    assert_eq!(lines[2][..3], [arguments[1], "sh", &pid]);
    assert_eq!(lines.len(), 3);
    let (text, status) = on(100, who(&arguments).env("NO_COLOR", "1"), "");
    assert_eq!(status, Some(0));
    assert!(text.contains(&format!("{}\n  nobody\n", arguments[2])), "{text}");
    let jsonl = run(&mut who(&[&["--format", "jsonl"], &arguments[..]].concat())).json_lines();
    let holders: Vec<_> = jsonl.iter().filter(|line| line["type"] == "holder").collect();
    assert_eq!(holders.len(), 2);
    assert_eq!(holders[0]["fd"], document["holders"][0]["fd"]);
}

#[test]
fn a_hostile_name_is_escaped_for_people_and_kept_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[31m\nb";
    let path = folder.path().join(name);
    let mut command = crate::common::shell("exec 3>\"$NAME\"");
    let _actor = Actor::start(command.current_dir(&folder).env("NAME", name));
    let path = path.to_str().unwrap();
    let ran = run(&mut who(&[path, "/dev/null"]));
    assert!(!ran.text().contains('\u{1b}') && ran.text().contains(r"\x1b[31m"), "{}", ran.text());
    assert_eq!(found(&[path])["holders"][0]["name"], path);
}
