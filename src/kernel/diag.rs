//! Lists sockets by sock_diag(7), in the network namespace of the calling thread.
//!
//! The kernel has a handler for each family and protocol, often a module that it loads when it is first
//! asked. Without one it answers ENOENT: at once for a family, and for a protocol of IPv4 and IPv6 at
//! the end of a list without rows, which must not be taken for "there are none".

use super::diag_inet::{self, cookie};
use super::netlink::{Netlink, array_at, attributes, u16_at, u32_at};
use super::socket_rows::{SocketAsk, SocketDetail, SocketRow, SocketTable, UnixRow};
use super::{Errno, Failure, Read};
use nix::sys::socket::SockProtocol;
use std::collections::HashSet;

/// `include/uapi/linux/sock_diag.h`
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `include/uapi/linux/inet_diag.h`: the request from before there was any but TCP.
const TCPDIAG_GETSOCK: u16 = 18;
/// All states but TIME_WAIT. Bit 13 is that of TCP sockets that are bound and no more
/// (TCP_BOUND_INACTIVE, since Linux 6.8), which are listed with state 7.
const STATES: u32 = !TIME_WAIT;
/// TCP_TIME_WAIT of `include/net/tcp_states.h`, as a bit.
const TIME_WAIT: u32 = 1 << 6;
/// TCP_LISTEN of `include/net/tcp_states.h`.
const LISTEN: u8 = 10;

/// Lists the sockets of a table. The failure is ENOENT where the kernel has no handler.
pub fn rows(table: SocketTable, ask: SocketAsk<'_>) -> Read<Vec<SocketRow>> {
    let mut netlink = Netlink::open(SockProtocol::NetlinkSockDiag)?;
    let mut rows = match table {
        SocketTable::Tcp => tcp(&mut netlink, ask, STATES)?,
        SocketTable::Udp => inet(&mut netlink, ask, libc::IPPROTO_UDP, libc::SOCK_DGRAM)?,
        SocketTable::UdpLite => inet(&mut netlink, ask, libc::IPPROTO_UDPLITE, libc::SOCK_DGRAM)?,
        // No kernel has a handler for these. One that loads modules would look for it every time.
        SocketTable::Icmp => return Err(Failure::new("recvmsg", Errno::ENOENT)),
        SocketTable::Raw => inet(&mut netlink, ask, libc::IPPROTO_RAW, libc::SOCK_RAW)?,
        SocketTable::Unix => {
            let show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN;
            let show = show | if ask.peers { UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS } else { 0 };
            family(&mut netlink, ask, &request(libc::AF_UNIX, 0, &[!0, 0, show, 0, 0]), unix)?
        }
        SocketTable::Netlink => {
            family(&mut netlink, ask, &request(libc::AF_NETLINK, 0xff, &NETLINK), netlink_row)?
        }
        SocketTable::Packet => family(&mut netlink, ask, &request(libc::AF_PACKET, 0, &PACKET), packet)?,
        SocketTable::Vsock => family(&mut netlink, ask, &request(libc::AF_VSOCK, 0, &VSOCK), vsock)?,
    };
    // A list repeats a netlink socket that has joined a group, and any socket that moves within its
    // table while the list is given.
    let mut seen = HashSet::with_capacity(rows.len());
    rows.retain(|row| row.cookie.is_none_or(|cookie| seen.insert(cookie)));
    Ok(rows)
}

/// Lists what is left of TCP connections for a while after their end: the kernel's memory of their two
/// addresses (`struct inet_timewait_sock`), without a socket and so without an inode.
pub fn time_wait() -> Read<Vec<SocketRow>> {
    tcp(&mut Netlink::open(SockProtocol::NetlinkSockDiag)?, SocketAsk::default(), TIME_WAIT)
}

/// Has the sockets that are asked for added to the rows, as far as `decode` understands them.
fn taking(
    ask: SocketAsk<'_>,
    decode: impl Fn(&[u8]) -> Option<SocketRow>,
) -> impl Fn(&[u8], &mut Vec<SocketRow>) -> Option<()> {
    move |message, rows| {
        let row = decode(message)?;
        if ask.is_for(&row) {
            rows.push(row);
        }
        Some(())
    }
}

/// Asks for the sockets of a family that has a request of its own.
fn family(
    netlink: &mut Netlink,
    ask: SocketAsk<'_>,
    request: &[u8],
    decode: fn(&[u8]) -> Option<SocketRow>,
) -> Read<Vec<SocketRow>> {
    netlink.dump(SOCK_DIAG_BY_FAMILY, request, taking(ask, decode))
}

