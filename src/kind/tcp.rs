//! TCP over IPv4 and IPv6 (tcp(7)). MPTCP is TCP to the program that uses it.

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::{KindName, Word};

pub const KIND: Kind = Kind {
    name: KindName(&"tcp"),
    recognises: |clue| matches!(clue.protocol, Some("TCP" | "TCPv6" | "MPTCP" | "MPTCPv6")),
    describe: |_| Description::default(),
    protocols: &[
        protocol("TCP", "inet"),
        protocol("TCPv6", "inet6"),
        // The first of its subflows is in the table of TCP, under the inode of the whole.
        protocol("MPTCP", "inet"),
        protocol("MPTCPv6", "inet6"),
    ],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("TCPv6"),
        ..Clue::NONE
    },
    ..Kind::BASE
};

const fn protocol(name: &'static str, family: &'static str) -> Protocol {
    Protocol { name, family, kind: Some("stream"), table: Some("tcp"), state }
}

/// The names of `include/net/tcp_states.h`, without their TCP_.
fn state(number: u8) -> Option<Word> {
    Some(match number {
        1 => &"ESTABLISHED",
        2 => &"SYN_SENT",
        3 | 12 => &"SYN_RECV",
        4 => &"FIN_WAIT1",
        5 => &"FIN_WAIT2",
        6 => &"TIME_WAIT",
        // 13 is the word of sock_diag for one that is bound and does nothing yet.
        7 | 13 => &"CLOSE",
        8 => &"CLOSE_WAIT",
        9 => &"LAST_ACK",
        10 => &"LISTEN",
        11 => &"CLOSING",
        _ => return None,
    })
}
