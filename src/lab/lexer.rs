//! Cuts a pipeline's text into words and operators, as POSIX (2.3, 2.10.1) has it.
//!
//! A word keeps what decides its meaning later: whether a part of it was quoted. `2` is a number
//! before an operator and `'2'` is not; `A=1` is an assignment and `'A'=1` is not. What a shell would
//! act upon and the lab does not is refused here, where it stands.

use super::pipeline::{Fault, Mode, Refusal};

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A word, its quotes taken away.
    Word(Word),
    /// `|`
    Pipe,
    /// `|&`
    PipeBoth,
    /// An operator of redirection, with the number that stands directly before it.
    Redirect {
        /// The number.
        fd: Option<i32>,
        /// The operator.
        operator: Operator,
    },
}

/// A word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// What the command gets.
    pub text: String,
    /// No part of it was quoted.
    pub plain: bool,
    /// Where the `=` stands that makes it an assignment, where it is one.
    pub equals: Option<usize>,
}

/// An operator of redirection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`, `>`, `>|`, `>>`, `<>`
    Open(Mode),
    /// `<&`
    CopyInput,
    /// `>&`
    CopyOutput,
    /// `&>`, `&>>`
    Both(Mode),
    /// `<<<`
    HereString,
}

/// What a shell acts upon outside quotes and the lab does not: the longer ones first.
const SPECIAL: [&str; 17] =
    ["$(", "${", "$'", "$\"", "$", ";", "(", ")", "{", "}", "`", "*", "?", "[", "]", "!", "\n"];
/// The same, where a word begins.
const SPECIAL_FIRST: [&str; 2] = ["#", "~"];
/// The same, within double quotes.
const SPECIAL_IN_QUOTES: [&str; 4] = ["$(", "${", "$", "`"];

/// A text and how far it was cut. Positions are in characters from 0.
#[derive(Debug)]
pub struct Lexer {
    chars: Vec<char>,
    at: usize,
}

