//! Whether an expression holds.

use super::{Comparison, Condition, Expression, Literal, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

impl Expression {
    /// `None` where it hangs on what could not be read.
    pub(super) fn judge(&self, holds: &mut dyn FnMut(&Condition) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Either(parts) => decide(parts.iter().map(|part| part.judge(holds)), true),
            Self::Both(parts) => decide(parts.iter().map(|part| part.judge(holds)), false),
            Self::Not(part) => part.judge(holds).map(|holds| !holds),
            Self::One(condition) => holds(condition),
        }
    }
}

impl Condition {
    /// The field that it is about.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Whether it holds for a value of the field; `None` where that could not be read.
    pub fn judge(&self, value: &Value<'_>) -> Option<bool> {
        self.comparison.as_ref().map_or_else(|| holds(value), |comparison| comparison.judge(value))
    }
}

/// One part that is `decisive` decides; without one the others have to be known, all of them.
fn decide(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

/// Whether a field is true by itself.
fn holds(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Unknown => None,
        Value::Absent => Some(false),
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(*number != 0),
        Value::Seconds(seconds) => Some(*seconds != 0.0),
        Value::Text(text) => Some(!text.is_empty()),
        Value::OneOf(..) => Some(true),
        Value::List(list) => Some(!list.is_empty()),
    }
}

impl Comparison {
    fn judge(&self, value: &Value<'_>) -> Option<bool> {
        // Not even `!=` is fulfilled by what is not there.
        if matches!(value, Value::Absent) {
            return Some(false);
        }
        // What has no number, such as `cwd` among the descriptors, is neither more nor less than one.
        let compares =
            |one: &Value<'_>, literal: &Literal| literal.number.is_none() || !matches!(one, Value::Text(_));
        let ordered = |literal: &Literal, is: fn(Ordering) -> bool| {
            any(value, &|one| compares(one, literal) && order(one, literal).is_some_and(is))
        };
        match self {
            Self::Equal(literal) => any(value, &|one| means(one, literal)),
            Self::Exactly(literal) => any(value, &|one| order(one, literal) == Some(Ordering::Equal)),
            Self::Differs(literal) => any(value, &|one| means(one, literal)).map(|means| !means),
            Self::Less(literal) => ordered(literal, Ordering::is_lt),
            Self::AtMost(literal) => ordered(literal, Ordering::is_le),
            Self::Greater(literal) => ordered(literal, Ordering::is_gt),
            Self::AtLeast(literal) => ordered(literal, Ordering::is_ge),
            Self::Finds(regex) => any(value, &|one| regex.is_match(&text(one))),
            Self::FindsNot(regex) => any(value, &|one| regex.is_match(&text(one))).map(|finds| !finds),
        }
    }
}

/// Whether a test holds for a value, or for one of a list: `None` where it may be one that could not be read.
fn any(value: &Value<'_>, test: &dyn Fn(&Value<'_>) -> bool) -> Option<bool> {
    match value {
        Value::Unknown => None,
        // A regular expression for nothing would find it in what is not there.
        Value::Absent => Some(false),
        Value::List(list) => decide(list.iter().map(|one| any(one, test)), true),
        one => Some(test(one)),
    }
}

/// Whether a literal names the value, or one of those that it stands for.
fn means(value: &Value<'_>, literal: &Literal) -> bool {
    match value {
        Value::OneOf(_, all) => all.contains(&literal.text.as_str()),
        value => order(value, literal) == Some(Ordering::Equal),
    }
}

/// The order of a value and a literal, where they can be compared.
fn order(value: &Value<'_>, literal: &Literal) -> Option<Ordering> {
    match value {
        Value::Number(number) => Some(number.cmp(&literal.number?)),
        Value::Seconds(seconds) => seconds.partial_cmp(&literal.decimal?),
        Value::Bool(flag) => match literal.text.as_str() {
            "true" | "yes" => Some(flag.cmp(&true)),
            "false" | "no" => Some(flag.cmp(&false)),
            _ => None,
        },
        Value::Text(text) => Some(text[..].cmp(literal.text.as_bytes())),
        Value::OneOf(word, _) => Some((*word).cmp(literal.text.as_str())),
        Value::List(_) | Value::Absent | Value::Unknown => None,
    }
}

/// What a regular expression looks through.
fn text<'a>(value: &'a Value<'_>) -> Cow<'a, [u8]> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        Value::OneOf(word, _) => Cow::Borrowed(word.as_bytes()),
        Value::Number(number) => Cow::Owned(number.to_string().into_bytes()),
        Value::Seconds(seconds) => Cow::Owned(seconds.to_string().into_bytes()),
        Value::Bool(flag) => Cow::Borrowed(if *flag { b"true" } else { b"false" }),
        Value::List(_) | Value::Absent | Value::Unknown => Cow::Borrowed(b""),
    }
}

#[cfg(test)]
mod tests {
    use crate::query::Value;
    use crate::query::filter::Filter;
    use std::borrow::Cow;

