//! The driver of the lab `pipe`: follows the actor, tells what it and its children do, stops every
//! stage at its exec and shows the tables of that moment.
//!
//! The kernel would run the shell and its children side by side. The driver lets one go at a time: the
//! shell until it waits, then each stage until its exec, in the pipeline's order. That is one of the
//! orders that the kernel might have chosen, and the one that is easiest to read.

use super::{Pipeline, actor};
use crate::collect::follow::{Event, Follower};
use crate::collect::{Need, Request, Which, collect};
use crate::kernel::ptrace::{Pace, Stop, Tracer, send};
use crate::kernel::signals::{SIGCONT, SIGTERM, Signals};
use crate::kernel::{Failure, Source, spawn};
use crate::model::{Fate, Snapshot, Step};
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
        follower: Follower::new(source, tracer, shell),
        commands: pipeline.stages.iter().map(|words| words[0].clone()).collect(),
        shell,
        shell_stop: None,
        stages: Vec::new(),
        born: HashMap::new(),
        at_exec: HashMap::new(),
        running: None,
        playing: false,
        steps: 0,
        timeout,
        deadline: Instant::now() + timeout,
        outcome: Outcome { stages: Vec::new(), late: None, asked: None },
    };
    driver.drive(tell)
}

struct Driver<'a> {
    source: &'a dyn Source,
    follower: Follower<'a>,
    commands: Vec<String>,
    shell: i32,
    /// Where the shell stands when it is about to wait for its children.
    shell_stop: Option<Stop>,
    stages: Vec<Stage>,
    /// The stages that have not been let go yet.
    born: HashMap<i32, Stop>,
    /// The stages that stand at their exec.
    at_exec: HashMap<i32, Stop>,
    /// The stage that was let go.
    running: Option<i32>,
    /// Whether the actor has begun to play its role.
    playing: bool,
    steps: usize,
    timeout: Duration,
    deadline: Instant,
    outcome: Outcome,
}

type Tell<'a> = dyn FnMut(Moment<'_>) -> io::Result<()> + 'a;

