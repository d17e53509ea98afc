//! Which descriptors share an open file description, proved by kcmp(2).
//!
//! Only descriptors of one inode that are open for the same can, so only those are compared. kcmp orders open
//! file descriptions, so n descriptors of one inode are sorted in n log n comparisons; equal ones then stand
//! together. A socket has just one, so that all who have it share that (O_PATH aside), and nobody is asked.

use super::{Among, cause, gap};
use crate::kernel::{Errno, Failure, Source};
use crate::model::{Access, ChannelKey, FileId, Identity, Inode, Process, ProcessId, Snapshot, Subject};
use crate::shares::share_out;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// One descriptor that may share.
#[derive(Clone, Copy)]
struct Candidate {
    /// Its process's and its own place in the snapshot.
    place: (usize, usize),
    /// Its pid and number.
    at: (i32, i32),
    file: FileId,
}

/// What two descriptors of one open file description have in common for ever: the file, for what they are open,
/// and the number of an eventfd.
type Key<'a> = (Option<Inode>, Option<&'a [u8]>, Option<Access>, Option<u64>);

/// What may be one open file description.
struct Group {
    members: Vec<Candidate>,
    basis: Basis,
}

/// By what it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// It can be no other: these are of one socket.
    File,
    /// kcmp(2) has to tell.
    Comparison,
}

/// Gives descriptors that share an open file description the same [`FileId`].
pub fn prove(source: &dyn Source, among: Among, snapshot: &mut Snapshot) {
    let groups = match among {
        Among::Nobody => return,
        Among::Relatives => families(&snapshot.processes, candidates(snapshot)),
        Among::All => candidates(snapshot),
    };
    let (compared, certain): (Vec<Group>, Vec<Group>) =
        groups.into_iter().partition(|group| group.members.len() > 1 && group.basis == Basis::Comparison);
    for group in certain {
        settle(snapshot, &group.members, Sorted { runs: vec![], lost: vec![] });
        refer(snapshot, &group.members);
    }
    // Comparing is nearly all of the work, and needs nothing but the groups.
    let all: Vec<&[Candidate]> = compared.iter().map(|group| &group.members[..]).collect();
    let sorted = share_out(&all, &|group| Sorted::of(source, group));
    let mut failures = BTreeMap::new();
    for (group, sorted) in compared.iter().zip(sorted) {
        for (candidate, failure) in settle(snapshot, &group.members, sorted) {
            if !matches!(failure.errno, Errno::EBADF | Errno::ESRCH) {
                failures.entry(candidate.at.0).or_insert(failure);
            }
        }
    }
    for (pid, failure) in failures {
        snapshot.gaps.push(gap(Some(pid), Subject::Sharing, failure));
    }
    still_the_same(source, snapshot);
}

