//! Where sock_diag(7) may not be asked, the tables under /proc/net are read: what they tell is shown all
//! the same, and what they do not tell is said to be unknown.

use crate::common::{inspect, installed, run, within};
use crate::told::{alone, called, network_of, number, told};
use serde_json::{Value, json};
use std::process::Command;

/// Runs a program under a seccomp filter (seccomp(2)) that answers socket(AF_NETLINK) with EPERM.
#[cfg(target_arch = "x86_64")]
const WITHOUT_NETLINK: &str = "
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
def instruction(code, true, false, k): return struct.pack('HBBI', code, true, false, k)
# Load the call's number; is it socket (41)? Load its first argument; is that AF_NETLINK (16)? then EPERM.
program = (instruction(0x20, 0, 0, 0) + instruction(0x15, 0, 3, 41)
           + instruction(0x20, 0, 0, 16) + instruction(0x15, 0, 1, 16)
           + instruction(0x06, 0, 0, 0x00050001) + instruction(0x06, 0, 0, 0x7fff0000))
text = ctypes.create_string_buffer(program)
class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(6, ctypes.addressof(text)))) == 0
os.execvp(sys.argv[1], sys.argv[1:])
";

#[cfg(target_arch = "x86_64")]
fn without_netlink(arguments: &[&str]) -> Command {
    let mut command = within(&["python3", "-c", WITHOUT_NETLINK], &inspect(arguments));
    crate::common::plain(&mut command);
    command
}

/// Its descriptors, and what was not read.
fn descriptors(document: &Value) -> (&[Value], &[Value]) {
    let process = &document["processes"][0];
    (process["descriptors"].as_array().unwrap(), document["gaps"].as_array().unwrap())
}

#[cfg(target_arch = "x86_64")]
#[test]
fn without_sock_diag_the_tables_under_proc_net_are_shown() {
    let Some((actor, _)) = alone(&[]) else { return };
    if !installed("python3") {
        return;
    }
    let pid = actor.pid.to_string();
    let arguments = ["--format", "json", "--tcp-info", &pid];
    let by_diag = run(&mut inspect(&arguments)).json();
    let by_table = run(&mut without_netlink(&arguments)).json();
    let (by_diag, _) = descriptors(&by_diag);
    let (by_table, gaps) = descriptors(&by_table);
    assert_eq!(by_diag.len(), by_table.len());
    let mut compared = 0;
    for (diag, table) in by_diag.iter().zip(by_table) {
        for key in ["fd", "kind", "access", "ino", "flags", "cloexec"] {
            assert_eq!(diag[key], table[key], "{key}: {table}");
        }
        // A table leaves out the queues of a listening unix socket and much else, but never differs.
        for (key, value) in table["facts"].as_object().unwrap() {
            // What a timer has left is less each time.
            if key == "it_value" {
                continue;
            }
            let told = diag["facts"].get(key);
            // In a name it writes NUL as `@`, and does not tell which of the two it was (unix(7)).
            if diag["kind"] == "unix" && key == "local" {
                let told = told.unwrap().as_str().unwrap().replace('\0', "@");
                assert_eq!(value.as_str().unwrap(), told, "{table}");
            } else {
                assert_eq!(told, Some(value), "{key}: {diag}");
            }
            compared += 1;
        }
        match diag["kind"].as_str().unwrap() {
            "unix" => assert_eq!(
                table["peers"],
                json!([{"unknown": {"call": "socket", "error": "EPERM"}}]),
                "{table}"
            ),
            _ => assert_eq!(diag["peers"], table["peers"], "{table}"),
        }
    }
    assert!(compared > 300, "{compared}");
    // Who is connected with whom by TCP and UDP is in the tables, the backlog included.
    let with_peers = by_table.iter().filter(|row| row["kind"] == "tcp" || row["kind"] == "udp");
    let with_peers = with_peers.filter(|row| row["peers"].as_array().is_some_and(|peers| !peers.is_empty()));
    assert!(with_peers.count() > 10);
    for list in ["unix", "tcp"] {
        let gap = json!({"pid": actor.pid, "what": format!("sock_diag {list}"), "call": "socket", "error": "EPERM"});
        assert!(gaps.contains(&gap), "{gap}: {gaps:?}");
    }
    let strict = ["--strict", &pid];
    assert_eq!(run(&mut without_netlink(&strict)).status, 3);
}

/// The namespace of another process may be looked into, but not entered, without CAP_SYS_ADMIN.
#[test]
fn a_namespace_that_may_not_be_entered_is_read_through_proc() {
    let Some((actor, report)) = alone(&[]) else { return };
    if !installed("setpriv") {
        return;
    }
    let pid = actor.pid.to_string();
    let mut command = within(
        &["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"],
        &inspect(&["--format", "json", &pid]),
    );
    crate::common::plain(&mut command);
    let document = run(&mut command).json();
    let (rows, gaps) = descriptors(&document);
    assert!(gaps.iter().any(|gap| gap["what"] == "sock_diag unix" && gap["call"] == "setns"), "{gaps:?}");
    let mut seen = 0;
    for told in told(&report).iter().filter(|told| told["kind"] == "tcp" && told.get("remote").is_some()) {
        let row = rows.iter().find(|row| row["fd"] == told["fd"]).unwrap();
        assert_eq!(row["facts"]["local"], told["local"]);
        assert_eq!(row["facts"]["remote"], told["remote"]);
        assert_eq!(row["facts"]["netns"], network_of(actor.pid));
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
    let listener = called(&report, "a local server");
    let fd = number(&listener["fd"]);
    let row = rows.iter().find(|row| row["fd"] == fd).unwrap();
    assert_eq!(row["peers"], json!([{"unknown": {"call": "setns", "error": "EPERM"}}]));
}
