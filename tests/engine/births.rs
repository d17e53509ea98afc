//! Each task is born once, of the right parent, whichever of the two words comes first.

use crate::common::{installed, skip_for_want_of, state, wait_until};
use crate::runner::Case;
use crate::tracee::{Tracee, example, table};
use ganariya_fd::collect::follow::{Birth, Event};
use ganariya_fd::kernel::ptrace::{Pace, send};
use ganariya_fd::model::Fate;
use std::collections::{BTreeMap, BTreeSet};

pub const CASES: &[Case] = &[
    ("hundreds_of_forks_are_joined_each_once", storm),
    ("children_are_born_in_the_order_in_which_they_are_made", in_order),
    ("threads_share_and_processes_copy", kinds),
    ("posix_spawn_makes_a_process_whose_parent_waits", spawn),
    ("vfork_makes_a_process_whose_parent_waits", vfork),
    ("a_fork_copies_the_table", copies),
    ("clone3_is_read_from_memory", clone3),
    ("a_grandchild_whose_parent_is_gone_is_joined", orphans),
    ("a_parent_killed_while_it_forks_leaves_nobody_behind", killed_while_forking),
    ("births_of_free_tasks_are_what_they_are", free_births),
];

/// All births of a run, and how each task ended.
fn births(words: &[&str], pace: Pace) -> (i32, Vec<Birth>, BTreeMap<i32, Fate>) {
    let mut tracee = Tracee::launch(words);
    let (first, mut births, mut ends) = (tracee.first, Vec::<Birth>::new(), BTreeMap::new());
    tracee.run(pace, |event| match event {
        Event::Born { birth, stop } => {
            assert_eq!(stop.tid(), birth.child);
            assert!(births.iter().all(|known| known.child != birth.child), "born twice: {birth:?}");
            births.push(*birth);
        }
        Event::Ended { tid, fate } => {
            let known = *tid == first || births.iter().any(|birth| birth.child == *tid);
            assert!(known, "{tid} ended and was not born");
            assert_eq!(ends.insert(*tid, *fate), None, "{tid} ended twice");
        }
        _ => {}
    });
    (first, births, ends)
}

fn storm() {
    let script = "i=0; while [ $i -lt 300 ]; do (exit 3) & i=$((i + 1)); done; wait";
    for pace in [Pace::ToCall, Pace::Free] {
        let (first, births, ends) = births(&["sh", "-c", script], pace);
        assert_eq!((births.len(), ends.len()), (300, 301));
        for birth in births {
            let expected = Birth {
                child: birth.child,
                parent: first,
                is_thread: false,
                shares_table: false,
                parent_waits: false,
            };
            assert_eq!(birth, expected);
            assert_eq!(ends[&birth.child], Fate::Exited(3));
        }
    }
}

/// Each is born before the call that made it has returned.
fn in_order() {
    let script = "i=0; while [ $i -lt 100 ]; do (exit) & i=$((i + 1)); done; wait";
    let mut tracee = Tracee::launch(&["sh", "-c", script]);
    let (first, mut born, mut made) = (tracee.first, Vec::new(), Vec::new());
    tracee.run(Pace::ToCall, |event| match event {
        Event::Born { birth, .. } => born.push(birth.child.to_string()),
        Event::Step { step, .. } if step.pid == first && ["clone", "fork", "clone3"].contains(&step.call) => {
            made.push(step.result.clone());
            assert_eq!(born, made);
        }
        _ => {}
    });
    assert_eq!(made.len(), 100);
}

fn kinds() {
    let (first, births, _) = births(&[&example("every_call"), "exec-from-thread"], Pace::ToCall);
    assert_eq!(births.len(), 4);
    for birth in births {
        assert_eq!((birth.parent, birth.is_thread, birth.shares_table), (first, true, true), "{birth:?}");
    }
}

fn free_births() {
    let (first, threads, _) = births(&[&example("every_call"), "exec-from-thread"], Pace::Free);
    assert_eq!(threads.len(), 4);
    for birth in threads {
        assert_eq!((birth.parent, birth.is_thread, birth.shares_table), (first, true, true), "{birth:?}");
    }
    let (_, spawned, _) = births(&[&example("every_call"), "spawn"], Pace::Free);
    for birth in spawned {
        assert_eq!((birth.is_thread, birth.shares_table, birth.parent_waits), (false, false, true));
    }
}

fn spawn() {
    let (first, births, ends) = births(&[&example("every_call"), "spawn"], Pace::ToCall);
    assert_eq!(births.len(), 3);
    for birth in births {
        assert_eq!((birth.parent, birth.is_thread, birth.shares_table), (first, false, false));
        assert!(birth.parent_waits);
        assert_eq!(ends[&birth.child], Fate::Exited(0));
    }
}

