//! A FIFO: a pipe that has a name in a filesystem (fifo(7)).

use super::{Clue, Description, FileType, Kind, pipe};
use crate::model::KindName;

const NAME: KindName = KindName(&"fifo");

pub const KIND: Kind = Kind {
    name: NAME,
    recognises: |clue| clue.file_type == Some(FileType::Fifo),
    describe: |clue| Description { ends: pipe::end_of(NAME, clue), ..Description::default() },
    sample: Clue { link: Some(b"/run/initctl"), file_type: Some(FileType::Fifo), ..Clue::NONE },
    ..Kind::BASE
};
