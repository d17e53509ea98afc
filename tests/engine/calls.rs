//! Every call of the table that can be made here: its name, arguments, result and changes.

use crate::common::{installed, skip_for_want_of};
use crate::replay::Replay;
use crate::runner::Case;
use crate::tracee::{Tracee, bare, example, scenario};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::Errno;
use ganariya_fd::kernel::ptrace::Pace;
use ganariya_fd::model::{Access, Change, Glimpse, Step};
use std::fs;

pub const CASES: &[Case] = &[
    ("files_are_opened_copied_and_altered", files),
    ("pipes_and_events_are_made", pipes),
    ("sockets_are_made", sockets),
    ("descriptors_are_passed", passing),
    ("calls_without_a_wrapper_give_what_the_program_got", raw),
];

/// A step as a line: `dup(3) = 4 +4 r /dev/null`. An inode's number is left out.
pub fn line(step: &Step) -> String {
    let mut text = format!("{}({}) = {}", step.call, step.args.join(", "), step.result);
    for change in &step.changes {
        text.push(' ');
        text.push_str(&told(change));
    }
    text
}

fn told(change: &Change) -> String {
    match change {
        Change::Opened { fd, what } => format!("+{fd} {}", words(what)),
        Change::Closed { fd, what } => format!("-{fd} {}", words(what)),
        Change::Cloexec { fd, on } => format!("{fd} {}cloexec", if *on { '+' } else { '-' }),
        Change::Moved { fd, from, to } => format!("{fd} {from}>{to}"),
        Change::Replaced { fd, from, to } => format!("{fd} {}>{}", words(from), words(to)),
    }
}

fn words(glimpse: &Glimpse) -> String {
    let name = bare(&String::from_utf8_lossy(glimpse.name.as_ref().unwrap()));
    let name = match name.split_once(":[") {
        Some((kind, number)) if number.starts_with(|char: char| char.is_ascii_digit()) => kind,
        _ => &name,
    };
    format!("{} {name}", glimpse.access.map_or("?", Access::as_str))
}

/// Holds the steps of a scenario against `expected`. A port and a pid are `N` there, and what asks for
/// CLOEXEC alone is left out: Rust's library does that before each close where it is built for debugging.
fn compare(name: &str, expected: &str) {
    if LEGACY.is_empty() {
        return skip_for_want_of("the calls that the C library makes on x86-64");
    }
    let steps = scenario(&[&example("every_call"), name]);
    let asks = |step: &&Step| step.call == "fcntl" && step.args[1] == "F_GETFD";
    let told: Vec<String> = steps.iter().filter(|step| !asks(step)).map(|step| masked(&line(step))).collect();
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(told, expected, "{told:#?}");
}

/// A port and a pid are others in each run.
fn masked(line: &str) -> String {
    let mut parts = vec![line.to_owned()];
    for before in ["127.0.0.1:", "every_call."] {
        let text = parts.concat();
        parts = text.split_inclusive(before).map(str::to_owned).collect();
        for part in parts.iter_mut().skip(1).filter(|part| !part.starts_with("0)")) {
            *part = format!("N{}", part.trim_start_matches(|char: char| char.is_ascii_digit()));
        }
    }
    parts.concat()
}

fn files() {
    compare(
        "files",
        r#"
        openat(AT_FDCWD, "/dev/null/missing", O_RDONLY) = ENOTDIR
        openat(AT_FDCWD, "/dev/null", O_RDONLY|O_CLOEXEC) = 3 +3 r /dev/null
        dup(3) = 4 +4 r /dev/null
        fcntl(4, F_SETFD, FD_CLOEXEC) = 0 4 +cloexec
        fcntl(4, F_SETFD, 0) = 0 4 -cloexec
        fcntl(4, F_SETFL, O_RDONLY|O_NONBLOCK) = 0
        openat2(AT_FDCWD, "/dev/full", O_WRONLY) = 5 +5 w /dev/full
        dup2(5, 4) = 4 4 r /dev/null>w /dev/full
        dup3(3, 4, O_CLOEXEC) = 4 4 w /dev/full>r /dev/null
        memfd_create("memory", 1) = 6 +6 rw /memfd:memory
        lseek(6, 5000000000, 0) = 5000000000 6 0>5000000000
        close(6) = 0 -6 rw /memfd:memory
        close(5) = 0 -5 w /dev/full
        close(4) = 0 -4 r /dev/null
        close(3) = 0 -3 r /dev/null
        "#,
    );
}

