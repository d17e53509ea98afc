//! Unix domain sockets (unix(7)).

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("unix"),
    recognises: |clue| matches!(clue.protocol, Some("UNIX" | "UNIX-STREAM")),
    describe: |_| Description::default(),
    protocols: &[
        protocol("UNIX"),
        // Since Linux 5.15 stream sockets have a `struct proto` of their own.
        protocol("UNIX-STREAM"),
    ],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("UNIX-STREAM"),
        ..Clue::NONE
    },
};

const fn protocol(name: &'static str) -> Protocol {
    Protocol { name, family: "unix", kind: None, table: Some("unix"), state }
}

/// The names of `enum socket_state` in `include/uapi/linux/net.h`, without their SS_. A listening
/// socket is SS_UNCONNECTED with a flag.
fn state(number: u8, listening: bool) -> Option<&'static str> {
    match (number, listening) {
        (1, true) => Some("LISTEN"),
        (1, false) => Some("UNCONNECTED"),
        (2, _) => Some("CONNECTING"),
        (3, _) => Some("CONNECTED"),
        (4, _) => Some("DISCONNECTING"),
        _ => None,
    }
}
