//! A symbolic link itself, which only O_PATH with O_NOFOLLOW gives a descriptor of (open(2)).

use super::{Clue, Description, FileType, Kind, file};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"symlink"),
    recognises: |clue| clue.file_type == Some(FileType::Symlink),
    describe: |clue| Description { facts: file::extent(clue), ..Description::default() },
    sample: Clue { link: Some(b"/etc/mtab"), file_type: Some(FileType::Symlink), ..Clue::NONE },
    ..Kind::BASE
};
