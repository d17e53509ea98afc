//! The calls that an actor makes: raw, and on plain numbers, because the numbers are what a lab is
//! about. Each is the one system call of its name.

use super::{Errno, Failure, Read};
use nix::sys::signal::{SigHandler, Signal};
use nix::unistd::{AccessFlags, ForkResult, access, fork as unistd_fork};
use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Takes a role: undoes what the runtime did at this program's start, and names the process (PR_SET_NAME),
/// so that every tool shows it by its role. That name is the sign for the driver that what comes now is
/// the role's.
pub fn take_role(name: &CStr) -> Read<()> {
    super::inherited::close_again();
    restore_sigpipe()?;
    set_name(name)
}

/// Gives SIGPIPE its default back, which Rust's runtime took from it at this program's start and which
/// the commands that the actor executes expect.
pub fn restore_sigpipe() -> Read<()> {
    // SAFETY: the default disposition runs no code of this process.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) }
        .map(drop)
        .map_err(|errno| Failure::new("rt_sigaction", errno))
}

/// Names this process (PR_SET_NAME), so that every tool shows it by its role.
pub fn set_name(name: &CStr) -> Read<()> {
    // SAFETY: `name` is NUL-terminated, and the call copies it.
    let result = unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
    done("prctl", result)
}

/// pipe2(2) without flags: the end to read and the end to write.
pub fn pipe() -> Read<(i32, i32)> {
    let mut ends = [0; 2];
    // SAFETY: the call writes two ints into `ends`.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), 0) };
    done("pipe2", result).map(|()| (ends[0], ends[1]))
}

/// fork(2): the child's pid in the parent, `None` in the child. For a process with one thread.
pub fn fork() -> Read<Option<i32>> {
    // SAFETY: an actor has one thread, so its child may do whatever it may do.
    match unsafe { unistd_fork() }.map_err(|errno| Failure::new("clone", errno))? {
        ForkResult::Parent { child } => Ok(Some(child.as_raw())),
        ForkResult::Child => Ok(None),
    }
}

/// What a file is opened for. The permissions of a new one are 0666 less the umask, as a shell has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// To read.
    Read,
    /// To read, until execve closes it (O_CLOEXEC).
    ReadUntilExec,
    /// To write; created or emptied.
    Truncate,
    /// To write at its end; created.
    Append,
    /// To read and write; created.
    ReadWrite,
    /// To write, in the directory of this path, without a name (O_TMPFILE), for its owner alone.
    Nameless,
}

/// openat(2) from the current directory.
pub fn open(path: impl AsRef<OsStr>, opening: Opening) -> Read<i32> {
    let path = CString::new(path.as_ref().as_bytes()).map_err(|_| Failure::new("openat", Errno::EINVAL))?;
    let flags = match opening {
        Opening::Read => libc::O_RDONLY,
        Opening::ReadUntilExec => libc::O_RDONLY | libc::O_CLOEXEC,
        Opening::Truncate => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
        Opening::Append => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
        Opening::ReadWrite => libc::O_RDWR | libc::O_CREAT,
        Opening::Nameless => libc::O_WRONLY | libc::O_TMPFILE,
    };
    let mode: libc::c_uint = if opening == Opening::Nameless { 0o600 } else { 0o666 };
    // SAFETY: `path` is NUL-terminated and lives through the call, which leaves it as it is.
    let result = unsafe { libc::openat(libc::AT_FDCWD, path.as_ptr(), flags, mode) };
    Errno::result(result).map_err(|errno| Failure::new("openat", errno))
}

/// A path that leads to what a descriptor of this process refers to, see proc_pid_fd(5).
pub fn path_of(fd: i32) -> String {
    format!("/proc/self/fd/{fd}")
}

/// write(2), until all is written.
pub fn write(fd: i32, mut bytes: &[u8]) -> Read<()> {
    while !bytes.is_empty() {
        // SAFETY: `bytes` is a valid place of its length, which the call only reads.
        let result = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        match Errno::result(result) {
            Ok(written) => bytes = bytes.get(written.unsigned_abs()..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Failure::new("write", errno)),
        }
    }
    Ok(())
}

