//! Colour, with restraint: a few tones by what they mean.

use anstyle::{AnsiColor, Style};

/// What a piece of text is, as far as its colour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As the terminal has it.
    Plain,
    /// The name of a process, a heading.
    Strong,
    /// Of less weight.
    Faint,
    /// An end of a channel and what is at the other side.
    Wire,
    /// What could not be read, or went wrong.
    Warning,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Wire => AnsiColor::Cyan.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default(),
        }
    }

    /// Gives `text` this tone, where there is colour.
    pub fn paint(self, text: &str, color: bool) -> String {
        if !color || self == Self::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}
