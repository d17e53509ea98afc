//! Kinds of files that take raw system calls or rights to open, each with its facts; and where the kernel's
//! numbers are not those that stat(2) gives.

use crate::common::{
    Actor, descriptor, descriptors, document, fixture, inspect, installed, is_root, may_unshare, python, run,
    shell, skip_for_want_of, within,
};
use crate::told::{called, number};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program in Python that opens what safe Rust cannot, and what it tells of that.
fn zoo(folder: &Path) -> (Actor, Value) {
    let mut command = Command::new("python3");
    command.arg("-c").arg(include_str!("zoo.py")).arg(folder).stderr(Stdio::null());
    let actor = Actor::start(&mut command);
    let report = serde_json::from_str(&actor.line).unwrap();
    (actor, report)
}

#[test]
fn what_takes_raw_calls_is_shown_as_its_process_knows_it() {
    if !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (actor, report) = zoo(folder.path());
    let document = document(&[actor.pid]);
    for told in report["descriptors"].as_array().unwrap() {
        let shown = descriptor(&document, actor.pid, number(&told["fd"]));
        let facts = &shown["facts"];
        assert_eq!(shown["kind"], told["kind"], "{shown}");
        assert!(told["name"].is_null() || shown["name"] == told["name"], "{shown}");
        for (key, value) in told["facts"].as_object().unwrap() {
            // Names of BPF objects are told to who may administer the system.
            let may_lack = ["name", "prog_name"].contains(&key.as_str()) && !is_root();
            assert!(
                facts.get(key) == Some(value) || (may_lack && facts.get(key).is_none()),
                "{key}: {shown}"
            );
        }
        for key in told["absent"].as_array().unwrap() {
            assert_eq!(facts.get(key.as_str().unwrap()), None, "{shown}");
        }
        if let Some(files) = told.get("registered").and_then(Value::as_object) {
            // Older kernels have the last part of a path alone.
            let same = |file: &Value| {
                let (index, name) = (file["index"].to_string(), file["name"].as_str().unwrap());
                files[&index].as_str().unwrap().ends_with(name)
            };
            let shown = facts["files"].as_array().unwrap();
            assert_eq!(shown.len(), files.len(), "{facts}");
            assert!(shown.iter().all(same), "{facts}");
        }
        assert_eq!(facts.get("lock"), None, "{shown}");
    }
    let skipped = report["skipped"].as_array().unwrap();
    if !skipped.is_empty() {
        skip_for_want_of(&format!("what could not be opened: {skipped:?}"));
    }
}

#[test]
fn what_there_is_no_right_to_know_is_absent() {
    if !is_root() || !installed("python3") || !installed("setpriv") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (zoo, told_by_zoo) = zoo(folder.path());
    let (actor, report) = fixture();
    let arguments = ["--format", "json", &zoo.pid.to_string(), &actor.pid.to_string()];
    let around = ["setpriv", "--bounding-set=-dac_read_search,-sys_admin", "--inh-caps=-all"];
    let mut command = within(&around, &inspect(&arguments));
    crate::common::plain(&mut command);
    let ran = run(&mut command);
    let document = ran.json();
    let watches = &called(&report, "an inotify instance")["fd"];
    let watches = &descriptor(&document, actor.pid, number(watches))["facts"]["inotify"];
    for watch in watches.as_array().unwrap() {
        assert!(watch.get("path").is_none() && watch.get("ino").is_some(), "{watch}");
    }
    let is_bpf = |told: &&Value| told["kind"].as_str().unwrap().starts_with("bpf");
    for told in told_by_zoo["descriptors"].as_array().unwrap().iter().filter(is_bpf) {
        let facts = &descriptor(&document, zoo.pid, number(&told["fd"]))["facts"];
        assert!(facts.get("name").is_none() && facts.get("prog_name").is_none(), "{facts}");
        assert!(facts.get("map_id").or(facts.get("prog_id")).is_some(), "{facts}");
    }
}

/// The lines that a person sees of a process, by descriptor.
fn lines(pid: i32) -> Vec<String> {
    let ran = run(&mut inspect(&[pid.to_string()])).clean();
    ran.text().lines().map(str::to_owned).collect()
}

