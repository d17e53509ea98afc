//! A namespace, as `/proc/PID/ns` and what is mounted of it give one (namespaces(7), ioctl_ns(2)).

use super::{Clue, Description, FileType, Kind, Question};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"namespace"),
    // One that was opened where it is mounted, as ip-netns(8) does, has the path of that.
    recognises: |clue| {
        let may_be = matches!(clue.file_type, None | Some(FileType::Regular));
        may_be && (clue.on_nsfs || by_link(clue).is_some())
    },
    describe: |clue| {
        let asked = clue.answer(&Question::NamespaceType).and_then(|name| std::str::from_utf8(name).ok());
        let (told, ino) = (by_link(clue), clue.inode.map(|inode| inode.ino));
        let kind = told.or(asked).map(|kind| ("type".into(), Fact::text(kind)));
        let inode = ino.map(|ino| ("inode".into(), Fact::Number(ino)));
        let brief = match (told, asked, ino) {
            (None, Some(kind), Some(ino)) => Some(format!("{kind}:[{ino}]")),
            _ => None,
        };
        Description { facts: kind.into_iter().chain(inode).collect(), brief, ..Description::default() }
    },
    asks: |clue| if by_link(clue).is_none() { vec![Question::NamespaceType] } else { Vec::new() },
    sample: Clue { link: Some(b"net:[4026531840]"), file_type: Some(FileType::Regular), ..Clue::NONE },
    ..Kind::BASE
};

/// The types by the names that links have of them (`struct proc_ns_operations`).
const TYPES: [&str; 8] = ["net", "mnt", "uts", "ipc", "pid", "user", "cgroup", "time"];

/// The type that the link tells: it is no path.
fn by_link(clue: &Clue<'_>) -> Option<&'static str> {
    let (kind, number) = std::str::from_utf8(clue.link?).ok()?.strip_suffix(']')?.split_once(":[")?;
    number.parse::<u64>().ok()?;
    TYPES.into_iter().find(|&known| known == kind)
}

#[cfg(test)]
mod tests {
    use super::super::Answers;
    use super::*;
    use crate::model::Inode;

    #[test]
    fn one_that_is_mounted_has_a_path_and_is_asked_for_its_type() {
        let inode = Some(Inode { dev: (0, 4), ino: 7 });
        let clue = Clue { link: Some(b"/run/netns/x"), on_nsfs: true, inode, ..KIND.sample };
        assert!((KIND.recognises)(&clue));
        assert_eq!((KIND.asks)(&clue), [Question::NamespaceType]);
        let answers = Answers::from([(Question::NamespaceType, b"net".to_vec())]);
        let described = (KIND.describe)(&Clue { answers: Some(&answers), ..clue });
        assert_eq!(described.brief.as_deref(), Some("net:[7]"));
        assert_eq!(described.facts[0].1, Fact::text("net"));
    }
}
