//! statx(2), which alone tells of a file without waiting for anyone.

use super::rows::FileStat;
use super::{Errno, Failure, Read};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Asks statx_at(2) for the mount (`include/uapi/linux/stat.h`; Linux 5.8).
const STATX_MNT_ID: u32 = 0x1000;

/// Stats the file behind a link in `/proc/PID/fd`. The link leads to the open file itself, without a
/// path lookup, and AT_STATX_DONT_SYNC takes what the kernel has cached: so a server of a network
/// filesystem that is gone does not hang the reader (statx_at(2)).
///
/// An empty name is the file of `dir` itself, and `dir` counts for nothing where the name is absolute.
pub fn statx_at(dir: BorrowedFd<'_>, name: &CStr) -> Read<FileStat> {
    statx_with(dir, name, if name.is_empty() { libc::AT_EMPTY_PATH } else { 0 })
}

/// The same, with flags of its own.
pub fn statx_with(dir: BorrowedFd<'_>, name: &CStr, flags: i32) -> Read<FileStat> {
    let mut buffer = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let mask = libc::STATX_TYPE
        | libc::STATX_MODE
        | libc::STATX_INO
        | libc::STATX_NLINK
        | libc::STATX_SIZE
        | libc::STATX_BLOCKS
        | STATX_MNT_ID;
    let flags = libc::AT_STATX_DONT_SYNC | flags;
    // SAFETY: `name` is NUL-terminated, `dir` is an open descriptor for the whole call and `buffer`
    // has the size that the call writes.
    let result = unsafe { libc::statx(dir.as_raw_fd(), name.as_ptr(), flags, mask, buffer.as_mut_ptr()) };
    Errno::result(result).map_err(|errno| Failure::new("statx", errno))?;
    // SAFETY: zeroed bytes are a valid `statx`, and the call has succeeded.
    let stat = unsafe { buffer.assume_init() };
    Ok(FileStat {
        mode: stat.stx_mode.into(),
        dev: (stat.stx_dev_major, stat.stx_dev_minor),
        ino: stat.stx_ino,
        rdev: (stat.stx_rdev_major, stat.stx_rdev_minor),
        nlink: stat.stx_nlink,
        size: stat.stx_size,
        block_size: stat.stx_blksize,
        blocks: stat.stx_blocks,
        mount: (stat.stx_mask & STATX_MNT_ID != 0).then_some(stat.stx_mnt_id),
        is_mount_root: stat.stx_attributes & STATX_ATTR_MOUNT_ROOT != 0,
    })
}

/// Tells the root of a mount (`include/uapi/linux/stat.h`; Linux 5.8).
const STATX_ATTR_MOUNT_ROOT: u64 = 0x2000;
