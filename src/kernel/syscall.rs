//! System calls that make, copy or close descriptors, start processes or become another program: their
//! names, and their arguments and results as text.
//!
//! What an argument points to is read from the tracee's memory while it is stopped
//! (process_vm_readv(2)), at the stop before the call for what goes in and at the stop after it for
//! what comes out.

use super::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;

/// A call of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    number: libc::c_long,
    /// The kernel's name for it.
    pub name: &'static str,
    args: &'static [Arg],
    result: Out,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arg {
    /// A descriptor, or AT_FDCWD.
    Fd,
    /// An int, in decimal.
    Int,
    /// The access mode and O_* flags of open.
    OpenFlags,
    /// O_* flags of a call that opens for no access mode.
    Flags,
    /// Permission bits.
    Mode,
    /// The flags of clone(2), with a signal in the lowest byte.
    CloneFlags,
    /// A path.
    Path,
    /// argv.
    Strings,
    /// Where the result goes, or what would say nothing here.
    Hidden,
}

/// What a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    /// The value returned.
    Value,
    /// Two descriptors, written to where the first argument points.
    Pair,
}

use Arg::{CloneFlags, Fd, Flags, Hidden, Int, Mode, OpenFlags, Path, Strings};

const fn call(number: libc::c_long, name: &'static str, args: &'static [Arg]) -> Call {
    Call { number, name, args, result: Out::Value }
}

const fn pair(number: libc::c_long, name: &'static str, args: &'static [Arg]) -> Call {
    Call { number, name, args, result: Out::Pair }
}

/// The calls. Those that newer architectures do not have stand in [`LEGACY`].
const CALLS: &[Call] = &[
    pair(libc::SYS_pipe2, "pipe2", &[Hidden, Flags]),
    call(libc::SYS_clone, "clone", &[CloneFlags]),
    call(libc::SYS_clone3, "clone3", &[]),
    call(libc::SYS_dup, "dup", &[Fd]),
    call(libc::SYS_dup3, "dup3", &[Fd, Fd, Flags]),
    call(libc::SYS_close, "close", &[Fd]),
    call(libc::SYS_close_range, "close_range", &[Fd, Fd, Int]),
    call(libc::SYS_fcntl, "fcntl", &[Fd, Int, Int]),
    call(libc::SYS_openat, "openat", &[Fd, Path, OpenFlags, Mode]),
    call(libc::SYS_execve, "execve", &[Path, Strings]),
    call(libc::SYS_wait4, "wait4", &[Int]),
    call(libc::SYS_prctl, "prctl", &[Int]),
];

#[cfg(target_arch = "x86_64")]
const LEGACY: &[Call] = &[
    pair(libc::SYS_pipe, "pipe", &[Hidden]),
    call(libc::SYS_fork, "fork", &[]),
    call(libc::SYS_vfork, "vfork", &[]),
    call(libc::SYS_dup2, "dup2", &[Fd, Fd]),
    call(libc::SYS_open, "open", &[Path, OpenFlags, Mode]),
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[Call] = &[];

impl Call {
    /// The call of this number, where it is one of the table.
    pub fn of(number: u64) -> Option<&'static Self> {
        let number = libc::c_long::try_from(number).ok()?;
        CALLS.iter().chain(LEGACY).find(|call| call.number == number)
    }

    /// The arguments as text, asked at the stop before the call.
    pub fn arguments(&self, pid: i32, args: [u64; 6]) -> Vec<String> {
        let mut texts = Vec::new();
        for (kind, &value) in self.args.iter().zip(&args) {
            match kind {
                Fd if int(value) == libc::AT_FDCWD => texts.push("AT_FDCWD".to_owned()),
                Fd | Int => texts.push(int(value).to_string()),
                OpenFlags => texts.push(open_flags(int(value))),
                Flags => texts.push(flags(int(value), Vec::new())),
                // The mode says something only where a file may be made.
                Mode if args[..].iter().any(|&flags| makes_file(flags)) => texts.push(format!("0{value:o}")),
                Mode | Hidden => {}
                CloneFlags => texts.push(clone_flags(value)),
                Path => texts.push(quoted(string(pid, value))),
                Strings => texts.push(strings(pid, value)),
            }
        }
        texts
    }

    /// The result as text, asked at the stop after the call.
    pub fn result(&self, pid: i32, args: [u64; 6], value: i64, is_error: bool) -> String {
        if is_error {
            let errno = i32::try_from(-value).unwrap_or(0);
            return format!("{:?}", Errno::from_raw(errno));
        }
        match self.result {
            Out::Value => value.to_string(),
            Out::Pair => match memory(pid, args[0], 8).as_deref() {
                Some(bytes) => {
                    let ints: Vec<_> = bytes
                        .chunks_exact(4)
                        .filter_map(|int| Some(i32::from_ne_bytes(int.try_into().ok()?).to_string()))
                        .collect();
                    format!("[{}]", ints.join(", "))
                }
                None => value.to_string(),
            },
        }
    }
}