/// The four bytes that requests begin with, and their numbers.
fn request(family: i32, protocol: u8, numbers: &[u32]) -> Vec<u8> {
    let mut bytes = vec![family.to_le_bytes()[0], protocol, 0, 0];
    bytes.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
    bytes
}

/// What a `struct unix_diag_req` may ask for: it is states, inode, these, cookie.
const UDIAG_SHOW_NAME: u32 = 1;
const UDIAG_SHOW_VFS: u32 = 2;
const UDIAG_SHOW_PEER: u32 = 4;
const UDIAG_SHOW_ICONS: u32 = 8;
const UDIAG_SHOW_RQLEN: u32 = 16;
/// `struct netlink_diag_req`: inode, NDIAG_SHOW_GROUPS, cookie. The protocol 0xff is all.
const NETLINK: [u32; 4] = [0, 2, 0, 0];
/// `struct packet_diag_req`: inode, PACKET_SHOW_INFO, cookie.
const PACKET: [u32; 4] = [0, 1, 0, 0];
/// `struct vsock_diag_req`: states, inode, show, cookie.
const VSOCK: [u32; 5] = [!0, 0, 0, 0, 0];
/// The length of `struct inet_diag_sockid`, which a request for a list leaves empty.
const SOCKID: usize = 48;

/// The old request lists both versions of IP at once, which halves the time. It is documented nowhere,
/// so its failure, also for a reason of its own, only means to ask in the new way.
fn tcp(netlink: &mut Netlink, ask: SocketAsk<'_>, states: u32) -> Read<Vec<SocketRow>> {
    let extensions = if ask.tcp_info { 1 << (diag_inet::INFO - 1) | 1 << (diag_inet::CONG - 1) } else { 0 };
    let decode =
        taking(ask, |message: &[u8]| diag_inet::decode(message, kind(libc::SOCK_STREAM), ask.tcp_info));
    // `struct inet_diag_req`
    let mut old = vec![0, 0, 0, extensions];
    old.extend([0; SOCKID]);
    old.extend([states, 0].into_iter().flat_map(u32::to_ne_bytes));
    netlink
        .dump(TCPDIAG_GETSOCK, &old, &decode)
        .or_else(|_| by_family(netlink, libc::IPPROTO_TCP, extensions, states, decode))
}

fn inet(netlink: &mut Netlink, ask: SocketAsk<'_>, protocol: i32, socket_type: i32) -> Read<Vec<SocketRow>> {
    let decode = taking(ask, |message: &[u8]| diag_inet::decode(message, kind(socket_type), false));
    by_family(netlink, protocol, 0, STATES, decode)
}

/// `struct inet_diag_req_v2`, once for each version of IP.
fn by_family(
    netlink: &mut Netlink,
    protocol: i32,
    extensions: u8,
    states: u32,
    decode: impl Fn(&[u8], &mut Vec<SocketRow>) -> Option<()>,
) -> Read<Vec<SocketRow>> {
    let mut rows = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut body = request(family, protocol.to_le_bytes()[0], &[states]);
        body[2] = extensions;
        body.extend([0; SOCKID]);
        rows.extend(netlink.dump(SOCK_DIAG_BY_FAMILY, &body, &decode)?);
    }
    Ok(rows)
}

/// A constant of libc in the width that rows have.
fn kind(constant: i32) -> u16 {
    u16::try_from(constant).unwrap_or_default()
}

/// A row whose family adds what it knows.
fn row(message: &[u8], ino: usize, detail: SocketDetail) -> Option<SocketRow> {
    let [family, kind] = array_at(message, 0)?;
    Some(SocketRow {
        ino: u32_at(message, ino)?.into(),
        family: family.into(),
        kind: Some(kind.into()),
        state: None,
        recv_queue: None,
        send_queue: None,
        backlog: None,
        shutdown: None,
        cookie: Some(cookie(message, ino + 4)?),
        detail,
    })
}

