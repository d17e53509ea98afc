//! The tables of sockets under `/proc/net`.
//!
//! The procfs crate parses those of TCP and UDP. That of unix sockets is parsed here: names in it are
//! raw bytes, may hold blanks, colons and newlines, and so may forge a line of the table.

use super::rows::{SocketRow, SocketTable};
use super::{Errno, Failure, Read};
use procfs::FromBufReadSI;
use procfs::net::{TcpNetEntries, UdpNetEntries};
use std::collections::HashMap;

/// Parses one table. EBADMSG says that the text is not one.
pub fn parse(table: SocketTable, text: &[u8]) -> Read<Vec<SocketRow>> {
    let system = procfs::current_system_info();
    let malformed = |_| Failure::new("read", Errno::EBADMSG);
    // The crate has two types of one form.
    macro_rules! inet {
        ($table:ty) => {
            <$table>::from_buf_read(text, system)
                .map_err(malformed)?
                .0
                .into_iter()
                .map(|entry| SocketRow::Inet {
                    ino: entry.inode,
                    local: entry.local_address,
                    remote: entry.remote_address,
                    state: entry.state.to_u8(),
                    recv_queue: entry.rx_queue,
                    send_queue: entry.tx_queue,
                })
                .collect()
        };
    }
    Ok(match table {
        SocketTable::Tcp | SocketTable::Tcp6 => inet!(TcpNetEntries),
        SocketTable::Udp | SocketTable::Udp6 => inet!(UdpNetEntries),
        SocketTable::Unix => parse_unix(text),
    })
}

/// Parses `/proc/net/unix` (proc_pid_net(5)).
pub fn parse_unix(text: &[u8]) -> Vec<SocketRow> {
    let mut rows: Vec<SocketRow> = Vec::new();
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|&b| b == b'\n').skip(1) {
        match unix_line(line) {
            Some(row) => {
                // Inode 0 is a connection that was not accepted yet; there may be many.
                if let SocketRow::Unix { ino, .. } = row
                    && ino != 0
                    && let Some(first) = seen.insert(ino, rows.len())
                {
                    mark_ambiguous(&mut rows[first]);
                    rows.push(row);
                    if let Some(last) = rows.last_mut() {
                        mark_ambiguous(last);
                    }
                    continue;
                }
                rows.push(row);
            }
            // Not a line of the table: the name above it goes on after a newline.
            None => {
                if let Some(SocketRow::Unix { path: Some(path), .. }) = rows.last_mut() {
                    path.push(b'\n');
                    path.extend_from_slice(line);
                }
            }
        }
    }
    rows
}

fn mark_ambiguous(row: &mut SocketRow) {
    if let SocketRow::Unix { ambiguous, path, .. } = row {
        *ambiguous = true;
        *path = None;
    }
}

/// __SO_ACCEPTCON of `include/uapi/linux/net.h`: listen(2) was called.
const ACCEPTCON: u32 = 1 << 16;

