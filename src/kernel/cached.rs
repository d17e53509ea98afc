//! Looks a path up without ever waiting: what the kernel does not have in its cache of names is not found.

use super::proc_dir::statx;
use super::rows::FileStat;
use super::{Errno, Failure, Read};
use std::ffi::CString;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// The file at `path`, which begins with `/`, as a process sees it whose root directory `root` is. A symbolic
/// link at its end is not followed.
///
/// A file that is open or mapped keeps its own name in the cache, so it is found by that while it has it.
/// A server of a filesystem that does not answer is never asked: that gives EAGAIN, and so does a name that
/// is not in the cache (RESOLVE_CACHED of openat2(2), since Linux 5.12; ENOSYS and EINVAL before that).
pub fn stat_cached(root: BorrowedFd<'_>, path: &[u8]) -> Read<FileStat> {
    let failed = |errno| Failure::new("openat2", errno);
    let path = CString::new(path).map_err(|_| failed(Errno::EINVAL))?;
    // SAFETY: zero is a valid value of each of its three numbers.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC).unsigned_abs().into();
    // Absolute names and links mean what they mean to the process.
    how.resolve = libc::RESOLVE_CACHED | libc::RESOLVE_IN_ROOT;
    // SAFETY: `path` is NUL-terminated, `how` outlives the call, and the length given is its own.
    let result = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            root.as_raw_fd(),
            path.as_ptr(),
            &raw const how,
            std::mem::size_of::<libc::open_how>(),
        )
    };
    let fd = Errno::result(result).map_err(failed)?;
    let fd = RawFd::try_from(fd).map_err(|_| failed(Errno::EBADF))?;
    // SAFETY: the kernel has just given this descriptor, and nobody else knows of it.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    statx_itself(&file)
}

fn statx_itself(file: &OwnedFd) -> Read<FileStat> {
    use std::os::fd::AsFd as _;
    statx(file.as_fd(), c"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::fd::AsFd as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_file_that_is_open_is_found_by_its_name_and_not_by_a_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("x (deleted)");
        let file = File::create(&path).unwrap();
        let root = File::open("/").unwrap();
        let found = stat_cached(root.as_fd(), path.as_os_str().as_bytes()).unwrap();
        assert_eq!(found.ino, file.metadata().unwrap().ino());
        let link = path.with_file_name("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let of_link = fs::symlink_metadata(&link).unwrap().ino();
        let found = stat_cached(root.as_fd(), link.as_os_str().as_bytes());
        assert!(found.is_ok_and(|found| found.ino == of_link));
        fs::remove_file(&path).unwrap();
        let gone = stat_cached(root.as_fd(), path.as_os_str().as_bytes()).unwrap_err();
        assert!(matches!(gone.errno, Errno::ENOENT | Errno::EAGAIN), "{gone:?}");
    }
}
