//! Watches of files and directories (inotify(7)).

use super::answers::{Pairs, list, some, word};
use super::{Clue, Description, Kind, Question};
use crate::model::{Fact, Facts, KindName, bit_names};

pub const KIND: Kind = Kind {
    name: KindName(&"inotify"),
    recognises: |clue| clue.is_anonymous("inotify"),
    describe: |clue| {
        let lines = lines(clue, "inotify");
        let watches: Vec<Fact> = lines.iter().map(|line| Fact::Group(watch(clue, line))).collect();
        let names: Vec<String> = lines.iter().filter_map(|line| name(clue, &Pairs::of(line))).collect();
        Description {
            facts: vec![("inotify".into(), Fact::List(watches))],
            brief: (!names.is_empty()).then(|| some(&names)),
            ..Description::default()
        }
    },
    asks: |clue| paths(clue, "inotify"),
    sample: Clue { link: Some(b"anon_inode:inotify"), ..Clue::NONE },
    ..Kind::BASE
};

/// The lines that begin with a word: `inotify wd:2 ino:3c4a7 sdev:fe00000 mask:fff ignored_mask:0
/// fhandle-bytes:8 fhandle-type:1 f_handle:a7c4030000000000` (`fs/notify/fdinfo.c`), without that word. The
/// first colon of a line parts its name from its value, here within the first pair.
pub fn lines(clue: &Clue<'_>, first: &str) -> Vec<String> {
    let pairs = clue.lines.iter().filter_map(|(name, value)| {
        let key = std::str::from_utf8(name).ok()?.strip_prefix(first)?.trim_start();
        Some(format!("{key}:{}", std::str::from_utf8(value).ok()?))
    });
    pairs.collect()
}

/// Asks for the paths of all that is watched.
pub fn paths(clue: &Clue<'_>, first: &str) -> Vec<Question> {
    lines(clue, first).iter().filter_map(|line| Pairs::of(line).handle()).map(Question::PathOf).collect()
}

/// The path of what a line is of, or else its number.
pub fn name(clue: &Clue<'_>, pairs: &Pairs<'_>) -> Option<String> {
    if let Some(path) = path(clue, pairs) {
        return Some(word(path));
    }
    let ((major, minor), ino) = (pairs.device()?, pairs.hex::<u64>("ino")?);
    Some(format!("ino {ino}@{major}:{minor}"))
}

fn path<'a>(clue: &'a Clue<'_>, pairs: &Pairs<'_>) -> Option<&'a [u8]> {
    clue.answer(&Question::PathOf(pairs.handle()?))
}

/// What an inode on a device is called: its number, the device, and where it could be found out its path.
pub fn place(clue: &Clue<'_>, pairs: &Pairs<'_>) -> Facts {
    let ino = pairs.hex("ino").map(|ino| ("ino", Fact::Number(ino)));
    let dev = pairs.device().map(|(major, minor)| ("dev", Fact::text(format!("{major}:{minor}"))));
    let path = path(clue, pairs).map(|path| ("path", Fact::Text(path.to_vec())));
    named([ino, dev, path])
}

/// Those of some facts that are there.
pub fn named<const N: usize>(facts: [Option<(&'static str, Fact)>; N]) -> Facts {
    facts.into_iter().flatten().map(|(name, fact)| (name.into(), fact)).collect()
}

fn watch(clue: &Clue<'_>, line: &str) -> Facts {
    let pairs = Pairs::of(line);
    let mut facts = named([pairs.hex("wd").map(|wd| ("wd", Fact::Number(wd)))]);
    facts.extend(place(clue, &pairs));
    let mask = pairs.hex("mask").map(|mask| ("mask", list(bit_names(mask, &EVENTS))));
    facts.extend(named([mask]));
    facts
}

/// By `include/uapi/linux/inotify.h`.
const EVENTS: [(u32, &str); 22] = [
    (1, "IN_ACCESS"),
    (1 << 1, "IN_MODIFY"),
    (1 << 2, "IN_ATTRIB"),
    (1 << 3, "IN_CLOSE_WRITE"),
    (1 << 4, "IN_CLOSE_NOWRITE"),
    (1 << 5, "IN_OPEN"),
    (1 << 6, "IN_MOVED_FROM"),
    (1 << 7, "IN_MOVED_TO"),
    (1 << 8, "IN_CREATE"),
    (1 << 9, "IN_DELETE"),
    (1 << 10, "IN_DELETE_SELF"),
    (1 << 11, "IN_MOVE_SELF"),
    (1 << 13, "IN_UNMOUNT"),
    (1 << 14, "IN_Q_OVERFLOW"),
    (1 << 15, "IN_IGNORED"),
    (1 << 24, "IN_ONLYDIR"),
    (1 << 25, "IN_DONT_FOLLOW"),
    (1 << 26, "IN_EXCL_UNLINK"),
    (1 << 28, "IN_MASK_CREATE"),
    (1 << 29, "IN_MASK_ADD"),
    (1 << 30, "IN_ISDIR"),
    (1 << 31, "IN_ONESHOT"),
];

#[cfg(test)]
mod tests {
    use super::super::{Answers, FileHandle};
    use super::*;

    #[test]
    fn a_watch_is_told_with_its_path() {
        let value =
            "a ino:3c4a7 sdev:80001a mask:500 ignored_mask:0 fhandle-bytes:2 fhandle-type:1 f_handle:a7c4";
        let lines = [(b"inotify wd".to_vec(), value.as_bytes().to_vec())];
        let clue = Clue { lines: &lines, ..KIND.sample };
        let handle = FileHandle { dev: (8, 26), ino: 0x3c4a7, form: 1, bytes: vec![0xa7, 0xc4] };
        let asked = (KIND.asks)(&clue);
        assert_eq!(asked, [Question::PathOf(handle)]);
        assert_eq!((KIND.describe)(&clue).brief.as_deref(), Some("ino 246951@8:26"));
        let answers = Answers::from([(asked[0].clone(), b"/tmp/a b".to_vec())]);
        let Description { facts, brief, .. } = (KIND.describe)(&Clue { answers: Some(&answers), ..clue });
        assert_eq!(brief.as_deref(), Some("\"/tmp/a b\""));
        let expected = Fact::Group(named([
            Some(("wd", Fact::Number(10))),
            Some(("ino", Fact::Number(0x3c4a7))),
            Some(("dev", Fact::text("8:26"))),
            Some(("path", Fact::text("/tmp/a b"))),
            Some(("mask", list(["IN_CREATE", "IN_DELETE_SELF"]))),
        ]));
        assert_eq!(facts, [("inotify".into(), Fact::List(vec![expected]))]);
    }
}
