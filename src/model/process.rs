//! Processes and their tables.

use super::{Failure, FileId, Watch};
use thin_vec::ThinVec;

/// One process for ever: a pid is given again, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId {
    /// Thread group id; of a thread that has an entry of its own, the thread's id.
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
    pub watches: ThinVec<Watch>,
}

/// What a process refers to without a descriptor, and so without an open file description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Its working directory (chdir(2)).
    Cwd,
    /// Its root directory (chroot(2)).
    Root,
    /// The program that it runs (execve(2)).
    Exe,
    /// A file mapped into its memory (mmap(2)).
    Mem,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cwd, Self::Root, Self::Exe, Self::Mem];

    /// `cwd`, `root`, `exe` or `mem`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cwd => "cwd",
            Self::Root => "root",
            Self::Exe => "exe",
            Self::Mem => "mem",
        }
    }
}

/// A file in such a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Which place.
    pub place: Place,
    /// The file, as an open file description that has nothing but its file.
    pub file: FileId,
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
    /// Of a thread that is shown for itself: its process. A thread may have a table of its own
    /// (CLONE_FILES of clone(2), unshare(2)).
    pub leader: Option<ProcessId>,
    /// Of such a thread: whether it uses its process's table all the same, so that its descriptors are that
    /// one's and no others.
    pub shares_table: bool,
    /// Its parent; 0 where that is outside the reader's pid namespace.
    pub ppid: i32,
    /// Its process group (setpgid(2)); 0 where its leader is outside the reader's pid namespace.
    pub group: i32,
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
    /// What it refers to without a descriptor, where that was asked for.
    pub places: Vec<Placed>,
}

impl Process {
    /// The process's pid, also where this is one of its threads.
    pub fn pid(&self) -> i32 {
        self.leader.unwrap_or(self.id).pid
    }

    /// Whose descriptors these are: of a thread that uses its process's table, that one's.
    pub fn owner(&self) -> ProcessId {
        self.leader.filter(|_| self.shares_table).unwrap_or(self.id)
    }

    /// The thread's id, where this is a thread that is shown for itself.
    pub fn tid(&self) -> Option<i32> {
        self.leader.map(|_| self.id.pid)
    }
}
