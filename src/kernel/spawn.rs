//! Starting a tracee so that nothing it does is missed.
//!
//! The child waits on a pipe until it is seized, and then executes the program. It keeps the caller's
//! 0, 1 and 2 and no other descriptor, the signal mask that the caller's shell gave, and SIGPIPE's
//! default, which Rust's runtime took from this program.

use super::actor::{environment, restore_sigpipe};
use super::ptrace::Tracer;
use super::{Errno, Failure, Read};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe2, read, write};
use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// What the tracee has as its standard output and standard error, where not the caller's.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Its 1.
    pub out: Option<OwnedFd>,
    /// Its 2.
    pub err: Option<OwnedFd>,
}

/// Starts `program` with `argv` and this process's environment as a tracee of `tracer`, and gives its
/// pid. Its first stop is at its exec.
pub fn launch(tracer: &mut Tracer, program: &CStr, argv: &[CString]) -> Read<i32> {
    launch_with(tracer, program, argv, Outputs::default())
}

/// The same, with other outputs than the caller's.
pub fn launch_with(tracer: &mut Tracer, program: &CStr, argv: &[CString], outputs: Outputs) -> Read<i32> {
    let (wait, go) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::new("pipe2", errno))?;
    let environment = environment();
    let mask = tracer.signals().before();
    // SAFETY: this program has one thread, so its child may do whatever it may do.
    let child = match unsafe { fork() }.map_err(|errno| Failure::new("clone", errno))? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(go);
            let mut word = [0];
            if read(&wait, &mut word) == Ok(1) {
                let _ = become_program(&mask, program, argv, &environment, outputs);
            }
            // SAFETY: ends the process without running anything that the parent is to run as well.
            unsafe { libc::_exit(127) }
        }
    };
    drop(wait);
    let seized = tracer.seize(child.as_raw());
    if let Err(failure) = seized {
        // Without its word to go, the child reads EOF and ends.
        drop(go);
        let _ = waitpid(child, None);
        return Err(failure);
    }
    write(&go, b"!").map_err(|errno| Failure::new("write", errno))?;
    Ok(child.as_raw())
}

/// A process beside this one that is told when something has changed. It is not asked to end by a
/// terminal's keys: it ends when this one does.
#[derive(Debug)]
pub struct Beside {
    pid: Pid,
    /// The write end of the pipe that is its standard input, O_NONBLOCK: whoever writes a byte into it does
    /// not wait, and where there is no room there is enough to read.
    pub changes: OwnedFd,
}

impl Beside {
    /// The end of the pipe, and a way to wait until the other process has ended, which it does when that is
    /// closed. One that waits for somebody to read what it prints is killed after a second.
    pub fn part(self) -> (OwnedFd, impl FnOnce()) {
        let Self { pid, changes } = self;
        let end = move || {
            let deadline = Instant::now() + PATIENCE;
            // Whoever waits for any child may have met it before.
            while let Ok(WaitStatus::StillAlive) = waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                if Instant::now() > deadline {
                    let _ = kill(pid, Signal::SIGKILL);
                    let _ = waitpid(pid, None);
                    return;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        (changes, end)
    }
}

/// How long a process beside this one may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Starts `program` beside this one, with this one's standard output and standard error.
pub fn launch_beside(program: &CStr, argv: &[CString]) -> Read<Beside> {
    let (told, changes) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::new("pipe2", errno))?;
    fcntl(&changes, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| Failure::new("fcntl", errno))?;
    let environment = environment();
    let mut mask = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, None, Some(&mut mask))
        .map_err(|errno| Failure::new("rt_sigprocmask", errno))?;
    // SAFETY: this program has one thread yet, so its child may do whatever it may do.
    match unsafe { fork() }.map_err(|errno| Failure::new("clone", errno))? {
        ForkResult::Parent { child } => Ok(Beside { pid: child, changes }),
        ForkResult::Child => {
            drop(changes);
            for asks in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
                // SAFETY: to ignore a signal runs no code of this process.
                let _ = unsafe { nix::sys::signal::signal(asks, SigHandler::SigIgn) };
            }
            if dup2_stdin(told).is_ok() {
                let _ = become_program(&mask, program, argv, &environment, Outputs::default());
            }
            // SAFETY: ends the process without running anything that the parent is to run as well.
            unsafe { libc::_exit(127) }
        }
    }
}

/// The child's part: sets itself up and executes the program.
pub(super) fn become_program(
    mask: &SigSet,
    program: &CStr,
    argv: &[CString],
    environment: &[CString],
    outputs: Outputs,
) -> Result<Infallible, Errno> {
    restore_sigpipe().map_err(|failure| failure.errno)?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None)?;
    super::inherited::close_again();
    if let Some(out) = outputs.out {
        dup2_stdout(out)?;
    }
    if let Some(err) = outputs.err {
        dup2_stderr(err)?;
    }
    // SAFETY: marks descriptors of this process, which go away at its exec below.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })?;
    nix::unistd::execve(program, argv, environment)
}
