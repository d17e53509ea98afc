//! From a descriptor's row to the open file description that it refers to.

use super::{Ends, Need, cause, gap, questions, sockets};
use crate::kernel::bits::{self, O_CLOEXEC, O_PATH};
use crate::kernel::{AtName, DeviceTables, FdRow, FileStat, PlaceRow, Read, Source};
use crate::kind::{self, Clue, Extent, FileType};
use crate::model::{
    self, Access, Beyond, ChannelKey, Details, Endpoint, Gap, Identity, Inode, OpenFile, Subject, Watch,
};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What the kernel puts after the name of a file that is not there by that name any more.
pub const DELETED: &[u8] = b" (deleted)";

/// A device's major and minor number.
type Device = (u32, u32);

/// The device of each master's instance of devpts, by the process and the path that it was opened by.
type Instances = HashMap<(i32, Vec<u8>), Read<Device>>;

/// What describing a descriptor takes besides its row.
pub struct Describer<'a> {
    source: &'a dyn Source,
    devices: DeviceTables,
    need: Ends,
    /// Whether to keep what stat(2) says.
    stats: bool,
    /// The devpts instance of each master opened by a path, within one process.
    devpts: Mutex<Instances>,
}

impl<'a> Describer<'a> {
    pub fn new(source: &'a dyn Source, need: Need) -> Self {
        let Need { ends, fdinfo, .. } = need;
        Self { source, devices: source.devices(), need: ends, stats: fdinfo, devpts: Mutex::default() }
    }

    /// Describes what a descriptor refers to, and of an epoll instance what it watches; of a socket, with what is
    /// in `lists`. What of it could not be read becomes a gap. The link is taken out of the row: it becomes the name.
    pub fn describe(
        &self,
        pid: i32,
        row: &mut FdRow,
        lists: &sockets::Tables,
        gaps: &mut Vec<Gap>,
    ) -> (OpenFile, Vec<Watch>) {
        let stat = row.stat.ok();
        let info = row.info.as_ref().and_then(|info| info.as_ref().ok());
        let protocol = row.protocol.as_ref().and_then(|name| name.as_ref().ok()).map(|name| &**name);
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
        let inode = stat.map(|stat| Inode { dev: stat.dev, ino: stat.ino });
        let devpts = self.devpts(pid, row);
        let file_type = stat.map(|stat| file_type(stat.mode));
        // Who wants to know no flags and offsets wants to know none of this, which costs more.
        let has_facts = row.info.is_some();
        let mut clue = Clue {
            link,
            file_type,
            inode,
            rdev,
            nlink: stat.map_or(1, |stat| stat.nlink),
            extent: stat.filter(|_| has_facts).map(extent),
            mount: info.and_then(|info| info.mount).or(stat.and_then(|stat| stat.mount)),
            block_size: stat.map_or(0, |stat| stat.block_size),
            driver: rdev.filter(|_| has_facts).and_then(|device| driver(&self.devices, file_type, device)),
            is_tty: rdev.is_some_and(|device| is_tty(device, &self.devices)),
            on_memfd_device: stat.is_some_and(|stat| Some(stat.dev) == self.devices.memfd),
            on_nsfs: stat.is_some_and(|stat| Some(stat.dev) == self.devices.nsfs),
            access,
            protocol,
            is_mqueue: row.filesystem == Some(bits::MQUEUE_MAGIC),
            devpts: devpts.as_ref(),
            lines: info.map_or(&[], |info| &info.lines),
            answers: None,
        };
        let kind = kind::recognise(&clue);
        let asked = if has_facts { (kind.asks)(&clue) } else { Vec::new() };
        let answers = questions::answers(self.source, pid, row.fd, asked);
        clue.answers = Some(&answers);
        let mut description = (kind.describe)(&clue);
        if let Some((locks, brief)) = kind::locks(&clue) {
            description.facts.push(("locks".into(), locks));
            description.brief = description.brief.map(|first| format!("{first}, {brief}")).or(Some(brief));
        }
        let (length, marked) = match link {
            Some(link) => {
                let (name, marked) = without_mark(link, stat, row.at_name);
                (name.len(), marked)
            }
            None => (0, false),
        };
        let is_socket = clue.file_type == Some(FileType::Socket);
        let (ends, beyond) = match self.need {
            _ if is_socket && self.need.has_sockets() => lists.ends(pid, inode, protocol),
            Ends::All => (description.ends, description.beyond),
            // What was not looked for is not said to be nobody.
            _ if is_socket => (Vec::new(), Some(Beyond::NotAsked)),
            Ends::None | Ends::Pipes | Ends::Sockets => pipes(description.ends, description.beyond.as_ref()),
        };
        let socket = is_socket.then(|| Box::new(lists.describe(inode, protocol)));
        let stat_of = |stat: FileStat| model::Stat { mode: stat.mode, size: stat.size, nlink: stat.nlink };
        let more = Details {
            flags: info.map(|info| info.flags & !O_CLOEXEC),
            offset: info.map(|info| info.pos),
            stat: stat.filter(|_| self.stats).map(stat_of),
            brief: description.brief,
            beyond,
            identity: Identity::NotAsked,
        };
        let name = match std::mem::replace(&mut row.link, Ok(Vec::new())) {
            Ok(mut link) => {
                link.truncate(length);
                Ok(link)
            }
            Err(failure) => Err(cause(failure)),
        };
        let file = OpenFile {
            kind: kind.name,
            name,
            deleted: marked && !description.nameless,
            access,
            inode,
            facts: description.facts.into(),
            socket,
            ends: ends.into(),
            more: more.into(),
        };
        (file, description.watches)
    }

