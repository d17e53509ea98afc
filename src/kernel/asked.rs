//! What a socket says of itself: for those that no list has, such as a TCP socket that is not bound.

use super::netns::number_of;
use super::socket_copy::SocketCopy;
use super::socket_rows::{AskedSocket, InetRow, SocketDetail, SocketRow};
use super::{Errno, Failure, Read};
use nix::sys::socket::SockaddrStorage;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// IPPROTO_MPTCP of `include/uapi/linux/in.h`.
const IPPROTO_MPTCP: u32 = 262;
/// SO_BINDTOIFINDEX of `include/uapi/asm-generic/socket.h`, one number on all machines but one.
const SO_BINDTOIFINDEX: i32 = if cfg!(target_arch = "sparc64") { 0x41 } else { 62 };

/// Asks the socket behind a descriptor.
pub fn ask(pid: i32, fd: i32) -> Read<AskedSocket> {
    let socket = SocketCopy::take(pid, fd)?;
    let netns = socket.namespace().and_then(|namespace| number_of(&namespace));
    Ok(AskedSocket { ino: socket.ino, netns, row: row(&socket) })
}

fn row(socket: &SocketCopy) -> Read<SocketRow> {
    let narrow = |number: u32| u16::try_from(number).map_err(|_| Failure::new("getsockopt", Errno::EBADMSG));
    let family = narrow(socket.number(libc::SOL_SOCKET, libc::SO_DOMAIN)?)?;
    let kind = narrow(socket.number(libc::SOL_SOCKET, libc::SO_TYPE)?)?;
    let accepts = socket.number(libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0;
    // The states that only TCP tells of itself.
    let neither = |has_peer: bool| {
        Some(if accepts {
            10
        } else if has_peer {
            1
        } else {
            7
        })
    };
    let (state, detail) = match i32::from(family) {
        libc::AF_INET | libc::AF_INET6 => {
            let (inet, has_peer) = inet(socket, i32::from(family))?;
            let protocol = socket.number(libc::SOL_SOCKET, libc::SO_PROTOCOL)?;
            let tcp = protocol == libc::IPPROTO_TCP.unsigned_abs() || protocol == IPPROTO_MPTCP;
            let state = match tcp.then(|| socket.option::<1>(libc::IPPROTO_TCP, libc::TCP_INFO)) {
                None => neither(has_peer),
                Some(Ok([state])) => Some(state),
                // MPTCP of a kernel that does not give it for that.
                Some(Err(Failure { errno: Errno::EOPNOTSUPP | Errno::ENOPROTOOPT, .. })) => {
                    accepts.then_some(10)
                }
                Some(Err(failure)) => return Err(failure),
            };
            (state, SocketDetail::Inet(inet))
        }
        libc::AF_VSOCK => {
            let remote = socket.remote()?.as_ref().map(vsock).transpose()?;
            let local = vsock(&socket.local()?)?;
            (neither(remote.is_some()), SocketDetail::Vsock { local, remote })
        }
        _ => (accepts.then_some(10), SocketDetail::None),
    };
    Ok(SocketRow {
        ino: socket.ino,
        family,
        kind: Some(kind),
        state,
        recv_queue: None,
        send_queue: None,
        backlog: None,
        shutdown: None,
        cookie: Some(u64::from_ne_bytes(socket.option(libc::SOL_SOCKET, libc::SO_COOKIE)?)),
        detail,
    })
}

/// Also says whether it has a peer.
fn inet(socket: &SocketCopy, family: i32) -> Read<(InetRow, bool)> {
    let v6 = family == libc::AF_INET6;
    let remote = socket.remote()?.as_ref().map(address).transpose()?;
    let none = if v6 { (Ipv6Addr::UNSPECIFIED, 0).into() } else { (Ipv4Addr::UNSPECIFIED, 0).into() };
    let v6only = v6.then(|| socket.number(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)).transpose()?;
    let row = InetRow {
        local: address(&socket.local()?)?,
        remote: remote.unwrap_or(none),
        interface: socket.number(libc::SOL_SOCKET, SO_BINDTOIFINDEX)?,
        v6only: v6only.map(|only| only != 0),
        tcp: None,
    };
    Ok((row, remote.is_some()))
}

fn address(storage: &SockaddrStorage) -> Read<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::from((address.ip(), address.port())));
    let v6 = || storage.as_sockaddr_in6().map(|&address| SocketAddr::V6(address.into()));
    v4.or_else(v6).ok_or(Failure::new("getsockname", Errno::EBADMSG))
}

fn vsock(storage: &SockaddrStorage) -> Read<(u32, u32)> {
    let address = storage.as_vsock_addr().map(|address| (address.cid(), address.port()));
    address.ok_or(Failure::new("getsockname", Errno::EBADMSG))
}