/// The lower half of a register, which is where an int is.
fn int(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn makes_file(flags: u64) -> bool {
    let creating = u64::from(libc::O_CREAT.unsigned_abs());
    flags & creating != 0
}

fn open_flags(bits: i32) -> String {
    let access = match bits & libc::O_ACCMODE {
        libc::O_WRONLY => "O_WRONLY",
        libc::O_RDWR => "O_RDWR",
        _ => "O_RDONLY",
    };
    flags(bits & !libc::O_ACCMODE, vec![access.to_owned()])
}

/// `names` and those of `bits`, joined; `0` where there is none.
fn flags(mut bits: i32, mut names: Vec<String>) -> String {
    let known = [
        (libc::O_CREAT, "O_CREAT"),
        (libc::O_EXCL, "O_EXCL"),
        (libc::O_TRUNC, "O_TRUNC"),
        (libc::O_APPEND, "O_APPEND"),
        (libc::O_NONBLOCK, "O_NONBLOCK"),
        (libc::O_DIRECT, "O_DIRECT"),
        (libc::O_DIRECTORY, "O_DIRECTORY"),
        (libc::O_CLOEXEC, "O_CLOEXEC"),
    ];
    for (bit, name) in known {
        if bits & bit != 0 {
            names.push(name.to_owned());
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
    let known = [
        (libc::CLONE_VM, "CLONE_VM"),
        (libc::CLONE_FS, "CLONE_FS"),
        (libc::CLONE_FILES, "CLONE_FILES"),
        (libc::CLONE_VFORK, "CLONE_VFORK"),
        (libc::CLONE_THREAD, "CLONE_THREAD"),
        (libc::CLONE_CHILD_CLEARTID, "CLONE_CHILD_CLEARTID"),
        (libc::CLONE_CHILD_SETTID, "CLONE_CHILD_SETTID"),
    ];
    let mut names: Vec<String> =
        known.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let rest = known.iter().fold(bits & !0xff, |rest, (bit, _)| rest & !bit);
    if rest != 0 {
        names.push(format!("0x{rest:x}"));
    }
    match bits & 0xff {
        0 => {}
        libc::SIGCHLD => names.push("SIGCHLD".to_owned()),
        signal => names.push(signal.to_string()),
    }
    names.join("|")
}

/// The longest string that is read: PATH_MAX.
const LONGEST: usize = 4096;
/// How many strings of an argv are read.
const MOST: usize = 32;

fn quoted(bytes: Option<Vec<u8>>) -> String {
    bytes.map_or_else(|| "?".to_owned(), |bytes| format!("\"{}\"", bytes.escape_ascii()))
}

fn strings(pid: i32, address: u64) -> String {
    let mut texts = Vec::new();
    for index in 0..=MOST as u64 {
        let Some(pointer) = memory(pid, address + index * 8, 8).and_then(|bytes| bytes.try_into().ok())
        else {
            texts.push("?".to_owned());
            break;
        };
        match u64::from_ne_bytes(pointer) {
            0 => break,
            _ if index == MOST as u64 => texts.push("…".to_owned()),
            pointer => texts.push(quoted(string(pid, pointer))),
        }
    }
    format!("[{}]", texts.join(", "))
}

/// A NUL-terminated string of the tracee's memory. It is read up to the end of its page and then on,
/// because the page behind it may not be there.
fn string(pid: i32, address: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut at = address;
    while text.len() < LONGEST {
        let to_page_end = 4096 - usize::try_from(at % 4096).ok()?;
        let part = memory(pid, at, to_page_end)?;
        if let Some(end) = part.iter().position(|&b| b == 0) {
            text.extend_from_slice(&part[..end]);
            return Some(text);
        }
        at += part.len() as u64;
        text.extend(part);
    }
    Some(text)
}

fn memory(pid: i32, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let remote = [RemoteIoVec { base: usize::try_from(address).ok()?, len: length }];
    let read = process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(&mut bytes)], &remote).ok()?;
    (read == length).then_some(bytes)
}
