//! The system calls that make, copy, pass, alter or close descriptors, start processes or become
//! another program: their names, and what their arguments are.
//!
//! How an argument is read and written as text is in `decode`.

use super::decode;

/// A call of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    number: libc::c_long,
    /// The kernel's name for it.
    pub name: &'static str,
    args: &'static [Arg],
    result: Out,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arg {
    /// A descriptor, or AT_FDCWD.
    Fd,
    /// An int, in decimal.
    Int,
    /// A number without a sign, in decimal.
    Unsigned,
    /// An offset, in decimal.
    Offset,
    /// The access mode and O_* flags of open.
    OpenFlags,
    /// O_* flags of a call that opens for no access mode.
    Flags,
    /// Permission bits of a file that is made.
    Mode,
    /// Permission bits that say something only where the flags before them make a file.
    ModeIfMade,
    /// `struct open_how` of openat2(2).
    OpenHow,
    /// The flags of clone(2), with a signal in the lowest byte.
    CloneFlags,
    /// The flags of unshare(2): those of clone(2) without a signal.
    UnshareFlags,
    /// `struct clone_args` of clone3(2).
    CloneArgs,
    /// SHUT_*.
    Direction,
    /// EPOLL_CTL_*.
    EpollOperation,
    /// The events of a `struct epoll_event`.
    EpollEvent,
    /// A command of fcntl(2).
    FcntlCommand,
    /// What the command before it takes.
    FcntlArgument,
    /// A request of ioctl(2).
    Request,
    /// AF_*.
    Family,
    /// SOCK_* with its flags.
    SocketType,
    /// Those flags alone.
    SocketFlags,
    /// A `struct sockaddr`, whose length is the next argument.
    Address,
    /// A path.
    Path,
    /// argv.
    Strings,
    /// Bytes, as many as the next argument says.
    Bytes,
    /// Where the result goes, or what would say nothing here.
    Hidden,
}

/// What a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    /// The value returned.
    Value,
    /// Two descriptors, written to where the argument of this index points.
    PairAt(usize),
}

use Arg::{
    Address, Bytes, CloneArgs, CloneFlags, Direction, EpollEvent, EpollOperation, Family, FcntlArgument,
    FcntlCommand, Fd, Flags, Hidden, Int, Mode, ModeIfMade, Offset, OpenFlags, OpenHow, Path, Request,
    SocketFlags, SocketType, Strings, UnshareFlags, Unsigned,
};

const fn call(number: libc::c_long, name: &'static str, args: &'static [Arg]) -> Call {
    Call { number, name, args, result: Out::Value }
}

const fn pair(number: libc::c_long, name: &'static str, args: &'static [Arg], at: usize) -> Call {
    Call { number, name, args, result: Out::PairAt(at) }
}

/// Since Linux 6.15; the libc crate does not have it.
const OPEN_TREE_ATTR: libc::c_long = 467;

