//! The sockets at which a server waits: made, bound and listening, or the call that failed and for which
//! address.

use super::address::Address;
use crate::kernel::serving::accept;
use crate::kernel::{Errno, Failure};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect, getsockname,
    listen, recvfrom, sendto, setsockopt, socket, sockopt,
};
use nix::sys::stat::{FileStat, SFlag, lstat};
use nix::unistd::{Pid, getpid, unlink};
use std::fmt;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What failed at which address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The address; nothing where it has to do with none.
    pub address: Option<Address>,
    /// The call and its error.
    pub failure: Failure,
}

impl Fault {
    pub(super) fn at(address: &Address, call: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self { address: Some(address.clone()), failure: Failure::new(call, errno) }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self { address: None, failure }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "{address}: ")?;
        }
        self.failure.fmt(f)
    }
}

/// A socket at which clients arrive: as connections, or as datagrams.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    /// Where it listens, with the port that the kernel chose.
    pub address: Address,
    /// Whether it takes datagrams, and no connections.
    pub datagrams: bool,
    _place: Option<Place>,
}

impl Listener {
    /// socket(2), bind(2) and, for connections, listen(2). A path that a dead server left behind is taken
    /// over.
    pub fn open(address: &Address, datagrams: bool) -> Result<Self, Fault> {
        let kind = if datagrams { SockType::Datagram } else { SockType::Stream };
        // A client may be gone between the word that it is there and the call that takes it: then none is
        // to wait for the next one, while others want something.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(address.family(), kind, flags, None).map_err(Fault::at(address, "socket"))?;
        let is_inet = matches!(address, Address::Inet(_));
        if is_inet && !datagrams {
            // Connections of a server that has ended keep its port for a minute in TIME_WAIT. Of datagrams
            // there is nothing of the kind, and two servers could take one port.
            setsockopt(&fd, sockopt::ReuseAddr, &true).map_err(Fault::at(address, "setsockopt"))?;
        }
        if address.family() == AddressFamily::Inet6 {
            // `[::]` is to mean IPv6, whatever net.ipv6.bindv6only says: 0.0.0.0 can stand beside it.
            setsockopt(&fd, sockopt::Ipv6V6Only, &true).map_err(Fault::at(address, "setsockopt"))?;
        }
        let place = bind_at(&fd, address)?;
        if !datagrams {
            listen(&fd, Backlog::MAXCONN).map_err(Fault::at(address, "listen"))?;
        }
        let address = if is_inet {
            let bound = getsockname::<SockaddrStorage>(fd.as_raw_fd());
            Address::of(&bound.map_err(Fault::at(address, "getsockname"))?)
        } else {
            address.clone()
        };
        Ok(Self { fd, address, datagrams, _place: place })
    }

    /// accept4(2): the next connection that waits.
    pub fn accept(&self, flags: SockFlag) -> Result<OwnedFd, Errno> {
        accept(self.fd.as_fd(), flags)
    }

    /// Sends one datagram back to whoever sent it. What cannot be sent is lost, as any datagram may be.
    pub fn answer(&self, buffer: &mut [u8]) {
        let fd = self.fd.as_raw_fd();
        if let Ok((length, Some(sender))) = recvfrom::<SockaddrStorage>(fd, buffer) {
            let _ = sendto(fd, &buffer[..length], &sender, MsgFlags::MSG_NOSIGNAL);
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// bind(2), and for a path the hold on what it made there.
fn bind_at(fd: &OwnedFd, address: &Address) -> Result<Option<Place>, Fault> {
    let raw = address.raw().map_err(Fault::at(address, "bind"))?;
    let bound = match (bind(fd.as_raw_fd(), raw.as_ref()), address) {
        (Err(Errno::EADDRINUSE), Address::Path(path)) if is_stale(address, path) => {
            unlink(path).map_err(Fault::at(address, "unlink"))?;
            bind(fd.as_raw_fd(), raw.as_ref())
        }
        (result, _) => result,
    };
    bound.map_err(Fault::at(address, "bind"))?;
    let Address::Path(path) = address else { return Ok(None) };
    let stat = lstat(path).map_err(Fault::at(address, "newfstatat"))?;
    Ok(Some(Place { path: path.clone(), inode: inode(&stat), by: getpid() }))
}

/// Whether a path is that of a socket to which nobody listens any more: a server that ended without
/// removing it. Anything else in that place is somebody's.
fn is_stale(address: &Address, path: &Path) -> bool {
    if !lstat(path).is_ok_and(|stat| is_socket(&stat)) {
        return false;
    }
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (Ok(fd), Ok(raw)) = (socket(AddressFamily::Unix, SockType::Stream, flags, None), address.raw())
    else {
        return false;
    };
    connect(fd.as_raw_fd(), raw.as_ref()) == Err(Errno::ECONNREFUSED)
}

/// Whether something else than a socket has a path.
pub fn is_other_file(path: &Path) -> bool {
    lstat(path).is_ok_and(|stat| !is_socket(&stat))
}

fn is_socket(stat: &FileStat) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFSOCK.bits()
}

/// The path that bind(2) made, to be removed at the end.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    inode: (u64, u64),
    by: Pid,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Not by a forked child, which has a copy of all this; and not what another server has made there
        // since.
        let is_ours = |stat: FileStat| inode(&stat) == self.inode;
        if getpid() == self.by && lstat(&self.path).is_ok_and(is_ours) {
            let _ = unlink(&self.path);
        }
    }
}

fn inode(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}
