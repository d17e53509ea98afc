//! How long messages took, in so little room that measuring does not change what is measured.
//!
//! A count for each length of time, where lengths that differ by less than 3 % are one: so every quantile
//! is right to 3 %, of any number of messages.

use std::time::Duration;

/// How many lengths there are between one power of two and the next.
const STEPS: u64 = 32;

/// Counts of lengths of time.
#[derive(Debug, Clone)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; index(u64::MAX) + 1], total: 0 }
    }
}

impl Latencies {
    /// Counts one more.
    pub fn add(&mut self, time: Duration) {
        self.counts[index(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))] += 1;
        self.total += 1;
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The time that so many of a hundred took at most; nothing where none were counted.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let wanted = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let index = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        index.map(|index| Duration::from_nanos(longest(index)))
    }
}

/// The count in which a time in nanoseconds belongs: those below [`STEPS`] have one each.
fn index(nanoseconds: u64) -> usize {
    let exponent = nanoseconds.checked_ilog2().unwrap_or(0).saturating_sub(STEPS.ilog2());
    usize::try_from(u64::from(exponent) * STEPS + (nanoseconds >> exponent)).unwrap_or(0)
}

/// The longest time of a count.
fn longest(index: usize) -> u64 {
    let index = index as u64;
    let exponent = (index / STEPS).saturating_sub(1);
    let step = index - exponent * STEPS;
    ((u128::from(step) + 1) << exponent).saturating_sub(1).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_is_known_to_a_few_percent(nanoseconds: u64) {
            let found = longest(index(nanoseconds));
            prop_assert!(found >= nanoseconds);
            prop_assert!(found - nanoseconds <= nanoseconds / STEPS);
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50), None);
        for microseconds in 1..=1000 {
            latencies.add(Duration::from_micros(microseconds));
        }
        for (percent, exact) in [(1, 10), (50, 500), (99, 990), (100, 1000)] {
            let found = latencies.percentile(percent).unwrap();
            let exact = Duration::from_micros(exact);
            assert!(found >= exact && found <= exact * 104 / 100, "{percent}: {found:?}");
        }
    }
}
