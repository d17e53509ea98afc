//! Which word was meant by one that there is not.

/// The word of `known` that differs least from `word`, where it may be the same one misspelt: in one letter of
/// three at most, two letters that changed places being one. Of several the first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let allowed = length / 3;
    let near = known.into_iter().filter_map(|known| {
        // The time is that of both lengths multiplied, and a misspelt word may be of any.
        if known.chars().count().abs_diff(length) > allowed {
            return None;
        }
        let distance = strsim::damerau_levenshtein(word, known);
        (distance <= allowed).then_some((distance, known))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Field;
    use proptest::prelude::*;

    #[test]
    fn a_word_misspelt_is_found() {
        for (word, meant) in [
            ("nmae", Some("name")),
            ("knd", Some("kind")),
            ("clo-exec", Some("cloexec")),
            ("Kind", Some("kind")),
            ("offest", Some("offset")),
            ("shared_wiht", Some("shared_with")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, Field::names()), meant, "{word}");
        }
        for name in Field::names() {
            assert_eq!(nearest(name, Field::names()), Some(name));
        }
        assert_eq!(nearest(&"kind".repeat(50_000), Field::names()), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(word in any::<String>()) {
            let _ = nearest(&word, Field::names());
        }
    }
}
