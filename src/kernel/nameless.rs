//! Files that have no name, whose links tell which they are: stat(2) would tell nothing more of them.

use super::rows::FileStat;
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{fstat, major, minor};
use nix::unistd::pipe;
use std::os::fd::AsFd;

/// The filesystems that the kernel has for them, each asked of a file made for that.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nameless {
    pipes: Option<(u32, u32)>,
    sockets: Option<(u32, u32)>,
    /// The one inode that most anonymous files have (`fs/anon_inodes.c`, `anon_inode_inode`).
    anonymous: Option<FileStat>,
}

/// Anonymous files that always have that one inode (`anon_inode_getfd`, `anon_inode_getfile`). Others may have
/// one each.
const SHARED: [&[u8]; 5] = [
    b"anon_inode:[eventfd]",
    b"anon_inode:[eventpoll]",
    b"anon_inode:[timerfd]",
    b"anon_inode:[signalfd]",
    b"anon_inode:inotify",
];

impl Nameless {
    /// Asks for them.
    pub fn find() -> Self {
        let pipes = pipe().ok().and_then(|(reader, _)| file(&reader)).map(|stat| stat.dev);
        let flags = SockFlag::SOCK_CLOEXEC;
        let sockets = socket(AddressFamily::Unix, SockType::Stream, flags, None).ok();
        let sockets = sockets.and_then(|socket| file(&socket)).map(|stat| stat.dev);
        let anonymous = EventFd::new().ok().and_then(|counter| file(&counter));
        Self { pipes, sockets, anonymous }
    }

    /// The file that a link leads to, where the link tells.
    pub fn of(&self, link: &[u8]) -> Option<FileStat> {
        let numbered = |prefix: &[u8]| -> Option<u64> {
            let digits = link.strip_prefix(prefix)?.strip_suffix(b"]")?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        };
        match link.first()? {
            b'p' => Some(FileStat::nameless(libc::S_IFIFO, self.pipes?, numbered(b"pipe:[")?)),
            b's' => Some(FileStat::nameless(libc::S_IFSOCK, self.sockets?, numbered(b"socket:[")?)),
            b'a' if SHARED.contains(&link) => self.anonymous,
            _ => None,
        }
    }
}

fn file(fd: &impl AsFd) -> Option<FileStat> {
    let stat = fstat(fd).ok()?;
    let dev = (u32::try_from(major(stat.st_dev)).ok()?, u32::try_from(minor(stat.st_dev)).ok()?);
    Some(FileStat::nameless(stat.st_mode, dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_link_tells_what_stat_would() {
        let nameless = Nameless::find();
        let (reader, _writer) = pipe().unwrap();
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let counter = EventFd::new().unwrap();
        for fd in [reader.as_fd(), one.as_fd(), counter.as_fd()] {
            use std::os::fd::AsRawFd as _;
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let link = std::fs::read_link(&path).unwrap();
            let told = nameless.of(link.as_os_str().as_encoded_bytes()).unwrap();
            let stat = std::fs::metadata(&path).unwrap();
            assert_eq!(told.ino, stat.ino());
            assert_eq!(
                told.dev,
                (u32::try_from(major(stat.dev())).unwrap(), u32::try_from(minor(stat.dev())).unwrap())
            );
            assert_eq!(told.mode & libc::S_IFMT, stat.mode() & libc::S_IFMT);
        }
    }

    proptest! {
        #[test]
        fn what_has_a_path_is_none(link in "/.{0,20}") {
            prop_assert_eq!(Nameless::find().of(link.as_bytes()), None);
        }
    }
}
