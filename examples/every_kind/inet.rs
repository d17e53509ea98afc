//! Sockets of IPv4 and IPv6.

use crate::report::{Opened, Report};
use crate::{Outcome, Ports};
use nix::sys::socket::{setsockopt, sockopt::BindToDevice};
use rustix::net::sockopt::{set_tcp_quickack, socket_protocol, tcp_congestion};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, accept_with, bind,
    connect, getpeername, getsockname, ipproto, listen, recv, send, shutdown, socket_with,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

/// What the client has sent and the server has not read.
const UNREAD: &[u8] = b"hello";

/// The limit that each server here gives for clients that wait; less than any system's own.
const BACKLOG: i32 = 7;

/// A number that is left for experiments (RFC 3692), so that nobody sends anything by it.
const EXPERIMENT: u32 = 253;

pub fn open_all(report: &mut Report, ports: &mut Ports) -> Outcome<()> {
    let mut addresses: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into()];
    match bound(SocketType::STREAM, None, (Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => addresses.push(Ipv6Addr::LOCALHOST.into()),
        Err(error) => report.skip("inet6", error),
    }
    for &address in &addresses {
        let v4 = address.is_ipv4();
        connected(report, ports, TCP[usize::from(!v4)], None, address)?;
        datagrams(report, ports, "udp", ["UDP", "UDPv6"][usize::from(!v4)], None, address)?;
        let names = ["UDP-Lite", "UDPLITEv6"];
        datagrams(report, ports, "udplite", names[usize::from(!v4)], Some(ipproto::UDPLITE), address)?;
        pings(report, address)?;
        raw(report, address)?;
        waiting(report, ports, address)?;
        let names = ["MPTCP", "MPTCPv6"];
        connected(report, ports, names[usize::from(!v4)], Some(ipproto::MPTCP), address)?;
    }
    if addresses.len() > 1 {
        both_versions(report, ports)?;
    }
    half_closed(report, ports)?;
    alone(report, ports)
}

const TCP: [&str; 2] = ["TCP", "TCPv6"];

fn bound(
    kind: SocketType,
    protocol: Option<Protocol>,
    address: impl Into<SocketAddr>,
) -> rustix::io::Result<OwnedFd> {
    let address = address.into();
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
    bind(&socket, &address)?;
    Ok(socket)
}

fn local_of(socket: impl AsFd) -> Outcome<SocketAddr> {
    Ok(getsockname(socket)?.try_into()?)
}

/// A client from a port of ours.
fn client(
    kind: SocketType,
    protocol: Option<Protocol>,
    ports: &mut Ports,
    server: SocketAddr,
) -> Outcome<OwnedFd> {
    let client = bound(kind, protocol, (server.ip(), ports.take()))?;
    connect(&client, &server)?;
    Ok(client)
}

/// What a socket of TCP or UDP says of itself.
fn inet(what: &str, kind: &str, protocol: &str, state: &str, socket: OwnedFd) -> Outcome<Opened> {
    let (local, remote) = (local_of(&socket)?, getpeername(&socket).ok().flatten());
    let opened = Opened::new(what, kind, "rw", socket)
        .with("family", if local.is_ipv4() { "inet" } else { "inet6" })
        .with("type", if kind == "tcp" { "stream" } else { "dgram" })
        .with("protocol", protocol)
        .with("state", state);
    let opened = if local.port() == 0 { opened } else { opened.with("local", local.to_string()) };
    Ok(match remote.map(SocketAddr::try_from).transpose()? {
        Some(remote) => opened.with("remote", remote.to_string()),
        None => opened,
    })
}

