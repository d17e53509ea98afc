//! The plain rows that this room gives out. Nothing in them is interpreted.

use super::Read;
use super::fdinfo::FdInfo;
use super::nameless::Nameless;
use super::places::{PlaceAsk, PlaceRow};
use std::borrow::Cow;

/// What to read of a process. Every field that is off saves calls per process or per descriptor.
#[derive(Clone, Copy, Default)]
pub struct Ask<'a> {
    /// argv, limits and cgroups, and what [`Self::users`] is.
    pub details: bool,
    /// The effective user, and the pids in nested namespaces.
    pub users: bool,
    /// `/proc/PID/fdinfo/FD`: flags, CLOEXEC, offset and the kind's own lines.
    pub fdinfo: bool,
    /// The same of those descriptors alone whose link passes, where [`Self::fdinfo`] is off.
    pub fdinfo_of: Option<&'a LinkTest<'a>>,
    /// The protocols of sockets, a call for each. Where it is off, lists of sockets may tell them.
    pub protocols: bool,
    /// Only descriptors whose link passes are read further and given out.
    pub only: Option<&'a LinkTest<'a>>,
    /// Only descriptors and places whose file passes are read further and given out; where the file cannot
    /// be stat'ed, it is.
    pub only_files: Option<&'a FileTest<'a>>,
    /// Whether the file is looked at before the link: that saves a call for each that does not pass, and costs one
    /// for each whose link alone would have told.
    pub files_first: bool,
    /// Of mapped files only those whose inode number passes: what the list of mappings tells of them.
    pub only_mapped: Option<&'a (dyn Fn(u64) -> bool + Sync + 'a)>,
    /// What it refers to without a descriptor.
    pub places: PlaceAsk,
}

/// A test of a file.
pub type FileTest<'a> = dyn Fn(&FileStat) -> bool + Sync + 'a;

/// A test of a link's text.
pub type LinkTest<'a> = dyn Fn(&[u8]) -> bool + Sync + 'a;

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            details, users, fdinfo, fdinfo_of, protocols, only, only_files, only_mapped, places, ..
        } = self;
        let (some, only) =
            (fdinfo_of.is_some(), only.is_some() || only_files.is_some() || only_mapped.is_some());
        write!(
            f,
            "Ask {{ details: {details}, users: {users}, fdinfo: {fdinfo}, fdinfo_of: {some}, \
             protocols: {protocols}, only: {only}, places: {places:?} }}"
        )
    }
}

/// One process.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// The process, or the thread that was asked for, as the reader's `/proc` numbers it.
    pub pid: i32,
    /// `/proc/PID/stat`.
    pub stat: StatRow,
    /// What [`Ask::details`] asked for.
    pub details: Option<TaskDetails>,
    /// The descriptors, ascending, or why they could not be listed.
    pub table: Read<Vec<FdRow>>,
    /// What [`Ask::places`] asked for.
    pub places: Vec<PlaceRow>,
}

/// What a person wants to know of a process besides its table; absent is what was not asked for.
#[derive(Debug, Clone)]
pub struct TaskDetails {
    /// The arguments (proc_pid_cmdline(5)); empty for kernel threads and zombies.
    pub argv: Option<Read<Vec<Vec<u8>>>>,
    /// The effective user id, and the pid in each nested pid namespace, outermost first.
    pub status: Read<StatusRow>,
    /// RLIMIT_NOFILE.
    pub limit: Option<Read<LimitRow>>,
    /// The control groups, as `hierarchy:path`, in the order of proc_pid_cgroup(5).
    pub cgroups: Option<Read<Vec<(u32, String)>>>,
}

/// PF_KTHREAD of `include/linux/sched.h`: the task is a kernel thread.
const PF_KTHREAD: u64 = 0x0020_0000;

/// What is taken from `/proc/PID/stat` (proc_pid_stat(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatRow {
    /// The command's name: at most 15 bytes, any but NUL.
    pub comm: Vec<u8>,
    /// The state's letter: R, S, D, Z, T, t, X, I.
    pub state: u8,
    /// The parent's pid, 0 where it is outside the reader's pid namespace.
    pub ppid: i32,
    /// The process group, 0 where its leader is outside the reader's pid namespace.
    pub pgrp: i32,
    /// PF_* flags.
    pub flags: u64,
    /// How many threads the process has; its first one counts until the whole process is gone.
    pub threads: u32,
    /// When it started, in clock ticks after boot.
    pub start_ticks: u64,
}

impl StatRow {
    /// Whether it is a thread of the kernel, which has no descriptors.
    pub fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// Whether it has exited, so that its table is gone.
    pub fn is_dead(&self) -> bool {
        self.first_thread_is_dead() && self.threads <= 1
    }

