//! The locks that a file is held by through a descriptor: of any kind of file.

use super::Clue;
use crate::model::{Fact, Facts};

/// The locks of a descriptor, as the fact `locks`, and the first of them in a line. fdinfo has exactly those
/// that this open file description or this process holds (`fs/locks.c`, `show_fd_locks`).
pub fn locks(clue: &Clue<'_>) -> Option<(Fact, String)> {
    let lines = clue.lines.iter().filter(|(name, _)| name == b"lock");
    let locks: Vec<Lock<'_>> = lines.filter_map(|(_, line)| lock(std::str::from_utf8(line).ok()?)).collect();
    let names: Vec<String> = locks.iter().map(Lock::brief).collect();
    let facts = locks.iter().map(|lock| Fact::Group(lock.facts())).collect();
    (!locks.is_empty()).then(|| (Fact::List(facts), super::answers::some(&names)))
}

/// One lock.
#[derive(Debug, PartialEq, Eq)]
struct Lock<'a> {
    /// FLOCK, POSIX, OFDLCK, LEASE, DELEG…
    kind: &'a str,
    /// ADVISORY or MANDATORY; of a lease ACTIVE, BREAKING or BREAKER.
    state: &'a str,
    /// READ, WRITE, or of a lease that is being given up UNLCK.
    mode: &'a str,
    /// Who holds it; nobody in particular holds a lock of an open file description.
    pid: Option<u64>,
    /// The first byte, and the last one where it does not reach to the end, however that moves.
    range: (u64, Option<u64>),
}

/// `1: FLOCK  ADVISORY  WRITE 4711 fe:00:10100929 0 EOF` (`fs/locks.c`, `lock_get_status`).
fn lock(line: &str) -> Option<Lock<'_>> {
    let (_, rest) = line.split_once(':')?;
    let mut words = rest.split_ascii_whitespace();
    let mut word = || words.next();
    let (kind, state, mode, pid, _inode) = (word()?, word()?, word()?, word()?, word()?);
    let start = word()?.parse().ok()?;
    let end = match word()? {
        "EOF" => None,
        end => Some(end.parse().ok()?),
    };
    // Of a process outside the reader's pid namespace it is 0.
    let pid = pid.parse().ok().filter(|&pid| pid != 0);
    Some(Lock { kind, state, mode, pid, range: (start, end) })
}

impl Lock<'_> {
    fn facts(&self) -> Facts {
        let (start, end) = self.range;
        let state = match self.state {
            "ADVISORY" => ("advisory", Fact::Flag(true)),
            "MANDATORY" => ("advisory", Fact::Flag(false)),
            other => ("state", Fact::text(other)),
        };
        [
            Some(("type", Fact::text(self.kind))),
            Some(("mode", Fact::text(self.mode))),
            Some(state),
            self.pid.map(|pid| ("pid", Fact::Number(pid))),
            Some(("start", Fact::Number(start))),
            end.map(|end| ("end", Fact::Number(end))),
        ]
        .into_iter()
        .flatten()
        .map(|(name, fact)| (name.into(), fact))
        .collect()
    }

    /// `FLOCK WRITE`, `POSIX READ 5-14`
    fn brief(&self) -> String {
        let Self { kind, mode, .. } = self;
        match self.range {
            (0, None) => format!("{kind} {mode}"),
            (start, Some(end)) => format!("{kind} {mode} {start}-{end}"),
            (start, None) => format!("{kind} {mode} {start}-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_taken_apart() {
        let expected =
            Lock { kind: "POSIX", state: "ADVISORY", mode: "READ", pid: Some(4711), range: (100, None) };
        assert_eq!(lock("2: POSIX  ADVISORY  READ 4711 fe:00:10100952 100 EOF"), Some(expected));
        let expected =
            Lock { kind: "OFDLCK", state: "ADVISORY", mode: "WRITE", pid: None, range: (50, Some(59)) };
        assert_eq!(lock("3: OFDLCK ADVISORY  WRITE -1 fe:00:10100952 50 59"), Some(expected));
        let expected = Lock { kind: "LEASE", state: "ACTIVE", mode: "READ", pid: Some(7), range: (0, None) };
        assert_eq!(lock("1: LEASE  ACTIVE    READ 7 fe:00:10100953 0 EOF"), Some(expected));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,80}") {
            let _ = lock(&line);
        }
    }
}
