//! The field output of lsof, beside the real one: line by line on the same processes, which wait. Where the two
//! differ, the reason is one of [`REASONS`].

use crate::common::{
    Actor, Ran, fixture, inspect, installed, is_root, may_unshare, python, run, shell, within,
};
use std::collections::BTreeSet;
use std::process::Command;

/// The lines of one process or of one file.
type Set = Vec<String>;

/// Takes the output apart at each `p` and `f`.
fn sets(ran: &Ran) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for line in String::from_utf8_lossy(&ran.out).lines() {
        if line.starts_with(['p', 'f']) {
            sets.push(Set::new());
        }
        sets.last_mut().expect("it begins with a process").push(line.to_owned());
    }
    sets
}

/// What both have of a process in a locale; nothing where there is no lsof.
fn both(pid: i32, locale: &str) -> Option<(Vec<Set>, Vec<Set>)> {
    if !installed("lsof") {
        return None;
    }
    let pid = pid.to_string();
    let theirs = run(Command::new("lsof").args(["-nPw", "-F", "-p", &pid]).env("LC_ALL", locale));
    let ours = run(inspect(&["--format", "lsof", &pid]).env("LC_ALL", locale));
    assert_eq!(ours.status, 0, "{}", ours.err);
    Some((sets(&theirs), sets(&ours)))
}

/// The value of a field of a set.
fn field(set: &Set, letter: char) -> Option<&str> {
    set.iter().find_map(|line| line.strip_prefix(letter))
}

/// The set without some of its fields.
fn without(set: &Set, letters: &str) -> Set {
    set.iter().filter(|line| !line.starts_with(|first| letters.contains(first))).cloned().collect()
}

/// Whether `theirs` and `ours` may differ for a reason.
type Test = fn(&Set, &Set) -> bool;

/// All that may differ, with why.
const REASONS: [(&str, Test); 8] = [
    ("kernel address: lsof has it of unix sockets, from a list that this does not read", |theirs, ours| {
        field(theirs, 't') == Some("unix")
            && field(theirs, 'd').is_some_and(|address| address.starts_with("0x"))
            && without(theirs, "d") == *ours
    }),
    (
        "defect: lsof counts the parentheses of a command's name, and reads what follows from the wrong place",
        {
            |theirs, ours| {
                let name = |set| field(set, 'c').unwrap_or_default().to_owned();
                theirs[0].starts_with('p')
                    && name(ours).contains(')')
                    && name(ours).starts_with(&name(theirs))
                    && without(theirs, "gRc") == without(ours, "gRc")
            }
        },
    ),
    ("defect: lsof looks for a mapped file by the name in maps, where a newline is \\012", |theirs, ours| {
        let name = field(theirs, 'n').unwrap_or_default().replace("\\\\012", "\\n");
        theirs[0] == "fmem"
            && field(ours, 'n') == Some(&name)
            && field(theirs, 's').is_none()
            && without(theirs, "n") == without(ours, "nsk")
    }),
    (
        "choice: a lock is held through an open file description, and lsof marks all of the process's of the file",
        {
            |theirs, ours| {
                field(theirs, 'l') != field(ours, 'l') && without(theirs, "l") == without(ours, "l")
            }
        },
    ),
    ("lsof knows sockets by the lists of its own namespace, which have none that is only bound", {
        |theirs, ours| {
            field(theirs, 't') == Some("sock")
                && field(theirs, 'n').is_some_and(|name| name.starts_with("protocol: "))
                && field(ours, 't').is_some_and(|word| word.starts_with("IPv"))
                && field(theirs, 'i') == field(ours, 'd')
                && without(theirs, "tDin") == without(ours, "tdPnT")
        }
    }),
    ("defect: lsof reads the name of a unix socket up to a blank, a colon or a newline", |theirs, ours| {
        let name =
            |set| field(set, 'n').unwrap_or_default().rsplit_once("type=").unwrap().0.trim_end().to_owned();
        field(theirs, 't') == Some("unix")
            && name(ours).strip_prefix(&name(theirs)).is_some_and(|rest| rest.starts_with([' ', ':', '\\']))
            && without(theirs, "dn") == without(ours, "n")
    }),
    ("defect: the queues that lsof has of MPTCP are those of its first connection", |theirs, ours| {
        field(theirs, 'P') == Some("TCP")
            && field(ours, 'T').is_some()
            && !ours.iter().any(|line| line.starts_with("TQR"))
            && *ours == theirs.iter().filter(|line| !line.starts_with("TQ")).cloned().collect::<Set>()
    }),
    ("lsof knows message queues by their filesystem, and only where that is mounted", |theirs, ours| {
        field(theirs, 't') == Some("REG")
            && field(ours, 't') == Some("PSXMQ")
            && without(theirs, "t") == without(ours, "t")
    }),
];

