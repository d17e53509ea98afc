//! An anonymous inode, by the name that the kernel gives it: `kvm-vm`, `[fscontext]`,
//! `[landlock-ruleset]` and many more.

use super::{Clue, Description, FileType, Kind};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"anon"),
    recognises: |clue| clue.link_starts_with(b"anon_inode:") || clue.file_type == Some(FileType::Anonymous),
    describe: |clue| Description {
        facts: clue.facts(|_, value| Some(Fact::text(value))),
        ..Description::default()
    },
    sample: Clue { link: Some(b"anon_inode:kvm-vm"), file_type: Some(FileType::Anonymous), ..Clue::NONE },
    ..Kind::BASE
};
