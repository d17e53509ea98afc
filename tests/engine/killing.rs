//! SIGKILL at any moment, of a tracee or of the tracer: nothing fails and nothing is left.

use crate::common::{state, wait_until};
use crate::runner::Case;
use crate::tracee::{Tracee, launch};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::ptrace::{Ended, Next, Pace, Stop, send};
use ganariya_fd::model::Fate;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub const CASES: &[Case] = &[
    ("a_tracee_may_be_killed_at_each_kind_of_stop", at_each_stop),
    ("a_followed_task_may_be_killed_at_each_event", at_each_event),
    ("whoever_is_held_at_an_event_ends_with_the_rest", held),
    ("a_tracer_that_is_killed_leaves_nothing", tracer_killed),
    ("a_tracer_that_is_dropped_leaves_nothing", tracer_dropped),
];

/// Comes to each kind of stop. The second process is the one that is born.
const SCRIPT: &str = "trap : USR1; (exit) & wait; kill -USR1 $$; kill -STOP $$; exit 3";

const KINDS: [&str; 8] = ["attached", "entry", "return", "exec", "born", "exiting", "delivery", "group"];

fn kind(stop: &Stop) -> &'static str {
    match stop {
        Stop::Attached(_) => "attached",
        Stop::Entry(_) => "entry",
        Stop::Return(_) => "return",
        Stop::Exec(_) => "exec",
        Stop::Born(_) => "born",
        Stop::Exiting(_) => "exiting",
        Stop::Delivery(_) => "delivery",
        Stop::Group(_) => "group",
        Stop::Other(_) => "other",
    }
}

fn at_each_stop() {
    for wanted in KINDS {
        for waits in [false, true] {
            killed_at(wanted, waits);
        }
    }
}

/// Kills the first task that comes to such a stop, and lets it go at once, or when it has come to
/// another stop or its end.
fn killed_at(wanted: &str, waits: bool) {
    let (mut tracer, first) = launch(&["sh", "-c", SCRIPT]);
    let (mut killed, mut ends) = (None, Vec::new());
    loop {
        match tracer.next(Some(Instant::now() + Duration::from_secs(60))).unwrap() {
            Next::Stop(stop) => {
                let tid = stop.tid();
                if kind(&stop) == wanted && killed.is_none() {
                    killed = Some(tid);
                    send(tid, libc::SIGKILL);
                    // At an exit the signal is not taken any more.
                    if waits && wanted != "exiting" {
                        let flags = WaitPidFlag::WEXITED
                            | WaitPidFlag::WSTOPPED
                            | WaitPidFlag::WNOWAIT
                            | WaitPidFlag::__WALL;
                        waitid(Id::Pid(Pid::from_raw(tid)), flags).unwrap();
                    }
                }
                let is_group = matches!(stop, Stop::Group(_));
                stop.go(Pace::ToCall).unwrap_or_else(|failure| panic!("{wanted}, {waits}: {failure}"));
                if is_group {
                    send(tid, libc::SIGCONT);
                }
            }
            Next::Ended { tid, how } => ends.push((tid, how)),
            Next::Nobody => break,
            other => panic!("{wanted}, {waits}: {other:?}"),
        }
    }
    let killed = killed.unwrap_or_else(|| panic!("no stop is {wanted}"));
    let how = ends.iter().find(|(tid, _)| *tid == killed).map(|(_, how)| *how);
    // Who stands at its exit has a status already.
    let has_status = matches!(how, Some(Ended::Exited(_)));
    assert_eq!(has_status, wanted == "exiting", "{wanted}, {waits}: {how:?}");
    assert!(has_status || how == Some(Ended::Killed(libc::SIGKILL)), "{wanted}, {waits}: {how:?}");
    assert!(ends.iter().any(|(tid, _)| *tid == first));
    assert_eq!(tracer.live().count(), 0);
    assert!(ends.iter().all(|(tid, _)| state(*tid).is_none_or(|state| state == 'Z')));
}

