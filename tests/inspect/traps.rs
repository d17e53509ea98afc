//! Where others are led astray: equal numbers of different things, and ends that have moved.

use crate::common::{
    Actor, descriptor, document, installed, may_unshare, nobody, python, run, shell, sockets_of, wait_until,
    within,
};
use crate::told::{alone, called, in_order, network_of, number};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

fn command_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim_end().to_owned()
}

fn peer(pid: i32, fd: i32, access: &str) -> Value {
    json!({"pid": pid, "command": command_of(pid), "fd": fd, "access": access})
}

fn peers(document: &Value, pid: i32, fd: i32) -> Vec<Value> {
    in_order(descriptor(document, pid, fd)["peers"].as_array().unwrap())
}

/// Whether lsof has a descriptor of the process `pid` in its list of what is at the other end of `fd`.
fn lsof_names(pid: i32, fd: i32, other: i32) -> bool {
    let ran = run(Command::new("lsof").args(["-nPw", "+E", "-a", "-d", "0-99", "-p", &pid.to_string()]));
    let text = String::from_utf8_lossy(&ran.out).into_owned();
    let line = text.lines().find(|line| {
        let mut words = line.split_ascii_whitespace();
        let pid = pid.to_string();
        words.nth(1) == Some(&pid)
            && words.nth(1).is_some_and(|word| word.trim_end_matches(char::is_alphabetic) == fd.to_string())
    });
    let line = line.unwrap_or_else(|| panic!("no fd {fd}: {text}"));
    let end = format!(",{other}");
    let mut ends = line.split_ascii_whitespace().filter(|word| word.starts_with(&format!("{pid},")));
    ends.any(|word| word.trim_end_matches(char::is_alphabetic).ends_with(&end))
}

/// A shell in a mount namespace of its own, with `folder` as its working directory.
fn isolated(folder: &Path, script: &str) -> Actor {
    let mut command = within(&["unshare", "-m"], &shell(script));
    Actor::start(command.current_dir(folder))
}

#[test]
fn two_fifos_of_one_inode_number_are_two() {
    if !may_unshare("-m") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = "mkdir a b && mount -t tmpfs a a && mount -t tmpfs b b && mkfifo a/f b/f";
    let actor = isolated(folder.path(), &format!("{mount}\nexec 3<>a/f 4<>b/f"));
    let pid = actor.pid;
    let inode = |fd: i32| fs::metadata(format!("/proc/{pid}/fd/{fd}")).unwrap();
    assert_eq!(inode(3).ino(), inode(4).ino());
    assert_ne!(inode(3).dev(), inode(4).dev());
    let document = document(&[pid]);
    assert_eq!(peers(&document, pid, 3), nobody(&document));
    assert_eq!(peers(&document, pid, 4), nobody(&document));
    if installed("lsof") {
        // It compares the inodes' numbers alone.
        assert!(lsof_names(pid, 3, 4), "lsof is no longer deceived");
    }
}

/// A program with both sides of the terminals 0 of two filesystems, opened by `/dev/ptmx` and by the
/// filesystem's own. Its numbers are told as MASTER SLAVE MASTER SLAVE.
const TWO_TERMINALS: &str = "import os, fcntl\n\
    def made(ptmx, folder):\n\
    \x20   m = os.open(ptmx, os.O_RDWR | os.O_NOCTTY)\n\
    \x20   fcntl.ioctl(m, 0x40045431, b'\\0' * 4)\n\
    \x20   n = int.from_bytes(fcntl.ioctl(m, 0x80045430, b'\\0' * 4), 'little')\n\
    \x20   return m, os.open(f'{folder}/{n}', os.O_RDWR | os.O_NOCTTY)\n";

