//! An epoll instance: a list of files that are watched for events (epoll(7)).

use super::{Clue, Description, Kind};
use crate::model::{Inode, KindName, Means, Watch};

pub const KIND: Kind = Kind {
    name: KindName(&"eventpoll"),
    recognises: |clue| clue.link == Some(b"anon_inode:[eventpoll]"),
    describe: |clue| {
        let lines = clue.lines.iter().filter(|(name, _)| name == b"tfd");
        let watches = lines.filter_map(|(_, line)| watch(std::str::from_utf8(line).ok()?)).collect();
        Description { watches, ..Description::default() }
    },
    sample: Clue { link: Some(b"anon_inode:[eventpoll]"), ..Clue::NONE },
    ..Kind::BASE
};

/// One line, `3 events: 80000019 data: 3  pos:0 ino:5b sdev:6` (`fs/eventpoll.c`, `ep_show_fdinfo`): the
/// descriptor and the offset in decimal, all else in hexadecimal.
fn watch(line: &str) -> Option<Watch> {
    let (fd, rest) = line.split_once("events:")?;
    let (events, rest) = rest.split_once("data:")?;
    let (data, rest) = rest.split_once("pos:")?;
    let (pos, rest) = rest.split_once("ino:")?;
    let (ino, sdev) = rest.split_once("sdev:")?;
    let hex = |text: &str| u64::from_str_radix(text.trim(), 16).ok();
    let device = u32::try_from(hex(sdev)?).ok()?;
    Some(Watch {
        fd: fd.trim().parse().ok()?,
        events: u32::try_from(hex(events)?).ok()?,
        data: hex(data)?,
        pos: pos.trim().parse().ok()?,
        // The kernel's own form of a device number: 12 bits and 20 bits (`include/linux/kdev_t.h`).
        inode: Inode { dev: (device >> 20, device & 0xf_ffff), ino: hex(ino)? },
        means: Means::Unproven,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_taken_apart() {
        let line = "7 events: 8000001c data:     7f1f00000007  pos:-5 ino:3 sdev:80001a";
        let inode = Inode { dev: (8, 26), ino: 3 };
        let expected = Watch {
            fd: 7,
            events: 0x8000_001c,
            data: 0x7f1f_0000_0007,
            pos: -5,
            inode,
            means: Means::Unproven,
        };
        assert_eq!(watch(line), Some(expected));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,80}") {
            let _ = watch(&line);
        }
    }
}