impl Lexer {
    /// Begins with `text`. No argument can hold a NUL, quoted or not.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let lexer = Self { chars: text.chars().collect(), at: 0 };
        match lexer.chars.iter().position(|&char| char == '\0') {
            Some(at) => Err(refuse(at, Fault::Nul)),
            None => Ok(lexer),
        }
    }

    /// The next piece and where it begins; at the end nothing, and where that is.
    pub fn next(&mut self) -> Result<(usize, Option<Token>), Refusal> {
        self.skip_blanks();
        let start = self.at;
        let token = match self.peek() {
            None => return Ok((start, None)),
            Some('|') => self.bars()?,
            Some('<' | '>' | '&') => Token::Redirect { fd: None, operator: self.operator()? },
            Some(_) => {
                let word = self.word()?;
                // Digits directly before the operator are its number; `&>` has none.
                let is_number = word.plain && word.text.bytes().all(|byte| byte.is_ascii_digit());
                if is_number && matches!(self.peek(), Some('<' | '>')) {
                    let fd = word.text.parse().map_err(|_| refuse(start, Fault::NumberTooLarge))?;
                    Token::Redirect { fd: Some(fd), operator: self.operator()? }
                } else {
                    Token::Word(word)
                }
            }
        };
        Ok((start, Some(token)))
    }

    /// The word behind `>&` or `<&` and where it begins. Its digits are no number of an operator that
    /// follows: `2>&1>f` is `2>&1 >f`.
    pub fn copied(&mut self) -> Result<(usize, Option<Word>), Refusal> {
        self.skip_blanks();
        let start = self.at;
        match self.peek() {
            None | Some('|' | '<' | '>' | '&') => Ok((start, None)),
            Some(_) => Ok((start, Some(self.word()?))),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        let rest = &self.chars[self.at..];
        text.chars().enumerate().all(|(index, char)| rest.get(index) == Some(&char))
    }

    fn first_of(&self, texts: &[&'static str]) -> Option<&'static str> {
        texts.iter().copied().find(|text| self.starts_with(text))
    }

    /// Takes the first of `texts` that stands here.
    fn take<T: Copy>(&mut self, texts: &[(&str, T)]) -> Option<T> {
        let (text, value) = texts.iter().find(|(text, _)| self.starts_with(text))?;
        self.at += text.len();
        Some(*value)
    }

    /// A backslash before the end of a line joins it to the next.
    fn at_joint(&self) -> bool {
        self.starts_with("\\\n")
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                _ if self.at_joint() => self.at += 2,
                _ => return,
            }
        }
    }

    fn bars(&mut self) -> Result<Token, Refusal> {
        if self.starts_with("||") {
            return Err(refuse(self.at, Fault::Special("||")));
        }
        let both = self.take(&[("|&", true), ("|", false)]);
        Ok(if both == Some(true) { Token::PipeBoth } else { Token::Pipe })
    }

    fn operator(&mut self) -> Result<Operator, Refusal> {
        use Operator::{Both, CopyInput, CopyOutput, HereString, Open};
        let known = self.take(&[
            ("<<<", HereString),
            ("<>", Open(Mode::ReadWrite)),
            ("<&", CopyInput),
            (">>", Open(Mode::Append)),
            (">|", Open(Mode::Write)),
            (">&", CopyOutput),
            ("&>>", Both(Mode::Append)),
            ("&>", Both(Mode::Write)),
        ]);
        if let Some(operator) = known {
            return Ok(operator);
        }
        if let Some(unknown) = self.first_of(&["<<", "<(", ">(", "&&", "&"]) {
            return Err(refuse(self.at, Fault::Special(unknown)));
        }
        let mode = if self.peek() == Some('<') { Mode::Read } else { Mode::Write };
        self.at += 1;
        Ok(Open(mode))
    }

    /// A word, from its first character to the blank or operator behind it.
    fn word(&mut self) -> Result<Word, Refusal> {
        if let Some(special) = self.first_of(&SPECIAL_FIRST) {
            return Err(refuse(self.at, Fault::Special(special)));
        }
        let mut word = Word { plain: true, ..Word::default() };
        while let Some(char) = self.peek() {
            match char {
                ' ' | '\t' | '|' | '<' | '>' | '&' => break,
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' if self.at_joint() => self.at += 2,
                '\\' => {
                    let next = self.chars.get(self.at + 1);
                    word.text.push(*next.ok_or(refuse(self.at, Fault::LoneBackslash))?);
                    word.plain = false;
                    self.at += 2;
                }
                char => {
                    if let Some(special) = self.first_of(&SPECIAL) {
                        return Err(refuse(self.at, Fault::Special(special)));
                    }
                    if char == '=' && word.plain && word.equals.is_none() && is_name(&word.text) {
                        word.equals = Some(self.at);
                    }
                    word.text.push(char);
                    self.at += 1;
                }
            }
        }
        Ok(word)
    }

    fn single_quoted(&mut self, word: &mut Word) -> Result<(), Refusal> {
        let open = self.at;
        self.at += 1;
        word.plain = false;
        while let Some(char) = self.peek() {
            self.at += 1;
            match char {
                '\'' => return Ok(()),
                char => word.text.push(char),
            }
        }
        Err(refuse(open, Fault::Unclosed('\'')))
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Refusal> {
        let open = self.at;
        self.at += 1;
        word.plain = false;
        while let Some(char) = self.peek() {
            match char {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' if self.at_joint() => self.at += 2,
                // Within double quotes a backslash quotes only these (POSIX, 2.2.3).
                '\\' if matches!(self.chars.get(self.at + 1), Some('$' | '`' | '"' | '\\')) => {
                    word.text.push(self.chars[self.at + 1]);
                    self.at += 2;
                }
                char => {
                    if let Some(special) = self.first_of(&SPECIAL_IN_QUOTES) {
                        return Err(refuse(self.at, Fault::Special(special)));
                    }
                    word.text.push(char);
                    self.at += 1;
                }
            }
        }
        Err(refuse(open, Fault::Unclosed('"')))
    }
}

/// Refuses what stands at `at`, in characters from 0; people count from 1.
pub fn refuse(at: usize, fault: Fault) -> Refusal {
    Refusal { position: at + 1, fault }
}

/// Whether `text` before a `=` makes it an assignment: a name, or a name and `+`.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('+').unwrap_or(text);
    let is_first = |char: char| char == '_' || char.is_ascii_alphabetic();
    name.starts_with(is_first) && name.chars().all(|char| char == '_' || char.is_ascii_alphanumeric())
}