/// `struct unix_diag_msg` of `include/uapi/linux/unix_diag.h`.
fn unix(message: &[u8]) -> Option<SocketRow> {
    let mut unix = UnixRow::default();
    let mut row = row(message, 4, SocketDetail::None)?;
    let state = *message.get(2)?;
    row.state = Some(state);
    for (kind, payload) in attributes(message.get(16..)?) {
        match kind {
            0 => {
                // The kernel stores a path with the NUL that ends it (`unix_mkname_bsd`). An abstract
                // name begins with one, and is as long as it is.
                let path = payload.strip_suffix(b"\0").filter(|_| payload[0] != 0);
                unix.name = Some(path.unwrap_or(payload).to_vec());
            }
            // `struct unix_diag_vfs`
            1 => unix.file = Some((kernel_device(u32_at(payload, 4)?), u32_at(payload, 0)?)),
            2 => unix.peer = Some(u32_at(payload, 0)?.into()),
            3 => {
                // One whose client has closed already is counted, but has no inode any more.
                let inos = (0..payload.len() / 4).filter_map(|n| u32_at(payload, n * 4));
                unix.waiting = inos.filter(|&ino| ino != 0).map(u64::from).collect();
            }
            4 => {
                // Of a datagram socket the first number is the length of the next message only, as
                // SIOCINQ gives it (`unix_inq_len`).
                row.recv_queue = Some(u32_at(payload, 0)?);
                let second = if state == LISTEN { &mut row.backlog } else { &mut row.send_queue };
                *second = Some(u32_at(payload, 4)?);
            }
            6 => row.shutdown = payload.first().copied(),
            _ => {}
        }
    }
    row.detail = SocketDetail::Unix(unix);
    Some(row)
}

/// A device number in the kernel's own form: 12 bits and 20 bits (`include/linux/kdev_t.h`).
fn kernel_device(number: u32) -> (u32, u32) {
    (number >> 20, number & 0xf_ffff)
}

/// `struct netlink_diag_msg` of `include/uapi/linux/netlink_diag.h`.
fn netlink_row(message: &[u8]) -> Option<SocketRow> {
    let [protocol, state] = array_at(message, 2)?;
    // A bitmap in words of the kernel's; absent where none was ever joined.
    let bitmap = attributes(message.get(28..)?).find(|(kind, _)| *kind == 1).map(|(_, bitmap)| bitmap);
    let mut groups = Vec::new();
    for (index, word) in bitmap.unwrap_or_default().chunks(size_of::<usize>()).enumerate() {
        let mut bytes = [0; size_of::<usize>()];
        bytes.get_mut(..word.len())?.copy_from_slice(word);
        let word = usize::from_ne_bytes(bytes);
        let first = u32::try_from(index).ok()?.checked_mul(usize::BITS)?;
        groups.extend((0..usize::BITS).filter(|bit| word >> bit & 1 == 1).map(|bit| first + bit + 1));
    }
    let port = u32_at(message, 4)?;
    let mut row = row(message, 16, SocketDetail::Netlink { protocol, port, groups: Some(groups) })?;
    row.state = Some(state);
    Some(row)
}

/// `struct packet_diag_msg` of `include/uapi/linux/packet_diag.h`. Its protocol is in the machine's byte
/// order, unlike that given to socket(2) (`net/packet/diag.c`, `sk_diag_fill`).
fn packet(message: &[u8]) -> Option<SocketRow> {
    let info = attributes(message.get(16..)?).find(|(kind, _)| *kind == 0)?.1;
    row(message, 4, SocketDetail::Packet { protocol: u16_at(message, 2)?, interface: u32_at(info, 0)? })
}

