//! The calls of an actor on sockets: raw, and on plain numbers, as those in `actor`. All are of TCP over
//! IPv4 (ip(7), tcp(7)), and each is the one system call of its name.

use super::{Failure, Read};
use nix::sys::socket::{self, AddressFamily, Shutdown, SockFlag, SockType, SockaddrIn, sockopt};
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, IntoRawFd as _, RawFd};

/// socket(2).
pub fn tcp_socket() -> Read<RawFd> {
    socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)
        .map(std::os::fd::OwnedFd::into_raw_fd)
        .map_err(|errno| Failure::new("socket", errno))
}

/// setsockopt(2), SO_REUSEADDR: an address may be bound whose last connections are in TIME_WAIT
/// (socket(7)).
pub fn reuse_address(fd: RawFd) -> Read<()> {
    // SAFETY: the number is the actor's own and stays open through the call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    socket::setsockopt(&borrowed, sockopt::ReuseAddr, &true)
        .map_err(|errno| Failure::new("setsockopt", errno))
}

/// bind(2); port 0 leaves the choice to the kernel.
pub fn bind(fd: RawFd, address: SocketAddrV4) -> Read<()> {
    socket::bind(fd, &SockaddrIn::from(address)).map_err(|errno| Failure::new("bind", errno))
}

/// listen(2).
pub fn listen(fd: RawFd) -> Read<()> {
    // SAFETY: the call takes integers alone.
    nix::Error::result(unsafe { libc::listen(fd, 8) })
        .map(drop)
        .map_err(|errno| Failure::new("listen", errno))
}

/// connect(2).
pub fn connect(fd: RawFd, address: SocketAddrV4) -> Read<()> {
    socket::connect(fd, &SockaddrIn::from(address)).map_err(|errno| Failure::new("connect", errno))
}

/// shutdown(2) of the direction to the peer, which reads an end then.
pub fn shut_writing(fd: RawFd) -> Read<()> {
    socket::shutdown(fd, Shutdown::Write).map_err(|errno| Failure::new("shutdown", errno))
}
