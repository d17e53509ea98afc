//! How a holder came to what it holds.

use crate::common::{Actor, installed, python, run};
use crate::{found, holders, who};
use serde_json::{Value, json};

/// The holder `pid` of a document.
fn holder(document: &Value, pid: i32) -> &Value {
    let holders = document["holders"].as_array().unwrap();
    holders.iter().find(|holder| holder["pid"] == pid).unwrap_or_else(|| panic!("no {pid}: {document}"))
}

/// A server that forks a child, which forks another; the first gives its copy up where `closes` says so, and
/// the last opens the file `again` by itself.
fn family(closes: bool) -> (Actor, Vec<i32>, String) {
    let script = format!(
        "import os, socket, sys\ns = socket.create_server(('127.0.0.1', 0))\nr, w = os.pipe()\na, b = os.pipe()\n\
         child = os.fork()\n\
         if child == 0:\n\
         \x20   grandchild = os.fork()\n\
         \x20   if grandchild == 0:\n\
         \x20       n = os.dup2(s.fileno(), 50); os.close(s.fileno()); os.write(b, b'x')\n\
         \x20       os.close(w); os.read(r, 1); os._exit(0)\n\
         \x20   {}os.close(s.fileno())\n\
         \x20   os.write(b, str(grandchild).encode() + b'\\n'); os.close(w); os.read(r, 1); os._exit(0)\n\
         os.close(r); text = b''\n\
         while b'\\n' not in text or b'x' not in text: text += os.read(a, 99)\n\
         print(child, text.replace(b'x', b'').decode().strip(), s.fileno(), s.getsockname()[1], flush=True)\n\
         sys.stdin.read(); s.close()\n",
        if closes { "" } else { "0 and " }
    );
    let actor = Actor::start(&mut python(&script));
    let words: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [child, grandchild, fd, port] = words[..] else { panic!("{}", actor.line) };
    let pid = actor.pid;
    (actor, vec![pid, child, grandchild, fd], format!(":{port}"))
}

#[test]
fn a_copy_is_from_the_nearest_process_above_that_has_it() {
    if !installed("python3") {
        return;
    }
    let (_actor, numbers, port) = family(false);
    let [server, child, grandchild, fd] = numbers[..] else { panic!() };
    let document = found(&[&port]);
    assert_eq!(holders(&document).len(), 3, "{document}");
    assert_eq!(holder(&document, server)["inherited_from"], Value::Null);
    let from = |pid: i32| json!({"pid": pid, "command": "python3", "fd": fd});
    assert_eq!(holder(&document, child)["inherited_from"], from(server));
    assert_eq!(holder(&document, grandchild)["inherited_from"], from(child));
    assert_eq!(holder(&document, grandchild)["fd"], 50);
}

#[test]
fn a_copy_leads_past_a_parent_that_has_given_its_own_up() {
    if !installed("python3") {
        return;
    }
    let (_actor, numbers, port) = family(true);
    let [server, _child, grandchild, fd] = numbers[..] else { panic!() };
    let document = found(&[&port]);
    assert_eq!(holders(&document).len(), 2, "{document}");
    let from = json!({"pid": server, "command": "python3", "fd": fd});
    assert_eq!(holder(&document, grandchild)["inherited_from"], from);
}

#[test]
fn what_a_child_has_opened_itself_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "").unwrap();
    let script = format!(
        "exec 3<'{0}'\n(exec 3<&- 4<'{0}' sleep 1000) & echo $!\ntrap 'kill $!' EXIT",
        path.display()
    );
    let actor = Actor::shell(&script);
    let pid: i32 = actor.line.trim().parse().unwrap_or_else(|_| panic!("{}", actor.line));
    crate::common::wait_until("child with a file of its own", || {
        std::path::Path::new(&format!("/proc/{pid}/fd/4")).exists()
            && !std::path::Path::new(&format!("/proc/{pid}/fd/3")).exists()
    });
    let document = found(&[path.to_str().unwrap()]);
    assert_eq!(holders(&document).len(), 2, "{document}");
    assert_eq!(holder(&document, pid)["inherited_from"], Value::Null);
    assert_eq!(holder(&document, pid)["identity"], "proven");
}

#[test]
fn a_table_tells_the_same_without_comparing_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "").unwrap();
    let path = path.to_str().unwrap();
    // One copy, one opened anew, and one by a process that has nothing to do with them.
    let script = format!("exec 3<'{path}'\n(exec 4<'{path}' sleep 1000) & echo $!\ntrap 'kill $!' EXIT");
    let parent = Actor::shell(&script);
    let child: i32 = parent.line.trim().parse().unwrap_or_else(|_| panic!("{}", parent.line));
    let stranger = Actor::shell(&format!("exec 3<'{path}'"));
    crate::common::wait_until("the child's own descriptor", || {
        std::fs::read(format!("/proc/{child}/comm")).is_ok_and(|comm| comm == b"sleep\n")
    });
    let ran = run(&mut who(&[path]));
    let rows: Vec<Vec<&str>> = ran.text().lines().map(|line| line.split_whitespace().collect()).collect();
    let from = |pid: i32, fd: &str| -> String {
        let pid = pid.to_string();
        let row = rows.iter().find(|row| row[1] == pid && row[3] == fd);
        let row = row.unwrap_or_else(|| panic!("no fd {fd} of {pid}: {}", ran.text()));
        row[7..].join(" ")
    };
    assert_eq!(rows.len(), 5, "{}", ran.text());
    assert_eq!(from(child, "3"), format!("sh[{}] fd 3", parent.pid));
    for (pid, fd) in [(parent.pid, "3"), (child, "4"), (stranger.pid, "3")] {
        assert_eq!(from(pid, fd), "-", "{pid} {fd}");
    }
}