/// read(2) of so many bytes at the most, which are not looked at: how many there were.
pub fn read(fd: i32, count: usize) -> Read<usize> {
    let mut bytes = vec![0u8; count];
    // SAFETY: `bytes` is a valid place of its length.
    let result = unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) };
    Errno::result(result).map(isize::unsigned_abs).map_err(|errno| Failure::new("read", errno))
}

/// lseek(2) to an offset from the beginning, in bytes.
pub fn seek(fd: i32, offset: i64) -> Read<()> {
    // SAFETY: the call takes integers alone.
    let result = unsafe { libc::lseek(fd, offset, libc::SEEK_SET) };
    Errno::result(result).map(drop).map_err(|errno| Failure::new("lseek", errno))
}

/// dup(2): the new number.
pub fn dup(fd: i32) -> Read<i32> {
    // SAFETY: the call takes an integer alone, and the number that it makes is the actor's.
    let result = unsafe { libc::dup(fd) };
    Errno::result(result).map_err(|errno| Failure::new("dup", errno))
}

/// dup2(2).
pub fn dup2(old: i32, new: i32) -> Read<()> {
    // SAFETY: an actor owns its whole table, and nothing in it keeps a number it was told to replace.
    done("dup2", unsafe { libc::dup2(old, new) })
}

/// close(2).
pub fn close(fd: i32) -> Read<()> {
    // SAFETY: as for `dup2`.
    done("close", unsafe { libc::close(fd) })
}

/// execve(2) with this process's environment. A name without a slash is looked for along PATH first,
/// as a shell does it; where it is not found the name itself is executed, and fails.
pub fn exec(argv: &[Vec<u8>]) -> Read<Infallible> {
    let malformed = Failure::new("execve", Errno::EINVAL);
    let arguments: Vec<CString> =
        argv.iter().map(|a| CString::new(a.clone())).collect::<Result<_, _>>().map_err(|_| malformed)?;
    let name = arguments.first().ok_or(malformed)?;
    let program = on_path(name).unwrap_or_else(|| name.clone());
    nix::unistd::execve(&program, &arguments, &environment()).map_err(|errno| Failure::new("execve", errno))
}

/// Where a program is: at the path given, or along PATH.
pub fn find_program(name: &str) -> Option<CString> {
    let name = CString::new(name).ok()?;
    if name.to_bytes().contains(&b'/') {
        return access(name.as_c_str(), AccessFlags::X_OK).is_ok().then_some(name);
    }
    on_path(&name)
}

fn on_path(name: &CStr) -> Option<CString> {
    if name.to_bytes().contains(&b'/') || name.to_bytes().is_empty() {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|dir| dir.join(OsStr::from_bytes(name.to_bytes())))
        .find(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok())
        .and_then(|file| CString::new(file.into_os_string().as_bytes()).ok())
}

/// This process's environment, as execve(2) takes it.
pub fn environment() -> Vec<CString> {
    let entry = |(name, value): (OsString, OsString)| [name.as_bytes(), b"=", value.as_bytes()].concat();
    std::env::vars_os().filter_map(|variable| CString::new(entry(variable)).ok()).collect()
}

/// wait4(2): waits for a child to end and gives its exit status, or 128 and the signal that killed it.
pub fn wait(pid: i32) -> Read<u8> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for an int.
    while let Err(errno) = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, 0) }) {
        if errno != Errno::EINTR {
            return Err(Failure::new("wait4", errno));
        }
    }
    let code =
        if libc::WIFSIGNALED(status) { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) };
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

/// Writes to standard error; where that fails there is nobody to tell.
pub fn complain(text: &str) {
    let _ = write(libc::STDERR_FILENO, text.as_bytes());
}

/// Ends this process at once.
pub fn exit(status: u8) -> ! {
    // SAFETY: ends the process; nothing of it is buffered.
    unsafe { libc::_exit(i32::from(status)) }
}

fn done(call: &'static str, result: libc::c_int) -> Read<()> {
    Errno::result(result).map(drop).map_err(|errno| Failure::new(call, errno))
}
