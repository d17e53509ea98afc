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
    members: Vec<(ProcessId, i32)>,
}

impl Sharing {
    /// Finds them in `snapshot`.
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut members: HashMap<FileId, Vec<(ProcessId, i32)>> = HashMap::new();
        let mut order = Vec::new();
        for (process, descriptor) in snapshot.descriptors().filter(|(process, _)| !process.shares_table) {
            if snapshot.file(descriptor).identity != Identity::Proven {
                continue;
            }
            let group = members.entry(descriptor.file).or_default();
            group.push((process.id, descriptor.fd));
            if group.len() == 2 {
                order.push(descriptor.file);
            }
        }
        // Letters go by the first descriptor of each, so that a reader meets them in order.
        order.sort_unstable();
        let groups = order
            .into_iter()
            .enumerate()
            .filter_map(|(order, file)| Some((file, Group { order, members: members.remove(&file)? })))
            .collect();
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
    pub fn others(&self, process: ProcessId, descriptor: &Descriptor) -> Vec<(ProcessId, i32)> {
        self.groups
            .get(&descriptor.file)
            .into_iter()
            .flat_map(|group| &group.members)
            .filter(|&&member| member != (process, descriptor.fd))
            .copied()
            .collect()
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
