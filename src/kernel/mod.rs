//! Bytes in, plain rows out: everything that is asked of the kernel.
//!
//! This room alone knows `/proc` paths, raw system calls and `unsafe` code. It gives rows of what the
//! kernel said and attaches no meaning to them: that a link reads `pipe:[4711]` is a row; that it is a
//! pipe is for `kind`. What failed is a [`Failure`], the call and its errno, never a default value.
//!
//! [`Source`] is the door. [`Live`] reads this machine; a saved snapshot or an eBPF iterator would be
//! one more file that implements it.
#![allow(unsafe_code)]

pub mod actor;
pub mod actor_sockets;
mod asked;
pub mod bits;
mod bpf;
pub mod capture;
mod decode;
mod devices;
mod diag;
mod diag_inet;
pub mod fdinfo;
mod file_ask;
pub mod inherited;
pub mod interrupt;
pub mod kcmp;
mod live;
mod lookup;
mod mounts;
mod nameless;
mod names;
mod net_row;
mod netlink;
mod netns;
mod places;
mod proc_dir;
mod proc_net;
mod proc_unix;
pub mod ptrace;
pub mod rows;
pub mod serving;
pub mod signals;
mod socket_copy;
mod socket_rows;
pub mod sockets;
#[cfg(test)]
mod sockets_tests;
pub mod spawn;
mod statx;
pub mod syscall;
mod targets;
mod task;
mod tcp_info;
pub mod terminal;
pub mod untraced;

pub use fdinfo::FdInfo;
pub use file_ask::{BpfObject, FileAsk, FileHandle};
pub use live::Live;
pub use places::{PlaceAsk, PlaceKind, PlaceRow};
pub use rows::{
    Ask, AtName, DeviceTables, FdRow, FileStat, FileTest, HostRow, LimitRow, LinkTest, StatRow, TaskDetails,
    TaskRow,
};
pub use socket_rows::{
    AskedSocket, InetRow, NetRow, Netns, SocketAsk, SocketDetail, SocketList, SocketRow, SocketTable, TcpRow,
    UnixRow,
};
pub use targets::KernelHolder;

use std::cmp::Ordering;

/// An error number of the kernel, see errno(3).
pub use nix::errno::Errno;

/// What failed: the system call, and the error that it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The name of the call, such as `openat`.
    pub call: &'static str,
    /// The error that it gave.
    pub errno: Errno,
}

impl Failure {
    /// Names the call that gave `errno`.
    pub fn new(call: &'static str, errno: Errno) -> Self {
        Self { call, errno }
    }

    /// Whether it says that the process is no longer there. `/proc/PID` gives ENOENT to a path
    /// lookup and ESRCH to a read through a descriptor that was opened while it lived.
    pub fn means_gone(self) -> bool {
        matches!(self.errno, Errno::ENOENT | Errno::ESRCH)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.call, self.errno)
    }
}

impl std::error::Error for Failure {}

/// What a call of this room gives: a row, or the failure in its place.
pub type Read<T> = Result<T, Failure>;

/// Where rows come from.
pub trait Source: Sync {
    /// The machine: its name and kernel (uname(2)).
    fn host(&self) -> Read<HostRow>;

    /// The thread group ids that are listed now, ascending.
    fn pids(&self) -> Read<Vec<i32>>;

