//! Asks the kernel that runs the tests about sockets that they make. Others are there as well: each is
//! found by its inode.

use super::socket_rows::{Netns, SocketAsk, SocketDetail, SocketList, SocketRow, SocketTable, UnixRow};
use super::{Errno, Failure, Read, proc_dir::ProcDir, proc_net, sockets};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
use nix::sys::stat::fstat;
use nix::unistd::gettid;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixStream};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

fn me() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

fn here() -> Netns {
    Netns::OfProcess(me())
}

fn ino(socket: &impl AsFd) -> u64 {
    fstat(socket).unwrap().st_ino
}

fn list(table: SocketTable) -> SocketList {
    sockets::list(here(), table, SocketAsk { peers: true, ..SocketAsk::default() }).unwrap()
}

fn by_proc(table: SocketTable) -> Vec<SocketRow> {
    proc_net::rows(&mut ProcDir::open(me()).unwrap(), table).unwrap()
}

fn find(rows: &[SocketRow], socket: &impl AsFd) -> Option<SocketRow> {
    let mut found = rows.iter().filter(|row| row.ino == ino(socket));
    let row = found.next().cloned();
    assert_eq!(found.next(), None);
    row
}

/// What `/proc/net` tells of a row.
fn as_proc_tells(mut row: SocketRow) -> SocketRow {
    (row.backlog, row.shutdown, row.cookie) = (None, None, None);
    match &mut row.detail {
        SocketDetail::Inet(inet) => (inet.v6only, inet.interface) = (None, 0),
        SocketDetail::Unix(unix) => {
            (row.recv_queue, row.send_queue) = (None, None);
            let mut name = unix.name.take();
            if let Some(rest) = name.as_mut().and_then(|name| name.get_mut(1..)) {
                rest.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'@');
            }
            *unix = UnixRow { name, ..UnixRow::default() };
        }
        SocketDetail::Netlink { groups, .. } => (*groups, row.kind, row.state) = (None, None, None),
        _ => {}
    }
    row
}

/// The row of a socket, after a look whether `/proc/net` says the same of it.
fn row(table: SocketTable, socket: &impl AsFd) -> SocketRow {
    let row = find(&list(table).rows, socket).unwrap();
    let mut by_proc = find(&by_proc(table), socket);
    // The table of TCP sockets lacks those that are bound and do not listen.
    if table == SocketTable::Tcp && row.state == Some(7) {
        assert_eq!(by_proc, None);
        by_proc = Some(as_proc_tells(row.clone()));
    }
    assert_eq!(by_proc, Some(as_proc_tells(row.clone())));
    row
}

fn addresses(row: &SocketRow) -> (SocketAddr, SocketAddr) {
    let SocketDetail::Inet(inet) = &row.detail else { panic!("{row:?}") };
    (inet.local, inet.remote)
}

fn unix(row: &SocketRow) -> &UnixRow {
    let SocketDetail::Unix(unix) = &row.detail else { panic!("{row:?}") };
    unix
}

/// A socket of numbers that nix has no name for.
fn made(family: i32, kind: i32, protocol: i32) -> Read<OwnedFd> {
    // SAFETY: the call takes three integers.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    let fd = Errno::result(fd).map_err(|errno| Failure::new("socket", errno))?;
    // SAFETY: the kernel has just given this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bound(family: i32, kind: i32, protocol: i32) -> Read<OwnedFd> {
    let socket = made(family, kind, protocol)?;
    let any: nix::sys::socket::SockaddrIn = std::net::SocketAddrV4::new([127, 0, 0, 1].into(), 0).into();
    bind(socket.as_raw_fd(), &any).map_err(|errno| Failure::new("bind", errno))?;
    Ok(socket)
}

#[test]
fn tcp_over_both_versions_of_ip() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else { continue };
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, waiting) =
            (listener.accept().unwrap().0, TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        std::io::Write::write_all(&mut &client, b"four").unwrap();
        // What was sent arrives a moment later.
        let mut arrival = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut arrival, PollTimeout::NONE), Ok(1));
        assert_eq!(server.peek(&mut [0; 8]).unwrap(), 4);
        let found = row(SocketTable::Tcp, &listener);
        assert_eq!((found.state, found.recv_queue, found.send_queue), (Some(10), Some(1), None));
        assert!(found.backlog.is_some_and(|backlog| backlog > 1));
        assert_eq!(addresses(&found).0, listener.local_addr().unwrap());
        let found = row(SocketTable::Tcp, &server);
        assert_eq!((found.state, found.recv_queue, found.kind), (Some(1), Some(4), Some(1)));
        assert_eq!(addresses(&found), (server.local_addr().unwrap(), client.local_addr().unwrap()));
        let found = row(SocketTable::Tcp, &waiting);
        assert_eq!(addresses(&found).1, listener.local_addr().unwrap());
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let found = find(&list(SocketTable::Tcp).rows, &client).unwrap();
        assert_eq!(found.shutdown, Some(2));
    }
}

