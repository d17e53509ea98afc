//! What neither a link nor stat nor fdinfo tells, and the kernel has to be asked for by itself; and how what
//! it said becomes facts.

use super::Clue;
use crate::model::{Fact, Facts};
use std::collections::HashMap;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// The command of the process that the pidfd refers to, whose pid its fdinfo has.
    CommandOf(i32),
    /// The name that a program gave to what has this number.
    BpfName(BpfObject, u32),
    /// The file behind a loop device (loop(4)), or behind the one that a partition is of.
    BackingFile((u32, u32)),
    /// The path of a file that is known by its handle, as its process sees it.
    PathOf(FileHandle),
    /// Where a mount is, as its process sees it.
    MountPoint(u64),
    /// What kind of namespace it is.
    NamespaceType,
}

/// What bpf(2) numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BpfObject {
    /// A map.
    Map,
    /// A program.
    Prog,
}

/// A file by what open_by_handle_at(2) takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileHandle {
    /// The device of its filesystem, as the kernel has it for itself: of some filesystems stat(2) gives
    /// another.
    pub dev: (u32, u32),
    /// The number of its inode.
    pub ino: u64,
    /// What the filesystem calls this form of a handle.
    pub form: i32,
    /// The handle.
    pub bytes: Vec<u8>,
}

/// What was answered: a program may watch tens of thousands of directories.
pub type Answers = HashMap<Question, Vec<u8>>;

impl Clue<'_> {
    /// The answer to a question, where there is one.
    pub fn answer(&self, question: &Question) -> Option<&[u8]> {
        self.answers?.get(question).map(Vec::as_slice)
    }

    /// The lines of fdinfo under their own names, in order: each as `decode` has it by its name and value,
    /// or else a number where it is one and a text where it is none. A name that comes again is a list. The
    /// locks, which any file may have, are told by [`super::locks()`].
    pub fn facts(&self, decode: impl Fn(&str, &str) -> Option<Fact>) -> Facts {
        let mut facts = Facts::new();
        for (name, value) in self.lines.iter().filter(|(name, _)| name != b"lock") {
            let text = String::from_utf8_lossy(value);
            let name = String::from_utf8_lossy(name).into_owned();
            let value = decode(&name, &text).unwrap_or_else(|| plain(value));
            match facts.iter_mut().find(|(known, _)| *known == name) {
                None => facts.push((name.into(), value)),
                Some((_, Fact::List(values))) => values.push(value),
                Some((_, first)) => *first = Fact::List(vec![first.clone(), value]),
            }
        }
        facts
    }
}

/// A number where the text is one.
fn plain(value: &[u8]) -> Fact {
    let text = std::str::from_utf8(value).unwrap_or_default();
    // What begins with a zero or a sign is no plain number.
    let may_be = text.starts_with(|char: char| matches!(char, '1'..='9')) || text == "0";
    if let Some(number) = text.parse().ok().filter(|_| may_be) {
        return Fact::Number(number);
    }
    match text.strip_prefix('-').and_then(|_| text.parse().ok()) {
        Some(number) => Fact::Integer(number),
        None => Fact::Text(value.to_vec()),
    }
}

/// A list of names.
pub fn list(names: impl IntoIterator<Item = impl Into<String>>) -> Fact {
    Fact::List(names.into_iter().map(Fact::text).collect())
}

/// `key:value` pairs between blanks, as the lines of inotify and fanotify have them
/// (`fs/notify/fdinfo.c`).
pub struct Pairs<'a>(&'a str);

impl<'a> Pairs<'a> {
    /// Those of a line.
    pub fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// The value of a key.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.0.split_ascii_whitespace().find_map(|pair| pair.strip_prefix(key)?.strip_prefix(':'))
    }

    /// The value of a key that is a hexadecimal number; one of more bits is none.
    pub fn hex<T: TryFrom<u64>>(&self, key: &str) -> Option<T> {
        T::try_from(u64::from_str_radix(self.text(key)?, 16).ok()?).ok()
    }

    /// The device under `sdev`, in the kernel's own form: 12 bits and 20 bits (`include/linux/kdev_t.h`).
    pub fn device(&self) -> Option<(u32, u32)> {
        self.hex("sdev").map(|device: u32| (device >> 20, device & 0xf_ffff))
    }

    /// The file that the line is of, where it has its handle.
    pub fn handle(&self) -> Option<FileHandle> {
        let digits = self.text("f_handle")?;
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>()?;
        let length: usize = self.hex("fhandle-bytes")?;
        let form = self.hex("fhandle-type")?;
        let (dev, ino) = (self.device()?, self.hex("ino")?);
        (bytes.len() == length).then_some(FileHandle { dev, ino, form, bytes })
    }
}

/// What another process has named, within a line: in quotes where it could be taken for more than a name.
pub fn word(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let is_plain = |char: char| char.is_alphanumeric() || "/._-+:@%#~=".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) { text.into_owned() } else { quoted(name) }
}

/// What another process has named, in quotes.
pub fn quoted(name: &[u8]) -> String {
    format!("\"{}\"", String::from_utf8_lossy(name).replace('"', "\\\""))
}

/// The first of many, and how many more there are.
pub fn some(names: &[String]) -> String {
    const MOST: usize = 6;
    let mut shown: Vec<_> = names.iter().take(MOST).cloned().collect();
    if names.len() > MOST {
        shown.push(format!("+{}", names.len() - MOST));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_handle_has_as_many_bytes_as_it_says() {
        let line = "ino:3c4a7 sdev:fe00000 fhandle-bytes:8 fhandle-type:81 f_handle:a7c4030000000000";
        let handle = Pairs::of(line).handle().unwrap();
        assert_eq!((handle.dev, handle.ino, handle.form), ((254, 0), 0x3c4a7, 0x81));
        assert_eq!(handle.bytes, [0xa7, 0xc4, 3, 0, 0, 0, 0, 0]);
        assert_eq!(Pairs::of(&line.replace("bytes:8", "bytes:c")).handle(), None);
    }

    #[test]
    fn a_number_is_one_and_a_text_is_not() {
        assert_eq!(plain(b"0"), Fact::Number(0));
        assert_eq!(plain(b"-1"), Fact::Integer(-1));
        for text in ["", "00", "+1", "0x7", "-", "1 2", "99999999999999999999"] {
            assert_eq!(plain(text.as_bytes()), Fact::text(text));
        }
    }

    #[test]
    fn a_name_that_is_more_than_a_name_stands_in_quotes() {
        assert_eq!(word(b"tun0"), "tun0");
        assert_eq!(word(b"x) (deleted"), "\"x) (deleted\"");
        assert_eq!(word(b""), "\"\"");
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,80}", hex in "[0-9a-fé]{0,20}") {
            let _ = Pairs::of(&line).handle();
            let text = format!("ino:1 sdev:1 fhandle-bytes:8 fhandle-type:1 f_handle:{hex}");
            let _ = Pairs::of(&text).handle();
        }
    }
}
