//! A block device.

use super::{Clue, Description, FileType, Kind, char};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("block"),
    recognises: |clue| clue.file_type == Some(FileType::Block),
    describe: |clue| Description { facts: char::device(clue), ..Description::default() },
    protocols: &[],
    sample: Clue { link: Some(b"/dev/sda"), file_type: Some(FileType::Block), ..Clue::NONE },
};
