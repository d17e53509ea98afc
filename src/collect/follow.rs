//! From ptrace stops to events: what each process did, and what that changed in its table.
//!
//! A [`Follower`] takes the stops of a [`Tracer`] and makes of them what a lab or a trace tells: a call
//! and its return, a new task, a new program, an end. It joins what the kernel tells in two parts and in
//! either order (a parent's word that it has a child, and that child's first stop), moves what is known
//! of a thread to the process that it becomes by execve(2), and resumes by itself whatever is nobody's
//! business. A task that stands at an event stands still until [`Follower::go`] lets it go: while it
//! does, its table can be read.
//!
//! A task's first event is its birth and its last one its end; a parent goes on only when its child has
//! been born, so that children are born in the order in which they are made. Where SIGKILL strikes between the two parts
//! of a birth, the parent's word may never come: then the child is given to the process that the kernel names,
//! and a task that was killed before its first stop ends without having been born.
//!
//! Tables are read and not computed. Where threads share one, another of them may change it between two
//! readings; such a change shows at the next call of whichever thread made one.

use super::tables::{TableId, Tables};

pub use super::event::{Birth, Event};

use crate::kernel::kcmp::share_table;
use crate::kernel::ptrace::{Born, Ended, Entry, Next, Pace, Return, Stop, Tracer, process_of};
use crate::kernel::syscall::{Call, Making, is_foreign, is_restart};
use crate::kernel::{Failure, Read, Source};
use crate::model::{Change, Fate, Step};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

#[derive(Debug)]
struct Task {
    /// The process that it belongs to.
    process: i32,
    table: TableId,
    call: Option<Pending>,
    pace: Pace,
    /// Of one that its parent has told of, until it stops for the first time.
    birth: Option<Birth>,
}

/// A call that was entered.
#[derive(Debug)]
struct Pending {
    /// Nothing for a call of another architecture.
    call: Option<&'static Call>,
    raw: [u64; 6],
    args: Vec<String>,
    making: Option<Making>,
}

/// A new task that has stopped, and whose parent has not told of it yet.
#[derive(Debug)]
struct Early {
    stop: Stop,
    /// The process that made it, as far as the kernel tells.
    maker: i32,
    /// At what pace that goes, where it is followed.
    pace: Option<Pace>,
}

