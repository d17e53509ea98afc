//! A counter of the processor's or the kernel's events (perf_event_open(2)). fdinfo tells nothing of it.

use super::{Clue, Description, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"perf_event"),
    recognises: |clue| clue.is_anonymous("perf_event"),
    describe: |clue| Description { facts: clue.facts(|_, _| None), ..Description::default() },
    sample: Clue { link: Some(b"anon_inode:[perf_event]"), ..Clue::NONE },
    ..Kind::BASE
};
