//! What the actor of the lab `fork` does: it opens what is worth inheriting, forks, and the child
//! changes what it can change alone and what it cannot.
//!
//! Every line here that calls the kernel is one system call, which the driver sees at its return.

use crate::kernel::actor::{self, Opening};
use crate::kernel::{Errno, Read, actor_sockets};
use std::ffi::CStr;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The name of the actor, which is the sign for the driver that it has begun.
pub const PARENT: &str = "parent";
/// The name of its child until its exec.
pub const CHILD: &str = "child";

/// A file that every machine has and everybody may read.
const TEXT: &str = "/etc/passwd";
/// A device that does nothing of its own accord, opened to be closed at exec.
const DEVICE: &str = "/dev/zero";
/// How far the parent reads before it forks, in bytes.
const READ: usize = 7;
/// Where the child seeks to, in bytes.
const SOUGHT: i64 = 20;
/// The command that the child executes: it ends by itself and leaves its descriptors alone.
const COMMAND: &[u8] = b"true";

/// Plays the parent and, after the fork, the child; the status is the child's.
pub fn play_fork() -> Read<u8> {
    actor::take_role(c"parent")?;
    let file = actor::open(TEXT, Opening::Read)?;
    actor::read(file, READ)?;
    actor::dup(file)?;
    actor::open(TEXT, Opening::Read)?;
    actor::open(DEVICE, Opening::ReadUntilExec)?;
    actor::pipe()?;
    let socket = actor_sockets::tcp_socket()?;
    actor_sockets::bind(socket, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    actor_sockets::listen(socket)?;
    match actor::fork()? {
        Some(child) => actor::wait(child),
        None => actor::exit(play_child(file, c"child")),
    }
}

/// The child's part; it comes back only when something failed.
fn play_child(file: i32, name: &CStr) -> u8 {
    let failure = match become_command(file, name) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    actor::complain(&format!("ganariya-fd: {failure}\n"));
    if failure.errno == Errno::ENOENT { 127 } else { 126 }
}

fn become_command(file: i32, name: &CStr) -> Read<std::convert::Infallible> {
    actor::set_name(name)?;
    let own = actor::open(std::env::temp_dir(), Opening::Nameless)?;
    actor::dup2(own, 1)?;
    actor::close(own)?;
    actor::seek(file, SOUGHT)?;
    actor::exec(&[COMMAND.to_vec()])
}