#[test]
fn the_most_telling_fact_stands_behind_the_name() {
    let (actor, report) = fixture();
    let lines = lines(actor.pid);
    let line = |what: &str| {
        let fd = called(&report, what)["fd"].to_string();
        let is_of = |line: &&String| line.split_ascii_whitespace().nth(3) == Some(&fd);
        lines.iter().find(is_of).unwrap_or_else(|| panic!("no fd {fd}: {lines:?}"))
    };
    let timer = line("a timer");
    assert!(timer.contains("anon_inode:[timerfd] (CLOCK_MONOTONIC, 99999."), "{timer}");
    assert!(timer.contains("s left, every 3.25s)"), "{timer}");
    for (what, brief) in [
        ("a timer that is not set", "(CLOCK_BOOTTIME)".to_owned()),
        ("a signalfd", "(SIGUSR1, SIGCHLD, SIGWINCH)".to_owned()),
        ("this process", format!("(every_kind[{}])", actor.pid)),
        ("a process that was waited for", "(reaped)".to_owned()),
        ("a file that is locked", "(FLOCK WRITE)".to_owned()),
        (
            "a file of which parts are locked",
            "(POSIX WRITE 5-14, POSIX READ 100-, OFDLCK READ 50-59)".to_owned(),
        ),
    ] {
        assert!(line(what).contains(&brief), "{brief}: {}", line(what));
    }
}

#[test]
fn a_name_that_another_process_has_given_cannot_pass_for_ours() {
    if !installed("python3") {
        return;
    }
    let script = "import os, ctypes\nlibc = ctypes.CDLL(None)\nlibc.prctl(15, b'x), \\x1b[2J(y', 0, 0, 0)\n\
        fd = os.pidfd_open(os.getpid())";
    let actor = Actor::start(&mut python(script));
    let lines = lines(actor.pid);
    let line = lines.iter().find(|line| line.contains("pidfd")).unwrap();
    assert!(line.contains(&format!("(\"x), \\x1b[2J(y\"[{}])", actor.pid)), "{line}");
}

#[test]
fn a_loop_device_has_the_file_behind_it() {
    if !is_root() || !installed("losetup") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("an image");
    fs::write(&path, vec![0; 1 << 20]).unwrap();
    let ran = run(Command::new("losetup").args(["--find", "--show"]).arg(&path));
    if ran.status != 0 {
        return skip_for_want_of("a loop device");
    }
    let device = ran.text().trim().to_owned();
    let actor = Actor::shell(&format!("exec 3<{device}"));
    let document = document(&[actor.pid]);
    let shown = descriptor(&document, actor.pid, 3);
    let lines = lines(actor.pid);
    drop(actor);
    assert_eq!(run(Command::new("losetup").arg("--detach").arg(&device)).status, 0);
    assert_eq!(shown["kind"], "block");
    assert_eq!(shown["facts"]["driver"], "loop");
    assert_eq!(shown["facts"]["backing_file"], path.to_str().unwrap());
    let brief = format!("{device} (\"{}\")", path.display());
    assert!(lines.iter().any(|line| line.contains(&brief)), "{brief}: {lines:?}");
}

#[test]
fn a_namespace_that_is_mounted_is_no_file() {
    if !may_unshare("-m") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "touch here && mount --bind /proc/self/ns/uts here && exec 3<here";
    let mut command = within(&["unshare", "-m"], &shell(script));
    let actor = Actor::start(command.current_dir(&folder));
    let document = document(&[actor.pid]);
    let shown = descriptor(&document, actor.pid, 3);
    assert_eq!(shown["kind"], "namespace", "{shown}");
    assert!(shown["name"].as_str().unwrap().ends_with("/here"), "{shown}");
    let inode = fs::metadata(format!("/proc/{}/ns/uts", actor.pid)).unwrap().ino();
    assert_eq!(shown["facts"], json!({"type": "uts", "inode": inode}));
}

/// The device of the filesystem that is mounted at a path, as the process's mountinfo has it.
fn mounted_device(pid: i32, path: &Path) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let of_path = |line: &&str| line.split(' ').nth(4) == path.to_str();
    text.lines().find(of_path).unwrap().split(' ').nth(2).unwrap().to_owned()
}