/// dash makes the process of a simple command by vfork(2).
fn vfork() {
    if !installed("dash") {
        return;
    }
    let mut tracee = Tracee::launch(&["dash", "-c", "/bin/true; /bin/true; exit 4"]);
    let (first, mut calls, mut waits) = (tracee.first, BTreeSet::new(), Vec::new());
    let mut ended = None;
    tracee.run(Pace::ToCall, |event| match event {
        Event::Born { birth, .. } => waits.push(birth.parent_waits),
        Event::Step { step, .. } if step.pid == first => drop(calls.insert(step.call)),
        Event::Ended { tid, fate } if *tid == first => ended = Some(*fate),
        _ => {}
    });
    assert_eq!((waits.len(), ended), (2, Some(Fate::Exited(4))));
    assert_eq!(waits, [calls.contains("vfork"); 2], "{calls:?}");
}

fn copies() {
    let mut tracee = Tracee::launch(&["sh", "-c", "exec 3</dev/null 7>/dev/null; (exit); wait"]);
    let first = tracee.first;
    let mut at_fork = None;
    loop {
        let event = tracee.until(|event| match event {
            Event::Entry { call, stop } => {
                stop.tid() == first && ["clone", "fork", "vfork", "clone3"].contains(call)
            }
            Event::Born { .. } => true,
            _ => false,
        });
        match &event {
            Event::Entry { .. } => at_fork = Some(table(first)),
            Event::Born { birth, .. } => {
                assert_eq!(Some(table(birth.child)), at_fork);
                break;
            }
            _ => {}
        }
        tracee.pass(event, Pace::ToCall);
    }
}

fn clone3() {
    if !installed("perl") {
        return;
    }
    // Flags: none; CLONE_FILES; CLONE_PIDFD with a place for the descriptor.
    let script = format!(
        "my $p = \"\\0\" x 8; for my $flags (0, 0x400, 0x1000) {{
            my $args = pack('QpQQQQQQQQQ', $flags, $p, 0, 0, 17, 0, 0, 0, 0, 0, 0);
            my $child = syscall({}, $args, 88); if ($child == 0) {{ exit 0 }} waitpid $child, 0; }}",
        libc::SYS_clone3
    );
    let mut tracee = Tracee::launch(&["perl", "-e", &script]);
    let (mut seen, mut births) = (Vec::new(), Vec::new());
    tracee.run(Pace::ToCall, |event| match event {
        Event::Step { step, .. } if step.call == "clone3" => {
            let names: Vec<_> = step.changes.iter().map(|change| format!("{change:?}")).collect();
            seen.push((step.args.join(", "), names.concat().contains("Opened")));
        }
        Event::Born { birth, .. } => births.push((birth.shares_table, birth.is_thread)),
        _ => {}
    });
    if seen.is_empty() {
        return skip_for_want_of("clone3");
    }
    let flags = ["SIGCHLD", "CLONE_FILES|SIGCHLD", "CLONE_PIDFD|SIGCHLD"].map(str::to_owned);
    assert_eq!(seen, flags.into_iter().zip([false, false, true]).collect::<Vec<_>>());
    assert_eq!(births, [(false, false), (true, false), (false, false)]);
}

/// As a daemon is started: the middle process may end before its child has stood once.
fn orphans() {
    let script = "i=0; while [ $i -lt 50 ]; do ( (exit 5) & ) ; i=$((i + 1)); done";
    let (first, births, ends) = births(&["sh", "-c", script], Pace::ToCall);
    let (children, grandchildren): (Vec<Birth>, Vec<Birth>) =
        births.into_iter().partition(|birth| birth.parent == first);
    assert_eq!((children.len(), grandchildren.len()), (50, 50));
    for birth in grandchildren {
        assert!(children.iter().any(|child| child.child == birth.parent));
        assert_eq!(ends[&birth.child], Fate::Exited(5));
    }
}

/// SIGKILL may strike between the making of the child and the parent's word of it.
fn killed_while_forking() {
    for round in 0..60 {
        let mut tracee = Tracee::launch(&["sh", "-c", "while :; do (exit) & (exit) & done"]);
        let (first, mut events, mut killed) = (tracee.first, 0, false);
        let (mut living, mut ended) = (BTreeSet::from([first]), BTreeSet::new());
        let pace = if round % 2 == 0 { Pace::ToCall } else { Pace::Free };
        loop {
            let event = tracee.next();
            match &event {
                Event::Born { birth, .. } => assert!(living.insert(birth.child), "{birth:?}"),
                Event::Ended { tid, .. } => {
                    living.remove(tid);
                    ended.insert(*tid);
                }
                Event::Nobody => break,
                _ => {}
            }
            events += 1;
            tracee.pass(event, pace);
            // Just let go: it is somewhere inside what it does.
            if events > 40 + round && !killed {
                send(first, libc::SIGKILL);
                killed = true;
            }
        }
        assert_eq!(living, BTreeSet::new(), "round {round}");
        for tid in ended {
            wait_until("end of a task", || state(tid).is_none_or(|state| state == 'Z'));
        }
    }
}