#[test]
fn terminals_of_two_filesystems_with_one_number_are_two() {
    if !may_unshare("-m") || !installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    // The third is bound over the system's own, where /dev/ptmx looks for its terminals.
    let mount = "mkdir a b c && for i in a b c; do \
        mount -t devpts -o newinstance,ptmxmode=666 none $i || exit; done && mount --bind c /dev/pts";
    let script = format!(
        "{TWO_TERMINALS}os.chdir('{path}')\n\
         assert os.system('{mount}') == 0\n\
         fds = [*made('a/ptmx', 'a'), *made('b/ptmx', 'b'), *made('/dev/pts/ptmx', '/dev/pts'), \
         *made('/dev/ptmx', '/dev/pts')]\nprint(*fds, flush=True)\nimport sys; sys.stdin.read()\n"
    );
    let actor = Actor::start(&mut within(&["unshare", "-m"], &python(&script)));
    let pid = actor.pid;
    let fds: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(fds.len(), 8);
    let number_of = |slave: i32| {
        let link = fs::read_link(format!("/proc/{pid}/fd/{slave}")).unwrap();
        link.file_name().unwrap().to_str().unwrap().to_owned()
    };
    // The point of the test: the same numbers, and so the same device numbers, on three filesystems.
    assert_eq!([1, 3, 5, 7].map(|slave| number_of(fds[slave])), ["0", "0", "0", "1"]);
    let document = document(&[pid]);
    for pair in fds.chunks(2) {
        assert_eq!(peers(&document, pid, pair[0]), [peer(pid, pair[1], "rw")]);
        assert_eq!(peers(&document, pid, pair[1]), [peer(pid, pair[0], "rw")]);
    }
    if installed("lsof") {
        // It goes by the number of the terminal.
        assert!(lsof_names(pid, fds[0], fds[3]), "lsof is no longer deceived");
    }
}

#[test]
fn a_socket_belongs_to_the_namespace_in_which_it_was_made() {
    if !may_unshare("-n") || !installed("ip") || !installed("nsenter") || !installed("python3") {
        return;
    }
    let host = Actor::start(&mut within(&["unshare", "-n"], &shell("ip link set lo up")));
    // Both sides of a connection; one of the two has moved since.
    let script = format!(
        "import socket, ctypes, os\nhome = os.open('/proc/self/ns/net', os.O_RDONLY)\n\
         there = os.open('/proc/{}/ns/net', os.O_RDONLY)\nlibc = ctypes.CDLL(None)\n\
         assert libc.setns(there, 0x40000000) == 0\n\
         s = socket.create_server(('127.0.0.1', 7007))\n\
         c = socket.create_connection(('127.0.0.1', 7007))\nd, _ = s.accept()\n\
         x, y = socket.socketpair()\n\
         assert libc.setns(home, 0x40000000) == 0\nos.close(there); os.close(home)",
        host.pid
    );
    let moved = Actor::start(&mut python(&script));
    let there = network_of(host.pid);
    assert_eq!(network_of(moved.pid), network_of(crate::common::own_pid()));
    let check = || {
        let document = document(&[moved.pid]);
        let [listening, client, server, one, other] = sockets_of(moved.pid)[..] else { panic!() };
        for fd in [listening, client, server, one, other] {
            let facts = &descriptor(&document, moved.pid, fd)["facts"];
            assert_eq!(facts["netns"], there, "{facts}");
        }
        let facts = |fd: i32| descriptor(&document, moved.pid, fd)["facts"].clone();
        assert_eq!(facts(listening)["local"], "127.0.0.1:7007");
        assert_eq!(facts(listening)["state"], "LISTEN");
        assert_eq!(facts(client)["remote"], "127.0.0.1:7007");
        assert_eq!(facts(server)["remote"], facts(client)["local"]);
        for (near, far) in [(client, server), (server, client), (one, other), (other, one)] {
            assert_eq!(peers(&document, moved.pid, near), [peer(moved.pid, far, "rw")]);
        }
        if installed("lsof") {
            let pid = moved.pid.to_string();
            let numbers = format!("{listening},{client},{server}");
            let ran = run(Command::new("lsof").args(["-nPw", "-a", "-F", "n", "-d", &numbers, "-p", &pid]));
            // It looks in its own namespace, where there are no such sockets.
            let names = ran.text().lines().filter(|line| *line == "nprotocol: TCP");
            assert_eq!(names.count(), 3, "{}", ran.text());
        }
    };
    check();
    // Then nobody lives in that namespace, and only the sockets still keep it.
    drop(host);
    check();
}

