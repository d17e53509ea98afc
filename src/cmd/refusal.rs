//! Why a pipeline's text was not understood, in words for a person, and what to do about it.

use crate::lab::{Fault, Refusal};
use crate::view::lang::{self, Lang};

/// One sentence, which names the position.
pub fn explain(Refusal { position, fault }: Refusal, language: Lang) -> String {
    let what = match fault {
        Fault::EmptyStage => lang::fault_empty(language),
        Fault::Unclosed(quote) => lang::fault_unclosed(language, quote),
        Fault::LoneBackslash => lang::fault_backslash(language),
        Fault::Special("\n") => lang::fault_special(language, "\\n"),
        Fault::Special(text) => lang::fault_special(language, text),
        Fault::NoTarget => lang::fault_no_target(language),
        Fault::NotANumber => lang::fault_not_a_number(language),
        Fault::NumberTooLarge => lang::fault_too_large(language, i32::MAX),
        Fault::Nul => lang::fault_nul(language),
    };
    lang::refused(language, position, &what)
}
