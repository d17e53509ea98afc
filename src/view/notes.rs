//! What could not be read, in a line or two for standard error.

use super::cells::process;
use super::{Lang, lang};
use crate::model::{Failure, Gap, Hint, Snapshot, Subject};
use std::collections::{BTreeSet, HashSet};

/// How many processes that are gone are named one by one.
const NAMED: usize = 8;

/// The notes on `snapshot`: a line for each process asked for that is not there, and one line for
/// all else that could not be read.
pub fn notes(snapshot: &Snapshot, language: Lang) -> Vec<String> {
    notes_on(&[snapshot], language)
}

/// The notes on several snapshots of one machine: what is missing in all of them is told once.
pub fn notes_on(snapshots: &[&Snapshot], language: Lang) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = snapshots.iter().flat_map(|snapshot| &snapshot.gaps);
    let all = all.filter(|gap| seen.insert((gap.pid, gap.subject.clone(), gap.failure.clone())));
    let (gone, other): (Vec<_>, Vec<_>) = all.partition(|gap| gap.is_of_a_gone_process());
    let mut notes: Vec<String> = gone
        .iter()
        .take(NAMED)
        .map(|gap| {
            let pid = gap.pid.unwrap_or_default();
            lang::no_such_process(language, pid, &gap.failure.to_string())
        })
        .collect();
    if gone.len() > NAMED {
        notes.push(lang::more_gone(language, gone.len() - NAMED));
    }
    notes.extend(summary(snapshots, &worth_telling(&other), language));
    notes
}

/// Without what follows from the rest: of a process whose descriptors may not be looked at, nobody expects to
/// be told that they may not be compared either.
fn worth_telling<'a>(gaps: &[&'a Gap]) -> Vec<&'a Gap> {
    let of_table = |gap: &&&Gap| matches!(gap.subject, Subject::Descriptor(_) | Subject::FdTable);
    let hidden: HashSet<Option<i32>> = gaps.iter().filter(of_table).map(|gap| gap.pid).collect();
    let follows = |gap: &Gap| {
        matches!(gap.subject, Subject::Sharing | Subject::Threads | Subject::Place(_))
            && hidden.contains(&gap.pid)
    };
    gaps.iter().copied().filter(|gap| !follows(gap)).collect()
}

/// One line for all gaps, alike ones counted, with what would help first of all.
fn summary(snapshots: &[&Snapshot], gaps: &[&Gap], language: Lang) -> Option<String> {
    let mut groups: Vec<(String, &Failure, BTreeSet<Option<i32>>)> = Vec::new();
    let mut add =
        |what: String, failure, pid| match groups.iter_mut().find(|(w, f, _)| (w, *f) == (&what, failure)) {
            Some((_, _, pids)) => drop(pids.insert(pid)),
            None => groups.push((what, failure, BTreeSet::from([pid]))),
        };
    let of_fd = |gap: &&&Gap| matches!(gap.subject, Subject::Descriptor(_));
    let fds = gaps.iter().filter(of_fd).count();
    for gap in gaps {
        let what = match &gap.subject {
            Subject::Descriptor(_) if fds > 1 => lang::some_fds(language, fds),
            subject => subject.to_string(),
        };
        add(what, &gap.failure, gap.pid);
    }
    let unseen: Vec<_> = snapshots.iter().flat_map(|snapshot| snapshot.unsearched()).collect();
    for (pid, failure) in &unseen {
        add(lang::other_ends(language), failure, Some(*pid));
    }
    if groups.is_empty() {
        return None;
    }
    let parts: Vec<_> = groups
        .iter()
        .map(|(what, failure, pids)| {
            let failure = failure.to_string();
            match (pids.len(), pids.first()) {
                (1, Some(None)) => format!("{what} ({failure})"),
                (1, Some(Some(pid))) => lang::gap_of_one(language, what, &name(snapshots, *pid), &failure),
                (count, _) => lang::gap_of_many(language, what, count, &failure),
            }
        })
        .collect();
    let hint = gaps.iter().find_map(|gap| gap.hint);
    let hint = hint.or((!unseen.is_empty()).then_some(Hint::PtraceRights));
    let text = lang::could_not_be_read(language, &parts.join(", "));
    Some(match hint {
        Some(what) => format!("{text}; {}", self::hint(what, language)),
        None => text,
    })
}

fn name(snapshots: &[&Snapshot], pid: i32) -> String {
    let mut processes = snapshots.iter().flat_map(|snapshot| &snapshot.processes);
    let known = processes.find(|known| known.id.pid == pid);
    known.map_or_else(|| format!("pid {pid}"), |known| process(&known.comm, pid))
}

/// What would help.
pub fn hint(hint: Hint, language: Lang) -> String {
    match hint {
        Hint::PtraceRights => lang::hint_ptrace(language),
        Hint::Gone => lang::hint_gone(language),
        Hint::StaleFile => lang::hint_stale(language),
        Hint::Kernel => lang::hint_kernel(language),
    }
}
