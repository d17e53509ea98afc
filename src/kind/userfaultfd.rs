//! Page faults that a program handles itself (userfaultfd(2)).

use super::answers::list;
use super::{Clue, Description, Kind};
use crate::model::{KindName, bit_names};

pub const KIND: Kind = Kind {
    name: KindName(&"userfaultfd"),
    recognises: |clue| clue.is_anonymous("userfaultfd"),
    describe: |clue| {
        let mut facts = clue.facts(|_, _| None);
        let features = clue.text("API").and_then(features);
        facts.extend(features.map(|bits| ("features".into(), list(bit_names(bits, &FEATURES)))));
        let waiting = |name| clue.number(name).filter(|&count| count > 0);
        let brief = waiting("pending").or(waiting("total")).and_then(|_| {
            Some(format!("pending {}, total {}", clue.number("pending")?, clue.number("total")?))
        });
        Description { facts, brief, ..Description::default() }
    },
    sample: Clue { link: Some(b"anon_inode:[userfaultfd]"), ..Clue::NONE },
    ..Kind::BASE
};

/// The version, the features that the program chose, and what it may do, each in hexadecimal:
/// `aa:80000000:80000000000001ff` (`fs/userfaultfd.c`, `userfaultfd_show_fdinfo`). The highest bit of the
/// features is the kernel's own mark of one that has begun.
fn features(api: &str) -> Option<u32> {
    let bits = u32::from_str_radix(api.split(':').nth(1)?, 16).ok()?;
    Some(bits & !(1 << 31))
}

/// By `include/uapi/linux/userfaultfd.h`.
const FEATURES: [(u32, &str); 17] = [
    (1, "UFFD_FEATURE_PAGEFAULT_FLAG_WP"),
    (1 << 1, "UFFD_FEATURE_EVENT_FORK"),
    (1 << 2, "UFFD_FEATURE_EVENT_REMAP"),
    (1 << 3, "UFFD_FEATURE_EVENT_REMOVE"),
    (1 << 4, "UFFD_FEATURE_MISSING_HUGETLBFS"),
    (1 << 5, "UFFD_FEATURE_MISSING_SHMEM"),
    (1 << 6, "UFFD_FEATURE_EVENT_UNMAP"),
    (1 << 7, "UFFD_FEATURE_SIGBUS"),
    (1 << 8, "UFFD_FEATURE_THREAD_ID"),
    (1 << 9, "UFFD_FEATURE_MINOR_HUGETLBFS"),
    (1 << 10, "UFFD_FEATURE_MINOR_SHMEM"),
    (1 << 11, "UFFD_FEATURE_EXACT_ADDRESS"),
    (1 << 12, "UFFD_FEATURE_WP_HUGETLBFS_SHMEM"),
    (1 << 13, "UFFD_FEATURE_WP_UNPOPULATED"),
    (1 << 14, "UFFD_FEATURE_POISON"),
    (1 << 15, "UFFD_FEATURE_WP_ASYNC"),
    (1 << 16, "UFFD_FEATURE_MOVE"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn features_are_those_of_the_program() {
        assert_eq!(features("aa:80000081:80000000000001ff"), Some(0x81));
        assert_eq!(features("aa"), None);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,40}") {
            let _ = features(&line);
        }
    }
}