fn pipes() {
    compare(
        "pipes",
        r#"
        pipe2(0) = [3, 4] +3 r pipe +4 w pipe
        pipe2(O_NONBLOCK|O_CLOEXEC) = [5, 6] +5 r pipe +6 w pipe
        eventfd2(7, O_CLOEXEC) = 7 +7 rw anon_inode:[eventfd]
        epoll_create1(O_CLOEXEC) = 8 +8 rw anon_inode:[eventpoll]
        epoll_ctl(8, EPOLL_CTL_ADD, 7, EPOLLIN|EPOLLET) = 0
        epoll_ctl(8, EPOLL_CTL_DEL, 7) = 0
        signalfd4(-1) = 9 +9 rw anon_inode:[signalfd]
        timerfd_create(1, O_CLOEXEC) = 10 +10 rw anon_inode:[timerfd]
        inotify_init1(O_CLOEXEC) = 11 +11 r anon_inode:inotify
        close(11) = 0 -11 r anon_inode:inotify
        close(10) = 0 -10 rw anon_inode:[timerfd]
        close(9) = 0 -9 rw anon_inode:[signalfd]
        close(8) = 0 -8 rw anon_inode:[eventpoll]
        close(7) = 0 -7 rw anon_inode:[eventfd]
        close(5) = 0 -5 r pipe
        close(6) = 0 -6 w pipe
        close(3) = 0 -3 r pipe
        close(4) = 0 -4 w pipe
        mq_open("every_call.N", O_RDWR|O_CREAT, 0600) = 3 +3 rw /every_call.N
        close(3) = 0 -3 rw /every_call.N
        "#,
    );
}

fn sockets() {
    compare(
        "sockets",
        r"
        socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0) = [3, 4] +3 rw socket +4 rw socket
        close(3) = 0 -3 rw socket
        close(4) = 0 -4 rw socket
        socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0) = 3 +3 rw socket
        getsockopt(3, 1, 4) = 0
        socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 4 +4 rw socket
        bind(4, 127.0.0.1:0) = 0
        listen(4, 128) = 0
        socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 5 +5 rw socket
        connect(5, 127.0.0.1:N) = 0
        accept4(4, SOCK_CLOEXEC) = 6 +6 rw socket
        shutdown(5, SHUT_WR) = 0
        close(6) = 0 -6 rw socket
        close(5) = 0 -5 rw socket
        close(4) = 0 -4 rw socket
        close(3) = 0 -3 rw socket
        ",
    );
}

fn passing() {
    compare(
        "passing",
        r#"
        socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = [3, 4] +3 rw socket +4 rw socket
        ioctl(3, FIONBIO) = 0
        ioctl(3, FIONBIO) = 0
        openat(AT_FDCWD, "/dev/null", O_RDONLY) = 5 +5 r /dev/null
        sendmsg(3) = 1
        recvmsg(4) = 1 +6 r /dev/null +7 r /dev/null
        close(5) = 0 -5 r /dev/null
        close(4) = 0 -4 rw socket
        close(3) = 0 -3 rw socket
        "#,
    );
}

