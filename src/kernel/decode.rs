//! Arguments and results of system calls as text.
//!
//! What an argument points to is read from the tracee's memory while it is stopped
//! (process_vm_readv(2)), at the stop before the call for what goes in and at the stop after it for
//! what comes out. Text from there is escaped.

use super::Errno;
use super::syscall::Arg;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// The argument of this index as text; nothing for one that would say nothing.
pub(super) fn argument(tid: i32, kind: Arg, args: [u64; 6], index: usize) -> Option<String> {
    let value = args[index];
    Some(match kind {
        Arg::Hidden => return None,
        Arg::Fd if int(value) == libc::AT_FDCWD => "AT_FDCWD".to_owned(),
        Arg::Fd | Arg::Int => int(value).to_string(),
        Arg::Unsigned => u32::try_from(value & 0xffff_ffff).unwrap_or(0).to_string(),
        Arg::OpenFlags => open_flags(int(value)),
        Arg::Flags => flags(int(value), OPEN_FLAGS, Vec::new()),
        Arg::Mode => format!("0{:o}", int(value)),
        Arg::Bytes => bytes(tid, value, args.get(index + 1).copied().unwrap_or(0)),
        Arg::CloneFlags => clone_flags(value),
        Arg::CloneArgs => match memory(tid, value, 8).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => clone_flags(u64::from_ne_bytes(bytes)),
            None => "?".to_owned(),
        },
        Arg::FcntlCommand => named(int(value), FCNTL),
        Arg::Request => named(int(value), IOCTL),
        Arg::Family => named(int(value), FAMILIES),
        Arg::SocketType => {
            let kind = named(int(value) & 0xf, SOCKET_TYPES);
            flags(int(value) & !0xf, SOCKET_FLAGS, vec![kind])
        }
        Arg::Address => {
            let length = args.get(index + 1).copied().unwrap_or(0).min(128);
            memory(tid, value, usize::try_from(length).unwrap_or(0))
                .map_or_else(|| "?".to_owned(), |bytes| address(&bytes))
        }
        Arg::Path => quoted(string(tid, value)),
        Arg::Strings => strings(tid, value),
    })
}

/// Whether the flags of an open say that it may make a file.
pub(super) fn makes_file(flags: u64) -> bool {
    let flags = int(flags);
    flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// How many bytes of what is written are told.
const TOLD: u64 = 32;

fn bytes(tid: i32, at: u64, count: u64) -> String {
    let told = count.min(TOLD);
    let Some(bytes) = memory(tid, at, usize::try_from(told).unwrap_or(0)) else {
        return "?".to_owned();
    };
    let more = if told < count { "…" } else { "" };
    format!("\"{}\"{more}", bytes.escape_ascii())
}

/// An error's name.
pub(super) fn errno(value: i64) -> String {
    let number = i32::try_from(-value).unwrap_or(0);
    match Errno::from_raw(number) {
        Errno::UnknownErrno => format!("errno {number}"),
        errno => format!("{errno:?}"),
    }
}

/// Two descriptors that a call wrote to `at`.
pub(super) fn pair(tid: i32, at: u64) -> Option<String> {
    let bytes = memory(tid, at, 8)?;
    let ints: Vec<_> = bytes
        .chunks_exact(4)
        .filter_map(|int| Some(i32::from_ne_bytes(int.try_into().ok()?).to_string()))
        .collect();
    Some(format!("[{}]", ints.join(", ")))
}

/// The lower half of a register, which is where an int is.
fn int(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

type Names = &'static [(i32, &'static str)];

const OPEN_FLAGS: Names = &[
    (libc::O_CREAT, "O_CREAT"),
    (libc::O_EXCL, "O_EXCL"),
    (libc::O_TRUNC, "O_TRUNC"),
    (libc::O_APPEND, "O_APPEND"),
    (libc::O_NONBLOCK, "O_NONBLOCK"),
    (libc::O_NOCTTY, "O_NOCTTY"),
    (libc::O_DIRECT, "O_DIRECT"),
    (libc::O_TMPFILE, "O_TMPFILE"),
    (libc::O_DIRECTORY, "O_DIRECTORY"),
    (libc::O_NOFOLLOW, "O_NOFOLLOW"),
    (libc::O_PATH, "O_PATH"),
    (libc::O_CLOEXEC, "O_CLOEXEC"),
];