    /// Describes what a process refers to without a descriptor: a file, without the rest of an open file
    /// description.
    pub fn describe_place(&self, pid: i32, row: &PlaceRow, gaps: &mut Vec<Gap>) -> OpenFile {
        let mut alone = FdRow {
            fd: -1,
            link: row.link.clone(),
            link_mode: None,
            stat: row.stat,
            info: None,
            protocol: None,
            filesystem: None,
            at_name: None,
        };
        let mut unheard = Vec::new();
        let (mut file, _) = self.describe(pid, &mut alone, &sockets::Tables::default(), &mut unheard);
        if let Some(gap) = unheard.into_iter().next() {
            gaps.push(Gap { subject: Subject::Place(super::place_of(row.kind).as_str()), ..gap });
        }
        (file.ends, file.more.beyond, file.socket) = (Box::default(), None, None);
        file
    }

    /// The devpts instance of a pseudoterminal's master. One opened in the instance's own directory is on
    /// its device; of one opened as /dev/ptmx, the instance is what is mounted beside that.
    fn devpts(&self, pid: i32, row: &FdRow) -> Option<Result<Device, model::Failure>> {
        let (Ok(stat), Ok(link)) = (&row.stat, &row.link) else { return None };
        if stat.rdev != kind::PTY_MASTER || self.need != Ends::All {
            return None;
        }
        if row.filesystem == Some(bits::DEVPTS_SUPER_MAGIC) {
            return Some(Ok(stat.dev));
        }
        let source = self.source;
        let mut known = self.devpts.lock().unwrap_or_else(PoisonError::into_inner);
        let beside = known.entry((pid, link.clone())).or_insert_with(|| source.devpts(pid, link));
        Some(beside.map_err(cause))
    }
}

/// The ends of pipes alone, of all that a file is an end of.
fn pipes(ends: Vec<Endpoint>, beyond: Option<&Beyond>) -> (Vec<Endpoint>, Option<Beyond>) {
    if ends.iter().all(|end| matches!(end.channel.key, ChannelKey::File(_))) && beyond.is_none() {
        (ends, None)
    } else {
        (Vec::new(), Some(Beyond::NotAsked))
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

fn extent(stat: FileStat) -> Extent {
    Extent { size: stat.size, allocated: stat.blocks.saturating_mul(512), mode: stat.mode & !bits::S_IFMT }
}

/// The major number of all miscellaneous devices (`include/uapi/linux/major.h`).
const MISC_MAJOR: u32 = 10;

/// The driver of a device file's device.
fn driver(devices: &DeviceTables, file_type: Option<FileType>, (major, minor): Device) -> Option<&str> {
    let (table, number) = match file_type? {
        FileType::Char if major == MISC_MAJOR => (&devices.misc, minor),
        FileType::Char => (&devices.char, major),
        FileType::Block => (&devices.block, major),
        _ => return None,
    };
    table.iter().find(|(known, _)| *known == number).map(|(_, name)| name.as_str())
}

/// Takes the mark off a name, where it is one. A file may be called `x (deleted)`, and one whose name was removed
/// may have another: then only what is there by the name tells.
fn without_mark(link: &[u8], stat: Option<FileStat>, at_name: Option<AtName>) -> (&[u8], bool) {
    let Some(name) = link.strip_suffix(DELETED) else { return (link, false) };
    match at_name {
        _ if stat.is_some_and(|stat| stat.nlink == 0) => (name, true),
        Some(AtName::Gone) => (name, true),
        Some(AtName::Unmarked) => (name, false),
        Some(AtName::Literal) | None => (link, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_called_deleted_is_not() {
        let named = FileStat { nlink: 1, ..FileStat::default() };
        let removed = FileStat { nlink: 0, ..FileStat::default() };
        let (with, without) = (&b"/a (deleted)"[..], &b"/a"[..]);
        assert_eq!(without_mark(with, Some(named), None), (with, false));
        assert_eq!(without_mark(with, Some(named), Some(AtName::Literal)), (with, false));
        assert_eq!(without_mark(with, Some(named), Some(AtName::Gone)), (without, true));
        assert_eq!(without_mark(with, Some(named), Some(AtName::Unmarked)), (without, false));
        assert_eq!(without_mark(with, Some(removed), None), (without, true));
        assert_eq!(without_mark(with, None, None), (with, false));
    }

    #[test]
    fn access_is_told_the_same_by_flags_and_by_the_link() {
        for (flags, mode) in [(0, 0o500), (1, 0o300), (2, 0o700), (0o10_000_000, 0)] {
            assert_eq!(access_of_flags(flags), access_of_link(mode));
        }
        assert_eq!(access_of_flags(3), Access::Neither);
    }
}
