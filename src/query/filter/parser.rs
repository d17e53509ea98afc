//! From words to an expression.

use super::lexer::{Token, TokenKind, tokens};
use super::{Comparison, Condition, Expression, Fault, FaultKind, Literal};
use regex::bytes::Regex;

/// How deeply expressions may be nested: more than anybody writes, and less than the stack has room for.
const DEEPEST: usize = 100;

/// Reads an expression.
pub fn parse(text: &str, is_field: &dyn Fn(&str) -> bool) -> Result<Expression, Fault> {
    let end = text.chars().count();
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), end, is_field, depth: 0 };
    let root = parser.either()?;
    match parser.tokens.next() {
        None => Ok(root),
        Some(Token { position, kind: TokenKind::Close }) => {
            Err(Fault { position, kind: FaultKind::NoOpening })
        }
        Some(Token { position, .. }) => Err(Fault { position, kind: FaultKind::Trailing }),
    }
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// Where the text ends.
    end: usize,
    is_field: &'a dyn Fn(&str) -> bool,
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, kind: &TokenKind) -> bool {
        self.tokens.next_if(|token| token.kind == *kind).is_some()
    }

    fn fault<T>(&mut self, kind: FaultKind) -> Result<T, Fault> {
        let position = self.tokens.peek().map_or(self.end, |token| token.position);
        Err(Fault { position, kind })
    }

    fn either(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.both()?];
        while self.take(&TokenKind::Or) {
            parts.push(self.both()?);
        }
        Ok(one_or(parts, Expression::Either))
    }

    fn both(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.one()?];
        while self.take(&TokenKind::And) {
            parts.push(self.one()?);
        }
        Ok(one_or(parts, Expression::Both))
    }

    fn one(&mut self) -> Result<Expression, Fault> {
        if self.depth == DEEPEST {
            return self.fault(FaultKind::TooDeep);
        }
        self.depth += 1;
        let expression = self.inner();
        self.depth -= 1;
        expression
    }

    fn inner(&mut self) -> Result<Expression, Fault> {
        if self.take(&TokenKind::Not) {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.take(&TokenKind::Open) {
            let expression = self.either()?;
            return if self.take(&TokenKind::Close) {
                Ok(expression)
            } else {
                self.fault(FaultKind::NoClosing)
            };
        }
        let Some(Token { position, kind: TokenKind::Word(name) }) =
            self.tokens.next_if(|token| matches!(token.kind, TokenKind::Word(_)))
        else {
            return self.fault(FaultKind::NoField);
        };
        if !(self.is_field)(&name) {
            return Err(Fault { position, kind: FaultKind::UnknownField(name) });
        }
        let operator = self.tokens.next_if(|token| matches!(token.kind, TokenKind::Operator(_)));
        let Some(Token { kind: TokenKind::Operator(operator), .. }) = operator else {
            return Ok(Expression::One(Condition { field: name, comparison: None }));
        };
        let comparison = Some(self.comparison(operator)?);
        Ok(Expression::One(Condition { field: name, comparison }))
    }

    fn comparison(&mut self, operator: &str) -> Result<Comparison, Fault> {
        let literal =
            self.tokens.next_if(|token| matches!(token.kind, TokenKind::Word(_) | TokenKind::Quoted(_)));
        let Some(Token { position, kind: TokenKind::Word(text) | TokenKind::Quoted(text) }) = literal else {
            return self.fault(FaultKind::NoLiteral);
        };
        let regex = |text: &str| {
            Regex::new(text).map_err(|error| {
                let kind = match error {
                    regex::Error::CompiledTooBig(_) => FaultKind::LargeRegex(text.to_owned()),
                    _ => FaultKind::Regex(text.to_owned()),
                };
                Fault { position, kind }
            })
        };
        Ok(match operator {
            "~" => Comparison::Finds(regex(&text)?),
            "!~" => Comparison::FindsNot(regex(&text)?),
            "==" => Comparison::Exactly(literal_of(text)),
            "!=" => Comparison::Differs(literal_of(text)),
            "<" => Comparison::Less(literal_of(text)),
            "<=" => Comparison::AtMost(literal_of(text)),
            ">" => Comparison::Greater(literal_of(text)),
            ">=" => Comparison::AtLeast(literal_of(text)),
            _ => Comparison::Equal(literal_of(text)),
        })
    }
}

fn one_or(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}

fn literal_of(text: String) -> Literal {
    let number = whole(&text);
    #[expect(clippy::cast_precision_loss, reason = "it is compared with a length of time")]
    let decimal = number
        .map(|number| number as f64)
        .or_else(|| text.parse().ok())
        // Words such as `inf` and `-nan` are none.
        .filter(|decimal: &f64| decimal.is_finite());
    Literal { text, number, decimal }
}

