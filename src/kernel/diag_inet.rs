//! What sock_diag says of IPv4 and IPv6 sockets: `struct inet_diag_msg` of
//! `include/uapi/linux/inet_diag.h`.

use super::netlink::{array_at, attributes, u32_at};
use super::socket_rows::{InetRow, SocketDetail, SocketRow, TcpRow};
use super::tcp_info;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// INET_DIAG_*, the attributes.
pub const INFO: u16 = 2;
/// The name of the congestion control algorithm.
pub const CONG: u16 = 4;
const SHUTDOWN: u16 = 8;
const SKV6ONLY: u16 = 11;

/// The length of `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// TCP_LISTEN of `include/net/tcp_states.h`.
const LISTEN: u8 = 10;

/// Decodes one message of a socket of this `kind` (SOCK_*); [`InetRow::tcp`] where it was asked for.
pub fn decode(message: &[u8], kind: u16, tcp_info: bool) -> Option<SocketRow> {
    let [family, state, timer, retransmits] = array_at(message, 0)?;
    // Addresses and ports are in the network's byte order.
    let local_port = array_at(message, 4).map(u16::from_be_bytes)?;
    let remote_port = array_at(message, 6).map(u16::from_be_bytes)?;
    let interface = u32_at(message, 40)?;
    let cookie = cookie(message, 44)?;
    let expires = u32_at(message, 52)?;
    let recv_queue = u32_at(message, 56)?;
    let send_queue = u32_at(message, 60)?;
    let ino = u32_at(message, 68)?;
    let address = |offset, port| {
        Some(match i32::from(family) {
            libc::AF_INET => {
                SocketAddr::new(IpAddr::V4(Ipv4Addr::from(array_at::<4>(message, offset)?)), port)
            }
            libc::AF_INET6 => {
                let address = Ipv6Addr::from(array_at::<16>(message, offset)?);
                let scope = if address.is_unicast_link_local() { interface } else { 0 };
                SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope))
            }
            _ => return None,
        })
    };
    let mut inet = InetRow {
        local: address(8, local_port)?,
        remote: address(24, remote_port)?,
        interface,
        v6only: None,
        tcp: None,
    };
    let mut tcp = TcpRow { timer, expires, retransmits, ..TcpRow::default() };
    let mut shutdown = None;
    for (kind, payload) in attributes(message.get(MESSAGE..)?) {
        match kind {
            INFO => tcp.fields = tcp_info::fields(payload),
            CONG => tcp.congestion = Some(text(payload)),
            SHUTDOWN => shutdown = payload.first().copied(),
            SKV6ONLY => inet.v6only = payload.first().map(|&only| only != 0),
            _ => {}
        }
    }
    inet.tcp = tcp_info.then(|| Box::new(tcp));
    let listens = state == LISTEN;
    Some(SocketRow {
        ino: ino.into(),
        family: family.into(),
        kind: Some(kind),
        state: Some(state),
        recv_queue: Some(recv_queue),
        // A listening socket has the length of its queue in that place.
        send_queue: (!listens).then_some(send_queue),
        backlog: listens.then_some(send_queue),
        shutdown,
        cookie: Some(cookie),
        detail: SocketDetail::Inet(inet),
    })
}

/// A socket's cookie: the lower half stands first, whatever the machine's byte order
/// (`net/core/sock_diag.c`, `sock_diag_save_cookie`).
pub fn cookie(message: &[u8], offset: usize) -> Option<u64> {
    let (low, high) = (u32_at(message, offset)?, u32_at(message, offset + 4)?);
    Some(u64::from(high) << 32 | u64::from(low))
}

