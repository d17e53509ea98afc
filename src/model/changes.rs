//! What changed between two readings of one table.

use super::{Change, Descriptor, Glimpse, OpenFile, Snapshot};
use std::collections::BTreeMap;

/// What is different in the table of `after`'s one process. Numbers are compared by the file, access and
/// name behind them.
pub fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let (before, after) = (table(before), table(after));
    let mut changes = Vec::new();
    for (&fd, &(was, old)) in &before {
        match after.get(&fd) {
            None => changes.push(Change::Closed { fd, what: glimpse(old) }),
            Some((_, new)) if !same(old, new) => {
                changes.push(Change::Replaced { fd, from: glimpse(old), to: glimpse(new) });
            }
            Some((now, new)) => {
                if let (Some(before), Some(on)) = (was.cloexec, now.cloexec)
                    && before != on
                {
                    changes.push(Change::Cloexec { fd, on });
                }
                if let (Some(from), Some(to)) = (old.more.offset, new.more.offset)
                    && from != to
                {
                    changes.push(Change::Moved { fd, from, to });
                }
            }
        }
    }
    for (&fd, (_, new)) in &after {
        if !before.contains_key(&fd) {
            changes.push(Change::Opened { fd, what: glimpse(new) });
        }
    }
    changes
}

fn table(snapshot: &Snapshot) -> BTreeMap<i32, (&Descriptor, &OpenFile)> {
    snapshot
        .descriptors()
        .map(|(_, descriptor)| (descriptor.fd, (descriptor, snapshot.file(descriptor))))
        .collect()
}

fn same(old: &OpenFile, new: &OpenFile) -> bool {
    (old.inode, old.access) == (new.inode, new.access) && (old.name == new.name || renamed(old, new))
}

/// Whether a file that has a path may have got another one meanwhile. What has no path shares its inode
/// with others of its kind, and the name tells them apart.
fn renamed(old: &OpenFile, new: &OpenFile) -> bool {
    let has_path = |file: &OpenFile| file.name.as_ref().is_ok_and(|name| name.starts_with(b"/"));
    old.inode.is_some() && has_path(old) && has_path(new)
}

fn glimpse(file: &OpenFile) -> Glimpse {
    Glimpse { kind: file.kind, name: file.name.clone().ok(), access: file.access }
}