/// A whole number, with its suffix or in another base.
fn whole(text: &str) -> Option<i128> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i128::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i128::from_str_radix(digits, 8).ok();
    }
    let (digits, factor) = match text.char_indices().last()? {
        (end, 'k' | 'K') => (&text[..end], 1 << 10),
        (end, 'm' | 'M') => (&text[..end], 1 << 20),
        (end, 'g' | 'G') => (&text[..end], 1 << 30),
        (end, 't' | 'T') => (&text[..end], 1 << 40),
        _ => (text, 1),
    };
    digits.parse::<i128>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIELDS: [&str; 4] = ["kind", "name", "cloexec", "facts.state"];

    fn shape(text: &str) -> Result<String, Fault> {
        parse(text, &|name| FIELDS.contains(&name)).map(|root| draw(&root))
    }

    /// An expression without positions and compiled regular expressions, to be written and read again.
    #[derive(Debug, Clone, PartialEq)]
    enum Tree {
        Either(Vec<Tree>),
        Both(Vec<Tree>),
        Not(Box<Tree>),
        Holds(String),
        Compares(String, &'static str, String),
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let field = || prop::sample::select(&FIELDS[..]).prop_map(str::to_owned);
        let operator = prop::sample::select(&["=", "==", "!=", "<", "<=", ">", ">=", "~", "!~"][..]);
        let literal = prop_oneof!["[a-z0-9_./:@*]{1,6}", "[ -~あ\n]{0,6}"];
        let leaf = prop_oneof![
            field().prop_map(Tree::Holds),
            (field(), operator, literal).prop_map(|(field, operator, literal)| {
                // What is looked for is any text, so as a regular expression it is escaped.
                let literal = if operator.ends_with('~') { regex::escape(&literal) } else { literal };
                Tree::Compares(field, operator, literal)
            }),
        ];
        leaf.prop_recursive(5, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::Either),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::Both),
                inner.prop_map(|part| Tree::Not(Box::new(part))),
            ]
        })
    }

    /// Writes a tree with the parentheses that it needs and no others, which are around what binds less than
    /// what it stands in. `words` are those for `and`, `or` and `not`.
    fn write(tree: &Tree, words: [&str; 3]) -> String {
        let [and, or, not] = words;
        let join = |parts: &[Tree], word: &str, in_parentheses: fn(&Tree) -> bool| {
            let parts = parts.iter().map(|part| match write(part, words) {
                text if in_parentheses(part) => format!("({text})"),
                text => text,
            });
            parts.collect::<Vec<_>>().join(&format!(" {word} "))
        };
        let is_joined = |part: &Tree| matches!(part, Tree::Either(_) | Tree::Both(_));
        match tree {
            Tree::Either(parts) => join(parts, or, |part| matches!(part, Tree::Either(_))),
            Tree::Both(parts) => join(parts, and, is_joined),
            Tree::Not(part) => format!("{not} {}", join(std::slice::from_ref(&**part), "", is_joined)),
            Tree::Holds(field) => field.clone(),
            Tree::Compares(field, operator, literal) => {
                let literal = literal.replace('\\', r"\\").replace('"', r#"\""#);
                format!("{field}{operator}\"{literal}\"")
            }
        }
    }

    fn tree_of(expression: &Expression) -> Tree {
        let all = |parts: &[Expression]| parts.iter().map(tree_of).collect();
        match expression {
            Expression::Either(parts) => Tree::Either(all(parts)),
            Expression::Both(parts) => Tree::Both(all(parts)),
            Expression::Not(part) => Tree::Not(Box::new(tree_of(part))),
            Expression::One(Condition { field, comparison: None }) => Tree::Holds(field.clone()),
            Expression::One(Condition { field, comparison: Some(comparison) }) => {
                let (operator, text) = match comparison {
                    Comparison::Equal(literal) => ("=", literal.text.as_str()),
                    Comparison::Exactly(literal) => ("==", literal.text.as_str()),
                    Comparison::Differs(literal) => ("!=", literal.text.as_str()),
                    Comparison::Less(literal) => ("<", literal.text.as_str()),
                    Comparison::AtMost(literal) => ("<=", literal.text.as_str()),
                    Comparison::Greater(literal) => (">", literal.text.as_str()),
                    Comparison::AtLeast(literal) => (">=", literal.text.as_str()),
                    Comparison::Finds(regex) => ("~", regex.as_str()),
                    Comparison::FindsNot(regex) => ("!~", regex.as_str()),
                };
                Tree::Compares(field.clone(), operator, text.to_owned())
            }
        }
    }

    fn draw(expression: &Expression) -> String {
        let all = |parts: &[Expression]| parts.iter().map(draw).collect::<Vec<_>>().join(" ");
        match expression {
            Expression::Either(parts) => format!("(or {})", all(parts)),
            Expression::Both(parts) => format!("(and {})", all(parts)),
            Expression::Not(part) => format!("(not {})", draw(part)),
            Expression::One(Condition { field, comparison }) => match comparison {
                None => field.clone(),
                Some(Comparison::Equal(literal)) => format!("{field}={:?}", literal.text),
                Some(other) => format!("{field} {other:?}"),
            },
        }
    }

    #[test]
    fn not_binds_before_and_and_that_before_or() {
        let both = "(or cloexec (and kind=\"pipe\" (not name=\"x\")))";
        assert_eq!(shape("cloexec or kind = pipe and not name = x").unwrap(), both);
        assert_eq!(shape("cloexec || kind=pipe && !name=x").unwrap(), both);
        let grouped = "(and (or cloexec kind=\"pipe\") (not name=\"x\"))";
        assert_eq!(shape("(cloexec or kind = pipe) and not (name = x)").unwrap(), grouped);
    }

    #[test]
    fn literals_are_words_or_in_quotes() {
        for (text, literal) in [
            ("name = /etc/passwd", "/etc/passwd"),
            ("name = 127.0.0.1:80", "127.0.0.1:80"),
            ("name = [::1]:80", "[::1]:80"),
            ("name = pipe:[4711]", "pipe:[4711]"),
            ("name = @abstract", "@abstract"),
            (r#"name = "a \"b\" \\ \.c""#, r#"a "b" \ \.c"#),
            (r"name = 'a \'", r"a \"),
            ("name = 'and'", "and"),
            ("name=''", ""),
        ] {
            assert_eq!(shape(text).unwrap(), format!("name={literal:?}"), "{text}");
        }
    }

    #[test]
    fn a_fault_is_where_it_stands() {
        use FaultKind::{
            LargeRegex, NoClosing, NoField, NoLiteral, NoOpening, OpenQuote, Regex, Stray, Trailing,
            UnknownField,
        };
        let large = "(x{1000}){1000}";
        for (text, position, kind) in [
            ("", 0, NoField),
            ("kind = pipe and", 15, NoField),
            ("kind = pipe and and", 16, NoField),
            ("= pipe", 0, NoField),
            ("kind =", 6, NoLiteral),
            ("kind = and", 7, NoLiteral),
            ("(kind = pipe", 12, NoClosing),
            ("kind = pipe)", 11, NoOpening),
            ("(kind = pipe))", 13, NoOpening),
            (")", 0, NoField),
            ("kind = pipe name = x", 12, Trailing),
            ("colour = red", 0, UnknownField("colour".to_owned())),
            ("name = 'あ' and nmae = x", 15, UnknownField("nmae".to_owned())),
            ("name = \"x", 7, OpenQuote),
            ("name ~ '('", 7, Regex("(".to_owned())),
            ("name ~ '(x{1000}){1000}'", 7, LargeRegex(large.to_owned())),
            ("kind = pipe; cloexec", 11, Stray(';')),
        ] {
            assert_eq!(shape(text), Err(Fault { position, kind }), "{text}");
        }
        let deep = "(".repeat(5000) + "cloexec";
        assert_eq!(shape(&deep).unwrap_err().kind, FaultKind::TooDeep);
        assert_eq!(shape(&("not ".repeat(5000) + "cloexec")).unwrap_err().kind, FaultKind::TooDeep);
    }

    #[test]
    fn numbers_have_suffixes_and_bases() {
        for (text, number) in [
            ("17", Some(17)),
            ("-3", Some(-3)),
            ("4k", Some(4096)),
            ("2M", Some(2 << 20)),
            ("1g", Some(1 << 30)),
            ("0x10", Some(16)),
            ("0o17", Some(15)),
            ("k", None),
            ("1.5", None),
            ("12ab", None),
        ] {
            assert_eq!(literal_of(text.to_owned()).number, number, "{text}");
        }
        assert_eq!(literal_of("1.5".to_owned()).decimal, Some(1.5));
        for word in ["inf", "-inf", "+nan", "1e999"] {
            assert_eq!(literal_of(word.to_owned()).decimal, None, "{word}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(tree in tree()) {
            for words in [["and", "or", "not"], ["&&", "||", "!"]] {
                let text = write(&tree, words);
                let read = parse(&text, &|name| FIELDS.contains(&name));
                prop_assert_eq!(read.as_ref().map(tree_of), Ok(tree.clone()), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            if let Err(fault) = shape(&text) {
                prop_assert!(fault.position <= text.chars().count());
            }
        }

        #[test]
        fn no_expression_makes_it_panic(words in proptest::collection::vec(
            prop_oneof![Just("and"), Just("or"), Just("not"), Just("("), Just(")"), Just("kind"), Just("="), Just("~"), Just("'x'")],
            0..30,
        )) {
            let text = words.join(" ");
            if let Err(fault) = shape(&text) {
                prop_assert!(fault.position <= text.chars().count());
            }
        }
    }
}
