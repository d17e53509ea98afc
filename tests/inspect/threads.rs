//! Threads that have a table of their own, which the table of their process does not show.

use crate::common::{
    Actor, descriptor, document, inspect, installed, is_root, program, python, run, skip_for_want_of,
};
use serde_json::{Value, json};
use std::process::Command;

/// What two threads do, each of which tells its id: one leaves the table by unshare(2) and opens a pipe, of which the
/// reading end is 60 and the writing end 61, the other has the process's table.
const SCRIPT: &str = "import ctypes, os, threading\n\
    libc = ctypes.CDLL(None, use_errno=True)\nready = threading.Barrier(2)\nidle = threading.Event()\ntold = []\n\
    def apart():\n\
    \x20   assert libc.unshare(0x400) == 0\n\
    \x20   r, w = os.pipe(); os.dup2(r, 60); os.dup2(w, 61); os.close(r); os.close(w)\n\
    \x20   told.append(threading.get_native_id()); ready.wait(); idle.wait()\n\
    def sharing():\n\
    \x20   told.append(threading.get_native_id()); ready.wait(); idle.wait()\n";

/// Starts it: the actor, the thread with a table of its own and the one without.
fn threads() -> Option<(Actor, i32, i32)> {
    if !installed("python3") {
        return None;
    }
    let script = format!(
        "{SCRIPT}a = threading.Thread(target=apart, daemon=True); a.start(); ready.wait()\n\
         b = threading.Thread(target=sharing, daemon=True); b.start(); ready.wait()\nprint(*told, flush=True)"
    );
    let actor = Actor::start(&mut python(&script));
    let tids: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [apart, sharing] = tids[..] else { panic!("{}", actor.line) };
    Some((actor, apart, sharing))
}

/// The entry of a thread in a document.
fn task(document: &Value, pid: i32, tid: i32) -> Option<&Value> {
    let processes = document["processes"].as_array().unwrap();
    processes.iter().find(|process| process["pid"] == pid && process["tid"] == tid)
}

#[test]
fn a_thread_with_a_table_of_its_own_is_shown_without_being_asked_for() {
    let Some((actor, apart, sharing)) = threads() else { return };
    let document = document(&[actor.pid]);
    assert_eq!(document["processes"].as_array().unwrap().len(), 2, "{document}");
    assert_eq!(document["processes"][0].get("tid"), None);
    let thread = task(&document, actor.pid, apart).unwrap();
    assert_eq!(task(&document, actor.pid, sharing), None);
    let fds = thread["descriptors"].as_array().unwrap();
    let [reader, writer] = [60, 61].map(|fd| fds.iter().find(|shown| shown["fd"] == fd).unwrap());
    let peer = |fd: i32, access: &str| json!([{"pid": actor.pid, "tid": apart, "command": thread["command"], "fd": fd, "access": access}]);
    assert_eq!(reader["peers"], peer(61, "w"));
    assert_eq!(writer["peers"], peer(60, "r"));
    // What both tables have is one open file description.
    let stdin = fds.iter().find(|shown| shown["fd"] == 0).unwrap();
    assert_eq!(stdin["open_file"], descriptor(&document, actor.pid, 0)["open_file"]);
    assert_eq!(stdin["shared_with"], json!([{"pid": actor.pid, "fd": 0}]));
    // Both miss it where they are asked in the usual way.
    if installed("lsof") {
        let ran = run(Command::new("lsof").args([
            "-nPw",
            "-F",
            "f",
            "-a",
            "-d",
            "60",
            "-p",
            &actor.pid.to_string(),
        ]));
        assert!(!ran.text().contains("f60"), "{}", ran.text());
    }
    if installed("lsfd") {
        let ran = run(Command::new("lsfd").args(["-nr", "-o", "ASSOC", "-p", &actor.pid.to_string()]));
        assert!(!ran.text().lines().any(|line| line.trim() == "60"), "{}", ran.text());
    }
}

/// Numbers begin again at the bottom when they have come to the top, so that a thread may have a lower one than its
/// process.
#[test]
fn a_thread_with_a_lower_number_than_its_process_has_no_more_right_to_its_table() {
    if !installed("python3") || !installed("unshare") {
        return;
    }
    // In a pid namespace of its own, where the number that is given next may be chosen.
    let script = format!(
        "{SCRIPT}import subprocess, sys\n\
         def next_pid(number):\n\
         \x20   try: open('/proc/sys/kernel/ns_last_pid', 'w').write(str(number - 1))\n\
         \x20   except OSError: print('{{}}'); sys.exit()\n\
         next_pid(5000)\npid = os.fork()\n\
         if pid: os.waitpid(pid, 0); sys.exit()\n\
         next_pid(100)\na = threading.Thread(target=apart, daemon=True); a.start(); ready.wait()\n\
         assert told == [100] and os.getpid() == 5000\n\
         subprocess.run([sys.argv[1], 'inspect', '--format', 'json', '5000'], check=True)"
    );
    let mut command = Command::new("unshare");
    command.args(if is_root() { ["-pf", "--mount-proc"] } else { ["-rpf", "--mount-proc"] });
    let ran = run(command.args(["python3", "-c", &script]).arg(program()));
    if ran.status != 0 && ran.err.starts_with("unshare:") || ran.out.starts_with(b"{}") {
        skip_for_want_of("the right to choose numbers in a pid namespace of its own");
        return;
    }
    let document = ran.clean().json();
    let thread = task(&document, 5000, 100).unwrap();
    assert_eq!(document["processes"].as_array().unwrap().len(), 2, "{document}");
    assert_eq!(document["processes"][0].get("tid"), None);
    assert!(thread["descriptors"].as_array().unwrap().iter().any(|shown| shown["fd"] == 60));
}

#[test]
fn the_other_end_in_a_threads_own_table_is_found() {
    let Some((actor, apart, _)) = threads() else { return };
    // A process that has the pipe of the thread, and is asked alone.
    let link = std::fs::read_link(format!("/proc/{apart}/fd/61")).unwrap();
    let ran = run(Command::new(program()).args(["who", "--format", "json", link.to_str().unwrap()]));
    let holders = ran.json()["holders"].as_array().unwrap().clone();
    let places: Vec<_> = holders.iter().map(|holder| (holder["tid"].clone(), holder["fd"].clone())).collect();
    assert_eq!(places, [(json!(apart), json!(60)), (json!(apart), json!(61))], "{holders:?}");
    assert!(holders.iter().all(|holder| holder["pid"] == actor.pid));
}

#[test]
fn all_threads_are_shown_when_they_are_asked_for() {
    let Some((actor, apart, sharing)) = threads() else { return };
    let ran = run(&mut inspect(&["--threads", "--format", "json", &actor.pid.to_string()])).clean();
    let document = ran.json();
    assert!(task(&document, actor.pid, apart).is_some());
    let thread = task(&document, actor.pid, sharing).unwrap();
    let process = &document["processes"][0];
    // It has the process's own descriptors, and nobody shares these with it.
    assert_eq!(thread["descriptors"], process["descriptors"]);
    let stdin = &process["descriptors"][0];
    assert_eq!(stdin["shared_with"], json!([{"pid": actor.pid, "tid": apart, "fd": 0}]));
    let lines = run(&mut inspect(&["--threads", &actor.pid.to_string()])).clean();
    let name = format!("{}/{sharing}", actor.pid);
    assert!(
        lines.text().lines().any(|line| line.split_whitespace().nth(1) == Some(&name)),
        "{}",
        lines.text()
    );
}