fn at_each_event() {
    for wanted in ["entry", "step", "born", "exec", "exiting"] {
        let mut tracee = Tracee::launch(&["sh", "-c", "(exit) & wait; exit 3"]);
        let event = tracee.until(|event| is(event, wanted));
        let killed = crate::tracee::tid(&event).unwrap();
        send(killed, libc::SIGKILL);
        tracee.pass(event, Pace::ToCall);
        let mut fates = Vec::new();
        tracee.run(Pace::ToCall, |event| match event {
            Event::Ended { tid, fate } if *tid == killed => fates.push(*fate),
            Event::Step { step, .. } => assert!(step.pid != killed, "{wanted}: {step:?}"),
            _ => {}
        });
        // Who stands at its exit has a status already.
        let expected = if wanted == "exiting" { Fate::Exited(0) } else { Fate::Killed(libc::SIGKILL) };
        assert_eq!(fates, [expected], "{wanted}");
    }
}

/// The driver gives up and keeps the stop.
fn held() {
    for wanted in ["entry", "step", "born", "exec", "exiting"] {
        let mut tracee = Tracee::launch(&["sh", "-c", "(exit) & wait; exit 3"]);
        let first = tracee.first;
        let event = tracee.until(|event| is(event, wanted));
        let ended: Vec<i32> = tracee.follower.end_all().into_iter().map(|(tid, _)| tid).collect();
        assert!(ended.contains(&first), "{wanted}");
        assert_eq!(tracee.follower.tracer().live().count(), 0);
        drop(event);
    }
}

fn is(event: &Event, wanted: &str) -> bool {
    match event {
        Event::Entry { .. } => wanted == "entry",
        Event::Step { .. } => wanted == "step",
        Event::Born { .. } => wanted == "born",
        Event::Exec { .. } => wanted == "exec",
        Event::Exiting { .. } => wanted == "exiting",
        _ => false,
    }
}

/// Tells a process of this test that it is the tracer that will be killed: the stop at which.
pub const TRACER: &str = "GANARIYA_FD_TEST_TRACER";

/// Follows a shell with two children, names all three, and goes on until it is killed.
pub fn trace_until_killed(role: &OsStr) {
    let mut tracee = Tracee::launch(&["sh", "-c", "sleep 1000 & sleep 1000 & wait"]);
    println!("{}", tracee.first);
    let (mut births, mut execs) = (0, 0);
    loop {
        let event = tracee.next_of_any_time();
        match &event {
            Event::Born { birth, .. } => {
                println!("{}", birth.child);
                births += 1;
            }
            Event::Exec { .. } => execs += 1,
            _ => {}
        }
        // All three are there; at role `held` the last one stands at its exec for ever.
        if (births, execs) == (2, 3) {
            println!("ready");
            execs += 1;
            if role == "held" {
                loop {
                    std::thread::park();
                }
            }
        }
        tracee.pass(event, Pace::ToCall);
    }
}

impl Tracee {
    fn next_of_any_time(&mut self) -> Event {
        self.follower.next(None).unwrap()
    }
}

fn tracer_killed() {
    for role in ["running", "held"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut tracer = command.env(TRACER, role).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(tracer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let pids: Vec<i32> =
            lines.take_while(|line| line != "ready").map(|pid| pid.parse().unwrap()).collect();
        assert_eq!(pids.len(), 3);
        assert!(pids.iter().all(|pid| state(*pid).is_some()));
        tracer.kill().unwrap();
        tracer.wait().unwrap();
        for pid in pids {
            wait_until("end of a tracee", || state(pid).is_none_or(|state| state == 'Z'));
        }
    }
}

fn tracer_dropped() {
    let mut tracee = Tracee::launch(&["sh", "-c", "sleep 1000 & sleep 1000 & wait"]);
    let mut execs = 0;
    tracee.until(|event| {
        execs += usize::from(matches!(event, Event::Exec { .. }));
        execs == 3
    });
    let pids: Vec<i32> = tracee.follower.tracer().live().collect();
    assert_eq!(pids.len(), 3);
    drop(tracee);
    // Those whose parent is gone too wait for the system to take them away.
    assert!(pids.iter().all(|pid| state(*pid).is_none_or(|state| state == 'Z')));
}
