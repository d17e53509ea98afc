//! The driver of the labs: follows the actor, tells what it and its children do, and stops them where
//! there is something to see.
//!
//! The kernel would run a shell and its children side by side. The driver lets one go at a time: the
//! shell until it waits, then each child until its exec, in the order of their births. That is one of
//! the orders that the kernel might have chosen, and the one that is easiest to read.

use super::telling::is_fork;
use super::{Actor, At, Moment, Outcome, Output, Plan, Problem, Stage, Tables, Tell};
use crate::collect::follow::{Birth, Event, Follower};
use crate::kernel::capture::Capture;
use crate::kernel::ptrace::{Pace, Stop, Tracer};
use crate::kernel::signals::Signals;
use crate::kernel::spawn::{self, Outputs};
use crate::kernel::terminal::{Keyboard, Modes};
use crate::kernel::{Read, Source};
use crate::model::{Fate, Inode, Step};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Drives `plan` and tells `tell` what happens. Nothing that it started is left when this returns.
pub fn drive(source: &dyn Source, plan: &Plan<'_>, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
    let _modes = Modes::note();
    let signals = Signals::take()?;
    let (outputs, captured) = capture_outputs(plan, &signals)?;
    let mut tracer = Tracer::new(signals);
    let shell = spawn::launch_with(&mut tracer, plan.program, plan.argv, outputs)?;
    let driver = Driver {
        source,
        plan,
        follower: Follower::new(source, tracer, shell),
        shell,
        shell_stop: None,
        shell_waits: false,
        forking: None,
        stages: Vec::new(),
        born: HashMap::new(),
        at_exec: HashMap::new(),
        running: BTreeSet::new(),
        blocked: BTreeSet::new(),
        playing: false,
        prelude: Vec::new(),
        redirected: BTreeSet::new(),
        steps: 0,
        deadline: Instant::now() + plan.timeout.max(WIRING),
        outcome: Outcome { captured, ..Outcome::default() },
    };
    driver.drive(tell)
}

pub(super) struct Driver<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) plan: &'a Plan<'a>,
    pub(super) follower: Follower<'a>,
    pub(super) shell: i32,
    /// Where the shell stands when it is about to wait for its children.
    pub(super) shell_stop: Option<Stop>,
    /// The shell waits for its children in a call at which it does not stop.
    pub(super) shell_waits: bool,
    /// Where the shell stands after a fork, until its child stands as well, and which that is.
    pub(super) forking: Option<(i32, Stop)>,
    pub(super) stages: Vec<Stage>,
    /// The stages that have not been let go yet.
    pub(super) born: HashMap<i32, Stop>,
    /// The stages that stand at their exec.
    pub(super) at_exec: HashMap<i32, Stop>,
    /// The stages that were let go and are on their way to their exec.
    pub(super) running: BTreeSet<i32>,
    /// Those of them that wait for something that only another process can bring about.
    pub(super) blocked: BTreeSet<i32>,
    /// Whether the actor has begun to play its role.
    pub(super) playing: bool,
    /// Steps of a real shell before it begins to wire: most are its own start, and are not told.
    pub(super) prelude: Vec<Step>,
    /// The stages that have opened something since they were let go.
    pub(super) redirected: BTreeSet<i32>,
    pub(super) steps: usize,
    pub(super) deadline: Instant,
    pub(super) outcome: Outcome,
}

/// Why the driver stops driving.
pub(super) enum End {
    /// This signal asked for it.
    Asked(i32),
    /// The time is up.
    Late,
    /// The person has seen enough.
    Dismissed,
    /// Everything waits for something that cannot come.
    Stuck,
}

/// How long nothing may happen, at the least, before the wiring counts as one that does not end.
pub(super) const WIRING: Duration = Duration::from_secs(5);

/// How long nothing may happen before the driver looks whether somebody waits for one that it keeps
/// from running.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

