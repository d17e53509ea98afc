//! An anonymous inode, by the name that the kernel gives it: timerfd, signalfd and many more.

use super::{Clue, Description, FileType, Kind};
use crate::model::{Fact, Facts, KindName};

pub const KIND: Kind = Kind {
    name: KindName("anon"),
    recognises: |clue| clue.link_starts_with(b"anon_inode:") || clue.file_type == Some(FileType::Anonymous),
    describe: |clue| Description { facts: lines(clue), ..Description::default() },
    protocols: &[],
    sample: Clue { link: Some(b"anon_inode:[timerfd]"), file_type: Some(FileType::Anonymous), ..Clue::NONE },
};

/// The lines of fdinfo under their own names; a name that comes again, as `tfd` does for each watch
/// of an epoll instance, is a list.
fn lines(clue: &Clue<'_>) -> Facts {
    let mut facts = Facts::new();
    for (name, value) in clue.lines {
        let name = String::from_utf8_lossy(name).into_owned();
        let value = Fact::Text(value.clone());
        match facts.iter_mut().find(|(known, _)| *known == name) {
            None => facts.push((name, value)),
            Some((_, Fact::List(values))) => values.push(value),
            Some((_, first)) => *first = Fact::List(vec![first.clone(), value]),
        }
    }
    facts
}
