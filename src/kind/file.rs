//! A regular file of a filesystem.

use super::{Clue, Description, FileType, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("file"),
    recognises: |clue| clue.file_type == Some(FileType::Regular) && clue.has_path(),
    describe: |_| Description::default(),
    protocols: &[],
    sample: Clue { link: Some(b"/etc/passwd"), file_type: Some(FileType::Regular), ..Clue::NONE },
};