/// Compares both, and gives the numbers of the reasons that it took.
fn compare(theirs: &[Set], ours: &[Set]) -> BTreeSet<usize> {
    let heads = |sets: &[Set]| -> Vec<String> { sets.iter().map(|set| set[0].clone()).collect() };
    assert_eq!(heads(theirs), heads(ours));
    let mut taken = BTreeSet::new();
    for (theirs, ours) in theirs.iter().zip(ours).filter(|(theirs, ours)| theirs != ours) {
        let reason = REASONS.iter().position(|(_, test)| test(theirs, ours));
        taken.insert(reason.unwrap_or_else(|| panic!("no reason: {theirs:#?} {ours:#?}")));
    }
    taken
}

#[test]
fn every_field_of_every_kind_is_that_of_lsof() {
    let (actor, _) = fixture();
    let Some((theirs, ours)) = both(actor.pid, "C") else { return };
    assert!(ours.len() > 100, "{ours:?}");
    let taken = compare(&theirs, &ours);
    assert!(taken.contains(&0), "{taken:?}");
    // What it is called in the file system is in all of it: nothing is left out, and nothing added.
    assert!(taken.iter().all(|&reason| [0, 3, 4, 5, 6, 7].contains(&reason)), "{taken:?}");
}

/// A process whose files, mapped files, locks and sockets are called what no script expects. Its own name is
/// UTF-8: other tests read at the same moment what ss says of all processes.
fn hostile(folder: &std::path::Path) -> Actor {
    let script = r"
import os, mmap, socket, fcntl, select
open('/proc/self/comm', 'wb').write(b'a b\\c\n\x1b\xe6\x97\xa5)(')
for name in [b'tab\t nl\n cr\r bs\x08 ff\x0c vt\x0b esc\x1b del\x7f', b'back\\slash', '日本.txt'.encode(),
             b'raw\xff\xc3', b'c1\xc2\x9b', b' blanks ', b'x (deleted)']:
    os.open(name, os.O_RDWR | os.O_CREAT)
maps = []
for name in ['gone', 'new\nline', 'a :b', 'made again']:
    f = os.open(name, os.O_RDWR | os.O_CREAT); os.write(f, b'x' * 5000); maps.append(mmap.mmap(f, 5000))
maps.append(mmap.mmap(-1, 4096))
os.unlink('gone'); os.unlink('made again'); open('made again', 'w').close()
f = os.open('whole', os.O_RDWR | os.O_CREAT); fcntl.lockf(f, fcntl.LOCK_EX); os.open('whole', os.O_PATH)
f = os.open('part', os.O_RDWR | os.O_CREAT); fcntl.lockf(f, fcntl.LOCK_SH, 10, 5)
f = os.open('flock', os.O_RDWR | os.O_CREAT); fcntl.flock(f, fcntl.LOCK_EX); os.dup(f)
f = os.open('removed', os.O_RDWR | os.O_CREAT); os.link('removed', 'kept'); os.unlink('removed')
os.open('.', os.O_PATH); os.symlink('part', 'link'); os.open('link', os.O_PATH | os.O_NOFOLLOW)
os.mkfifo('fifo'); os.open('fifo', os.O_RDWR)
sockets = [socket.socket(), socket.socket(), socket.socket(socket.AF_INET6), socket.socket(),
           socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
sockets[0].bind(('0.0.0.0', 0)); sockets[0].listen(7)
sockets[2].bind(('::', 0)); sockets[2].listen(7)
sockets[3].bind(('0.0.0.0', 0))
sockets[4].bind(('0.0.0.0', 0))
client = socket.create_connection(sockets[0].getsockname()); server = sockets[0].accept()[0]; client.send(b'abc')
unix = [socket.socket(socket.AF_UNIX, kind) for kind in (1, 2, 5)]
unix[0].bind('so ck:a\nb'); unix[0].listen(5); unix[1].bind(b'\0abs\0tr')
epoll = select.epoll()
for _ in range(40): epoll.register(os.eventfd(0))
os.pidfd_open(os.getpid()); os.memfd_create('a (deleted)'); os.memfd_create('x\ny')
os.open('/proc/self/ns/net', os.O_RDONLY); os.open('/dev/zero', os.O_RDONLY)
";
    Actor::start(python(script).current_dir(folder))
}

#[test]
fn hostile_names_are_told_as_lsof_tells_them() {
    if !installed("python3") || !installed("lsof") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let actor = hostile(folder.path());
    let Some((theirs, ours)) = both(actor.pid, "C") else { return };
    assert_eq!(compare(&theirs, &ours), BTreeSet::from([0, 1, 2, 3, 4, 5]));
    let names: Vec<&str> = ours.iter().filter_map(|set| field(set, 'n')).collect();
    let has = |end: &str| assert!(names.iter().any(|name| name.ends_with(end)), "{end}: {names:#?}");
    has(r"/tab\t nl\n cr\r bs\b ff\f vt^K esc^[ del\x7f");
    has(r"/\xe6\x97\xa5\xe6\x9c\xac.txt");
    has("/x (deleted)");
    has("/memfd:a (deleted) (deleted)");
    has("so ck:a\\nb type=STREAM");
    let deleted: Vec<_> = ours.iter().filter(|set| set[0] == "fDEL").collect();
    assert_eq!(deleted.len(), 3, "{ours:?}");
    assert!(ours.iter().all(|set| set.iter().all(|line| line.is_ascii())));
    // In a locale of UTF-8 both have the characters themselves.
    let Some((theirs, ours)) = both(actor.pid, "C.UTF-8") else { return };
    let [shown, theirs] =
        [&ours, &theirs].map(|sets| sets.iter().filter_map(|set| field(set, 'n')).collect::<Vec<_>>());
    assert!(shown.iter().any(|name| name.ends_with("/日本.txt")), "{shown:?}");
    assert!(theirs.iter().any(|name| name.ends_with("/日本.txt")), "{theirs:?}");
}

#[test]
fn sockets_of_another_namespace_have_their_addresses() {
    if !may_unshare("-n") || !installed("python3") {
        return;
    }
    let script = "import socket\ns = socket.socket(); s.bind(('0.0.0.0', 4711)); s.listen()";
    let actor = Actor::start(&mut within(&["unshare", "-n"], &python(script)));
    let Some((theirs, ours)) = both(actor.pid, "C") else { return };
    assert_eq!(compare(&theirs, &ours), BTreeSet::from([4]));
    let server = ours.iter().find(|set| field(set, 'P') == Some("TCP")).unwrap();
    assert_eq!(field(server, 'n'), Some("*:4711"));
    assert!(["TST=LISTEN", "TQR=0", "TQS=0"].iter().all(|line| server.iter().any(|field| field == line)));
}

/// Of ping, lsof looks into the list of its own namespace: so it runs in the one of the process.
#[test]
fn ping_sockets_are_those_of_lsof() {
    if !may_unshare("-n") || !installed("python3") || !installed("lsof") || !installed("nsenter") {
        return;
    }
    let script = "import socket\nopen('/proc/sys/net/ipv4/ping_group_range', 'w').write('0 2000')\n\
        a = socket.socket(2, 2, 1); a.bind(('0.0.0.0', 7)); b = socket.socket(10, 2, 58)";
    let actor = Actor::start(&mut within(&["unshare", "-n"], &python(script)));
    let pid = actor.pid.to_string();
    let inside = ["nsenter", "-n", "-t", &pid, "lsof", "-nPw", "-F", "-p", &pid];
    let theirs = run(Command::new(inside[0]).args(&inside[1..]).env("LC_ALL", "C"));
    let ours = run(inspect(&["--format", "lsof", &pid]).env("LC_ALL", "C"));
    assert_eq!(sets(&ours), sets(&theirs));
    assert!(ours.text().contains("ticmp\n") && ours.text().contains("n00000000:0007->00000000:0000\n"));
}

/// The words that lsof has for protocols of Ethernet, which are not always those of the kernel.
#[test]
fn protocols_of_packet_sockets_have_the_words_of_lsof() {
    if !is_root() || !installed("python3") || !installed("lsof") {
        return;
    }
    let script = "import socket, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))\n\
        known = [0x200, 0x201, 0x8100, 0x8137, 0x86dd, 0x8809, 0x883e, 0x8847, 0x8848, 0x884c, 0x8863, 0x8864,\n\
        \x20        0x8884, 0x88a2, 0x88ca, 0x88cc, 0x9000, 0x8035, 0x809b, 0x80f3, 0x8ff, 0xa00, 0xa01, 0x888e]\n\
        known += [*range(0x70), *range(0x800, 0x810), *range(0x6000, 0x6010)]\n\
        all = [socket.socket(17, 3, socket.htons(number)) for number in known]";
    // In a namespace of its own it hears nothing, and others see no list of it.
    let around: &[&str] = if may_unshare("-n") { &["unshare", "-n"] } else { return };
    let actor = Actor::start(&mut within(around, &python(script)));
    let pid = actor.pid.to_string();
    let inside = ["nsenter", "-n", "-t", &pid, "lsof", "-nPw", "-F", "-p", &pid];
    let theirs = run(Command::new(inside[0]).args(&inside[1..]).env("LC_ALL", "C"));
    let ours = run(inspect(&["--format", "lsof", &pid]).env("LC_ALL", "C"));
    assert!(ours.text().contains("PI3EPUPA\n"), "{}", ours.text());
    assert_eq!(sets(&ours), sets(&theirs));
}

/// A thread with a table of its own is listed like one that `lsof -K` lists.
#[test]
fn threads_with_tables_of_their_own_have_the_fields_of_lsof() {
    if !installed("python3") || !installed("lsof") {
        return;
    }
    let script = "import threading, os, ctypes\nready, done = threading.Event(), threading.Event()\n\
        def apart():\n\
        \x20   ctypes.CDLL(None).unshare(0x400)\n\
        \x20   open('/proc/self/task/%d/comm' % threading.get_native_id(), 'w').write('a thread')\n\
        \x20   ready.set(); done.wait()\n\
        threading.Thread(target=apart, daemon=True).start(); ready.wait()";
    let actor = Actor::start(&mut python(script));
    let pid = actor.pid.to_string();
    let theirs = run(Command::new("lsof").args(["-nPw", "-K", "-a", "-F", "-p", &pid]).env("LC_ALL", "C"));
    let ours = run(inspect(&["--format", "lsof", &pid]).env("LC_ALL", "C"));
    let of_thread =
        |sets: Vec<Set>| sets.into_iter().find(|set| field(set, 'M') == Some("a thread")).unwrap();
    let (ours, theirs) = (of_thread(sets(&ours)), of_thread(sets(&theirs)));
    assert_eq!(ours, theirs);
}

#[test]
fn what_may_not_be_read_is_told_in_the_words_of_lsof() {
    if !is_root() || !installed("setpriv") || !installed("lsof") {
        return;
    }
    let actor = Actor::shell("");
    let pid = actor.pid.to_string();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let copy = tempfile::tempdir().unwrap();
    std::fs::set_permissions(copy.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = copy.path().join("ganariya-fd");
    std::fs::copy(crate::common::program(), &path).unwrap();
    let (mut own, mut other) = (Command::new(path), Command::new("lsof"));
    own.args(["inspect", "--format", "lsof", &pid]);
    other.args(["-nP", "-F", "-p", &pid]);
    let (ours, theirs) = (run(&mut within(&nobody, &own)), run(&mut within(&nobody, &other)));
    assert_eq!(sets(&ours), sets(&theirs));
    assert!(ours.text().contains("fNOFD\n"), "{}", ours.text());
}

/// The commonest thing that scripts do with it.
#[test]
fn a_script_that_reads_lsof_reads_this() {
    if !installed("awk") || !installed("lsof") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {}; exec 5>a 6<a 7<.; rm a", folder.path().display());
    let (one, other) = (Actor::start(&mut shell(&script)), Actor::shell(""));
    let list = |command: String| {
        let awk = r"awk '/^p/ { pid = substr($0, 2) } /^n/ { print pid, substr($0, 2) }'";
        let mut pipeline = Command::new("sh");
        pipeline.arg("-c").arg(format!("{command} | {awk}"));
        run(pipeline.env("LC_ALL", "C")).text().to_owned()
    };
    let program = crate::common::program().display();
    let (one, other) = (one.pid.min(other.pid), one.pid.max(other.pid));
    let theirs = list(format!("lsof -nPw -F pn -p {one},{other}"));
    assert_eq!(list(format!("{program} inspect --format lsof {one} {other}")), theirs);
    assert!(theirs.contains("/a (deleted)\n"), "{theirs}");
}

#[test]
fn columns_are_refused() {
    for (language, message) in [("en", "has no columns"), ("ja", "列を選べません")] {
        let pid = crate::common::own_pid().to_string();
        let arguments = ["--lang", language, "--format", "lsof", "--columns", "fd", &pid];
        let ran = run(&mut inspect(&arguments));
        assert_eq!((ran.status, ran.out.as_slice()), (2, &b""[..]));
        assert!(ran.err.contains(message), "{}", ran.err);
    }
}
