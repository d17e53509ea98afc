//! From ptrace stops to events: what each process did, and what that changed in its table.
//!
//! A [`Follower`] takes the stops of a [`Tracer`] and makes of them what a lab or a trace tells: a call
//! and its return, a new task, a new program, an end. It joins what the kernel tells in two parts and in
//! either order (a parent's word that it has a child, and that child's first stop), moves what is known
//! of a thread to the process that it becomes by execve(2), and resumes by itself whatever is nobody's
//! business. A task that stands at an event stands still until [`Follower::go`] lets it go: while it
//! does, its table can be read.
//!
//! Tables are read and not computed. Where threads share one, another of them may change it between two
//! readings; such a change shows at the next call of whichever thread made one.

use super::{Need, Request, Which, collect};
use crate::kernel::ptrace::{Ended, Entry, Next, Pace, Return, Stop, Tracer};
use crate::kernel::syscall::{Call, is_foreign, is_restart};
use crate::kernel::{Failure, Read, Source};
use crate::model::{Change, Fate, Snapshot, Step, changes};
use std::collections::HashMap;
use std::time::Instant;

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// A task is about to make a call of the table.
    Entry {
        /// The call's name.
        call: &'static str,
        /// Where it stands.
        stop: Stop,
    },
    /// A call of the table has returned.
    Step {
        /// What it was and did. Its number is that of the call among all seen.
        step: Step,
        /// Where the task stands.
        stop: Stop,
    },
    /// A new task stands before its first instruction.
    Born {
        /// Which, and of whom.
        birth: Birth,
        /// Where it stands.
        stop: Stop,
    },
    /// A new program stands before its first instruction.
    Exec {
        /// The call that brought it.
        step: Step,
        /// The id of the thread that made that call, where it was not the first one's.
        former: i32,
        /// Where it stands.
        stop: Stop,
    },
    /// A task is about to exit; its table is complete still.
    Exiting {
        /// Where it stands.
        stop: Stop,
    },
    /// A task has ended.
    Ended {
        /// Which.
        tid: i32,
        /// How.
        fate: Fate,
    },
    /// This signal asks this program to end.
    Asked(i32),
    /// The time is up.
    Late,
    /// Nobody is left to follow.
    Nobody,
}

/// A new task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth {
    /// Its id.
    pub child: i32,
    /// The task that made it.
    pub parent: i32,
    /// Whether it is a thread of that one's process.
    pub is_thread: bool,
    /// Whether both use one table (CLONE_FILES), so that what one opens the other has.
    pub shares_table: bool,
    /// Whether the parent stands still until the child has executed or ended (vfork(2)).
    pub parent_waits: bool,
}

/// Which table a task uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TableId(usize);

#[derive(Debug)]
struct Task {
    table: TableId,
    call: Option<Pending>,
    pace: Pace,
}

/// A call that was entered.
#[derive(Debug)]
struct Pending {
    /// Nothing for a call of another architecture.
    call: Option<&'static Call>,
    raw: [u64; 6],
    args: Vec<String>,
}

/// Follows the tasks of a [`Tracer`].
pub struct Follower<'a> {
    source: &'a dyn Source,
    tracer: Tracer,
    tasks: HashMap<i32, Task>,
    /// Each table as it was when it was read last.
    tables: HashMap<TableId, Snapshot>,
    next_table: usize,
    /// New tasks whose parents have told of them, and that have not stopped yet.
    told: HashMap<i32, Birth>,
    /// New tasks that have stopped, and whose parents have not told of them yet.
    early: HashMap<i32, Stop>,
    steps: usize,
}

impl std::fmt::Debug for Follower<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

impl<'a> Follower<'a> {
    /// Follows what `tracer` has seized: `first`, and whatever it makes.
    pub fn new(source: &'a dyn Source, tracer: Tracer, first: i32) -> Self {
        let mut follower = Self {
            source,
            tracer,
            tasks: HashMap::new(),
            tables: HashMap::new(),
            next_table: 0,
            told: HashMap::new(),
            early: HashMap::new(),
            steps: 0,
        };
        let table = follower.new_table();
        follower.tasks.insert(first, Task { table, call: None, pace: Pace::ToCall });
        follower
    }

    /// The tracer, for what is not followed: the tasks that live, and their end.
    pub fn tracer(&mut self) -> &mut Tracer {
        &mut self.tracer
    }

