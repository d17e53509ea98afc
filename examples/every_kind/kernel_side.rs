//! Sockets whose other end is the kernel, a device or another machine.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, NetlinkAddr, VsockAddr, bind, getsockname};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, listen, socket_with};
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd as _, OwnedFd};

pub fn open_all(report: &mut Report) -> Outcome<()> {
    netlink(report)?;
    packet(report)?;
    vsock(report);
    let made = socket_with(AddressFamily::XDP, SocketType::RAW, SocketFlags::CLOEXEC, None);
    add(report, made.map_err(Into::into), "a socket of XDP", "socket", ["xdp", "raw", "XDP"]);
    Ok(())
}

/// Keeps a socket, or says why there is none.
fn add(report: &mut Report, made: Outcome<OwnedFd>, what: &str, kind: &str, words: [&str; 3]) {
    match made {
        Ok(socket) => {
            report.add(known(what, kind, words, socket));
        }
        Err(error) => report.skip(words[2], error),
    }
}

fn known(what: &str, kind: &str, [family, class, protocol]: [&str; 3], socket: OwnedFd) -> Opened {
    Opened::new(what, kind, "rw", socket)
        .with("family", family)
        .with("type", class)
        .with("protocol", protocol)
}

fn netlink(report: &mut Report) -> Outcome<()> {
    let words = ["netlink", "raw", "NETLINK"];
    let made = || socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None);
    match made() {
        // Before it has a number of its own the kernel tells nobody of it.
        Ok(socket) => report.add(known("a socket to the kernel", "netlink", words, socket)),
        Err(error) => {
            report.skip("netlink", error);
            return Ok(());
        }
    };
    let socket = made()?;
    // RTMGRP_LINK and RTMGRP_IPV4_IFADDR: bits of the groups 1 and 5.
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0x11))?;
    let port = getsockname::<NetlinkAddr>(socket.as_raw_fd())?.pid();
    report.add(
        known("a socket to the kernel, in two groups", "netlink", words, socket)
            .with("netlink_protocol", "NETLINK_ROUTE")
            .with("port", port)
            .with("groups", vec![1, 5]),
    );
    Ok(())
}

/// By protocols that nobody sends by, so that their queues stay empty.
fn packet(report: &mut Report) -> Outcome<()> {
    const ETH_P_LOOP: u16 = 0x0060;
    const ETH_P_BPQ: u16 = 0x08ff;
    let made = |kind, protocol: u16| {
        // The kernel wants it as it is on the wire.
        let protocol = NonZeroU32::new(protocol.to_be().into()).map(Protocol::from_raw);
        socket_with(AddressFamily::PACKET, kind, SocketFlags::CLOEXEC, protocol)
    };
    match made(SocketType::RAW, ETH_P_LOOP) {
        Ok(socket) => report.add(
            known("a socket of whole packets", "packet", ["packet", "raw", "PACKET"], socket)
                .with("ether_protocol", "0x0060"),
        ),
        Err(error) => {
            report.skip("packet", error);
            return Ok(());
        }
    };
    let socket = made(SocketType::DGRAM, ETH_P_BPQ)?;
    let loopback = getifaddrs()?
        .find_map(|interface| {
            let is_loopback = interface.interface_name == "lo";
            let address: Option<LinkAddr> = interface.address?.as_link_addr().copied();
            address.filter(|_| is_loopback)
        })
        .ok_or("there is no loopback interface")?;
    // Its protocol is 0, which keeps that of the socket.
    bind(socket.as_raw_fd(), &loopback)?;
    report.add(
        known("a socket of packets of one interface", "packet", ["packet", "dgram", "PACKET"], socket)
            .with("ether_protocol", "0x08ff")
            .with("interface", "lo"),
    );
    Ok(())
}

/// A server for the machine's host.
fn vsock(report: &mut Report) {
    const ANY: u32 = u32::MAX;
    let made = || -> Outcome<(OwnedFd, u32)> {
        let socket = socket_with(AddressFamily::VSOCK, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        bind(socket.as_raw_fd(), &VsockAddr::new(ANY, ANY))?;
        listen(&socket, 3)?;
        let port = getsockname::<VsockAddr>(socket.as_raw_fd())?.port();
        Ok((socket, port))
    };
    match made() {
        // What the kernel does not tell others of it, is known here all the same.
        Ok((socket, port)) => drop(
            report.add(
                known("a server for virtual machines", "vsock", ["vsock", "stream", "AF_VSOCK"], socket)
                    .with("vsock_local", format!("any:{port}"))
                    .with("vsock_state", "LISTEN"),
            ),
        ),
        Err(error) => report.skip("vsock", error),
    }
}
