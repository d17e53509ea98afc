//! Starting a tracee so that nothing it does is missed.
//!
//! The child waits on a pipe until it is seized, and then executes the program. It keeps the caller's
//! 0, 1 and 2 and no other descriptor, the signal mask that the caller's shell gave, and SIGPIPE's
//! default, which Rust's runtime took from this program.

use super::actor::{environment, restore_sigpipe};
use super::ptrace::Tracer;
use super::{Errno, Failure, Read};
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdout, fork, pipe2, read, write};
use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

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