/// `struct vsock_diag_msg` of `include/uapi/linux/vm_sockets_diag.h`.
fn vsock(message: &[u8]) -> Option<SocketRow> {
    let [state, shutdown] = array_at(message, 2)?;
    let address = |offset| Some((u32_at(message, offset)?, u32_at(message, offset + 4)?));
    let remote = Some(address(12)?).filter(|&remote| remote != (u32::MAX, u32::MAX));
    let mut row = row(message, 20, SocketDetail::Vsock { local: address(4)?, remote })?;
    row.state = Some(state);
    row.shutdown = Some(shutdown);
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::super::netlink::tests::attribute;
    use super::*;
    use proptest::prelude::*;

    fn message(head: [u8; 4], numbers: &[u32], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
        bytes.extend(attributes.iter().flat_map(|(kind, payload)| attribute(*kind, payload)));
        bytes
    }

    fn plain(family: i32, kind: u16, ino: u32, state: Option<u8>, detail: SocketDetail) -> SocketRow {
        SocketRow {
            ino: ino.into(),
            family: u16::try_from(family).unwrap(),
            kind: Some(kind),
            state,
            recv_queue: None,
            send_queue: None,
            backlog: None,
            shutdown: None,
            cookie: Some(8 << 32 | 9),
            detail,
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            for decode in [unix, netlink_row, packet, vsock] {
                let _ = decode(&bytes);
            }
        }

        #[test]
        fn unix_is_given_back(ino: u32, peer: u32, name in proptest::collection::vec(any::<u8>(), 1..20), queues: (u32, u32), file: (u32, u32), waiting in proptest::collection::vec(1u32.., 0..3), listens: bool) {
            let state = if listens { LISTEN } else { 1 };
            // As the kernel stores it.
            let mut stored = name.clone();
            if name[0] != 0 {
                stored.push(0);
            }
            let rqlen = [queues.0.to_ne_bytes(), queues.1.to_ne_bytes()].concat();
            let icons: Vec<u8> = waiting.iter().copied().flat_map(u32::to_ne_bytes).collect();
            let bytes = message([1, 1, state, 0], &[ino, 9, 8], &[(0, &stored), (1, &[file.0.to_ne_bytes(), file.1.to_ne_bytes()].concat()), (2, &peer.to_ne_bytes()), (3, &icons), (4, &rqlen), (6, &[2])]);
            let file = Some(((file.1 >> 20, file.1 & 0xf_ffff), file.0));
            let detail = UnixRow { name: Some(name), file, peer: Some(peer.into()), waiting: waiting.into_iter().map(u64::from).collect(), ambiguous: false };
            let expected = SocketRow {
                recv_queue: Some(queues.0),
                send_queue: (!listens).then_some(queues.1),
                backlog: listens.then_some(queues.1),
                shutdown: Some(2),
                ..plain(libc::AF_UNIX, 1, ino, Some(state), SocketDetail::Unix(detail))
            };
            prop_assert_eq!(unix(&bytes), Some(expected));
        }

        #[test]
        fn netlink_is_given_back(protocol: u8, port: u32, ino: u32, groups in proptest::collection::btree_set(1u32..130, 0..6)) {
            let mut words = [0usize; 192 / usize::BITS as usize];
            for group in &groups {
                let bit = *group as usize - 1;
                words[bit / usize::BITS as usize] |= 1 << (bit % usize::BITS as usize);
            }
            let bitmap = words.map(usize::to_ne_bytes).concat();
            let bytes = message([16, 3, protocol, 7], &[port, 0, 0, ino, 9, 8], &[(1, &bitmap)]);
            let detail = SocketDetail::Netlink { protocol, port, groups: Some(groups.into_iter().collect()) };
            prop_assert_eq!(netlink_row(&bytes), Some(plain(libc::AF_NETLINK, 3, ino, Some(7), detail)));
        }

        #[test]
        fn packet_and_vsock_are_given_back(protocol: u16, interface: u32, ino: u32, local: (u32, u32), remote in proptest::option::of((0..u32::MAX, any::<u32>()))) {
            let [a, b] = protocol.to_ne_bytes();
            let bytes = message([17, 2, a, b], &[ino, 9, 8], &[(0, &[interface.to_ne_bytes().to_vec(), vec![0; 20]].concat())]);
            prop_assert_eq!(packet(&bytes), Some(plain(libc::AF_PACKET, 2, ino, None, SocketDetail::Packet { protocol, interface })));
            let (cid, port) = remote.unwrap_or((u32::MAX, u32::MAX));
            let bytes = message([40, 1, 10, 3], &[local.0, local.1, cid, port, ino, 9, 8], &[]);
            let expected = plain(libc::AF_VSOCK, 1, ino, Some(10), SocketDetail::Vsock { local, remote });
            prop_assert_eq!(vsock(&bytes), Some(SocketRow { shutdown: Some(3), ..expected }));
        }
    }

    #[test]
    fn a_missing_handler_is_no_empty_list() {
        let mut netlink = Netlink::open(SockProtocol::NetlinkSockDiag).unwrap();
        // No kernel has one for this protocol.
        let answer = inet(&mut netlink, SocketAsk::default(), libc::IPPROTO_ICMP, libc::SOCK_DGRAM);
        assert_eq!(answer, Err(Failure::new("recvmsg", Errno::ENOENT)));
    }

    #[test]
    fn the_old_request_and_the_new_one_agree() {
        let listener = std::net::TcpListener::bind("[::1]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut netlink = Netlink::open(SockProtocol::NetlinkSockDiag).unwrap();
        let find = |rows: Vec<SocketRow>| {
            rows.into_iter()
                .find(|row| matches!(&row.detail, SocketDetail::Inet(inet) if inet.local.port() == port))
        };
        let old = find(tcp(&mut netlink, SocketAsk::default(), STATES).unwrap());
        let new =
            find(inet(&mut netlink, SocketAsk::default(), libc::IPPROTO_TCP, libc::SOCK_STREAM).unwrap());
        assert!(old.is_some());
        assert_eq!(old, new);
    }
}
