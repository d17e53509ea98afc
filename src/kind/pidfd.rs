//! A process that is named by a descriptor (pidfd_open(2)).

use super::answers::word;
use super::{Clue, Description, Kind, Question};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"pidfd"),
    // Since Linux 6.9 each process has an inode of its own in pidfs; some kernels have told it by another
    // link since.
    recognises: |clue| clue.is_anonymous("pidfd") || clue.link_starts_with(b"pidfd:["),
    describe: |clue| {
        let mut facts = clue.facts(|name, value| match name {
            // One for each pid namespace from the reader's down to the process's own.
            "NSpid" => Some(Fact::List(value.split_ascii_whitespace().map(integer).collect())),
            _ => None,
        });
        let command = target(clue).and_then(|pid| clue.answer(&Question::CommandOf(pid)));
        facts.extend(command.map(|command| ("command".into(), Fact::Text(command.to_vec()))));
        let brief = match (clue.text("Pid"), command) {
            (Some("-1"), _) => Some("reaped".to_owned()),
            (Some(pid), Some(command)) => Some(format!("{}[{pid}]", word(command))),
            (Some(pid), None) => Some(format!("pid {pid}")),
            (None, _) => None,
        };
        Description { facts, brief, ..Description::default() }
    },
    asks: |clue| target(clue).map(Question::CommandOf).into_iter().collect(),
    sample: Clue { link: Some(b"anon_inode:[pidfd]"), ..Clue::NONE },
    ..Kind::BASE
};

/// The process, where it has a pid here: that of one of another pid namespace is 0, and that of one that
/// was waited for is -1 (`kernel/fork.c`, `pidfd_show_fdinfo`).
fn target(clue: &Clue<'_>) -> Option<i32> {
    clue.text("Pid")?.parse().ok().filter(|&pid| pid > 0)
}

fn integer(text: &str) -> Fact {
    text.parse().map_or_else(|_| Fact::text(text), Fact::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_reaped_has_no_number() {
        let line = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let lines = [line("Pid", "-1"), line("NSpid", "-1")];
        let clue = Clue { lines: &lines, ..KIND.sample };
        assert_eq!((KIND.asks)(&clue), []);
        let Description { facts, brief, .. } = (KIND.describe)(&clue);
        assert_eq!(brief.as_deref(), Some("reaped"));
        assert_eq!(facts[0], ("Pid".into(), Fact::Integer(-1)));
        let lines = [line("Pid", "4711"), line("NSpid", "4711\t1")];
        let clue = Clue { lines: &lines, ..KIND.sample };
        assert_eq!((KIND.asks)(&clue), [Question::CommandOf(4711)]);
        let numbers = Fact::List(vec![Fact::Integer(4711), Fact::Integer(1)]);
        assert_eq!((KIND.describe)(&clue).facts[1].1, numbers);
    }
}
