//! The driver of the labs: follows the actor, tells what it and its children do, and stops them where
//! there is something to see.
//!
//! The kernel would run a shell and its children side by side. The driver lets one go at a time: the
//! shell until it waits, then each child until its exec, in the order of their births. That is one of
//! the orders that the kernel might have chosen, and the one that is easiest to read.

use super::{At, Moment, Outcome, Output, Plan, Problem, Stage, Tables, Tell};
use crate::collect::follow::{Birth, Event, Follower};
use crate::collect::{Need, Request, Which, collect};
use crate::kernel::capture::Capture;
use crate::kernel::ptrace::{Pace, Stop, Tracer, send};
use crate::kernel::signals::{SIGCONT, SIGTERM, Signals, Woken};
use crate::kernel::spawn::{self, Outputs};
use crate::kernel::terminal::{Answer, Keyboard};
use crate::kernel::{Failure, Source};
use crate::model::{Fate, Inode, Step};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Drives `plan` and tells `tell` what happens. Nothing that it started is left when this returns.
pub fn drive(source: &dyn Source, plan: &Plan<'_>, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
    let signals = Signals::take()?;
    let (mut outputs, mut captured) = (Outputs::default(), Vec::new());
    if plan.capture {
        let ((out, out_end), (err, err_end)) = (Capture::new()?, Capture::new()?);
        for capture in [out, err] {
            captured.push(inode(&capture));
            signals.take_up(capture);
        }
        outputs = Outputs { out: Some(out_end), err: Some(err_end) };
    }
    let mut tracer = Tracer::new(signals);
    let shell = spawn::launch_with(&mut tracer, plan.program, plan.argv, outputs)?;
    let driver = Driver {
        source,
        plan,
        follower: Follower::new(source, tracer, shell),
        shell,
        shell_stop: None,
        forking: None,
        stages: Vec::new(),
        born: HashMap::new(),
        at_exec: HashMap::new(),
        running: None,
        playing: false,
        redirected: false,
        steps: 0,
        deadline: Instant::now() + plan.timeout,
        outcome: Outcome { captured, ..Outcome::default() },
    };
    driver.drive(tell)
}

struct Driver<'a> {
    source: &'a dyn Source,
    plan: &'a Plan<'a>,
    follower: Follower<'a>,
    shell: i32,
    /// Where the shell stands when it is about to wait for its children.
    shell_stop: Option<Stop>,
    /// Where the shell stands after a fork, until its child stands as well, and which that is.
    forking: Option<(i32, Stop)>,
    stages: Vec<Stage>,
    /// The stages that have not been let go yet.
    born: HashMap<i32, Stop>,
    /// The stages that stand at their exec.
    at_exec: HashMap<i32, Stop>,
    /// The stage that was let go.
    running: Option<i32>,
    /// Whether the actor has begun to play its role.
    playing: bool,
    /// Whether the stage that was let go has opened something.
    redirected: bool,
    steps: usize,
    deadline: Instant,
    outcome: Outcome,
}

/// Why the driver stops driving.
enum End {
    /// This signal asked for it.
    Asked(i32),
    /// The time is up.
    Late,
    /// The person has seen enough.
    Dismissed,
}

