//! Signals that wake a wait and are seen nowhere else: without a descriptor, so that the tables of a
//! server hold nothing but what serves.
//!
//! They are blocked but for the moment of a wait (ppoll(2), epoll_pwait(2)), and the kernel opens them and
//! waits in one step. So none can come between the look at a flag and the wait that it was to prevent.

use super::{Errno, Failure, Read};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, sigaction,
};
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

/// How often an end was asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);
/// Whether a child ended since somebody looked.
static ENDED: AtomicBool = AtomicBool::new(false);
/// The thread that waits (`pthread_t`).
static WAITS: AtomicU64 = AtomicU64::new(0);
/// The connection of a child that serves one client.
static CLIENT: AtomicI32 = AtomicI32::new(-1);

/// The signals that ask a server to end.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Takes SIGINT, SIGTERM, SIGHUP and SIGCHLD, instead of dying of them, until it is dropped. What the
/// caller ignored stays ignored, as nohup(1) wants it.
#[derive(Debug)]
pub struct Interrupts {
    before: SigSet,
    open: SigSet,
    replaced: Vec<(Signal, SigAction)>,
}

impl Interrupts {
    /// Blocks them in this thread, which is the one that is to wait, and in those that it will start.
    /// SIGPIPE is ignored from here on: a client that is gone is an error of write(2), EPIPE.
    pub fn take() -> Read<Self> {
        ASKED.store(0, Ordering::Relaxed);
        ENDED.store(false, Ordering::Relaxed);
        // SAFETY: gives the thread's own identity, and cannot fail.
        WAITS.store(unsafe { libc::pthread_self() }, Ordering::Relaxed);
        let mut taken = SigSet::from_iter(ENDING);
        taken.add(Signal::SIGCHLD);
        let before = taken
            .thread_swap_mask(SigmaskHow::SIG_BLOCK)
            .map_err(|errno| Failure::new("rt_sigprocmask", errno))?;
        let open = before.iter().filter(|signal| !taken.contains(*signal)).collect();
        let mut interrupts = Self { before, open, replaced: Vec::new() };
        for signal in ENDING.into_iter().chain([Signal::SIGCHLD]) {
            interrupts.handle(signal, SigHandler::Handler(note))?;
        }
        interrupts.handle(Signal::SIGPIPE, SigHandler::SigIgn)?;
        Ok(interrupts)
    }

    fn handle(&mut self, signal: Signal, handler: SigHandler) -> Read<()> {
        let was = set_handler(signal, handler)?;
        if matches!(was.handler(), SigHandler::SigIgn) && ENDING.contains(&signal) {
            set_handler(signal, SigHandler::SigIgn)?;
        } else {
            self.replaced.push((signal, was));
        }
        Ok(())
    }

    /// How often an end was asked for.
    pub fn asked(&self) -> u32 {
        ASKED.load(Ordering::Relaxed)
    }

    /// Whether a child, or a thread, has ended since this was asked last.
    pub fn child_ended(&self) -> bool {
        ENDED.swap(false, Ordering::Relaxed)
    }

    /// The mask to wait with: what it was before, with these signals open.
    pub fn open(&self) -> &SigSet {
        &self.open
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        for (signal, action) in &self.replaced {
            // SAFETY: puts back what this process had before.
            let _ = unsafe { sigaction(*signal, action) };
        }
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}

/// In a child that serves one client: SIGTERM ends the reading side of that connection, so that the next
/// read(2) gives what has come already and then the end, wherever the signal found the child. SIGINT stays
/// blocked: a terminal sends it to the parent as well, which passes the wish on.
pub fn hang_up_on_term(client: BorrowedFd<'_>) -> Read<()> {
    CLIENT.store(client.as_raw_fd(), Ordering::Relaxed);
    set_handler(Signal::SIGTERM, SigHandler::Handler(hang_up))?;
    SigSet::from_iter([Signal::SIGTERM])
        .thread_unblock()
        .map_err(|errno| Failure::new("rt_sigprocmask", errno))
}

/// Wakes the thread that waits as the end of a child would.
pub fn tell_of_ended_thread() {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), Signal::SIGCHLD);
}

fn set_handler(signal: Signal, handler: SigHandler) -> Read<SigAction> {
    // Without SA_RESTART: what was interrupted is to look at the flags. A stopped child is no ended one.
    let action = SigAction::new(handler, SaFlags::SA_NOCLDSTOP, SigSet::empty());
    // SAFETY: the handlers of this file touch atomics and call what signal-safety(7) lists.
    unsafe { sigaction(signal, &action) }.map_err(|errno| Failure::new("rt_sigaction", errno))
}

extern "C" fn note(signal: libc::c_int) {
    // SAFETY: gives the thread's own identity, and cannot fail.
    let this = unsafe { libc::pthread_self() };
    let waits = WAITS.load(Ordering::Relaxed);
    if this != waits {
        // It came to a thread of an embedding program, which has it open: that would wake nobody.
        // SAFETY: the thread that waits lives as long as these handlers are set, and the call is one that
        // a signal handler may make.
        unsafe { libc::pthread_kill(waits, signal) };
    } else if signal == libc::SIGCHLD {
        ENDED.store(true, Ordering::Relaxed);
    } else {
        ASKED.fetch_add(1, Ordering::Relaxed);
    }
}

extern "C" fn hang_up(_: libc::c_int) {
    let errno = Errno::last_raw();
    // SAFETY: the call takes integers alone, and a handler may make it.
    unsafe { libc::shutdown(CLIENT.load(Ordering::Relaxed), libc::SHUT_RD) };
    Errno::set_raw(errno);
}