#[test]
fn tcp_info_is_given_when_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let ask = SocketAsk { tcp_info: true, ..SocketAsk::default() };
    let found = find(&sockets::list(here(), SocketTable::Tcp, ask).unwrap().rows, &client).unwrap();
    let SocketDetail::Inet(inet) = found.detail else { panic!("{found:?}") };
    let tcp = inet.tcp.unwrap();
    assert_eq!(tcp.fields[0], ("state", 1));
    assert!(tcp.congestion.is_some_and(|name| !name.is_empty()));
    let field = |name| tcp.fields.iter().find(|(found, _)| *found == name).unwrap().1;
    assert!((400..=65_495).contains(&field("snd_mss")));
    assert!(field("snd_cwnd") > 0 && field("rtt") > 0);
    assert_eq!(field("bytes_received"), 0);
}

#[test]
fn tcp_bound_and_no_more() {
    let socket = bound(libc::AF_INET, libc::SOCK_STREAM, 0).unwrap();
    let release = nix::sys::utsname::uname().unwrap().release().to_string_lossy().into_owned();
    let mut version = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (version.next().unwrap(), version.next().unwrap());
    if version < (6, 8) {
        assert_eq!(find(&list(SocketTable::Tcp).rows, &socket), None);
        return;
    }
    let found = row(SocketTable::Tcp, &socket);
    assert_eq!(found.state, Some(7));
    assert_ne!(addresses(&found).0.port(), 0);
}

#[test]
fn udp_and_what_is_like_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let found = row(SocketTable::Udp, &socket);
    assert_eq!((found.state, found.kind), (Some(7), Some(2)));
    assert_eq!(addresses(&found).0, socket.local_addr().unwrap());
    socket.connect(socket.local_addr().unwrap()).unwrap();
    assert_eq!(row(SocketTable::Udp, &socket).state, Some(1));
    // Of these a kernel, or the rights of the tests, may lack any.
    for (table, kind, protocol) in [
        (SocketTable::UdpLite, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE),
        (SocketTable::Icmp, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
        (SocketTable::Raw, libc::SOCK_RAW, 253),
    ] {
        let Ok(socket) = bound(libc::AF_INET, kind, protocol) else { continue };
        let found = row(table, &socket);
        assert_eq!(found.kind.map(i32::from), Some(kind));
        let (local, remote) = addresses(&found);
        assert!(local.ip().is_loopback() && remote.ip().is_unspecified());
        match table {
            SocketTable::Raw => assert_eq!(local.port(), 253),
            _ => assert_ne!(local.port(), 0),
        }
        if table == SocketTable::Icmp {
            assert_eq!(list(table).without_diag, Some(Failure::new("recvmsg", Errno::ENOENT)));
        }
    }
}