impl Driver<'_> {
    fn drive(mut self, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
        tell(Moment::Begun)?;
        while !self.all_there() {
            match self.follower.next(Some(self.deadline))? {
                Event::Asked(signal) => return Ok(self.give_up(Some(signal))),
                Event::Late => return Ok(self.give_up(None)),
                Event::Nobody => return Err(Problem::ActorLost),
                Event::Ended { tid, .. } if tid == self.shell => return Err(Problem::ActorLost),
                event => self.at_event(event, tell)?,
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
            && self.stages.iter().all(|stage| stage.fate.is_some() || self.at_exec.contains_key(&stage.pid))
    }

    fn at_event(&mut self, event: Event, tell: &mut Tell<'_>) -> Result<(), Problem> {
        let stop = match event {
            Event::Entry { call: "wait4", stop } if self.playing && stop.tid() == self.shell => {
                self.shell_stop = Some(stop);
                return Ok(());
            }
            Event::Born { birth, stop } => {
                if birth.parent == self.shell {
                    let command = self.commands.get(self.stages.len()).cloned().unwrap_or_default();
                    self.stages.push(Stage { pid: birth.child, command, fate: None });
                    self.born.insert(birth.child, stop);
                    return Ok(());
                }
                stop
            }
            Event::Exec { step, stop, .. } if self.playing => {
                self.tell_step(step, tell)?;
                self.at_exec.insert(stop.tid(), stop);
                self.running = None;
                return Ok(());
            }
            Event::Step { step, stop } => {
                if self.playing {
                    self.tell_step(step, tell)?;
                } else {
                    // What came before are the dynamic linker and the runtime of the actor's own program.
                    self.playing = step.call == "prctl" && self.has_role(step.pid);
                }
                stop
            }
            Event::Entry { stop, .. } | Event::Exec { stop, .. } | Event::Exiting { stop } => stop,
            Event::Ended { tid, fate } => {
                self.at_end(tid, fate);
                return Ok(());
            }
            Event::Asked(_) | Event::Late | Event::Nobody => return Ok(()),
        };
        Ok(self.follower.go(stop, Pace::ToCall)?)
    }

    fn has_role(&self, pid: i32) -> bool {
        self.source.stat(pid).is_ok_and(|stat| stat.comm == actor::ROLE.to_bytes())
    }

    /// Tells a step, where it is one of the wiring.
    fn tell_step(&mut self, mut step: Step, tell: &mut Tell<'_>) -> Result<(), Problem> {
        let wires = matches!(
            step.call,
            "pipe"
                | "pipe2"
                | "fork"
                | "vfork"
                | "clone"
                | "clone3"
                | "dup"
                | "dup2"
                | "dup3"
                | "close"
                | "open"
                | "openat"
                | "execve"
        );
        if !wires && step.changes.is_empty() {
            return Ok(());
        }
        self.steps += 1;
        step.n = self.steps;
        let stage = self.stages.iter().find(|stage| stage.pid == step.pid);
        step.actor = stage.map_or_else(|| "shell".to_owned(), |stage| stage.command.clone());
        Ok(tell(Moment::Step(&step))?)
    }

    fn at_end(&mut self, pid: i32, fate: Fate) {
        if self.running == Some(pid) {
            self.running = None;
        }
        self.born.remove(&pid);
        self.at_exec.remove(&pid);
        if let Some(stage) = self.stages.iter_mut().find(|stage| stage.pid == pid) {
            stage.fate = Some(fate);
        }
    }

    /// When the shell waits and no stage is on its way, lets the next one go.
    fn let_next_go(&mut self) -> Result<(), Problem> {
        if self.shell_stop.is_none() || self.running.is_some() {
            return Ok(());
        }
        let next = self.stages.iter().map(|stage| stage.pid).find(|pid| self.born.contains_key(pid));
        if let Some(pid) = next
            && let Some(stop) = self.born.remove(&pid)
        {
            self.running = Some(pid);
            self.follower.go(stop, Pace::ToCall)?;
        }
        Ok(())
    }

    /// Every stop that the driver holds.
    fn held(&mut self) -> Vec<Stop> {
        let stages = self.born.drain().chain(self.at_exec.drain()).map(|(_, stop)| stop);
        stages.chain(self.shell_stop.take()).collect()
    }

    fn run_to_the_end(mut self) -> Result<Outcome, Problem> {
        self.deadline = Instant::now() + self.timeout;
        for stop in self.held() {
            self.follower.go(stop, Pace::Free)?;
        }
        // The shell ends when its stages have.
        let mut shell_lives = true;
        while shell_lives || self.stages.iter().any(|stage| stage.fate.is_none()) {
            match self.follower.next(Some(self.deadline))? {
                Event::Ended { tid, fate } => {
                    shell_lives &= tid != self.shell;
                    self.at_end(tid, fate);
                }
                Event::Asked(signal) => return Ok(self.give_up(Some(signal))),
                Event::Late => return Ok(self.give_up(None)),
                Event::Nobody => break,
                event => self.let_run(event)?,
            }
        }
        Ok(self.finish())
    }

    /// Lets whoever stands at an event go on, unfollowed.
    fn let_run(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Entry { stop, .. }
            | Event::Step { stop, .. }
            | Event::Born { stop, .. }
            | Event::Exec { stop, .. }
            | Event::Exiting { stop } => self.follower.go(stop, Pace::Free),
            Event::Ended { .. } | Event::Asked(_) | Event::Late | Event::Nobody => Ok(()),
        }
    }

    /// Ends what runs: asks first, so that a command may clean up, and kills after a while.
    fn give_up(mut self, asked: Option<i32>) -> Outcome {
        self.outcome.asked = asked;
        self.outcome.late = if asked.is_none() { Some(self.timeout) } else { None };
        let shell = self.shell;
        for pid in self.follower.tracer().live().filter(|&pid| pid != shell) {
            send(pid, SIGTERM);
            send(pid, SIGCONT);
        }
        for stop in self.held() {
            let _ = self.follower.go(stop, Pace::Free);
        }
        let deadline = Instant::now() + GRACE;
        while self.follower.tracer().live().any(|pid| pid != shell) {
            match self.follower.next(Some(deadline)) {
                Ok(Event::Ended { tid, fate }) => self.at_end(tid, fate),
                Ok(Event::Late | Event::Nobody) | Err(_) => break,
                Ok(event) => drop(self.let_run(event)),
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Outcome {
        // What does not end when it is asked to, and what the stages left behind.
        for (pid, fate) in self.follower.end_all() {
            self.at_end(pid, fate);
        }
        self.outcome.stages = self.stages;
        self.outcome
    }
}

impl Problem {
    /// Whether tracing is forbidden here.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Call(failure) if crate::collect::follow::is_forbidden(*failure))
    }
}
