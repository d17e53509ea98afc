//! The tables of followed tasks, as they were when they were read last.
//!
//! Tasks may share a table, so that a table has an id of its own and each task says which it uses.
//! What cannot be read for certain, because the task is going or because this program lacks the right,
//! is unknown and not empty: the table as it was read before stays, and nothing is said to have changed.

use super::{Need, Request, Which, collect};
use crate::kernel::Source;
use crate::model::{Change, Snapshot, State, changes};
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
        // Whom a socket talks to stands in tables of the whole machine: reading those at each step would
        // take longer than all the rest.
        let need = Need { fdinfo: true, ..Need::NAMES };
        let now = collect(self.source, &Request::new(Which::Pids(vec![tid]), need));
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
