//! A block device.

use super::answers::word;
use super::{Clue, Description, FileType, Kind, Question, char};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"block"),
    recognises: |clue| clue.file_type == Some(FileType::Block),
    describe: |clue| {
        let mut facts = char::device(clue);
        let file = clue.rdev.and_then(|device| clue.answer(&Question::BackingFile(device)));
        facts.extend(file.map(|path| ("backing_file".into(), Fact::Text(path.to_vec()))));
        Description { facts, brief: file.map(word), ..Description::default() }
    },
    asks: |clue| {
        let may_be_loop = clue.rdev.filter(|(major, _)| [LOOP_MAJOR, BLOCK_EXT_MAJOR].contains(major));
        may_be_loop.map(Question::BackingFile).into_iter().collect()
    },
    sample: Clue { link: Some(b"/dev/sda"), file_type: Some(FileType::Block), ..Clue::NONE },
    ..Kind::BASE
};

/// By `include/uapi/linux/major.h`: of loop devices, and of partitions that their disk has no numbers for.
const LOOP_MAJOR: u32 = 7;
const BLOCK_EXT_MAJOR: u32 = 259;
