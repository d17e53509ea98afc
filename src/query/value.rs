//! What a field says of an entry.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(i128),
    /// A length of time in seconds.
    Seconds(f64),
    /// Bytes, not always UTF-8.
    Text(Cow<'a, [u8]>),
    /// A word that stands for several: what is open for `rw` is open for `r`, too.
    OneOf(&'static str, &'static [&'static str]),
    /// Several.
    List(Vec<Value<'a>>),
    /// There is none: what is no socket has no remote address.
    Absent,
    /// It could not be read.
    Unknown,
}

impl Value<'_> {
    /// The same, with texts of its own.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Bool(flag) => Value::Bool(flag),
            Self::Number(number) => Value::Number(number),
            Self::Seconds(seconds) => Value::Seconds(seconds),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::OneOf(word, all) => Value::OneOf(word, all),
            Self::List(list) => Value::List(list.into_iter().map(Value::into_owned).collect()),
            Self::Absent => Value::Absent,
            Self::Unknown => Value::Unknown,
        }
    }

    /// The order of two values, from the other end where `descending`. Numbers come before texts; what is
    /// not there or not known comes last either way.
    pub fn order(&self, other: &Self, descending: bool) -> Ordering {
        let forward = |order: Ordering| if descending { order.reverse() } else { order };
        match (self.rank(), other.rank()) {
            (Rank::None, Rank::None) => Ordering::Equal,
            (Rank::None, _) => Ordering::Greater,
            (_, Rank::None) => Ordering::Less,
            (a, b) if a != b => forward(a.cmp(&b)),
            _ => forward(self.compare(other)),
        }
    }

    /// The order of two of one rank.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Seconds(a), Self::Seconds(b)) => a.total_cmp(b),
            (Self::List(a), Self::List(b)) => {
                let first = a.iter().zip(b).map(|(a, b)| a.order(b, false)).find(|order| order.is_ne());
                first.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (a, b) => a.bytes().cmp(b.bytes()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::OneOf(word, _) => word.as_bytes(),
            _ => b"",
        }
    }

    fn rank(&self) -> Rank {
        match self {
            Self::Bool(_) => Rank::Bool,
            Self::Number(_) => Rank::Number,
            Self::Seconds(_) => Rank::Seconds,
            Self::Text(_) | Self::OneOf(..) => Rank::Text,
            Self::List(_) => Rank::List,
            Self::Absent | Self::Unknown => Rank::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Bool,
    Number,
    Seconds,
    Text,
    List,
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value<'static>> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|number| Value::Number(number.into())),
            any::<f64>().prop_map(Value::Seconds),
            "[a-c]{0,3}".prop_map(|text| Value::Text(Cow::Owned(text.into_bytes()))),
            Just(Value::OneOf("rw", &["r", "w"])),
            Just(Value::Absent),
            Just(Value::Unknown),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| proptest::collection::vec(inner, 0..3).prop_map(Value::List))
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in value(), b in value(), c in value(), descending: bool) {
            prop_assert_eq!(a.order(&b, descending), b.order(&a, descending).reverse());
            if a.order(&b, descending).is_le() && b.order(&c, descending).is_le() {
                prop_assert!(a.order(&c, descending).is_le());
            }
        }
    }

    #[test]
    fn what_is_not_known_comes_last_either_way() {
        for descending in [false, true] {
            assert_eq!(Value::Number(1).order(&Value::Unknown, descending), Ordering::Less);
            assert_eq!(Value::Absent.order(&Value::Bool(true), descending), Ordering::Greater);
        }
        assert_eq!(Value::Number(1).order(&Value::Number(2), true), Ordering::Greater);
    }
}
