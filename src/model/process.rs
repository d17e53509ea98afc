//! Processes and their tables.

use super::{Failure, FileId, Watch};

/// One process for ever: a pid is given again, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId {
    /// Thread group id.
    pub pid: i32,
    /// When it started, in clock ticks after boot.
    pub start_ticks: u64,
}

/// What a process is doing (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// On a processor or waiting for one.
    Running,
    /// Waiting, interruptible.
    Sleeping,
    /// Waiting, not interruptible.
    DiskSleep,
    /// Stopped by a signal.
    Stopped,
    /// Stopped by a tracer.
    Tracing,
    /// Exited, and not yet waited for: it has no table any more.
    Zombie,
    /// Being removed.
    Dead,
    /// A kernel thread that is idle.
    Idle,
    /// A letter that this program does not know.
    Other(char),
}

impl State {
    /// The state's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::DiskSleep => "disk-sleep",
            Self::Stopped => "stopped",
            Self::Tracing => "tracing-stop",
            Self::Zombie => "zombie",
            Self::Dead => "dead",
            Self::Idle => "idle",
            Self::Other(_) => "unknown",
        }
    }
}

/// RLIMIT_NOFILE, in descriptors; `None` is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What open(2) enforces.
    pub soft: Option<u64>,
    /// What the soft limit may be raised to.
    pub hard: Option<u64>,
}

/// A number in one process's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The number.
    pub fd: i32,
    /// Whether execve(2) closes it; `None` where fdinfo was not read. It belongs to the descriptor
    /// and not to the open file description, although fdinfo prints both in one field.
    pub cloexec: Option<bool>,
    /// The open file description that it refers to.
    pub file: FileId,
    /// Of an epoll instance: what it watches. The list is the instance's, what its numbers mean is each
    /// process's own.
    pub watches: Vec<Watch>,
}

/// A process's table of descriptors, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FdTable {
    /// The descriptors.
    pub descriptors: Vec<Descriptor>,
}

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Which.
    pub id: ProcessId,
    /// Its parent; 0 where that is outside the reader's pid namespace.
    pub ppid: i32,
    /// The command's name, any bytes but NUL, at most 15 of them.
    pub comm: Vec<u8>,
    /// The arguments that it was executed with.
    pub argv: Vec<Vec<u8>>,
    /// Effective user id.
    pub uid: Option<u32>,
    /// That user's name, where it has one.
    pub user: Option<String>,
    /// What it is doing.
    pub state: State,
    /// Its pid in each pid namespace from the reader's down to its own; more than one where it is
    /// in a nested one.
    pub ns_pids: Vec<i32>,
    /// Its control group, where that is not the root.
    pub cgroup: Option<String>,
    /// The container that the control group's name tells of: its runtime's id.
    pub container: Option<String>,
    /// How many descriptors it may have.
    pub limit: Option<Limit>,
    /// Its table, or why that could not be read.
    pub table: Result<FdTable, Failure>,
}
