//! From a descriptor's row to the open file description that it refers to.

use super::{cause, gap, sockets};
use crate::kernel::bits::{self, O_CLOEXEC, O_PATH};
use crate::kernel::{DeviceTables, FdRow, FileStat};
use crate::kind::{self, Clue, FileType};
use crate::model::{Access, Gap, Identity, Inode, OpenFile, Subject};

/// What the kernel puts after the name of a file that is not there by that name any more.
const DELETED: &[u8] = b" (deleted)";

/// Describes what a descriptor refers to. What of it could not be read becomes a gap.
pub fn describe(
    pid: i32,
    row: &FdRow,
    devices: &DeviceTables,
    sockets: &sockets::Tables,
    gaps: &mut Vec<Gap>,
) -> OpenFile {
    let stat = row.stat.ok();
    let info = row.info.as_ref().and_then(|info| info.as_ref().ok());
    let protocol = row.protocol.as_ref().and_then(|name| name.as_ref().ok());
    let link = row.link.as_deref().ok();
    // One gap for each descriptor: what forbids one reading mostly forbids the others.
    let failures = [
        row.link.as_ref().err(),
        row.stat.as_ref().err(),
        row.info.as_ref().and_then(|info| info.as_ref().err()),
        row.protocol.as_ref().and_then(|name| name.as_ref().err()),
    ];
    if let Some(failure) = failures.into_iter().flatten().next() {
        gaps.push(gap(Some(pid), Subject::Descriptor(row.fd), *failure));
    }
    let access = match info {
        Some(info) => Some(access_of_flags(info.flags)),
        None => row.link_mode.map(access_of_link),
    };
    let rdev = stat.map(|stat| stat.rdev);
    let clue = Clue {
        link,
        file_type: stat.map(|stat| file_type(stat.mode)),
        inode: stat.map(|stat| Inode { dev: stat.dev, ino: stat.ino }),
        rdev,
        nlink: stat.map_or(1, |stat| stat.nlink),
        block_size: stat.map_or(0, |stat| stat.block_size),
        is_tty: rdev.is_some_and(|device| is_tty(device, devices)),
        on_memfd_device: stat.is_some_and(|stat| Some(stat.dev) == devices.memfd),
        access,
        protocol: protocol.map(String::as_str),
        lines: info.map_or(&[], |info| &info.lines),
    };
    let kind = kind::recognise(&clue);
    let description = (kind.describe)(&clue);
    let (name, marked) = match link {
        Some(link) => without_mark(link, stat),
        None => (&b""[..], false),
    };
    let socket = clue.file_type == Some(FileType::Socket);
    OpenFile {
        kind: kind.name,
        name: row.link.as_ref().map(|_| name.to_vec()).map_err(|failure| cause(*failure)),
        deleted: marked && !description.nameless,
        access,
        flags: info.map(|info| info.flags & !O_CLOEXEC),
        offset: info.map(|info| info.pos),
        inode: clue.inode,
        facts: description.facts,
        socket: socket.then(|| sockets.describe(pid, clue.inode, clue.protocol)),
        endpoint: description.endpoint,
        identity: Identity::NotAsked,
    }
}

/// Whether execve(2) closes the descriptor, where fdinfo was read.
pub fn cloexec(row: &FdRow) -> Option<bool> {
    let info = row.info.as_ref()?.as_ref().ok()?;
    Some(info.flags & O_CLOEXEC != 0)
}

fn access_of_flags(flags: u32) -> Access {
    if flags & O_PATH != 0 {
        return Access::Path;
    }
    match flags & 3 {
        0 => Access::Read,
        1 => Access::Write,
        2 => Access::ReadWrite,
        _ => Access::Neither,
    }
}

/// The link in `/proc/PID/fd` has the owner's r bit for reading and the w bit for writing
/// (`fs/proc/fd.c`, `tid_fd_update_inode`). Of O_PATH it has neither.
fn access_of_link(mode: u32) -> Access {
    match (mode & 0o400 != 0, mode & 0o200 != 0) {
        (true, true) => Access::ReadWrite,
        (true, false) => Access::Read,
        (false, true) => Access::Write,
        (false, false) => Access::Path,
    }
}

fn file_type(mode: u32) -> FileType {
    match mode & bits::S_IFMT {
        bits::S_IFREG => FileType::Regular,
        bits::S_IFDIR => FileType::Directory,
        bits::S_IFLNK => FileType::Symlink,
        bits::S_IFCHR => FileType::Char,
        bits::S_IFBLK => FileType::Block,
        bits::S_IFIFO => FileType::Fifo,
        bits::S_IFSOCK => FileType::Socket,
        _ => FileType::Anonymous,
    }
}

fn is_tty(device: (u32, u32), devices: &DeviceTables) -> bool {
    let (major, minor) = device;
    devices.ttys.iter().any(|&(tty, first, last)| tty == major && (first..=last).contains(&minor))
}

/// Takes the mark off a name, where the inode confirms it. A file may be called `x (deleted)`: then
/// the mark is a part of its name, and it has a link left.
fn without_mark(link: &[u8], stat: Option<FileStat>) -> (&[u8], bool) {
    match link.strip_suffix(DELETED) {
        Some(name) if stat.is_some_and(|stat| stat.nlink == 0) => (name, true),
        _ => (link, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_called_deleted_is_not() {
        let named = FileStat { nlink: 1, ..FileStat::default() };
        let removed = FileStat { nlink: 0, ..FileStat::default() };
        assert_eq!(without_mark(b"/a (deleted)", Some(named)), (&b"/a (deleted)"[..], false));
        assert_eq!(without_mark(b"/a (deleted)", Some(removed)), (&b"/a"[..], true));
        assert_eq!(without_mark(b"/a (deleted)", None), (&b"/a (deleted)"[..], false));
    }

    #[test]
    fn access_is_told_the_same_by_flags_and_by_the_link() {
        for (flags, mode) in [(0, 0o500), (1, 0o300), (2, 0o700), (0o10_000_000, 0)] {
            assert_eq!(access_of_flags(flags), access_of_link(mode));
        }
        assert_eq!(access_of_flags(3), Access::Neither);
    }
}