const SOCKET_FLAGS: Names = &[(libc::SOCK_NONBLOCK, "SOCK_NONBLOCK"), (libc::SOCK_CLOEXEC, "SOCK_CLOEXEC")];

const SOCKET_TYPES: Names = &[
    (0, "0"),
    (libc::SOCK_STREAM, "SOCK_STREAM"),
    (libc::SOCK_DGRAM, "SOCK_DGRAM"),
    (libc::SOCK_RAW, "SOCK_RAW"),
    (libc::SOCK_SEQPACKET, "SOCK_SEQPACKET"),
];

const FAMILIES: Names = &[
    (libc::AF_UNIX, "AF_UNIX"),
    (libc::AF_INET, "AF_INET"),
    (libc::AF_INET6, "AF_INET6"),
    (libc::AF_NETLINK, "AF_NETLINK"),
    (libc::AF_PACKET, "AF_PACKET"),
    (libc::AF_VSOCK, "AF_VSOCK"),
];

const FCNTL: Names = &[
    (libc::F_DUPFD, "F_DUPFD"),
    (libc::F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"),
    (libc::F_GETFD, "F_GETFD"),
    (libc::F_SETFD, "F_SETFD"),
    (libc::F_GETFL, "F_GETFL"),
    (libc::F_SETFL, "F_SETFL"),
];

const IOCTL: Names = &[
    (0x5451, "FIOCLEX"),
    (0x5450, "FIONCLEX"),
    (0x5421, "FIONBIO"),
    (0x5452, "FIOASYNC"),
    (0x5441, "TIOCGPTPEER"),
    (0x894c, "SIOCGSKNS"),
    (0x89e0, "SIOCUNIXFILE"),
];

const CLONE: Names = &[
    (libc::CLONE_VM, "CLONE_VM"),
    (libc::CLONE_FS, "CLONE_FS"),
    (libc::CLONE_FILES, "CLONE_FILES"),
    (libc::CLONE_SIGHAND, "CLONE_SIGHAND"),
    (libc::CLONE_PIDFD, "CLONE_PIDFD"),
    (libc::CLONE_VFORK, "CLONE_VFORK"),
    (libc::CLONE_THREAD, "CLONE_THREAD"),
    (libc::CLONE_SYSVSEM, "CLONE_SYSVSEM"),
    (libc::CLONE_SETTLS, "CLONE_SETTLS"),
    (libc::CLONE_PARENT_SETTID, "CLONE_PARENT_SETTID"),
    (libc::CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID"),
    (libc::CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID"),
];

fn named(value: i32, names: Names) -> String {
    let name = names.iter().find(|(known, _)| *known == value);
    name.map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned())
}

fn open_flags(bits: i32) -> String {
    let access = match bits & libc::O_ACCMODE {
        libc::O_WRONLY => "O_WRONLY",
        libc::O_RDWR => "O_RDWR",
        _ => "O_RDONLY",
    };
    flags(bits & !libc::O_ACCMODE, OPEN_FLAGS, vec![access.to_owned()])
}

/// `names` and those of `bits`, joined; `0` where there is none.
fn flags(mut bits: i32, known: Names, mut names: Vec<String>) -> String {
    for (bit, name) in known {
        if bits & bit == *bit {
            names.push((*name).to_owned());
            bits &= !bit;
        }
    }
    if bits != 0 || names.is_empty() {
        names.push(if bits == 0 { "0".to_owned() } else { format!("0{bits:o}") });
    }
    names.join("|")
}

fn clone_flags(value: u64) -> String {
    let bits = int(value);
    let mut names: Vec<String> =
        CLONE.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let rest = CLONE.iter().fold(bits & !0xff, |rest, (bit, _)| rest & !bit);
    if rest != 0 {
        names.push(format!("0x{rest:x}"));
    }
    match bits & 0xff {
        0 => {}
        libc::SIGCHLD => names.push("SIGCHLD".to_owned()),
        signal => names.push(signal.to_string()),
    }
    if names.is_empty() { "0".to_owned() } else { names.join("|") }
}

/// An address as the program gave it: `127.0.0.1:80`, `[::1]:80`, a path, `@abstract`.
fn address(bytes: &[u8]) -> String {
    let family = bytes.get(..2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes);
    let port = || bytes.get(2..4).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes);
    match family.map(i32::from) {
        Some(libc::AF_INET) => {
            let ip: Option<[u8; 4]> = bytes.get(4..8).and_then(|four| four.try_into().ok());
            match (ip, port()) {
                (Some(ip), Some(port)) => SocketAddrV4::new(Ipv4Addr::from(ip), port).to_string(),
                _ => "?".to_owned(),
            }
        }
        Some(libc::AF_INET6) => {
            let ip: Option<[u8; 16]> = bytes.get(8..24).and_then(|sixteen| sixteen.try_into().ok());
            match (ip, port()) {
                (Some(ip), Some(port)) => SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, 0).to_string(),
                _ => "?".to_owned(),
            }
        }
        Some(libc::AF_UNIX) => match bytes.get(2..) {
            Some([0, name @ ..]) => format!("@{}", name.escape_ascii()),
            Some(path) => path.split(|&b| b == 0).next().unwrap_or(path).escape_ascii().to_string(),
            None => "?".to_owned(),
        },
        Some(family) => named(family, FAMILIES),
        None => "?".to_owned(),
    }
}

