//! Which processes are meant.

use crate::model::{Candidate, ProcessId};
use regex::bytes::Regex;
use std::collections::{HashMap, HashSet};

/// Conditions on processes. Of one kind any may hold, of several kinds each has to.
#[derive(Debug, Default)]
pub struct Whom {
    /// One of these.
    pub pids: Vec<i32>,
    /// A command whose name one of these finds.
    pub commands: Vec<Regex>,
    /// The process of one of these effective users.
    pub users: Vec<u32>,
    /// One of these, or a descendant of one.
    pub trees: Vec<i32>,
    /// Also threads of the kernel.
    pub kernel_threads: bool,
}

impl Whom {
    /// Whether it leaves nobody out but the kernel's threads.
    pub fn is_anybody(&self) -> bool {
        let Self { pids, commands, users, trees, kernel_threads } = self;
        pids.is_empty() && commands.is_empty() && users.is_empty() && trees.is_empty() && !kernel_threads
    }

    /// Those of `candidates` who are meant, in their order.
    pub fn choose(&self, candidates: &[Candidate]) -> Vec<ProcessId> {
        let family = self.family(candidates);
        let is_meant = |one: &&Candidate| {
            (self.pids.is_empty() || self.pids.contains(&one.id.pid))
                && (self.commands.is_empty() || self.commands.iter().any(|regex| regex.is_match(&one.comm)))
                && (self.users.is_empty() || one.uid.is_some_and(|uid| self.users.contains(&uid)))
                && (self.trees.is_empty() || family.contains(&one.id.pid))
                && (self.kernel_threads || !one.is_kernel_thread)
        };
        candidates.iter().filter(is_meant).map(|one| one.id).collect()
    }

    /// The roots of the trees and all their descendants.
    fn family(&self, candidates: &[Candidate]) -> HashSet<i32> {
        let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
        for one in candidates {
            children.entry(one.ppid).or_default().push(one.id.pid);
        }
        let mut family = HashSet::new();
        let mut next = self.trees.clone();
        while let Some(pid) = next.pop() {
            // A pid may be given again between two readings, so that the tree could lead back to itself.
            if family.insert(pid) {
                next.extend(children.get(&pid).into_iter().flatten());
            }
        }
        family
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        let one = |pid, ppid, comm: &str, uid, is_kernel_thread| Candidate {
            id: ProcessId { pid, start_ticks: 1 },
            ppid,
            comm: comm.into(),
            uid: Some(uid),
            is_kernel_thread,
        };
        vec![
            one(1, 0, "init", 0, false),
            one(2, 0, "kthreadd", 0, true),
            one(10, 1, "sshd", 0, false),
            one(11, 10, "sshd", 1000, false),
            one(12, 11, "bash", 1000, false),
        ]
    }

    fn chosen(whom: &Whom) -> Vec<i32> {
        whom.choose(&candidates()).into_iter().map(|id| id.pid).collect()
    }

    #[test]
    fn conditions_of_one_kind_widen_and_of_several_narrow() {
        let regex = |text| Regex::new(text).unwrap();
        assert_eq!(chosen(&Whom::default()), [1, 10, 11, 12]);
        let commands = || vec![regex("^ss"), regex("bash")];
        assert_eq!(chosen(&Whom { commands: commands(), ..Whom::default() }), [10, 11, 12]);
        assert_eq!(chosen(&Whom { commands: commands(), users: vec![1000], ..Whom::default() }), [11, 12]);
        assert_eq!(chosen(&Whom { pids: vec![1, 12], commands: commands(), ..Whom::default() }), [12]);
    }

    #[test]
    fn a_tree_is_its_root_and_all_below() {
        assert_eq!(chosen(&Whom { trees: vec![10], ..Whom::default() }), [10, 11, 12]);
        assert_eq!(chosen(&Whom { trees: vec![11, 1], ..Whom::default() }), [1, 10, 11, 12]);
        assert_eq!(chosen(&Whom { trees: vec![4711], ..Whom::default() }), [0; 0]);
    }

    #[test]
    fn threads_of_the_kernel_are_asked_for() {
        assert_eq!(chosen(&Whom { kernel_threads: true, users: vec![0], ..Whom::default() }), [1, 2, 10]);
    }
}
