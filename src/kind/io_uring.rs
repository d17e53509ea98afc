//! Calls that are queued and answered in rings of shared memory (io_uring(7)).

use super::{Clue, Description, Kind};
use crate::model::{Fact, Facts, KindName};
use std::borrow::Cow;

pub const KIND: Kind = Kind {
    name: KindName(&"io_uring"),
    recognises: |clue| clue.is_anonymous("io_uring"),
    describe: |clue| {
        let mut facts = Facts::new();
        let mut section = "";
        for (name, value) in clue.lines.iter().filter(|(name, _)| name != b"lock") {
            let (Ok(name), value) = (std::str::from_utf8(name), &value[..]) else { continue };
            // What belongs to a line with a name follows under numbers.
            let Ok(index) = name.parse() else {
                section = name;
                facts.extend(line(name, value));
                facts.extend(entries(name, value));
                continue;
            };
            let Some((list, item)) = numbered(section, value) else { continue };
            let mut item = item;
            item.insert(0, ("index".into(), Fact::Number(index)));
            match facts.iter_mut().find(|(name, _)| name == list) {
                Some((_, Fact::List(items))) => items.push(Fact::Group(item)),
                _ => facts.push((list.into(), Fact::List(vec![Fact::Group(item)]))),
            }
        }
        Description { facts, brief: brief(clue), ..Description::default() }
    },
    sample: Clue { link: Some(b"anon_inode:[io_uring]"), ..Clue::NONE },
    ..Kind::BASE
};

/// A line with a name (`io_uring/fdinfo.c`): a number, in decimal or with `0x`, or a word. -1 is what the kernel
/// says of a thread that is not there or that it could not look at.
fn line(name: &str, value: &[u8]) -> Option<(Cow<'static, str>, Fact)> {
    let text = std::str::from_utf8(value).ok()?;
    let fact = match number(text) {
        Some(number) => Fact::Number(number),
        None if text.is_empty() || text == "-1" => return None,
        None => Fact::text(text),
    };
    // What waits for it in lists without names is told in lines that are of no such form.
    (!name.contains(['=', ' '])).then(|| (name.to_owned().into(), fact))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The length of a ring, which its mask tells: it is a power of two.
fn entries(name: &str, value: &[u8]) -> Option<(Cow<'static, str>, Fact)> {
    let ring = name.strip_suffix("Mask")?;
    let mask = number(std::str::from_utf8(value).ok()?)?;
    Some((format!("{ring}Entries").into(), Fact::Number(mask.checked_add(1)?)))
}

/// What the lines under numbers tell: of the files that the program has registered, which by their names here
/// as the kernel writes them, and of its buffers, where they are. A number without any is `<none>`.
fn numbered(section: &str, value: &[u8]) -> Option<(&'static str, Facts)> {
    let named = |name: &'static str, fact| (name.into(), fact);
    match section {
        _ if value == b"<none>" => None,
        "UserFiles" => Some(("files", vec![named("name", Fact::Text(unescaped(value)))])),
        "UserBufs" => {
            let (address, length) = std::str::from_utf8(value).ok()?.split_once('/')?;
            let length = Fact::Number(length.parse().ok()?);
            Some(("buffers", vec![named("address", Fact::text(address)), named("length", length)]))
        }
        _ => None,
    }
}

/// Blanks and backslashes in a path are `\040` and the like (`fs/seq_file.c`, `mangle_path`).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let octal =
            tail.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    bytes
}

/// How many entries wait in each ring, and how many fit: `sq 0/8, cq 2/16, files 3`.
fn brief(clue: &Clue<'_>) -> Option<String> {
    let ring = |ring: &str| {
        let line = |what: &str| number(clue.text(&format!("{ring}{what}"))?);
        // The counters run over, at 32 bits.
        let waiting = line("Tail")?.wrapping_sub(line("Head")?) & 0xffff_ffff;
        Some(format!("{} {waiting}/{}", ring.to_lowercase(), line("Mask")?.checked_add(1)?))
    };
    let mut words = vec![ring("Sq")?, ring("Cq")?];
    let count = |name: &str| clue.number(name).filter(|&count| count > 0);
    words.extend(count("UserFiles").map(|count| format!("files {count}")));
    words.extend(count("UserBufs").map(|count| format!("buffers {count}")));
    Some(words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let parts = text.lines().filter_map(|line| line.split_once(':'));
        parts.map(|(name, value)| (name.trim().into(), value.trim().into())).collect()
    }

    #[test]
    fn rings_files_and_buffers_are_told() {
        let text = "SqMask:\t0x7\nSqHead:\t4294967295\nSqTail:\t1\nCqMask:\t0xf\nCqHead:\t0\nCqTail:\t0\n\
            SQEs:\t2\n    0: opcode:NOP, fd:-1\nSqThread:\t-1\nUserFiles:\t3\n    0: /dev/null\n    1: <none>\n\
            \x20   2: /tmp/a\\040b\nUserBufs:\t1\n    0: 0x7f16b3c6a000/8192\nPollList:\nNAPI:\tdisabled\n";
        let lines = lines(text);
        let Description { facts, brief, .. } = (KIND.describe)(&Clue { lines: &lines, ..KIND.sample });
        assert_eq!(brief.as_deref(), Some("sq 2/8, cq 0/16, files 3, buffers 1"));
        let fact = |name: &str| Fact::named(&facts, name).cloned();
        assert_eq!(fact("SqEntries"), Some(Fact::Number(8)));
        assert_eq!(fact("SqThread"), None);
        assert_eq!(fact("PollList"), None);
        assert_eq!(fact("NAPI"), Some(Fact::text("disabled")));
        let file = |index, name: &str| {
            Fact::Group(vec![("index".into(), Fact::Number(index)), ("name".into(), Fact::text(name))])
        };
        assert_eq!(fact("files"), Some(Fact::List(vec![file(0, "/dev/null"), file(2, "/tmp/a b")])));
        assert!(matches!(fact("buffers"), Some(Fact::List(buffers)) if buffers.len() == 1));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(name in "[A-Za-z0-9]{0,9}", value in "\\PC{0,40}") {
            let lines = [("UserFiles".into(), "1".into()), (name.into_bytes(), value.clone().into_bytes())];
            let _ = (KIND.describe)(&Clue { lines: &lines, ..KIND.sample });
            let _ = unescaped(value.as_bytes());
        }
    }
}
