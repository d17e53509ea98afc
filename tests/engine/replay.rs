//! Plays the changes that the engine tells again, on tables of its own, and holds these against `/proc`
//! at each step of a task that shares its table with nobody, and at each exit.

use crate::tracee::{Row, Table, bare, table};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::model::{Access, Change, Glimpse, Step};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

#[derive(Default)]
pub struct Replay {
    tables: HashMap<i32, Rc<RefCell<Table>>>,
    /// How many steps were held against `/proc`.
    pub steps: usize,
    /// How many exits were.
    pub exits: usize,
}

impl Replay {
    pub fn see(&mut self, event: &Event) {
        match event {
            Event::Born { birth, .. } => {
                let table = match self.tables.get(&birth.parent) {
                    Some(shared) if birth.shares_table => Rc::clone(shared),
                    _ => Rc::new(RefCell::new(table(birth.child))),
                };
                self.tables.insert(birth.child, table);
            }
            Event::Entry { stop, .. } => {
                if self.is_alone(stop.tid()) {
                    let mine = self.tables[&stop.tid()].borrow();
                    assert_eq!(table(stop.tid()), *mine, "changed between two calls");
                }
            }
            Event::Step { step, stop } => {
                if unshares(step) {
                    self.split(stop.tid(), stop.tid());
                }
                self.apply(step, stop.tid());
            }
            Event::Exec { step, former, stop } => {
                let tid = stop.tid();
                if self.tables.contains_key(former) {
                    self.split(*former, tid);
                } else {
                    assert_eq!(step.changes, [], "nothing was known before");
                    self.tables.insert(tid, Rc::new(RefCell::new(table(tid))));
                }
                self.apply(step, tid);
            }
            Event::Exiting { stop } => {
                let tid = stop.tid();
                if self.is_alone(tid) {
                    assert_eq!(table(tid), *self.tables[&tid].borrow(), "{tid} at its exit");
                    self.exits += 1;
                }
                // It changes nothing any more, whoever goes on with the table.
                self.tables.remove(&tid);
            }
            Event::Ended { tid, .. } => drop(self.tables.remove(tid)),
            Event::Asked(_) | Event::Late | Event::Nobody => {}
        }
    }

    /// Whether no other task that lives uses its table.
    fn is_alone(&self, tid: i32) -> bool {
        self.tables.get(&tid).is_some_and(|table| Rc::strong_count(table) == 1)
    }

    /// Gives a task a copy of its own, under an id that may be another.
    fn split(&mut self, former: i32, tid: i32) {
        let copy = self.tables.remove(&former).unwrap().borrow().clone();
        self.tables.insert(tid, Rc::new(RefCell::new(copy)));
    }

    fn apply(&mut self, step: &Step, tid: i32) {
        let is_alone = self.is_alone(tid);
        let now = table(tid);
        let mut mine = self.tables[&tid].borrow_mut();
        for change in &step.changes {
            play(&mut mine, change, tid);
            // Of what is new it is not told whether it is CLOEXEC.
            if let Change::Opened { fd, .. } | Change::Replaced { fd, .. } = change
                && let (Some(row), Some(now)) = (mine.get_mut(fd), now.get(fd))
            {
                row.cloexec = now.cloexec;
            }
        }
        if is_alone {
            assert_eq!(now, *mine, "after {step:?}");
            self.steps += 1;
        }
    }
}

/// Whether a call that succeeded gave the task a table of its own.
fn unshares(step: &Step) -> bool {
    step.result == "0"
        && match step.call {
            "unshare" => step.args[0].contains("CLONE_FILES"),
            "close_range" => step.args[2].parse::<u32>().unwrap() & 2 != 0,
            _ => false,
        }
}

fn play(table: &mut Table, change: &Change, tid: i32) {
    match change {
        Change::Opened { fd, what } => {
            let before = table.insert(*fd, row(what, false));
            assert_eq!(before, None, "{tid}: opened twice: {change:?}");
        }
        Change::Closed { fd, what } => {
            let before = table.remove(fd).unwrap_or_else(|| panic!("{tid}: was not open: {change:?}"));
            assert_eq!(row(what, before.cloexec), before);
        }
        Change::Replaced { fd, from, to } => {
            let before = table.insert(*fd, row(to, false)).unwrap();
            assert_eq!(row(from, before.cloexec), before);
        }
        Change::Cloexec { fd, on } => {
            let row = table.get_mut(fd).unwrap();
            assert_ne!(row.cloexec, *on, "{tid}: {change:?}");
            row.cloexec = *on;
        }
        Change::Moved { .. } => {}
    }
}

fn row(glimpse: &Glimpse, cloexec: bool) -> Row {
    let access = match glimpse.access.expect("fdinfo was read") {
        Access::Read => 0,
        Access::Write => 1,
        Access::ReadWrite => 2,
        Access::Neither => 3,
        Access::Path => 0o10_000_000,
    };
    let name = glimpse.name.as_ref().expect("the name was read");
    Row { name: bare(&String::from_utf8_lossy(name)), access, cloexec }
}
