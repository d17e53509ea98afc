//! The thread model: a thread for each client, and one table of descriptors for all.
//!
//! So there is nothing to close twice, and nothing that would be closed by itself: a client whose thread
//! forgot it would stay connected for ever.

use super::Changes;
use super::blocking::echo;
use super::door::Door;
use super::waiting::Servants;
use crate::kernel::interrupt::tell_of_ended_thread;
use crate::kernel::{Errno, Failure};
use nix::sys::socket::{Shutdown, shutdown};
use std::collections::HashMap;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// Enough for the buffer that is on it, in bytes.
const STACK: usize = 1 << 17;

/// The clients that have a thread.
pub struct Threads {
    served: Arc<Served>,
    next: u64,
    idle: Option<Duration>,
    changes: Changes,
}

#[derive(Default)]
struct Served(Mutex<HashMap<u64, Arc<OwnedFd>>>);

impl Served {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<OwnedFd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Threads {
    pub fn new(idle: Option<Duration>, changes: Changes) -> Self {
        Self { served: Arc::default(), next: 0, idle, changes }
    }
}

impl Servants for Threads {
    fn take(&mut self, client: OwnedFd, _: &mut Door<'_>) -> Result<(), (OwnedFd, Failure)> {
        let number = self.next;
        self.next += 1;
        let theirs = Arc::new(client);
        self.served.lock().insert(number, Arc::clone(&theirs));
        let (served, idle, changes) = (Arc::clone(&self.served), self.idle, self.changes.clone());
        let thread = Builder::new().name(format!("client {number}")).stack_size(STACK).spawn(move || {
            echo(&theirs, idle);
            served.lock().remove(&number);
            // Closed before anybody is told.
            drop(theirs);
            changes.tell();
            tell_of_ended_thread();
        });
        let Err(error) = thread else {
            self.changes.tell();
            return Ok(());
        };
        let failure = Failure::new("clone3", Errno::from_raw(error.raw_os_error().unwrap_or(0)));
        // Nobody has it but the table.
        let client = self.served.lock().remove(&number).and_then(Arc::into_inner);
        client.map_or(Ok(()), |client| Err((client, failure)))
    }

    fn count(&self) -> usize {
        self.served.lock().len()
    }

    fn reap(&mut self) -> bool {
        // Who was told of has left already.
        true
    }

    fn hang_up(&self) {
        for client in self.served.lock().values() {
            let _ = shutdown(client.as_raw_fd(), Shutdown::Read);
        }
    }
}
