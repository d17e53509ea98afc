//! IP packets themselves, over IPv4 and IPv6 (raw(7)).

use super::{Clue, Description, FileType, Kind, Protocol, udp};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"raw"),
    recognises: |clue| matches!(clue.protocol, Some("RAW" | "RAWv6")),
    describe: |_| Description::default(),
    protocols: &[protocol("RAW", "inet"), protocol("RAWv6", "inet6")],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("RAW"),
        ..Clue::NONE
    },
    ..Kind::BASE
};

const fn protocol(name: &'static str, family: &'static str) -> Protocol {
    Protocol { name, family, kind: Some("raw"), table: Some("raw"), state: udp::state }
}
