//! Between a virtual machine and its host (vsock(7)).

use super::{Clue, Description, FileType, Kind, Protocol};
use crate::model::{KindName, Word};

pub const KIND: Kind = Kind {
    name: KindName(&"vsock"),
    recognises: |clue| clue.protocol == Some("AF_VSOCK"),
    describe: |_| Description::default(),
    protocols: &[Protocol { name: "AF_VSOCK", family: "vsock", kind: None, table: Some("vsock"), state }],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("AF_VSOCK"),
        ..Clue::NONE
    },
    ..Kind::BASE
};

/// The kernel's vsock borrows TCP's states (`net/vmw_vsock/af_vsock.c`).
fn state(number: u8) -> Option<Word> {
    Some(match number {
        1 => &"ESTABLISHED",
        2 => &"SYN_SENT",
        7 => &"CLOSE",
        10 => &"LISTEN",
        11 => &"CLOSING",
        _ => return None,
    })
}
