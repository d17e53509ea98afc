//! Files without a place in any directory: memory, counters, timers, watches, processes, namespaces.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::fcntl::AT_FDCWD;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags as FanInit, MarkFlags, MaskFlags};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{fstat, stat};
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::unistd::{dup, dup2, pipe, write};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};
use serde_json::json;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

pub fn open_all(report: &mut Report, directory: &Path) -> Outcome<()> {
    let memory = memfd_create(c"a memfd", MFdFlags::MFD_CLOEXEC)?;
    write(&memory, b"1234567")?;
    report.add(Opened::new("a file in memory", "memfd", "rw", memory).with("name", "/memfd:a memfd"));

    watches(report)?;

    timers(report)?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGUSR1, Signal::SIGCHLD, Signal::SIGWINCH] {
        signals.add(signal);
    }
    let names = json!(["SIGUSR1", "SIGCHLD", "SIGWINCH"]);
    let signals = SignalFd::with_flags(&signals, SfdFlags::empty())?;
    report.add(anonymous("a signalfd", "signalfd", signals).with("sigmask", names));

    notifications(report, directory)?;
    processes(report)?;
    namespaces(report)
}

/// Timers. One has so long to go that it is not at its end while anybody looks.
fn timers(report: &mut Report) -> Outcome<()> {
    const LEFT: Duration = Duration::from_secs(100_000);
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
    let every = Duration::from_millis(3250);
    timer.set(Expiration::IntervalDelayed(LEFT.into(), every.into()), TimerSetTimeFlags::empty())?;
    report.add(
        anonymous("a timer", "timerfd", timer)
            .with("clockid", 1)
            .with("clock", "CLOCK_MONOTONIC")
            .with("settime flags", json!([]))
            .with("ticks", 0)
            .with("it_interval", every.as_secs_f64())
            .with("it_value_below", LEFT.as_secs_f64()),
    );
    let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::empty())?;
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + LEFT;
    timer.set(Expiration::OneShot(at.into()), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
    report.add(
        anonymous("a timer of the clock on the wall", "timerfd", timer)
            .with("clockid", 0)
            .with("clock", "CLOCK_REALTIME")
            .with("settime flags", json!(["TFD_TIMER_ABSTIME"]))
            .with("it_interval", 0.0)
            .with("it_value_below", LEFT.as_secs_f64()),
    );
    let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::empty())?;
    report.add(
        anonymous("a timer that is not set", "timerfd", timer)
            .with("clock", "CLOCK_BOOTTIME")
            .with("it_value", 0.0)
            .with("it_interval", 0.0),
    );
    Ok(())
}

/// Who watches a directory and a file in it.
fn notifications(report: &mut Report, directory: &Path) -> Outcome<()> {
    let file = directory.join("a watched file");
    let held = File::create(&file)?;
    let place = |path: &Path| Outcome::Ok(json!({"ino": stat(path)?.st_ino, "path": path.to_string_lossy()}));
    let mut watched = [place(directory)?, place(&file)?];
    // The kernel's name for this one has no brackets.
    let watch = Inotify::init(InitFlags::empty())?;
    watch.add_watch(directory, AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE_SELF)?;
    watch.add_watch(&file, AddWatchFlags::IN_CLOSE_WRITE)?;
    for (watched, (wd, mask)) in
        watched.iter_mut().zip([(1, json!(["IN_CREATE", "IN_DELETE_SELF"])), (2, json!(["IN_CLOSE_WRITE"]))])
    {
        watched["wd"] = wd.into();
        watched["mask"] = mask;
    }
    report.add(
        Opened::new("an inotify instance", "inotify", "r", watch)
            .with("name", "anon_inode:inotify")
            .with("watches", watched.as_slice()),
    );
    report.add(Opened::new("a file that is watched", "file", "w", held).with("name", file.to_string_lossy()));

    let init = FanInit::FAN_CLASS_NOTIF | FanInit::FAN_CLOEXEC | FanInit::FAN_UNLIMITED_QUEUE;
    let instance = match Fanotify::init(init, EventFFlags::O_RDONLY) {
        Ok(instance) => instance,
        Err(error) => {
            report.skip("fanotify", error);
            return Ok(());
        }
    };
    let add = MarkFlags::FAN_MARK_ADD;
    let events = MaskFlags::FAN_CLOSE_WRITE | MaskFlags::FAN_ONDIR;
    instance.mark(add, events, AT_FDCWD, Some(directory))?;
    instance.mark(add | MarkFlags::FAN_MARK_MOUNT, MaskFlags::FAN_OPEN_EXEC, AT_FDCWD, Some(directory))?;
    let mut inode = place(directory)?;
    inode["type"] = "inode".into();
    inode["mask"] = json!(["FAN_CLOSE_WRITE", "FAN_ONDIR"]);
    let mount = json!({"type": "mount", "mask": ["FAN_OPEN_EXEC"]});
    report.add(
        anonymous("a fanotify group", "fanotify", instance)
            .with("group_flags", json!(["FAN_CLASS_NOTIF", "FAN_CLOEXEC", "FAN_UNLIMITED_QUEUE"]))
            .with("marks", json!([inode, mount])),
    );
    Ok(())
}