#[test]
fn unix_names_are_given_byte_for_byte() {
    let name = [b"ganariya\0\n".as_slice(), me().to_string().as_bytes()].concat();
    let listener = UnixListener::bind_addr(&UnixAddr::from_abstract_name(&name).unwrap()).unwrap();
    let found = find(&list(SocketTable::Unix).rows, &listener).unwrap();
    assert_eq!(unix(&found).name, Some([b"\0".as_slice(), &name].concat()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ends with a newline\n");
    let socket = UnixDatagram::bind(&path).unwrap();
    let found = find(&list(SocketTable::Unix).rows, &socket).unwrap();
    assert_eq!(unix(&found).name.as_deref(), Some(path.as_os_str().as_encoded_bytes()));
    assert_eq!((found.kind, found.state), (Some(2), Some(7)));
}

#[test]
fn unix_peers_and_who_waits() {
    let (a, b) = UnixStream::pair().unwrap();
    let found = row(SocketTable::Unix, &a);
    assert_eq!((unix(&found).peer, found.state), (Some(ino(&b)), Some(1)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server");
    let server = UnixDatagram::bind(&path).unwrap();
    let client = UnixDatagram::unbound().unwrap();
    client.connect(&path).unwrap();
    assert_eq!(unix(&row(SocketTable::Unix, &client)).peer, Some(ino(&server)));
    assert_eq!(unix(&row(SocketTable::Unix, &server)).peer, None);
    let path = folder.path().join("listener");
    let listener = UnixListener::bind(&path).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let found = row(SocketTable::Unix, &listener);
    assert_eq!((found.state, found.recv_queue, found.send_queue), (Some(10), Some(1), None));
    assert!(found.backlog.is_some_and(|backlog| backlog > 1));
    assert_eq!(unix(&found).waiting, [ino(&client)]);
    // Its peer is made, and nobody has a descriptor of it.
    assert_eq!(unix(&row(SocketTable::Unix, &client)).peer, Some(0));
    let (server, _) = listener.accept().unwrap();
    assert_eq!(unix(&row(SocketTable::Unix, &client)).peer, Some(ino(&server)));
}

#[test]
fn netlink_with_a_group() {
    let route =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
    let route = route.unwrap();
    // RTNLGRP_LINK is 1, RTNLGRP_IPV4_IFADDR 5.
    bind(route.as_raw_fd(), &NetlinkAddr::new(0, 1 | 1 << 4)).unwrap();
    let found = row(SocketTable::Netlink, &route);
    let SocketDetail::Netlink { protocol: 0, port, groups } = found.detail else { panic!("{found:?}") };
    assert_ne!(port, 0);
    assert_eq!(groups, Some(vec![1, 5]));
}

#[test]
fn packet_sockets_have_their_protocol_in_the_order_of_the_machine() {
    let Ok(socket) = made(libc::AF_PACKET, libc::SOCK_RAW, i32::from(0x0806u16.to_be())) else {
        return; // Not permitted.
    };
    let found = row(SocketTable::Packet, &socket);
    assert_eq!(found.detail, SocketDetail::Packet { protocol: 0x0806, interface: 0 });
    assert_eq!(found.kind, Some(3));
}

#[test]
fn vsock_is_listed_or_fails() {
    match sockets::list(here(), SocketTable::Vsock, SocketAsk::default()) {
        Ok(list) => assert_eq!(list.without_diag, None),
        Err(failure) => assert_eq!(failure, Failure::new("recvmsg", Errno::ENOENT)),
    }
}

#[test]
fn a_process_that_is_gone_has_no_list() {
    let listed = sockets::list(Netns::OfProcess(i32::MAX), SocketTable::Tcp, SocketAsk::default());
    assert_eq!(listed, Err(Failure::new("open", Errno::ENOENT)));
}

#[test]
fn sockets_that_no_list_has_are_asked() {
    let ask = |socket: &OwnedFd| match sockets::ask(me(), socket.as_raw_fd()) {
        // Not permitted.
        Err(Failure { call: "ioctl" | "pidfd_getfd", errno: Errno::EPERM }) => None,
        asked => Some(asked.unwrap()),
    };
    for protocol in [libc::IPPROTO_TCP, 262] {
        let Ok(socket) = made(libc::AF_INET6, libc::SOCK_STREAM, protocol) else { continue };
        assert_eq!(find(&list(SocketTable::Tcp).rows, &socket), None);
        let Some(asked) = ask(&socket) else { return };
        assert_eq!(Ok(asked.netns.unwrap()), sockets::namespace(here()));
        let found = asked.row.unwrap();
        assert_eq!((found.ino, found.kind), (ino(&socket), Some(1)));
        assert_eq!(found.state, Some(7));
        assert_eq!(addresses(&found), ("[::]:0".parse().unwrap(), "[::]:0".parse().unwrap()));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let found = ask(&client.into()).unwrap().row.unwrap();
    assert_eq!((found.state, addresses(&found).1), (Some(1), listener.local_addr().unwrap()));
    let listed = find(&list(SocketTable::Tcp).rows, &listener).unwrap();
    let found = ask(&listener.into()).unwrap().row.unwrap();
    assert_eq!((found.state, found.cookie), (Some(10), listed.cookie));
    assert_eq!(addresses(&found), addresses(&listed));
    let (a, _b) = UnixStream::pair().unwrap();
    assert_eq!(ask(&a.into()).unwrap().row.unwrap().detail, SocketDetail::None);
    let file = std::fs::File::open("/dev/null").unwrap();
    let refused = sockets::ask(me(), file.as_raw_fd());
    assert_eq!(refused, Err(Failure::new("pidfd_getfd", Errno::ENOTSOCK)));
}

/// A thread in a network namespace of its own, and two sockets that were made there.
struct Elsewhere {
    tid: i32,
    /// The thread ends when this is dropped.
    end: Sender<()>,
    thread: JoinHandle<()>,
    listener: TcpListener,
    raw: OwnedFd,
}

/// Nothing where that is not permitted.
fn elsewhere() -> Option<Elsewhere> {
    let (tell, told) = channel();
    let (end, ended) = channel();
    let thread = std::thread::spawn(move || {
        let made = unshare(CloneFlags::CLONE_NEWNET).ok().map(|()| {
            let raw = made(libc::AF_INET, libc::SOCK_RAW, 253).unwrap();
            (gettid().as_raw(), TcpListener::bind("0.0.0.0:0").unwrap(), raw)
        });
        tell.send(made).unwrap();
        let _ = ended.recv();
    });
    let (tid, listener, raw) = told.recv().unwrap()?;
    Some(Elsewhere { tid, end, thread, listener, raw })
}

#[test]
fn a_namespace_in_which_nobody_is_any_more() {
    let Some(Elsewhere { tid, end, thread, listener, raw }) = elsewhere() else { return };
    let there = Netns::OfProcess(tid);
    let number = sockets::namespace(there).unwrap();
    assert_ne!(number, sockets::namespace(here()).unwrap());
    let listed = sockets::list(there, SocketTable::Tcp, SocketAsk::default()).unwrap();
    assert_eq!((listed.rows.len(), listed.without_diag), (1, None));
    assert_eq!(find(&listed.rows, &listener).unwrap().state, Some(10));
    assert_eq!(sockets::net(there).unwrap().interfaces[&1], "lo");
    assert!(sockets::net(there).unwrap().addresses.is_empty());
    drop(end);
    thread.join().unwrap();
    let of_socket = Netns::OfSocket { pid: me(), fd: listener.as_raw_fd() };
    assert_eq!(sockets::namespace(of_socket), Ok(number));
    assert_eq!(sockets::list(of_socket, SocketTable::Tcp, SocketAsk::default()).unwrap(), listed);
    // Whether by a handler that this kernel may lack, or by the table there.
    let listed = sockets::list(of_socket, SocketTable::Raw, SocketAsk::default()).unwrap();
    assert_eq!(listed.rows.len(), 1);
    assert!(find(&listed.rows, &raw).is_some());
    assert_eq!(sockets::ask(me(), raw.as_raw_fd()).unwrap().netns, Ok(number));
    assert_eq!(find(&list(SocketTable::Tcp).rows, &listener), None);
}

/// Takes a capability (capabilities(7)) from the calling thread's effective ones.
fn drop_capability(number: u32) {
    // _LINUX_CAPABILITY_VERSION_3 and this thread; effective, permitted and inheritable, twice.
    let mut header = [0x2008_0522u32, 0];
    let mut sets = [0u32; 6];
    // SAFETY: both arrays have the sizes that this version has.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    Errno::result(result).unwrap();
    sets[if number < 32 { 0 } else { 3 }] &= !(1 << (number % 32));
    // SAFETY: as above.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()) };
    Errno::result(result).unwrap();
}

/// CAP_SYS_ADMIN of `include/uapi/linux/capability.h`.
const CAP_SYS_ADMIN: u32 = 21;

#[test]
fn a_namespace_that_may_not_be_entered_is_read_from_its_tables() {
    let Some(Elsewhere { tid, end, thread, listener, .. }) = elsewhere() else { return };
    std::thread::scope(|scope| {
        let checked = scope.spawn(|| {
            drop_capability(CAP_SYS_ADMIN);
            let refused = Failure::new("setns", Errno::EPERM);
            let there = Netns::OfProcess(tid);
            let listed = sockets::list(there, SocketTable::Tcp, SocketAsk::default()).unwrap();
            assert_eq!((listed.rows.len(), listed.without_diag), (1, Some(refused)));
            assert_eq!(find(&listed.rows, &listener).unwrap().state, Some(10));
            assert!(sockets::net(there).unwrap().addresses.is_empty());
            let of_socket = Netns::OfSocket { pid: me(), fd: listener.as_raw_fd() };
            let listed = sockets::list(of_socket, SocketTable::Tcp, SocketAsk::default());
            assert_eq!(listed, Err(refused));
            let vsock = sockets::list(there, SocketTable::Vsock, SocketAsk::default());
            assert_eq!(vsock, Err(refused));
        });
        checked.join().unwrap();
    });
    drop(end);
    thread.join().unwrap();
}

#[test]
fn of_a_list_only_those_asked_for_are_given_and_the_peers_where_asked() {
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let only = std::iter::once(ino(&one)).collect();
    for peers in [false, true] {
        let ask = SocketAsk { peers, only: Some(&only), ..SocketAsk::default() };
        let listed = sockets::list(here(), SocketTable::Unix, ask).unwrap();
        let [SocketRow { ino, detail: SocketDetail::Unix(unix), .. }] = &listed.rows[..] else {
            panic!("{listed:?}");
        };
        assert!(only.contains(ino));
        assert_eq!(unix.peer.is_some(), peers);
    }
}
