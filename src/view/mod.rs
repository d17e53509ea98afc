//! From answers to bytes, into whatever the caller writes to.
//!
//! Nothing here asks the kernel for anything or decides what is true. Names come from other processes
//! and are hostile: what is shown to a person goes through [`escape`], and JSON carries the bytes.

mod cells;
mod choice_words;
mod columns;
pub mod connections;
mod csv;
mod echo_words;
pub mod escape;
pub mod exchange;
mod exchange_words;
mod figure;
pub mod filter_words;
mod inheritance;
mod inspect;
mod json;
mod json_facts;
mod json_gaps;
mod json_lab;
pub mod lab;
pub mod lang;
mod lines;
mod lsof;
mod lsof_names;
mod lsof_sockets;
pub mod moments;
mod narration;
pub mod notes;
mod paint;
mod redirections;
mod rounds;
mod table;
mod tree;
mod who;
mod wrap;

pub use csv::csv;
pub use figure::figure;
pub use inspect::{Layout, inspect};
pub use json::{document, lines as json_lines};
pub use json_lab::{LabDocument, MomentRecord, lab_document};
pub use lang::Lang;
pub use lsof::lsof;
pub use paint::Tone;
pub use rounds::{round, round_lines};
pub use tree::tree;
pub use who::{Found, Holding, KernelHolding, pids, who, who_document, who_lines};

/// How to render for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The language of narration and notes.
    pub lang: Lang,
    /// Whether to colour.
    pub color: bool,
    /// Whether only ASCII may be used for lines and arrows.
    pub ascii: bool,
    /// The terminal's width in columns; `None` where the output is not a terminal, so that there is
    /// one line for each descriptor, never cut.
    pub width: Option<u16>,
}

impl Style {
    /// `unicode`, or `ascii` where only that may be used.
    pub fn glyph(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { unicode }
    }
}
