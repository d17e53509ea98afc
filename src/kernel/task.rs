//! `/proc/PID/stat` and `/proc/PID/status`.
//!
//! Parsed here and not by the procfs crate, because a command's name may be any bytes: it is not
//! UTF-8 by any rule, and it may hold `)` and newlines.

use super::rows::{StatRow, StatusRow};

/// Parses the line.
pub fn parse_stat(line: &[u8]) -> Option<StatRow> {
    // The name is whatever stands between the first `(` and the last `)`: the fields after it are
    // numbers and one letter, so no later `)` is possible, while the name may hold any number.
    let open = line.iter().position(|&b| b == b'(')?;
    let close = line.iter().rposition(|&b| b == b')')?;
    let comm = line.get(open + 1..close)?.to_vec();
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    // Numbered as in the man page: what follows the name begins with field 3.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    Some(StatRow {
        comm,
        state: *field(3)?.as_bytes().first()?,
        ppid: field(4)?.parse().ok()?,
        pgrp: field(5)?.parse().ok()?,
        flags: field(9)?.parse().ok()?,
        threads: field(20)?.parse().ok()?,
        start_ticks: field(22)?.parse().ok()?,
    })
}

/// Parses what is wanted of `/proc/PID/status`.
pub fn parse_status(text: &[u8]) -> Option<StatusRow> {
    let value = |name: &[u8]| {
        text.split(|&b| b == b'\n')
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| std::str::from_utf8(rest).ok())
    };
    // real, effective, saved, filesystem
    let uid = value(b"Uid:\t")?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let ns_pids = value(b"NSpid:\t")
        .unwrap_or("")
        .split_ascii_whitespace()
        .map(|pid| pid.parse().ok())
        .collect::<Option<_>>()?;
    Some(StatusRow { uid, ns_pids })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stat_line(comm: &[u8], ppid: i32, flags: u64, start: u64) -> Vec<u8> {
        let mut line = b"4711 (".to_vec();
        line.extend_from_slice(comm);
        line.extend_from_slice(
            format!(") S {ppid} 1 1 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 1 0 {start} 9 9 9\n").as_bytes(),
        );
        line
    }

    proptest! {
        #[test]
        fn any_name_is_carried(comm in proptest::collection::vec(1u8.., 0..16), ppid in 0..i32::MAX, flags: u64, start: u64) {
            let row = parse_stat(&stat_line(&comm, ppid, flags, start)).unwrap();
            prop_assert_eq!(row, StatRow { comm, state: b'S', ppid, pgrp: 1, flags, threads: 1, start_ticks: start });
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_stat(&bytes);
            let _ = parse_status(&bytes);
        }
    }

    #[test]
    fn a_name_cannot_forge_a_field() {
        let row = parse_stat(&stat_line(b"x) Z 1 (y", 7, 0, 99)).unwrap();
        assert_eq!((row.state, row.ppid, row.start_ticks), (b'S', 7, 99));
        assert_eq!(row.comm, b"x) Z 1 (y");
    }

    #[test]
    fn the_effective_user_counts() {
        let text = b"Name:\ta\\nUid:\xff\nUid:\t1000\t0\t0\t0\nNSpid:\t4711\t1\n";
        assert_eq!(parse_status(text), Some(StatusRow { uid: 0, ns_pids: vec![4711, 1] }));
    }
}