impl Driver<'_> {
    fn drive(mut self, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
        tell(Moment::Begun)?;
        while !self.all_there() {
            let end = match self.follower.next(Some(self.deadline))? {
                Event::Asked(signal) => Some(End::Asked(signal)),
                Event::Late => Some(End::Late),
                Event::Nobody => return Err(Problem::ActorLost),
                Event::Ended { tid, .. } if tid == self.shell => return Err(Problem::ActorLost),
                event => self.at_event(event, tell)?,
            };
            if let Some(end) = end {
                return Ok(self.give_up(&end));
            }
            self.let_next_go()?;
        }
        if self.plan.tables >= Tables::Exec {
            let stages = self.stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| stage.pid);
            let pids = std::iter::once(self.shell).chain(stages).collect();
            self.tell_tables(At::Exec, pids, tell)?;
        }
        if self.plan.hold {
            let captured = &self.outcome.captured;
            tell(Moment::Held { shell: self.shell, stages: &self.stages, captured })?;
            if let Some(end) = self.wait_for_person(Keyboard::input())? {
                return Ok(self.give_up(&end));
            }
        }
        tell(Moment::Running)?;
        self.run_to_the_end()
    }

    /// Whether the shell waits and every stage is at its exec or has ended.
    fn all_there(&self) -> bool {
        self.shell_stop.is_some()
            && self.stages.len() == self.plan.commands.len()
            && self.stages.iter().all(|stage| stage.fate.is_some() || self.at_exec.contains_key(&stage.pid))
    }

    fn at_event(&mut self, event: Event, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        let mut end = None;
        let stop = match event {
            Event::Entry { call: "wait4", stop } if self.playing && stop.tid() == self.shell => {
                self.shell_stop = Some(stop);
                return Ok(None);
            }
            Event::Entry { call: "execve", stop } if self.redirected && Some(stop.tid()) == self.running => {
                let child = stop.tid();
                self.redirected = false;
                if self.plan.tables == Tables::All {
                    self.tell_tables(At::BeforeExec { child }, vec![child], tell)?;
                }
                stop
            }
            Event::Born { birth, stop } if birth.parent == self.shell => {
                self.born(birth, stop);
                self.tell_fork(tell)?;
                return Ok(None);
            }
            Event::Exec { step, stop, .. } if self.playing => {
                end = self.tell_step(step, tell)?;
                self.at_exec.insert(stop.tid(), stop);
                self.running = None;
                return Ok(end);
            }
            Event::Step { step, stop } if self.playing => {
                let is_open = matches!(step.call, "open" | "openat");
                self.redirected |= is_open && Some(step.pid) == self.running;
                let moved =
                    step.call == "lseek" && Some(step.pid) == self.running && !step.changes.is_empty();
                let child = is_fork(step.call).then(|| step.result.parse().ok()).flatten();
                end = self.tell_step(step, tell)?;
                if moved && self.plan.tables == Tables::All {
                    let child = stop.tid();
                    self.tell_tables(At::Moved { child }, vec![self.shell, child], tell)?;
                    // That shows what the child has redirected, too.
                    self.redirected = false;
                }
                if let Some(child) = child.filter(|_| stop.tid() == self.shell) {
                    self.forking = Some((child, stop));
                    self.tell_fork(tell)?;
                    return Ok(end);
                }
                stop
            }
            Event::Step { step, stop } => {
                // What came before are the dynamic linker and the runtime of the actor's own program.
                if step.call == "prctl" && self.has_role(step.pid) {
                    self.playing = true;
                    if self.plan.tables == Tables::All {
                        self.tell_tables(At::Start, vec![self.shell], tell)?;
                    }
                }
                stop
            }
            Event::Entry { stop, .. }
            | Event::Exec { stop, .. }
            | Event::Born { stop, .. }
            | Event::Exiting { stop } => stop,
            Event::Ended { tid, fate } => {
                self.at_end(tid, fate);
                return Ok(None);
            }
            Event::Asked(_) | Event::Late | Event::Nobody => return Ok(None),
        };
        self.follower.go(stop, Pace::ToCall)?;
        Ok(end)
    }

    fn has_role(&self, pid: i32) -> bool {
        self.source.stat(pid).is_ok_and(|stat| stat.comm == self.plan.role.as_bytes())
    }

    fn born(&mut self, birth: Birth, stop: Stop) {
        let command = self.plan.commands.get(self.stages.len()).cloned().unwrap_or_default();
        self.stages.push(Stage { pid: birth.child, command, fate: None });
        self.born.insert(birth.child, stop);
    }

    /// When both parent and child stand after a fork, shows their tables and lets the parent go.
    fn tell_fork(&mut self, tell: &mut Tell<'_>) -> Result<(), Problem> {
        match self.forking.take() {
            Some((child, stop)) if self.born.contains_key(&child) => {
                if self.plan.tables == Tables::All {
                    self.tell_tables(At::AfterFork { child }, vec![self.shell, child], tell)?;
                }
                Ok(self.follower.go(stop, Pace::ToCall)?)
            }
            waiting => {
                self.forking = waiting;
                Ok(())
            }
        }
    }

    fn tell_tables(&self, at: At, pids: Vec<i32>, tell: &mut Tell<'_>) -> Result<(), Problem> {
        let snapshot = collect(self.source, &Request { which: Which::Pids(pids), need: Need::ALL });
        Ok(tell(Moment::Tables { at, snapshot: &snapshot, stages: &self.stages })?)
    }

    /// Tells a step, where it is one of what the lab is about, and waits for the person to go on.
    fn tell_step(&mut self, mut step: Step, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        let always = is_fork(step.call)
            || matches!(
                step.call,
                "pipe"
                    | "pipe2"
                    | "dup"
                    | "dup2"
                    | "dup3"
                    | "close"
                    | "open"
                    | "openat"
                    | "execve"
                    | "socket"
                    | "bind"
                    | "listen"
                    | "write"
            );
        if !always && step.changes.is_empty() {
            return Ok(None);
        }
        self.steps += 1;
        step.n = self.steps;
        let stage = self.stages.iter().find(|stage| stage.pid == step.pid);
        step.actor = stage.map_or_else(|| self.plan.role.to_owned(), |stage| stage.command.clone());
        tell(Moment::Step(&step))?;
        if self.plan.step {
            return self.wait_for_person(Keyboard::terminal()?);
        }
        Ok(None)
    }

    /// Waits until the person presses Enter. The time that this takes is the person's own.
    fn wait_for_person(&mut self, keyboard: Keyboard) -> Result<Option<End>, Problem> {
        let mut keyboard = keyboard;
        let end = loop {
            match keyboard.wait(self.follower.tracer().signals())? {
                Answer::Enter => break None,
                Answer::End => break Some(End::Dismissed),
                Answer::Woken(Woken::Asked(signal)) => break Some(End::Asked(signal)),
                Answer::Woken(_) => {}
            }
        };
        self.deadline = Instant::now() + self.plan.timeout;
        Ok(end)
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
            self.redirected = false;
            self.follower.go(stop, Pace::ToCall)?;
        }
        Ok(())
    }

    /// Every stop that the driver holds.
    fn held(&mut self) -> Vec<Stop> {
        let stages = self.born.drain().chain(self.at_exec.drain()).map(|(_, stop)| stop);
        let forking = self.forking.take().map(|(_, stop)| stop);
        stages.chain(self.shell_stop.take()).chain(forking).collect()
    }

    fn run_to_the_end(mut self) -> Result<Outcome, Problem> {
        self.deadline = Instant::now() + self.plan.timeout;
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
                Event::Asked(signal) => return Ok(self.give_up(&End::Asked(signal))),
                Event::Late => return Ok(self.give_up(&End::Late)),
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
    fn give_up(mut self, end: &End) -> Outcome {
        match end {
            End::Asked(signal) => self.outcome.asked = Some(*signal),
            End::Late => self.outcome.late = Some(self.plan.timeout),
            End::Dismissed => self.outcome.dismissed = true,
        }
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
        // The rest of what was written lies in the pipes still.
        if let Ok(captures) = self.follower.tracer().signals().taken_up()
            && let Ok([out, err]) = <[Capture; 2]>::try_from(captures)
        {
            let output = |capture: Capture| Output { bytes: capture.bytes, left_out: capture.left_out };
            self.outcome.output = Some((output(out), output(err)));
        }
        self.outcome.stages = self.stages;
        self.outcome
    }
}

fn inode(capture: &Capture) -> Inode {
    let (dev, ino) = capture.inode;
    Inode { dev, ino }
}

fn is_fork(call: &str) -> bool {
    matches!(call, "fork" | "vfork" | "clone" | "clone3")
}
