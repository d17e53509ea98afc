//! A timer that is read from a descriptor (timerfd_create(2)).

use super::answers::list;
use super::{Clue, Description, Kind};
use crate::model::{Fact, KindName, bit_names};
use std::time::Duration;

pub const KIND: Kind = Kind {
    name: KindName(&"timerfd"),
    recognises: |clue| clue.is_anonymous("timerfd"),
    describe: |clue| {
        let mut facts = clue.facts(|name, value| match name {
            "settime flags" => Some(list(bit_names(u32::from_str_radix(value, 8).ok()?, &FLAGS))),
            "it_value" | "it_interval" => Some(Fact::Time(time(value)?)),
            _ => None,
        });
        if let Some(clock) = clue.number("clockid").and_then(clock) {
            let place = facts.iter().position(|(name, _)| name == "clockid").map_or(0, |at| at + 1);
            facts.insert(place, ("clock".into(), Fact::text(clock)));
        }
        Description { facts, brief: brief(clue), ..Description::default() }
    },
    sample: Clue { link: Some(b"anon_inode:[timerfd]"), ..Clue::NONE },
    ..Kind::BASE
};

/// The clocks that timerfd_create(2) takes, by `include/uapi/linux/time.h`.
fn clock(id: u64) -> Option<&'static str> {
    Some(match id {
        0 => "CLOCK_REALTIME",
        1 => "CLOCK_MONOTONIC",
        7 => "CLOCK_BOOTTIME",
        8 => "CLOCK_REALTIME_ALARM",
        9 => "CLOCK_BOOTTIME_ALARM",
        _ => return None,
    })
}

/// The flags of timerfd_settime(2), by `include/uapi/linux/timerfd.h`.
const FLAGS: [(u32, &str); 2] = [(1, "TFD_TIMER_ABSTIME"), (2, "TFD_TIMER_CANCEL_ON_SET")];

/// Seconds and nanoseconds as `(3, 249887250)` (`fs/timerfd.c`, `timerfd_show`).
fn time(text: &str) -> Option<Duration> {
    let (seconds, nanoseconds) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(", ")?;
    let nanoseconds = nanoseconds.parse().ok().filter(|&count| count < 1_000_000_000)?;
    Some(Duration::new(seconds.parse().ok()?, nanoseconds))
}

/// `CLOCK_MONOTONIC, 3.25s left, every 1s`
fn brief(clue: &Clue<'_>) -> Option<String> {
    let mut words = vec![clock(clue.number("clockid")?)?.to_owned()];
    // What is left is 0 also of a timer that has expired and is not armed again.
    let line = |name| clue.text(name).and_then(time).filter(|time| !time.is_zero());
    words.extend(line("it_value").map(|left| format!("{} left", seconds(left))));
    words.extend(line("it_interval").map(|every| format!("every {}", seconds(every))));
    words.extend(clue.number("ticks").filter(|&ticks| ticks > 0).map(|ticks| format!("ticks {ticks}")));
    Some(words.join(", "))
}

/// Seconds with up to three decimals.
fn seconds(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        return format!("{time:?}");
    }
    let text = format!("{}.{:03}", time.as_secs(), time.subsec_millis());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_timer_is_told_in_a_line() {
        let line = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let lines = [
            line("clockid", "1"),
            line("ticks", "0"),
            line("settime flags", "03"),
            line("it_value", "(3, 249887250)"),
            line("it_interval", "(1, 0)"),
        ];
        let Description { facts, brief, .. } = (KIND.describe)(&Clue { lines: &lines, ..KIND.sample });
        assert_eq!(brief.as_deref(), Some("CLOCK_MONOTONIC, 3.249s left, every 1s"));
        assert_eq!(facts[1], ("clock".into(), Fact::text("CLOCK_MONOTONIC")));
        assert_eq!(facts[3].1, list(["TFD_TIMER_ABSTIME", "TFD_TIMER_CANCEL_ON_SET"]));
        assert_eq!(facts[4].1, Fact::Time(Duration::new(3, 249_887_250)));
    }

    proptest! {
        #[test]
        fn every_time_that_the_kernel_prints_is_read(seconds in any::<u64>(), nanoseconds in 0_u32..1_000_000_000) {
            prop_assert_eq!(time(&format!("({seconds}, {nanoseconds})")), Some(Duration::new(seconds, nanoseconds)));
        }

        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,40}") {
            let _ = time(&line);
        }
    }
}
