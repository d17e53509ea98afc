//! Expressions that judge an entry of a listing, such as `kind = pipe and access = w and not cloexec`.
//!
//! ```text
//! either     = both { "or" both }
//! both       = one { "and" one }
//! one        = "not" one | "(" either ")" | field [ operator literal ]
//! operator   = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//! ```
//!
//! - `=` is true when the value is the literal, of a list when one of its values is, and of what is open for
//!   both `r` and `w` when either is meant. `==` takes a word for itself alone: `access == rw`. `!=` is the
//!   opposite of `=`.
//! - `~` is true when the regular expression finds something in the value's bytes.
//! - A field alone is true when it is: a flag that is set, a number other than 0, a text or list that is not
//!   empty.
//! - What a file does not have fulfils no comparison, not even `!=`: `facts.state != LISTEN` is about sockets,
//!   `not facts.state = LISTEN` about everything else as well.
//! - What could not be read makes the whole unknown, unless the rest decides it (Kleene's logic). Whoever asks
//!   is told how often that was so.
//!
//! A literal is a word of letters, digits and `_./:@*[]%+,#^$-`, or any text in quotes: in double ones `\"` and
//! `\\` stand for `"` and `\`, in single ones everything stands for itself. A number may have a suffix k, m, g or t, for
//! powers of 1024, and be written in hexadecimal (0x) or octal (0o).

mod judge;
mod lexer;
mod parser;

use super::Value;
use regex::bytes::Regex;

/// An expression.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Expression,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, in characters from 0.
    pub position: usize,
    /// Why.
    pub kind: FaultKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A field, `not` or `(` belongs here.
    NoField,
    /// There is no field of this name.
    UnknownField(String),
    /// A literal belongs behind the operator.
    NoLiteral,
    /// A `)` belongs here.
    NoClosing,
    /// Something follows the expression: `and` or `or` is missing.
    Trailing,
    /// A `)` that closes nothing.
    NoOpening,
    /// A quote is not closed.
    OpenQuote,
    /// A character that begins nothing.
    Stray(char),
    /// A text that is no regular expression.
    Regex(String),
    /// A regular expression that would take more memory than it may.
    LargeRegex(String),
    /// The expression is nested more deeply than it may be.
    TooDeep,
}

/// A part of an expression.
#[derive(Debug, Clone)]
enum Expression {
    Either(Vec<Expression>),
    Both(Vec<Expression>),
    Not(Box<Expression>),
    One(Condition),
}

/// What an expression asks of one field.
#[derive(Debug, Clone)]
pub struct Condition {
    field: String,
    /// `None` asks whether the field is true by itself.
    comparison: Option<Comparison>,
}

/// What a field is compared with.
#[derive(Debug, Clone)]
enum Comparison {
    Equal(Literal),
    Exactly(Literal),
    Differs(Literal),
    Less(Literal),
    AtMost(Literal),
    Greater(Literal),
    AtLeast(Literal),
    Finds(Regex),
    FindsNot(Regex),
}

/// A text that may be a number, too.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    text: String,
    /// The whole number that it is.
    number: Option<i128>,
    /// The number that it is, whole or not.
    decimal: Option<f64>,
}

impl Filter {
    /// Reads an expression over the fields for which `is_field` says yes.
    pub fn parse(text: &str, is_field: &dyn Fn(&str) -> bool) -> Result<Self, Fault> {
        parser::parse(text, is_field).map(|root| Self { root })
    }

    /// The fields that it asks for, each once.
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        self.root.fields(&mut fields);
        fields
    }

    /// Whether it holds, by what `holds` says of each of its conditions that matters; `None` where that hangs on what
    /// could not be read.
    pub fn judge(&self, holds: &mut dyn FnMut(&Condition) -> Option<bool>) -> Option<bool> {
        self.root.judge(holds)
    }
}

impl Expression {
    fn fields<'a>(&'a self, fields: &mut Vec<&'a str>) {
        match self {
            Self::Either(parts) | Self::Both(parts) => parts.iter().for_each(|part| part.fields(fields)),
            Self::Not(part) => part.fields(fields),
            Self::One(Condition { field, .. }) => {
                if !fields.contains(&field.as_str()) {
                    fields.push(field);
                }
            }
        }
    }
}
