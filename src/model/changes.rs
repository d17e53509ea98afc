//! What changed between two readings of one process's table.

use crate::model::{Change, Glimpse, OpenFile, Process, Snapshot};
use std::collections::BTreeMap;

/// What is different in the table of `pid` in `after`. Numbers are compared by the file, access and
/// name behind them.
pub fn changes(before: &Snapshot, after: &Snapshot, pid: i32) -> Vec<Change> {
    let (before, after) = (table(before, pid), table(after, pid));
    let mut changes = Vec::new();
    for (&fd, old) in &before {
        match after.get(&fd) {
            None => changes.push(Change::Closed { fd, what: what(old) }),
            Some(new) if !same(old, new) => {
                changes.push(Change::Replaced { fd, from: what(old), to: what(new) });
            }
            Some(_) => {}
        }
    }
    for (&fd, new) in &after {
        if !before.contains_key(&fd) {
            changes.push(Change::Opened { fd, what: what(new) });
        }
    }
    changes
}

fn table(snapshot: &Snapshot, pid: i32) -> BTreeMap<i32, &OpenFile> {
    snapshot
        .processes
        .iter()
        .filter(|process: &&Process| process.id.pid == pid)
        .flat_map(|process| process.table.iter().flat_map(|table| &table.descriptors))
        .map(|descriptor| (descriptor.fd, snapshot.file(descriptor)))
        .collect()
}

fn same(old: &OpenFile, new: &OpenFile) -> bool {
    (old.inode, old.access, &old.name) == (new.inode, new.access, &new.name)
}

fn what(file: &OpenFile) -> Glimpse {
    Glimpse { kind: file.kind, name: file.name.clone().ok(), access: file.access }
}
