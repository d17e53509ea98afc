//! kcmp(2): do two descriptors refer to one open file description, do two tasks use one table?

use super::{Errno, Failure, Read};
use std::cmp::Ordering;

/// KCMP_FILE of `include/uapi/linux/kcmp.h`.
const KCMP_FILE: libc::c_int = 0;
/// KCMP_FILES of the same file.
const KCMP_FILES: libc::c_int = 2;
/// KCMP_EPOLL_TFD of the same file.
const KCMP_EPOLL_TFD: libc::c_int = 7;

/// Orders two descriptors, each given as (pid, fd), by their open file descriptions. The order is
/// total and holds as long as the machine runs: the kernel compares addresses behind a secret
/// (`kernel/kcmp.c`, `kptr_obfuscate`).
///
/// Fails with EPERM without the rights of ptrace(2) to read both processes, with ESRCH or EBADF when
/// one is gone, and with ENOSYS on a kernel without CONFIG_KCMP.
pub fn compare(a: (i32, i32), b: (i32, i32)) -> Read<Ordering> {
    let (a_fd, b_fd) = (i64::from(a.1), i64::from(b.1));
    // SAFETY: the call takes five integers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_kcmp, a.0, b.0, KCMP_FILE, a_fd, b_fd) };
    order(result)
}

fn order(result: libc::c_long) -> Read<Ordering> {
    match Errno::result(result).map_err(|errno| Failure::new("kcmp", errno))? {
        0 => Ok(Ordering::Equal),
        1 => Ok(Ordering::Less),
        2 => Ok(Ordering::Greater),
        _ => Err(Failure::new("kcmp", Errno::EOPNOTSUPP)),
    }
}

/// `struct kcmp_epoll_slot` of `include/uapi/linux/kcmp.h`.
#[repr(C)]
struct EpollSlot {
    epoll: u32,
    target: u32,
    nth: u32,
}

/// Orders the open file description that an epoll instance, given as (pid, fd), watches as its `nth`
/// under the number `target`, after that of a descriptor `with`. The instance keeps watching what the
/// number meant when it was added, whatever it means now (epoll(7), "Questions and answers", 6).
///
/// Fails as [`compare`] does, and with ENOENT where nothing is watched under the number.
pub fn compare_watch(epoll: (i32, i32), target: i32, nth: u32, with: (i32, i32)) -> Read<Ordering> {
    let malformed = |_| Failure::new("kcmp", Errno::EINVAL);
    let slot = EpollSlot {
        epoll: epoll.1.try_into().map_err(malformed)?,
        target: target.try_into().map_err(malformed)?,
        nth,
    };
    let fd = i64::from(with.1);
    // SAFETY: `slot` outlives the call, which reads three 32-bit numbers from it and writes nothing.
    let result =
        unsafe { libc::syscall(libc::SYS_kcmp, with.0, epoll.0, KCMP_EPOLL_TFD, fd, &raw const slot) };
    order(result)
}

/// Whether two tasks use one table of descriptors (CLONE_FILES of clone(2)). It fails as [`compare`]
/// does.
pub fn share_table(a: i32, b: i32) -> Read<bool> {
    // SAFETY: as for `compare`; this type takes no indices.
    let result = unsafe { libc::syscall(libc::SYS_kcmp, a, b, KCMP_FILES, 0, 0) };
    Errno::result(result).map(|order| order == 0).map_err(|errno| Failure::new("kcmp", errno))
}
