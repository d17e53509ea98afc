//! One process's directory in `/proc`, held open.
//!
//! A held directory keeps naming the process that it was opened for: once that process is gone, every
//! read through it fails with ESRCH or ENOENT, also when another process has got the same pid since.
//! So what is read through one `ProcDir` is never a mixture of two processes.

use super::nameless::Nameless;
use super::rows::{AtName, FdRow, FileStat, LinkTest, StatRow};
use super::statx::statx_at;
use super::task::parse_stat;
use super::{Ask, Errno, Failure, Read, fdinfo, lookup};
use nix::NixPath;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, fstatat, major, minor};
use nix::sys::statfs::statfs;
use nix::unistd::read;
use rustix::fs::RawDir;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// A held `/proc/PID`.
pub struct ProcDir {
    dir: OwnedFd,
    /// The text of the file read last; its room is used again.
    text: Vec<u8>,
}

impl ProcDir {
    /// Opens it.
    pub fn open(pid: i32) -> Read<Self> {
        Self::open_path(&format!("/proc/{pid}"))
    }

    /// Opens that of the calling thread.
    pub fn of_this_thread() -> Read<Self> {
        Self::open_path("/proc/thread-self")
    }

    fn open_path(path: &str) -> Read<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let dir =
            nix::fcntl::open(path, flags, Mode::empty()).map_err(|errno| Failure::new("open", errno))?;
        Ok(Self { dir, text: Vec::new() })
    }

    /// Reads a whole file of it.
    pub fn read(&mut self, name: &str) -> Read<&[u8]> {
        read_whole(self.dir.as_fd(), name, &mut self.text)?;
        Ok(&self.text)
    }

    /// Reads a file of it that the kernel makes in one piece (single_open of `fs/seq_file.c`).
    pub fn read_piece(&mut self, name: &str) -> Read<&[u8]> {
        read_once(self.dir.as_fd(), name, &mut self.text)?;
        Ok(&self.text)
    }

    /// Reads `stat`.
    pub fn stat(&mut self) -> Read<StatRow> {
        parse_stat(self.read_piece("stat")?).ok_or(Failure::new("read", Errno::EBADMSG))
    }

    /// The text of a link in it, such as `ns/net`.
    pub fn link(&self, name: &str) -> Read<Vec<u8>> {
        readlinkat(&self.dir, name)
            .map(OsStringExt::into_vec)
            .map_err(|errno| Failure::new("readlinkat", errno))
    }

    /// The device of the filesystem that is at `path`, as the process sees it; a symbolic link is not
    /// followed there.
    pub fn device_at(&self, path: &[u8]) -> Read<(u32, u32)> {
        let failed = |errno| Failure::new("newfstatat", errno);
        let below = CString::new([b"root", path].concat()).map_err(|_| failed(Errno::EINVAL))?;
        let stat = fstatat(&self.dir, below.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW).map_err(failed)?;
        let number = |part: u64| u32::try_from(part).map_err(|_| failed(Errno::EOVERFLOW));
        Ok((number(major(stat.st_dev))?, number(minor(stat.st_dev))?))
    }

    /// Opens a file of it, such as `ns/net`, which keeps what it stands for alive.
    pub fn open_file(&self, name: &str) -> Read<OwnedFd> {
        openat(&self.dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| Failure::new("openat", errno))
    }

    /// Asks `get` for what a process has through its first thread, or else through one that lives: its
    /// namespaces and its view of the network are gone from `/proc/PID` when its first thread has
    /// exited, also while others go on. `get` is given the folder, empty or as `task/4712/`.
    pub fn of_any_thread<T>(&mut self, mut get: impl FnMut(&mut Self, &str) -> Read<T>) -> Read<T> {
        let failure = match get(self, "") {
            Err(failure) if failure.means_gone() => failure,
            done => return done,
        };
        let stat = self.stat()?;
        match self.living_thread(&stat) {
            Some(task) => get(self, &task),
            None => Err(failure),
        }
    }

    /// ESRCH where the process has exited: then a file that is missing says nothing about the kernel.
    pub fn still_lives(&mut self) -> Read<()> {
        if self.stat()?.is_dead() { Err(Failure::new("read", Errno::ESRCH)) } else { Ok(()) }
    }

    /// The threads of the process, ascending.
    pub fn threads(&self) -> Read<Vec<i32>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let tasks =
            openat(&self.dir, "task", flags, Mode::empty()).map_err(|errno| Failure::new("openat", errno))?;
        numbers(tasks.as_fd())
    }

    /// Where a thread that lives is, when the first one of the process that `stat` is of has exited:
    /// `task/4712/`.
    pub fn living_thread(&mut self, stat: &StatRow) -> Option<String> {
        if !stat.first_thread_is_dead() || stat.is_dead() {
            return None;
        }
        self.threads().ok()?.into_iter().find_map(|tid| {
            let stat = parse_stat(self.read(&format!("task/{tid}/stat")).ok()?)?;
            (!stat.first_thread_is_dead()).then(|| format!("task/{tid}/"))
        })
    }

    /// Reads the descriptors, ascending, of the process or of the thread whose folder `task` names. One
    /// that is closed while this reads is left out: it is not there any more.
    pub fn descriptors(&mut self, task: &str, ask: &Ask<'_>, nameless: &Nameless) -> Read<Vec<FdRow>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let listing = openat(&self.dir, format!("{task}fd").as_str(), flags, Mode::empty())
            .map_err(|errno| Failure::new("openat", errno))?;
        let numbers = numbers(listing.as_fd())?;
        let slots =
            Slots { process: self.dir.as_fd(), nameless, fds: listing.as_fd(), task, infos: OnceCell::new() };
        let mut rows = Vec::with_capacity(if ask.only.is_some() { 0 } else { numbers.len() });
        let mut room = Room { text: &mut self.text, link: [0; LINK] };
        for fd in numbers {
            if let Some(row) = slots.settled_row(fd, ask, &mut room) {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// The numbers that a directory lists, ascending. Of those that it is used for, `.` and `..` are the only names that
/// are none. opendir(3) would take five calls more than the listing, and there may be as many directories as
/// descriptors.
fn numbers(directory: BorrowedFd<'_>) -> Read<Vec<i32>> {
    let mut room = [MaybeUninit::uninit(); 1 << 13];
    let mut entries = RawDir::new(directory, &mut room);
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        let entry =
            entry.map_err(|error| Failure::new("getdents64", Errno::from_raw(error.raw_os_error())))?;
        numbers.extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<i32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How often a descriptor is read again that changes while it is read.
const TRIES: usize = 5;

impl AsFd for ProcDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

/// Where what is read of one descriptor stands until it is known what of it is kept.
struct Room<'a> {
    text: &'a mut Vec<u8>,
    link: [u8; LINK],
}

/// The kernel gives a link of its own whole or not at all, and has a page or PATH_MAX bytes for it, with a NUL that it
/// does not give (`fs/proc/base.c`, `do_proc_readlink`).
const LINK: usize = 4096;

/// The text of a link.
fn read_link<'a>(dir: BorrowedFd<'_>, name: &CStr, room: &'a mut [u8; LINK]) -> Result<&'a [u8], Errno> {
    // SAFETY: `name` is NUL-terminated, `dir` is an open descriptor for the whole call and `room` has the size given.
    let length =
        unsafe { libc::readlinkat(dir.as_raw_fd(), name.as_ptr(), room.as_mut_ptr().cast(), room.len()) };
    match usize::try_from(Errno::result(length)?) {
        Ok(length) if length < LINK => Ok(&room[..length]),
        // A part would be another file's name.
        _ => Err(Errno::ENAMETOOLONG),
    }
}

/// The two directories that hold what there is to know of each descriptor.
struct Slots<'a> {
    /// The held `/proc/PID`.
    process: BorrowedFd<'a>,
    nameless: &'a Nameless,
    fds: BorrowedFd<'a>,
    /// The folder that names the task, or an empty one.
    task: &'a str,
    /// Opened for the first descriptor of which fdinfo is read.
    infos: OnceCell<Read<OwnedFd>>,
}

impl Slots<'_> {
    /// The directory of fdinfo.
    fn infos(&self) -> Read<BorrowedFd<'_>> {
        let open = || {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            openat(self.process, format!("{}fdinfo", self.task).as_str(), flags, Mode::empty())
                .map_err(|errno| Failure::new("openat", errno))
        };
        self.infos.get_or_init(open).as_ref().map(AsFd::as_fd).map_err(|failure| *failure)
    }

    /// Reads one descriptor, again where it was closed and given to another file between the calls
    /// that read it. A process that does nothing else may win every time: then that is the failure.
    fn settled_row(&self, fd: i32, ask: &Ask<'_>, room: &mut Room<'_>) -> Option<FdRow> {
        let mut digits = [0; DIGITS];
        let name = decimal(fd, &mut digits);
        let mut row = self.row(fd, name, ask, room)?;
        if !ask.fdinfo {
            return Some(row);
        }
        for _ in 0..TRIES {
            if is_of_one_file(&row) {
                return Some(row);
            }
            match (&row.link, read_link(self.fds, name, &mut room.link)) {
                (Ok(before), Ok(now)) if before == now => return Some(row),
                (Err(_), _) => return Some(row),
                _ => row = self.row(fd, name, ask, room)?,
            }
        }
        row.link = Err(Failure::new("readlinkat", Errno::EAGAIN));
        row.stat = Err(Failure::new("statx", Errno::EAGAIN));
        row.info = Some(Err(Failure::new("read", Errno::EAGAIN)));
        Some(row)
    }

    /// Reads one descriptor; `None` when it is closed by now or not asked for.
    fn row(&self, fd: i32, name: &CStr, ask: &Ask<'_>, room: &mut Room<'_>) -> Option<FdRow> {
        // Where the file cannot be stat'ed, it may be one of those looked for.
        let is_other = |stat: &Read<FileStat>| {
            ask.only_files.is_some_and(|only| stat.as_ref().is_ok_and(|stat| !only(stat)))
        };
        let first = ask.files_first.then(|| statx_at(self.fds, name));
        if first.as_ref().is_some_and(is_other) {
            return None;
        }
        let link = match read_link(self.fds, name, &mut room.link) {
            Ok(link) => Ok(link),
            Err(Errno::ENOENT) => return None,
            Err(errno) => Err(Failure::new("readlinkat", errno)),
        };
        if let (Ok(link), Some(only)) = (link, ask.only)
            && !only(link)
        {
            return None;
        }
        let told = || link.ok().and_then(|link| self.nameless.of(link)).map(Ok);
        let stat = if let Some(stat) = first {
            stat
        } else {
            let stat = told().unwrap_or_else(|| statx_at(self.fds, name));
            if is_other(&stat) {
                return None;
            }
            stat
        };
        if stat == Err(Failure::new("statx", Errno::ENOENT)) && !still_listed(self.fds, name) {
            return None;
        }
        let of_this = |test: &LinkTest<'_>| link.is_ok_and(test);
        let asked = ask.fdinfo || ask.fdinfo_of.is_some_and(of_this);
        let info = asked.then(|| {
            read_once(self.infos()?, name, room.text)?;
            fdinfo::parse(room.text).ok_or(Failure::new("read", Errno::EBADMSG))
        });
        // The flags in fdinfo tell the same.
        let link_mode = match info {
            Some(Ok(_)) => None,
            _ => fstatat(self.fds, name, AtFlags::AT_SYMLINK_NOFOLLOW).map(|stat| stat.st_mode).ok(),
        };
        let is_socket = ask.protocols && stat.is_ok_and(|stat| stat.is_socket());
        let protocol = is_socket
            .then(|| protocol_name(&format!("/proc/self/fd/{}/{fd}", self.fds.as_raw_fd())).map(Cow::Owned));
        let matters = stat.is_ok_and(|stat| may_be_mqueue(&stat) || is_ptmx(&stat));
        let filesystem = matters.then(|| filesystem(self.fds, fd)).flatten();
        let link = link.map(<[u8]>::to_vec);
        let at_name = self.at_name(name, link.as_deref().ok(), stat.as_ref().ok(), &mut room.link);
        Some(FdRow { fd, link, link_mode, stat, info, protocol, filesystem, at_name })
    }

    /// What a link's ` (deleted)` means, where that is in doubt.
    fn at_name(
        &self,
        name: &CStr,
        link: Option<&[u8]>,
        stat: Option<&FileStat>,
        room: &mut [u8; LINK],
    ) -> Option<AtName> {
        let (link, stat) = (link?, stat?);
        if !lookup::is_doubtful(link, stat) {
            return None;
        }
        let found = lookup::at_name(self.process, link, stat)?;
        // Under another name by now it could not be found by the one before.
        read_link(self.fds, name, room).is_ok_and(|now| now == link).then_some(found)
    }
}