/// A server, a client and what the client has sent, not yet read.
fn connected(
    report: &mut Report,
    ports: &mut Ports,
    name: &str,
    protocol: Option<Protocol>,
    address: IpAddr,
) -> Outcome<()> {
    let listener = match bound(SocketType::STREAM, protocol, (address, ports.take())) {
        Ok(listener) => listener,
        Err(error) => {
            report.skip(name, error);
            return Ok(());
        }
    };
    listen(&listener, BACKLOG)?;
    let client = client(SocketType::STREAM, protocol, ports, local_of(&listener)?)?;
    let server = accept_with(&listener, SocketFlags::CLOEXEC)?;
    // A system may answer MPTCP with TCP; then this is no socket of MPTCP.
    if socket_protocol(&server)? != protocol.or(Some(ipproto::TCP)) {
        report.skip(name, "the connection fell back to another protocol");
        return Ok(());
    }
    send(&client, UNREAD, SendFlags::empty())?;
    // Sees that the bytes have arrived, and leaves them there.
    recv(&server, &mut [0; UNREAD.len()][..], RecvFlags::PEEK | RecvFlags::WAITALL)?;
    let congestion = tcp_congestion(&server)?;
    if protocol.is_none() {
        // Sends now what the client is still to be told, so that it knows that they have arrived.
        set_tcp_quickack(&server, true)?;
    }
    let name_of = |what: &str| format!("{what} of {name}");
    report.add(
        inet(&name_of("a server"), "tcp", name, "LISTEN", listener)?
            .with("recv_queue", 0)
            .with("backlog", BACKLOG),
    );
    // Of MPTCP the kernel tells nobody how many bytes wait: its first connection has none, and the whole
    // counts the memory that they take.
    let queues = |told: Opened, unread: usize| match protocol {
        None => told.with("recv_queue", unread).with("send_queue", 0),
        Some(_) => told,
    };
    let client = queues(inet(&name_of("a client"), "tcp", name, "ESTABLISHED", client)?, 0);
    let client = report.add(client.with("congestion", &*congestion));
    let server =
        inet(&name_of("the server's side of the same connection"), "tcp", name, "ESTABLISHED", server)?;
    let server = report.add(queues(server, UNREAD.len()).with("congestion", congestion));
    report.connect(&[client], &[server]);
    Ok(())
}

/// A client that nobody has accepted yet: its server's side belongs to no process.
fn waiting(report: &mut Report, ports: &mut Ports, address: IpAddr) -> Outcome<()> {
    let name = TCP[usize::from(!address.is_ipv4())];
    let listener = bound(SocketType::STREAM, None, (address, ports.take()))?;
    listen(&listener, BACKLOG)?;
    let client = client(SocketType::STREAM, None, ports, local_of(&listener)?)?;
    let listener = report.add(
        inet("a TCP server that does not accept", "tcp", name, "LISTEN", listener)?
            .with("recv_queue", 1)
            .with("backlog", BACKLOG),
    );
    let client = report.add(
        inet("a TCP client that waits to be accepted", "tcp", name, "ESTABLISHED", client)?
            .with("recv_queue", 0),
    );
    report.connect_in_backlog(listener, client);
    Ok(())
}

/// A server for both versions of IP, and a client of the older: the server's side has the client's
/// address mapped into IPv6.
fn both_versions(report: &mut Report, ports: &mut Ports) -> Outcome<()> {
    let listener = bound(SocketType::STREAM, None, (Ipv6Addr::UNSPECIFIED, ports.take()))?;
    listen(&listener, BACKLOG)?;
    let port = local_of(&listener)?.port();
    let client = match client(SocketType::STREAM, None, ports, (Ipv4Addr::LOCALHOST, port).into()) {
        Ok(client) => client,
        Err(error) => {
            report.skip("IPv4 mapped into IPv6", error);
            return Ok(());
        }
    };
    let server = accept_with(&listener, SocketFlags::CLOEXEC)?;
    report.add(inet("a TCP server for IPv6 and IPv4", "tcp", TCP[1], "LISTEN", listener)?);
    let client = report.add(inet("its client over IPv4", "tcp", TCP[0], "ESTABLISHED", client)?);
    let server = report.add(inet("the server's side of that", "tcp", TCP[1], "ESTABLISHED", server)?);
    report.connect(&[client], &[server]);
    Ok(())
}

/// A connection that the client will send nothing more over.
fn half_closed(report: &mut Report, ports: &mut Ports) -> Outcome<()> {
    let listener = bound(SocketType::STREAM, None, (Ipv4Addr::LOCALHOST, ports.take()))?;
    listen(&listener, BACKLOG)?;
    let client = client(SocketType::STREAM, None, ports, local_of(&listener)?)?;
    let server = accept_with(&listener, SocketFlags::CLOEXEC)?;
    shutdown(&client, Shutdown::Write)?;
    // Zero bytes: the end has arrived here.
    if recv(&server, &mut [0; 1][..], RecvFlags::empty())?.0 != 0 {
        return Err("a byte came over a connection that was shut down".into());
    }
    // Tells the client so now; until then it would be in FIN_WAIT1.
    set_tcp_quickack(&server, true)?;
    let server = report.add(
        inet("a connection that the other side has closed", "tcp", TCP[0], "CLOSE_WAIT", server)?
            .with("shutdown", "read"),
    );
    let client = report
        .add(inet("the side that has closed", "tcp", TCP[0], "FIN_WAIT2", client)?.with("shutdown", "write"));
    report.connect(&[server], &[client]);
    Ok(())
}

