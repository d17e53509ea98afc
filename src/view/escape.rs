//! Names of other processes, made safe for a terminal.
//!
//! A file's name, a command's and its arguments may hold any byte but NUL. Raw, they could move the
//! cursor, set the title, forge lines or turn the direction of the text around. Escaped, they are
//! printable, and two different names never look alike: a backslash is doubled.

use std::fmt::Write as _;

/// Shows `bytes` on one line: printable characters as they are, others escaped.
pub fn show(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    // As most are.
    if bytes.iter().all(|&byte| (b' '..=b'~').contains(&byte) && byte != b'\\') {
        text.extend(bytes.iter().map(|&byte| char::from(byte)));
        return text;
    }
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            push(&mut text, char);
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn push(text: &mut String, char: char) {
    match char {
        '\\' => text.push_str("\\\\"),
        '\n' => text.push_str("\\n"),
        '\t' => text.push_str("\\t"),
        '\r' => text.push_str("\\r"),
        char if char.is_ascii_control() => {
            let _ = write!(text, "\\x{:02x}", u32::from(char));
        }
        char if is_invisible(char) => {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(char));
        }
        char => text.push(char),
    }
}

/// C1 controls; what turns the direction of the text, breaks lines or is not seen at all.
pub(super) fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Shows a name that stands beside words of this program: one that could be taken for them, or has
/// blanks at its ends, stands in quotes.
pub fn name(bytes: &[u8]) -> String {
    let text = show(bytes);
    let doubtful = text.is_empty()
        || text.contains(" (")
        || text.starts_with(' ')
        || text.ends_with(' ')
        || text.starts_with('"');
    if doubtful { format!("\"{}\"", text.replace('"', "\\\"")) } else { text }
}

/// Shows an argument so that the ends of each are seen: in quotes where it is empty or holds what a
/// shell would take for more than a word.
pub fn word(bytes: &[u8]) -> String {
    let text = show(bytes);
    let plain = |char: char| char.is_alphanumeric() || "_-+=./,:@%^\\".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_seen_and_not_obeyed() {
        assert_eq!(show(b"a\x1b[31mb\n\xff\\"), "a\\x1b[31mb\\n\\xff\\\\");
        assert_eq!(show("日本語.txt".as_bytes()), "日本語.txt");
        assert_eq!(show("a\u{202e}txt.exe".as_bytes()), "a\\u{202e}txt.exe");
        assert_eq!(show("\u{9b}31m".as_bytes()), "\\u{9b}31m");
    }

    #[test]
    fn words_of_the_program_cannot_be_forged() {
        assert_eq!(name(b"/tmp/x (deleted)"), "\"/tmp/x (deleted)\"");
        assert_eq!(name(b"/tmp/x"), "/tmp/x");
    }

    proptest! {
        #[test]
        fn nothing_unprintable_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(show(&bytes).chars().all(|char| !char.is_control() && !is_invisible(char)));
        }

        #[test]
        fn different_names_look_different(a in proptest::collection::vec(any::<u8>(), 0..6), b in proptest::collection::vec(any::<u8>(), 0..6)) {
            prop_assert_eq!(show(&a) == show(&b), a == b);
        }
    }
}
