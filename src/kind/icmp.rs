//! ICMP echo over IPv4 and IPv6, for which no privilege is needed (icmp(7), `net.ipv4.ping_group_range`).

use super::{Clue, Description, FileType, Kind, udp};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"icmp"),
    recognises: |clue| matches!(clue.protocol, Some("PING" | "PINGv6")),
    describe: |_| Description::default(),
    protocols: &[udp::protocol("PING", "inet", "icmp"), udp::protocol("PINGv6", "inet6", "icmp")],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("PING"),
        ..Clue::NONE
    },
    ..Kind::BASE
};