/// The calls that every architecture has.
const CALLS: &[Call] = &[
    // Open.
    call(libc::SYS_openat, "openat", &[Fd, Path, OpenFlags, ModeIfMade]),
    call(libc::SYS_openat2, "openat2", &[Fd, Path, OpenHow]),
    call(libc::SYS_open_by_handle_at, "open_by_handle_at", &[Fd, Hidden, OpenFlags]),
    call(libc::SYS_memfd_create, "memfd_create", &[Path, Unsigned]),
    call(libc::SYS_memfd_secret, "memfd_secret", &[Unsigned]),
    call(libc::SYS_mq_open, "mq_open", &[Path, OpenFlags, ModeIfMade]),
    // Pipes and events.
    pair(libc::SYS_pipe2, "pipe2", &[Hidden, Flags], 0),
    call(libc::SYS_eventfd2, "eventfd2", &[Unsigned, Flags]),
    call(libc::SYS_epoll_create1, "epoll_create1", &[Flags]),
    call(libc::SYS_epoll_ctl, "epoll_ctl", &[Fd, EpollOperation, Fd, EpollEvent]),
    call(libc::SYS_signalfd4, "signalfd4", &[Fd]),
    call(libc::SYS_timerfd_create, "timerfd_create", &[Int, Flags]),
    call(libc::SYS_inotify_init1, "inotify_init1", &[Flags]),
    call(libc::SYS_fanotify_init, "fanotify_init", &[Unsigned, OpenFlags]),
    call(libc::SYS_userfaultfd, "userfaultfd", &[Flags]),
    // Sockets.
    call(libc::SYS_socket, "socket", &[Family, SocketType, Int]),
    pair(libc::SYS_socketpair, "socketpair", &[Family, SocketType, Int, Hidden], 3),
    call(libc::SYS_bind, "bind", &[Fd, Address]),
    call(libc::SYS_listen, "listen", &[Fd, Int]),
    call(libc::SYS_connect, "connect", &[Fd, Address]),
    call(libc::SYS_accept, "accept", &[Fd]),
    call(libc::SYS_accept4, "accept4", &[Fd, Hidden, Hidden, SocketFlags]),
    call(libc::SYS_shutdown, "shutdown", &[Fd, Direction]),
    call(libc::SYS_getsockopt, "getsockopt", &[Fd, Int, Int]),
    // Waiting for others.
    call(libc::SYS_epoll_pwait, "epoll_pwait", &[Fd]),
    call(libc::SYS_ppoll, "ppoll", &[]),
    // Objects of the kernel.
    call(libc::SYS_pidfd_open, "pidfd_open", &[Int, Unsigned]),
    call(libc::SYS_perf_event_open, "perf_event_open", &[Hidden, Int]),
    call(libc::SYS_bpf, "bpf", &[Int]),
    call(libc::SYS_io_uring_setup, "io_uring_setup", &[Unsigned]),
    call(libc::SYS_io_uring_enter, "io_uring_enter", &[Fd, Unsigned]),
    call(libc::SYS_landlock_create_ruleset, "landlock_create_ruleset", &[]),
    call(libc::SYS_fsopen, "fsopen", &[Path, Unsigned]),
    call(libc::SYS_fsmount, "fsmount", &[Fd, Unsigned]),
    call(libc::SYS_fspick, "fspick", &[Fd, Path, Unsigned]),
    call(libc::SYS_open_tree, "open_tree", &[Fd, Path, Unsigned]),
    call(OPEN_TREE_ATTR, "open_tree_attr", &[Fd, Path, Unsigned]),
    call(libc::SYS_seccomp, "seccomp", &[Unsigned, Unsigned]),
    // Copies.
    call(libc::SYS_dup, "dup", &[Fd]),
    call(libc::SYS_dup3, "dup3", &[Fd, Fd, Flags]),
    call(libc::SYS_fcntl, "fcntl", &[Fd, FcntlCommand, FcntlArgument]),
    call(libc::SYS_pidfd_getfd, "pidfd_getfd", &[Fd, Fd, Unsigned]),
    // The end.
    call(libc::SYS_close, "close", &[Fd]),
    call(libc::SYS_close_range, "close_range", &[Unsigned, Unsigned, Unsigned]),
    // Passing.
    call(libc::SYS_recvmsg, "recvmsg", &[Fd]),
    call(libc::SYS_recvmmsg, "recvmmsg", &[Fd]),
    call(libc::SYS_sendmsg, "sendmsg", &[Fd]),
    call(libc::SYS_sendmmsg, "sendmmsg", &[Fd]),
    // Processes.
    call(libc::SYS_clone, "clone", &[CloneFlags]),
    call(libc::SYS_clone3, "clone3", &[CloneArgs]),
    call(libc::SYS_unshare, "unshare", &[UnshareFlags]),
    call(libc::SYS_execve, "execve", &[Path, Strings]),
    call(libc::SYS_execveat, "execveat", &[Fd, Path, Strings]),
    call(libc::SYS_wait4, "wait4", &[Int]),
    call(libc::SYS_waitid, "waitid", &[Int, Int]),
    // Changes.
    call(libc::SYS_ioctl, "ioctl", &[Fd, Request]),
    call(libc::SYS_lseek, "lseek", &[Fd, Offset, Int]),
    call(libc::SYS_read, "read", &[Fd, Hidden, Unsigned]),
    call(libc::SYS_write, "write", &[Fd, Bytes, Unsigned]),
    // The sign of an actor that it has taken its role.
    call(libc::SYS_prctl, "prctl", &[Int]),
];

/// Calls that newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[Call] = &[
    call(libc::SYS_open, "open", &[Path, OpenFlags, ModeIfMade]),
    call(libc::SYS_creat, "creat", &[Path, Mode]),
    pair(libc::SYS_pipe, "pipe", &[Hidden], 0),
    call(libc::SYS_eventfd, "eventfd", &[Unsigned]),
    call(libc::SYS_epoll_create, "epoll_create", &[Int]),
    call(libc::SYS_signalfd, "signalfd", &[Fd]),
    call(libc::SYS_inotify_init, "inotify_init", &[]),
    call(libc::SYS_dup2, "dup2", &[Fd, Fd]),
    call(libc::SYS_fork, "fork", &[]),
    call(libc::SYS_vfork, "vfork", &[]),
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[Call] = &[];

