//! A directory.

use super::{Clue, Description, FileType, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("dir"),
    recognises: |clue| clue.file_type == Some(FileType::Directory),
    describe: |_| Description::default(),
    protocols: &[],
    sample: Clue { link: Some(b"/etc"), file_type: Some(FileType::Directory), ..Clue::NONE },
};
