//! The driver where tracing is forbidden: it sees no call, but the tables before each exec.
//!
//! Every stage stops itself by SIGSTOP when it has wired itself, right before its exec. That is the
//! table that the command will have, unless it holds descriptors with CLOEXEC.

use super::actor::STOPPED;
use super::driver::{WIRING, capture_outputs, captured_outputs};
use super::ending::GRACE;
use super::{Actor, At, Moment, Outcome, Plan, Problem, Stage, Tables, Tell};
use crate::collect::follow::fate;
use crate::collect::{Ends, Need, Request, Which, collect};
use crate::kernel::ptrace::send;
use crate::kernel::signals::{SIGTERM, Signals, Woken};
use crate::kernel::terminal::{Answer, Keyboard, Modes};
use crate::kernel::untraced::{Untraced, proceed};
use crate::kernel::{Source, StatRow};
use std::time::{Duration, Instant};

/// How long the driver waits before it looks again whether all have stopped.
const LOOK: Duration = Duration::from_millis(10);

/// How long it waits before it tells those again to go on that stand still.
const AGAIN: Duration = Duration::from_millis(50);

/// Runs `plan`, whose actor stops itself, and tells what can be seen of it from outside.
pub fn drive_untraced(source: &dyn Source, plan: &Plan<'_>, tell: &mut Tell<'_>) -> Result<Outcome, Problem> {
    let Actor::Role { commands, .. } = &plan.actor else {
        return Err(Problem::ActorLost);
    };
    let _modes = Modes::note();
    let signals = Signals::take()?;
    let (outputs, captured) = capture_outputs(plan, &signals)?;
    let mut outcome = Outcome { captured, ..Outcome::default() };
    let mut shell = Untraced::launch(plan.program, plan.argv, outputs, &signals)?;
    tell(Moment::Begun)?;
    let started = Instant::now();
    let stopped = loop {
        if shell.ended()?.is_some() {
            break Vec::new();
        }
        // In this order: a shell that waits has all its children.
        let waits = matches!(source.waiting(shell.pid()), Ok(Some(("wait4", _))));
        let stages = children(source, shell.pid())?;
        if waits && stages.iter().all(|(_, stat)| stat.state == b'Z' || has_stopped(stat)) {
            break stages;
        }
        match signals.wait(Some(Instant::now() + LOOK))? {
            Woken::Asked(signal) => {
                outcome.asked = Some(signal);
                return Ok(outcome);
            }
            _ if started.elapsed() > plan.timeout.max(WIRING) => {
                outcome.late = Some(plan.timeout);
                return Ok(outcome);
            }
            _ => {}
        }
    };
    let stopped: Vec<i32> =
        stopped.into_iter().filter(|(_, stat)| has_stopped(stat)).map(|(pid, _)| pid).collect();
    // One that has ended already is not among the children any more, so names go by order only where
    // all are there.
    let name = |index: usize| commands.get(index).filter(|_| stopped.len() == commands.len()).cloned();
    outcome.stages = stopped
        .iter()
        .enumerate()
        .map(|(index, &pid)| Stage {
            pid,
            command: name(index).unwrap_or_else(|| "stage".to_owned()),
            fate: None,
        })
        .collect();
    if plan.tables >= Tables::Exec {
        let pids = std::iter::once(shell.pid()).chain(stopped.iter().copied()).collect();
        let snapshot =
            collect(source, &Request::new(Which::Pids(pids), Need { ends: Ends::Pipes, ..Need::ALL }));
        tell(Moment::Tables { at: At::Stopped, snapshot: &snapshot, stages: &outcome.stages })?;
    }
    if plan.hold {
        tell(Moment::Held { shell: shell.pid(), stages: &outcome.stages, captured: &outcome.captured })?;
        let mut keyboard = Keyboard::input();
        loop {
            match keyboard.wait(&signals)? {
                Answer::Enter => break,
                Answer::End => outcome.dismissed = true,
                Answer::Woken(Woken::Asked(signal)) => outcome.asked = Some(signal),
                Answer::Woken(_) => continue,
            }
            if outcome.dismissed || outcome.asked.is_some() {
                return Ok(outcome);
            }
        }
    }
    tell(Moment::Running)?;
    let deadline = Instant::now() + plan.timeout;
    loop {
        // Told again until it has: one that was about to stop may have been told too early.
        for &pid in &stopped {
            if source.stat(pid).is_ok_and(|stat| has_stopped(&stat)) {
                proceed(pid);
            }
        }
        match shell.wait(&signals, deadline.min(Instant::now() + AGAIN))? {
            Woken::Asked(signal) => outcome.asked = Some(signal),
            Woken::Late if Instant::now() >= deadline => outcome.late = Some(plan.timeout),
            Woken::Late => continue,
            Woken::Child => {}
        }
        break;
    }
    if shell.ended()?.is_none() {
        for &pid in &stopped {
            send(pid, SIGTERM);
        }
        let _ = shell.wait(&signals, Instant::now() + GRACE)?;
    }
    outcome.shell = shell.ended()?.map(fate);
    outcome.output = captured_outputs(&signals)?;
    Ok(outcome)
}

/// Whether a stage has come to its stop. Under a tracer that stop looks like any of the tracer's; the
/// name, which it takes right before, tells that it is at the end of its wiring.
fn has_stopped(stat: &StatRow) -> bool {
    matches!(stat.state, b'T' | b't') && stat.comm == STOPPED.to_bytes()
}

/// The children of a process, by the order of their births.
fn children(source: &dyn Source, parent: i32) -> Result<Vec<(i32, StatRow)>, Problem> {
    let pids = source.pids()?;
    let stats = pids.into_iter().filter_map(|pid| Some((pid, source.stat(pid).ok()?)));
    let mut children: Vec<_> = stats.filter(|(_, stat)| stat.ppid == parent).collect();
    children.sort_by_key(|(pid, stat)| (stat.start_ticks, *pid));
    Ok(children)
}