impl Driver<'_> {
    fn drive(mut self, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
        tell(Moment::Begun)?;
        while !self.all_there() {
            let look = self.deadline.min(Instant::now() + PATIENCE);
            let next = self.follower.next(Some(look))?;
            // The time given is the commands'; that of the wiring is counted from what happened last.
            if !matches!(next, Event::Late) {
                self.deadline = Instant::now() + self.plan.timeout.max(WIRING);
            }
            let end = match next {
                Event::Asked(signal) => Some(End::Asked(signal)),
                Event::Late if Instant::now() >= self.deadline => Some(End::Late),
                Event::Late => {
                    self.look_who_waits();
                    None
                }
                Event::Nobody => return Err(Problem::ActorLost),
                Event::Ended { tid, .. } if tid == self.shell && !self.is_real_shell() => {
                    return Err(Problem::ActorLost);
                }
                event => self.at_event(event, tell)?,
            };
            if let Some(end) = end {
                return Ok(self.give_up(&end));
            }
            self.let_next_go()?;
        }
        if self.plan.tables >= Tables::Exec {
            let stages = self.stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| stage.pid);
            let shell = Some(self.shell).filter(|shell| !self.stages.iter().any(|stage| stage.pid == *shell));
            let shell = shell.filter(|_| self.outcome.shell.is_none());
            let pids = shell.into_iter().chain(stages).collect();
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
        self.run_to_the_end(tell)
    }

    /// Whether a real shell is followed, of which nobody knows how many children it will have.
    pub(super) fn is_real_shell(&self) -> bool {
        matches!(self.plan.actor, Actor::Shell { .. })
    }

    /// Whether the shell waits and every stage is at its exec or has ended.
    fn all_there(&self) -> bool {
        let there = |stage: &Stage| stage.fate.is_some() || self.at_exec.contains_key(&stage.pid);
        match &self.plan.actor {
            Actor::Role { commands, .. } => {
                self.shell_stop.is_some()
                    && self.stages.len() == commands.len()
                    && self.stages.iter().all(there)
            }
            Actor::Shell { .. } => {
                let waits = self.shell_stop.is_some()
                    || self.shell_waits
                    || self.outcome.shell.is_some()
                    || self.at_exec.contains_key(&self.shell);
                let stands = |stage: &Stage| there(stage) || self.blocked.contains(&stage.pid);
                waits && self.born.is_empty() && self.stages.iter().all(stands)
            }
        }
    }

    /// Nothing happens: whoever waits, waits for one that the driver has not let go yet, as the reader
    /// of a FIFO for its writer, or a shell for its children.
    fn look_who_waits(&mut self) {
        let waits = |pid: i32| matches!(self.source.waiting(pid), Ok(Some(_)));
        self.blocked = self.running.iter().copied().filter(|&pid| waits(pid)).collect();
        let is_held = self.shell_stop.is_some() || self.forking.is_some();
        self.shell_waits = self.is_real_shell() && self.playing && !is_held && waits(self.shell);
    }

    fn at_event(&mut self, event: Event, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        let mut end = None;
        // Something happens, so nobody waits in vain.
        self.blocked.clear();
        self.shell_waits = false;
        let stop = match event {
            Event::Entry { call: "wait4" | "waitid", stop }
                if self.playing && stop.tid() == self.shell && self.has_living_stages() =>
            {
                self.shell_stop = Some(stop);
                return Ok(None);
            }
            Event::Entry { call: "execve", stop } if self.redirected.remove(&stop.tid()) => {
                if self.plan.tables == Tables::All && !self.is_real_shell() {
                    let child = stop.tid();
                    self.tell_tables(At::BeforeExec { child }, vec![child], tell)?;
                }
                stop
            }
            Event::Entry { call, stop } if is_fork(call) && self.has_made_ready(stop.tid()) => {
                if self.plan.tables == Tables::All {
                    self.tell_tables(At::BeforeFork, vec![self.shell], tell)?;
                }
                stop
            }
            Event::Born { birth, stop } if !birth.is_thread => return self.at_birth(birth, stop, tell),
            Event::Exec { stop, .. } if !self.playing && self.is_real_shell() => {
                self.playing = true;
                if self.plan.tables == Tables::All {
                    self.tell_tables(At::Start, vec![self.shell], tell)?;
                }
                stop
            }
            Event::Exec { step, stop, .. } if self.playing => {
                end = self.at_exec(step, stop, tell)?;
                return Ok(end);
            }
            Event::Step { step, stop } if self.playing => {
                return self.at_step(step, stop, tell);
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
        Ok(end.take())
    }

    /// Whether the actor is about to make its only child, with more than it began with. What one that
    /// makes a pipeline has before each of its forks, the tables after them show.
    fn has_made_ready(&self, pid: i32) -> bool {
        let Actor::Role { commands, .. } = &self.plan.actor else { return false };
        self.playing && pid == self.shell && commands.len() == 1 && self.steps > 0
    }

    fn has_living_stages(&self) -> bool {
        self.stages.iter().any(|stage| stage.fate.is_none())
    }

    fn has_role(&self, pid: i32) -> bool {
        let Actor::Role { name, .. } = &self.plan.actor else { return false };
        self.source.stat(pid).is_ok_and(|stat| stat.comm == name.as_bytes())
    }

    fn at_birth(&mut self, birth: Birth, stop: Stop, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        let command = match &self.plan.actor {
            Actor::Role { commands, .. } => commands.get(self.stages.len()).cloned(),
            // Its command is known when it executes it.
            Actor::Shell { .. } => None,
        };
        let command = command.unwrap_or_else(|| "child".to_owned());
        self.stages.push(Stage { pid: birth.child, command, fate: None });
        if birth.parent_waits {
            // After a vfork the parent cannot go on before the child has.
            self.running.insert(birth.child);
            self.follower.go(stop, Pace::ToCall)?;
            return Ok(None);
        }
        self.born.insert(birth.child, stop);
        self.tell_fork(tell)?;
        Ok(None)
    }

    fn at_exec(&mut self, step: Step, stop: Stop, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        let pid = stop.tid();
        if self.is_real_shell() {
            let comm = self.source.stat(pid).map_or_else(|_| b"?".to_vec(), |stat| stat.comm);
            let name = String::from_utf8_lossy(&comm).into_owned();
            match self.stages.iter_mut().find(|stage| stage.pid == pid) {
                Some(stage) => stage.command = name,
                // The shell itself has become its last command.
                None => self.stages.push(Stage { pid, command: name, fate: None }),
            }
        }
        let end = self.tell_step(step, tell)?;
        self.at_exec.insert(pid, stop);
        self.running.remove(&pid);
        Ok(end)
    }

    fn at_step(&mut self, step: Step, stop: Stop, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        let pid = step.pid;
        let runs = self.running.contains(&pid);
        if runs && matches!(step.call, "open" | "openat") {
            self.redirected.insert(pid);
        }
        let moved = runs && step.call == "lseek" && !step.changes.is_empty() && !self.is_real_shell();
        let child: Option<i32> = is_fork(step.call).then(|| step.result.parse().ok()).flatten();
        let end = self.tell_step(step, tell)?;
        if moved && self.plan.tables == Tables::All {
            self.tell_tables(At::Moved { child: pid }, vec![self.shell, pid], tell)?;
            // That shows what the child has redirected, too.
            self.redirected.remove(&pid);
        }
        let awaited = |child: &i32| {
            self.born.contains_key(child) || !self.stages.iter().any(|stage| stage.pid == *child)
        };
        if let Some(child) = child.filter(awaited).filter(|_| pid == self.shell) {
            self.forking = Some((child, stop));
            self.tell_fork(tell)?;
            return Ok(end);
        }
        self.follower.go(stop, Pace::ToCall)?;
        Ok(end)
    }

    pub(super) fn at_end(&mut self, pid: i32, fate: Fate) {
        self.running.remove(&pid);
        self.born.remove(&pid);
        self.at_exec.remove(&pid);
        if pid == self.shell {
            self.outcome.shell = Some(fate);
        }
        if let Some(stage) = self.stages.iter_mut().find(|stage| stage.pid == pid) {
            stage.fate = Some(fate);
        }
    }

    /// When the shell waits and no stage is on its way, or those that are wait for another, lets the
    /// next one go.
    fn let_next_go(&mut self) -> Result<(), Problem> {
        let shell_waits =
            self.shell_stop.is_some() || self.shell_waits || self.at_exec.contains_key(&self.shell);
        if !shell_waits || self.running.iter().any(|pid| !self.blocked.contains(pid)) {
            return Ok(());
        }
        let next = self.stages.iter().map(|stage| stage.pid).find(|pid| self.born.contains_key(pid));
        if let Some(pid) = next
            && let Some(stop) = self.born.remove(&pid)
        {
            self.running.insert(pid);
            self.follower.go(stop, Pace::ToCall)?;
        }
        Ok(())
    }

    /// Every stop that the driver holds.
    pub(super) fn held(&mut self) -> Vec<Stop> {
        let stages = self.born.drain().chain(self.at_exec.drain()).map(|(_, stop)| stop);
        let forking = self.forking.take().map(|(_, stop)| stop);
        stages.chain(self.shell_stop.take()).chain(forking).collect()
    }
}

/// The outputs that the actor is to have, and the pipes through which they are taken up.
pub(super) fn capture_outputs(plan: &Plan<'_>, signals: &Signals) -> Read<(Outputs, Vec<Inode>)> {
    if !plan.capture {
        return Ok((Outputs::default(), Vec::new()));
    }
    let ((out, out_end), (err, err_end)) = (Capture::new()?, Capture::new()?);
    let mut captured = Vec::new();
    for capture in [out, err] {
        captured.push(inode(&capture));
        signals.take_up(capture);
    }
    Ok((Outputs { out: Some(out_end), err: Some(err_end) }, captured))
}

/// What was taken up through them until now, where it was.
pub(super) fn captured_outputs(signals: &Signals) -> Read<Option<(Output, Output)>> {
    let output = |capture: Capture| Output { bytes: capture.bytes, left_out: capture.left_out };
    let captures = <[Capture; 2]>::try_from(signals.taken_up()?);
    Ok(captures.ok().map(|[out, err]| (output(out), output(err))))
}

fn inode(capture: &Capture) -> Inode {
    let (dev, ino) = capture.inode;
    Inode { dev, ino }
}
