//! Whether a file is where its link says, as the process sees it.
//!
//! The kernel puts ` (deleted)` behind the name of a file whose name was removed, and a file may be called so.
//! What tells is what is there by that name now. A name is looked up without ever waiting: in what the kernel
//! has at hand alone (RESOLVE_CACHED of openat2(2)), where every name by which a file is open is; and where
//! that does not tell, on filesystems without a server.

use super::mounts;
use super::proc_dir::{ProcDir, read_whole};
use super::rows::{AtName, FileStat};
use super::statx::statx_at;
use super::{Errno, Failure, Read};
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// What the kernel puts behind the name of a file that is not there by that name any more.
const MARK: &[u8] = b" (deleted)";

/// Whether a look-up is needed to know what the end of a link means.
pub fn is_doubtful(link: &[u8], stat: &FileStat) -> bool {
    stat.nlink > 0 && link.starts_with(b"/") && link.ends_with(MARK)
}

/// What the link of a file means, whose text ends in the kernel's mark. `process` is its `/proc/PID`.
pub fn at_name(process: BorrowedFd<'_>, link: &[u8], stat: &FileStat) -> Option<AtName> {
    let root = Root::of(process).ok()?;
    match root.look_up(process, link, stat)? {
        Found::It => return Some(AtName::Literal),
        Found::Another | Found::Nothing => {}
    }
    // The mark is the kernel's. It may have been linked there again since.
    match root.look_up(process, link.strip_suffix(MARK)?, stat) {
        Some(Found::It) => Some(AtName::Unmarked),
        _ => Some(AtName::Gone),
    }
}

/// What is found by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    It,
    Another,
    Nothing,
}

/// The root directory of a process.
pub struct Root {
    dir: OwnedFd,
    /// What its link reads: as links of files do, it begins at the root of the mount namespace, or of the
    /// reader.
    link: Vec<u8>,
}

impl Root {
    /// That of the process whose `/proc/PID` this is.
    pub fn of(process: BorrowedFd<'_>) -> Read<Self> {
        let link = readlinkat(process, "root")
            .map(OsStringExt::into_vec)
            .map_err(|errno| Failure::new("readlinkat", errno))?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir =
            openat(process, "root", flags, Mode::empty()).map_err(|errno| Failure::new("openat", errno))?;
        Ok(Self { dir, link })
    }

    /// Opens a directory by a path below the root, as a mere place.
    pub fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let below = path.strip_prefix(b"/").unwrap_or(path);
        cached(self.dir.as_fd(), below, libc::O_PATH | libc::O_DIRECTORY)
    }

    /// Whether this file is found by the path that a link has, without waiting for anything.
    pub fn has(&self, link: &[u8], stat: &FileStat) -> bool {
        let place = below(&self.link, link).map(|path| cached(self.dir.as_fd(), path, PLACE));
        place.is_some_and(|place| place.is_ok_and(|place| compare(&place, stat) == Some(Found::It)))
    }

    /// The file at the path that a link has, where the kernel has that at hand.
    pub fn stat(&self, link: &[u8]) -> Option<FileStat> {
        let place = cached(self.dir.as_fd(), below(&self.link, link)?, PLACE).ok()?;
        statx_at(place.as_fd(), c"").ok()
    }

    /// What is found by the path that a link has; `None` where that cannot be known for certain.
    fn look_up(&self, process: BorrowedFd<'_>, link: &[u8], stat: &FileStat) -> Option<Found> {
        let path = below(&self.link, link)?;
        match cached(self.dir.as_fd(), path, PLACE) {
            Ok(place) => return compare(&place, stat),
            Err(Errno::ENOENT | Errno::EAGAIN) => {}
            Err(_) => return None,
        }
        // That there is nothing says something only of the directory that the file was in. It may be that
        // of another mount namespace, from which the process was given the file.
        let slash = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
        let (folder, name) = path.split_at(slash);
        let folder = cached(self.dir.as_fd(), folder, libc::O_PATH | libc::O_DIRECTORY).ok()?;
        let mount = statx_at(folder.as_fd(), c"").ok()?.mount?;
        if stat.mount != Some(mount) {
            return None;
        }
        match cached(folder.as_fd(), name, PLACE) {
            Ok(place) => return compare(&place, stat),
            Err(Errno::ENOENT) => return Some(Found::Nothing),
            Err(Errno::EAGAIN) => {}
            Err(_) => return None,
        }
        if !is_local(process, mount) {
            return None;
        }
        let flags = OFlag::from_bits_retain(PLACE) | OFlag::O_CLOEXEC;
        match openat(&folder, name, flags, Mode::empty()) {
            Ok(place) => compare(&place, stat),
            Err(Errno::ENOENT) => Some(Found::Nothing),
            Err(_) => None,
        }
    }
}

