//! A listing that is repeated marks what is different.

use crate::common::{Actor, inspect, run, start};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A shell that does what it is told, line by line.
fn obedient(folder: &std::path::Path) -> Actor {
    let mut command = Command::new("sh");
    command.args(["-c", "echo ready; while read -r line; do eval \"$line\"; done"]);
    Actor::start(command.current_dir(folder).stderr(Stdio::null()))
}

fn tell(actor: &Actor, line: &str) {
    writeln!(actor.stdin.as_ref().unwrap(), "{line}").unwrap();
}

/// `inspect --interval` at work.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(arguments: &[&str]) -> Self {
        let arguments = [&["--interval", "0.05"], arguments].concat();
        let mut child = start(inspect(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next object for which a test holds.
    fn next(&mut self, test: impl Fn(&Value) -> bool) -> Value {
        let objects = self.lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        objects.into_iter().find(|object| test(object)).unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_new_changed_or_gone_is_told_in_the_round_that_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let actor = obedient(folder.path());
    let pid = actor.pid.to_string();
    let mut watching = Watching::start(&["--format", "jsonl", &pid]);
    assert_eq!(watching.next(|_| true)["type"], "round");
    assert_eq!(watching.next(|object| object["type"] == "descriptor")["fd"], 0);
    watching.next(|object| object["type"] == "round");
    tell(&actor, "exec 3>data");
    let new = watching.next(|object| object["fd"] == 3);
    assert_eq!((&new["type"], &new["change"], &new["offset"]), (&json!("change"), &json!("new"), &json!(0)));
    tell(&actor, "echo 12345 >&3");
    let changed = watching.next(|object| object["fd"] == 3);
    assert_eq!((&changed["change"], &changed["offset"]), (&json!("changed"), &json!(6)), "{changed}");
    for field in ["offset", "facts.size"] {
        assert!(changed["changed"].as_array().unwrap().contains(&field.into()), "{changed}");
    }
    tell(&actor, "rm data; exec 3>&-");
    // It may have been seen between the two.
    let gone = watching.next(|object| object["fd"] == 3 && object["change"] != "changed");
    assert_eq!((&gone["change"], &gone["kind"]), (&json!("gone"), &json!("file")));
    tell(&actor, "exec 4</dev/null");
    watching.next(|object| object["fd"] == 4 && object["change"] == "new");
    tell(&actor, "exec 4<.");
    let another = watching.next(|object| object["fd"] == 4);
    assert_eq!((&another["change"], &another["kind"]), (&json!("changed"), &json!("dir")), "{another}");
    // It ends with the last of those who were named.
    drop(actor);
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_round_is_a_listing_with_marks() {
    let folder = tempfile::tempdir().unwrap();
    let actor = obedient(folder.path());
    let mut watching = Watching::start(&["--columns", "fd,kind", "-f", "0-9", &actor.pid.to_string()]);
    let mut round = || {
        let rows = watching.lines.by_ref().map(|line| line.unwrap()).take_while(|line| !line.is_empty());
        let rows: Vec<String> = rows.collect();
        assert!(rows[0].starts_with("at 2"), "{rows:?}");
        rows[1..]
            .iter()
            .map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let first = round();
    assert_eq!(first[0], ["CHANGE", "FD", "KIND"]);
    assert_eq!(first[1], ["-", "0", "pipe"]);
    tell(&actor, "exec 3</dev/null");
    let opened = ["new", "3", "char"];
    while !round().iter().any(|row| *row == opened) {}
    assert!(round().iter().any(|row| row[..] == ["-", "3", "char"]));
    tell(&actor, "exec 3<&-");
    let closed = ["gone", "3", "char"];
    while !round().iter().any(|row| *row == closed) {}
    assert!(!round().iter().any(|row| row[1] == "3"));
}

#[test]
fn one_document_is_not_repeated() {
    for format in ["json", "csv", "tree"] {
        let ran = run(&mut inspect(&["--interval", "1", "--format", format, "1"]));
        assert_eq!(ran.status, 2, "{format}");
        assert!(ran.err.contains("cannot be repeated"), "{format}: {}", ran.err);
    }
}