#[test]
fn a_file_watched_by_a_number_that_is_anothers_is_not_that_other() {
    let Some((actor, report)) = alone(&[]) else { return };
    let document = document(&[actor.pid]);
    let watches = &descriptor(&document, actor.pid, number(&called(&report, "an epoll instance")["fd"]))["facts"]
        ["tfd"];
    let means = |fd: &Value| {
        let watch = watches.as_array().unwrap().iter().find(|watch| watch["fd"] == *fd);
        watch.unwrap_or_else(|| panic!("{fd}: {watches}"))["means"].clone()
    };
    assert_eq!(means(&called(&report, "a number that was another file's")["fd"]), "stale");
    // Here inode and device are the same, and only kcmp(2) can tell.
    assert_eq!(means(&called(&report, "an eventfd by another's number")["fd"]), "stale");
    assert_eq!(means(&called(&report, "an eventfd")["fd"]), "current");
    // A child has the numbers and the epoll instance, whose files are still the same.
    let forked = "import os, select\nr, w = os.pipe()\ne = select.epoll()\ne.register(r, select.EPOLLIN)\n\
        stop = os.pipe()\npid = os.fork()\n\
        if pid == 0:\n    os.close(r); os.close(w); os.close(stop[1]); os.read(stop[0], 1); os._exit(0)\n\
        os.close(stop[0])\nprint(pid, e.fileno(), r, flush=True)\nimport sys; sys.stdin.read()\n";
    if !installed("python3") {
        return;
    }
    let parent = Actor::start(&mut python(forked));
    let [child, epoll, reader] =
        parent.line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<i32>>()[..]
    else {
        panic!()
    };
    wait_until("child without the pipe", || !Path::new(&format!("/proc/{child}/fd/{reader}")).exists());
    let document = crate::common::document(&[parent.pid, child]);
    let watch = |pid: i32| descriptor(&document, pid, epoll)["facts"]["tfd"][0].clone();
    assert_eq!((&watch(parent.pid)["fd"], &watch(parent.pid)["means"]), (&json!(reader), &json!("current")));
    assert_eq!((&watch(child)["fd"], &watch(child)["means"]), (&json!(reader), &json!("stale")));
}

#[test]
fn every_process_that_has_inherited_an_end_is_named() {
    if !installed("python3") {
        return;
    }
    // Three processes with all of it, but for the reader of the pipe and one socket: the first has these.
    let script = "import os, socket, sys\nr, w = os.pipe()\na, b = socket.socketpair()\n\
        s = socket.create_server(('127.0.0.1', 0))\nc = socket.create_connection(s.getsockname())\n\
        d, _ = s.accept()\nstop = os.pipe()\npids = []\n\
        for i in range(2):\n    pid = os.fork()\n    if pid == 0:\n\
        \x20       os.close(r); a.close(); c.close(); os.close(stop[1])\n        os.read(stop[0], 1); os._exit(0)\n\
        \x20   pids.append(pid)\nos.close(stop[0])\n\
        print(*pids, r, w, a.fileno(), b.fileno(), c.fileno(), d.fileno(), flush=True)\nsys.stdin.read()\n";
    let first = Actor::start(&mut python(script));
    let told: Vec<i32> = first.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let (children, fds) = told.split_at(2);
    for child in children {
        wait_until("child without the other ends", || {
            [0, 2, 4].iter().all(|&index| !Path::new(&format!("/proc/{child}/fd/{}", fds[index])).exists())
        });
    }
    let holders = [first.pid, children[0], children[1]];
    let expected = |fd: i32, access: &str| {
        in_order(&holders.iter().map(|&pid| peer(pid, fd, access)).collect::<Vec<_>>())
    };
    // Found by the search in all processes, and among those that are shown.
    for shown in [vec![first.pid], holders.to_vec()] {
        let document = document(&shown);
        assert_eq!(peers(&document, first.pid, fds[0]), expected(fds[1], "w"));
        assert_eq!(peers(&document, first.pid, fds[2]), expected(fds[3], "rw"));
        assert_eq!(peers(&document, first.pid, fds[4]), expected(fds[5], "rw"));
    }
    for child in children {
        let document = document(&[*child]);
        for (near, far, access) in [(fds[1], fds[0], "r"), (fds[3], fds[2], "rw"), (fds[5], fds[4], "rw")] {
            assert_eq!(peers(&document, *child, near), [peer(first.pid, far, access)]);
        }
    }
    // Nobody is left of whom no process waits.
    drop(first);
    wait_until("end of the children", || {
        children.iter().all(|&child| nix::sys::signal::kill(Pid::from_raw(child), None).is_err())
    });
}

