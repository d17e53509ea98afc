//! Names as lsof makes them safe to print, which is not how the other views do it: scripts undo this form.

use super::escape::is_invisible;
use std::fmt::Write as _;

/// `bytes` with its control characters as `\n`, `^[` and the like, a doubled backslash, and what is not ASCII as
/// `\xNN`. In a locale of UTF-8 other characters stand as they are, but for those that would turn the direction
/// of the text or are not seen, which lsof lets through.
pub fn escaped(bytes: &[u8], utf8: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            push(&mut text, char, utf8);
        }
        hexadecimal(&mut text, chunk.invalid());
    }
    text
}

fn push(text: &mut String, char: char, utf8: bool) {
    match char {
        '\\' => text.push_str("\\\\"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\0'..'\u{20}' => {
            let _ = write!(text, "^{}", char::from(b'@' + char as u8));
        }
        ' '..='~' => text.push(char),
        _ if utf8 && !is_invisible(char) => text.push(char),
        _ => hexadecimal(text, char.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn hexadecimal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// What the C library says of an error (strerror(3)); of one that these calls do not have, its name.
pub fn reason(error: &str) -> &str {
    match error {
        "EACCES" => "Permission denied",
        "EPERM" => "Operation not permitted",
        "ENOENT" => "No such file or directory",
        "ESRCH" => "No such process",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_is_what_lsof_prints() {
        let name = b"tab\t nl\n cr\r bs\x08 ff\x0c vt\x0b esc\x1b del\x7f a\\b";
        assert_eq!(escaped(name, true), r"tab\t nl\n cr\r bs\b ff\f vt^K esc^[ del\x7f a\\b");
        assert_eq!(escaped("日.txt".as_bytes(), false), r"\xe6\x97\xa5.txt");
        assert_eq!(escaped("日.txt".as_bytes(), true), "日.txt");
        assert_eq!(escaped(b"raw\xff\xc3", true), r"raw\xff\xc3");
        assert_eq!(escaped("c1\u{9b}".as_bytes(), true), r"c1\xc2\x9b");
        assert_eq!(escaped("\u{202e}".as_bytes(), true), r"\xe2\x80\xae");
    }

    proptest! {
        #[test]
        fn nothing_unprintable_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..60), utf8: bool) {
            let text = escaped(&bytes, utf8);
            prop_assert!(text.chars().all(|char| !char.is_control() && !is_invisible(char)));
            prop_assert!(utf8 || text.is_ascii());
        }
    }
}
