//! A socket of any other family or protocol (socket(2)), by the name that the kernel has for it.

use super::{Clue, Description, FileType, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("socket"),
    recognises: |clue| clue.file_type == Some(FileType::Socket),
    describe: |_| Description::default(),
    protocols: &[],
    sample: Clue {
        link: Some(b"socket:[4711]"),
        file_type: Some(FileType::Socket),
        protocol: Some("NETLINK"),
        ..Clue::NONE
    },
};
