//! The tables of sockets under `/proc/net`, for where sock_diag(7) does not answer: they are those of
//! the namespace of the process whose directory they are read in (proc_pid_net(5)).
//!
//! The procfs crate parses those of IPv4 and IPv6: the ones of UDP-Lite, ICMP and raw sockets have the
//! form of that of UDP.

use super::proc_dir::ProcDir;
use super::proc_unix;
use super::socket_rows::{InetRow, SocketDetail, SocketRow, SocketTable};
use super::{Errno, Failure, Read};
use procfs::FromBufReadSI;
use procfs::net::{TcpNetEntries, UdpNetEntries};
use std::net::SocketAddr;

/// Reads one table. ENOENT says that the kernel has no such file.
pub fn rows(dir: &mut ProcDir, table: SocketTable) -> Read<Vec<SocketRow>> {
    let mut rows = of_file(dir, table, table.name())?;
    if is_inet(table) {
        match of_file(dir, table, &format!("{}6", table.name())) {
            Ok(v6) => rows.extend(v6),
            // A kernel without IPv6.
            Err(Failure { call: "openat", errno: Errno::ENOENT }) => dir.still_lives()?,
            Err(failure) => return Err(failure),
        }
    }
    Ok(rows)
}

fn of_file(dir: &mut ProcDir, table: SocketTable, file: &str) -> Read<Vec<SocketRow>> {
    dir.of_any_thread(|dir, task| parse(table, dir.read(&format!("{task}net/{file}"))?))
}

fn is_inet(table: SocketTable) -> bool {
    use SocketTable::{Icmp, Raw, Tcp, Udp, UdpLite};
    matches!(table, Tcp | Udp | UdpLite | Icmp | Raw)
}

/// Parses one table. EBADMSG says that the text is not one.
pub fn parse(table: SocketTable, text: &[u8]) -> Read<Vec<SocketRow>> {
    let system = procfs::current_system_info();
    let malformed = Failure::new("read", Errno::EBADMSG);
    let kind = match table {
        SocketTable::Tcp => libc::SOCK_STREAM,
        SocketTable::Raw => libc::SOCK_RAW,
        _ => libc::SOCK_DGRAM,
    };
    // The crate has two types of one form.
    macro_rules! inet {
        ($table:ty) => {
            <$table>::from_buf_read(text, system)
                .map_err(|_| malformed)?
                .0
                .into_iter()
                .map(|entry| {
                    let addresses = (entry.local_address, entry.remote_address);
                    let queues = (entry.rx_queue, entry.tx_queue);
                    inet(kind, entry.inode, entry.state.to_u8(), addresses, queues)
                })
                .filter(|row| row.state != Some(TIME_WAIT))
                .collect()
        };
    }
    match table {
        SocketTable::Tcp => Ok(inet!(TcpNetEntries)),
        SocketTable::Udp | SocketTable::UdpLite | SocketTable::Icmp | SocketTable::Raw => {
            Ok(inet!(UdpNetEntries))
        }
        SocketTable::Unix => Ok(proc_unix::parse(text)),
        SocketTable::Netlink => lines(text, netlink).ok_or(malformed),
        SocketTable::Packet => lines(text, packet).ok_or(malformed),
        SocketTable::Vsock => Err(malformed),
    }
}

/// TCP_TIME_WAIT and TCP_LISTEN of `include/net/tcp_states.h`.
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;

fn inet(
    kind: i32,
    ino: u64,
    state: u8,
    (local, remote): (SocketAddr, SocketAddr),
    (recv, send): (u32, u32),
) -> SocketRow {
    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    SocketRow {
        state: Some(state),
        recv_queue: Some(recv),
        // The table does not tell how many may wait, and has a 0 there.
        send_queue: (state != LISTEN).then_some(send),
        detail: SocketDetail::Inet(InetRow { local, remote, interface: 0, v6only: None, tcp: None }),
        ..plain(family, u16::try_from(kind).ok(), ino)
    }
}

/// A row without anything but what all have.
pub fn plain(family: i32, kind: Option<u16>, ino: u64) -> SocketRow {
    SocketRow {
        ino,
        family: u16::try_from(family).unwrap_or_default(),
        kind,
        state: None,
        recv_queue: None,
        send_queue: None,
        backlog: None,
        shutdown: None,
        cookie: None,
        detail: SocketDetail::None,
    }
}

