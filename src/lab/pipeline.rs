//! A pipeline's text: commands with their words and redirections, joined by `|` or `|&`.
//!
//! Words may be quoted and redirections are those of bash. Everything that a shell would do more is
//! refused with its position, never taken for a plain word: a lab that wired `ls 2>$log` differently
//! from what it says would teach something false.
//!
//! Redirections keep their order, because they are done in it: `2>&1 >f` is not `>f 2>&1`. `&>f` is
//! `>f 2>&1`, and `|&` is a `2>&1` behind all others of its stage.

use std::fmt;

/// A pipeline: at least one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// The stages, in order.
    pub stages: Vec<Stage>,
}

/// A command and its redirections; one of the two may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// The command and its arguments.
    pub words: Vec<String>,
    /// In the order in which they are done.
    pub redirections: Vec<Redirection>,
}

impl Stage {
    /// What a stage without a command is called: that of a shell that does nothing.
    pub const NOTHING: &str = ":";

    /// The command's name for people.
    pub fn command(&self) -> &str {
        self.words.first().map_or(Self::NOTHING, String::as_str)
    }

    /// Whether it has neither.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.redirections.is_empty()
    }
}

/// What is done to one number before the command starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// The number.
    pub fd: i32,
    /// What it becomes.
    pub action: Action,
}

/// What a number becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `<`, `>`, `>|`, `>>`, `<>`: a file, newly opened.
    Open {
        /// The file.
        path: String,
        /// How.
        mode: Mode,
    },
    /// `n>&m`, `n<&m`: what another number is at this moment.
    Copy {
        /// The other number.
        from: i32,
    },
    /// `n>&-`, `n<&-`: free.
    Close,
    /// `<<<`: something to read this from, a newline behind it.
    HereString {
        /// The word.
        text: String,
    },
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `<`: to read.
    Read,
    /// `>`, `>|`: to write, created or emptied first.
    Write,
    /// `>>`: to write at its end, created if it is missing.
    Append,
    /// `<>`: to read and write, created if it is missing.
    ReadWrite,
}

/// Why a text is not a pipeline that the lab can wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Where, in characters from 1; one behind the last where something is missing.
    pub position: usize,
    /// What is there.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A command is missing.
    EmptyStage,
    /// A quote is not closed.
    Unclosed(char),
    /// A backslash is the last character.
    LoneBackslash,
    /// This means something to a shell that the lab does not do.
    Special(&'static str),
    /// A redirection lacks what it redirects to.
    NoTarget,
    /// Behind `>&` or `<&` stands neither a number nor `-`.
    NotANumber,
    /// A number of a descriptor does not fit into an int.
    NumberTooLarge,
    /// NUL cannot be in an argument.
    Nul,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {:?}", self.position, self.fault)
    }
}

impl std::error::Error for Refusal {}
