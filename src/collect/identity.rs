//! Which descriptors share an open file description, proved by kcmp(2).
//!
//! Only descriptors of one inode can, so only those are compared. kcmp orders open file descriptions,
//! so n descriptors of one inode are sorted in n log n comparisons; equal ones then stand together.

use super::{cause, gap};
use crate::kernel::{Errno, Failure, Source};
use crate::model::{FileId, Identity, Inode, Snapshot, Subject};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One descriptor that may share.
#[derive(Clone, Copy)]
struct Candidate {
    /// Its process's and its own place in the snapshot.
    place: (usize, usize),
    /// Its pid and number.
    at: (i32, i32),
    file: FileId,
}

/// The candidates of one file.
type Group = Vec<Candidate>;

/// Gives descriptors that share an open file description the same [`FileId`].
pub fn prove(source: &dyn Source, snapshot: &mut Snapshot) {
    let mut prover = Prover { source, failures: BTreeMap::new() };
    for group in candidates(snapshot) {
        prover.settle(snapshot, &group);
    }
    for (pid, failure) in prover.failures {
        snapshot.gaps.push(gap(Some(pid), Subject::Sharing, failure));
    }
    still_the_same(source, snapshot);
}

/// The descriptors that may share, in groups of one file each.
fn candidates(snapshot: &Snapshot) -> Vec<Group> {
    let mut groups: HashMap<(Option<Inode>, Option<&[u8]>), Group> = HashMap::new();
    for (process, owner) in snapshot.processes.iter().enumerate() {
        for (slot, descriptor) in owner.table.iter().flat_map(|table| &table.descriptors).enumerate() {
            let file = snapshot.file(descriptor);
            // All anonymous inodes are one inode: the name keeps their kinds apart. Files without
            // an inode, which could not be stat'ed, are compared with one another.
            let name = file.name.as_deref().ok().filter(|name| name.starts_with(b"anon_inode:"));
            let at = (owner.id.pid, descriptor.fd);
            let candidate = Candidate { place: (process, slot), at, file: descriptor.file };
            groups.entry((file.inode, name)).or_default().push(candidate);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group[0].file);
    groups
}

struct Prover<'a> {
    source: &'a dyn Source,
    /// Processes that kcmp may not look at, with why.
    failures: BTreeMap<i32, Failure>,
}

impl Prover<'_> {
    fn settle(&mut self, snapshot: &mut Snapshot, group: &[Candidate]) {
        let mut lost = Vec::new();
        let sorted = if group.len() > 1 { self.sort(group, &mut lost) } else { group.to_vec() };
        // One that could not be compared may be the same as any other of its file.
        let identity = match lost.first() {
            None => Identity::Proven,
            Some((_, failure)) => Identity::Unproven(cause(*failure)),
        };
        for candidate in group {
            snapshot.files[candidate.file.0].identity = identity.clone();
        }
        let mut first = sorted.first().copied();
        for pair in sorted.windows(2) {
            if self.source.compare(pair[0].at, pair[1].at) == Ok(Ordering::Equal) {
                refer(snapshot, pair[1], first.map_or(pair[0].file, |first| first.file));
            } else {
                first = Some(pair[1]);
            }
        }
        for (candidate, failure) in lost {
            if !matches!(failure.errno, Errno::EBADF | Errno::ESRCH) {
                self.failures.entry(candidate.at.0).or_insert(failure);
            }
        }
    }

    /// Merge sort. The standard library's may panic when the order is not total, and a descriptor
    /// that is closed while this compares makes it so; here such a one is put into `lost`.
    fn sort(&self, group: &[Candidate], lost: &mut Vec<(Candidate, Failure)>) -> Vec<Candidate> {
        if group.len() < 2 {
            return group.to_vec();
        }
        let (left, right) = group.split_at(group.len() / 2);
        let (left, right) = (self.sort(left, lost), self.sort(right, lost));
        let mut merged = Vec::with_capacity(left.len() + right.len());
        let (mut a, mut b) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(&x), Some(&y)) = (a.peek(), b.peek()) {
            match self.source.compare(x.at, y.at) {
                Ok(Ordering::Greater) => merged.extend(b.next()),
                Ok(_) => merged.extend(a.next()),
                Err(failure) => {
                    let culprit = match self.source.compare(x.at, x.at) {
                        Err(_) => a.next(),
                        Ok(_) => b.next(),
                    };
                    lost.extend(culprit.map(|candidate| (candidate, failure)));
                }
            }
        }
        merged.extend(a);
        merged.extend(b);
        merged
    }
}

fn refer(snapshot: &mut Snapshot, candidate: Candidate, file: FileId) {
    let (process, slot) = candidate.place;
    if let Ok(table) = &mut snapshot.processes[process].table {
        table.descriptors[slot].file = file;
    }
}

/// kcmp takes pids, and a pid may have been given to another process since its table was read. What
/// such a process seems to share is unproven.
fn still_the_same(source: &dyn Source, snapshot: &mut Snapshot) {
    let mut users: HashMap<FileId, BTreeSet<usize>> = HashMap::new();
    for (index, process) in snapshot.processes.iter().enumerate() {
        for descriptor in process.table.iter().flat_map(|table| &table.descriptors) {
            users.entry(descriptor.file).or_default().insert(index);
        }
    }
    users.retain(|_, users| users.len() > 1);
    let sharers: BTreeSet<usize> = users.values().flatten().copied().collect();
    let mut replaced: HashMap<usize, Failure> = HashMap::new();
    for index in sharers {
        let id = snapshot.processes[index].id;
        match source.stat(id.pid) {
            Ok(stat) if stat.start_ticks == id.start_ticks => {}
            Ok(_) => drop(replaced.insert(index, Failure::new("kcmp", Errno::ESRCH))),
            Err(failure) => drop(replaced.insert(index, failure)),
        }
    }
    for (file, users) in users {
        if let Some(failure) = users.iter().find_map(|index| replaced.get(index)) {
            snapshot.files[file.0].identity = Identity::Unproven(cause(*failure));
        }
    }
}
