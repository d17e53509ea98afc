//! What a real shell does before its first fork, and which of it belongs to its wiring.
//!
//! Most does not: it reads its libraries, the locale, its start-up files, and closes all of that again.
//! What it leaves open, and the copies that led there, is what a child will inherit.

use crate::model::{Change, Step};
use std::collections::HashMap;

/// A descriptor from its opening to its close.
struct Life {
    /// The one that it is a copy of.
    copied_from: Option<usize>,
    /// Whether it, or a copy of it, is open at the end.
    lasts: bool,
}

/// The steps that have to do with what is open at the end.
pub fn worth_telling(prelude: Vec<Step>) -> Vec<Step> {
    let mut lives: Vec<Life> = Vec::new();
    let mut open: HashMap<i32, usize> = HashMap::new();
    let mut of_steps: Vec<Vec<usize>> = Vec::new();
    for step in &prelude {
        let mut lives_of_step = Vec::new();
        let source = copied(step).and_then(|fd| open.get(&fd).copied());
        for change in &step.changes {
            match change {
                Change::Closed { fd, .. } => lives_of_step.extend(open.remove(fd)),
                Change::Opened { fd, .. } | Change::Replaced { fd, .. } => {
                    open.insert(*fd, lives.len());
                    lives_of_step.push(lives.len());
                    lives.push(Life { copied_from: source, lasts: false });
                }
                Change::Cloexec { fd, .. } | Change::Moved { fd, .. } => {
                    lives_of_step.extend(open.get(fd).copied());
                }
            }
        }
        of_steps.push(lives_of_step);
    }
    for life in open.into_values() {
        let mut next = Some(life);
        while let Some(life) = next {
            lives[life].lasts = true;
            next = lives[life].copied_from;
        }
    }
    let steps = prelude.into_iter().zip(of_steps);
    let kept = steps.filter(|(step, lives_of_step)| {
        // What closes or replaces a descriptor that was there before has no life here, and counts.
        let inherited = lives_of_step.is_empty() && !step.changes.is_empty();
        inherited || lives_of_step.iter().any(|&life| lives[life].lasts)
    });
    kept.map(|(step, _)| step).collect()
}

/// The descriptor that a step copies.
fn copied(step: &Step) -> Option<i32> {
    let copies = match step.call {
        "dup" | "dup2" | "dup3" => true,
        "fcntl" => step.args.get(1).is_some_and(|command| command.starts_with("F_DUPFD")),
        _ => false,
    };
    step.args.first().filter(|_| copies)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Glimpse, KindName};

    fn step(call: &'static str, args: &[&str], changes: Vec<Change>) -> Step {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let result = String::new();
        Step { n: 0, actor: String::new(), pid: 1, call, args, result, changes }
    }

    fn glimpse() -> Glimpse {
        Glimpse { kind: KindName(&"file"), name: None, access: None }
    }

    fn opened(fd: i32) -> Change {
        Change::Opened { fd, what: glimpse() }
    }

    fn closed(fd: i32) -> Change {
        Change::Closed { fd, what: glimpse() }
    }

    fn calls(steps: Vec<Step>) -> Vec<String> {
        worth_telling(steps)
            .into_iter()
            .map(|step| format!("{} {}", step.call, step.args.join(" ")))
            .collect()
    }

    #[test]
    fn a_library_is_not_told() {
        let steps = vec![
            step("openat", &["libc"], vec![opened(3)]),
            step("close", &["3"], vec![closed(3)]),
            step("openat", &["missing"], vec![]),
            step("openat", &["kept"], vec![opened(3)]),
        ];
        assert_eq!(calls(steps), ["openat kept"]);
    }

    #[test]
    fn a_file_whose_copy_stays_is_told_with_all_that_led_there() {
        // dash, of `cat < f`
        let steps = vec![
            step("openat", &["f"], vec![opened(3)]),
            step("fcntl", &["0", "F_DUPFD", "10"], vec![opened(10)]),
            step("close", &["0"], vec![closed(0)]),
            step("fcntl", &["10", "F_SETFD", "1"], vec![Change::Cloexec { fd: 10, on: true }]),
            step("dup2", &["3", "0"], vec![opened(0)]),
            step("close", &["3"], vec![closed(3)]),
        ];
        assert_eq!(calls(steps).len(), 6);
    }

    #[test]
    fn copies_that_are_all_closed_are_not_told() {
        // zsh, of its start-up file
        let steps = vec![
            step("openat", &["zshenv"], vec![opened(3)]),
            step("fcntl", &["3", "F_DUPFD", "10"], vec![opened(10)]),
            step("close", &["3"], vec![closed(3)]),
            step("close", &["10"], vec![closed(10)]),
        ];
        assert!(calls(steps).is_empty());
    }
}
