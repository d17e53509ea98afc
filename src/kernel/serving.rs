//! What a server asks of the kernel and the libraries give no safe form of: connections as descriptors that
//! close themselves, and a wait for many of them that signals can end.

use super::interrupt::Interrupts;
use super::{Errno, Failure, Read};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::SockFlag;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

/// accept4(2) with SOCK_CLOEXEC and `flags`: the next connection of a listening socket.
pub fn accept(listener: BorrowedFd<'_>, flags: SockFlag) -> Result<OwnedFd, Errno> {
    let fd = nix::sys::socket::accept4(listener.as_raw_fd(), flags | SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: the kernel has just made the descriptor for this caller alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Raises the soft limit of descriptors to the hard one (RLIMIT_NOFILE of getrlimit(2)), and gives it.
pub fn raise_descriptor_limit() -> Read<u64> {
    let failed = |errno| Failure::new("prlimit64", errno);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    }
    Ok(hard)
}

/// The first port that a process without CAP_NET_BIND_SERVICE may bind (ip(7),
/// `ip_unprivileged_port_start`); 1024 where the kernel does not say.
pub fn first_unprivileged_port() -> u16 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024)
}

/// What is waited for on a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Nothing but its end.
    Nothing,
    /// That it can be read.
    Readable,
    /// That it can be written.
    Writable,
    /// Either.
    Both,
}

/// A descriptor of which something can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// What it was added with.
    pub token: u64,
    /// Whether it may be read; an error or the end of the connection counts.
    pub readable: bool,
    /// Whether it may be written; an error or the end of the connection counts.
    pub writable: bool,
}

/// An epoll instance (epoll(7)), level-triggered, which a descriptor leaves when it is closed.
#[expect(missing_debug_implementations, reason = "the kernel's struct of an event has none")]
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
    ready: usize,
}

impl Epoll {
    /// epoll_create1(2). One wait gives at most `batch` descriptors.
    pub fn new(batch: usize) -> Read<Self> {
        // SAFETY: the call takes an integer alone.
        let fd = Errno::result(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
            .map_err(|errno| Failure::new("epoll_create1", errno))?;
        // SAFETY: the kernel has just made the descriptor for this caller alone.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd, events: vec![libc::epoll_event { events: 0, u64: 0 }; batch], ready: 0 })
    }

    /// Waits for `interest` on a descriptor from now on.
    pub fn add(&self, fd: impl AsFd, interest: Interest, token: u64) -> Read<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd(), interest, token)
    }

    /// Changes what is waited for.
    pub fn change(&self, fd: impl AsFd, interest: Interest, token: u64) -> Read<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_fd(), interest, token)
    }

    /// Waits for nothing of it any more.
    pub fn remove(&self, fd: impl AsFd) -> Read<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_fd(), Interest::Nothing, 0)
    }

    fn control(&self, how: libc::c_int, fd: BorrowedFd<'_>, interest: Interest, token: u64) -> Read<()> {
        let events = match interest {
            Interest::Nothing => 0,
            Interest::Readable => libc::EPOLLIN,
            Interest::Writable => libc::EPOLLOUT,
            Interest::Both => libc::EPOLLIN | libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: token };
        // SAFETY: `event` lives through the call, which copies it.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), how, fd.as_raw_fd(), &raw mut event) };
        Errno::result(result).map(drop).map_err(|errno| Failure::new("epoll_ctl", errno))
    }

    /// epoll_pwait(2): waits until something is ready, a signal came or the time is up; how much is ready
    /// is 0 then. The signals are open only while it waits.
    pub fn wait(&mut self, timeout: Option<Duration>, interrupts: &Interrupts) -> Read<usize> {
        // Rounded up: a wait of less than a millisecond would be none, and be repeated at once.
        let milliseconds = timeout.map_or(-1, |time| {
            libc::c_int::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        });
        let room = libc::c_int::try_from(self.events.len()).unwrap_or(libc::c_int::MAX);
        let mask: &libc::sigset_t = interrupts.open().as_ref();
        let (fd, events) = (self.fd.as_raw_fd(), self.events.as_mut_ptr());
        // SAFETY: `events` is a valid place for `room` events, and the mask lives through the call.
        let result = unsafe { libc::epoll_pwait(fd, events, room, milliseconds, mask) };
        self.ready = match Errno::result(result) {
            Ok(ready) => usize::try_from(ready).unwrap_or(0),
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(Failure::new("epoll_pwait", errno)),
        };
        Ok(self.ready)
    }

    /// What the last wait gave, by its index.
    pub fn ready(&self, index: usize) -> Option<Ready> {
        let event = self.events[..self.ready].get(index)?;
        let any = |wanted: libc::c_int| {
            event.events & (wanted | libc::EPOLLERR | libc::EPOLLHUP).cast_unsigned() != 0
        };
        Some(Ready { token: event.u64, readable: any(libc::EPOLLIN), writable: any(libc::EPOLLOUT) })
    }
}
