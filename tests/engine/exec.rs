//! A thread that is not the first one executes a program: it becomes the process.

use crate::replay::Replay;
use crate::runner::Case;
use crate::tracee::{Tracee, example, tid};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::ptrace::Pace;
use ganariya_fd::model::Fate;
use std::collections::BTreeSet;

pub const CASES: &[Case] = &[
    ("a_thread_that_executes_takes_the_pid", from_thread),
    ("the_first_thread_may_stand_at_an_event_meanwhile", first_thread_held),
    ("an_exec_may_strike_among_births", among_births),
    ("a_failed_exec_leaves_the_table_shared", failed),
];

fn from_thread() {
    for pace in [Pace::ToCall, Pace::Free] {
        let mut tracee = Tracee::launch(&[&example("every_call"), "exec-from-thread"]);
        let (first, mut replay) = (tracee.first, Replay::default());
        let (mut gone, mut after, mut threads, mut ended) = (None, 0, BTreeSet::new(), None);
        tracee.run(pace, |event| {
            if pace == Pace::ToCall {
                replay.see(event);
            }
            assert!(gone.is_none() || tid(event) != gone, "{event:?}");
            match event {
                Event::Born { birth, .. } => drop(threads.insert(birth.child)),
                Event::Exec { step, former, stop } if *former != first => {
                    assert_eq!((stop.tid(), step.pid, gone), (first, first, None));
                    assert!(threads.contains(former));
                    gone = Some(*former);
                    if pace == Pace::ToCall {
                        assert_eq!(step.call, "execve");
                        assert!(step.args[1].contains("cat"), "{step:?}");
                        // /dev/null, which its opener marked CLOEXEC.
                        assert_eq!(step.changes.len(), 1, "{step:?}");
                    }
                }
                Event::Step { step, .. } if gone.is_some() => {
                    assert_eq!(step.pid, first);
                    after += 1;
                }
                Event::Ended { tid, fate } if *tid == first => ended = Some(*fate),
                Event::Ended { tid, .. } => assert!(threads.remove(tid), "{tid}"),
                _ => {}
            }
        });
        assert_eq!(ended, Some(Fate::Exited(0)));
        assert_eq!(threads, gone.into_iter().collect());
        assert!(gone.is_some() && (after > 0) == (pace == Pace::ToCall));
    }
}

/// It is killed where it stands, and the stop in hand is of nobody any more.
fn first_thread_held() {
    let mut tracee = Tracee::launch(&[&example("every_call"), "exec-from-thread"]);
    let first = tracee.first;
    let (mut threads, mut executed, mut ended) = (0, false, None);
    loop {
        let event = tracee.next();
        match event {
            // From here on it would only wait for the thread.
            Event::Step { step, stop } if step.pid == first && step.call.starts_with("clone") => {
                // The first three stand around; the fourth executes.
                threads += 1;
                if threads < 4 {
                    tracee.go(stop, Pace::ToCall);
                }
            }
            Event::Exec { former, stop, .. } => {
                executed |= former != first;
                tracee.go(stop, Pace::ToCall);
            }
            Event::Ended { tid, fate } if tid == first => ended = Some(fate),
            Event::Nobody => break,
            event => tracee.pass(event, Pace::ToCall),
        }
    }
    assert_eq!((executed, ended), (true, Some(Fate::Exited(0))));
}

/// It kills the other threads wherever they are, also between the two words of a birth.
fn among_births() {
    for round in 0..20 {
        let mut tracee = Tracee::launch(&[&example("every_call"), "exec-among-births"]);
        let (first, mut born, mut ended) = (tracee.first, BTreeSet::new(), None);
        let pace = if round % 2 == 0 { Pace::ToCall } else { Pace::Free };
        tracee.run(pace, |event| match event {
            Event::Born { birth, .. } => drop(born.insert(birth.child)),
            Event::Ended { tid, fate } if *tid == first => ended = Some(*fate),
            // A thread that was killed at once has not been born.
            Event::Ended { tid, .. } => drop(born.remove(tid)),
            Event::Exec { former, .. } if *former != first => drop(born.remove(former)),
            _ => {}
        });
        assert_eq!((ended, born), (Some(Fate::Exited(0)), BTreeSet::new()), "round {round}");
    }
}

fn failed() {
    let mut tracee = Tracee::launch(&["sh", "-c", "exec 3</dev/null; /dev/null; exec /missing/program"]);
    let (mut replay, mut results) = (Replay::default(), Vec::new());
    tracee.run(Pace::ToCall, |event| {
        replay.see(event);
        if let Event::Step { step, .. } = event
            && step.call == "execve"
        {
            assert_eq!(step.changes, []);
            results.push(step.result.clone());
        }
    });
    assert_eq!(results, ["EACCES", "ENOENT"]);
}