/// How a file is opened that is only to be compared.
const PLACE: i32 = libc::O_PATH | libc::O_NOFOLLOW;

/// Another file says something only on the mount that this one was opened through: elsewhere the path may be one
/// of another mount namespace.
fn compare(place: &OwnedFd, stat: &FileStat) -> Option<Found> {
    let found = statx_at(place.as_fd(), c"").ok()?;
    let is_it = (found.dev, found.ino) == (stat.dev, stat.ino);
    let is_there = stat.mount.is_some() && stat.mount == found.mount;
    if is_it { Some(Found::It) } else { is_there.then_some(Found::Another) }
}

/// Whether a mount is of a filesystem without a server. A process sees the mounts below its root; for another
/// root of the same namespace the reader may see more.
fn is_local(process: BorrowedFd<'_>, mount: u64) -> bool {
    let mut text = Vec::new();
    let mut is_in = |read: &mut dyn FnMut(&mut Vec<u8>) -> Read<()>| {
        read(&mut text).is_ok()
            && mounts::parse(&text).iter().any(|known| known.id == mount && known.is_local())
    };
    is_in(&mut |text| read_whole(process, "mountinfo", text))
        || is_in(&mut |text| read_whole(ProcDir::of_this_thread()?.as_fd(), "mountinfo", text))
}

/// The rest of a path below a directory, without a slash at its beginning.
fn below<'a>(directory: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory)?.strip_prefix(b"/")
}

/// How often a look-up is made that the kernel gives up.
const TRIES: usize = 4;

/// Opens a path, in which no link is followed, where the kernel has all of it at hand: EAGAIN where it has not.
fn cached(dir: BorrowedFd<'_>, path: &[u8], flags: i32) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { &b"."[..] } else { path };
    let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
    // SAFETY: `open_how` is three numbers, for which zeroes are valid; it must be zeroed beyond those known
    // here (openat2(2)).
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((flags | libc::O_CLOEXEC).unsigned_abs());
    how.resolve = libc::RESOLVE_CACHED | libc::RESOLVE_NO_SYMLINKS;
    let open = || {
        // SAFETY: the path ends in NUL, `how` is as long as is said, and both outlive the call.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_openat2,
                dir.as_raw_fd(),
                path.as_ptr(),
                &raw const how,
                std::mem::size_of::<libc::open_how>(),
            )
        };
        Errno::result(fd)
    };
    // It is the answer also where somebody has moved or mounted anything meanwhile.
    let mut answer = open();
    for _ in 1..TRIES {
        if answer != Err(Errno::EAGAIN) {
            break;
        }
        answer = open();
    }
    let fd = answer?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the call has just given this descriptor to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_looked_up_below_the_root_of_its_process() {
        assert_eq!(below(b"/", b"/a/b"), Some(&b"a/b"[..]));
        assert_eq!(below(b"/srv/jail", b"/srv/jail/a"), Some(&b"a"[..]));
        assert_eq!(below(b"/srv/jail", b"/srv/jailed"), None);
        assert_eq!(below(b"/srv/jail", b"/etc"), None);
    }

    #[test]
    fn a_name_that_nobody_has_looked_up_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let dir = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        assert!(cached(dir.as_fd(), b"", libc::O_PATH).is_ok());
        let answer = cached(dir.as_fd(), b"nobody was here", libc::O_PATH).map(|_| ());
        assert!(matches!(answer, Err(Errno::EAGAIN | Errno::ENOENT | Errno::EINVAL)), "{answer:?}");
        assert_eq!(cached(dir.as_fd(), b"a\0b", libc::O_PATH).map(|_| ()), Err(Errno::EINVAL));
    }

    proptest! {
        #[test]
        fn nothing_is_below_that_does_not_begin_so(directory in "(/[a-c]{1,2}){0,2}", path in "(/[a-c]{1,2}){0,3}") {
            if let Some(rest) = below(directory.as_bytes(), path.as_bytes()) {
                prop_assert_eq!([directory.as_bytes(), rest].join(&b'/'), path.as_bytes());
            }
        }
    }
}
