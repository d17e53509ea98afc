//! Sockets of IPv4, IPv6, the local machine and the kernel.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socket, socketpair};
use std::fmt::Display;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

/// What the client has sent and the server has not read.
const UNREAD: &[u8] = b"hello";

pub fn open_all(report: &mut Report, directory: &Path) -> Outcome<()> {
    tcp(report, Ipv4Addr::LOCALHOST.into())?;
    udp(report, Ipv4Addr::LOCALHOST.into())?;
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => {
            tcp(report, Ipv6Addr::LOCALHOST.into())?;
            udp(report, Ipv6Addr::LOCALHOST.into())?;
            both_versions(report)?;
        }
        Err(error) => report.skip("inet6", error),
    }
    half_closed(report)?;
    let idle = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    report.add(
        Opened::new("a TCP socket without any address", "tcp", "rw", idle)
            .with("family", "inet")
            .with("type", "stream"),
    );
    unix(report, directory)?;
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::empty(), None);
    match netlink {
        Ok(netlink) => {
            report.add(Opened::new("a socket to the kernel", "socket", "rw", netlink));
        }
        Err(error) => report.skip("netlink", error),
    }
    Ok(())
}

fn inet(what: &str, kind: &str, state: &str, socket: impl AsFd + 'static, local: SocketAddr) -> Opened {
    Opened::new(what, kind, "rw", socket)
        .with("family", if local.is_ipv4() { "inet" } else { "inet6" })
        .with("type", if kind == "tcp" { "stream" } else { "dgram" })
        .with("state", state)
        .with("local", local.to_string())
}

fn connection(what: &str, stream: TcpStream, unread: usize) -> Outcome<Opened> {
    let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
    Ok(inet(what, "tcp", "ESTABLISHED", stream, local)
        .with("remote", remote.to_string())
        .with("recv_queue", unread))
}

fn tcp(report: &mut Report, address: std::net::IpAddr) -> Outcome<()> {
    let listener = TcpListener::bind((address, 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.write_all(UNREAD)?;
    // Sees that the bytes have arrived, and leaves them there.
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_WAITALL;
    recv(server.as_raw_fd(), &mut [0; UNREAD.len()], flags)?;
    let local = listener.local_addr()?;
    report.add(inet("a TCP server", "tcp", "LISTEN", listener, local).with("recv_queue", 0));
    report.add(connection("a TCP client", client, 0)?);
    report.add(connection("the server's side of the same connection", server, UNREAD.len())?);
    Ok(())
}

/// A server for both versions of IP, and a client of the older: the server's side has the client's
/// address mapped into IPv6.
fn both_versions(report: &mut Report) -> Outcome<()> {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))?;
    let local = listener.local_addr()?;
    let client = match TcpStream::connect((Ipv4Addr::LOCALHOST, local.port())) {
        Ok(client) => client,
        Err(error) => {
            report.skip("IPv4 mapped into IPv6", error);
            return Ok(());
        }
    };
    let (server, _) = listener.accept()?;
    report.add(inet("a TCP server for IPv6 and IPv4", "tcp", "LISTEN", listener, local));
    report.add(connection("its client over IPv4", client, 0)?);
    report.add(connection("the server's side of that", server, 0)?);
    Ok(())
}

/// A connection that the client will send nothing more over.
fn half_closed(report: &mut Report) -> Outcome<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    client.shutdown(Shutdown::Write)?;
    // Zero bytes: the end has arrived here.
    server.read_exact(&mut [0; 1]).err().ok_or("a byte came over a connection that was shut down")?;
    let local = server.local_addr()?;
    let remote = server.peer_addr()?;
    report.add(
        inet("a connection that the other side has closed", "tcp", "CLOSE_WAIT", server, local)
            .with("remote", remote.to_string()),
    );
    // The client's side leaves FIN_WAIT1 at a moment of the kernel's choice.
    report.add(
        Opened::new("the side that has closed", "tcp", "rw", client)
            .with("local", remote.to_string())
            .with("remote", local.to_string()),
    );
    Ok(())
}

fn udp(report: &mut Report, address: std::net::IpAddr) -> Outcome<()> {
    let bound = UdpSocket::bind((address, 0))?;
    let connected = UdpSocket::bind((address, 0))?;
    connected.connect(bound.local_addr()?)?;
    let (local, remote) = (connected.local_addr()?, connected.peer_addr()?);
    let server = bound.local_addr()?;
    report.add(inet("a UDP socket", "udp", "UNCONN", bound, server));
    report.add(
        inet("a UDP socket that is connected", "udp", "ESTABLISHED", connected, local)
            .with("remote", remote.to_string()),
    );
    Ok(())
}

fn local(what: &str, kind: &str, state: &str, socket: impl AsFd + 'static) -> Opened {
    Opened::new(what, "unix", "rw", socket).with("family", "unix").with("type", kind).with("state", state)
}

fn unix(report: &mut Report, directory: &Path) -> Outcome<()> {
    let path = directory.join("a socket: with blanks");
    let name = path.to_string_lossy().into_owned();
    let listener = UnixListener::bind(&path)?;
    let client = UnixStream::connect(&path)?;
    let (server, _) = listener.accept()?;
    report.add(local("a local server", "stream", "LISTEN", listener).with("local", &*name));
    report.add(local("its client", "stream", "CONNECTED", client));
    report.add(local("the server's side of that", "stream", "CONNECTED", server).with("local", &*name));

    let abstract_name = format!("every_kind {}", std::process::id());
    let datagrams = UnixDatagram::bind_addr(&UnixAddr::from_abstract_name(&abstract_name)?)?;
    report.add(
        local("an abstract local socket", "dgram", "UNCONNECTED", datagrams)
            .with("local", at(&abstract_name)),
    );
    report.add(local("a local socket without a name", "dgram", "UNCONNECTED", UnixDatagram::unbound()?));

    let (one, other) = UnixStream::pair()?;
    report.add(local("one of a socketpair", "stream", "CONNECTED", one));
    report.add(local("the other of it", "stream", "CONNECTED", other));
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    report.add(local("one of a socketpair of packets", "seqpacket", "CONNECTED", one));
    report.add(local("the other of it", "seqpacket", "CONNECTED", other));
    Ok(())
}

/// The kernel's way to write a name that is in no filesystem.
fn at(name: impl Display) -> String {
    format!("@{name}")
}
