//! The bits of inode(7) and open(2) that rows carry.

pub use libc::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK};

/// The descriptor is closed by execve(2). fdinfo prints it among the flags of the open file.
pub const O_CLOEXEC: u32 = libc::O_CLOEXEC.unsigned_abs();
/// The descriptor only names a file.
pub const O_PATH: u32 = libc::O_PATH.unsigned_abs();
/// The type of a filesystem of message queues (`ipc/mqueue.c`), as statfs(2) tells it.
pub const MQUEUE_MAGIC: u32 = 0x1980_0202;
/// That of an instance of devpts (`include/uapi/linux/magic.h`).
pub const DEVPTS_SUPER_MAGIC: u32 = 0x1cd1;
