//! kcmp(2): do two descriptors refer to one open file description?

use super::{Errno, Failure, Read};
use std::cmp::Ordering;

/// KCMP_FILE of `include/uapi/linux/kcmp.h`.
const KCMP_FILE: libc::c_int = 0;

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
    match Errno::result(result).map_err(|errno| Failure::new("kcmp", errno))? {
        0 => Ok(Ordering::Equal),
        1 => Ok(Ordering::Less),
        2 => Ok(Ordering::Greater),
        _ => Err(Failure::new("kcmp", Errno::EOPNOTSUPP)),
    }
}
