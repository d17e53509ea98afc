//! Whether a file is still there by its name: the kernel's ` (deleted)` behind a link does not tell.

use crate::common::{
    Actor, descriptor, document, inspect, installed, is_root, may_unshare, python, run, shell, within,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

/// Name and fate of a descriptor of a process.
fn shown(actor: &Actor, fd: i32) -> (String, bool) {
    let document = document(&[actor.pid]);
    let shown = descriptor(&document, actor.pid, fd);
    (shown["name"].as_str().unwrap().to_owned(), shown["deleted"] == true)
}

fn is(path: &Path, name: &str, deleted: bool) -> (String, bool) {
    (path.join(name).to_str().unwrap().to_owned(), deleted)
}

/// A shell that does this in a folder.
fn doing(path: &Path, script: &str) -> Actor {
    Actor::start(shell(script).current_dir(path))
}

#[test]
fn a_name_that_ends_like_the_kernels_mark_stays() {
    let (_folder, path) = folder();
    let actor = doing(&path, "mkdir 'd (deleted)' && exec 3>'x (deleted)' 4<'d (deleted)'");
    assert_eq!(shown(&actor, 3), is(&path, "x (deleted)", false));
    assert_eq!(shown(&actor, 4), is(&path, "d (deleted)", false));
    // With the mark behind it, it has it twice.
    let actor = doing(&path, "exec 3>'y (deleted)' && rm 'y (deleted)'");
    assert_eq!(shown(&actor, 3), is(&path, "y (deleted)", true));
}

#[test]
fn one_name_of_two_is_gone() {
    let (_folder, path) = folder();
    let actor = doing(&path, "exec 3>x && ln x other && rm x");
    assert_eq!(shown(&actor, 3), is(&path, "x", true));
    let ran = run(&mut inspect(&[actor.pid.to_string()])).clean();
    assert!(ran.text().contains("/x (deleted)"), "{}", ran.text());
    // Another file may have been called like the mark since.
    let actor = doing(&path, "exec 3>z && ln z third && rm z && : >'z (deleted)'");
    assert_eq!(shown(&actor, 3), is(&path, "z", true));
    // Or another by the name itself, as an editor saves its files.
    let actor = doing(&path, "exec 3>v && ln v v~ && : >new && mv new v");
    assert_eq!(shown(&actor, 3), is(&path, "v", true));
}

#[test]
fn a_name_that_was_given_again_is_there() {
    let (_folder, path) = folder();
    let actor = doing(&path, "exec 3>x && ln x other && rm x && ln other x");
    assert_eq!(shown(&actor, 3), is(&path, "x", false));
}

#[test]
fn the_name_is_looked_up_where_its_process_is() {
    if !may_unshare("-m") {
        return;
    }
    let (_folder, path) = folder();
    let script = "mkdir -p here && mount -t tmpfs t here && exec 3>'here/x (deleted)' 4>here/y \
        && ln here/y here/other && rm here/y";
    let mut command = within(&["unshare", "-m"], &shell(script));
    let actor = Actor::start(command.current_dir(&path));
    assert_eq!(shown(&actor, 3), is(&path, "here/x (deleted)", false));
    assert_eq!(shown(&actor, 4), is(&path, "here/y", true));
}

#[test]
fn a_file_of_another_mount_namespace_is_not_said_to_be_gone() {
    if !may_unshare("-m") || !installed("python3") {
        return;
    }
    let (_folder, path) = folder();
    // Opened in a namespace where something is mounted, and looked for in one where nothing is.
    let script = format!(
        "import ctypes, os\nos.chdir({path:?})\nos.mkdir('here')\nopen('here/x (deleted)', 'w')\nlibc = ctypes.CDLL(None)\n\
         home = os.open('/proc/self/ns/mnt', os.O_RDONLY)\n\
         assert libc.unshare(0x20000) == 0 and os.system('mount --make-rprivate / && mount -t tmpfs t here') == 0\n\
         os.chdir({path:?})\nthere = os.open('/proc/self/ns/mnt', os.O_RDONLY)\n\
         f = os.open('here/x (deleted)', os.O_CREAT)\ng = os.open('here/y', os.O_CREAT)\n\
         os.link('here/y', 'here/z'); os.unlink('here/y')\n\
         assert libc.setns(home, 0x20000) == 0\nprint(f, g, flush=True)\nimport sys; sys.stdin.read()\n"
    );
    let actor = Actor::start(&mut python(&script));
    let fds: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    // As the kernel has them: of neither it is known.
    assert_eq!(shown(&actor, fds[0]), is(&path, "here/x (deleted)", false));
    assert_eq!(shown(&actor, fds[1]), is(&path, "here/y (deleted)", false));
}

#[test]
fn a_name_is_found_below_another_root() {
    if !is_root() || !installed("python3") {
        return;
    }
    let (_folder, path) = folder();
    let script = format!(
        "import os\nos.chdir({path:?})\nos.mkdir('jail')\nos.chroot('jail')\nos.chdir('/')\n\
         f = os.open('/x (deleted)', os.O_CREAT)\ng = os.open('/y', os.O_CREAT)\n\
         os.link('/y', '/z'); os.unlink('/y')\n\
         print(f, g, flush=True)\nimport sys; sys.stdin.read()\n"
    );
    let actor = Actor::start(&mut python(&script));
    let fds: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(shown(&actor, fds[0]), is(&path, "jail/x (deleted)", false));
    assert_eq!(shown(&actor, fds[1]), is(&path, "jail/y", true));
}

#[test]
fn only_names_in_doubt_are_looked_up() {
    if !installed("strace") {
        return;
    }
    let (_folder, path) = folder();
    let actor = doing(&path, "exec 3>x 4>'y (deleted)' 5>z && rm z");
    let log = path.join("log");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=openat2", "-o"]).arg(&log);
    let pid = actor.pid.to_string();
    command.arg(crate::common::program()).args(inspect(&["--format", "json", &pid]).get_args());
    let document: Value = run(&mut command).json();
    assert_eq!(descriptor(&document, actor.pid, 4)["deleted"], json!(false));
    let calls = std::fs::read_to_string(log).unwrap();
    assert!(calls.lines().count() >= 1, "{calls}");
    assert!(calls.lines().all(|call| call.contains("y (deleted)")), "{calls}");
}
