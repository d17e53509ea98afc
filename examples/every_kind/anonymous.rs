//! Files without a place in any directory: memory, counters, timers, watches.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::fstat;
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::unistd::{dup, dup2, pipe, write};
use rustix::io::fcntl_dupfd_cloexec;
use serde_json::json;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::Path;

pub fn open_all(report: &mut Report, directory: &Path) -> Outcome<()> {
    let memory = memfd_create(c"a memfd", MFdFlags::MFD_CLOEXEC)?;
    write(&memory, b"1234567")?;
    report.add(Opened::new("a file in memory", "memfd", "rw", memory).with("name", "/memfd:a memfd"));

    watches(report)?;

    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
    report.add(anonymous("a timer", "[timerfd]", timer).with("facts", ["clockid"].as_slice()));

    let mut signals = SigSet::empty();
    signals.add(Signal::SIGUSR1);
    let signals = SignalFd::with_flags(&signals, SfdFlags::empty())?;
    report.add(anonymous("a signalfd", "[signalfd]", signals).with("facts", ["sigmask"].as_slice()));

    // The kernel's name for this one has no brackets.
    let watch = Inotify::init(InitFlags::empty())?;
    watch.add_watch(directory, AddWatchFlags::IN_CREATE)?;
    report.add(
        Opened::new("an inotify instance", "anon", "r", watch)
            .with("name", "anon_inode:inotify")
            .with("facts", ["inotify wd"].as_slice()),
    );
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

fn anonymous(what: &str, name: &str, file: impl AsFd + 'static) -> Opened {
    Opened::new(what, "anon", "rw", file).with("name", format!("anon_inode:{name}"))
}
