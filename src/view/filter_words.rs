//! What is wrong with an expression, and where it stands.

use super::lang::messages;
use super::{Lang, escape};
use crate::query::filter::{Fault, FaultKind};
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
        FaultKind::UnknownField(name) => unknown_field(lang, &escape::show(name.as_bytes())),
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

    #[test]
    fn the_mark_stands_below_the_place() {
        let fault = |text: &str| {
            let wrong = crate::query::filter::Filter::parse(text, &|name| name == "name").unwrap_err();
            super::fault(Lang::En, text, &wrong)
        };
        let shown = fault("name = 'あ' and nmae = x");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], "  name = 'あ' and nmae = x");
        assert_eq!(lines[2].width() - 1, lines[1].find("nmae").map(|at| lines[1][..at].width()).unwrap());
        assert!(!fault("name = x \u{1b}[31m").contains('\u{1b}'));
    }
}
