//! Signals as something to wait for, together with a deadline.

use super::capture::Capture;
use super::{Failure, Read};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

pub use libc::{SIGCONT, SIGKILL, SIGTERM};

/// What ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// A child changed its state, or more than one did.
    Child,
    /// A person or the system wants this program to end.
    Asked(i32),
    /// The time is up.
    Late,
}

/// Takes SIGCHLD and the signals that ask to end, instead of dying of them, until it is dropped.
#[derive(Debug)]
pub struct Signals {
    fd: SignalFd,
    /// What is taken up while waiting.
    captures: RefCell<Vec<Capture>>,
    before: SigSet,
}

/// The signals that ask a program to end.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

impl Signals {
    /// Blocks them and opens a descriptor to read them from (signalfd(2)).
    pub fn take() -> Read<Self> {
        let mut wanted = SigSet::empty();
        wanted.add(Signal::SIGCHLD);
        for signal in ENDING {
            wanted.add(signal);
        }
        // With SIGCHLD ignored, which a parent may have left so, children would be reaped unseen.
        // SAFETY: the default disposition runs no code of this process.
        unsafe { nix::sys::signal::signal(Signal::SIGCHLD, SigHandler::SigDfl) }
            .map_err(|errno| Failure::new("rt_sigaction", errno))?;
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&wanted), Some(&mut before))
            .map_err(|errno| Failure::new("rt_sigprocmask", errno))?;
        let fd = SignalFd::with_flags(&wanted, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map_err(|errno| Failure::new("signalfd4", errno))?;
        Ok(Self { fd, captures: RefCell::default(), before })
    }

    /// The mask that was there before: what a child of the caller's shell would have.
    pub fn before(&self) -> SigSet {
        self.before
    }

    /// Takes up an output while it waits.
    pub fn take_up(&self, capture: Capture) {
        self.captures.borrow_mut().push(capture);
    }

    /// The outputs, with what was written until now.
    pub fn taken_up(&self) -> Read<Vec<Capture>> {
        let mut captures = self.captures.take();
        for capture in &mut captures {
            capture.drain()?;
        }
        Ok(captures)
    }

    /// Takes one that is there already. Those that ask to end have lower numbers than SIGCHLD, and
    /// the kernel gives the lowest number first.
    pub fn pending(&self) -> Read<Option<Woken>> {
        match self.fd.read_signal() {
            Ok(Some(signal)) => {
                let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
                Ok(Some(match Signal::try_from(number) {
                    Ok(Signal::SIGCHLD) => Woken::Child,
                    _ => Woken::Asked(number),
                }))
            }
            Ok(None) | Err(Errno::EINTR) => Ok(None),
            Err(errno) => Err(Failure::new("read", errno)),
        }
    }

    /// Waits for one of them, at most until `deadline`.
    pub fn wait(&self, deadline: Option<Instant>) -> Read<Woken> {
        loop {
            if let Some(woken) = self.pending()? {
                return Ok(woken);
            }
            let timeout = match deadline {
                None => PollTimeout::NONE,
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(Woken::Late);
                    }
                    // Rounded up: a wait of less than a millisecond would be none.
                    PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
                }
            };
            let mut captures = self.captures.borrow_mut();
            let ends = captures.iter().filter_map(Capture::end);
            let fds = std::iter::once(self.fd.as_fd()).chain(ends);
            let mut fds: Vec<_> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            match poll(&mut fds, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(Failure::new("poll", errno)),
            }
            drop(fds);
            for capture in captures.iter_mut() {
                capture.drain()?;
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}