/// Whether the descriptor is still in the table: the link's own lstat does not follow it.
fn still_listed(fds: BorrowedFd<'_>, name: &CStr) -> bool {
    fstatat(fds, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
}

/// Whether fdinfo is of the file that was stat'ed. Anonymous files have one inode, which tells nothing.
fn is_of_one_file(row: &FdRow) -> bool {
    let (Ok(stat), Some(Ok(info))) = (&row.stat, &row.info) else { return false };
    stat.mode & libc::S_IFMT != 0 && info.ino == Some(stat.ino)
}

/// The most digits of a descriptor's number, with the NUL behind them.
const DIGITS: usize = 12;

/// A number as a name.
fn decimal(number: i32, room: &mut [u8; DIGITS]) -> &CStr {
    let mut at = DIGITS - 1;
    let mut rest = number.unsigned_abs();
    room[at] = 0;
    loop {
        at -= 1;
        room[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            return CStr::from_bytes_with_nul(&room[at..]).unwrap_or_default();
        }
    }
}

/// What one read(2) asks for. Most files of /proc are shorter; std's read_to_end asks for a size that they do not
/// tell, two calls more for each.
const PIECE: usize = 4096;

/// Reads a file that the kernel makes in one piece, as it does those of fdinfo: what does not fill the room has
/// ended, and nothing more needs to be asked.
fn read_once(dir: BorrowedFd<'_>, name: &(impl NixPath + ?Sized), into: &mut Vec<u8>) -> Read<()> {
    read_until(dir, name, into, |count| count < PIECE)
}

pub(super) fn read_whole(dir: BorrowedFd<'_>, name: &str, into: &mut Vec<u8>) -> Read<()> {
    read_until(dir, name, into, |count| count == 0)
}

/// Reads a file until `is_last` says so of how much came.
fn read_until(
    dir: BorrowedFd<'_>,
    name: &(impl NixPath + ?Sized),
    into: &mut Vec<u8>,
    is_last: impl Fn(usize) -> bool,
) -> Read<()> {
    let fd = openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|errno| Failure::new("openat", errno))?;
    into.clear();
    loop {
        let start = into.len();
        into.resize(start + PIECE, 0);
        let count = read(&fd, &mut into[start..]);
        into.truncate(start + *count.as_ref().unwrap_or(&0));
        match count {
            Ok(count) if is_last(count) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Failure::new("read", errno)),
        }
    }
}

