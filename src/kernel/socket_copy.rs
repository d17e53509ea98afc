//! A copy of another process's socket, to ask the socket itself.
//!
//! It is made by pidfd_getfd(2), which takes the rights to trace the process (PTRACE_MODE_ATTACH of
//! ptrace(2)), and nothing is ever read from it, written to it or waited for. But while the copy is
//! there, the owner's close(2) does not end the connection. So it is closed as soon as it was asked, and
//! only those sockets are asked that no list has.

use super::{Errno, Failure, Read};
use nix::sys::socket::{SockaddrLike, getpeername, getsockname};
use nix::sys::stat::fstat;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// `include/uapi/linux/sockios.h`
const SIOCGSKNS: libc::Ioctl = 0x894C;

/// The copy; closed when this is dropped.
pub struct SocketCopy {
    socket: OwnedFd,
    /// The inode of the socket in sockfs.
    pub ino: u64,
}

impl SocketCopy {
    /// Takes one. `pid` is a number of this process's pid namespace. ENOTSOCK where the descriptor is
    /// something else.
    pub fn take(pid: i32, fd: i32) -> Read<Self> {
        // SAFETY: the call takes two integers and touches no memory of ours.
        let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let process = owned("pidfd_open", pidfd)?;
        // SAFETY: the call takes three integers, the first a descriptor that is open.
        let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0) };
        let socket = owned("pidfd_getfd", copy)?;
        let stat = fstat(&socket).map_err(|errno| Failure::new("fstat", errno))?;
        // The same ioctl may mean anything to a device.
        if stat.st_mode & libc::S_IFMT != libc::S_IFSOCK {
            return Err(Failure::new("pidfd_getfd", Errno::ENOTSOCK));
        }
        Ok(Self { socket, ino: stat.st_ino })
    }

    /// The network namespace in which it was made (`net/socket.c`, `sock_ioctl`). It takes CAP_NET_ADMIN
    /// over that.
    pub fn namespace(&self) -> Read<OwnedFd> {
        // SAFETY: this ioctl takes no argument, and the descriptor is open.
        let fd = unsafe { libc::ioctl(self.socket.as_raw_fd(), SIOCGSKNS) };
        owned("ioctl", fd.into())
    }

    /// An option of socket(7) or a protocol: its first `N` bytes.
    pub fn option<const N: usize>(&self, level: i32, name: i32) -> Read<[u8; N]> {
        let mut value = [0u8; N];
        let mut length = libc::socklen_t::try_from(N).unwrap_or_default();
        // SAFETY: `length` is that of `value`, both live through the call, and any bytes are a value.
        let result = unsafe {
            libc::getsockopt(self.socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length)
        };
        Errno::result(result).map_err(|errno| Failure::new("getsockopt", errno))?;
        match usize::try_from(length) {
            Ok(length) if length >= N => Ok(value),
            _ => Err(Failure::new("getsockopt", Errno::EBADMSG)),
        }
    }

    /// An option that is a number of 32 bits, such as those of SOL_SOCKET.
    pub fn number(&self, level: i32, name: i32) -> Read<u32> {
        self.option(level, name).map(u32::from_ne_bytes)
    }

    /// Its own address.
    pub fn local<T: SockaddrLike>(&self) -> Read<T> {
        getsockname(self.socket.as_raw_fd()).map_err(|errno| Failure::new("getsockname", errno))
    }

    /// The peer's address, where it has a peer.
    pub fn remote<T: SockaddrLike>(&self) -> Read<Option<T>> {
        match getpeername(self.socket.as_raw_fd()) {
            Err(Errno::ENOTCONN) => Ok(None),
            peer => peer.map(Some).map_err(|errno| Failure::new("getpeername", errno)),
        }
    }
}

/// A descriptor that `call` has just made. All of these calls make it with O_CLOEXEC.
fn owned(call: &'static str, result: libc::c_long) -> Read<OwnedFd> {
    let fd = Errno::result(result).map_err(|errno| Failure::new(call, errno))?;
    let fd = RawFd::try_from(fd).map_err(|_| Failure::new(call, Errno::EBADF))?;
    // SAFETY: the kernel has just given this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
