//! Paragraphs in lines, by display width and by the rules of both languages.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters that may not begin a line of Japanese text.
const NOT_FIRST: &str = "、。，．・：；？！）」』】〕〉》ー々っゃゅょッャュョ";

/// Breaks `text` into lines of at most `width` columns: at blanks, and between characters that are
/// two columns wide, but not before one that may not begin a line. A longer word stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let piece_width = piece.trim_end().width();
        if !line.is_empty() && line.width() + piece_width > width {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        line.push_str(&piece);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Splits text into what may not be broken.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut before = ' ';
    for char in text.chars() {
        let wide = |char: char| char.width() == Some(2);
        let opening = matches!(before, '（' | '「' | '『' | '【' | '〔' | '〈' | '《');
        let breaks = (before == ' ' && char != ' ')
            || ((wide(char) || wide(before)) && char != ' ' && !NOT_FIRST.contains(char) && !opening);
        match pieces.last_mut() {
            Some(last) if !breaks => last.push(char),
            _ => pieces.push(char.to_string()),
        }
        before = char;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_by_display_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("fd は番号です。次", 12), ["fd は番号で", "す。次"]);
        for line in wrap(&crate::view::lang::letters(crate::view::Lang::Ja), 40) {
            assert!(line.width() <= 42 && !line.starts_with('。'), "{line}");
        }
        assert_eq!(wrap("", 10), [""]);
    }
}
