//! Stops of traced processes, see ptrace(2).
//!
//! A tracee is seized before it runs a line of its program, so that no call of it is missed, and dies
//! with this process (PTRACE_O_EXITKILL), so that nothing is left behind. Each kind of stop is a type
//! of its own, and resuming consumes it: a task that is stopped has one value that says so, and one
//! that runs has none.

use super::proc_dir::ProcDir;
use super::signals::{Signals, Woken};
use super::{Errno, Failure, Read};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::time::Instant;

/// A task that is stopped, and what is known of its stop.
#[derive(Debug)]
#[must_use = "a stopped task stays stopped until it is resumed"]
pub struct Stopped<Kind> {
    /// Its id: a thread's own, which for a process's first thread is the pid.
    pub tid: i32,
    /// What kind of stop it is.
    pub kind: Kind,
}

/// A new task, before its first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached;

/// About to make a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The architecture whose numbers `number` is of (AUDIT_ARCH_* of `include/uapi/linux/audit.h`).
    pub arch: u32,
    /// The call's number.
    pub number: u64,
    /// Its arguments, as integers.
    pub args: [u64; 6],
}

/// A system call has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Return {
    /// The value that it returned; an errno, negated, when `is_error`.
    pub value: i64,
    /// Whether that is an error.
    pub is_error: bool,
}

/// execve(2) has done its work: the CLOEXEC descriptors are gone, the other threads too, and the new
/// program has not run an instruction yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exec {
    /// The id that the task had before: another than its pid when a thread that was not the first one
    /// executed the program.
    pub former: i32,
}

/// A task has been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Born {
    /// Its id.
    pub child: i32,
    /// Whether the one that made it waits until it has executed a program or ended (CLONE_VFORK).
    pub waits: bool,
}

/// About to exit; its table is complete still (PTRACE_EVENT_EXIT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exiting;

/// A signal is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Its number; real-time signals have those above 31.
    pub signal: i32,
}

/// A signal has stopped the whole process, as a shell's Ctrl-Z does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Which signal.
    pub signal: i32,
}

/// Something that needs nothing but to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other;

/// How far to let a task go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// To the next system call, or another stop before it.
    ToCall,
    /// It no longer stops at system calls.
    Free,
}

impl<Kind> Stopped<Kind> {
    /// Lets it go on.
    pub fn go(self, pace: Pace) -> Read<()> {
        resume(self.tid, pace.request(), 0)
    }
}

impl Stopped<Delivery> {
    /// Lets it go on with its signal.
    pub fn deliver(self, pace: Pace) -> Read<()> {
        resume(self.tid, pace.request(), self.kind.signal)
    }
}

impl Stopped<Group> {
    /// Leaves it stopped as the signal wants it, so that its parent sees that and may continue it.
    pub fn stay(self) -> Read<()> {
        match resume(self.tid, libc::PTRACE_LISTEN, 0) {
            // Killed meanwhile: it stands at its exit, which is yet to be waited for.
            Err(Failure { errno: Errno::EIO, .. }) => Ok(()),
            result => result,
        }
    }
}

impl Pace {
    fn request(self) -> libc::c_uint {
        match self {
            Self::ToCall => libc::PTRACE_SYSCALL,
            Self::Free => libc::PTRACE_CONT,
        }
    }
}

fn resume(tid: i32, request: libc::c_uint, signal: i32) -> Read<()> {
    // SAFETY: these requests take no address and their data is a signal's number. nix has no LISTEN
    // and cannot pass on real-time signals.
    let result = unsafe { libc::ptrace(request, tid, 0usize, libc::c_long::from(signal)) };
    match Errno::result(result) {
        // Killed while it was stopped: its end is yet to be waited for.
        Ok(_) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(Failure::new("ptrace", errno)),
    }
}

/// A stop of whichever kind.
#[derive(Debug)]
pub enum Stop {
    Attached(Stopped<Attached>),
    Entry(Stopped<Entry>),
    Return(Stopped<Return>),
    Exec(Stopped<Exec>),
    Born(Stopped<Born>),
    Exiting(Stopped<Exiting>),
    Delivery(Stopped<Delivery>),
    Group(Stopped<Group>),
    Other(Stopped<Other>),
}

impl Stop {
    /// Whose it is.
    pub fn tid(&self) -> i32 {
        match self {
            Self::Attached(stop) => stop.tid,
            Self::Entry(stop) => stop.tid,
            Self::Return(stop) => stop.tid,
            Self::Exec(stop) => stop.tid,
            Self::Born(stop) => stop.tid,
            Self::Exiting(stop) => stop.tid,
            Self::Delivery(stop) => stop.tid,
            Self::Group(stop) => stop.tid,
            Self::Other(stop) => stop.tid,
        }
    }

    /// Lets the task do what it would do without a tracer: go on, take its signal, stay stopped.
    pub fn go(self, pace: Pace) -> Read<()> {
        match self {
            Self::Delivery(stop) => stop.deliver(pace),
            Self::Group(stop) => stop.stay(),
            other => resume(other.tid(), pace.request(), 0),
        }
    }
}

