//! UDP-Lite over IPv4 and IPv6 (udplite(7)).

use super::{Clue, Description, FileType, Kind, udp};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"udplite"),
    recognises: |clue| matches!(clue.protocol, Some("UDP-Lite" | "UDPLITEv6")),
    describe: |_| Description::default(),
    protocols: &[
        udp::protocol("UDP-Lite", "inet", "udplite"),
        udp::protocol("UDPLITEv6", "inet6", "udplite"),
    ],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("UDP-Lite"),
        ..Clue::NONE
    },
    ..Kind::BASE
};
