//! The fork model: a child process for each client.
//!
//! fork(2) copies the table of descriptors, so afterwards both have both sockets, and each closes the one
//! that is the other's. The parent closes the client's: a connection ends when its last descriptor is
//! closed, so with the parent's left open no client would ever see the end. The child closes the listening
//! ones: with these left open the port would stay taken, and clients be let in to a backlog that nobody
//! empties, for as long as any child lives.

use super::Changes;
use super::blocking::echo;
use super::door::Door;
use super::waiting::Servants;
use crate::kernel::Failure;
use crate::kernel::actor::{exit, fork};
use crate::kernel::interrupt::hang_up_on_term;
use crate::kernel::untraced::die_with_parent;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getppid};
use std::collections::HashSet;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

/// The children that serve.
pub struct Children {
    pids: HashSet<Pid>,
    idle: Option<Duration>,
    changes: Changes,
}

impl Children {
    pub fn new(idle: Option<Duration>, changes: Changes) -> Self {
        Self { pids: HashSet::new(), idle, changes }
    }

    fn signal(&self, signal: Signal) {
        for pid in &self.pids {
            // One that has ended and was not waited for keeps its pid, so no other process is hit.
            let _ = kill(*pid, signal);
        }
    }
}

impl Servants for Children {
    fn take(&mut self, client: OwnedFd, door: &mut Door<'_>) -> Result<(), (OwnedFd, Failure)> {
        let parent = getpid();
        match fork() {
            Ok(Some(pid)) => {
                self.pids.insert(Pid::from_raw(pid));
                drop(client);
                self.changes.tell();
                Ok(())
            }
            Ok(None) => {
                door.listeners.clear();
                self.changes.close();
                // The parent may have died before the kernel was told to pass that on.
                if die_with_parent().is_ok() && getppid() == parent && hang_up_on_term(client.as_fd()).is_ok()
                {
                    echo(&client, self.idle);
                }
                // Without running what is the parent's to run at its end.
                exit(0)
            }
            Err(failure) => Err((client, failure)),
        }
    }

    fn count(&self) -> usize {
        self.pids.len()
    }

    fn reap(&mut self) -> bool {
        let before = self.pids.len();
        // One signal may stand for the ends of many.
        while let Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) =
            waitpid(None, Some(WaitPidFlag::WNOHANG))
        {
            if self.pids.remove(&pid) {
                self.changes.tell();
            }
        }
        self.pids.len() < before
    }

    fn hang_up(&self) {
        self.signal(Signal::SIGTERM);
    }
}

impl Drop for Children {
    /// Leaves none behind.
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        for pid in self.pids.drain() {
            while waitpid(pid, None) == Err(nix::errno::Errno::EINTR) {}
        }
    }
}