    fn word(text: &str) -> Value<'_> {
        Value::Text(Cow::Borrowed(text.as_bytes()))
    }

    /// A pipe that is open for both, of which it is not known whether execve closes it.
    fn value(name: &str) -> Value<'static> {
        match name {
            "kind" => word("pipe"),
            "name" => word("/var/log/x.log"),
            "access" => Value::OneOf("rw", &["r", "w", "rw"]),
            "size" => Value::Number(5000),
            "rtt" => Value::Seconds(0.25),
            "deleted" => Value::Bool(true),
            "flags" => Value::List(vec![word("O_RDWR"), word("O_APPEND")]),
            "cloexec" => Value::Unknown,
            "peers" => Value::List(Vec::new()),
            "some" => Value::List(vec![word("a"), Value::Unknown, Value::Absent]),
            _ => Value::Absent,
        }
    }

    fn judge_of<'a>(filter: &Filter, value: &dyn Fn(&str) -> Value<'a>) -> Option<bool> {
        filter.judge(&mut |condition| condition.judge(&value(condition.field())))
    }

    fn judged(text: &str) -> Option<bool> {
        let filter = Filter::parse(text, &|_| true).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        judge_of(&filter, &value)
    }

    #[test]
    fn each_operator_compares_as_it_says() {
        for (text, holds) in [
            ("kind = pipe", true),
            ("kind = fifo", false),
            ("kind != fifo", true),
            ("kind != pipe", false),
            ("access = w", true),
            ("access = rw", true),
            ("access == w", false),
            ("access == rw", true),
            ("access != r", false),
            ("size = 5000", true),
            ("size > 4k", true),
            ("size >= 5000", true),
            ("size < 5k", true),
            ("size <= 4999", false),
            ("size = large", false),
            ("kind > fifo", true),
            ("kind > 2", false),
            ("kind < 2", false),
            ("rtt > 0.1", true),
            ("rtt > 1", false),
            (r"name ~ '\.log$'", true),
            ("name ~ '^log'", false),
            (r"name !~ '\.txt$'", true),
            ("flags = O_APPEND", true),
            ("flags = O_SYNC", false),
            ("flags != O_SYNC", true),
            ("flags ~ APPEND", true),
            ("deleted = true", true),
            ("deleted = no", false),
            ("deleted", true),
            ("size", true),
            ("peers", false),
            ("flags", true),
        ] {
            assert_eq!(judged(text), Some(holds), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_fulfils_no_comparison() {
        for text in ["remote = x", "remote != x", "remote ~ x", "remote !~ x", "remote < x", "remote"] {
            assert_eq!(judged(text), Some(false), "{text}");
        }
        assert_eq!(judged("not remote = x"), Some(true));
    }

    #[test]
    fn what_could_not_be_read_leaves_the_rest_to_decide() {
        for (text, holds) in [
            ("cloexec", None),
            ("not cloexec", None),
            ("cloexec = true", None),
            ("cloexec and kind = pipe", None),
            ("cloexec and kind = fifo", Some(false)),
            ("cloexec or kind = pipe", Some(true)),
            ("cloexec or kind = fifo", None),
            ("kind = pipe and (cloexec or deleted)", Some(true)),
        ] {
            assert_eq!(judged(text), holds, "{text}");
        }
    }

    #[test]
    fn one_of_a_list_that_could_not_be_read_may_be_what_is_sought() {
        for (text, holds) in [
            ("some = a", Some(true)),
            ("some = b", None),
            ("some != a", Some(false)),
            ("some != b", None),
            ("some ~ a", Some(true)),
            ("some ~ '^$'", None),
            ("some !~ b", None),
            ("some < b", Some(true)),
            ("some > b", None),
            ("some == b and kind = fifo", Some(false)),
        ] {
            assert_eq!(judged(text), holds, "{text}");
        }
    }

    #[test]
    fn what_a_list_lacks_is_not_an_empty_text() {
        let value = |_: &str| Value::List(vec![Value::Absent]);
        let filter = Filter::parse("name ~ '^$' or name = ''", &|_| true).unwrap();
        assert_eq!(judge_of(&filter, &value), Some(false));
    }

    #[test]
    fn the_tables_are_those_of_kleene() {
        const ALL: [Option<bool>; 3] = [Some(false), None, Some(true)];
        let as_value = |holds: Option<bool>| holds.map_or(Value::Unknown, Value::Bool);
        let judge = |text: &str, a: Option<bool>, b: Option<bool>| {
            let filter = Filter::parse(text, &|_| true).unwrap();
            judge_of(&filter, &|name| as_value(if name == "a" { a } else { b }))
        };
        // In the order false, unknown, true, `and` is the lesser, `or` the greater and `not` the other way round.
        let place = |holds: Option<bool>| ALL.iter().position(|one| *one == holds).unwrap();
        for (a, b) in ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b))) {
            assert_eq!(judge("a and b", a, b), ALL[place(a).min(place(b))], "{a:?} and {b:?}");
            assert_eq!(judge("a or b", a, b), ALL[place(a).max(place(b))], "{a:?} or {b:?}");
            assert_eq!(judge("not a", a, b), ALL[2 - place(a)], "not {a:?}");
            assert_eq!(judge("not (a and b)", a, b), judge("not a or not b", a, b), "{a:?}, {b:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_compared_too() {
        let value = |_: &str| Value::Text(Cow::Borrowed(b"/tmp/\xff.log"));
        for (text, holds) in [
            (r"name ~ '\.log$'", true),
            (r"name ~ '(?-u:\xff)'", true),
            ("name = /tmp/.log", false),
            ("name > /tmp/z", true),
        ] {
            let filter = Filter::parse(text, &|_| true).unwrap();
            assert_eq!(judge_of(&filter, &value), Some(holds), "{text}");
        }
    }

    #[test]
    fn each_field_is_asked_for_once() {
        let filter = Filter::parse("kind = a or (kind = b and not name)", &|_| true).unwrap();
        assert_eq!(filter.fields(), ["kind", "name"]);
    }
}
