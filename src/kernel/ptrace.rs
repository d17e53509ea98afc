//! Stops of traced processes, see ptrace(2).
//!
//! A tracee is seized before it runs a line of its program, so that no call of it is missed, and dies
//! with this process (PTRACE_O_EXITKILL), so that nothing is left behind. Each stop is a [`Stop`],
//! which resuming consumes: a process that is stopped has one, and one that runs has none.

use super::signals::{Signals, Woken};
use super::{Errno, Failure, Read};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::time::Instant;

/// Why a tracee is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is attached: a new child, before its first instruction.
    Attached,
    /// It is about to make a system call.
    Entry {
        /// The call's number, as its architecture has it.
        number: u64,
        /// Its arguments, as integers.
        args: [u64; 6],
    },
    /// A system call has returned.
    Return {
        /// The value that it returned; an errno when `is_error`.
        value: i64,
        /// Whether that is an error.
        is_error: bool,
    },
    /// execve(2) has done its work: the CLOEXEC descriptors are gone, and the new program has not run
    /// an instruction yet.
    Exec,
    /// It has made a child by fork, vfork or clone.
    Forked {
        /// The child's pid.
        child: i32,
    },
    /// A signal is to be delivered.
    Signal(i32),
    /// A signal has stopped it, with all its threads, as a shell's Ctrl-Z does.
    Group,
    /// Something that needs nothing but to go on.
    Other,
}

/// A tracee that is stopped, and why.
#[derive(Debug)]
#[must_use = "a stopped process stays stopped until it is resumed"]
pub struct Stop {
    /// Which.
    pub pid: i32,
    /// Why.
    pub why: Why,
}

impl Stop {
    /// Lets it run to its next stop at a system call, or another before.
    pub fn run_to_syscall(self) -> Read<()> {
        self.resume(libc::PTRACE_SYSCALL)
    }

    /// Lets it run; it no longer stops at system calls.
    pub fn run(self) -> Read<()> {
        self.resume(libc::PTRACE_CONT)
    }

    fn resume(self, request: libc::c_uint) -> Read<()> {
        let (request, signal) = match self.why {
            Why::Signal(signal) => (request, signal),
            // Left stopped, and its tracer told when it is continued.
            Why::Group => (libc::PTRACE_LISTEN, 0),
            _ => (request, 0),
        };
        // SAFETY: these requests take no address and their data is a signal's number. nix has no
        // LISTEN and cannot pass on real-time signals.
        let result = unsafe { libc::ptrace(request, self.pid, 0usize, libc::c_long::from(signal)) };
        match Errno::result(result) {
            // Killed while it was stopped: its end is yet to be waited for.
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Failure::new("ptrace", errno)),
        }
    }
}

/// How a tracee ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

/// What a wait brings.
#[derive(Debug)]
pub enum Next {
    /// A tracee is stopped.
    Stop(Stop),
    /// A tracee has ended.
    Ended {
        /// Which.
        pid: i32,
        /// How.
        how: Ended,
    },
    /// This signal asks this program to end.
    Asked(i32),
    /// The time is up.
    Late,
    /// There is no tracee any more.
    Nobody,
}

/// The tracees of this process. Only the thread that seized them may resume them, so this is not Send.
#[derive(Debug)]
pub struct Tracer {
    signals: Signals,
    live: BTreeSet<i32>,
    not_send: std::marker::PhantomData<*const ()>,
}

impl Tracer {
    /// A tracer without tracees, that takes signals as `signals` does.
    pub fn new(signals: Signals) -> Self {
        Self { signals, live: BTreeSet::new(), not_send: std::marker::PhantomData }
    }

    /// Seizes a child that waits to be (see `spawn`), with all that it will fork.
    ///
    /// EPERM where ptrace(2) is forbidden: by Yama's ptrace_scope 3, by a seccomp filter, or because
    /// another tracer has the child already.
    pub fn seize(&mut self, pid: i32) -> Read<()> {
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACEFORK
            | Options::PTRACE_O_TRACEVFORK
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(Pid::from_raw(pid), options).map_err(|errno| Failure::new("ptrace", errno))?;
        self.live.insert(pid);
        Ok(())
    }

