//! Where a process runs: a nested pid namespace, a control group, a container.

use crate::common::terminal::on;
use crate::common::{Actor, document, inspect, installed, is_root, process, shell, skip_for_want_of};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The only child of a process.
fn child_of(pid: i32) -> i32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_ascii_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_process_in_a_pid_namespace_has_a_pid_of_its_own_there() {
    if !is_root() || !installed("unshare") {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]).arg(shell("").get_program()).args(shell("").get_args());
    let outer = Actor::start(&mut command);
    let inner = child_of(outer.pid);
    let found = document(&[inner, outer.pid]);
    assert_eq!(process(&found, inner)["ns_pids"], serde_json::json!([inner, 1]));
    assert!(process(&found, outer.pid).get("ns_pids").is_none(), "not nested");
    let (text, _) = on(120, &mut inspect(&[inner.to_string()]), "");
    assert!(text.contains("pid 1 in its own namespace"), "{text}");
}

/// A control group that is removed again.
struct Group(PathBuf);

impl Group {
    /// Makes one in the first hierarchy that permits it.
    fn make(name: &str) -> Option<Self> {
        ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].into_iter().find_map(|hierarchy| {
            let folder = Path::new(hierarchy).join(name);
            fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            group.0.join("cgroup.procs").exists().then_some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_container_is_told_by_its_control_group() {
    let id = "5eed".repeat(16);
    let Some(group) = Group::make(&format!("docker-{id}.scope")) else {
        return skip_for_want_of("a hierarchy of control groups that may be changed");
    };
    let actor = Actor::shell("");
    fs::write(group.0.join("cgroup.procs"), actor.pid.to_string()).unwrap();
    let found = document(&[actor.pid]);
    assert_eq!(process(&found, actor.pid)["cgroup"], format!("/docker-{id}.scope"));
    assert_eq!(process(&found, actor.pid)["container"], id);
    let (text, _) = on(120, &mut inspect(&[actor.pid.to_string()]), "");
    assert!(text.contains("container 5eed5eed5eed"), "{text}");
}
