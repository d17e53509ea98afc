//! A character device that is not a terminal (null(4), mem(4), …).

use super::answers::word;
use super::{Clue, Description, FileType, Kind};
use crate::model::{Fact, Facts, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"char"),
    recognises: |clue| clue.file_type == Some(FileType::Char),
    describe: |clue| {
        let mut facts = device(clue);
        // What a driver has to tell, such as `drm-driver`; without anything behind the name it tells nothing.
        let lines = clue.facts(|name, value| (name == "iff").then(|| Fact::text(value)));
        facts.extend(lines.into_iter().filter(|(_, fact)| *fact != Fact::text("")));
        let interface = interface(clue);
        Description { facts, brief: interface.map(|name| word(name.as_bytes())), ..Description::default() }
    },
    sample: Clue {
        link: Some(b"/dev/null"),
        file_type: Some(FileType::Char),
        rdev: Some((1, 3)),
        ..Clue::NONE
    },
    ..Kind::BASE
};

/// The device that a device file stands for, and the driver that it belongs to.
pub fn device(clue: &Clue<'_>) -> Facts {
    let device = clue.rdev.map(|(major, minor)| ("rdev", Fact::text(format!("{major}:{minor}"))));
    let driver = clue.driver.map(|driver| ("driver", Fact::text(driver)));
    device.into_iter().chain(driver).map(|(name, fact)| (name.into(), fact)).collect()
}

/// The device of all virtual interfaces, /dev/net/tun (`Documentation/networking/tuntap.rst`).
const TUN: (u32, u32) = (10, 200);

/// The network interface that a program has made through the descriptor.
fn interface<'a>(clue: &'a Clue<'_>) -> Option<&'a str> {
    clue.text("iff").filter(|name| clue.rdev == Some(TUN) && !name.is_empty())
}
