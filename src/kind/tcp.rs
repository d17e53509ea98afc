//! TCP over IPv4 and IPv6 (tcp(7)). MPTCP is TCP to the program that uses it.

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("tcp"),
    recognises: |clue| matches!(clue.protocol, Some("TCP" | "TCPv6" | "MPTCP" | "MPTCPv6")),
    describe: |_| Description::default(),
    protocols: &[
        protocol("TCP", "inet", Some("tcp")),
        protocol("TCPv6", "inet6", Some("tcp6")),
        protocol("MPTCP", "inet", None),
        protocol("MPTCPv6", "inet6", None),
    ],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("TCPv6"),
        ..Clue::NONE
    },
};

const fn protocol(name: &'static str, family: &'static str, table: Option<&'static str>) -> Protocol {
    Protocol { name, family, kind: Some("stream"), table, state }
}

/// The names of `include/net/tcp_states.h`, without their TCP_.
fn state(number: u8, _listening: bool) -> Option<&'static str> {
    Some(match number {
        1 => "ESTABLISHED",
        2 => "SYN_SENT",
        3 | 12 => "SYN_RECV",
        4 => "FIN_WAIT1",
        5 => "FIN_WAIT2",
        6 => "TIME_WAIT",
        7 => "CLOSE",
        8 => "CLOSE_WAIT",
        9 => "LAST_ACK",
        10 => "LISTEN",
        11 => "CLOSING",
        _ => return None,
    })
}
