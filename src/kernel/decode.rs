//! Arguments and results of system calls as text.
//!
//! What an argument points to is read from the tracee's memory while it is stopped
//! (process_vm_readv(2)), at the stop before the call for what goes in and at the stop after it for
//! what comes out. Text from there is escaped.

use super::Errno;
use super::names::{
    CLONE, CLONE_NEWTIME, DIRECTIONS, EPOLL_EVENTS, EPOLL_OPERATIONS, FAMILIES, FCNTL, FD_FLAGS, IOCTL,
    Names, OPEN_FLAGS, SOCKET_FLAGS, SOCKET_TYPES,
};
use super::syscall::Arg;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

/// The argument of this index as text; nothing for one that would say nothing.
pub(super) fn argument(tid: i32, kind: Arg, args: [u64; 6], index: usize) -> Option<String> {
    let value = args[index];
    Some(match kind {
        Arg::ModeIfMade if index == 0 || !makes_file(args[index - 1]) => return None,
        Arg::Hidden => return None,
        Arg::Fd if int(value) == libc::AT_FDCWD => "AT_FDCWD".to_owned(),
        Arg::Fd | Arg::Int => int(value).to_string(),
        Arg::Unsigned => u32::try_from(value & 0xffff_ffff).unwrap_or(0).to_string(),
        Arg::OpenFlags => open_flags(int(value)),
        Arg::Flags => flags(int(value), OPEN_FLAGS, Vec::new()),
        Arg::Offset => value.cast_signed().to_string(),
        Arg::Mode | Arg::ModeIfMade => format!("0{:o}", value & 0o7777),
        Arg::Bytes => bytes(tid, value, args.get(index + 1).copied().unwrap_or(0)),
        Arg::OpenHow => number(tid, value).map_or_else(unknown, |flags| open_flags(int(flags))),
        Arg::CloneFlags => clone_flags(value & !0xff, value & 0xff),
        Arg::UnshareFlags => clone_flags(value, 0),
        // The signal is the fifth number of the struct (clone(2)).
        Arg::CloneArgs => match (number(tid, value), number(tid, value.wrapping_add(32))) {
            (Some(flags), Some(signal)) => clone_flags(flags, signal),
            _ => unknown(),
        },
        Arg::Direction => named(int(value), DIRECTIONS),
        Arg::EpollOperation => named(int(value), EPOLL_OPERATIONS),
        // What EPOLL_CTL_DEL ignores is often NULL.
        Arg::EpollEvent if value == 0 => return None,
        Arg::EpollEvent => {
            number(tid, value).map_or_else(unknown, |event| flags(int(event), EPOLL_EVENTS, Vec::new()))
        }
        Arg::FcntlCommand => named(int(value), FCNTL),
        Arg::FcntlArgument => match int(args[index - 1]) {
            libc::F_GETFD | libc::F_GETFL => return None,
            libc::F_SETFD => flags(int(value), FD_FLAGS, Vec::new()),
            libc::F_SETFL => open_flags(int(value)),
            _ => int(value).to_string(),
        },
        Arg::Request => named(int(value), IOCTL),
        Arg::Family => named(int(value), FAMILIES),
        Arg::SocketType => {
            let kind = named(int(value) & 0xf, SOCKET_TYPES);
            flags(int(value) & !0xf, SOCKET_FLAGS, vec![kind])
        }
        Arg::SocketFlags => flags(int(value), SOCKET_FLAGS, Vec::new()),
        Arg::Address => {
            let length = args.get(index + 1).copied().unwrap_or(0).min(128);
            memory(tid, value, usize::try_from(length).unwrap_or(0))
                .map_or_else(unknown, |bytes| address(&bytes))
        }
        Arg::Path | Arg::Strings if value == 0 => "NULL".to_owned(),
        Arg::Path => quoted(string(tid, value)),
        Arg::Strings => strings(tid, value),
    })
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

/// The flags of clone3(2), whose `struct clone_args` begins with them.
pub(super) fn clone3_flags(tid: i32, at: u64) -> Option<u64> {
    number(tid, at)
}

/// What stands for what could not be read.
fn unknown() -> String {
    "?".to_owned()
}

/// Whether flags of open(2) make a file; O_TMPFILE has a bit besides O_DIRECTORY's.
fn makes_file(flags: u64) -> bool {
    let flags = int(flags);
    flags & libc::O_CREAT != 0 || flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// The lower half of a register, which is where an int is.
fn int(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

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

fn clone_flags(bits: u64, signal: u64) -> String {
    let mut rest = bits;
    let mut names: Vec<String> = Vec::new();
    for (bit, name) in CLONE.iter().chain([&CLONE_NEWTIME]) {
        if rest & bit != 0 {
            names.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        names.push(format!("0x{rest:x}"));
    }
    match i32::try_from(signal) {
        Ok(0) => {}
        Ok(libc::SIGCHLD) => names.push("SIGCHLD".to_owned()),
        _ => names.push(signal.to_string()),
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
        // A program may give any number as an address.
        let Some(pointer) = number(tid, at.wrapping_add(index * 8)) else {
            texts.push(unknown());
            break;
        };
        match pointer {
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
        at = at.wrapping_add(part.len() as u64);
        text.extend(part);
    }
    text.truncate(LONGEST);
    Some(text)
}

/// A number of 64 bits in the tracee's memory.
fn number(tid: i32, at: u64) -> Option<u64> {
    memory(tid, at, 8)?.try_into().ok().map(u64::from_ne_bytes)
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
        assert_eq!(clone_flags(0x0120_0000, 17), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD");
        assert_eq!(clone_flags(0x1_0000_0180, 0), "CLONE_VM|CLONE_CLEAR_SIGHAND|CLONE_NEWTIME");
        assert_eq!(clone_flags(0x10_0000_0000, 33), "0x1000000000|33");
    }

    #[test]
    fn a_mode_is_shown_only_where_the_flags_before_it_make_a_file() {
        let flags = |flags: i32| u64::from(flags.unsigned_abs());
        // Each bit of O_CREAT is set in the path's address and in the directory's number.
        let openat = |how| argument(0, Arg::ModeIfMade, [0x40, 0x7fff_ffff_ffff, flags(how), 0o644, 0, 0], 3);
        assert_eq!(openat(libc::O_RDONLY), None);
        assert_eq!(openat(libc::O_DIRECTORY), None);
        assert_eq!(openat(libc::O_WRONLY | libc::O_CREAT).as_deref(), Some("0644"));
        assert_eq!(openat(libc::O_RDWR | libc::O_TMPFILE).as_deref(), Some("0644"));
    }

    #[test]
    fn an_argument_of_fcntl_is_what_its_command_takes() {
        let fcntl = |command: i32, value| {
            argument(0, Arg::FcntlArgument, [3, u64::from(command.unsigned_abs()), value, 0, 0, 0], 2)
        };
        assert_eq!(fcntl(libc::F_GETFD, 4711), None);
        assert_eq!(fcntl(libc::F_GETFL, 4711), None);
        assert_eq!(fcntl(libc::F_DUPFD, 10).as_deref(), Some("10"));
        assert_eq!(fcntl(libc::F_SETFD, 1).as_deref(), Some("FD_CLOEXEC"));
        assert_eq!(fcntl(libc::F_SETFD, 0).as_deref(), Some("0"));
        assert_eq!(fcntl(libc::F_SETFL, 0o4001).as_deref(), Some("O_WRONLY|O_NONBLOCK"));
    }

    #[test]
    fn an_offset_is_no_int() {
        let lseek = |offset: i64| argument(0, Arg::Offset, [3, offset.cast_unsigned(), 0, 0, 0, 0], 1);
        assert_eq!(lseek(5_000_000_000).as_deref(), Some("5000000000"));
        assert_eq!(lseek(-1).as_deref(), Some("-1"));
    }

    #[test]
    fn an_argv_may_be_any_number() {
        assert_eq!(argument(0, Arg::Strings, [0; 6], 0).as_deref(), Some("NULL"));
        let own = std::process::id().cast_signed();
        assert_eq!(argument(own, Arg::Strings, [u64::MAX - 3; 6], 0).as_deref(), Some("[?]"));
        assert_eq!(argument(own, Arg::Path, [u64::MAX - 3; 6], 0).as_deref(), Some("?"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_address_of_some_text(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(address(&bytes).chars().all(|char| !char.is_control()));
        }
    }
}
