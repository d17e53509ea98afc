//! Starting an actor where tracing is forbidden: it stops itself where there is something to see, and
//! dies with this process as a tracee would.

use super::actor::environment;
use super::ptrace::Ended;
use super::signals::{SIGCONT, Signals, Woken};
use super::spawn::{Outputs, become_program};
use super::{Errno, Failure, Read};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, fork, getppid};
use std::ffi::{CStr, CString};
use std::time::Instant;

/// A child that is not traced.
#[derive(Debug)]
pub struct Untraced {
    pid: i32,
    ended: Option<Ended>,
}

impl Untraced {
    /// Starts `program`, as `spawn::launch_with` does, but does not seize it.
    pub fn launch(program: &CStr, argv: &[CString], outputs: Outputs, signals: &Signals) -> Read<Self> {
        // What the actor's own children leave behind becomes this process's when they end, so that it
        // can be ended as well (PR_SET_CHILD_SUBREAPER).
        // SAFETY: the call takes integers alone.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
            .map_err(|errno| Failure::new("prctl", errno))?;
        let (environment, mask, parent) = (environment(), signals.before(), std::process::id());
        // SAFETY: this program has one thread, so its child may do whatever it may do.
        match unsafe { fork() }.map_err(|errno| Failure::new("clone", errno))? {
            ForkResult::Parent { child } => Ok(Self { pid: child.as_raw(), ended: None }),
            ForkResult::Child => {
                // The parent may have died before the kernel was told to pass that on.
                if die_with_parent().is_ok() && u32::try_from(getppid().as_raw()) == Ok(parent) {
                    let _ = become_program(&mask, program, argv, &environment, outputs);
                }
                // SAFETY: ends the process without running anything that the parent is to run as well.
                unsafe { libc::_exit(127) }
            }
        }
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Read<Option<Ended>> {
        if self.ended.is_none() {
            let mut status = 0;
            // SAFETY: `status` is a valid place for an int.
            let pid = Errno::result(unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) })
                .map_err(|errno| Failure::new("wait4", errno))?;
            if pid == self.pid && libc::WIFSIGNALED(status) {
                self.ended = Some(Ended::Killed(libc::WTERMSIG(status)));
            } else if pid == self.pid && libc::WIFEXITED(status) {
                self.ended = Some(Ended::Exited(libc::WEXITSTATUS(status)));
            }
        }
        Ok(self.ended)
    }

    /// Waits for its end, a signal or the deadline.
    pub fn wait(&mut self, signals: &Signals, deadline: Instant) -> Read<Woken> {
        loop {
            match signals.wait(Some(deadline))? {
                Woken::Child if self.ended()?.is_none() => {}
                woken => return Ok(woken),
            }
        }
    }
}

impl Drop for Untraced {
    /// Kills it, and with it all that it has left behind. Its own children are told to die with it; what
    /// these have started becomes a child of this process, and is killed then.
    fn drop(&mut self) {
        loop {
            // The list is there where CONFIG_PROC_CHILDREN is set (proc_tid_children(5)). Without it
            // only the actor is known, and only that is waited for.
            let list = std::fs::read_to_string("/proc/thread-self/children").ok();
            let whom = if list.is_some() { -1 } else { self.pid };
            let children = list.unwrap_or_default();
            for child in children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()) {
                let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
            }
            if self.ended.is_none() {
                let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
            }
            let mut status = 0;
            // SAFETY: `status` is a valid place for an int.
            let pid = Errno::result(unsafe { libc::waitpid(whom, &raw mut status, 0) });
            match pid {
                Ok(pid) if pid == self.pid => self.ended = Some(Ended::Killed(libc::SIGKILL)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }
}

/// Has the kernel kill this process when its parent ends (PR_SET_PDEATHSIG). It lasts through execve.
pub fn die_with_parent() -> Read<()> {
    // SAFETY: the call takes integers alone.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
    Errno::result(result).map(drop).map_err(|errno| Failure::new("prctl", errno))
}

/// Stops this process until somebody continues it.
pub fn stop_self() -> Read<()> {
    nix::sys::signal::raise(Signal::SIGSTOP).map_err(|errno| Failure::new("tgkill", errno))
}

/// Continues a process that has stopped itself.
pub fn proceed(pid: i32) {
    super::ptrace::send(pid, SIGCONT);
}
