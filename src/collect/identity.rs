//! Which descriptors share an open file description, proved by kcmp(2).
//!
//! Only descriptors of one inode that are open for the same can, so only those are compared. kcmp orders open
//! file descriptions, so n descriptors of one inode are sorted in n log n comparisons; equal ones then stand
//! together. A socket has just one, so that all who have it share that (O_PATH aside), and nobody is asked.

use super::{Among, cause, gap};
use crate::kernel::{Errno, Failure, Source};
use crate::model::{
    Access, ChannelKey, Descriptor, FileId, Identity, Inode, OpenFile, Process, ProcessId, Snapshot, Subject,
};
use crate::shares::{both, share_out};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

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
        Among::Relatives => families(&snapshot.processes, candidates(snapshot).0),
        Among::All => {
            let (groups, alone) = candidates(snapshot);
            for file in alone {
                snapshot.files[file].more.identity = Identity::Proven;
            }
            groups
        }
    };
    let (compared, certain): (Vec<Group>, Vec<Group>) =
        groups.into_iter().partition(|group| group.basis == Basis::Comparison);
    for Group { members, .. } in certain {
        settle(snapshot, &members, &Sorted::default());
        refer(snapshot, &members);
    }
    // Comparing is nearly all of the work, and needs nothing but the groups.
    let all: Vec<&[Candidate]> = compared.iter().map(|group| &group.members[..]).collect();
    let sorted = share_out(&all, &|group| Sorted::of(source, group));
    let mut failures = BTreeMap::new();
    for (group, sorted) in compared.iter().zip(sorted) {
        settle(snapshot, &group.members, &sorted);
        for (candidate, failure) in sorted.lost {
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

/// What tells that a file's descriptors cannot be of the open file description of another's.
fn key(file: &OpenFile) -> Key<'_> {
    // All anonymous inodes are one inode: the name keeps their kinds apart. Files without an inode, which could not
    // be stat'ed, are compared with one another.
    let name = file.name.as_deref().ok().filter(|name| name.starts_with(b"anon_inode:"));
    let number = file.ends.first().and_then(|end| match end.channel.key {
        ChannelKey::Number { number, .. } => Some(number),
        _ => None,
    });
    (file.inode, name, file.access, number)
}

/// The descriptors that may share, in groups of one file each, and the files of those that share with nobody: nearly
/// all. So the keys are brought together by their hashes, and no group is made for one alone.
fn candidates(snapshot: &Snapshot) -> (Vec<Group>, Vec<FileId>) {
    let hasher = RandomState::new();
    let of_process = |process: usize| -> Vec<(u64, Candidate)> {
        let owner = &snapshot.processes[process];
        let descriptors = owner.table.iter().flat_map(|table| &table.descriptors).enumerate();
        let candidate = |(slot, descriptor): (usize, &Descriptor)| {
            let (place, at) = ((process, slot), (owner.id.pid, descriptor.fd));
            let hash = hasher.hash_one(key(snapshot.file(descriptor)));
            (hash, Candidate { place, at, file: descriptor.file })
        };
        descriptors.map(candidate).collect()
    };
    let processes: Vec<usize> = (0..snapshot.processes.len()).collect();
    let mut all = share_out(&processes, &of_process).concat();
    all.sort_unstable_by_key(|&(hash, candidate)| (hash, candidate.file));
    let (mut groups, mut alone) = (Vec::new(), Vec::new());
    for same in all.chunk_by(|(one, _), (other, _)| one == other) {
        if let [(_, candidate)] = same {
            alone.push(candidate.file);
            continue;
        }
        let mut rest: Vec<Candidate> = same.iter().map(|&(_, candidate)| candidate).collect();
        // Two keys may have one hash.
        while let Some(&first) = rest.first() {
            let of = |candidate: &Candidate| &snapshot.files[candidate.file];
            let (members, others) =
                rest.into_iter().partition(|candidate| key(of(candidate)) == key(of(&first)));
            let basis = basis(of(&first));
            groups.push(Group { members, basis });
            rest = others;
        }
    }
    groups.sort_by_key(|group| group.members[0].file);
    (groups, alone)
}

/// By what it is known who shares this.
fn basis(file: &OpenFile) -> Basis {
    // One that was opened with O_PATH has an open file description besides that of the socket.
    let is_socket = file.socket.is_some() && file.inode.is_some() && file.access != Some(Access::Path);
    if is_socket { Basis::File } else { Basis::Comparison }
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

/// Writes down what was found of a group.
fn settle(snapshot: &mut Snapshot, members: &[Candidate], sorted: &Sorted) {
    // One that could not be compared may be the same as any other of its file.
    let identity = match sorted.lost.first() {
        None => Identity::Proven,
        Some((_, failure)) => Identity::Unproven(cause(*failure)),
    };
    for candidate in members {
        snapshot.files[candidate.file].more.identity = identity.clone();
    }
    for run in sorted.members.chunk_by(|_, next| !next.is_first).filter(|run| run.len() > 1) {
        let run: Vec<Candidate> = run.iter().map(|member| member.candidate).collect();
        refer(snapshot, &run);
    }
}

/// Candidates in the kernel's order, those of one open file description together.
#[derive(Default)]
struct Sorted {
    members: Vec<Member>,
    /// What could not be compared, with why.
    lost: Vec<(Candidate, Failure)>,
}

/// One of them.
#[derive(Clone, Copy)]
struct Member {
    candidate: Candidate,
    /// Whether it is the first one of its open file description.
    is_first: bool,
}

/// So many that half of them are given to another processor.
const MANY: usize = 1 << 11;

impl Sorted {
    /// Merge sort. The standard library's may panic when the order is not total, and a descriptor
    /// that is closed while this compares makes it so; here such a one is put into `lost`.
    fn of(source: &dyn Source, group: &[Candidate]) -> Self {
        if group.len() < 2 {
            let member = |&candidate| Member { candidate, is_first: true };
            return Self { members: group.iter().map(member).collect(), lost: Vec::new() };
        }
        let (left, right) = group.split_at(group.len() / 2);
        let (left, right) = both(group.len() >= MANY, || Self::of(source, left), || Self::of(source, right));
        let merged = Self::merge(left.members, right.members, source);
        Self { lost: [left.lost, right.lost, merged.lost].concat(), ..merged }
    }

    fn merge(mut left: Vec<Member>, mut right: Vec<Member>, source: &dyn Source) -> Self {
        if left.len() + right.len() >= MANY
            && let Some((middle, behind)) = halves(&left, &right, source)
        {
            let (left_rest, right_rest) = (left.split_off(middle), right.split_off(behind));
            let (mut lower, upper) = both(
                true,
                || Self::merge_in_turn(left, right, source),
                || Self::merge_in_turn(left_rest, right_rest, source),
            );
            lower.members.extend(upper.members);
            lower.lost.extend(upper.lost);
            return lower;
        }
        Self::merge_in_turn(left, right, source)
    }

    fn merge_in_turn(mut left: Vec<Member>, mut right: Vec<Member>, source: &dyn Source) -> Self {
        let mut merged = Self { members: Vec::with_capacity(left.len() + right.len()), lost: Vec::new() };
        let (mut l, mut r) = (0, 0);
        while let (Some(one), Some(two)) = (left.get(l), right.get(r)) {
            match source.compare(one.candidate.at, two.candidate.at) {
                Ok(Ordering::Greater) => r = merged.take(&right, r),
                Ok(Ordering::Less) => l = merged.take(&left, l),
                Ok(Ordering::Equal) => {
                    l = merged.take(&left, l);
                    right[r].is_first = false;
                    r = merged.take(&right, r);
                }
                Err(failure) => {
                    let is_one = source.compare(one.candidate.at, one.candidate.at).is_err();
                    let (side, at) = if is_one { (&mut left, &mut l) } else { (&mut right, &mut r) };
                    merged.lost.push((side[*at].candidate, failure));
                    *at += 1;
                    if let Some(next) = side.get_mut(*at) {
                        next.is_first = true;
                    }
                }
            }
        }
        merged.members.extend_from_slice(&left[l..]);
        merged.members.extend_from_slice(&right[r..]);
        merged
    }

    /// Takes over those from `at` on that are of one open file description, and says where the next one's are.
    fn take(&mut self, from: &[Member], at: usize) -> usize {
        let next = from[at + 1..].iter().position(|member| member.is_first);
        let next = next.map_or(from.len(), |more| at + 1 + more);
        self.members.extend_from_slice(&from[at..next]);
        next
    }
}

/// Where both may be cut so that nothing before the cuts comes behind what is after them; nothing where one cannot
/// be compared.
fn halves(left: &[Member], right: &[Member], source: &dyn Source) -> Option<(usize, usize)> {
    // No cut goes through an open file description, whatever has been closed meanwhile.
    let first = |members: &[Member], from: usize| {
        let is_first = |index: &usize| members.get(*index).is_none_or(|member| member.is_first);
        (0..=from).rev().find(is_first).unwrap_or_default()
    };
    let middle = first(left, left.len() / 2);
    let (mut low, mut high) = (0, right.len());
    while low < high {
        let between = usize::midpoint(low, high);
        match source.compare(right[between].candidate.at, left[middle].candidate.at).ok()? {
            Ordering::Less => low = between + 1,
            Ordering::Equal | Ordering::Greater => high = between,
        }
    }
    Some((middle, first(right, low)))
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
