//! A character device that is not a terminal (null(4), mem(4), …).

use super::{Clue, Description, FileType, Kind};
use crate::model::{Fact, Facts, KindName};

pub const KIND: Kind = Kind {
    name: KindName("char"),
    recognises: |clue| clue.file_type == Some(FileType::Char),
    describe: |clue| Description { facts: device(clue), ..Description::default() },
    protocols: &[],
    sample: Clue {
        link: Some(b"/dev/null"),
        file_type: Some(FileType::Char),
        rdev: Some((1, 3)),
        ..Clue::NONE
    },
};

/// The device that a device file stands for.
pub fn device(clue: &Clue<'_>) -> Facts {
    clue.rdev
        .map(|(major, minor)| ("rdev".to_owned(), Fact::text(format!("{major}:{minor}"))))
        .into_iter()
        .collect()
}
