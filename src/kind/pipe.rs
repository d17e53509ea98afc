//! A pipe, as pipe(2) makes it: it has no name and lives in the kernel's pipefs.

use super::{Clue, Description, FileType, Kind};
use crate::model::{Channel, ChannelKey, Endpoint, KindName, Side};

const NAME: KindName = KindName(&"pipe");

pub const KIND: Kind = Kind {
    name: NAME,
    // The link's text is not a path, and no path begins like it. A pipe that was opened again
    // through `/proc/PID/fd` keeps it.
    recognises: |clue| clue.file_type == Some(FileType::Fifo) && clue.link_starts_with(b"pipe:["),
    describe: |clue| Description { ends: end_of(NAME, clue), ..Description::default() },
    sample: Clue { link: Some(b"pipe:[4711]"), file_type: Some(FileType::Fifo), ..Clue::NONE },
    ..Kind::BASE
};

/// The end that a descriptor of a pipe, FIFO or queue is. One opened with O_PATH is none.
pub fn end_of(medium: KindName, clue: &Clue<'_>) -> Vec<Endpoint> {
    let (Some(access), Some(inode)) = (clue.access, clue.inode) else { return Vec::new() };
    let channel = Channel { medium, key: ChannelKey::File(inode) };
    let side = Side::from(access);
    if access.reads() || access.writes() { vec![Endpoint { channel, side }] } else { Vec::new() }
}
