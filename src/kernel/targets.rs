//! What a person names by a path: a file, what is below a directory, and what of the kernel's own holds a
//! file.

use super::rows::FileStat;
use super::statx::statx_at;
use super::{Errno, Failure, Read};
use nix::dir::Dir;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::Mode;
use std::ffi::{CStr, CString, OsString};
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;

/// The file at a path, symbolic links followed.
pub fn file_at(path: &[u8]) -> Read<FileStat> {
    let path = CString::new(path).map_err(|_| Failure::new("statx", Errno::EINVAL))?;
    statx_at(AT_FDCWD, &path)
}

/// Calls `found` with the device and inode of each file below a directory, itself included, on the mounts that it
/// is made of: a file may be open by another name, and is the same all the same. Symbolic links are not
/// followed. What cannot be read is given to `failed` with its path.
pub fn walk(path: &[u8], found: &mut dyn FnMut(&FileStat), failed: &mut dyn FnMut(Vec<u8>, Failure)) {
    let mut folders = vec![path.to_vec()];
    while let Some(folder) = folders.pop() {
        if let Err(failure) = entries(&folder, found, &mut folders) {
            failed(folder, failure);
        }
    }
}

fn entries(folder: &[u8], found: &mut dyn FnMut(&FileStat), folders: &mut Vec<Vec<u8>>) -> Read<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut dir = Dir::open(folder, flags, Mode::empty()).map_err(|errno| Failure::new("open", errno))?;
    found(&statx_at(dir.as_fd(), c"")?);
    let mut names: Vec<CString> = Vec::new();
    for entry in dir.iter() {
        let entry = entry.map_err(|errno| Failure::new("getdents64", errno))?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    for name in names {
        let Ok(stat) = lstat(&dir, &name) else { continue };
        if stat.mode & libc::S_IFMT == libc::S_IFDIR {
            folders.push([folder, b"/", name.to_bytes()].concat());
        } else {
            found(&stat);
        }
    }
    Ok(())
}

fn lstat(dir: &Dir, name: &CStr) -> Read<FileStat> {
    super::statx::statx_with(dir.as_fd(), name, libc::AT_SYMLINK_NOFOLLOW)
}

/// A file that the kernel itself holds open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelHolder {
    /// `loop0`, or `swap`.
    pub name: String,
    /// The file's path, as the kernel tells it.
    pub path: Vec<u8>,
    /// The file at that path now.
    pub stat: Read<FileStat>,
}

/// The files behind loop devices (loop(4)) and those used as swap space (proc_swaps(5)).
pub fn kernel_holders() -> Vec<KernelHolder> {
    let mut holders = Vec::new();
    for entry in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Ok(path) = fs::read(entry.path().join("loop/backing_file")) else { continue };
        let path = path.strip_suffix(b"\n").unwrap_or(&path).to_vec();
        holders.push(KernelHolder { name: name.to_string_lossy().into_owned(), stat: file_at(&path), path });
    }
    holders.sort_by(|a, b| a.name.cmp(&b.name));
    let swaps = fs::read("/proc/swaps").unwrap_or_default();
    holders.extend(swap_files(&swaps).into_iter().map(|path| KernelHolder {
        name: "swap".to_owned(),
        stat: file_at(&path),
        path,
    }));
    holders
}

/// The first column of `/proc/swaps` below its heading. Blanks, tabs, newlines and backslashes in a path are
/// octal there (`mm/swapfile.c`, `swap_show`).
fn swap_files(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split(|&byte| byte == b'\n').skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| unescape(line.split(|&byte| byte == b' ' || byte == b'\t').next().unwrap_or(line)))
        .collect()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let octal = (byte == b'\\').then(|| behind.get(..3)).flatten();
        let code = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        plain.push(code.unwrap_or(byte));
        rest = if code.is_some() { &behind[3..] } else { behind };
    }
    plain
}

/// The path without symbolic links, as the kernel's links have it.
pub fn real_path(path: &[u8]) -> Read<Vec<u8>> {
    let path = OsString::from_vec(path.to_vec());
    fs::canonicalize(path)
        .map(|path| path.into_os_string().into_vec())
        .map_err(|error| Failure::new("realpath", Errno::from_raw(error.raw_os_error().unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn swap_files_are_told_apart_from_the_heading() {
        let text = b"Filename\t\t\t\tType\t\tSize\n/swap\\040file                     file\t\t1048572\n/dev/vdb partition 4\n";
        assert_eq!(swap_files(text), [b"/swap file".to_vec(), b"/dev/vdb".to_vec()]);
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = swap_files(&text);
        }
    }

    #[test]
    fn all_below_a_directory_is_found_once_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("file"), "").unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("root")).unwrap();
        let mut found = BTreeSet::new();
        let path = folder.path().as_os_str().as_encoded_bytes();
        walk(path, &mut |stat| assert!(found.insert(stat.ino)), &mut |path, failure| {
            panic!("{path:?} {failure:?}")
        });
        assert_eq!(found.len(), 5);
        assert!(found.contains(&fs::metadata(below.join("file")).unwrap().ino()));
    }
}