    /// One process, or a thread by its own id, and its descriptors, all read of the same task: when it exits or is replaced
    /// under its pid half-way, that is ESRCH, never a mixture.
    fn task(&self, pid: i32, ask: &Ask<'_>) -> Read<TaskRow>;

    /// `/proc/PID/stat` of one process: who it is and whose child, without its table.
    fn stat(&self, pid: i32) -> Read<StatRow>;

    /// The kernel's name for the protocol of a socket, where that was not asked for with its table.
    fn protocol(&self, pid: i32, fd: i32) -> Read<String>;

    /// The threads of a process, ascending (proc_pid_task(5)).
    fn threads(&self, pid: i32) -> Read<Vec<i32>>;

    /// Whether two tasks, processes or threads, use one table of descriptors (kcmp(2), KCMP_FILES).
    fn share_table(&self, a: i32, b: i32) -> Read<bool>;

    /// The inode number of a network namespace (namespaces(7)), which is its name.
    fn net_namespace(&self, netns: Netns) -> Read<u64>;

    /// All sockets of one list, as a network namespace has them.
    fn sockets(&self, netns: Netns, table: SocketTable, ask: SocketAsk<'_>) -> Read<SocketList>;

    /// Whether a network namespace has any socket of MPTCP that is connected or listens: in the list of TCP
    /// nothing tells these from others.
    fn has_mptcp(&self, netns: Netns) -> Read<bool>;

    /// The TCP connections of a process's network namespace that are in TIME_WAIT.
    fn time_wait(&self, pid: i32) -> Read<Vec<SocketRow>>;

    /// The addresses and interfaces of a network namespace.
    fn net(&self, netns: Netns) -> Read<NetRow>;

    /// Asks a socket itself, through a copy of the descriptor that is there for a moment: for what no
    /// list tells. Needs the rights to trace the process (pidfd_getfd(2)).
    fn ask_socket(&self, pid: i32, fd: i32) -> Read<AskedSocket>;

    /// The system call in which a task waits, and its arguments; nothing where it runs or stands still
    /// for another reason (proc_pid_syscall(5)).
    fn waiting(&self, pid: i32) -> Read<Option<(&'static str, [u64; 6])>>;

    /// Orders two descriptors, given as (pid, fd), by the address of their open file description:
    /// `Equal` proves that it is the same one (kcmp(2), KCMP_FILE).
    fn compare(&self, a: (i32, i32), b: (i32, i32)) -> Read<Ordering>;

    /// Compares what an epoll instance, given as (pid, fd), watches under the number `tfd`, the
    /// `nth` of those that it watches under that number, with a descriptor: `Equal` proves that it is
    /// that one's open file description (kcmp(2), KCMP_EPOLL_TFD).
    fn compare_watch(&self, epoll: (i32, i32), tfd: i32, nth: u32, with: (i32, i32)) -> Read<Ordering>;

    /// The device of the devpts instance that a pseudoterminal's master, opened by the path `link`,
    /// belongs to: that of the directory `pts` beside it, as the process sees it (`fs/devpts/inode.c`,
    /// `devpts_ptmx_path`).
    fn devpts(&self, pid: i32, link: &[u8]) -> Read<(u32, u32)>;

    /// The file at a path, symbolic links followed.
    fn file_at(&self, path: &[u8]) -> Read<FileStat>;

    /// A path without symbolic links in it, as the links in `/proc` have it.
    fn real_path(&self, path: &[u8]) -> Read<Vec<u8>>;

    /// Gives each file below a directory to `found`, the directory included, and each directory that could
    /// not be read to `failed`. Symbolic links are not followed.
    fn walk(&self, path: &[u8], found: &mut dyn FnMut(&FileStat), failed: &mut dyn FnMut(Vec<u8>, Failure));

    /// What the kernel itself holds open: the files behind loop devices and swap space.
    fn kernel_holders(&self) -> Vec<KernelHolder>;

    /// The effective user id of a process.
    fn user_of(&self, pid: i32) -> Read<u32>;

    /// The id of a user, where the system has one of this name (nsswitch.conf(5)).
    fn user_id(&self, name: &str) -> Option<u32>;

    /// What of the file of a descriptor takes calls of its own, in the order asked for.
    fn ask_file(&self, pid: i32, fd: i32, asks: &[FileAsk]) -> Vec<Read<Vec<u8>>>;

    /// The name of a user, where the system has one for the number (nsswitch.conf(5)).
    fn user_name(&self, uid: u32) -> Option<String>;

    /// Device numbers whose meaning only this kernel knows.
    fn devices(&self) -> DeviceTables;
}
