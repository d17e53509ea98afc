//! Which of 0, 1 and 2 the caller gave.
//!
//! Rust's runtime opens /dev/null at each of them that is closed, before `main`. The processes of a lab
//! are to have what the caller's shell gave and nothing else, so that is noted before the runtime starts.

use std::sync::atomic::{AtomicU8, Ordering};

/// A bit for each of 0, 1 and 2 that was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Run by the dynamic linker before the runtime (`.init_array` of the System V ABI).
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    for fd in 0..3 {
        // SAFETY: asks for a flag of a descriptor, and touches no memory.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1 {
            CLOSED.fetch_or(1 << fd, Ordering::Relaxed);
        }
    }
}

/// Closes again what was closed when this program started. For a process that is about to execute
/// another program, or that plays one: nothing of the standard library may use these numbers after.
pub fn close_again() {
    let closed = CLOSED.load(Ordering::Relaxed);
    for fd in (0..3).filter(|fd| closed & (1 << fd) != 0) {
        // SAFETY: the number is the runtime's /dev/null, which nobody needs any more.
        unsafe { libc::close(fd) };
    }
}
