//! UDP over IPv4 and IPv6 (udp(7)).

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::{KindName, Word};

pub const KIND: Kind = Kind {
    name: KindName(&"udp"),
    recognises: |clue| matches!(clue.protocol, Some("UDP" | "UDPv6")),
    describe: |_| Description::default(),
    protocols: &[protocol("UDP", "inet", "udp"), protocol("UDPv6", "inet6", "udp")],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("UDP"),
        ..Clue::NONE
    },
    ..Kind::BASE
};

/// A protocol of datagrams.
pub const fn protocol(name: &'static str, family: &'static str, table: &'static str) -> Protocol {
    Protocol { name, family, kind: Some("dgram"), table: Some(table), state }
}

/// Datagrams have no states of their own; the kernel borrows two of TCP's: connect(2) was called, or was
/// not.
pub fn state(number: u8) -> Option<Word> {
    match number {
        1 => Some(&"ESTABLISHED"),
        7 => Some(&"UNCONN"),
        _ => None,
    }
}