/// The rows below the heading, all of which must be of the form.
fn lines(text: &[u8], row: impl Fn(&[&str]) -> Option<SocketRow>) -> Option<Vec<SocketRow>> {
    let text = std::str::from_utf8(text).ok()?;
    text.lines().skip(1).map(|line| row(&line.split_ascii_whitespace().collect::<Vec<_>>())).collect()
}

/// `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode` (`net/netlink/af_netlink.c`,
/// `netlink_native_seq_show`). Of the groups only the first 32 are told, and not whether there are more.
fn netlink(fields: &[&str]) -> Option<SocketRow> {
    let detail = SocketDetail::Netlink {
        protocol: fields.get(1)?.parse().ok()?,
        port: fields.get(2)?.parse().ok()?,
        groups: None,
    };
    Some(SocketRow { detail, ..plain(libc::AF_NETLINK, None, fields.get(9)?.parse().ok()?) })
}

/// `sk RefCnt Type Proto Iface R Rmem User Inode`, the protocol alone in hexadecimal
/// (`net/packet/af_packet.c`, `packet_seq_show`).
fn packet(fields: &[&str]) -> Option<SocketRow> {
    let detail = SocketDetail::Packet {
        protocol: u16::from_str_radix(fields.get(3)?, 16).ok()?,
        interface: fields.get(4)?.parse().ok()?,
    };
    let kind = fields.get(2)?.parse().ok()?;
    Some(SocketRow { detail, ..plain(libc::AF_PACKET, Some(kind), fields.get(8)?.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn inet_text(local: SocketAddr, remote: SocketAddr, state: u8, recv: u32, send: u32, ino: u64) -> String {
        // The kernel prints each 32-bit word of an address in the machine's byte order.
        let address = |address: &SocketAddr| {
            let bytes = match address.ip() {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            let words = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
            let words: Vec<_> = words.map(|word| format!("{word:08X}")).collect();
            format!("{}:{:04X}", words.concat(), address.port())
        };
        format!(
            "  sl  local_address rem_address   st\n   0: {} {} {state:02X} {send:08X}:{recv:08X} 00:00000000 00000000     0        0 {ino} 1 0 100 0 0 10 0\n",
            address(&local),
            address(&remote),
        )
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for table in SocketTable::ALL {
                let _ = parse(table, &bytes);
                let _ = parse(table, &[b"\n".as_slice(), &bytes].concat());
            }
        }

        #[test]
        fn inet_is_given_back(v6: bool, state in 1u8..=12, recv: u32, send: u32, ino: u64, ip: [u8; 16], port: u16) {
            let ip: IpAddr = if v6 { ip.into() } else { [ip[0], ip[1], ip[2], ip[3]].into() };
            let (local, remote) = (SocketAddr::new(ip, port), SocketAddr::new(ip, port.wrapping_add(1)));
            let text = inet_text(local, remote, state, recv, send, ino);
            let rows = parse(SocketTable::Tcp, text.as_bytes()).unwrap();
            let expected = inet(libc::SOCK_STREAM, ino, state, (local, remote), (recv, send));
            prop_assert_eq!(&rows, &if state == TIME_WAIT { vec![] } else { vec![expected.clone()] });
            prop_assert_eq!(expected.send_queue.is_none(), state == LISTEN);
            if matches!(state, 1 | 7) {
                let rows = parse(SocketTable::Raw, text.as_bytes()).unwrap();
                prop_assert_eq!(rows, vec![inet(libc::SOCK_RAW, ino, state, (local, remote), (recv, send))]);
            }
        }

        #[test]
        fn netlink_and_packet_are_given_back(protocol: u8, port: u32, ino: u64, kind in 1u16..11, number: u16, interface: u32) {
            let text = format!("sk Eth\n000000001d88 {protocol:<3} {port:<10} 00000005 0 0 0 2 0 {ino:<8}\n");
            let expected = SocketDetail::Netlink { protocol, port, groups: None };
            prop_assert_eq!(parse(SocketTable::Netlink, text.as_bytes()), Ok(vec![SocketRow { detail: expected, ..plain(libc::AF_NETLINK, None, ino) }]));
            let text = format!("sk RefCnt\n000000009c921ca3 3      {kind:<4} {number:04x}   {interface:<5} 1 0      0      {ino}\n");
            let expected = SocketDetail::Packet { protocol: number, interface };
            prop_assert_eq!(parse(SocketTable::Packet, text.as_bytes()), Ok(vec![SocketRow { detail: expected, ..plain(libc::AF_PACKET, Some(kind), ino) }]));
        }
    }
}