/// A server and its clients in processes of their own: each client is at the server's other end, and it
/// at theirs.
fn a_server_of(server: &str, client: &str, count: usize, waiting: bool) {
    if !installed("python3") {
        return;
    }
    let server = Actor::start(&mut python(server));
    let address = {
        let document = document(&[server.pid]);
        descriptor(&document, server.pid, sockets_of(server.pid)[0])["facts"]["local"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let connect = client.replace("ADDRESS", &address).replace("PORT", address.rsplit(':').next().unwrap());
    let clients: Vec<Actor> = (0..count).map(|_| Actor::start(&mut python(&connect))).collect();
    let fd = |actor: &Actor| sockets_of(actor.pid)[0];
    let peer = |pid: i32, fd: i32| {
        let mut peer = peer(pid, fd, "rw");
        if waiting {
            peer["backlog"] = true.into();
        }
        peer
    };
    let mut all = vec![server.pid];
    all.extend(clients.iter().map(|client| client.pid));
    let expected = in_order(&clients.iter().map(|client| peer(client.pid, fd(client))).collect::<Vec<_>>());
    for shown in [vec![server.pid], all] {
        assert_eq!(peers(&document(&shown), server.pid, fd(&server)), expected);
    }
    for client in &clients {
        let document = document(&[client.pid]);
        assert_eq!(peers(&document, client.pid, fd(client)), [peer(server.pid, fd(&server))]);
    }
}

#[test]
fn a_server_of_datagrams_has_every_connected_client_at_its_other_end() {
    let server =
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('127.0.0.1', 0))";
    let client =
        "import socket\nc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nc.connect(('127.0.0.1', PORT))";
    a_server_of(server, client, 2, false);
}

#[test]
fn a_log_has_all_who_write_to_it_at_its_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let server = format!(
        "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind('{}')",
        path.display()
    );
    let client = "import socket\nc = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nc.connect('ADDRESS')";
    a_server_of(&server, client, 3, false);
}

#[test]
fn a_server_has_those_whom_it_has_not_accepted_at_its_other_end() {
    let server = "import socket\ns = socket.create_server(('127.0.0.1', 0))";
    let client = "import socket\nc = socket.create_connection(('127.0.0.1', PORT))";
    a_server_of(server, client, 2, true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server");
    let server =
        format!("import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('{}')\ns.listen()", path.display());
    a_server_of(&server, "import socket\nc = socket.socket(socket.AF_UNIX)\nc.connect('ADDRESS')", 2, true);
}

#[test]
fn an_other_end_that_is_open_for_neither_has_no_access_either() {
    if !installed("python3") {
        return;
    }
    // open(2) with access mode 3 is for ioctl(2) alone, which a terminal allows.
    let script = "import os\nmaster, slave = os.openpty()\nneither = os.open(os.ttyname(slave), 3)\n\
        print(master, neither, flush=True)";
    let actor = Actor::start(&mut python(script));
    let numbers: Vec<i32> = actor.line.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let document = document(&[actor.pid]);
    let peers = descriptor(&document, actor.pid, numbers[0])["peers"].as_array().unwrap();
    let peer = peers.iter().find(|peer| peer["fd"] == numbers[1]).unwrap();
    assert_eq!(peer["access"], Value::Null, "{peer}");
    assert_eq!(descriptor(&document, actor.pid, numbers[1])["access"], Value::Null);
}
