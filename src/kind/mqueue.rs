//! A POSIX message queue (mq_overview(7)).

use super::{Clue, Description, FileType, Kind, file, pipe};
use crate::model::KindName;

const NAME: KindName = KindName(&"mqueue");

pub const KIND: Kind = Kind {
    name: NAME,
    recognises: |clue| clue.is_mqueue,
    describe: |clue| Description {
        facts: file::extent(clue),
        ends: pipe::end_of(NAME, clue),
        ..Description::default()
    },
    sample: Clue { link: Some(b"/jobs"), file_type: Some(FileType::Regular), is_mqueue: true, ..Clue::NONE },
    ..Kind::BASE
};