/// A string that ends with a NUL.
pub fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::netlink::tests::attribute;
    use super::*;
    use proptest::prelude::*;

    fn encode(row: &SocketRow, timer: [u8; 2], expires: u32) -> Vec<u8> {
        let SocketDetail::Inet(inet) = &row.detail else { panic!("{row:?}") };
        let octets = |address: &SocketAddr| match address.ip() {
            IpAddr::V4(ip) => [ip.octets().as_slice(), &[0; 12]].concat(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let cookie = row.cookie.unwrap();
        let numbers = [
            inet.interface,
            u32::try_from(cookie & 0xffff_ffff).unwrap(),
            u32::try_from(cookie >> 32).unwrap(),
            expires,
            row.recv_queue.unwrap(),
            row.backlog.or(row.send_queue).unwrap(),
            1000,
            u32::try_from(row.ino).unwrap(),
        ];
        let mut bytes = vec![u8::try_from(row.family).unwrap(), row.state.unwrap(), timer[0], timer[1]];
        bytes.extend(inet.local.port().to_be_bytes());
        bytes.extend(inet.remote.port().to_be_bytes());
        bytes.extend(octets(&inet.local));
        bytes.extend(octets(&inet.remote));
        bytes.extend(numbers.into_iter().flat_map(u32::to_ne_bytes));
        bytes.extend(attribute(SHUTDOWN, &[row.shutdown.unwrap()]));
        bytes.extend(inet.v6only.map_or(Vec::new(), |only| attribute(SKV6ONLY, &[only.into()])));
        if let Some(tcp) = &inet.tcp {
            bytes.extend(attribute(INFO, &[3; 8]));
            bytes.extend(attribute(CONG, format!("{}\0", tcp.congestion.as_ref().unwrap()).as_bytes()));
        }
        bytes
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, 1, true);
        }

        #[test]
        fn given_back(v6: bool, state in 1u8..13, kind in 1u16..4, asked: bool, ip: [u8; 16], ports: (u16, u16), numbers: [u32; 5], cookie: u64, v6only in proptest::option::of(any::<bool>()), shutdown in 0u8..4, timer: [u8; 2]) {
            let [interface, recv, send, ino, expires] = numbers;
            let listens = state == LISTEN;
            let address = |port| if v6 {
                let link_local = ip[0] == 0xfe && ip[1] & 0xc0 == 0x80;
                SocketAddr::V6(SocketAddrV6::new(ip.into(), port, 0, if link_local { interface } else { 0 }))
            } else {
                SocketAddr::new([ip[0], ip[1], ip[2], ip[3]].into(), port)
            };
            let tcp = asked.then(|| Box::new(TcpRow {
                fields: tcp_info::fields(&[3; 8]),
                congestion: Some("cubic".into()),
                timer: timer[0],
                retransmits: timer[1],
                expires,
            }));
            let row = SocketRow {
                ino: ino.into(),
                family: u16::try_from(if v6 { libc::AF_INET6 } else { libc::AF_INET }).unwrap(),
                kind: Some(kind),
                state: Some(state),
                recv_queue: Some(recv),
                send_queue: (!listens).then_some(send),
                backlog: listens.then_some(send),
                shutdown: Some(shutdown),
                cookie: Some(cookie),
                detail: SocketDetail::Inet(InetRow { local: address(ports.0), remote: address(ports.1), interface, v6only, tcp }),
            };
            let bytes = encode(&row, timer, expires);
            prop_assert_eq!(decode(&bytes, kind, asked), Some(row));
            prop_assert_eq!(decode(&bytes[..MESSAGE - 1], kind, asked), None);
        }
    }

    #[test]
    fn a_link_local_address_has_its_interface() {
        let mut bytes = vec![0; MESSAGE];
        bytes[0] = u8::try_from(libc::AF_INET6).unwrap();
        bytes[8..10].copy_from_slice(&[0xfe, 0x80]);
        bytes[40..44].copy_from_slice(&4u32.to_ne_bytes());
        let Some(SocketRow { detail: SocketDetail::Inet(inet), .. }) = decode(&bytes, 2, false) else {
            panic!("not decoded");
        };
        assert_eq!(inet.local.to_string(), "[fe80::%4]:0");
        assert_eq!(inet.remote.to_string(), "[::]:0");
    }
}