/// Calls by their numbers, in Perl, with what each returned: `NAME = RESULT` in the file named first.
const RAW: &str = r#"
    use strict; my $out = ''; our (%nr, $file);
    sub told { my ($name, $r) = @_; $out .= "$name = " . ($r < 0 ? 'E' . ($! + 0) : $r) . "\n"; return $r; }
    sub c { my ($name, @args) = @_; return told($name, syscall($nr{$name}, @args)); }
    # With what the call writes to.
    sub w { my $name = shift; return told($name, syscall($nr{$name}, @_)); }
    my ($null, $two) = ("/dev/null", "\0" x 8);
    c('open', $null, 0, 0); c('creat', "$file.made", 0600); w('pipe', $two); c('eventfd', 5);
    c('epoll_create', 1); my $mask = "\0" x 8; c('signalfd', -1, $mask, 8); c('inotify_init');
    c('userfaultfd', 02000000); c('fanotify_init', 0, 0);
    c('memfd_create', "name", 0); c('memfd_secret', 0); c('open_tree', -100, "/", 1);
    c('open_tree_attr', -100, "/", 1, 0, 0);
    c('fsopen', "tmpfs", 0); c('fsmount', 3, 0, 0); c('fspick', -100, "/", 0);
    c('pidfd_open', $$, 0); my $pidfd = c('pidfd_open', getppid(), 0); c('pidfd_getfd', $pidfd, 0, 0);
    c('landlock_create_ruleset', 0, 0, 1); my $rules = pack('Q', 1); c('landlock_create_ruleset', $rules, 8, 0);
    my $ring = "\0" x 120; my $r = c('io_uring_setup', 4, $ring); c('io_uring_enter', $r, 0, 0, 0, 0, 0);
    my $attr = "\0" x 128; c('perf_event_open', $attr, 0, -1, -1, 0); c('bpf', 99, $attr, 8);
    c('seccomp', 9, 0, 0); c('open_by_handle_at', -1, $attr, 0);
    my $how = pack('QQQ', 02000000, 0, 0); c('openat2', -100, $null, $how, 24);
    c('openat2', -100, "/missing", $how, 24);
    c('dup2', 0, 60); c('dup2', 0, 60); c('dup3', 0, 61, 02000000); c('dup2', 99, 60); c('dup', 99);
    c('fcntl', 0, 0, 70); c('fcntl', 0, 1030, 70); c('fcntl', 70, 2, 1); c('fcntl', 70, 1, 4711);
    c('ioctl', 70, 0x5450, 0); c('ioctl', 70, 0x5451, 0);
    my $pair = "\0" x 8; w('socketpair', 1, 2 | 02000000, 0, $pair); my ($a, $b) = unpack('ii', $pair);
    my $control = pack('QiiiI', 20, 1, 1, 0, 0); my $byte = "x"; my $iov = pack('pQ', $byte, 1);
    my $header = pack('QIIpQpQI', 0, 0, 0, $iov, 1, $control, 24, 0) . "\0" x 4;
    w('sendmsg', $a, $header, 0);
    my $many = $header . "\0" x 8; w('sendmmsg', $a, $many, 1, 0);
    w('recvmsg', $b, $header, 0); w('recvmmsg', $b, $many, 1, 0, 0);
    c('listen', $a, 1); c('accept', $a, 0, 0); c('connect', $a, "\1\0/missing\0", 11);
    c('bind', $a, "\1\0\0name$$", 2 + 5 + length $$);
    c('lseek', 0, 0, 9);
    c('unshare', 0x200); c('unshare', 0x400); c('unshare', 1);
    c('close_range', 60, 69, 0); c('close_range', 70, 4294967295, 4); c('close_range', 71, 80, 2);
    c('close_range', 9, 8, 0);
    my $fork = $nr{fork} ? c('fork') : fork(); exit 0 if $fork == 0; c('wait4', $fork, 0, 0, 0);
    my $args = pack('Q11', 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0); my $child = c('clone3', $args, 88);
    exit 0 if $child == 0; my $room = "\0" x 128; c('waitid', 1, $child, $room, 4, 0);
    c('execve', "/missing", 0, 0); c('execveat', -1, "missing", 0, 0, 0); c('close', 99);
    open my $report, '>', $file; print $report $out; close $report;
"#;

/// The calls that [`RAW`] makes, with their numbers on this machine.
const NUMBERS: &[(&str, libc::c_long)] = &[
    ("memfd_create", libc::SYS_memfd_create),
    ("memfd_secret", libc::SYS_memfd_secret),
    ("open_tree", libc::SYS_open_tree),
    ("open_tree_attr", 467),
    ("fsopen", libc::SYS_fsopen),
    ("fsmount", libc::SYS_fsmount),
    ("fspick", libc::SYS_fspick),
    ("pidfd_open", libc::SYS_pidfd_open),
    ("pidfd_getfd", libc::SYS_pidfd_getfd),
    ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("bpf", libc::SYS_bpf),
    ("seccomp", libc::SYS_seccomp),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("openat2", libc::SYS_openat2),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("fanotify_init", libc::SYS_fanotify_init),
    ("dup", libc::SYS_dup),
    ("dup3", libc::SYS_dup3),
    ("fcntl", libc::SYS_fcntl),
    ("ioctl", libc::SYS_ioctl),
    ("socketpair", libc::SYS_socketpair),
    ("sendmsg", libc::SYS_sendmsg),
    ("sendmmsg", libc::SYS_sendmmsg),
    ("recvmsg", libc::SYS_recvmsg),
    ("recvmmsg", libc::SYS_recvmmsg),
    ("listen", libc::SYS_listen),
    ("accept", libc::SYS_accept),
    ("connect", libc::SYS_connect),
    ("bind", libc::SYS_bind),
    ("lseek", libc::SYS_lseek),
    ("unshare", libc::SYS_unshare),
    ("close_range", libc::SYS_close_range),
    ("close", libc::SYS_close),
    ("wait4", libc::SYS_wait4),
    ("waitid", libc::SYS_waitid),
    ("clone3", libc::SYS_clone3),
    ("execve", libc::SYS_execve),
    ("execveat", libc::SYS_execveat),
];

