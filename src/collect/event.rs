//! What a [`Follower`](super::follow::Follower) tells.

use crate::kernel::ptrace::Stop;
use crate::model::{Fate, Step};

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// A task is about to make a call of the table.
    Entry {
        /// The call's name.
        call: &'static str,
        /// Where it stands.
        stop: Stop,
    },
    /// A call of the table has returned.
    Step {
        /// What it was and did. Its number is that of the call among all seen.
        step: Step,
        /// Where the task stands.
        stop: Stop,
    },
    /// A new task stands before its first instruction.
    Born {
        /// Which, and of whom.
        birth: Birth,
        /// Where it stands.
        stop: Stop,
    },
    /// A new program stands before its first instruction.
    Exec {
        /// The call that brought it.
        step: Step,
        /// The id of the thread that made that call, where it was not the first one's.
        former: i32,
        /// Where it stands.
        stop: Stop,
    },
    /// A task is about to exit; its table is complete still.
    Exiting {
        /// Where it stands.
        stop: Stop,
    },
    /// A task has ended.
    Ended {
        /// Which.
        tid: i32,
        /// How.
        fate: Fate,
    },
    /// This signal asks this program to end.
    Asked(i32),
    /// The time is up.
    Late,
    /// Nobody is left to follow.
    Nobody,
}

/// A new task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth {
    /// Its id.
    pub child: i32,
    /// The task that made it.
    pub parent: i32,
    /// Whether it is a thread of that one's process.
    pub is_thread: bool,
    /// Whether both use one table (CLONE_FILES), so that what one opens the other has.
    pub shares_table: bool,
    /// Whether the parent stands still until the child has executed or ended (vfork(2)).
    pub parent_waits: bool,
}