/// How a task ended.
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
    /// A task is stopped.
    Stop(Stop),
    /// A task has ended.
    Ended {
        /// Which.
        tid: i32,
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
            | Options::PTRACE_O_TRACEEXIT
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(Pid::from_raw(pid), options).map_err(|errno| Failure::new("ptrace", errno))?;
        self.live.insert(pid);
        Ok(())
    }

    /// The tasks that have not ended.
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
            // Looked at first, so that both are heard also where stops come without a pause.
            if let Some(Woken::Asked(signal)) = self.signals.pending()? {
                return Ok(Next::Asked(signal));
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Next::Late);
            }
            let mut status = 0;
            // SAFETY: `status` is a valid place for an int. nix's waitpid reaps a process that a
            // real-time signal killed and then fails, so that its end would be lost.
            let tid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) };
            match Errno::result(tid) {
                Ok(0) => match self.signals.wait(deadline)? {
                    Woken::Child => {}
                    Woken::Asked(signal) => return Ok(Next::Asked(signal)),
                    Woken::Late => return Ok(Next::Late),
                },
                Ok(tid) => {
                    if let Some(next) = self.decode(tid, status) {
                        return Ok(next);
                    }
                }
                Err(Errno::ECHILD) => return Ok(Next::Nobody),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Failure::new("wait4", errno)),
            }
        }
    }

    fn decode(&mut self, tid: i32, status: i32) -> Option<Next> {
        let ended = if libc::WIFEXITED(status) {
            Some(Ended::Exited(libc::WEXITSTATUS(status)))
        } else if libc::WIFSIGNALED(status) {
            Some(Ended::Killed(libc::WTERMSIG(status)))
        } else {
            None
        };
        if let Some(how) = ended {
            self.live.remove(&tid);
            return Some(Next::Ended { tid, how });
        }
        if !libc::WIFSTOPPED(status) {
            return None;
        }
        self.live.insert(tid);
        let signal = libc::WSTOPSIG(status);
        let message = || ptrace::getevent(Pid::from_raw(tid)).ok().and_then(|id| i32::try_from(id).ok());
        let other = Stop::Other(Stopped { tid, kind: Other });
        let stop = match status >> 16 {
            0 if signal == libc::SIGTRAP | 0x80 => call_stop(tid).unwrap_or(other),
            0 => Stop::Delivery(Stopped { tid, kind: Delivery { signal } }),
            libc::PTRACE_EVENT_STOP if signal == libc::SIGTRAP => {
                Stop::Attached(Stopped { tid, kind: Attached })
            }
            libc::PTRACE_EVENT_STOP => Stop::Group(Stopped { tid, kind: Group { signal } }),
            libc::PTRACE_EVENT_EXIT => Stop::Exiting(Stopped { tid, kind: Exiting }),
            libc::PTRACE_EVENT_EXEC => {
                let former = message().unwrap_or(tid);
                // A thread that was not the first one takes the pid over, without an end of its own.
                if former != tid {
                    self.live.remove(&former);
                }
                Stop::Exec(Stopped { tid, kind: Exec { former } })
            }
            event @ (libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE) => {
                let waits = event == libc::PTRACE_EVENT_VFORK;
                message().map_or(other, |child| Stop::Born(Stopped { tid, kind: Born { child, waits } }))
            }
            _ => other,
        };
        Some(Next::Stop(stop))
    }

    /// Kills every tracee, waits until each has ended, and tells how.
    pub fn kill_all(&mut self) -> Vec<(i32, Ended)> {
        for tid in self.live.clone() {
            send(tid, libc::SIGKILL);
            // One that stands at its exit does not take the signal any more.
            let _ = resume(tid, libc::PTRACE_CONT, 0);
        }
        let mut ended = Vec::new();
        while !self.live.is_empty() {
            match self.next(None) {
                // One that was born meanwhile, or the stop before its end.
                Ok(Next::Stop(stop)) => {
                    send(stop.tid(), libc::SIGKILL);
                    let _ = stop.go(Pace::Free);
                }
                Ok(Next::Ended { tid, how }) => ended.push((tid, how)),
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

/// The process that a task belongs to: its own id, unless it is a thread that is not the first one.
/// No right is needed to ask.
pub fn process_of(tid: i32) -> Option<i32> {
    let mut dir = ProcDir::open(tid).ok()?;
    let status = dir.read_piece("status").ok()?;
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"Tgid:\t"))?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// Asks what a stop at a system call is (PTRACE_GET_SYSCALL_INFO, since Linux 5.3).
fn call_stop(tid: i32) -> Option<Stop> {
    let info = ptrace::syscall_info(Pid::from_raw(tid)).ok()?;
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says that the kernel filled in `entry`.
            let entry = unsafe { info.u.entry };
            let kind = Entry { arch: info.arch, number: entry.nr, args: entry.args };
            Some(Stop::Entry(Stopped { tid, kind }))
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: `op` says that the kernel filled in `exit`.
            let exit = unsafe { info.u.exit };
            let kind = Return { value: exit.sval, is_error: exit.is_error != 0 };
            Some(Stop::Return(Stopped { tid, kind }))
        }
        _ => None,
    }
}
