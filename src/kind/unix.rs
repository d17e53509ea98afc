//! Unix domain sockets (unix(7)).

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::{Fact, Facts, KindName, Word};

pub const KIND: Kind = Kind {
    name: KindName(&"unix"),
    recognises: |clue| matches!(clue.protocol, Some("UNIX" | "UNIX-STREAM")),
    describe: |clue| Description { facts: in_flight(clue), ..Description::default() },
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
    ..Kind::BASE
};

/// How many descriptors were sent to it and not yet received (SCM_RIGHTS of unix(7)): they are open, and
/// in nobody's table.
fn in_flight(clue: &Clue<'_>) -> Facts {
    clue.number("scm_fds").map(|count| ("scm_fds".into(), Fact::Number(count))).into_iter().collect()
}

const fn protocol(name: &'static str) -> Protocol {
    Protocol { name, family: "unix", kind: None, table: Some("unix"), state }
}

/// The names of `enum socket_state` in `include/uapi/linux/net.h`, without their SS_; LISTEN, which that
/// has not, for one that waits for others to connect.
fn state(number: u8) -> Option<Word> {
    match number {
        1 => Some(&"CONNECTED"),
        7 => Some(&"UNCONNECTED"),
        10 => Some(&"LISTEN"),
        _ => None,
    }
}
