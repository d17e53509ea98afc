//! The field output of `lsof -F` (lsof(8), "OUTPUT FOR OTHER PROGRAMS"), which scripts already read: a line
//! for each field, its letter first.
//!
//! The fields, their order and their words are those of lsof 4.95 with `-nP -F`. Left out are the
//! kernel's address of a unix socket (`d`), which is nowhere but in a list that cuts names, and what could not
//! be read. Where lsof is wrong, this tells in its form what is so: `tests/inspect/lsof_format.rs`
//! has each difference with its reason.

use super::lsof_names::{escaped, reason};
use super::lsof_sockets;
use crate::model::{Access, Fact, Named, OpenFile, Place, Process, State};
use crate::query::{Entry, Listed, Listing};
use std::io::{self, Write};

/// Writes what is listed. `utf8` is whether the locale has more characters than ASCII: lsof shows those as they
/// are only then.
pub fn lsof(out: &mut dyn Write, listing: &Listing<'_>, utf8: bool) -> io::Result<()> {
    for listed in &listing.rows {
        // Of one that has exited there is nothing left to list.
        if matches!(listed.process.state, State::Zombie | State::Dead) {
            continue;
        }
        process(out, listing, listed.process, utf8)?;
        files(out, listed, utf8)?;
    }
    Ok(())
}

fn process(out: &mut dyn Write, listing: &Listing<'_>, process: &Process, utf8: bool) -> io::Result<()> {
    writeln!(out, "p{}", process.pid())?;
    let mut command = &process.comm;
    if let (Some(tid), Some(leader)) = (process.tid(), process.leader) {
        writeln!(out, "K{tid}\nM{}", escaped(&process.comm, utf8))?;
        let all = &listing.known.snapshot.processes;
        command = all.iter().find(|other| other.id == leader).map_or(command, |leader| &leader.comm);
    }
    writeln!(out, "g{}\nR{}\nc{}", process.group, process.ppid, escaped(command, utf8))?;
    if let Some(uid) = process.uid {
        writeln!(out, "u{uid}")?;
    }
    if let Some(user) = &process.user {
        writeln!(out, "L{}", escaped(user.as_bytes(), utf8))?;
    }
    Ok(())
}

fn files(out: &mut dyn Write, listed: &Listed<'_>, utf8: bool) -> io::Result<()> {
    let pid = listed.process.pid();
    let (places, descriptors): (Vec<Entry<'_>>, Vec<Entry<'_>>) =
        listed.entries.iter().partition(|entry| entry.descriptor.is_none());
    for entry in places {
        // A mapped file without a name stands for the whole list, which could not be read.
        if entry.place != Some(Place::Mem) || entry.file.name.is_ok() {
            file(out, pid, &entry, utf8)?;
        }
    }
    if let Err(failure) = &listed.process.table {
        let why = reason(failure.error());
        writeln!(out, "fNOFD\na \nl \nn/proc/{pid}/fd (opendir: {why})")?;
    }
    for entry in descriptors {
        file(out, pid, &entry, utf8)?;
    }
    Ok(())
}

fn file(out: &mut dyn Write, pid: i32, entry: &Entry<'_>, utf8: bool) -> io::Result<()> {
    let file = entry.file;
    let gone_from_memory = entry.place == Some(Place::Mem) && is_unlinked(file);
    writeln!(out, "f{}", label(entry, gone_from_memory))?;
    writeln!(out, "a{}\nl{}", access(file.access), lock(&file.facts))?;
    if file.socket.is_some() {
        return lsof_sockets::socket(out, entry, utf8);
    }
    writeln!(out, "t{}", file_type(file))?;
    flags(out, entry)?;
    if let Some(inode) = file.inode {
        writeln!(out, "D{:#x}", device(inode.dev))?;
    }
    if let Some(stat) = file.more.stat.filter(|_| !gone_from_memory) {
        if has_offset(stat.mode) {
            offset(out, file)?;
        } else {
            writeln!(out, "s{}", stat.size)?;
        }
    }
    if let Some(inode) = file.inode {
        writeln!(out, "i{}", inode.ino)?;
    }
    if let Some(stat) = file.more.stat.filter(|_| !gone_from_memory) {
        writeln!(out, "k{}", stat.nlink)?;
    }
    match &file.name {
        Ok(name) => writeln!(out, "n{}", escaped(&name_of(entry, name, gone_from_memory), utf8)),
        Err(failure) => {
            writeln!(out, "n/proc/{pid}/{} (readlink: {})", link(entry), reason(failure.error()))
        }
    }
}

