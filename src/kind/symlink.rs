//! A symbolic link itself, which only O_PATH with O_NOFOLLOW gives a descriptor of (open(2)).

use super::{Clue, Description, FileType, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("symlink"),
    recognises: |clue| clue.file_type == Some(FileType::Symlink),
    describe: |_| Description::default(),
    protocols: &[],
    sample: Clue { link: Some(b"/etc/mtab"), file_type: Some(FileType::Symlink), ..Clue::NONE },
};