    /// The tracees that have not ended.
    pub fn live(&self) -> impl Iterator<Item = i32> {
        self.live.iter().copied()
    }

    /// The signals that this takes.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Waits for what happens next, at most until `deadline`.
    pub fn next(&mut self, deadline: Option<Instant>) -> Read<Next> {
        loop {
            let mut status = 0;
            // SAFETY: `status` is a valid place for an int. nix's waitpid reaps a process that a
            // real-time signal killed and then fails, so that its end would be lost.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) };
            match Errno::result(pid) {
                Ok(0) => match self.signals.wait(deadline)? {
                    Woken::Child => {}
                    Woken::Asked(signal) => return Ok(Next::Asked(signal)),
                    Woken::Late => return Ok(Next::Late),
                },
                Ok(pid) => {
                    if let Some(next) = self.decode(pid, status) {
                        return Ok(next);
                    }
                }
                Err(Errno::ECHILD) => return Ok(Next::Nobody),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Failure::new("wait4", errno)),
            }
        }
    }

    fn decode(&mut self, pid: i32, status: i32) -> Option<Next> {
        if libc::WIFEXITED(status) {
            self.live.remove(&pid);
            return Some(Next::Ended { pid, how: Ended::Exited(libc::WEXITSTATUS(status)) });
        }
        if libc::WIFSIGNALED(status) {
            self.live.remove(&pid);
            return Some(Next::Ended { pid, how: Ended::Killed(libc::WTERMSIG(status)) });
        }
        if !libc::WIFSTOPPED(status) {
            return None;
        }
        self.live.insert(pid);
        let signal = libc::WSTOPSIG(status);
        let why = match status >> 16 {
            0 if signal == libc::SIGTRAP | 0x80 => syscall_stop(pid).unwrap_or(Why::Other),
            0 => Why::Signal(signal),
            libc::PTRACE_EVENT_STOP if signal == libc::SIGTRAP => Why::Attached,
            libc::PTRACE_EVENT_STOP => Why::Group,
            libc::PTRACE_EVENT_EXEC => Why::Exec,
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                let child = ptrace::getevent(Pid::from_raw(pid)).ok();
                match child.and_then(|child| i32::try_from(child).ok()) {
                    Some(child) => Why::Forked { child },
                    None => Why::Other,
                }
            }
            _ => Why::Other,
        };
        Some(Next::Stop(Stop { pid, why }))
    }

    /// Kills every tracee, waits until each has ended, and tells how.
    pub fn kill_all(&mut self) -> Vec<(i32, Ended)> {
        for pid in self.live.clone() {
            send(pid, libc::SIGKILL);
        }
        let mut ended = Vec::new();
        while !self.live.is_empty() {
            match self.next(None) {
                // One that was born meanwhile: it stops first, and is killed then.
                Ok(Next::Stop(stop)) => {
                    send(stop.pid, libc::SIGKILL);
                    let _ = stop.run();
                }
                Ok(Next::Ended { pid, how }) => ended.push((pid, how)),
                Ok(Next::Asked(_) | Next::Late) => {}
                Ok(Next::Nobody) | Err(_) => self.live.clear(),
            }
        }
        ended
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.kill_all();
    }
}

/// Sends a signal; that its receiver is gone is no failure.
pub fn send(pid: i32, signal: i32) {
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = nix::sys::signal::kill(Pid::from_raw(pid), signal);
    }
}

/// Asks what a stop at a system call is (PTRACE_GET_SYSCALL_INFO, since Linux 5.3).
fn syscall_stop(pid: i32) -> Option<Why> {
    let info = ptrace::syscall_info(Pid::from_raw(pid)).ok()?;
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says that the kernel filled in `entry`.
            let entry = unsafe { info.u.entry };
            Some(Why::Entry { number: entry.nr, args: entry.args })
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: `op` says that the kernel filled in `exit`.
            let exit = unsafe { info.u.exit };
            Some(Why::Return { value: exit.sval, is_error: exit.is_error != 0 })
        }
        _ => None,
    }
}