/// The word for a descriptor or a place.
fn label(entry: &Entry<'_>, gone_from_memory: bool) -> String {
    match entry.place {
        None => entry.label(),
        Some(Place::Cwd) => "cwd".to_owned(),
        Some(Place::Root) => "rtd".to_owned(),
        Some(Place::Exe) => "txt".to_owned(),
        Some(Place::Mem) if gone_from_memory => "DEL".to_owned(),
        Some(Place::Mem) => "mem".to_owned(),
    }
}

/// The link below `/proc/PID` by which a file was found.
fn link(entry: &Entry<'_>) -> String {
    entry.number().map_or_else(|| entry.label(), |fd| format!("fd/{fd}"))
}

/// lsof knows of no access mode but these three, and takes all others for both.
fn access(access: Option<Access>) -> char {
    match access {
        None => ' ',
        Some(Access::Read) => 'r',
        Some(Access::Write) => 'w',
        Some(Access::ReadWrite | Access::Path | Access::Neither) => 'u',
    }
}

/// The strongest lock that is held through a descriptor: of the whole in upper case, of a part in lower case.
fn lock(facts: &[Named]) -> char {
    let Some(Fact::List(locks)) = Fact::named(facts, "locks") else { return ' ' };
    let letter = |lock: &Fact| {
        let Fact::Group(lock) = lock else { return None };
        let letter = match Fact::named(lock, "mode")? {
            Fact::Text(mode) if mode == b"WRITE" => 'w',
            Fact::Text(mode) if mode == b"READ" => 'r',
            _ => return None,
        };
        let whole =
            Fact::named(lock, "start") == Some(&Fact::Number(0)) && Fact::named(lock, "end").is_none();
        Some(if whole { letter.to_ascii_uppercase() } else { letter })
    };
    let held: Vec<char> = locks.iter().filter_map(letter).collect();
    ['W', 'w', 'R', 'r'].into_iter().find(|letter| held.contains(letter)).unwrap_or(' ')
}

/// The flags of open(2) as fdinfo has them, with that of the descriptor; lsof's own flags of a process's file
/// are never set on Linux.
pub(super) fn flags(out: &mut dyn Write, entry: &Entry<'_>) -> io::Result<()> {
    /// `include/uapi/asm-generic/fcntl.h`: the same on every architecture but alpha, parisc and sparc.
    const O_CLOEXEC: u32 = 0o2_000_000;
    let Some(flags) = entry.file.more.flags else { return Ok(()) };
    let closes = entry.descriptor.and_then(|descriptor| descriptor.cloexec) == Some(true);
    writeln!(out, "G{:#x};0x0", flags | if closes { O_CLOEXEC } else { 0 })
}

/// The offset: in decimal as long as that has no more than eight digits.
pub(super) fn offset(out: &mut dyn Write, file: &OpenFile) -> io::Result<()> {
    let Some(offset) = file.more.offset else { return Ok(()) };
    let offset = offset.cast_unsigned();
    if offset < 100_000_000 { writeln!(out, "o0t{offset}") } else { writeln!(out, "o{offset:#x}") }
}

/// A device's number as the C library composes it (makedev(3)).
pub(super) fn device((major, minor): (u32, u32)) -> u64 {
    let (major, minor) = (u64::from(major), u64::from(minor));
    (major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & 0xffff_ff00) << 12 | minor & 0xff
}

