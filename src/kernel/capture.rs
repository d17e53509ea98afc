//! What a lab's commands write, taken up through pipes instead of shown.

use super::{Errno, Failure, Read};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{fstat, major, minor};
use nix::unistd::{pipe2, read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How much of an output is kept, in bytes; the rest is read, so that its writer is not stopped, and
/// counted.
const KEPT: usize = 16 << 20;

/// The end of a pipe from which an output is taken up.
#[derive(Debug)]
pub struct Capture {
    end: Option<OwnedFd>,
    /// What was written, up to the first 16 MiB.
    pub bytes: Vec<u8>,
    /// How many bytes more there were.
    pub left_out: u64,
    /// The pipe: device, as major and minor number, and inode.
    pub inode: ((u32, u32), u64),
}

impl Capture {
    /// Makes a pipe, and gives the end to write into as well.
    pub fn new() -> Read<(Self, OwnedFd)> {
        let (end, write_end) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::new("pipe2", errno))?;
        // Only this end is not to block: status flags are of the open file description, and the ends
        // of a pipe are two.
        fcntl(&end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| Failure::new("fcntl", errno))?;
        let stat = fstat(&end).map_err(|errno| Failure::new("fstat", errno))?;
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let inode = ((number(major(stat.st_dev)), number(minor(stat.st_dev))), stat.st_ino);
        Ok((Self { end: Some(end), bytes: Vec::new(), left_out: 0, inode }, write_end))
    }

    /// The end to wait for, until nobody can write any more.
    pub fn end(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// Takes up what is there.
    pub fn drain(&mut self) -> Read<()> {
        let mut part = [0; 1 << 14];
        while let Some(end) = &self.end {
            match read(end, &mut part) {
                Ok(0) => self.end = None,
                Ok(count) => {
                    let kept = count.min(KEPT - self.bytes.len());
                    self.bytes.extend_from_slice(&part[..kept]);
                    self.left_out += u64::try_from(count - kept).unwrap_or(0);
                }
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Failure::new("read", errno)),
            }
        }
        Ok(())
    }
}
