//! What is wrong with an expression, and where it stands.

use super::lang::messages;
use super::{Lang, escape};
use crate::query::filter::{Fault, FaultKind};
use crate::query::{Field, nearest};
use unicode_width::UnicodeWidthStr as _;

messages! {
    /// A field is missing.
    no_field() {
        en: "a field, not or ( belongs here",
        ja: "ここには項目か not か ( が必要です",
    }
    /// A field that there is not.
    unknown_field(name: &str) {
        en: "there is no field called {name} (facts are called facts.NAME)",
        ja: "{name} という項目はありません（facts は facts.NAME と書きます）",
    }
    /// A field that there is not, and one whose name is nearly the same.
    unknown_field_near(name: &str, near: &str) {
        en: "there is no field called {name}; did you mean {near}?",
        ja: "{name} という項目はありません。{near} のことですか？",
    }
    /// A literal is missing.
    no_literal() {
        en: "a value belongs here, a word or a text in quotes",
        ja: "ここには値（語、または引用符で囲んだ文字列）が必要です",
    }
    /// A parenthesis is not closed.
    no_closing() {
        en: "a ) belongs here",
        ja: "ここには ) が必要です",
    }
    /// Something follows.
    trailing() {
        en: "and or or belongs before this",
        ja: "この前に and か or が必要です",
    }
    /// A parenthesis closes nothing.
    no_opening() {
        en: "this ) closes nothing",
        ja: "この ) に対応する ( がありません",
    }
    /// A quote is not closed.
    open_quote() {
        en: "this quote is not closed",
        ja: "この引用符が閉じていません",
    }
    /// A character that means nothing.
    stray(text: &str) {
        en: "{text} means nothing here; texts with such characters stand in quotes",
        ja: "{text} はここでは使えません。この文字を含む文字列は引用符で囲みます",
    }
    /// A regular expression that is none.
    filter_regex(text: &str) {
        en: "{text} is no regular expression",
        ja: "{text} は正規表現として読めません",
    }
    /// A regular expression that repeats too much.
    large_regex(text: &str) {
        en: "{text} is too large a regular expression",
        ja: "{text} は正規表現として大きすぎます",
    }
    /// Too many parentheses.
    too_deep() {
        en: "this is nested too deeply",
        ja: "入れ子が深すぎます",
    }
}

/// The fault in a sentence, with the expression below it and a mark at the place.
pub fn fault(lang: Lang, text: &str, fault: &Fault) -> String {
    let sentence = match &fault.kind {
        FaultKind::NoField => no_field(lang),
        FaultKind::UnknownField(name) => {
            let shown = escape::show(name.as_bytes());
            match nearest(name, Field::names()) {
                Some(near) => unknown_field_near(lang, &shown, near),
                None => unknown_field(lang, &shown),
            }
        }
        FaultKind::NoLiteral => no_literal(lang),
        FaultKind::NoClosing => no_closing(lang),
        FaultKind::Trailing => trailing(lang),
        FaultKind::NoOpening => no_opening(lang),
        FaultKind::OpenQuote => open_quote(lang),
        FaultKind::Stray(char) => stray(lang, &escape::show(char.to_string().as_bytes())),
        FaultKind::Regex(text) => filter_regex(lang, &escape::show(text.as_bytes())),
        FaultKind::LargeRegex(text) => large_regex(lang, &escape::show(text.as_bytes())),
        FaultKind::TooDeep => too_deep(lang),
    };
    let before: String = text.chars().take(fault.position).collect();
    let before = escape::show(before.as_bytes());
    format!("{sentence}\n  {}\n  {}^", escape::show(text.as_bytes()), " ".repeat(before.width()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::Filter;
    use proptest::prelude::*;

    fn shown(lang: Lang, text: &str) -> Option<String> {
        let wrong = Filter::parse(text, &|name| name == "name").err()?;
        Some(fault(lang, text, &wrong))
    }

    #[test]
    fn the_mark_stands_below_the_place() {
        let text = shown(Lang::En, "name = 'あ' and nmae = x").unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "  name = 'あ' and nmae = x");
        assert_eq!(lines[2].width() - 1, lines[1].find("nmae").map(|at| lines[1][..at].width()).unwrap());
        // What is escaped takes the room of its escape.
        let text = shown(Lang::En, "name = '\u{1b}' x").unwrap();
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), [r"  name = '\x1b' x", "                ^"]);
    }

    #[test]
    fn a_field_misspelt_is_told_with_the_one_that_was_meant() {
        let sentence = |lang, text| shown(lang, text).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(sentence(Lang::En, "nmae = x"), "there is no field called nmae; did you mean name?");
        assert_eq!(sentence(Lang::Ja, "nmae = x"), "nmae という項目はありません。name のことですか？");
        assert_eq!(
            sentence(Lang::En, "colour = x"),
            "there is no field called colour (facts are called facts.NAME)"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_wrong_three_lines_say_it(text in any::<String>(), tail in "[ ()a-z='\"~;]{0,8}") {
            for lang in [Lang::En, Lang::Ja] {
                let Some(shown) = shown(lang, &format!("name = '{text}' {tail}")) else { continue };
                prop_assert_eq!(shown.lines().count(), 3, "{}", shown);
                prop_assert!(!shown.contains(|char: char| char.is_control() && char != '\n'));
                prop_assert!(shown.ends_with('^'));
            }
        }
    }
}
