//! The tables of followed tasks, as they were when they were read last.
//!
//! Tasks may share a table, so that a table has an id of its own and each task says which it uses.
//! What cannot be read for certain, because the task is going or because this program lacks the right,
//! is unknown and not empty: the table as it was read before stays, and nothing is said to have changed.

use super::{Need, Request, Which, collect};
use crate::kernel::{Ask, DeviceTables, HostRow, Read, SocketRow, SocketTable, Source, StatRow, TaskRow};
use crate::model::{Change, Snapshot, State, changes};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Which table a task uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableId(usize);

/// The tables.
pub struct Tables<'a> {
    source: &'a dyn Source,
    read: HashMap<TableId, Snapshot>,
    given: usize,
}

impl<'a> Tables<'a> {
    /// None, yet.
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, read: HashMap::new(), given: 0 }
    }

    /// A table that has not been read.
    pub fn make(&mut self) -> TableId {
        self.given += 1;
        TableId(self.given)
    }

    /// A copy of a table, as unshare(2) and execve(2) make it.
    pub fn copy(&mut self, table: TableId) -> TableId {
        let copy = self.make();
        if let Some(content) = self.read.get(&table).cloned() {
            self.read.insert(copy, content);
        }
        copy
    }

    /// Whether it has been read.
    pub fn is_known(&self, table: TableId) -> bool {
        self.read.contains_key(&table)
    }

    /// Forgets what was read of it.
    pub fn forget(&mut self, table: TableId) {
        self.read.remove(&table);
    }

    /// Reads a table from a task that uses it and stands still, and tells what is different from the
    /// last time; nothing where it was not read before.
    pub fn read(&mut self, table: TableId, tid: i32) -> Vec<Change> {
        let need = Need { details: false, fdinfo: true, ends: false, identity: false };
        let now = collect(&Alone(self.source), &Request { which: Which::Pids(vec![tid]), need });
        // That of a task that was killed under the reader is gone, and of one that may only be listed
        // the names are missing.
        let lives = |state| !matches!(state, State::Zombie | State::Dead);
        let is_known = now.processes.iter().any(|task| task.table.is_ok() && lives(task.state))
            && now.files.iter().all(|file| file.name.is_ok());
        if !is_known {
            return Vec::new();
        }
        let changes = self.read.get(&table).map(|before| changes(before, &now));
        self.read.insert(table, now);
        changes.unwrap_or_default()
    }
}

/// A source without what is beside a table: who is at a socket's other end stands in tables of the whole
/// machine, and reading those at each step would take longer than all the rest.
struct Alone<'a>(&'a dyn Source);

impl Source for Alone<'_> {
    fn host(&self) -> Read<HostRow> {
        Ok(HostRow { name: String::new(), kernel: String::new() })
    }

    fn sockets(&self, _: i32, _: SocketTable) -> Read<Vec<SocketRow>> {
        Ok(Vec::new())
    }

    fn net_namespace(&self, _: i32) -> Read<u64> {
        Ok(0)
    }

    fn pids(&self) -> Read<Vec<i32>> {
        self.0.pids()
    }

    fn task(&self, pid: i32, ask: &Ask<'_>) -> Read<TaskRow> {
        self.0.task(pid, ask)
    }

    fn stat(&self, pid: i32) -> Read<StatRow> {
        self.0.stat(pid)
    }

    fn compare(&self, a: (i32, i32), b: (i32, i32)) -> Read<Ordering> {
        self.0.compare(a, b)
    }

    fn waiting(&self, pid: i32) -> Read<Option<(&'static str, [u64; 6])>> {
        self.0.waiting(pid)
    }

    fn user_name(&self, uid: u32) -> Option<String> {
        self.0.user_name(uid)
    }

    fn devices(&self) -> DeviceTables {
        self.0.devices()
    }
}
