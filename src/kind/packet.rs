//! What comes and goes at a network interface (packet(7)).

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"packet"),
    recognises: |clue| clue.protocol == Some("PACKET"),
    describe: |_| Description::default(),
    protocols: &[Protocol {
        name: "PACKET",
        family: "packet",
        kind: None,
        table: Some("packet"),
        state: |_| None,
    }],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("PACKET"),
        ..Clue::NONE
    },
    ..Kind::BASE
};
