//! A pipeline's text: commands with their words, joined by `|`.
//!
//! Words may be quoted as in any shell. Everything that a shell would do more is refused with its
//! position, never taken for a plain word: a lab that wired `ls > f` differently from what it says
//! would teach something false.

use std::fmt;

/// A pipeline: at least one stage, each of at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// The stages' words.
    pub stages: Vec<Vec<String>>,
}

/// Why a text is not a pipeline that the lab can wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Where, in characters from 1.
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
    /// This character means something to a shell that the lab does not do.
    Special(char),
    /// NUL cannot be in an argument.
    Nul,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {:?}", self.position, self.fault)
    }
}

impl std::error::Error for Refusal {}

/// What a shell does not take as it is, outside quotes.
const SPECIAL: &str = ";&<>(){}$`*?[]!#~\n";
/// What a shell does not take as it is in double quotes.
const SPECIAL_IN_QUOTES: &str = "$`";

impl Pipeline {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser { chars: text.chars().collect(), at: 0 };
        let mut stages = vec![Vec::new()];
        loop {
            parser.skip_blanks();
            match parser.peek() {
                None => break,
                Some('|') => {
                    if stages.last().is_some_and(Vec::is_empty) {
                        return Err(parser.refuse(Fault::EmptyStage));
                    }
                    parser.at += 1;
                    // `||` and `|&` are other operators.
                    if let Some(next @ ('|' | '&')) = parser.peek() {
                        return Err(parser.refuse(Fault::Special(next)));
                    }
                    stages.push(Vec::new());
                }
                Some(_) => {
                    let start = parser.at;
                    let word = parser.word()?;
                    let Some(stage) = stages.last_mut() else { break };
                    // `NAME=value` before a command is an assignment and no word.
                    if stage.is_empty()
                        && let Some(equals) = assignment(&parser.chars[start..parser.at])
                    {
                        parser.at = start + equals;
                        return Err(parser.refuse(Fault::Special('=')));
                    }
                    stage.push(word);
                }
            }
        }
        if stages.last().is_some_and(Vec::is_empty) {
            return Err(parser.refuse(Fault::EmptyStage));
        }
        Ok(Self { stages })
    }
}

/// Where the `=` is in what a shell takes for an assignment.
fn assignment(word: &[char]) -> Option<usize> {
    let equals = word.iter().position(|&char| char == '=')?;
    let name = &word[..equals];
    let first = *name.first()?;
    let rest = name.iter().all(|&char| char == '_' || char.is_ascii_alphanumeric());
    ((first == '_' || first.is_ascii_alphabetic()) && rest).then_some(equals)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn refuse(&self, fault: Fault) -> Refusal {
        Refusal { position: self.at + 1, fault }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
    }

    /// A word, from its first character to the blank or `|` behind it.
    fn word(&mut self) -> Result<String, Refusal> {
        let mut word = String::new();
        while let Some(char) = self.peek() {
            match char {
                ' ' | '\t' | '|' => break,
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' => {
                    let Some(&next) = self.chars.get(self.at + 1) else {
                        return Err(self.refuse(Fault::LoneBackslash));
                    };
                    word.push(next);
                    self.at += 2;
                }
                '\0' => return Err(self.refuse(Fault::Nul)),
                char if self.is_special(char, &word) => return Err(self.refuse(Fault::Special(char))),
                char => {
                    word.push(char);
                    self.at += 1;
                }
            }
        }
        Ok(word)
    }

    /// `#` and `~` mean something only where a word begins.
    fn is_special(&self, char: char, word: &str) -> bool {
        let begins = word.is_empty() && (self.at == 0 || matches!(self.chars[self.at - 1], ' ' | '\t' | '|'));
        match char {
            '#' | '~' => begins,
            char => SPECIAL.contains(char),
        }
    }

    fn single_quoted(&mut self, word: &mut String) -> Result<(), Refusal> {
        let open = self.at;
        self.at += 1;
        while let Some(char) = self.peek() {
            self.at += 1;
            match char {
                '\'' => return Ok(()),
                char => word.push(char),
            }
        }
        self.at = open;
        Err(self.refuse(Fault::Unclosed('\'')))
    }

    fn double_quoted(&mut self, word: &mut String) -> Result<(), Refusal> {
        let open = self.at;
        self.at += 1;
        while let Some(char) = self.peek() {
            match char {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                // Within double quotes a backslash quotes only these (POSIX, 2.2.3).
                '\\' if matches!(self.chars.get(self.at + 1), Some('$' | '`' | '"' | '\\')) => {
                    word.push(self.chars[self.at + 1]);
                    self.at += 2;
                }
                char if SPECIAL_IN_QUOTES.contains(char) => return Err(self.refuse(Fault::Special(char))),
                char => {
                    word.push(char);
                    self.at += 1;
                }
            }
        }
        self.at = open;
        Err(self.refuse(Fault::Unclosed('"')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stages(text: &str) -> Vec<Vec<String>> {
        Pipeline::parse(text).unwrap().stages
    }

    #[test]
    fn words_are_those_of_a_shell() {
        assert_eq!(stages("ls | grep Cargo"), [vec!["ls"], vec!["grep", "Cargo"]]);
        assert_eq!(
            stages(r#"printf 'a b\n'|tr "a b" x\ y"#),
            [vec!["printf", r"a b\n"], vec!["tr", "a b", "x y"]]
        );
        assert_eq!(stages(r#"echo "\"\\\a" '' a'b'"c""#), [vec!["echo", r#""\\a"#, "", "abc"]]);
        assert_eq!(stages("echo a#b c~d x=y"), [vec!["echo", "a#b", "c~d", "x=y"]]);
        assert_eq!(stages("env A=1 ls"), [vec!["env", "A=1", "ls"]]);
    }

    #[test]
    fn what_is_not_understood_is_refused_where_it_stands() {
        for (text, position, fault) in [
            ("", 1, Fault::EmptyStage),
            ("ls | | wc", 6, Fault::EmptyStage),
            ("| wc", 1, Fault::EmptyStage),
            ("ls |", 5, Fault::EmptyStage),
            ("ls || wc", 5, Fault::Special('|')),
            ("ls |& wc", 5, Fault::Special('&')),
            ("ls > f", 4, Fault::Special('>')),
            ("echo $HOME", 6, Fault::Special('$')),
            ("echo \"$HOME\"", 7, Fault::Special('$')),
            ("ls *.rs", 4, Fault::Special('*')),
            ("ls; ls", 3, Fault::Special(';')),
            ("A=1 ls", 2, Fault::Special('=')),
            ("echo 'a", 6, Fault::Unclosed('\'')),
            ("echo \"a", 6, Fault::Unclosed('"')),
            ("echo a\\", 7, Fault::LoneBackslash),
            ("# ls", 1, Fault::Special('#')),
        ] {
            assert_eq!(Pipeline::parse(text), Err(Refusal { position, fault }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ -~日\n\t]{0,40}") {
            let _ = Pipeline::parse(&text);
        }

        #[test]
        fn quoted_words_come_back(words in proptest::collection::vec("[ -~日\n]{0,12}", 1..5)) {
            let quoted: Vec<_> = words.iter().map(|w| format!("'{}'", w.replace('\'', r"'\''"))).collect();
            prop_assert_eq!(stages(&quoted.join(" ")), [words]);
        }
    }
}