#[test]
fn the_device_of_a_watch_is_that_of_its_filesystem_and_not_that_of_stat() {
    if !may_unshare("-m") || !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    // A file of the lower layer, which is another filesystem than the upper one.
    let script = format!(
        "import ctypes, os\nos.chdir({path:?})\nsh = os.system\n\
         assert sh('mkdir low high all && mount -t tmpfs l low && mount -t tmpfs h high && mkdir high/up high/work \
         && touch low/file && mount -t overlay -o lowerdir=low,upperdir=high/up,workdir=high/work o all') == 0\n\
         libc = ctypes.CDLL(None)\nw = libc.inotify_init1(0)\n\
         assert libc.inotify_add_watch(w, b'all/file', 2) == 1\nf = os.open('all/file', os.O_RDONLY)\n\
         called = os.open('all/y (deleted)', os.O_CREAT)\n\
         print(w, f, called, flush=True)\nimport sys; sys.stdin.read()\n"
    );
    let actor = Actor::start(&mut within(&["unshare", "-m"], &python(&script)));
    let fds: Vec<i32> = actor.line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [watch, file, called] = fds[..] else { return skip_for_want_of("an overlay filesystem") };
    let document = document(&[actor.pid]);
    let of_stat = &descriptor(&document, actor.pid, file)["dev"];
    let of_mount = mounted_device(actor.pid, &path.join("all"));
    // The point of the test.
    assert_ne!(*of_stat, of_mount);
    let watches = &descriptor(&document, actor.pid, watch)["facts"]["inotify"];
    assert_eq!(watches[0]["dev"], of_mount, "{watches}");
    assert_eq!(watches[0]["mask"], json!(["IN_MODIFY"]));
    // And by its name a file is found also there.
    let called = descriptor(&document, actor.pid, called);
    assert_eq!(
        (&called["deleted"], called["name"].as_str()),
        (&json!(false), path.join("all/y (deleted)").to_str())
    );
}

#[test]
fn a_watch_in_another_mount_namespace_has_the_path_that_is_there() {
    if !may_unshare("-m") || !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let script = format!(
        "import ctypes, os\nos.chdir({path:?})\n\
         assert os.system('mkdir here && mount -t tmpfs t here && mkdir \"here/a b\"') == 0\n\
         libc = ctypes.CDLL(None)\nw = libc.inotify_init1(0)\n\
         assert libc.inotify_add_watch(w, b'here/a b', 0x100) == 1\n\
         print(w, flush=True)\nimport sys; sys.stdin.read()\n"
    );
    let actor = Actor::start(&mut within(&["unshare", "-m"], &python(&script)));
    let watch: i32 = actor.line.trim().parse().unwrap();
    let document = document(&[actor.pid]);
    let watches = &descriptor(&document, actor.pid, watch)["facts"]["inotify"];
    assert_eq!(watches[0]["path"], path.join("here/a b").to_str().unwrap(), "{watches}");
    assert_eq!(watches[0]["dev"], mounted_device(actor.pid, &path.join("here")));
}

#[test]
fn lsfd_has_the_same_drivers_sizes_links_and_mounts() {
    if !installed("lsfd") {
        return;
    }
    let (actor, _) = fixture();
    let columns = "ASSOC,TYPE,SIZE,NLINK,MNTID,CHRDRV,MISCDEV,BLKDRV";
    let ran = run(Command::new("lsfd").args(["-J", "-o", columns, "-p", &actor.pid.to_string()]));
    let theirs = ran.json();
    let theirs = theirs["lsfd"].as_array().unwrap();
    let document = document(&[actor.pid]);
    let mut compared = [0; 2];
    for shown in descriptors(&document, actor.pid) {
        let fd = shown["fd"].to_string();
        let their = theirs.iter().find(|their| their["assoc"] == fd).unwrap();
        let text = |key: &str| their[key].as_str().map_or_else(|| their[key].to_string(), str::to_owned);
        let facts = &shown["facts"];
        for (key, column) in [("size", "size"), ("nlink", "nlink"), ("mount", "mntid")] {
            let Some(fact) = facts.get(key) else { continue };
            assert_eq!(fact.to_string(), text(column), "{key}: {shown} {their}");
            compared[0] += 1;
        }
        let Some(driver) = facts.get("driver").and_then(Value::as_str) else { continue };
        let is_misc = facts["rdev"].as_str().unwrap().starts_with("10:") && shown["kind"] == "char";
        let column = match shown["kind"].as_str().unwrap() {
            "block" => "blkdrv",
            _ if is_misc => "miscdev",
            _ => "chrdrv",
        };
        assert_eq!(driver, text(column), "{shown} {their}");
        compared[1] += 1;
    }
    assert!(compared[0] > 30 && compared[1] > 4, "{compared:?}");
}