/// The type bits of a mode (inode(7)).
const TYPE: u32 = 0o170_000;

/// Whether lsof takes the offset of a file of this mode for more telling than a size.
fn has_offset(mode: u32) -> bool {
    matches!(mode & TYPE, 0o010_000 | 0o020_000 | 0o060_000)
}

fn file_type(file: &OpenFile) -> String {
    let Some(stat) = file.more.stat else { return "unknown".to_owned() };
    let word = match stat.mode & TYPE {
        0o010_000 => "FIFO",
        0o020_000 => "CHR",
        0o040_000 => "DIR",
        0o060_000 => "BLK",
        0o100_000 if file.kind.as_str() == "mqueue" => "PSXMQ",
        0o100_000 => "REG",
        0o120_000 => "LINK",
        0 if file.name.as_ref().is_ok_and(|name| name.starts_with(ANONYMOUS)) => "a_inode",
        other => return format!("{:04o}", other >> 12),
    };
    word.to_owned()
}

/// How links to files without a name in any filesystem begin.
const ANONYMOUS: &[u8] = b"anon_inode:";

/// Whether no name is left. The kernel marks memory files so, too, which never had one.
fn is_unlinked(file: &OpenFile) -> bool {
    let nameless = file.more.stat.is_some_and(|stat| stat.nlink == 0);
    file.deleted || (nameless && file.name.as_ref().is_ok_and(|name| name.starts_with(b"/")))
}

/// The name as lsof has it: of what is no path, what stands before a colon, and of an anonymous file, what
/// stands behind it.
fn name_of(entry: &Entry<'_>, name: &[u8], gone_from_memory: bool) -> Vec<u8> {
    if let Some(name) = name.strip_prefix(ANONYMOUS) {
        return anonymous(entry, name);
    }
    if !name.starts_with(b"/") {
        return name.split(|&byte| byte == b':').next().unwrap_or_default().to_vec();
    }
    let mark: &[u8] = if is_unlinked(entry.file) && !gone_from_memory { b" (deleted)" } else { b"" };
    [name, mark].concat()
}

/// The name of an anonymous file, with the number that tells it from others where it has one.
fn anonymous(entry: &Entry<'_>, name: &[u8]) -> Vec<u8> {
    let number = |name: &str| match *Fact::named(&entry.file.facts, name)? {
        Fact::Number(number) => Some(number.to_string()),
        Fact::Integer(number) => u64::try_from(number).ok().map(|number| number.to_string()),
        _ => None,
    };
    let inner = match name {
        b"[eventfd]" => number("eventfd-id").map(|id| format!("eventfd:{id}")),
        b"[pidfd]" => number("Pid").map(|pid| format!("pidfd:{pid}")),
        b"[eventpoll]" => watched(entry).map(|fds| format!("eventpoll:{fds}")),
        _ => None,
    };
    inner.map_or_else(|| name.to_vec(), |inner| format!("[{inner}]").into_bytes())
}

/// The numbers that an epoll instance watches. lsof reads no more than 32, and says with dots that there may be
/// more.
fn watched(entry: &Entry<'_>) -> Option<String> {
    const MOST: usize = 32;
    let watches = entry.descriptor.map(|descriptor| descriptor.watches.as_slice()).unwrap_or_default();
    let mut fds: Vec<i32> = watches.iter().map(|watch| watch.fd).take(MOST).collect();
    fds.sort_unstable();
    let text: Vec<String> = fds.iter().map(i32::to_string).collect();
    let more = if fds.len() == MOST { "..." } else { "" };
    (!fds.is_empty()).then(|| format!("{}{more}", text.join(",")))
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_device_number_is_that_of_the_c_library() {
        assert_eq!(device((254, 0)), 0xfe00);
        assert_eq!(device((8, 300)), 0x10_082c);
        assert_eq!(device((0x1_2345, 0x12_3456)), 0x0001_2001_2343_4556);
    }
}
