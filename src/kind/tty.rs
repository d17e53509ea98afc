//! A terminal: a console, a serial line, either side of a pseudoterminal (tty(4), pty(7)).

use super::{Clue, Description, FileType, Kind, char};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName("tty"),
    recognises: |clue| clue.file_type == Some(FileType::Char) && clue.is_tty,
    describe: |clue| Description { facts: char::device(clue), ..Description::default() },
    protocols: &[],
    sample: Clue {
        link: Some(b"/dev/pts/3"),
        file_type: Some(FileType::Char),
        rdev: Some((136, 3)),
        is_tty: true,
        ..Clue::NONE
    },
};
