//! From characters to words.

use super::{Fault, FaultKind};

/// A word, and where it begins, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub position: usize,
    pub kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    And,
    Or,
    Not,
    Open,
    Close,
    Operator(&'static str),
    /// A word without quotes.
    Word(String),
    /// A text that was in quotes.
    Quoted(String),
}

/// The longer ones first.
const OPERATORS: [&str; 9] = ["==", "!=", "!~", "<=", ">=", "=", "<", ">", "~"];

fn is_of_word(char: char) -> bool {
    char.is_alphanumeric() || "_./:@*[]%+,#^$-".contains(char)
}

/// Splits a text into its words.
pub fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        if char.is_whitespace() {
            at += 1;
            continue;
        }
        let (kind, length) = token(&chars[at..]).map_err(|kind| Fault { position: at, kind })?;
        tokens.push(Token { position: at, kind });
        at += length;
    }
    Ok(tokens)
}

/// The word at the beginning, and its length in characters.
fn token(chars: &[char]) -> Result<(TokenKind, usize), FaultKind> {
    let starts_with =
        |text: &str| text.chars().enumerate().all(|(index, char)| chars.get(index) == Some(&char));
    for (text, kind) in
        [("&&", TokenKind::And), ("||", TokenKind::Or), ("(", TokenKind::Open), (")", TokenKind::Close)]
    {
        if starts_with(text) {
            return Ok((kind, text.len()));
        }
    }
    if let Some(operator) = OPERATORS.into_iter().find(|operator| starts_with(operator)) {
        return Ok((TokenKind::Operator(operator), operator.len()));
    }
    match chars.first() {
        Some('!') => Ok((TokenKind::Not, 1)),
        Some(&quote @ ('"' | '\'')) => quoted(chars, quote),
        Some(&char) if is_of_word(char) => {
            let word: String = chars.iter().take_while(|char| is_of_word(**char)).collect();
            let length = word.chars().count();
            let kind = match word.as_str() {
                "and" => TokenKind::And,
                "or" => TokenKind::Or,
                "not" => TokenKind::Not,
                _ => TokenKind::Word(word),
            };
            Ok((kind, length))
        }
        Some(&char) => Err(FaultKind::Stray(char)),
        None => Err(FaultKind::NoField),
    }
}

fn quoted(chars: &[char], quote: char) -> Result<(TokenKind, usize), FaultKind> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        match (chars.get(at), chars.get(at + 1)) {
            (None, _) => return Err(FaultKind::OpenQuote),
            (Some(&char), _) if char == quote => return Ok((TokenKind::Quoted(text), at + 1)),
            // Any other backslash stands for itself: it is a regular expression's.
            (Some('\\'), Some(&char @ ('"' | '\\'))) if quote == '"' => {
                text.push(char);
                at += 2;
            }
            (Some(&char), _) => {
                text.push(char);
                at += 1;
            }
        }
    }
}