/// A socket that is bound, and one that is connected to it.
fn datagrams(
    report: &mut Report,
    ports: &mut Ports,
    kind: &str,
    name: &str,
    protocol: Option<Protocol>,
    address: IpAddr,
) -> Outcome<()> {
    let server = match bound(SocketType::DGRAM, protocol, (address, ports.take())) {
        Ok(server) => server,
        Err(error) => {
            report.skip(name, error);
            return Ok(());
        }
    };
    let client = client(SocketType::DGRAM, protocol, ports, local_of(&server)?)?;
    let server = inet(&format!("a socket of {name}"), kind, name, "UNCONN", server)?;
    let server = report.add(server.with("recv_queue", 0));
    let client = report.add(inet(
        &format!("a socket of {name} that is connected to it"),
        kind,
        name,
        "ESTABLISHED",
        client,
    )?);
    report.connect(&[server], &[client]);
    Ok(())
}

/// Sockets for pings, which have a number in the place of a port.
fn pings(report: &mut Report, address: IpAddr) -> Outcome<()> {
    let (name, protocol) =
        if address.is_ipv4() { ("PING", ipproto::ICMP) } else { ("PINGv6", ipproto::ICMPV6) };
    for (what, to_itself) in [("a socket of", false), ("a connected socket of", true)] {
        // Only for the groups of net.ipv4.ping_group_range.
        let socket = match bound(SocketType::DGRAM, Some(protocol), (address, 0)) {
            Ok(socket) => socket,
            Err(error) => {
                report.skip(name, error);
                continue;
            }
        };
        if to_itself {
            connect(&socket, &SocketAddr::from((address, 0)))?;
        }
        let number = local_of(&socket)?.port();
        let opened = bare(&format!("{what} {name}"), "icmp", name, to_itself, address, socket);
        report.add(opened.with("type", "dgram").with("ident", number));
    }
    Ok(())
}

/// Sockets that have what follows the header of IP.
fn raw(report: &mut Report, address: IpAddr) -> Outcome<()> {
    let name = if address.is_ipv4() { "RAW" } else { "RAWv6" };
    for (what, to_itself) in [("a socket of", false), ("a connected socket of", true)] {
        let protocol = std::num::NonZeroU32::new(EXPERIMENT).map(Protocol::from_raw);
        let socket = match bound(SocketType::RAW, protocol, (address, 0)) {
            Ok(socket) => socket,
            Err(error) => {
                report.skip(name, error);
                continue;
            }
        };
        if to_itself {
            connect(&socket, &SocketAddr::from((address, 0)))?;
        }
        let opened = bare(&format!("{what} {name}"), "raw", name, to_itself, address, socket);
        report.add(opened.with("type", "raw").with("ip_protocol", EXPERIMENT));
    }
    Ok(())
}

/// What a socket without ports says of itself.
fn bare(what: &str, kind: &str, protocol: &str, to_itself: bool, address: IpAddr, socket: OwnedFd) -> Opened {
    let opened = Opened::new(what, kind, "rw", socket)
        .with("family", if address.is_ipv4() { "inet" } else { "inet6" })
        .with("protocol", protocol)
        .with("state", if to_itself { "ESTABLISHED" } else { "UNCONN" })
        .with("recv_queue", 0)
        .with("local", address.to_string());
    if to_itself { opened.with("remote", address.to_string()) } else { opened }
}

/// Sockets that have no other end.
fn alone(report: &mut Report, ports: &mut Ports) -> Outcome<()> {
    let idle = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::empty(), None)?;
    report.add(inet("a TCP socket without any address", "tcp", TCP[0], "CLOSE", idle)?);
    let idle = bound(SocketType::STREAM, None, (Ipv4Addr::LOCALHOST, ports.take()))?;
    report.add(inet("a TCP socket that is bound and does not listen", "tcp", TCP[0], "CLOSE", idle)?);
    let idle = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::empty(), None)?;
    report.add(inet("a UDP socket without any address", "udp", "UDP", "UNCONN", idle)?);
    let socket = bound(SocketType::DGRAM, None, (Ipv4Addr::LOCALHOST, ports.take()))?;
    match setsockopt(&socket, BindToDevice, &"lo".into()) {
        Ok(()) => {
            let opened = inet("a UDP socket of one interface", "udp", "UDP", "UNCONN", socket)?;
            report.add(opened.with("interface", "lo"));
        }
        Err(error) => report.skip("SO_BINDTODEVICE", error),
    }
    Ok(())
}
