//! The driver of the lab `pipe`: traces the actor, tells what it and its children do, stops every
//! stage at its exec and shows the tables of that moment.
//!
//! The kernel would run the shell and its children side by side. The driver lets one go at a time: the
//! shell until it waits, then each stage until its exec, in the pipeline's order. That is one of the
//! orders that the kernel might have chosen, and the one that is easiest to read.

use super::{Pipeline, actor};
use crate::collect::{Need, Request, Which, collect};
use crate::kernel::ptrace::{Ended, Next, Stop, Tracer, Why, send};
use crate::kernel::signals::{SIGCONT, SIGTERM, Signals};
use crate::kernel::syscall::Call;
use crate::kernel::{Errno, Failure, Source, spawn};
use crate::model::{Fate, Snapshot, Step};
use crate::query::changes;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::io;
use std::time::{Duration, Instant};

/// What the driver tells, as it happens.
#[derive(Debug)]
pub enum Moment<'a> {
    /// The actor is there and is traced.
    Begun,
    /// A system call has returned.
    Step(&'a Step),
    /// Every stage is stopped at its exec, or has ended before it.
    AtExec {
        /// The tables of the shell and of the stages that are there.
        snapshot: &'a Snapshot,
        /// All stages.
        stages: &'a [Stage],
    },
    /// The stages are about to run.
    Running,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its process.
    pub pid: i32,
    /// Its command's name.
    pub command: String,
    /// How it ended, when it has.
    pub fate: Option<Fate>,
}

/// How the lab ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// It was ended because it took longer than this.
    pub late: Option<Duration>,
    /// It was ended because this signal asked for it.
    pub asked: Option<i32>,
}

/// Why the lab could not go on.
#[derive(Debug)]
pub enum Problem {
    /// A call of the driver failed.
    Call(Failure),
    /// What it tells could not be written.
    Output(io::Error),
    /// The actor ended before its stages were there.
    ActorLost,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Runs `pipeline` with the program `actor`, given `argv`, as its shell, and tells `tell` what
/// happens. It is ended after `timeout`. Nothing that it started is left when this returns.
pub fn pipe(
    source: &dyn Source,
    pipeline: &Pipeline,
    (program, argv): (&CStr, &[CString]),
    timeout: Duration,
    tell: &mut dyn FnMut(Moment<'_>) -> io::Result<()>,
) -> Result<Outcome, Problem> {
    let mut tracer = Tracer::new(Signals::take()?);
    let shell = spawn::launch(&mut tracer, program, argv)?;
    let driver = Driver {
        source,
        tracer,
        commands: pipeline.stages.iter().map(|words| words[0].clone()).collect(),
        shell,
        shell_stop: None,
        stages: Vec::new(),
        stops: HashMap::new(),
        running: None,
        playing: false,
        calls: HashMap::new(),
        tables: HashMap::new(),
        steps: 0,
        timeout,
        deadline: Instant::now() + timeout,
        outcome: Outcome { stages: Vec::new(), late: None, asked: None },
    };
    driver.drive(tell)
}

struct Driver<'a> {
    source: &'a dyn Source,
    tracer: Tracer,
    commands: Vec<String>,
    shell: i32,
    /// The shell's stop when it is about to wait for its children.
    shell_stop: Option<Stop>,
    stages: Vec<Stage>,
    /// The stages that are stopped: as new children, or at their exec.
    stops: HashMap<i32, Stop>,
    /// The stage that was let go.
    running: Option<i32>,
    /// Whether the actor has begun to play its role.
    playing: bool,
    /// The call that each process is in.
    calls: HashMap<i32, Pending>,
    /// Each process's table after its last step.
    tables: HashMap<i32, Snapshot>,
    steps: usize,
    timeout: Duration,
    deadline: Instant,
    outcome: Outcome,
}

struct Pending {
    call: &'static Call,
    raw: [u64; 6],
    args: Vec<String>,
}

type Tell<'a> = dyn FnMut(Moment<'_>) -> io::Result<()> + 'a;

