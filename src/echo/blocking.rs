//! One client, by whoever has no other: read and write, each of which waits.

use crate::kernel::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use nix::unistd::{read, write};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The most bytes that are read at once; on the stack of whoever serves.
const ROOM: usize = 1 << 14;

/// Brings back what the client sends, until it ends its side, is gone, or was idle for too long.
pub fn echo(client: &OwnedFd, idle: Option<Duration>) {
    if let Some(idle) = idle {
        let seconds = i64::try_from(idle.as_secs()).unwrap_or(i64::MAX);
        // A timeout of zero would be none.
        let time = TimeVal::new(seconds, i64::from(idle.subsec_micros()).max(i64::from(seconds == 0)));
        // The kernel ends the wait of a call (socket(7)), and nobody has to watch the clock.
        let _ = setsockopt(client, sockopt::ReceiveTimeout, &time);
        let _ = setsockopt(client, sockopt::SendTimeout, &time);
    }
    let mut buffer = [0; ROOM];
    loop {
        let length = match read(client, &mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            // A signal has ended the reading side, and the next read tells so.
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        };
        let mut bytes = &buffer[..length];
        while !bytes.is_empty() {
            match write(client, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }
}
