//! Sockets of the local machine.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen, socket_with,
};
use std::fs::File;
use std::io::{IoSlice, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

/// The limit that each server here gives for clients that wait.
const BACKLOG: i32 = 5;

pub fn open_all(report: &mut Report, directory: &Path) -> Outcome<()> {
    let path = directory.join("a socket: with blanks");
    let name = path.to_string_lossy().into_owned();
    let address = SocketAddrUnix::new(&path)?;
    connected(report, "a local server", (SocketType::STREAM, "stream"), &address, &name)?;
    let path = directory.join("packets");
    let name = path.to_string_lossy().into_owned();
    let address = SocketAddrUnix::new(&path)?;
    connected(report, "a local server of packets", (SocketType::SEQPACKET, "seqpacket"), &address, &name)?;
    // Such a name ends where its length says, and may hold any byte.
    let name = format!("every_kind\0{}\nnext line", std::process::id());
    let address = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
    connected(report, "an abstract local server", (SocketType::STREAM, "stream"), &address, &at(&name))?;

    datagrams(report, directory)?;
    waiting(report, directory)?;
    pairs(report)?;
    in_flight(report)
}

fn made(kind: SocketType) -> Outcome<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?)
}

fn local(what: &str, kind: &str, state: &str, socket: impl AsFd + 'static) -> Opened {
    let protocol = if kind == "stream" { "UNIX-STREAM" } else { "UNIX" };
    Opened::new(what, "unix", "rw", socket)
        .with("family", "unix")
        .with("type", kind)
        .with("protocol", protocol)
        .with("state", state)
}

/// A server with a name, a client without one and the server's side of the connection.
fn connected(
    report: &mut Report,
    what: &str,
    (kind, word): (SocketType, &str),
    address: &SocketAddrUnix,
    name: &str,
) -> Outcome<()> {
    let listener = made(kind)?;
    bind(&listener, address)?;
    listen(&listener, BACKLOG)?;
    let client = made(kind)?;
    connect(&client, address)?;
    let server = accept_with(&listener, SocketFlags::CLOEXEC)?;
    report.add(
        local(what, word, "LISTEN", listener)
            .with("local", name)
            .with("recv_queue", 0)
            .with("backlog", BACKLOG),
    );
    let client =
        report.add(local(&format!("a client of {what}"), word, "CONNECTED", client).with("peer_name", name));
    let side = format!("the other side of the client of {what}");
    let server = report.add(local(&side, word, "CONNECTED", server).with("local", name));
    report.connect(&[client], &[server]);
    Ok(())
}

/// A socket like that of a log, which three others send to, and some without any other end.
fn datagrams(report: &mut Report, directory: &Path) -> Outcome<()> {
    let path = directory.join("log.socket");
    let name = path.to_string_lossy().into_owned();
    let server = UnixDatagram::bind(&path)?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = UnixDatagram::unbound()?;
        client.connect(&path)?;
        clients.push(client);
    }
    // A server of datagrams is connected to nobody; that others are to it makes the kernel say so.
    let opened = Opened::new("a local socket of datagrams", "unix", "rw", server);
    let server = report.add(
        opened
            .with("family", "unix")
            .with("type", "dgram")
            .with("protocol", "UNIX")
            .with("local", &*name)
            .with("recv_queue", 0),
    );
    for client in clients {
        let client = report.add(
            local("a local socket that is connected to it", "dgram", "CONNECTED", client)
                .with("peer_name", &*name),
        );
        report.connect(&[server], &[client]);
    }

    let name = format!("every_kind {}", std::process::id());
    let bound = made(SocketType::DGRAM)?;
    bind(&bound, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
    report.add(local("an abstract local socket", "dgram", "UNCONNECTED", bound).with("local", at(&name)));
    report.add(local("a local socket without a name", "dgram", "UNCONNECTED", made(SocketType::DGRAM)?));
    Ok(())
}

/// A client that nobody has accepted yet.
fn waiting(report: &mut Report, directory: &Path) -> Outcome<()> {
    let path = directory.join("a server that does not accept");
    let address = SocketAddrUnix::new(&path)?;
    let listener = made(SocketType::STREAM)?;
    bind(&listener, &address)?;
    listen(&listener, BACKLOG)?;
    let client = made(SocketType::STREAM)?;
    connect(&client, &address)?;
    let name = path.to_string_lossy().into_owned();
    let listener = report.add(
        local("a local server that does not accept", "stream", "LISTEN", listener)
            .with("local", &*name)
            .with("recv_queue", 1)
            .with("backlog", BACKLOG),
    );
    let client = local("a local client that waits to be accepted", "stream", "CONNECTED", client);
    let client = report.add(client.with("peer_name", name));
    report.connect_in_backlog(listener, client);
    Ok(())
}

fn pairs(report: &mut Report) -> Outcome<()> {
    let mut add = |what: &str, kind: &str, (one, other): (OwnedFd, OwnedFd), shut: [Option<&str>; 2]| {
        let [one, other] = [(one, shut[0]), (other, shut[1])].map(|(socket, shut)| {
            let opened = local(what, kind, "CONNECTED", socket);
            report.add(match shut {
                Some(shut) => opened.with("shutdown", shut),
                None => opened,
            })
        });
        report.connect(&[one], &[other]);
    };
    let (one, mut other) = UnixStream::pair()?;
    other.write_all(b"unread")?;
    add("one of a socketpair", "stream", (one.into(), other.into()), [None, None]);

    let (one, other) = UnixStream::pair()?;
    one.shutdown(Shutdown::Write)?;
    add(
        "one of a pair, half of it shut",
        "stream",
        (one.into(), other.into()),
        [Some("write"), Some("read")],
    );
    let (one, other) = UnixStream::pair()?;
    one.shutdown(Shutdown::Both)?;
    add("one of a pair that is shut", "stream", (one.into(), other.into()), [Some("both"), Some("both")]);

    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (one, other) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    add("one of a socketpair of packets", "seqpacket", (one, other), [None, None]);
    let (one, other) = UnixDatagram::pair()?;
    add("one of a socketpair of datagrams", "dgram", (one.into(), other.into()), [None, None]);

    let (orphan, gone) = UnixStream::pair()?;
    drop(gone);
    report.add(local("what a socketpair has left", "stream", "CONNECTED", orphan).with("shutdown", "both"));
    Ok(())
}

/// Descriptors that were sent and that nobody has received: no process has them.
fn in_flight(report: &mut Report) -> Outcome<()> {
    let (sender, receiver) = UnixStream::pair()?;
    let null = File::open("/dev/null")?;
    let sent = [null.as_raw_fd(), null.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&sent)];
    sendmsg::<()>(sender.as_raw_fd(), &[IoSlice::new(b"x")], &message, MsgFlags::empty(), None)?;
    let sender = report.add(local("who has sent descriptors", "stream", "CONNECTED", sender));
    let receiver = report.add(
        local("who has not yet received them", "stream", "CONNECTED", receiver)
            .with("recv_queue", 1)
            .with("scm_fds", sent.len()),
    );
    report.connect(&[sender], &[receiver]);
    Ok(())
}

/// The kernel's way to write a name that is in no filesystem.
fn at(name: &str) -> String {
    format!("@{name}")
}
