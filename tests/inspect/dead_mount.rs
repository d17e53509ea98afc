//! A filesystem whose server does not answer any more: whoever looks a name up in it waits for ever.

use crate::common::{Actor, descriptor, inspect, installed, may_unshare, run, skip_for_want_of, within};
use serde_json::json;
use std::process::{Command, Stdio};

#[test]
fn nothing_waits_for_a_server_that_is_gone() {
    if !may_unshare("-m") || !installed("python3") || !installed("timeout") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let mut command = Command::new("python3");
    command.arg("-c").arg(include_str!("fuse.py")).arg(&path);
    let actor = Actor::start(within(&["unshare", "-m"], &command).stderr(Stdio::null()));
    let fds: Vec<i32> = actor.line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [called, lost, watch] = fds[..] else { return skip_for_want_of("a FUSE filesystem") };
    let pid = actor.pid.to_string();
    let mut command = within(&["timeout", "20"], &inspect(&["--format", "json", &pid]));
    crate::common::plain(&mut command);
    let ran = run(&mut command);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let document = ran.json();
    // The kernel says the same of both, and nobody can tell which of them is called so.
    for (fd, name) in [(called, "x (deleted)"), (lost, "y (deleted)")] {
        let shown = descriptor(&document, actor.pid, fd);
        assert_eq!(shown["name"], path.join(name).to_str().unwrap());
        assert_eq!((&shown["deleted"], &shown["facts"]["nlink"]), (&json!(false), &json!(1)), "{shown}");
    }
    let watches = &descriptor(&document, actor.pid, watch)["facts"]["inotify"];
    assert_eq!(watches[0]["ino"], 1, "{watches}");
    assert_eq!(watches[0].get("path"), None);
}
