//! A counter that wakes whoever waits for it (eventfd(2)).

use super::{Clue, Description, Kind};
use crate::model::{Beyond, Channel, ChannelKey, Endpoint, Fact, Facts, Failure, KindName, Side};

const NAME: KindName = KindName(&"eventfd");

pub const KIND: Kind = Kind {
    name: NAME,
    recognises: |clue| clue.link == Some(b"anon_inode:[eventfd]"),
    describe: |clue| {
        let mut facts = Facts::with_capacity(3);
        // The kernel prints the count in hexadecimal and the others in decimal (`fs/eventfd.c`).
        let count = clue.text("eventfd-count").and_then(|count| u64::from_str_radix(count, 16).ok());
        facts.extend(count.map(|count| ("eventfd-count".into(), Fact::Number(count))));
        for key in ["eventfd-id", "eventfd-semaphore"] {
            facts.extend(clue.number(key).map(|number| (key.into(), Fact::Number(number))));
        }
        let end = clue.number("eventfd-id").map(|number| Endpoint {
            // All eventfds are one inode; the number is each one's own on the whole machine.
            channel: Channel { medium: NAME, key: ChannelKey::Number { dev: (0, 0), number } },
            side: clue.access.map_or(Side::Flow { reads: true, writes: true }, Side::from),
        });
        let beyond = end.is_none().then(|| Beyond::Unknown(Failure::no_line("eventfd-id")));
        Description { facts, ends: end.into_iter().collect(), beyond, ..Description::default() }
    },
    sample: Clue { link: Some(b"anon_inode:[eventfd]"), ..Clue::NONE },
    ..Kind::BASE
};