/// The longest string that is read: PATH_MAX.
const LONGEST: usize = 4096;
/// How many strings of an argv are read.
const MOST: u64 = 32;

fn quoted(bytes: Option<Vec<u8>>) -> String {
    bytes.map_or_else(|| "?".to_owned(), |bytes| format!("\"{}\"", bytes.escape_ascii()))
}

fn strings(tid: i32, at: u64) -> String {
    let mut texts = Vec::new();
    for index in 0..=MOST {
        let Some(pointer) = memory(tid, at + index * 8, 8).and_then(|bytes| bytes.try_into().ok()) else {
            texts.push("?".to_owned());
            break;
        };
        match u64::from_ne_bytes(pointer) {
            0 => break,
            _ if index == MOST => texts.push("…".to_owned()),
            pointer => texts.push(quoted(string(tid, pointer))),
        }
    }
    format!("[{}]", texts.join(", "))
}

/// A NUL-terminated string of the tracee's memory. It is read up to the end of its page and then on,
/// because the page behind it may not be there.
fn string(tid: i32, at: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut at = at;
    while text.len() < LONGEST {
        let to_page_end = 4096 - usize::try_from(at % 4096).ok()?;
        let part = memory(tid, at, to_page_end)?;
        if let Some(end) = part.iter().position(|&b| b == 0) {
            text.extend_from_slice(&part[..end]);
            return Some(text);
        }
        at += part.len() as u64;
        text.extend(part);
    }
    Some(text)
}

fn memory(tid: i32, at: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let remote = [RemoteIoVec { base: usize::try_from(at).ok()?, len: length }];
    let read = process_vm_readv(Pid::from_raw(tid), &mut [IoSliceMut::new(&mut bytes)], &remote).ok()?;
    (read == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_written_as_people_do() {
        let mut v4 = libc::AF_INET.to_ne_bytes()[..2].to_vec();
        v4.extend([0, 80, 127, 0, 0, 1, 0, 0]);
        assert_eq!(address(&v4), "127.0.0.1:80");
        let mut unix = libc::AF_UNIX.to_ne_bytes()[..2].to_vec();
        unix.extend(b"/run/x\0");
        assert_eq!(address(&unix), "/run/x");
        let mut abstract_name = libc::AF_UNIX.to_ne_bytes()[..2].to_vec();
        abstract_name.extend(b"\0na\x1bme");
        assert_eq!(address(&abstract_name), "@na\\x1bme");
    }

    #[test]
    fn flags_are_named_and_the_rest_is_not_lost() {
        assert_eq!(open_flags(libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
        assert_eq!(open_flags(libc::O_RDWR | libc::O_TMPFILE), "O_RDWR|O_TMPFILE");
        assert_eq!(flags(0, OPEN_FLAGS, Vec::new()), "0");
        assert_eq!(clone_flags(0x0120_0011), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_address_of_some_text(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(address(&bytes).chars().all(|char| !char.is_control()));
        }
    }
}
