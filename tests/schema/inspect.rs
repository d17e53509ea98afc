//! `inspect`, in every form.

use crate::common::{
    Actor, fixture, gone_pid, inspect, installed, is_root, plain, program, python, run, skip_for_want_of,
    start, within,
};
use crate::schema::{Schema, check, check_lines};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// Both forms of what `inspect ARGUMENTS` prints, held against the schema. Gives the document.
fn both(arguments: &[&str]) -> Value {
    let form = |form| run(&mut inspect(&[&["--format", form], arguments].concat()));
    let document = form("json").json();
    check("inspect_document", &document);
    let lines = form("jsonl").json_lines();
    let types = check_lines("line", &lines);
    let has_entries = |process: &Value| process["descriptors"].as_array().is_some_and(|all| !all.is_empty());
    let expected = document["processes"].as_array().unwrap().iter().any(has_entries);
    assert_eq!(types.contains(&"descriptor"), expected, "{types:?}");
    document
}

#[test]
fn every_kind_of_file_is_as_the_schema_says() {
    let (actor, _) = fixture();
    let document = both(&["--mapped", "--tcp-info", &actor.pid.to_string()]);
    assert!(document["processes"][0]["descriptors"].as_array().unwrap().len() > 100);
}

#[test]
fn what_takes_raw_calls_is_as_the_schema_says() {
    if !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.arg("-c").arg(include_str!("../inspect/zoo.py")).arg(folder.path()).stderr(Stdio::null());
    let actor = Actor::start(&mut command);
    both(&[&actor.pid.to_string()]);
}

#[test]
fn all_processes_with_threads_and_mapped_files_are_as_the_schema_says() {
    let mut command = python("import threading\nthreading.Thread(target=input).start()");
    let _threads = installed("python3").then(|| Actor::start(&mut command));
    both(&["--all", "--threads", "--mapped"]);
}

#[test]
fn chosen_columns_leave_out_the_others() {
    let (actor, _) = fixture();
    let pid = actor.pid.to_string();
    for columns in [
        "fd",
        "pid,tid,ppid,start_ticks,command,argv,uid,user,state,limit,cgroup,container",
        "kind,name,access,cloexec,flags,offset,dev,ino,deleted",
        "open_file,identity,shared_with,peers,facts",
        "kind,facts.state,facts.tcp_info.rtt,facts.tfd,size,locks",
        "facts.local",
    ] {
        let form = |form| run(&mut inspect(&["--columns", columns, "--format", form, &pid]));
        let document = form("json").json();
        check("inspect_columns_document", &document);
        assert!(!Schema::of("inspect_document").takes(&document), "{columns}");
        let lines = form("jsonl").json_lines();
        assert_eq!(&check_lines("any_line", &lines)[..2], ["process", "descriptor"], "{columns}");
    }
}

#[test]
fn a_process_that_is_gone_is_a_gap_in_the_document() {
    let gone = gone_pid().to_string();
    let document = both(&[&gone]);
    assert_eq!(document["gaps"][0]["what"], "process");
    // A zombie has no table any more.
    let mut actor = Actor::shell("");
    actor.end_unwaited();
    let document = both(&[&actor.pid.to_string()]);
    assert_eq!(document["processes"][0]["state"], "zombie");
}

#[test]
fn a_process_that_may_not_be_read_is_as_the_schema_says() {
    if !is_root() || !installed("setpriv") {
        return skip_for_want_of("the right to be another user");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("ganariya-fd");
    fs::copy(program(), &copy).unwrap();
    let actor = Actor::shell("");
    for (form, arguments) in [("json", vec![]), ("jsonl", vec![]), ("json", vec!["--mapped", "--threads"])] {
        let mut inner = Command::new(&copy);
        inner.args(["inspect", "--format", form]).args(&arguments).args([actor.pid.to_string()]);
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let mut command = within(&nobody, &inner);
        plain(&mut command);
        let ran = run(&mut command);
        if form == "jsonl" {
            let lines = ran.json_lines();
            assert_eq!(check_lines("line", &lines), ["process", "gap"]);
        } else {
            let document = ran.json();
            check("inspect_document", &document);
            let descriptors = &document["processes"][0]["descriptors"];
            assert_eq!(descriptors.is_null(), arguments.is_empty(), "{descriptors}");
        }
    }
}

#[test]
fn a_name_that_is_not_utf8_has_its_bytes_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"a\xff\x1b\n");
    let shell = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("sh"))
        .find(|path| path.exists())
        .unwrap();
    std::os::unix::fs::symlink(shell, folder.path().join(name)).unwrap();
    let mut command = Command::new(folder.path().join(name));
    command.args(["-c", "exec 3>\"$1\"; echo ready; read line", "sh"]).arg(OsStr::from_bytes(b"\xfe"));
    let actor = Actor::start(command.current_dir(&folder));
    let document = both(&["--mapped", &actor.pid.to_string()]);
    let process = &document["processes"][0];
    assert!(process["command_bytes"].is_string() && process["argv_bytes"].is_array(), "{process}");
    let named = |entry: &&Value| entry.get("name_bytes").is_some();
    assert!(process["descriptors"].as_array().unwrap().iter().any(|entry| named(&entry)), "{process}");
}

#[test]
fn rounds_and_changes_are_lines_as_the_schema_says() {
    for columns in [None, Some("fd,offset")] {
        let mut command = Command::new("sh");
        command.args(["-c", "echo ready; while read -r line; do eval \"$line\"; done"]).stderr(Stdio::null());
        let folder = tempfile::tempdir().unwrap();
        let actor = Actor::start(command.current_dir(&folder));
        let mut arguments = vec!["--interval", "0.05", "--format", "jsonl"];
        arguments.extend(columns.into_iter().flat_map(|columns| ["--columns", columns]));
        let pid = actor.pid.to_string();
        arguments.push(&pid);
        let mut child = start(inspect(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut orders =
            ["exec 3>data", "echo 12345 >&3", "exec 3>&-"].into_iter().zip(["new", "changed", "gone"]);
        let (mut lines, mut awaited) = (Vec::new(), "");
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let is_next = match awaited {
                "" => line["type"] == "round" && !lines.is_empty(),
                awaited => line["change"] == awaited,
            };
            lines.push(line);
            if is_next {
                let Some((order, change)) = orders.next() else { break };
                writeln!(actor.stdin.as_ref().unwrap(), "{order}").unwrap();
                awaited = change;
            }
        }
        let _ = child.kill();
        child.wait().unwrap();
        let form = if columns.is_some() { "any_line" } else { "line" };
        let types = check_lines(form, lines.iter().filter(|line| line["type"] != "gap"));
        assert_eq!(types, ["round", "process", "descriptor", "change"]);
    }
}
