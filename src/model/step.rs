//! What happened in a lab: system calls that were seen to return, and how processes ended.

use super::{Access, KindName};

/// What a descriptor referred to, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    /// The kind of file.
    pub kind: KindName,
    /// The kernel's name for it, where it could be read.
    pub name: Option<Vec<u8>>,
    /// What it was opened for.
    pub access: Option<Access>,
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A number is there that was not.
    Opened {
        /// The number.
        fd: i32,
        /// What it is now, in a few words.
        what: Glimpse,
    },
    /// A number is gone.
    Closed {
        /// The number.
        fd: i32,
        /// What it was.
        what: Glimpse,
    },
    /// execve will close it, or no longer will.
    Cloexec {
        /// The number.
        fd: i32,
        /// Whether it will.
        on: bool,
    },
    /// The offset of its open file description is another.
    Moved {
        /// The number.
        fd: i32,
        /// In bytes, before.
        from: i64,
        /// In bytes, now.
        to: i64,
    },
    /// A number refers to something else.
    Replaced {
        /// The number.
        fd: i32,
        /// What it was.
        from: Glimpse,
        /// What it is now.
        to: Glimpse,
    },
}

/// A system call of an actor, seen at the stop at its return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which in the order in which they were seen, from 1.
    pub n: usize,
    /// The role of the process: `shell`, or the command that it is to become.
    pub actor: String,
    /// Its pid.
    pub pid: i32,
    /// The kernel's name for the call.
    pub call: &'static str,
    /// The arguments, decoded.
    pub args: Vec<String>,
    /// The result, decoded: a number, an error's name, or what was written to memory.
    pub result: String,
    /// What it did to the process's table, read before and after.
    pub changes: Vec<Change>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}
