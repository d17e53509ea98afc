//! What an ordinary user is shown, and what that is not.

use crate::common::{
    Actor, descriptor, every_kind, installed, is_root, plain, program, python, run, skip_for_want_of, within,
};
use crate::told::{check_facts, in_order, number, told};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// The programs where everybody may run them.
struct Anybodys {
    folder: TempDir,
}

impl Anybodys {
    fn new() -> Option<Self> {
        if !is_root() || !installed("setpriv") {
            skip_for_want_of("the right to be another user");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(program(), folder.path().join("ganariya-fd")).unwrap();
        fs::copy(every_kind().get_program(), folder.path().join("every_kind")).unwrap();
        Some(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The fixture, as nobody.
    fn fixture(&self) -> (Actor, Value) {
        // Its temporary directory is made where nobody may.
        let mut command = within(&NOBODY, &Command::new(self.path("every_kind")));
        let actor = Actor::start(command.env("TMPDIR", "/tmp"));
        let report = serde_json::from_str(&actor.line).unwrap();
        (actor, report)
    }

    /// What nobody is shown of these.
    fn document(&self, pids: &[i32]) -> Value {
        let mut inner = Command::new(self.path("ganariya-fd"));
        inner.args(["inspect", "--format", "json"]).args(pids.iter().map(i32::to_string));
        let mut command = within(&NOBODY, &inner);
        plain(&mut command);
        run(&mut command).json()
    }
}

#[test]
fn a_users_own_sockets_are_shown_with_all_that_the_user_may_see() {
    let Some(programs) = Anybodys::new() else { return };
    let (actor, report) = programs.fixture();
    let document = programs.document(&[actor.pid]);
    let kinds = ["tcp", "udp", "udplite", "icmp", "unix", "netlink"];
    let mut seen = 0;
    for told in told(&report).iter().filter(|told| kinds.iter().any(|kind| told["kind"] == *kind)) {
        let shown = descriptor(&document, actor.pid, number(&told["fd"]));
        let gap = format!("fd {}", told["fd"]);
        let gaps = document["gaps"].as_array().unwrap();
        if gaps.iter().any(|found| found["pid"] == actor.pid && found["what"] == *gap) {
            // In no table, so that its namespace would have to be asked of it: for that root is needed.
            let addresses = ["local", "remote", "port"].map(|key| told.get(key));
            assert_eq!(addresses, [None; 3], "{}: {shown}", told["what"]);
        } else if shown["facts"].get("netns").is_none() {
            // In no table, and bound to nothing: it tells its state itself, and its namespace to root alone.
            assert_eq!(told.get("local"), None, "{shown}");
            assert_eq!(shown["facts"].get("state"), told.get("state"), "{shown}");
        } else {
            check_facts(actor.pid, told, shown, &document["gaps"]);
        }
        let expected = |key: &str| told[key].as_array().unwrap().clone();
        for fd in expected("peers").iter().chain(&expected("backlog_peers")) {
            let peers = shown["peers"].as_array().unwrap();
            let found = peers.iter().any(|peer| peer["pid"] == actor.pid && peer["fd"] == *fd);
            assert!(found, "{}: {shown}", told["what"]);
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn an_other_end_in_a_table_that_may_not_be_read_is_unknown() {
    let Some(programs) = Anybodys::new() else { return };
    if !installed("python3") {
        return;
    }
    // Held by root, who has the other end of all of these.
    let theirs = "import socket, os\nr, w = os.pipe()\na, b = socket.socketpair()\n\
        s = socket.create_server(('127.0.0.1', 0))\nc = socket.create_connection(s.getsockname())\n\
        d, _ = s.accept()\nos.set_inheritable(w, True)\nos.set_inheritable(b.fileno(), True)\n\
        os.set_inheritable(d.fileno(), True)\n\
        import subprocess\n\
        p = subprocess.Popen(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c',\n\
        'echo $$; exec sleep infinity'], close_fds=False, stdout=subprocess.PIPE)\n\
        pid = p.stdout.readline().decode().strip()\n\
        fds = [w, b.fileno(), d.fileno()]\nkeep = b, d\nos.close(w); b.close(); d.close()\n\
        print(pid, *fds, r, a.fileno(), c.fileno(), flush=True)\nimport sys; sys.stdin.read(); p.kill()\n";
    let holder = Actor::start(&mut python(theirs));
    let numbers: Vec<i32> = holder.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [pid, ref rest @ ..] = numbers[..] else { panic!() };
    // Its exec is done, so that it is nobody's to look at.
    crate::common::wait_until("sleep", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
    });
    let as_nobody = programs.document(&[pid]);
    let as_root = crate::common::document(&[pid]);
    for index in 0..3 {
        let (near, far) = (rest[index], rest[index + 3]);
        let peers = &descriptor(&as_root, pid, near)["peers"];
        assert_eq!(in_order(peers.as_array().unwrap())[0]["pid"], holder.pid, "{peers}");
        assert_eq!(peers[0]["fd"], far, "{peers}");
        let peers = descriptor(&as_nobody, pid, near)["peers"].as_array().unwrap();
        assert!(peers.iter().any(|peer| peer.get("unknown").is_some()), "fd {near}: {peers:?}");
        assert!(peers.iter().all(|peer| peer["pid"] != holder.pid), "fd {near}: {peers:?}");
    }
    assert_ne!(as_nobody["gaps"], json!([]));
}
