//! A regular file of a filesystem.

use super::{Clue, Description, FileType, Kind};
use crate::model::{Fact, Facts, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"file"),
    recognises: |clue| clue.file_type == Some(FileType::Regular) && clue.has_path(),
    describe: |clue| Description { facts: extent(clue), ..Description::default() },
    sample: Clue { link: Some(b"/etc/passwd"), file_type: Some(FileType::Regular), ..Clue::NONE },
    ..Kind::BASE
};

/// What stat(2) tells of a file that has a length: in bytes, but for `nlink`, which counts its names, `mode`, its
/// permissions, and `mount`, the number of the mount that it was opened through.
pub fn extent(clue: &Clue<'_>) -> Facts {
    let Some(extent) = clue.extent else { return Facts::new() };
    let facts = [
        ("size", Some(Fact::Number(extent.size))),
        ("allocated", Some(Fact::Number(extent.allocated))),
        ("nlink", Some(Fact::Number(clue.nlink.into()))),
        ("mode", Some(Fact::text(format!("{:04o}", extent.mode)))),
        ("mount", clue.mount.map(Fact::Number)),
    ];
    facts.into_iter().filter_map(|(name, fact)| Some((name.into(), fact?))).collect()
}