    /// Whether its first thread has exited. Others may go on with the table; that of the first one,
    /// which is the process's under `/proc/PID`, is empty then.
    pub fn first_thread_is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// What is taken from `/proc/PID/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRow {
    /// Effective user id.
    pub uid: u32,
    /// The pid in each pid namespace from the reader's down to its own.
    pub ns_pids: Vec<i32>,
}

/// RLIMIT_NOFILE in descriptors; `None` is unlimited (getrlimit(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitRow {
    /// What open(2) enforces.
    pub soft: Option<u64>,
    /// What the soft limit may be raised to.
    pub hard: Option<u64>,
}

/// One descriptor of a process.
#[derive(Debug, Clone)]
pub struct FdRow {
    /// Its number.
    pub fd: i32,
    /// The text of the link in `/proc/PID/fd`, byte for byte.
    pub link: Read<Vec<u8>>,
    /// The permission bits of that link: which of read and write it is open for.
    pub link_mode: Option<u32>,
    /// The file behind it. Of a pipe, a socket and most anonymous inodes the link tells which file that is, and
    /// nothing was asked: they have no name, no size and no mount.
    pub stat: Read<FileStat>,
    /// `/proc/PID/fdinfo/FD`, where it was asked for.
    pub info: Option<Read<FdInfo>>,
    /// Of a socket, where [`Ask::protocols`] is on: the kernel's name for its protocol, such as `TCPv6` or
    /// `UNIX-STREAM`.
    pub protocol: Option<Read<Cow<'static, str>>>,
    /// The type of the file's filesystem (statfs(2)), asked only where nothing else can tell: of what
    /// may be a POSIX message queue, which by its name and inode is a regular file, and of the masters of
    /// pseudoterminals.
    pub filesystem: Option<u32>,
    /// Of a link that ends in ` (deleted)` though the file has a name: what that means, where it is certain.
    pub at_name: Option<AtName>,
}

/// What a link's ` (deleted)` means, by what is there by that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtName {
    /// The file is called so.
    Literal,
    /// It is the kernel's mark, and the file is there again by the name without it.
    Unmarked,
    /// It is the kernel's mark, and that name is gone.
    Gone,
}

/// What statx_at(2) says of a file. Sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileStat {
    /// Type and permission bits; anonymous inodes have no type bits.
    pub mode: u32,
    /// The device that holds the inode: major and minor number.
    pub dev: (u32, u32),
    /// The inode number.
    pub ino: u64,
    /// Of a device file: the device that it stands for.
    pub rdev: (u32, u32),
    /// How many names the inode has.
    pub nlink: u32,
    /// Its length.
    pub size: u64,
    /// The block size for I/O; of hugetlbfs, the size of its pages.
    pub block_size: u32,
    /// How many blocks of 512 bytes it takes.
    pub blocks: u64,
    /// The mount that it was reached through, by the number that it has in `/proc/PID/mountinfo`; `None`
    /// before Linux 5.8.
    pub mount: Option<u64>,
    /// Whether it is the root of that mount; `false` before Linux 5.8 as well.
    pub is_mount_root: bool,
}

impl FileStat {
    /// Whether it is a socket in a filesystem, to which one may connect by its name.
    pub fn is_socket(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFSOCK
    }

    /// A file that has no name, by what its link tells.
    pub fn nameless(mode: u32, dev: (u32, u32), ino: u64) -> Self {
        Self { mode, dev, ino, nlink: 1, block_size: 4096, ..Self::default() }
    }

    /// Whether it stands for a device.
    pub fn is_device(&self) -> bool {
        matches!(self.mode & libc::S_IFMT, libc::S_IFBLK | libc::S_IFCHR)
    }
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// Its name (the reader's UTS namespace).
    pub name: String,
    /// The kernel's release.
    pub kernel: String,
}

/// Device numbers whose meaning is this kernel's alone.
#[derive(Debug, Clone, Default)]
pub struct DeviceTables {
    /// Terminals: the major number with the first and last minor (`/proc/tty/drivers`).
    pub ttys: Vec<(u32, u32, u32)>,
    /// The device of the kernel's own tmpfs, on which memfd_create(2) makes its files.
    pub memfd: Option<(u32, u32)>,
    /// The files that have no name.
    pub nameless: Nameless,
    /// The device of the filesystem of namespaces.
    pub nsfs: Option<(u32, u32)>,
    /// The drivers of character devices by major number, where it belongs to one alone.
    pub char: Vec<(u32, String)>,
    /// Those of block devices.
    pub block: Vec<(u32, String)>,
    /// The drivers of the miscellaneous devices, whose major number is 10, by minor number.
    pub misc: Vec<(u32, String)>,
}