/// One line: `Num: RefCount Protocol Flags Type St Inode Path`, all but the inode in hexadecimal
/// (`net/unix/af_unix.c`, `unix_seq_show`).
fn unix_line(line: &[u8]) -> Option<SocketRow> {
    let mut rest = line;
    let mut field = || {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        rest = after;
        std::str::from_utf8(field).ok().filter(|field| !field.is_empty())
    };
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    let num = field()?;
    if !num.ends_with(':') || num.len() < 9 {
        return None;
    }
    hex(field()?)?;
    hex(field()?)?;
    let flags = hex(field()?)?;
    let kind = u16::try_from(hex(field()?)?).ok()?;
    let state = u8::try_from(hex(field()?)?).ok()?;
    let ino = field()?.parse().ok()?;
    // One blank stands before the name; any after it belong to the name.
    let path = rest.strip_prefix(b" ").filter(|path| !path.is_empty()).map(<[u8]>::to_vec);
    Some(SocketRow::Unix { ino, kind, state, listening: flags & ACCEPTCON != 0, path, ambiguous: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;
    use std::net::{IpAddr, SocketAddr};

    const HEADER: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";

    fn unix_text(ino: u64, path: &[u8]) -> Vec<u8> {
        let mut text = HEADER.as_bytes().to_vec();
        text.extend_from_slice(
            format!("0000000057900cb2: 00000003 00000000 00010000 0001 01 {ino:5}").as_bytes(),
        );
        if !path.is_empty() {
            text.push(b' ');
            text.extend_from_slice(path);
        }
        text.push(b'\n');
        text
    }

    fn inet_text(rows: &[(SocketAddr, SocketAddr, u8, u32, u32, u64)]) -> String {
        // The kernel prints each 32-bit word of an address in the machine's byte order.
        let address = |address: &SocketAddr| {
            let words: Vec<u32> = match address.ip() {
                IpAddr::V4(ip) => vec![u32::from_ne_bytes(ip.octets())],
                IpAddr::V6(ip) => ip
                    .octets()
                    .chunks_exact(4)
                    .map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
                    .collect(),
            };
            let words: String = words.iter().map(|word| format!("{word:08X}")).collect::<Vec<_>>().concat();
            format!("{words}:{:04X}", address.port())
        };
        let mut text = String::from("  sl  local_address rem_address   st\n");
        for (n, (local, remote, state, recv, send, ino)) in rows.iter().enumerate() {
            let _ = writeln!(
                text,
                "{n:4}: {} {} {state:02X} {send:08X}:{recv:08X} 00:00000000 00000000     0        0 {ino} 1 0 100 0 0 10 0",
                address(local),
                address(remote),
            );
        }
        text
    }

    fn any_address(v6: bool) -> impl Strategy<Value = SocketAddr> {
        (any::<[u8; 16]>(), any::<u16>()).prop_map(move |(bytes, port)| {
            let ip: IpAddr = if v6 { bytes.into() } else { [bytes[0], bytes[1], bytes[2], bytes[3]].into() };
            SocketAddr::new(ip, port)
        })
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for table in [SocketTable::Tcp, SocketTable::Udp6, SocketTable::Unix] {
                let _ = parse(table, &bytes);
            }
        }

        #[test]
        fn tcp_is_given_back(v6: bool, state in 1u8..=12, recv: u32, send: u32, ino: u64, seed in any_address(false), seed6 in any_address(true)) {
            let local = if v6 { seed6 } else { seed };
            let remote = SocketAddr::new(local.ip(), local.port().wrapping_add(1));
            let table = if v6 { SocketTable::Tcp6 } else { SocketTable::Tcp };
            let rows = parse(table, inet_text(&[(local, remote, state, recv, send, ino)]).as_bytes()).unwrap();
            prop_assert_eq!(rows, vec![SocketRow::Inet { ino, local, remote, state, recv_queue: recv, send_queue: send }]);
        }

        #[test]
        fn unix_names_are_carried(ino in 1u64.., name in "[ -~]{0,40}", tail in proptest::option::of("[a-z :]{0,9}")) {
            let mut path = name.into_bytes();
            if let Some(tail) = tail.filter(|_| !path.is_empty()) {
                path.push(b'\n');
                path.extend_from_slice(tail.as_bytes());
            }
            let rows = parse_unix(&unix_text(ino, &path));
            let expected = (!path.is_empty()).then_some(path);
            prop_assert_eq!(rows, vec![SocketRow::Unix { ino, kind: 1, state: 1, listening: true, path: expected, ambiguous: false }]);
        }
    }

    #[test]
    fn a_forged_line_makes_the_name_doubtful_and_not_false() {
        let mut text =
            unix_text(7, b"@x\n0000000000000000: 00000002 00000000 00000000 0001 03    8 /run/trusted");
        text.extend_from_slice(&unix_text(8, b"/run/real")[HEADER.len()..]);
        let rows = parse_unix(&text);
        for row in rows.iter().filter(|row| row.ino() == 8) {
            assert!(matches!(row, SocketRow::Unix { ambiguous: true, path: None, .. }), "{row:?}");
        }
        assert_eq!(rows.len(), 3);
    }
}