#[cfg(target_arch = "x86_64")]
const LEGACY: &[(&str, libc::c_long)] = &[
    ("open", libc::SYS_open),
    ("creat", libc::SYS_creat),
    ("pipe", libc::SYS_pipe),
    ("eventfd", libc::SYS_eventfd),
    ("epoll_create", libc::SYS_epoll_create),
    ("signalfd", libc::SYS_signalfd),
    ("inotify_init", libc::SYS_inotify_init),
    ("dup2", libc::SYS_dup2),
    ("fork", libc::SYS_fork),
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[(&str, libc::c_long)] = &[];

fn raw() {
    if !installed("perl") {
        return;
    }
    if LEGACY.is_empty() {
        return skip_for_want_of("the calls of x86-64");
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let numbers: Vec<String> =
        NUMBERS.iter().chain(LEGACY).map(|(name, number)| format!("{name} => {number}")).collect();
    let path = report.to_str().unwrap();
    let script = format!("our %nr = ({}); our $file = '{path}'; {RAW}", numbers.join(", "));
    let mut tracee = Tracee::launch(&["perl", "-e", &script]);
    let (first, mut replay, mut steps) = (tracee.first, Replay::default(), Vec::new());
    tracee.run(Pace::ToCall, |event| {
        replay.see(event);
        match event {
            Event::Step { step, .. } if step.pid == first => steps.push(step.clone()),
            _ => {}
        }
    });
    let mut told = steps.iter();
    let report = fs::read_to_string(&report).unwrap();
    for line in report.lines() {
        let (call, result) = line.split_once(" = ").unwrap();
        let result = match result.strip_prefix('E') {
            Some(number) => format!("{:?}", Errno::from_raw(number.parse().unwrap())),
            None => result.to_owned(),
        };
        let is_it = |step: &&Step| step.call == call && (step.result == result || is_pair(step, &result));
        let found = told.find(is_it);
        assert!(found.is_some(), "{line} was not told: {steps:#?}");
    }
    assert!(replay.exits >= 3);
    let lines: Vec<String> = steps.iter().map(line).collect();
    for expected in TOLD {
        assert!(lines.iter().any(|line| line == expected), "no {expected}: {lines:#?}");
    }
    // Standard input, sent to itself twice.
    for receives in ["recvmsg(", "recvmmsg("] {
        let received = lines.iter().find(|line| line.starts_with(receives)).unwrap();
        assert!(received.contains(") = 1 +") && received.ends_with(" r /dev/null"), "{received}");
    }
}

/// What of them does not depend on which others this machine has.
const TOLD: &[&str] = &[
    "dup2(0, 60) = 60 +60 r /dev/null",
    "dup2(0, 60) = 60",
    "dup2(99, 60) = EBADF",
    "dup3(0, 61, O_CLOEXEC) = 61 +61 r /dev/null",
    "fcntl(0, F_DUPFD, 70) = 70 +70 r /dev/null",
    "fcntl(0, F_DUPFD_CLOEXEC, 70) = 71 +71 r /dev/null",
    "fcntl(70, F_SETFD, FD_CLOEXEC) = 0 70 +cloexec",
    "fcntl(70, F_GETFD) = 1",
    "ioctl(70, FIONCLEX) = 0 70 -cloexec",
    "ioctl(70, FIOCLEX) = 0 70 +cloexec",
    "openat2(AT_FDCWD, \"/missing\", O_RDONLY|O_CLOEXEC) = ENOENT",
    "unshare(CLONE_FS) = 0",
    "unshare(CLONE_FILES) = 0",
    "unshare(0x1) = EINVAL",
    "close_range(60, 69, 0) = 0 -60 r /dev/null -61 r /dev/null",
    "close_range(71, 80, 2) = 0 -71 r /dev/null",
    "close_range(9, 8, 0) = EINVAL",
    "execve(\"/missing\", NULL) = ENOENT",
    "close(99) = EBADF",
];

/// Two descriptors are told in place of the 0 that the call returned.
fn is_pair(step: &Step, result: &str) -> bool {
    result == "0" && step.result.starts_with('[')
}
