//! What a process refers to without a descriptor: its working directory, its root, the program that it
//! runs and the files mapped into its memory (proc_pid_cwd(5), proc_pid_root(5), proc_pid_exe(5),
//! proc_pid_maps(5)).

use super::lookup::Root;
use super::proc_dir::ProcDir;
use super::rows::{Ask, FileStat};
use super::statx::statx_at;
use super::{Errno, Failure, Read};
use nix::fcntl::readlinkat;
use std::collections::HashSet;
use std::ffi::CString;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// The working directory.
    Cwd,
    /// The root directory.
    Root,
    /// The program.
    Exe,
    /// A file mapped into memory.
    Mapped,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct PlaceRow {
    /// Which.
    pub kind: PlaceKind,
    /// The kernel's name for the file, byte for byte.
    pub link: Read<Vec<u8>>,
    /// The file.
    pub stat: Read<FileStat>,
}

/// What to read of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaceAsk {
    /// The three that have a link of their own.
    pub links: bool,
    /// The mapped files.
    pub mapped: bool,
}

impl ProcDir {
    /// Reads those asked for. What the process does not have, such as the program of a kernel thread, is
    /// left out; what could not be read is a row with its failure.
    pub fn places(&mut self, all: &Ask<'_>) -> Vec<PlaceRow> {
        let ask = all.places;
        let mut rows = Vec::new();
        if ask.links {
            let links = [(PlaceKind::Cwd, "cwd"), (PlaceKind::Root, "root"), (PlaceKind::Exe, "exe")];
            rows.extend(links.into_iter().filter_map(|(kind, name)| self.place(kind, name)));
        }
        if ask.mapped {
            match self.read("maps").map(regions) {
                Ok(mut regions) => {
                    if let Some(only) = all.only_mapped {
                        regions.retain(|region| only(region.ino));
                    }
                    let mut mapped: Vec<_> = regions.iter().map(|region| self.mapped(region)).collect();
                    // The program is mapped, too, and is told already.
                    let program = rows.iter().find(|row| row.kind == PlaceKind::Exe);
                    let program = program.and_then(|row| row.stat.ok()).map(|stat| (stat.dev, stat.ino));
                    mapped.retain(|row| {
                        program.is_none() || row.stat.ok().map(|stat| (stat.dev, stat.ino)) != program
                    });
                    rows.extend(mapped);
                }
                Err(failure) if failure.means_gone() => {}
                Err(failure) => {
                    rows.push(PlaceRow { kind: PlaceKind::Mapped, link: Err(failure), stat: Err(failure) });
                }
            }
        }
        if let Some(only) = all.only_files {
            rows.retain(|row| row.stat.as_ref().map_or(true, only));
        }
        rows
    }

    fn place(&self, kind: PlaceKind, name: &str) -> Option<PlaceRow> {
        let link = match self.link(name) {
            Err(failure) if failure.means_gone() => return None,
            link => link,
        };
        let path = CString::new(name).ok()?;
        Some(PlaceRow { kind, link, stat: statx_at(self.as_fd(), &path) })
    }

    /// The link in `map_files` leads to the mapped file itself, but only for who has
    /// CAP_CHECKPOINT_RESTORE (`fs/proc/base.c`, `proc_map_files_get_link`). Its text can be read by all who
    /// may trace the process. Others find the file by that path, if it is still the same.
    fn mapped(&self, region: &Region) -> PlaceRow {
        let below = format!("map_files/{:x}-{:x}", region.start, region.end);
        let Ok(path) = CString::new(below) else {
            let failure = Failure::new("readlinkat", Errno::EINVAL);
            return PlaceRow { kind: PlaceKind::Mapped, link: Err(failure), stat: Err(failure) };
        };
        let link = readlinkat(self.as_fd(), path.as_c_str()).map(OsStringExt::into_vec);
        let link = link.unwrap_or_else(|_| region.name.clone());
        let stat = statx_at(self.as_fd(), &path).or_else(|failure| {
            let same = Root::of(self.as_fd())?.stat(&link).filter(|stat| stat.ino == region.ino);
            same.ok_or(failure)
        });
        PlaceRow { kind: PlaceKind::Mapped, link: Ok(link), stat }
    }
}

/// The first region of memory to which a file is mapped.
#[derive(Debug, PartialEq, Eq)]
struct Region {
    start: u64,
    end: u64,
    /// The device of the file's filesystem: on btrfs and overlayfs not the one that stat(2) gives.
    dev: (u32, u32),
    ino: u64,
    /// The file's name, with a newline in it as it is.
    name: Vec<u8>,
}

/// The files of `/proc/PID/maps`, each once.
fn regions(maps: &[u8]) -> Vec<Region> {
    let mut seen = HashSet::new();
    let all = maps.split(|&byte| byte == b'\n').filter_map(region);
    all.filter(|region| seen.insert((region.dev, region.ino, region.name.clone()))).collect()
}

/// `7f2c8a000000-7f2c8a022000 r--p 00000000 fe:00 4711    /usr/lib/libc.so.6`. What is no file has inode 0.
fn region(line: &[u8]) -> Option<Region> {
    let mut rest = line;
    let mut word = || {
        let start = rest.iter().position(|&byte| byte != b' ')?;
        let length = rest[start..].iter().position(|&byte| byte == b' ').unwrap_or(rest.len() - start);
        let (word, behind) = rest[start..].split_at(length);
        rest = behind;
        std::str::from_utf8(word).ok()
    };
    let (start, end) = word()?.split_once('-')?;
    let (_permissions, _offset) = (word()?, word()?);
    let (major, minor) = word()?.split_once(':')?;
    let ino: u64 = word()?.parse().ok().filter(|&ino| ino != 0)?;
    let name = rest.trim_ascii_start();
    Some(Region {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        dev: (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?),
        ino,
        name: without_octal(name),
    })
}

/// A name as it is: the kernel writes a newline as `\012`, and no other byte otherwise than it is
/// (`fs/proc/task_mmu.c`, `get_vma_name`).
fn without_octal(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(b"\\012") {
            plain.push(b'\n');
            rest = behind;
        } else {
            plain.push(byte);
            rest = behind;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = regions(&bytes);
        }

        #[test]
        fn a_line_is_given_back(start: u64, end: u64, major in 0u32..4096, minor in 0u32..0x10_0000, ino in 1u64.., name in "/[a-z \\\\é]{0,20}[a-z]") {
            let line = format!("{start:08x}-{end:08x} r-xp 00001000 {major:02x}:{minor:02x} {ino:<26} {name}\n");
            let expected = Region { start, end, dev: (major, minor), ino, name: name.into_bytes() };
            prop_assert_eq!(regions(line.as_bytes()), vec![expected]);
        }
    }

    #[test]
    fn what_is_no_file_is_left_out_and_a_file_is_there_once() {
        let maps = b"00400000-00401000 r--p 00000000 fe:00 7   /a\n00401000-00402000 r-xp 00001000 fe:00 7   /a\n\
            7ffc0000-7ffc1000 rw-p 00000000 00:00 0      [stack]\n00500000-00501000 r--p 00000000 fe:00 8 /b\\012c\n";
        let names: Vec<_> = regions(maps).into_iter().map(|region| (region.start, region.name)).collect();
        assert_eq!(names, [(0x40_0000, b"/a".to_vec()), (0x50_0000, b"/b\nc".to_vec())]);
    }
}
