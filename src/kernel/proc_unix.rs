//! `/proc/net/unix` (proc_pid_net(5)).
//!
//! Names in it are raw bytes, may hold blanks, colons and newlines, and so may forge a line of the
//! table.

use super::proc_net::plain;
use super::socket_rows::{SocketDetail, SocketRow, UnixRow};
use std::collections::HashMap;

/// __SO_ACCEPTCON of `include/uapi/linux/net.h`: listen(2) was called.
const ACCEPTCON: u32 = 1 << 16;

/// Parses it.
pub fn parse(text: &[u8]) -> Vec<SocketRow> {
    let mut rows: Vec<(SocketRow, UnixRow)> = Vec::new();
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|&b| b == b'\n').skip(1) {
        if let Some((row, mut unix)) = line_row(line) {
            // Inode 0 is a connection that was not accepted yet; there may be many.
            if row.ino != 0
                && let Some(first) = seen.insert(row.ino, rows.len())
            {
                rows[first].1.ambiguous = true;
                unix.ambiguous = true;
            }
            rows.push((row, unix));
        } else if let Some(name) = rows.last_mut().and_then(|(_, unix)| unix.name.as_mut()) {
            // Not a line of the table: the name above it goes on after a newline.
            name.push(b'\n');
            name.extend_from_slice(line);
        }
    }
    let done = rows.into_iter().map(|(row, mut unix)| {
        if unix.ambiguous {
            unix.name = None;
        }
        SocketRow { detail: SocketDetail::Unix(unix), ..row }
    });
    done.collect()
}

/// One line: `Num: RefCount Protocol Flags Type St Inode Path`, all but the inode in hexadecimal
/// (`net/unix/af_unix.c`, `unix_seq_show`).
fn line_row(line: &[u8]) -> Option<(SocketRow, UnixRow)> {
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
    // The table has SS_* of `include/uapi/linux/net.h`, and no number for one that listens.
    let state = match hex(field()?)? {
        _ if flags & ACCEPTCON != 0 => Some(10),
        2 | 3 => Some(1),
        1 | 4 => Some(7),
        _ => None,
    };
    let ino = field()?.parse().ok()?;
    // One blank stands before the name; any after it belong to the name.
    let name = rest.strip_prefix(b" ").filter(|name| !name.is_empty()).map(|name| {
        let mut name = name.to_vec();
        // So the table shows the NUL that an abstract name begins with. It shows those within one in
        // the same way, which cannot be undone; and a path that was given relative to a folder may
        // truly begin with this, which is rare and cannot be told.
        if name[0] == b'@' {
            name[0] = 0;
        }
        name
    });
    let row = SocketRow { state, ..plain(libc::AF_UNIX, Some(kind), ino) };
    Some((row, UnixRow { name, ..UnixRow::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";

    fn unix_text(flags: u32, state: u8, ino: u64, name: &[u8]) -> Vec<u8> {
        let mut text = HEADER.as_bytes().to_vec();
        let line = format!("0000000057900cb2: 00000003 00000000 {flags:08X} 0001 {state:02X} {ino:5}");
        text.extend_from_slice(line.as_bytes());
        if !name.is_empty() {
            text.push(b' ');
            text.extend_from_slice(name);
        }
        text.push(b'\n');
        text
    }

    fn unix(row: &SocketRow) -> &UnixRow {
        let SocketDetail::Unix(unix) = &row.detail else { panic!("{row:?}") };
        unix
    }

    proptest! {
        #[test]
        fn names_are_carried(ino in 1u64.., name in "[ -~]{0,40}", tail in proptest::option::of("[a-z :]{0,9}")) {
            let mut name = name.into_bytes();
            if let Some(tail) = tail.filter(|_| !name.is_empty()) {
                name.push(b'\n');
                name.extend_from_slice(tail.as_bytes());
            }
            let rows = parse(&unix_text(ACCEPTCON, 1, ino, &name));
            if let Some(first) = name.first_mut().filter(|first| **first == b'@') {
                *first = 0;
            }
            let detail = UnixRow { name: (!name.is_empty()).then_some(name), ..UnixRow::default() };
            let expected = SocketRow { state: Some(10), detail: SocketDetail::Unix(detail), ..plain(1, Some(1), ino) };
            prop_assert_eq!(rows, vec![expected]);
        }
    }

    #[test]
    fn states_are_those_of_all_families() {
        for (state, expected) in [(1, 7), (2, 1), (3, 1), (4, 7)] {
            assert_eq!(parse(&unix_text(0, state, 5, b""))[0].state, Some(expected), "{state}");
        }
    }

    #[test]
    fn a_forged_line_makes_the_name_doubtful_and_not_false() {
        let forged = b"@x\n0000000000000000: 00000002 00000000 00000000 0001 03    8 /run/trusted";
        let mut text = unix_text(0, 1, 7, forged);
        text.extend_from_slice(&unix_text(0, 1, 8, b"/run/real")[HEADER.len()..]);
        let rows = parse(&text);
        assert_eq!(rows.len(), 3);
        for row in rows.iter().filter(|row| row.ino == 8) {
            assert!(unix(row).ambiguous && unix(row).name.is_none(), "{row:?}");
        }
    }

    #[test]
    fn what_follows_a_doubtful_line_is_no_part_of_its_name() {
        let mut text = unix_text(0, 1, 8, b"/a");
        text.extend_from_slice(&unix_text(0, 1, 8, b"/b\nc")[HEADER.len()..]);
        assert!(parse(&text).iter().all(|row| unix(row).name.is_none()));
    }
}