/// Whether a file may be a message queue, by what is known without another call: the size is the
/// kernel's constant, and there is no disk below it, hence no block. The call that tells for certain may
/// hang on a filesystem whose server is gone, so it is kept from nearly all files.
fn may_be_mqueue(stat: &FileStat) -> bool {
    /// `ipc/mqueue.c`
    const FILENT_SIZE: u64 = 80;
    stat.mode & libc::S_IFMT == libc::S_IFREG
        && stat.size == FILENT_SIZE
        && (stat.blocks, stat.dev.0) == (0, 0)
}

/// Whether it is the device of the masters of pseudoterminals (ptmx(4)).
fn is_ptmx(stat: &FileStat) -> bool {
    stat.mode & libc::S_IFMT == libc::S_IFCHR && stat.rdev == (5, 2)
}

/// The type of the filesystem that a descriptor's file is on.
fn filesystem(fds: BorrowedFd<'_>, fd: i32) -> Option<u32> {
    let path = format!("/proc/self/fd/{}/{fd}", fds.as_raw_fd());
    u32::try_from(statfs(path.as_str()).ok()?.filesystem_type().0).ok()
}

/// The name of a socket's protocol, which sockfs gives as an extended attribute (`net/socket.c`,
/// `sockfs_xattr_get`). It is there also for sockets that no table under `/proc/net` lists.
pub(super) fn protocol_name(path: &str) -> Read<String> {
    let path = CString::new(path).map_err(|_| Failure::new("getxattr", Errno::EINVAL))?;
    let mut value = [0u8; 64];
    // SAFETY: both strings are NUL-terminated, and the length given is that of `value`.
    let length = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"system.sockprotoname".as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
        )
    };
    let length = Errno::result(length).map_err(|errno| Failure::new("getxattr", errno))?;
    let name = &value[..usize::try_from(length).unwrap_or(0)];
    let name = name.split(|&b| b == 0).next().unwrap_or(name);
    Ok(String::from_utf8_lossy(name).into_owned())
}
