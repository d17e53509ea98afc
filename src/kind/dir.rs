//! A directory.

use super::{Clue, Description, FileType, Kind, file};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"dir"),
    recognises: |clue| clue.file_type == Some(FileType::Directory),
    describe: |clue| Description { facts: file::extent(clue), ..Description::default() },
    sample: Clue { link: Some(b"/etc"), file_type: Some(FileType::Directory), ..Clue::NONE },
    ..Kind::BASE
};