/// Follows the tasks of a [`Tracer`].
pub struct Follower<'a> {
    source: &'a dyn Source,
    tracer: Tracer,
    tasks: HashMap<i32, Task>,
    tables: Tables<'a>,
    early: HashMap<i32, Early>,
    /// Parents that have told of a child, until that has stopped: which, and where they stand.
    waiting: HashMap<i32, (i32, Stop)>,
    /// Tasks that have ended, and whose parents have not told of them yet.
    gone: HashSet<i32>,
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
            tables: Tables::new(source),
            early: HashMap::new(),
            waiting: HashMap::new(),
            gone: HashSet::new(),
            steps: 0,
        };
        follower.follow(first);
        follower
    }

    /// Follows one more task that the tracer has seized.
    pub fn follow(&mut self, tid: i32) {
        let table = self.tables.make();
        self.tasks.insert(tid, Task { process: tid, table, call: None, pace: Pace::ToCall, birth: None });
    }

    /// The tracer, for what is not followed: the tasks that live, and their end.
    pub fn tracer(&mut self) -> &mut Tracer {
        &mut self.tracer
    }

    /// Lets a task go on. One that is let go `Free` is followed no more in its calls, and neither are
    /// the tasks that it makes: of them only births, programs and ends are told.
    pub fn go(&mut self, stop: Stop, pace: Pace) -> Read<()> {
        if let Some(task) = self.tasks.get_mut(&stop.tid()) {
            let before = std::mem::replace(&mut task.pace, pace);
            if pace == Pace::Free && !matches!(stop, Stop::Entry(_)) {
                task.call = None;
            }
            // What it did meanwhile is not its next call's doing.
            if (before, pace) == (Pace::Free, Pace::ToCall) {
                self.tables.read(task.table, stop.tid());
            }
        }
        stop.go(pace)
    }

    /// Waits for the next event, at most until `deadline`.
    pub fn next(&mut self, deadline: Option<Instant>) -> Read<Event> {
        loop {
            if let Some(event) = self.adopt() {
                return Ok(event);
            }
            let event = match self.tracer.next(deadline)? {
                Next::Stop(stop) => self.at_stop(stop)?,
                Next::Ended { tid, how } => {
                    self.bury(tid)?;
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
        // Killed where it waited: it stands elsewhere now.
        self.waiting.remove(&tid);
        match self.tasks.get_mut(&tid) {
            Some(task) => {
                if let Some(birth) = task.birth.take() {
                    self.release(birth)?;
                    return Ok(Some(self.born(birth, stop)));
                }
            }
            None if matches!(stop, Stop::Exec(_)) => {}
            None => {
                self.unannounced(stop)?;
                return Ok(None);
            }
        }
        match &stop {
            Stop::Born(born) => {
                let child = born.kind.child;
                let event = self.told(tid, born.kind);
                if self.tasks.get(&child).is_some_and(|task| task.birth.is_some()) {
                    self.waiting.insert(tid, (child, stop));
                } else {
                    self.resume(stop)?;
                }
                return Ok(event);
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
            // Of a task that is known, `Attached` is the end of a group stop.
            Stop::Attached(_) | Stop::Delivery(_) | Stop::Group(_) | Stop::Other(_) => {}
        }
        self.resume(stop)?;
        Ok(None)
    }

    /// Lets a task go on as it was let go before.
    fn resume(&self, stop: Stop) -> Read<()> {
        let pace = self.tasks.get(&stop.tid()).map_or(Pace::ToCall, |task| task.pace);
        stop.go(pace)
    }

    /// Lets a parent go on that waited for its child to stop, or to end before it did.
    fn release(&mut self, birth: Birth) -> Read<()> {
        match self.waiting.remove(&birth.parent) {
            Some((child, stop)) if child == birth.child => self.resume(stop),
            _ => Ok(()),
        }
    }

    /// A task has stopped that nobody has told of. It stands until its parent does.
    fn unannounced(&mut self, stop: Stop) -> Read<()> {
        let tid = stop.tid();
        self.gone.remove(&tid);
        if matches!(stop, Stop::Exiting(_)) {
            // Killed at once. Another thread's execve(2), for one, waits for its end.
            self.early.remove(&tid);
            return stop.go(Pace::Free);
        }
        let maker = match process_of(tid) {
            Some(process) if process != tid => process,
            _ => self.source.stat(tid).map_or(0, |stat| stat.ppid),
        };
        let pace = self.tasks.values().find(|task| task.process == maker).map(|task| task.pace);
        self.early.insert(tid, Early { stop, maker, pace });
        Ok(())
    }

    /// A parent tells of its child. It stands while this asks: so both still are as they were made.
    fn told(&mut self, parent: i32, born: Born) -> Option<Event> {
        let child = born.child;
        if self.gone.remove(&child) || self.tasks.contains_key(&child) {
            return None;
        }
        let task = self.tasks.get_mut(&parent)?;
        let making = task.call.as_ref().and_then(|call| call.making);
        if task.pace == Pace::Free {
            // Its return will not be seen.
            task.call = None;
        }
        let (process, table, pace) = (task.process, task.table, task.pace);
        let is_thread = making
            .map_or_else(|| process_of(child).is_some_and(|process| process != child), |it| it.is_thread);
        let shares_table = making
            .map_or_else(|| share_table(parent, child).unwrap_or(is_thread), |making| making.shares_table);
        let birth = Birth { child, parent, is_thread, shares_table, parent_waits: born.waits };
        let table = if shares_table { table } else { self.tables.make() };
        let process = if is_thread { process } else { child };
        self.tasks.insert(child, Task { process, table, call: None, pace, birth: Some(birth) });
        let early = self.early.remove(&child)?;
        self.tasks.get_mut(&child)?.birth = None;
        Some(self.born(birth, early.stop))
    }

    /// The birth of a task whose parent can no longer tell of it: SIGKILL struck inside its call.
    fn adopt(&mut self) -> Option<Event> {
        let orphan = self.early.iter().find(|(_, early)| !self.may_be_told_of(early));
        let child = orphan.map(|(child, _)| *child)?;
        let Early { stop, maker, pace } = self.early.remove(&child)?;
        let process = process_of(child).unwrap_or(child);
        let is_thread = process != child;
        let sharer = self.tasks.values().find(|task| is_thread && task.process == process);
        let table = sharer.map_or_else(|| self.tables.make(), |task| task.table);
        let birth = Birth { child, parent: maker, is_thread, shares_table: is_thread, parent_waits: false };
        let pace = pace.unwrap_or(Pace::ToCall);
        self.tasks.insert(child, Task { process, table, call: None, pace, birth: None });
        Some(self.born(birth, stop))
    }

    /// Whether some task may be about to tell of one that has stopped early.
    fn may_be_told_of(&self, early: &Early) -> bool {
        let makes = |task: &Task| {
            task.pace == Pace::Free
                || task.call.as_ref().is_some_and(|pending| pending.call.is_none_or(Call::makes_tasks))
        };
        let mut of_maker = self.tasks.values().filter(|task| task.process == early.maker).peekable();
        if of_maker.peek().is_some() || early.pace.is_some() {
            return of_maker.any(makes);
        }
        // The kernel names whom the child was given to: as CLONE_PARENT wants it, or because the one
        // that made it is gone.
        self.tasks.values().any(makes)
    }

    fn born(&mut self, birth: Birth, stop: Stop) -> Event {
        if let Some(task) = self.tasks.get(&birth.child)
            && task.pace == Pace::ToCall
            && !birth.shares_table
        {
            self.tables.read(task.table, birth.child);
        }
        Event::Born { birth, stop }
    }

    fn enter(&mut self, tid: i32, arch: u32, number: u64, raw: [u64; 6]) -> Option<&'static str> {
        let task = self.tasks.get_mut(&tid)?;
        task.call = None;
        let call = Call::of(arch, number);
        if call.is_none() && !is_foreign(arch, number) {
            return None;
        }
        let args = call.map_or_else(Vec::new, |call| call.arguments(tid, raw));
        let making = call.and_then(|call| call.making(tid, raw));
        task.call = Some(Pending { call, raw, args, making });
        if !self.tables.is_known(task.table) {
            self.tables.read(task.table, tid);
        }
        call.map(|call| call.name)
    }

    fn leave(&mut self, tid: i32, Return { value, is_error }: Return) -> Option<Step> {
        let task = self.tasks.get_mut(&tid)?;
        let Pending { call, raw, args, .. } = task.call.take()?;
        if is_error && is_restart(value) {
            return None;
        }
        if !is_error && call.is_some_and(|call| call.unshares_table(raw)) {
            let shared = task.table;
            task.table = self.tables.copy(shared);
            self.forget_unused(shared);
        }
        let changes = self.tables.read(self.tasks.get(&tid)?.table, tid);
        let Some(call) = call else {
            // Nothing is known of it but what it left behind.
            return (!changes.is_empty()).then(|| self.step(tid, "?", Vec::new(), String::new(), changes));
        };
        let result = call.result(tid, raw, value, is_error);
        Some(self.step(tid, call.name, args, result, changes))
    }

    fn executed(&mut self, tid: i32, former: i32) -> Step {
        let caller = self.tasks.remove(&former);
        // The first thread, where another one takes its place.
        let replaced = self.tasks.remove(&tid);
        let pace = caller.as_ref().map_or(Pace::ToCall, |task| task.pace);
        // execve gives the process a table of its own, whoever shared it before.
        let table = match &caller {
            Some(task) if pace == Pace::ToCall => self.tables.copy(task.table),
            _ => self.tables.make(),
        };
        self.tasks.insert(tid, Task { process: tid, table, call: None, pace, birth: None });
        for task in caller.iter().chain(&replaced) {
            self.forget_unused(task.table);
        }
        let changes = if pace == Pace::ToCall { self.tables.read(table, tid) } else { Vec::new() };
        let (name, args) = match caller.and_then(|task| task.call) {
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

    fn bury(&mut self, tid: i32) -> Read<()> {
        self.early.remove(&tid);
        self.waiting.remove(&tid);
        let Some(task) = self.tasks.remove(&tid) else {
            self.gone.insert(tid);
            return Ok(());
        };
        self.forget_unused(task.table);
        task.birth.map_or(Ok(()), |birth| self.release(birth))
    }

    fn forget_unused(&mut self, table: TableId) {
        if !self.tasks.values().any(|task| task.table == table) {
            self.tables.forget(table);
        }
    }
}

/// An end in the words of the model.
pub fn fate(how: Ended) -> Fate {
    match how {
        Ended::Exited(status) => Fate::Exited(status),
        Ended::Killed(signal) => Fate::Killed(signal),
    }
}

/// Whether a failure says that nothing may be traced here.
pub fn is_forbidden(failure: Failure) -> bool {
    use crate::kernel::Errno;
    // A seccomp filter may answer with whichever of these it likes.
    failure.call == "ptrace" && matches!(failure.errno, Errno::EPERM | Errno::EACCES | Errno::ENOSYS)
}
