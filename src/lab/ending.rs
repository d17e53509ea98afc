//! The other half of the driver: lets everything run, and ends it, by itself or not.

use super::driver::{Driver, End, PATIENCE, captured_outputs};
use super::{Moment, Outcome, Problem, Tell};
use crate::collect::follow::Event;
use crate::kernel::Failure;
use crate::kernel::ptrace::{Pace, send};
use crate::kernel::signals::{SIGCONT, SIGTERM};
use crate::query::{Peers, Wiring};
use std::time::{Duration, Instant};

/// How long a process may take to end after it was asked to.
pub(super) const GRACE: Duration = Duration::from_secs(1);

impl Driver<'_> {
    pub(super) fn run_to_the_end(mut self, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
        self.deadline = Instant::now() + self.plan.timeout;
        for stop in self.held() {
            self.follower.go(stop, Pace::Free)?;
        }
        // The shell ends when its stages have.
        while self.outcome.shell.is_none() || self.stages.iter().any(|stage| stage.fate.is_none()) {
            let look = self.deadline.min(Instant::now() + PATIENCE);
            match self.follower.next(Some(look))? {
                Event::Ended { tid, fate } => self.at_end(tid, fate),
                Event::Asked(signal) => return Ok(self.give_up(&End::Asked(signal))),
                Event::Late if Instant::now() >= self.deadline => return Ok(self.give_up(&End::Late)),
                Event::Late => {
                    if let Some((reader, fd)) = self.stuck() {
                        self.tell_stuck(reader, fd, tell)?;
                        return Ok(self.give_up(&End::Stuck));
                    }
                }
                Event::Nobody => break,
                event => self.let_run(event)?,
            }
        }
        Ok(self.finish())
    }

    /// Who waits in vain, and in a read of which descriptor: the first stage that lives, when each of
    /// them reads from a pipe into which nobody could write but these readers and the shell, which waits
    /// for them.
    fn stuck(&self) -> Option<(i32, i32)> {
        if !self.plan.leave_open {
            return None;
        }
        let living: Vec<i32> =
            self.stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| stage.pid).collect();
        let waits = living.iter().map(|&pid| Some((pid, self.waits_in_vain(pid, &living)?)));
        waits.collect::<Option<Vec<_>>>()?.first().copied()
    }

    /// Of which descriptor a stage's read waits in vain.
    fn waits_in_vain(&self, pid: i32, living: &[i32]) -> Option<i32> {
        let Ok(Some(("read", args))) = self.source.waiting(pid) else { return None };
        let fd = i32::try_from(args[0]).ok()?;
        let snapshot = self.tables(vec![pid]);
        let wiring = Wiring::new(&snapshot);
        let (process, descriptor) = snapshot.descriptors().find(|(_, descriptor)| descriptor.fd == fd)?;
        let Peers::Found(writers) = wiring.peers(process.id, descriptor) else { return None };
        let ours = |pid: i32| pid == self.shell || living.contains(&pid);
        let vain = !writers.is_empty() && writers.iter().all(|writer| ours(writer.process.pid));
        vain.then_some(fd)
    }

    fn tell_stuck(&self, reader: i32, fd: i32, tell: &mut Tell<'_>) -> Result<(), Problem> {
        let stages = self.stages.iter().filter(|stage| stage.fate.is_none()).map(|stage| stage.pid);
        let snapshot = self.tables(std::iter::once(self.shell).chain(stages).collect());
        Ok(tell(Moment::Stuck { reader, fd, snapshot: &snapshot })?)
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
    pub(super) fn give_up(mut self, end: &End) -> Outcome {
        match end {
            End::Asked(signal) => self.outcome.asked = Some(*signal),
            End::Late => self.outcome.late = Some(self.plan.timeout),
            End::Dismissed => self.outcome.dismissed = true,
            End::Stuck => self.outcome.stuck = true,
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
        if let Ok(output) = captured_outputs(self.follower.tracer().signals()) {
            self.outcome.output = output;
        }
        self.outcome.stages = self.stages;
        self.outcome
    }
}
