//! Files without a place in any directory: memory, counters, timers, watches.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use nix::unistd::write;
use std::path::Path;

pub fn open_all(report: &mut Report, directory: &Path) -> Outcome<()> {
    let memory = memfd_create(c"a memfd", MFdFlags::MFD_CLOEXEC)?;
    write(&memory, b"1234567")?;
    report.add(Opened::new("a file in memory", "memfd", "rw", memory).with("name", "/memfd:a memfd"));

    let counter = EventFd::from_value_and_flags(3, EfdFlags::EFD_NONBLOCK)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&counter, EpollEvent::new(EpollFlags::EPOLLIN, 4711))?;
    let second = EventFd::from_value_and_flags(0, EfdFlags::empty())?;
    epoll.add(&second, EpollEvent::new(EpollFlags::EPOLLIN, 4712))?;
    report.add(anonymous("an eventfd", "[eventfd]", counter).with("facts", ["eventfd-count"].as_slice()));
    report.add(anonymous("another eventfd", "[eventfd]", second));
    report.add(anonymous("an epoll instance", "[eventpoll]", epoll.0).with("facts", ["tfd"].as_slice()));

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

fn anonymous(what: &str, name: &str, file: impl std::os::fd::AsFd + 'static) -> Opened {
    Opened::new(what, "anon", "rw", file).with("name", format!("anon_inode:{name}"))
}
