//! A pipe, as pipe(2) makes it: it has no name and lives in the kernel's pipefs.

use super::{Clue, Description, FileType, Kind};
use crate::model::{Channel, Endpoint, KindName, Sides};

const NAME: KindName = KindName("pipe");

pub const KIND: Kind = Kind {
    name: NAME,
    // The link's text is not a path, and no path begins like it. A pipe that was opened again
    // through `/proc/PID/fd` keeps it.
    recognises: |clue| clue.file_type == Some(FileType::Fifo) && clue.link_starts_with(b"pipe:["),
    describe: |clue| Description { endpoint: end_of(NAME, clue), ..Description::default() },
    protocols: &[],
    sample: Clue { link: Some(b"pipe:[4711]"), file_type: Some(FileType::Fifo), ..Clue::NONE },
};

/// The end that a descriptor of a pipe or FIFO is. One opened with O_PATH is none.
pub fn end_of(medium: KindName, clue: &Clue<'_>) -> Option<Endpoint> {
    let sides = Sides::from(clue.access?);
    let channel = Channel { medium, inode: clue.inode? };
    (sides.reads || sides.writes).then_some(Endpoint { channel, sides })
}
