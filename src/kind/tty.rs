//! A terminal: a console, a serial line, either side of a pseudoterminal (tty(4), pty(7)).

use super::{Clue, Description, FileType, Kind, char};
use crate::model::{Access, Beyond, Channel, ChannelKey, Endpoint, Failure, KindName, Side};

const NAME: KindName = KindName(&"tty");

pub const KIND: Kind = Kind {
    name: NAME,
    recognises: |clue| clue.file_type == Some(FileType::Char) && clue.is_tty,
    describe: |clue| {
        let facts = char::device(clue);
        match end(clue) {
            Ok(end) => Description { facts, ends: end.into_iter().collect(), ..Description::default() },
            Err(failure) => {
                Description { facts, beyond: Some(Beyond::Unknown(failure)), ..Description::default() }
            }
        }
    },
    sample: Clue {
        link: Some(b"/dev/pts/3"),
        file_type: Some(FileType::Char),
        rdev: Some((136, 3)),
        is_tty: true,
        ..Clue::NONE
    },
    ..Kind::BASE
};

/// The device of all masters (ptmx(4)).
pub const MASTER: (u32, u32) = (5, 2);
/// The first and the last major number of slaves (UNIX98_PTY_SLAVE_MAJOR of `include/uapi/linux/major.h`).
/// Today's kernels use the first one alone, with minors of 20 bits.
const SLAVES: (u32, u32) = (136, 143);

/// The end of a pseudoterminal. Its index is unique within its instance of devpts alone, and each
/// container has an instance of its own.
fn end(clue: &Clue<'_>) -> Result<Option<Endpoint>, Failure> {
    let Some((major, minor)) = clue.rdev else { return Ok(None) };
    if clue.access == Some(Access::Path) {
        return Ok(None);
    }
    let (dev, number, side) = if (major, minor) == MASTER {
        let number = clue.number("tty-index").ok_or_else(|| Failure::no_line("tty-index"))?;
        (clue.devpts.cloned().ok_or_else(|| Failure::no_line("tty-index"))??, number, Side::One)
    } else if (SLAVES.0..=SLAVES.1).contains(&major) {
        let Some(inode) = clue.inode else { return Ok(None) };
        let number = u64::from(major - SLAVES.0) * 256 + u64::from(minor);
        (inode.dev, number, Side::Other)
    } else {
        return Ok(None);
    };
    let channel = Channel { medium: NAME, key: ChannelKey::Number { dev, number } };
    Ok(Some(Endpoint { channel, side }))
}
