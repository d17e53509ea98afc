//! From words to an expression.

use super::lexer::{Token, TokenKind, tokens};
use super::{Comparison, Expression, Fault, FaultKind, Literal};
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
        Some(token) => Err(Fault { position: token.position, kind: FaultKind::Trailing }),
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
            return Ok(Expression::Holds(name));
        };
        self.comparison(operator).map(|comparison| Expression::Compares(name, comparison))
    }

    fn comparison(&mut self, operator: &str) -> Result<Comparison, Fault> {
        let literal =
            self.tokens.next_if(|token| matches!(token.kind, TokenKind::Word(_) | TokenKind::Quoted(_)));
        let Some(Token { position, kind: TokenKind::Word(text) | TokenKind::Quoted(text) }) = literal else {
            return self.fault(FaultKind::NoLiteral);
        };
        let regex = |text: &str| {
            Regex::new(text).map_err(|_| Fault { position, kind: FaultKind::Regex(text.to_owned()) })
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
    // A name such as `inf` is none.
    let is_decimal = text.starts_with(|char: char| char.is_ascii_digit() || "+-.".contains(char));
    #[expect(clippy::cast_precision_loss, reason = "it is compared with a length of time")]
    let decimal = number.map(|number| number as f64).or_else(|| text.parse().ok().filter(|_| is_decimal));
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

    fn draw(expression: &Expression) -> String {
        let all = |parts: &[Expression]| parts.iter().map(draw).collect::<Vec<_>>().join(" ");
        match expression {
            Expression::Either(parts) => format!("(or {})", all(parts)),
            Expression::Both(parts) => format!("(and {})", all(parts)),
            Expression::Not(part) => format!("(not {})", draw(part)),
            Expression::Holds(field) => field.clone(),
            Expression::Compares(field, Comparison::Equal(literal)) => format!("{field}={:?}", literal.text),
            Expression::Compares(field, other) => format!("{field} {other:?}"),
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
        use FaultKind::{NoClosing, NoField, NoLiteral, OpenQuote, Regex, Stray, Trailing, UnknownField};
        for (text, position, kind) in [
            ("", 0, NoField),
            ("kind = pipe and", 15, NoField),
            ("kind = pipe and and", 16, NoField),
            ("= pipe", 0, NoField),
            ("kind =", 6, NoLiteral),
            ("kind = and", 7, NoLiteral),
            ("(kind = pipe", 12, NoClosing),
            ("kind = pipe)", 11, Trailing),
            ("kind = pipe name = x", 12, Trailing),
            ("colour = red", 0, UnknownField("colour".to_owned())),
            ("name = 'あ' and nmae = x", 15, UnknownField("nmae".to_owned())),
            ("name = \"x", 7, OpenQuote),
            ("name ~ '('", 7, Regex("(".to_owned())),
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
        assert_eq!(literal_of("inf".to_owned()).decimal, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = shape(&text);
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
