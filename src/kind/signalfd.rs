//! Signals that are read from a descriptor (signalfd(2)).

use super::answers::{list, some};
use super::{Clue, Description, Kind};
use crate::model::KindName;

pub const KIND: Kind = Kind {
    name: KindName(&"signalfd"),
    recognises: |clue| clue.is_anonymous("signalfd"),
    describe: |clue| {
        let facts = clue.facts(|name, value| match name {
            "sigmask" => signals(value).map(list),
            _ => None,
        });
        let names = clue.text("sigmask").and_then(signals).unwrap_or_default();
        let brief = (!names.is_empty()).then(|| some(&names));
        Description { facts, brief, ..Description::default() }
    },
    sample: Clue { link: Some(b"anon_inode:[signalfd]"), ..Clue::NONE },
    ..Kind::BASE
};

/// The signals of a mask in hexadecimal, whose lowest bit is signal 1 (`fs/proc/array.c`,
/// `render_sigset_t`).
fn signals(mask: &str) -> Option<Vec<String>> {
    let mask = u64::from_str_radix(mask, 16).ok()?;
    Some((1..=64).filter(|number| mask >> (number - 1) & 1 == 1).map(signal).collect())
}

/// The signals from 1 on, as `include/uapi/asm-generic/signal.h` numbers them. Some architectures have
/// numbers of their own; there they are told by number.
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The first real-time signal that the GNU C library leaves to programs: it keeps 32 and 33 for itself
/// (signal(7)).
const SIGRTMIN: usize = 34;

fn signal(number: usize) -> String {
    let is_generic = !cfg!(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6",
        target_arch = "sparc",
        target_arch = "sparc64"
    ));
    match (NAMES.get(number - 1), number) {
        (Some(name), _) if is_generic => (*name).to_owned(),
        (_, SIGRTMIN) => "SIGRTMIN".to_owned(),
        (_, SIGRTMIN..) => format!("SIGRTMIN+{}", number - SIGRTMIN),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_bit_is_a_signal() {
        let names = ["SIGUSR1", "SIGCHLD", "SIGRTMIN", "SIGRTMIN+30"];
        assert_eq!(signals("8000000200010200").unwrap(), names);
        assert_eq!(signals("0000000080000000").unwrap(), ["32"]);
        assert_eq!(signals("0000000000000000").unwrap(), [""; 0]);
    }

    proptest! {
        #[test]
        fn there_are_as_many_names_as_bits(mask in any::<u64>()) {
            let names = signals(&format!("{mask:016x}")).unwrap();
            prop_assert_eq!(names.len(), usize::try_from(mask.count_ones()).unwrap());
        }
    }
}