    /// Lets a task go on. One that is let go `Free` is followed no more in its calls, and neither are
    /// the tasks that it makes.
    pub fn go(&mut self, stop: Stop, pace: Pace) -> Read<()> {
        if let Some(task) = self.tasks.get_mut(&stop.tid()) {
            task.pace = pace;
        }
        stop.go(pace)
    }

    /// Waits for the next event, at most until `deadline`.
    pub fn next(&mut self, deadline: Option<Instant>) -> Read<Event> {
        loop {
            let event = match self.tracer.next(deadline)? {
                Next::Stop(stop) => self.at_stop(stop)?,
                Next::Ended { tid, how } => {
                    self.forget(tid);
                    Some(Event::Ended { tid, fate: fate(how) })
                }
                Next::Asked(signal) => Some(Event::Asked(signal)),
                Next::Late => Some(Event::Late),
                Next::Nobody => Some(Event::Nobody),
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// Kills whoever is left, waits until each has ended, and tells how.
    pub fn end_all(&mut self) -> Vec<(i32, Fate)> {
        self.tracer.kill_all().into_iter().map(|(tid, how)| (tid, fate(how))).collect()
    }

    fn at_stop(&mut self, stop: Stop) -> Read<Option<Event>> {
        let tid = stop.tid();
        match &stop {
            Stop::Attached(_) => match self.told.remove(&tid) {
                Some(birth) => return Ok(Some(self.born(birth, stop))),
                // PTRACE_INTERRUPT and the end of a group stop look the same; nobody asks for them.
                None if self.tasks.contains_key(&tid) => {}
                None => {
                    self.early.insert(tid, stop);
                    return Ok(None);
                }
            },
            Stop::Born(born) => {
                let birth = self.birth(tid, born.kind.child);
                let early = self.early.remove(&birth.child);
                self.resume(stop)?;
                if let Some(child) = early {
                    return Ok(Some(self.born(birth, child)));
                }
                self.told.insert(birth.child, birth);
                return Ok(None);
            }
            Stop::Entry(entry) => {
                let Entry { arch, number, args } = entry.kind;
                if let Some(call) = self.enter(tid, arch, number, args) {
                    return Ok(Some(Event::Entry { call, stop }));
                }
            }
            Stop::Return(returned) => {
                let returned = returned.kind;
                if let Some(step) = self.leave(tid, returned) {
                    return Ok(Some(Event::Step { step, stop }));
                }
            }
            Stop::Exec(exec) => {
                let former = exec.kind.former;
                return Ok(Some(Event::Exec { step: self.executed(tid, former), former, stop }));
            }
            Stop::Exiting(_) => return Ok(Some(Event::Exiting { stop })),
            Stop::Delivery(_) | Stop::Group(_) | Stop::Other(_) => {}
        }
        self.resume(stop)?;
        Ok(None)
    }

    /// Lets a task go on as it was let go before.
    fn resume(&self, stop: Stop) -> Read<()> {
        let pace = self.tasks.get(&stop.tid()).map_or(Pace::ToCall, |task| task.pace);
        stop.go(pace)
    }

    /// What the call that a parent stands in says of its child.
    fn birth(&self, parent: i32, child: i32) -> Birth {
        let pending = self.tasks.get(&parent).and_then(|task| task.call.as_ref());
        let name = pending.and_then(|pending| pending.call).map_or("", |call| call.name);
        let flags = pending.and_then(|pending| pending.args.first()).map_or("", String::as_str);
        let has = |flag: &str| flags.split('|').any(|known| known == flag);
        Birth {
            child,
            parent,
            is_thread: has("CLONE_THREAD"),
            shares_table: has("CLONE_FILES"),
            parent_waits: name == "vfork" || has("CLONE_VFORK"),
        }
    }

    fn born(&mut self, birth: Birth, stop: Stop) -> Event {
        let parent = self.tasks.get(&birth.parent).map(|task| (task.table, task.pace));
        let pace = parent.map_or(Pace::ToCall, |(_, pace)| pace);
        let table = match parent {
            Some((table, _)) if birth.shares_table => table,
            _ => self.new_table(),
        };
        self.tasks.insert(birth.child, Task { table, call: None, pace });
        if !birth.shares_table && pace == Pace::ToCall {
            self.read(birth.child);
        }
        Event::Born { birth, stop }
    }

    fn enter(&mut self, tid: i32, arch: u32, number: u64, raw: [u64; 6]) -> Option<&'static str> {
        let call = Call::of(arch, number);
        if call.is_none() && !is_foreign(arch, number) {
            return None;
        }
        let args = call.map_or_else(Vec::new, |call| call.arguments(tid, raw));
        let task = self.tasks.get_mut(&tid)?;
        if !self.tables.contains_key(&task.table) {
            self.read(tid);
        }
        self.tasks.get_mut(&tid)?.call = Some(Pending { call, raw, args });
        call.map(|call| call.name)
    }

    fn leave(&mut self, tid: i32, Return { value, is_error }: Return) -> Option<Step> {
        let pending = self.tasks.get_mut(&tid)?.call.take()?;
        if is_error && is_restart(value) {
            return None;
        }
        if pending.call.is_some_and(|call| call.name == "unshare") && !is_error {
            let table = self.new_table();
            self.tasks.get_mut(&tid)?.table = table;
        }
        let changes = self.read(tid);
        let Some(call) = pending.call else {
            // Nothing is known of it but what it left behind.
            return (!changes.is_empty()).then(|| self.step(tid, "?", Vec::new(), String::new(), changes));
        };
        let result = call.result(tid, pending.raw, value, is_error);
        Some(self.step(tid, call.name, pending.args, result, changes))
    }

    fn executed(&mut self, tid: i32, former: i32) -> Step {
        let old = self.tasks.remove(&former);
        let pace = old.as_ref().map_or(Pace::ToCall, |task| task.pace);
        let before = old.as_ref().and_then(|task| self.tables.get(&task.table).cloned());
        // execve gives the process a table of its own, whoever shared it before.
        let table = self.new_table();
        if let Some(before) = before {
            self.tables.insert(table, before);
        }
        self.tasks.insert(tid, Task { table, call: None, pace });
        let pending = old.and_then(|task| task.call);
        let changes = self.read(tid);
        let (name, args) = match pending {
            Some(Pending { call: Some(call), args, .. }) => (call.name, args),
            _ => ("execve", Vec::new()),
        };
        self.step(tid, name, args, "0".to_owned(), changes)
    }

    fn step(
        &mut self,
        tid: i32,
        call: &'static str,
        args: Vec<String>,
        result: String,
        mut changes: Vec<Change>,
    ) -> Step {
        // Whoever shares an offset may move it at any time; it is this call's doing only if the call
        // is there to move it.
        let named = args.first().filter(|_| matches!(call, "lseek" | "read"));
        let own = changes.iter().find_map(|change| match change {
            Change::Moved { fd, from, to } if Some(fd.to_string()).as_ref() == named => Some((*from, *to)),
            _ => None,
        });
        changes.retain(|change| match change {
            Change::Moved { from, to, .. } => Some((*from, *to)) == own,
            _ => true,
        });
        self.steps += 1;
        Step { n: self.steps, actor: String::new(), pid: tid, call, args, result, changes }
    }

    /// Reads the table of a task that stands still, and tells what is different from the last time.
    fn read(&mut self, tid: i32) -> Vec<Change> {
        let Some(table) = self.tasks.get(&tid).map(|task| task.table) else {
            return Vec::new();
        };
        let need = Need { details: false, fdinfo: true, ends: false, identity: false };
        let now = collect(self.source, &Request { which: Which::Pids(vec![tid]), need });
        // A table of a task that was killed under the reader is not empty but unknown.
        if now.processes.iter().all(|process| process.table.is_err()) {
            return Vec::new();
        }
        let changes = self.tables.get(&table).map(|before| changes(before, &now));
        self.tables.insert(table, now);
        changes.unwrap_or_default()
    }

    fn new_table(&mut self) -> TableId {
        self.next_table += 1;
        TableId(self.next_table)
    }

    fn forget(&mut self, tid: i32) {
        self.told.remove(&tid);
        self.early.remove(&tid);
        if let Some(task) = self.tasks.remove(&tid)
            && !self.tasks.values().any(|other| other.table == task.table)
        {
            self.tables.remove(&task.table);
        }
    }
}

fn fate(how: Ended) -> Fate {
    match how {
        Ended::Exited(status) => Fate::Exited(status),
        Ended::Killed(signal) => Fate::Killed(signal),
    }
}

/// Whether a failure says that nothing may be traced here.
pub fn is_forbidden(failure: Failure) -> bool {
    failure.call == "ptrace" && failure.errno == crate::kernel::Errno::EPERM
}