/// Processes: this one, and one that is no more.
#[allow(clippy::disallowed_methods, reason = "a child is what is shown here")]
fn processes(report: &mut Report) -> Outcome<()> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let pid = std::process::id();
    report.add(
        anonymous("this process", "pidfd", own)
            .with("Pid", pid)
            .with("NSpid", json!([pid]))
            .with("command", "every_kind"),
    );
    let mut child = Command::new("true").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let number = i32::try_from(child.id())?;
    let gone = pidfd_open(Pid::from_raw(number).ok_or("no pid")?, PidfdFlags::empty())?;
    child.wait()?;
    report.add(anonymous("a process that was waited for", "pidfd", gone).with("Pid", -1));
    Ok(())
}

fn namespaces(report: &mut Report) -> Outcome<()> {
    for kind in ["net", "mnt", "uts", "ipc", "pid", "user", "cgroup", "time"] {
        match File::open(format!("/proc/self/ns/{kind}")) {
            Ok(file) => {
                let ino = fstat(&file)?.st_ino;
                report.add(
                    Opened::new("a namespace", "namespace", "r", file)
                        .with("name", format!("{kind}:[{ino}]"))
                        .with("type", kind)
                        .with("inode", ino),
                );
            }
            Err(error) => report.skip(kind, error),
        }
    }
    Ok(())
}

/// A number that no other file of this program gets.
const CLOSED: i32 = 300;
/// Numbers that a file gets after another.
const REUSED: i32 = 301;
const REUSED_BY_ITS_LIKE: i32 = 302;

/// Counters, and an epoll instance that watches some. It keeps a number even when that is closed or given
/// to another file, as long as the file that it watches is open by another number.
fn watches(report: &mut Report) -> Outcome<()> {
    let counter = EventFd::from_value_and_flags(3, EfdFlags::EFD_NONBLOCK)?;
    let copy = dup(&counter)?;
    let second = EventFd::from_value_and_flags(0, EfdFlags::EFD_SEMAPHORE)?;
    let (reader, writer) = pipe()?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut told = Vec::new();
    let mut watch = |file: &dyn AsFd, events: EpollFlags, names: &[&str], data: u64, means: &str| {
        epoll.add(file, EpollEvent::new(events, data))?;
        let fd = file.as_fd().as_raw_fd();
        let ino = fstat(file)?.st_ino;
        told.push(json!({"fd": fd, "events": names, "data": data, "ino": ino, "means": means}));
        Outcome::Ok(())
    };
    let readable = EpollFlags::EPOLLIN;
    watch(&counter, readable | EpollFlags::EPOLLET, &["EPOLLIN", "EPOLLET"], 4711, "current")?;
    watch(&second, readable | EpollFlags::EPOLLOUT, &["EPOLLIN", "EPOLLOUT"], 4712, "current")?;

    let closed = fcntl_dupfd_cloexec(&reader, CLOSED)?;
    watch(&closed, readable, &["EPOLLIN"], 4713, "stale")?;
    drop(closed);

    let mut reused = fcntl_dupfd_cloexec(&reader, REUSED)?;
    watch(&reused, readable, &["EPOLLIN"], 4714, "stale")?;
    dup2(File::open("/dev/null")?, &mut reused)?;

    // Two files without names are of one inode: that cannot tell them apart.
    let mut like = fcntl_dupfd_cloexec(&counter, REUSED_BY_ITS_LIKE)?;
    watch(&like, readable, &["EPOLLIN"], 4715, "stale")?;
    dup2(&EventFd::from_value_and_flags(9, EfdFlags::empty())?, &mut like)?;

    for (what, file, number) in [
        ("a number that was another file's", &reused, REUSED),
        ("another eventfd's number", &like, REUSED_BY_ITS_LIKE),
    ] {
        if file.as_raw_fd() != number {
            return Err(format!("{what} is not {number}").into());
        }
    }
    report
        .add(Opened::new("a number that was another file's", "char", "r", reused).with("name", "/dev/null"));
    report.add(counting("an eventfd by another's number", like, 9, false));
    let first = report.add(counting("an eventfd", counter, 3, false));
    let copy = report.add(counting("the same eventfd, by dup", copy, 3, false).with("open_file", first));
    report.connect(&[first], &[copy]);
    report.add(counting("an eventfd that counts down by one", second, 0, true));
    let reader = report.add(Opened::new("a pipe that is watched", "pipe", "r", reader));
    let writer = report.add(Opened::new("its writing end", "pipe", "w", writer));
    report.connect(&[reader], &[writer]);
    report.add(
        Opened::new("an epoll instance", "eventpoll", "rw", epoll.0)
            .with("name", "anon_inode:[eventpoll]")
            .with("tfd", told),
    );
    Ok(())
}

fn counting(what: &str, file: impl AsFd + 'static, count: u64, is_semaphore: bool) -> Opened {
    Opened::new(what, "eventfd", "rw", file)
        .with("name", "anon_inode:[eventfd]")
        .with("eventfd-count", count)
        .with("eventfd-semaphore", u8::from(is_semaphore))
}

fn anonymous(what: &str, kind: &str, file: impl AsFd + 'static) -> Opened {
    Opened::new(what, kind, "rw", file).with("name", format!("anon_inode:[{kind}]"))
}