impl Driver<'_> {
    fn drive(mut self, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
        tell(Moment::Begun)?;
        while !self.all_there() {
            match self.tracer.next(Some(self.deadline))? {
                Next::Stop(stop) => self.at_stop(stop, tell)?,
                Next::Ended { pid, .. } if pid == self.shell => return Err(Problem::ActorLost),
                Next::Ended { pid, how } => self.at_end(pid, how),
                Next::Asked(signal) => return Ok(self.give_up(Some(signal))),
                Next::Late => return Ok(self.give_up(None)),
                Next::Nobody => return Err(Problem::ActorLost),
            }
            self.let_next_go()?;
        }
        let mut pids = vec![self.shell];
        pids.extend(self.stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| stage.pid));
        let snapshot = collect(self.source, &Request { which: Which::Pids(pids), need: Need::ALL });
        tell(Moment::AtExec { snapshot: &snapshot, stages: &self.stages })?;
        tell(Moment::Running)?;
        self.run_to_the_end()
    }

    /// Whether the shell waits and every stage is at its exec or has ended.
    fn all_there(&self) -> bool {
        self.shell_stop.is_some()
            && self.stages.len() == self.commands.len()
            && self.stages.iter().all(|stage| stage.fate.is_some() || self.is_at_exec(stage.pid))
    }

    fn is_at_exec(&self, pid: i32) -> bool {
        self.stops.get(&pid).is_some_and(|stop| stop.why == Why::Exec)
    }

    fn at_stop(&mut self, stop: Stop, tell: &mut Tell<'_>) -> Result<(), Problem> {
        let pid = stop.pid;
        match stop.why {
            Why::Attached if pid != self.shell => {
                self.tables.insert(pid, self.table(pid));
                self.stops.insert(pid, stop);
                return Ok(());
            }
            Why::Forked { child } if pid == self.shell => {
                let command = self.commands.get(self.stages.len()).cloned().unwrap_or_default();
                self.stages.push(Stage { pid: child, command, fate: None });
            }
            Why::Entry { number, args } => {
                if let Some(call) = Call::of(number) {
                    let texts = call.arguments(pid, args);
                    self.calls.insert(pid, Pending { call, raw: args, args: texts });
                    if pid == self.shell && self.playing && call.name == "wait4" {
                        self.shell_stop = Some(stop);
                        return Ok(());
                    }
                }
            }
            Why::Return { value, is_error } => {
                if let Some(pending) = self.calls.remove(&pid) {
                    self.at_return(pid, pending, value, is_error, tell)?;
                }
            }
            Why::Exec if self.playing => {
                // The call has no return in the program that made it; its work is done.
                if let Some(pending) = self.calls.remove(&pid) {
                    self.step(pid, pending, "0".to_owned(), tell)?;
                }
                self.stops.insert(pid, stop);
                self.running = None;
                return Ok(());
            }
            _ => {}
        }
        Ok(stop.run_to_syscall()?)
    }

    fn at_return(
        &mut self,
        pid: i32,
        pending: Pending,
        value: i64,
        is_error: bool,
        tell: &mut Tell<'_>,
    ) -> Result<(), Problem> {
        if !self.playing {
            // What comes before are the dynamic linker and the runtime of the actor's own program.
            if pending.call.name == "prctl" && self.has_role(pid) {
                self.playing = true;
                self.tables.insert(pid, self.table(pid));
            }
            return Ok(());
        }
        if pending.call.name == "prctl" {
            return Ok(());
        }
        let result = pending.call.result(pid, pending.raw, value, is_error);
        self.step(pid, pending, result, tell)
    }

    fn has_role(&self, pid: i32) -> bool {
        self.source.stat(pid).is_ok_and(|stat| stat.comm == actor::ROLE.to_bytes())
    }

    fn step(
        &mut self,
        pid: i32,
        pending: Pending,
        result: String,
        tell: &mut Tell<'_>,
    ) -> Result<(), Problem> {
        let after = self.table(pid);
        let changes = self.tables.get(&pid).map(|before| changes(before, &after, pid));
        self.tables.insert(pid, after);
        self.steps += 1;
        let stage = self.stages.iter().find(|stage| stage.pid == pid);
        let step = Step {
            n: self.steps,
            actor: stage.map_or_else(|| "shell".to_owned(), |stage| stage.command.clone()),
            pid,
            call: pending.call.name,
            args: pending.args,
            result,
            changes: changes.unwrap_or_default(),
        };
        Ok(tell(Moment::Step(&step))?)
    }

    /// The table of a process that is stopped.
    fn table(&self, pid: i32) -> Snapshot {
        let need = Need { details: false, fdinfo: false, ends: false, identity: false };
        collect(self.source, &Request { which: Which::Pids(vec![pid]), need })
    }

    fn at_end(&mut self, pid: i32, how: Ended) {
        if self.running == Some(pid) {
            self.running = None;
        }
        self.stops.remove(&pid);
        if let Some(stage) = self.stages.iter_mut().find(|stage| stage.pid == pid) {
            stage.fate = Some(match how {
                Ended::Exited(status) => Fate::Exited(status),
                Ended::Killed(signal) => Fate::Killed(signal),
            });
        }
    }

    /// When the shell waits and no stage is on its way, lets the next one go.
    fn let_next_go(&mut self) -> Result<(), Problem> {
        if self.shell_stop.is_none() || self.running.is_some() {
            return Ok(());
        }
        let next = self
            .stages
            .iter()
            .map(|stage| stage.pid)
            .find(|pid| self.stops.get(pid).is_some_and(|stop| stop.why == Why::Attached));
        if let Some(pid) = next
            && let Some(stop) = self.stops.remove(&pid)
        {
            self.running = Some(pid);
            stop.run_to_syscall()?;
        }
        Ok(())
    }

    fn run_to_the_end(mut self) -> Result<Outcome, Problem> {
        self.deadline = Instant::now() + self.timeout;
        for stop in self.stops.drain().map(|(_, stop)| stop).chain(self.shell_stop.take()) {
            stop.run()?;
        }
        // The shell ends when its stages have.
        let mut shell_lives = true;
        while shell_lives || self.stages.iter().any(|stage| stage.fate.is_none()) {
            match self.tracer.next(Some(self.deadline))? {
                Next::Stop(stop) => stop.run()?,
                Next::Ended { pid, how } => {
                    shell_lives &= pid != self.shell;
                    self.at_end(pid, how);
                }
                Next::Asked(signal) => return Ok(self.give_up(Some(signal))),
                Next::Late => return Ok(self.give_up(None)),
                Next::Nobody => break,
            }
        }
        Ok(self.finish())
    }

    /// Ends what runs: asks first, so that a command may clean up, and kills after a while.
    fn give_up(mut self, asked: Option<i32>) -> Outcome {
        self.outcome.asked = asked;
        self.outcome.late = if asked.is_none() { Some(self.timeout) } else { None };
        let stages: Vec<i32> = self.tracer.live().filter(|&pid| pid != self.shell).collect();
        for &pid in &stages {
            send(pid, SIGTERM);
            send(pid, SIGCONT);
        }
        for (_, stop) in self.stops.drain() {
            let _ = stop.run();
        }
        let deadline = Instant::now() + GRACE;
        while self.tracer.live().any(|pid| pid != self.shell) {
            match self.tracer.next(Some(deadline)) {
                Ok(Next::Stop(stop)) => drop(stop.run()),
                Ok(Next::Ended { pid, how }) => self.at_end(pid, how),
                Ok(Next::Asked(_)) => {}
                Ok(Next::Late | Next::Nobody) | Err(_) => break,
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Outcome {
        // What does not end when it is asked to, and what the stages left behind.
        for (pid, how) in self.tracer.kill_all() {
            self.at_end(pid, how);
        }
        self.outcome.stages = self.stages;
        self.outcome
    }
}

impl Problem {
    /// Whether tracing is forbidden here.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Call(Failure { call: "ptrace", errno: Errno::EPERM }))
    }
}