/// The descriptors that may share, in groups of one file each.
fn candidates(snapshot: &Snapshot) -> Vec<Group> {
    let mut groups: HashMap<Key<'_>, Group> = HashMap::new();
    for (process, owner) in snapshot.processes.iter().enumerate() {
        for (slot, descriptor) in owner.table.iter().flat_map(|table| &table.descriptors).enumerate() {
            let file = snapshot.file(descriptor);
            // All anonymous inodes are one inode: the name keeps their kinds apart. Files without
            // an inode, which could not be stat'ed, are compared with one another.
            let name = file.name.as_deref().ok().filter(|name| name.starts_with(b"anon_inode:"));
            let at = (owner.id.pid, descriptor.fd);
            let candidate = Candidate { place: (process, slot), at, file: descriptor.file };
            let number = file.ends.first().and_then(|end| match end.channel.key {
                ChannelKey::Number { number, .. } => Some(number),
                _ => None,
            });
            // One that was opened with O_PATH has an open file description besides that of the socket.
            let is_socket =
                file.socket.is_some() && file.inode.is_some() && file.access != Some(Access::Path);
            let basis = if is_socket { Basis::File } else { Basis::Comparison };
            let group = groups.entry((file.inode, name, file.access, number));
            group.or_insert(Group { members: Vec::new(), basis }).members.push(candidate);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group.members[0].file);
    groups
}

/// Parts groups into those of processes that descend from one another. What one process alone has is left out.
fn families(processes: &[Process], groups: Vec<Group>) -> Vec<Group> {
    let by_pid: HashMap<i32, usize> = processes
        .iter()
        .enumerate()
        .filter(|(_, process)| process.leader.is_none())
        .map(|(index, process)| (process.id.pid, index))
        .collect();
    let above = |index: usize| {
        let process = &processes[index];
        by_pid.get(&process.leader.map_or(process.ppid, |leader| leader.pid)).copied()
    };
    let mut parts = Vec::new();
    for Group { members, basis } in groups {
        let holders: HashSet<usize> = members.iter().map(|member| member.place.0).collect();
        // The topmost of the processes above one that have it is that of its whole family. As many steps as there
        // are processes: a pid that was given again may close a circle.
        let topmost = |holder: usize| {
            let line = std::iter::successors(Some(holder), |&index| above(index)).take(processes.len());
            line.filter(|index| holders.contains(index)).last().unwrap_or(holder)
        };
        let heads: HashMap<usize, usize> = holders.iter().map(|&holder| (holder, topmost(holder))).collect();
        let mut family: BTreeMap<usize, Vec<Candidate>> = BTreeMap::new();
        for member in members {
            family.entry(heads[&member.place.0]).or_default().push(member);
        }
        family.retain(|_, members| members.iter().any(|member| member.place.0 != members[0].place.0));
        let basis = |members| Group { members, basis };
        parts.extend(family.into_values().map(basis));
    }
    parts
}

/// Writes down what was found of a group, and gives back what could not be compared.
fn settle(snapshot: &mut Snapshot, members: &[Candidate], sorted: Sorted) -> Vec<(Candidate, Failure)> {
    // One that could not be compared may be the same as any other of its file.
    let identity = match sorted.lost.first() {
        None => Identity::Proven,
        Some((_, failure)) => Identity::Unproven(cause(*failure)),
    };
    for candidate in members {
        snapshot.files[candidate.file].more.identity = identity.clone();
    }
    for run in sorted.runs {
        refer(snapshot, &run);
    }
    sorted.lost
}

/// Candidates of one open file description each.
type Run = Vec<Candidate>;

/// Candidates in the kernel's order, those that are equal together.
struct Sorted {
    runs: Vec<Run>,
    /// What could not be compared, with why.
    lost: Vec<(Candidate, Failure)>,
}

/// So many that half of them are given to another processor.
const MANY: usize = 1 << 11;

impl Sorted {
    /// Merge sort. The standard library's may panic when the order is not total, and a descriptor
    /// that is closed while this compares makes it so; here such a one is put into `lost`.
    fn of(source: &dyn Source, group: &[Candidate]) -> Self {
        if group.len() < 2 {
            return Self { runs: group.iter().map(|candidate| vec![*candidate]).collect(), lost: Vec::new() };
        }
        let (left, right) = group.split_at(group.len() / 2);
        let (left, right) = if group.len() >= MANY {
            std::thread::scope(|scope| {
                let left = scope.spawn(|| Self::of(source, left));
                let right = Self::of(source, right);
                (left.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), right)
            })
        } else {
            (Self::of(source, left), Self::of(source, right))
        };
        left.merge(right, source)
    }

    fn merge(self, other: Self, source: &dyn Source) -> Self {
        let mut merged =
            Self { runs: Vec::with_capacity(self.runs.len() + other.runs.len()), lost: self.lost };
        merged.lost.extend(other.lost);
        let (mut left, mut right) = (self.runs.into_iter(), other.runs.into_iter());
        let (mut a, mut b) = (left.next(), right.next());
        while let (Some(x), Some(y)) = (&mut a, &mut b) {
            let (Some(&one), Some(&two)) = (x.first(), y.first()) else { break };
            match source.compare(one.at, two.at) {
                Ok(Ordering::Greater) => {
                    merged.runs.extend(b.take());
                    b = right.next();
                }
                Ok(Ordering::Less) => {
                    merged.runs.extend(a.take());
                    a = left.next();
                }
                Ok(Ordering::Equal) => {
                    x.append(y);
                    b = right.next();
                }
                Err(failure) => {
                    let is_first = source.compare(one.at, one.at).is_err();
                    merged.lost.push((if is_first { x.remove(0) } else { y.remove(0) }, failure));
                    if x.is_empty() {
                        a = left.next();
                    } else if y.is_empty() {
                        b = right.next();
                    }
                }
            }
        }
        merged.runs.extend(a);
        merged.runs.extend(b);
        merged.runs.extend(left);
        merged.runs.extend(right);
        merged
    }
}

/// Has all of these refer to one open file description: that of the first.
fn refer(snapshot: &mut Snapshot, run: &[Candidate]) {
    let Some(first) = run.iter().map(|candidate| candidate.file).min() else { return };
    for candidate in run.iter().filter(|candidate| candidate.file != first) {
        let (process, slot) = candidate.place;
        if let Ok(table) = &mut snapshot.processes[process].table {
            table.descriptors[slot].file = first;
        }
    }
}

/// kcmp takes pids, and a pid may have been given to another process since its table was read. What
/// such a process seems to share is unproven.
fn still_the_same(source: &dyn Source, snapshot: &mut Snapshot) {
    let mut uses: Vec<(FileId, usize)> = Vec::new();
    for (index, process) in snapshot.processes.iter().enumerate() {
        uses.extend(process.table.iter().flat_map(|table| &table.descriptors).map(|fd| (fd.file, index)));
    }
    uses.sort_unstable();
    uses.dedup();
    let shared: Vec<&[(FileId, usize)]> =
        uses.chunk_by(|one, other| one.0 == other.0).filter(|uses| uses.len() > 1).collect();
    let sharers: BTreeSet<usize> = shared.iter().copied().flatten().map(|&(_, index)| index).collect();
    let sharers: Vec<(usize, ProcessId)> =
        sharers.into_iter().map(|index| (index, snapshot.processes[index].id)).collect();
    let replaced = share_out(&sharers, &|(index, id)| match source.stat(id.pid) {
        Ok(stat) if stat.start_ticks == id.start_ticks => None,
        Ok(_) => Some((index, Failure::new("kcmp", Errno::ESRCH))),
        Err(failure) => Some((index, failure)),
    });
    let replaced: HashMap<usize, Failure> = replaced.into_iter().flatten().collect();
    for uses in shared {
        if let Some(failure) = uses.iter().find_map(|(_, index)| replaced.get(index)) {
            snapshot.files[uses[0].0].more.identity = Identity::Unproven(cause(*failure));
        }
    }
}
