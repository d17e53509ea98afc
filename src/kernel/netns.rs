//! Network namespaces (network_namespaces(7)): which one it is, and how to ask there.
//!
//! What a thread asks of the network is answered for the namespace that it is in. So whoever asks in
//! another namespace does it on a thread of its own, which enters it (setns(2)) and ends: no thread that
//! was there before ever leaves its namespace.

use super::proc_dir::ProcDir;
use super::socket_copy::SocketCopy;
use super::socket_rows::Netns;
use super::{Errno, Failure, Read};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::fstat;
use std::os::fd::OwnedFd;

/// The inode number of a namespace, which no other namespace has while it exists.
///
/// That of another user's process is told only to who may trace it: EACCES, see ptrace(2). That of a
/// socket besides only to who has CAP_NET_ADMIN over the namespace.
pub fn number(netns: Netns) -> Read<u64> {
    match netns {
        Netns::OfProcess(pid) => number_in(&mut ProcDir::open(pid)?),
        Netns::OfSocket { pid, fd } => number_of(&SocketCopy::take(pid, fd)?.namespace()?),
    }
}

fn number_in(dir: &mut ProcDir) -> Read<u64> {
    let link = dir.of_any_thread(|dir, task| dir.link(&format!("{task}ns/net")))?;
    std::str::from_utf8(&link)
        .ok()
        .and_then(|link| link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok())
        .ok_or(Failure::new("readlinkat", Errno::EBADMSG))
}

/// The number of the namespace that `descriptor` stands for.
pub fn number_of(descriptor: &OwnedFd) -> Read<u64> {
    fstat(descriptor).map(|stat| stat.st_ino).map_err(|errno| Failure::new("fstat", errno))
}

/// The way into a namespace.
pub enum Entrance {
    /// The calling thread is there.
    Here,
    /// Through this descriptor, which keeps the namespace alive.
    Through(OwnedFd),
}

impl Entrance {
    /// Finds it.
    pub fn of(netns: Netns) -> Read<Self> {
        let (number, through): (u64, Box<dyn FnOnce() -> Read<OwnedFd>>) = match netns {
            Netns::OfProcess(pid) => {
                let mut dir = ProcDir::open(pid)?;
                let number = number_in(&mut dir)?;
                let open = move || dir.of_any_thread(|dir, task| dir.open_file(&format!("{task}ns/net")));
                (number, Box::new(open))
            }
            Netns::OfSocket { pid, fd } => {
                let namespace = SocketCopy::take(pid, fd)?.namespace()?;
                (number_of(&namespace)?, Box::new(move || Ok(namespace)))
            }
        };
        // Where this thread's own is not told, as without `/proc`, it may still be entered.
        let here = ProcDir::of_this_thread().and_then(|mut dir| number_in(&mut dir));
        if here == Ok(number) { Ok(Self::Here) } else { through().map(Self::Through) }
    }

    /// Asks there. Entering takes CAP_SYS_ADMIN, here and there: `setns` fails with EPERM without.
    pub fn within<T: Send>(&self, ask: impl FnOnce() -> Read<T> + Send) -> Read<T> {
        let namespace = match self {
            Self::Here => return ask(),
            Self::Through(namespace) => namespace,
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || {
                setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| Failure::new("setns", errno))?;
                ask()
            });
            let not_run = Failure::new("clone", Errno::EAGAIN);
            match thread {
                Ok(thread) => thread.join().unwrap_or(Err(not_run)),
                Err(error) => Err(error
                    .raw_os_error()
                    .map_or(not_run, |number| Failure { errno: Errno::from_raw(number), ..not_run })),
            }
        })
    }
}
