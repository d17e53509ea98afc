//! What the driver tells of what it sees, and how it waits for the person who reads it.

use super::driver::{Driver, End, WIRING};
use super::prelude::worth_telling;
use super::{At, Moment, Problem, Tables, Tell};
use crate::collect::{Ends, Need, Request, Which, collect};
use crate::kernel::ptrace::Pace;
use crate::kernel::signals::Woken;
use crate::kernel::terminal::{Answer, Keyboard};
use crate::model::{Snapshot, Step};
use std::time::Instant;

impl Driver<'_> {
    /// When both parent and child stand after a fork, shows their tables and lets the parent go.
    pub(super) fn tell_fork(&mut self, tell: &mut Tell<'_>) -> Result<(), Problem> {
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

    /// All there is to know of some processes now.
    pub(super) fn tables(&self, pids: Vec<i32>) -> Snapshot {
        collect(self.source, &Request::new(Which::Pids(pids), Need { ends: Ends::Pipes, ..Need::ALL }))
    }

    pub(super) fn tell_tables(&self, at: At, pids: Vec<i32>, tell: &mut Tell<'_>) -> Result<(), Problem> {
        let snapshot = self.tables(pids);
        Ok(tell(Moment::Tables { at, snapshot: &snapshot, stages: &self.stages })?)
    }

    /// Tells a step, where it is one of what the lab is about, and waits for the person to go on.
    pub(super) fn tell_step(&mut self, step: Step, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
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
        if !self.is_real_shell() {
            return self.tell_one(step, tell);
        }
        // Shells close numbers to make sure that they are free, and write what they print.
        if step.changes.is_empty() && matches!(step.call, "close" | "write") || step.call == "read" {
            return Ok(None);
        }
        if self.steps > 0 || is_fork(step.call) || step.call == "execve" {
            for early in worth_telling(std::mem::take(&mut self.prelude)) {
                if let Some(end) = self.tell_one(early, tell)? {
                    return Ok(Some(end));
                }
            }
            return self.tell_one(step, tell);
        }
        self.prelude.push(step);
        Ok(None)
    }

    fn tell_one(&mut self, mut step: Step, tell: &mut Tell<'_>) -> Result<Option<End>, Problem> {
        self.steps += 1;
        step.n = self.steps;
        let stage = self.stages.iter().find(|stage| stage.pid == step.pid);
        step.actor = stage.map_or_else(|| self.plan.actor.name().to_owned(), |stage| stage.command.clone());
        tell(Moment::Step(&step))?;
        if self.plan.step {
            return self.wait_for_person(Keyboard::terminal()?);
        }
        Ok(None)
    }

    /// Waits until the person presses Enter. The time that this takes is the person's own.
    pub(super) fn wait_for_person(&mut self, keyboard: Keyboard) -> Result<Option<End>, Problem> {
        let mut keyboard = keyboard;
        let end = loop {
            match keyboard.wait(self.follower.tracer().signals())? {
                Answer::Enter => break None,
                Answer::End => break Some(End::Dismissed),
                Answer::Woken(Woken::Asked(signal)) => break Some(End::Asked(signal)),
                Answer::Woken(_) => {}
            }
        };
        self.deadline = Instant::now() + self.plan.timeout.max(WIRING);
        Ok(end)
    }
}

/// Whether a call makes a process.
pub(super) fn is_fork(call: &str) -> bool {
    matches!(call, "fork" | "vfork" | "clone" | "clone3")
}