/// The architecture that this program and its table of numbers are of.
#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const NATIVE: u32 = 0xc000_00f3;

impl Call {
    /// The call of this number, where it is one of the table. Of another architecture's numbers, as a
    /// 32-bit program uses them, none is.
    pub fn of(arch: u32, number: u64) -> Option<&'static Self> {
        if arch != NATIVE {
            return None;
        }
        let number = libc::c_long::try_from(number).ok()?;
        CALLS.iter().chain(LEGACY).find(|call| call.number == number)
    }

    /// The call of this number of this program's own architecture.
    pub fn native(number: i64) -> Option<&'static Self> {
        Self::of(NATIVE, u64::try_from(number).ok()?)
    }

    /// Whether it makes tasks.
    pub fn makes_tasks(&self) -> bool {
        matches!(self.name, "clone" | "clone3" | "fork" | "vfork")
    }

    /// Of a call that makes a task, asked at the stop before the call: what that task will be. Nothing
    /// where its arguments could not be read.
    pub fn making(&self, tid: i32, args: [u64; 6]) -> Option<Making> {
        let flags = match self.name {
            "clone" => args[0],
            "clone3" => decode::clone3_flags(tid, args[0])?,
            "fork" | "vfork" => 0,
            _ => return None,
        };
        let has = |flag: libc::c_int| flags & u64::from(flag.unsigned_abs()) != 0;
        Some(Making { is_thread: has(libc::CLONE_THREAD), shares_table: has(libc::CLONE_FILES) })
    }

    /// Whether it gives the task a copy of its own of the table that it shared.
    pub fn unshares_table(&self, args: [u64; 6]) -> bool {
        match self.name {
            "unshare" => args[0] & u64::from(libc::CLONE_FILES.unsigned_abs()) != 0,
            "close_range" => args[2] & u64::from(libc::CLOSE_RANGE_UNSHARE) != 0,
            _ => false,
        }
    }

    /// The arguments as text, asked at the stop before the call.
    pub fn arguments(&self, tid: i32, args: [u64; 6]) -> Vec<String> {
        let kinds = self.args.iter().enumerate();
        kinds.filter_map(|(index, kind)| decode::argument(tid, *kind, args, index)).collect()
    }

    /// The result as text, asked at the stop after the call.
    pub fn result(&self, tid: i32, args: [u64; 6], value: i64, is_error: bool) -> String {
        if is_error {
            return decode::errno(value);
        }
        match self.result {
            Out::PairAt(index) => decode::pair(tid, args[index]).unwrap_or_else(|| value.to_string()),
            Out::Value => value.to_string(),
        }
    }
}

/// What a new task will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making {
    /// A thread of the process (CLONE_THREAD).
    pub is_thread: bool,
    /// It uses its maker's table (CLONE_FILES) and not a copy.
    pub shares_table: bool,
}

/// Whether a result says that the call did not end but is to be made again: ERESTARTSYS and its kin
/// (`include/linux/errno.h`), which only a tracer sees.
pub fn is_restart(value: i64) -> bool {
    (-516..=-512).contains(&value)
}

/// Whether a call with these numbers is of another architecture than this program, so that nothing is
/// known of it but what it leaves behind.
pub fn is_foreign(arch: u32, number: u64) -> bool {
    // x32 has the architecture of x86-64 and a bit of its own in the number.
    arch != NATIVE || number & 0x4000_0000 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_number_and_name_is_there_once() {
        let all = || CALLS.iter().chain(LEGACY);
        let numbers: BTreeSet<_> = all().map(|call| call.number).collect();
        let names: BTreeSet<_> = all().map(|call| call.name).collect();
        assert_eq!((numbers.len(), names.len()), (all().count(), all().count()));
    }

    #[test]
    fn numbers_of_another_architecture_mean_nothing_here() {
        let close = u64::try_from(libc::SYS_close).unwrap();
        assert_eq!(Call::of(NATIVE, close).map(|call| call.name), Some("close"));
        assert_eq!(Call::of(0x4000_0003, close), None);
        assert!(is_foreign(NATIVE, close | 0x4000_0000));
    }
}
