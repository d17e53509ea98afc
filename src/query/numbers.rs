//! Lists of descriptors and places, such as `0-2,7,cwd`.

use crate::model::Place;
use std::ops::RangeInclusive;

/// Numbers and places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// The numbers.
    pub ranges: Vec<RangeInclusive<i32>>,
    /// The places.
    pub places: Vec<Place>,
}

impl Slots {
    /// Reads a list. The part that is neither a number, a range nor a place is the error. `5-` is all from 5 on.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut slots = Self::default();
        for part in text.split(',').map(str::trim) {
            let wrong = || part.to_owned();
            if let Some(place) = Place::ALL.into_iter().find(|place| place.as_str() == part) {
                slots.places.push(place);
            } else if let Some((first, last)) = part.split_once('-') {
                let first = number(first).ok_or_else(wrong)?;
                let last = if last.is_empty() { i32::MAX } else { number(last).ok_or_else(wrong)? };
                if last < first {
                    return Err(wrong());
                }
                slots.ranges.push(first..=last);
            } else {
                let number = number(part).ok_or_else(wrong)?;
                slots.ranges.push(number..=number);
            }
        }
        Ok(slots)
    }

    /// Whether a number is among them.
    pub fn contains(&self, number: i32) -> bool {
        self.ranges.iter().any(|range| range.contains(&number))
    }
}

fn number(digits: &str) -> Option<i32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_and_places_are_mixed() {
        let slots = Slots::parse("0-2, 7,cwd,300-,mem").unwrap();
        let inside = [0, 2, 7, 300, i32::MAX];
        assert!(inside.iter().all(|&number| slots.contains(number)));
        assert!([3, 6, 8, 299].iter().all(|&number| !slots.contains(number)));
        assert_eq!(slots.places, [Place::Cwd, Place::Mem]);
    }

    #[test]
    fn the_part_that_is_wrong_is_told() {
        for (text, part) in [
            ("", ""),
            ("1,x", "x"),
            ("3-1", "3-1"),
            ("-1", "-1"),
            ("1--2", "1--2"),
            ("1,,2", ""),
            ("+1", "+1"),
        ] {
            assert_eq!(Slots::parse(text), Err(part.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_list_has_what_is_in_it(ranges in proptest::collection::vec((0..1000i32, 0..1000i32), 1..6), number in 0..2000i32) {
            let text: Vec<_> = ranges.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
            let has = ranges.iter().any(|(first, more)| (*first..=first + more).contains(&number));
            prop_assert_eq!(Slots::parse(&text.join(",")).unwrap().contains(number), has);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}") {
            let _ = Slots::parse(&text);
        }
    }
}
