//! Who is let go free stops at calls no more.

use crate::replay::Replay;
use crate::runner::Case;
use crate::tracee::Tracee;
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::ptrace::Pace;
use std::collections::BTreeSet;

pub const CASES: &[Case] = &[
    ("free_tasks_and_their_children_stop_at_no_call", free),
    ("children_are_as_free_as_their_parent_was", children),
    ("a_free_task_may_be_followed_again", followed_again),
];

fn free() {
    let mut tracee = Tracee::launch(&["sh", "-c", "ls / | cat >/dev/null; (ls /; true) | cat >/dev/null"]);
    let (mut births, mut execs, mut exits, mut ends) = (0, 0, 0, 0);
    tracee.run(Pace::Free, |event| match event {
        Event::Entry { call, .. } => panic!("stopped at {call}"),
        Event::Step { step, .. } => panic!("stopped at {step:?}"),
        Event::Born { .. } => births += 1,
        Event::Exec { .. } => execs += 1,
        Event::Exiting { .. } => exits += 1,
        Event::Ended { .. } => ends += 1,
        _ => {}
    });
    assert!(births >= 5 && execs > 3);
    assert_eq!((exits, ends), (births + 1, births + 1));
}

/// The driver lets everybody go to the next call, but for one that it frees: of that one's children
/// nothing is told but births, programs and ends, unless the driver wants to follow one.
fn children() {
    let mut tracee = Tracee::launch(&["sh", "-c", "(ls /; ls /) >/dev/null & wait; : </dev/null"]);
    let first = tracee.first;
    let (mut free, mut followed) = (BTreeSet::new(), 0);
    loop {
        let event = tracee.next();
        let pace = match &event {
            Event::Nobody => break,
            Event::Born { birth, .. } => {
                free.insert(birth.child);
                Pace::Free
            }
            Event::Entry { stop, .. } | Event::Step { stop, .. } => {
                assert!(!free.contains(&stop.tid()), "{event:?}");
                followed += 1;
                Pace::ToCall
            }
            Event::Exec { stop, .. } | Event::Exiting { stop } if stop.tid() != first => Pace::Free,
            _ => Pace::ToCall,
        };
        tracee.pass(event, pace);
    }
    assert!(free.len() > 1 && followed > 10);
}

/// What it did while nobody looked is not told as the doing of its next call.
fn followed_again() {
    let mut tracee = Tracee::launch(&["sh", "-c", "exec 4</dev/null; exec cat /dev/null"]);
    let event = tracee.until(|event| matches!(event, Event::Exec { .. }));
    tracee.pass(event, Pace::Free);
    let event = tracee.until(|event| matches!(event, Event::Exec { .. }));
    let Event::Exec { step, .. } = &event else { unreachable!() };
    assert_eq!(step.changes, []);
    let mut replay = Replay::default();
    replay.see(&event);
    tracee.pass(event, Pace::ToCall);
    tracee.run(Pace::ToCall, |event| replay.see(event));
    assert!(replay.steps > 3 && replay.exits == 1);
}
