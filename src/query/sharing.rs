//! Which of the descriptors shown refer to one open file description.

use crate::model::{Descriptor, FileId, Identity, ProcessId, Snapshot};
use std::collections::HashMap;

/// The descriptors of each open file description that has more than one.
#[derive(Debug)]
pub struct Sharing {
    groups: HashMap<FileId, Group>,
}

#[derive(Debug)]
struct Group {
    /// Which in the order of first sight, from 0.
    order: usize,
    members: Vec<Sharer>,
}

/// A descriptor of an open file description that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharer {
    /// Whose.
    pub process: ProcessId,
    /// Where that is a thread with a table of its own, its process.
    pub leader: Option<ProcessId>,
    /// Its number there.
    pub fd: i32,
}

impl Sharing {
    /// Finds them in `snapshot`.
    pub fn new(snapshot: &Snapshot) -> Self {
        let proven = || {
            snapshot.descriptors().filter(|(process, descriptor)| {
                !process.shares_table && snapshot.file(descriptor).more.identity == Identity::Proven
            })
        };
        // Most have one descriptor, and need no more than to be seen to.
        let mut all: Vec<FileId> = proven().map(|(_, descriptor)| descriptor.file).collect();
        all.sort_unstable();
        // Letters go by the first descriptor of each, so that a reader meets them in order.
        let shared = all.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).map(|same| same[0]);
        let mut groups: HashMap<FileId, Group> =
            shared.enumerate().map(|(order, file)| (file, Group { order, members: Vec::new() })).collect();
        if groups.is_empty() {
            return Self { groups };
        }
        for (process, descriptor) in proven() {
            if let Some(group) = groups.get_mut(&descriptor.file) {
                group.members.push(Sharer { process: process.id, leader: process.leader, fd: descriptor.fd });
            }
        }
        Self { groups }
    }

    /// The letter of a descriptor's open file description, where it is shared: A to Z, then AA.
    pub fn letter(&self, descriptor: &Descriptor) -> Option<String> {
        self.groups.get(&descriptor.file).map(|group| letters(group.order))
    }

    /// The letter `more` places after all that are given, for one that is not shared.
    pub fn next_letter(&self, more: usize) -> String {
        letters(self.groups.len() + more)
    }

    /// The other descriptors of a descriptor's open file description.
    pub fn others(&self, process: ProcessId, descriptor: &Descriptor) -> impl Iterator<Item = &Sharer> {
        let (group, own) = (self.groups.get(&descriptor.file), (process, descriptor.fd));
        group
            .into_iter()
            .flat_map(|group| &group.members)
            .filter(move |member| (member.process, member.fd) != own)
    }

    /// How many they are.
    pub fn count_others(&self, descriptor: &Descriptor) -> usize {
        self.groups.get(&descriptor.file).map_or(0, |group| group.members.len() - 1)
    }

    /// Whether nothing is shared.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

fn letters(mut order: usize) -> String {
    let mut text = Vec::new();
    loop {
        text.push(b'A' + u8::try_from(order % 26).unwrap_or(0));
        if order < 26 {
            break;
        }
        order = order / 26 - 1;
    }
    text.reverse();
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn letters_go_on_after_z() {
        let all: Vec<_> = [0, 25, 26, 51, 52, 701, 702].map(super::letters).into();
        assert_eq!(all, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
