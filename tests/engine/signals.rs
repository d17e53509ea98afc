//! Signals reach the tracee as they would without a tracer, and make no step that was none.

use crate::common::{installed, state, wait_until};
use crate::replay::Replay;
use crate::runner::Case;
use crate::tracee::{Tracee, fate_of, into_stop, launch, table};
use ganariya_fd::collect::follow::Event;
use ganariya_fd::kernel::ptrace::{Ended, Next, Pace, Stop, send};
use ganariya_fd::model::Fate;
use std::fs;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

pub const CASES: &[Case] = &[
    ("handlers_run_those_of_real_time_signals_too", handlers),
    ("a_signal_that_kills_is_the_end_that_is_told", deadly),
    ("a_call_that_is_made_again_is_one_step", restarted),
    ("a_parent_sees_its_child_stop_and_continue", job_control),
    ("a_stopped_process_stays_stopped_until_it_is_continued", stopped),
    ("a_process_stopped_before_its_first_instruction_is_born", stopped_at_birth),
    ("the_traced_program_has_the_mask_and_sigpipe_of_a_shell", clean_start),
    ("who_asks_this_program_to_end_is_heard_while_stops_rain", asked),
    ("a_deadline_is_kept_while_stops_rain", late),
];

fn handlers() {
    if !installed("bash") {
        return;
    }
    for pace in [Pace::ToCall, Pace::Free] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("got");
        let script = format!(
            "trap 'echo usr1' USR1; trap 'echo rt' RTMIN+1; exec >{}; kill -USR1 $$; \
             kill -s RTMIN+1 $$; (exit 3) & wait; kill -s USR1 $$; echo end",
            file.display()
        );
        let mut replay = Replay::default();
        Tracee::launch(&["bash", "-c", &script]).run(pace, |event| {
            if pace == Pace::ToCall {
                replay.see(event);
            }
        });
        assert_eq!(fs::read_to_string(file).unwrap(), "usr1\nrt\nusr1\nend\n");
    }
}

fn deadly() {
    assert_eq!(fate_of(&["sh", "-c", "kill -TERM $$"]), Some(Fate::Killed(libc::SIGTERM)));
    assert_eq!(fate_of(&["sh", "-c", "kill -KILL $$"]), Some(Fate::Killed(libc::SIGKILL)));
    let real_time = libc::SIGRTMIN() + 1;
    let script = format!("kill -{real_time} $$");
    assert_eq!(fate_of(&["sh", "-c", &script]), Some(Fate::Killed(real_time)));
    assert_eq!(fate_of(&["sh", "-c", "exit 7"]), Some(Fate::Exited(7)));
}

fn restarted() {
    if !installed("perl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let script = "use Socket; use POSIX; my $n = 0;
        my $set = POSIX::SigSet->new(); my $act = POSIX::SigAction->new(sub { $n++ }, $set, SA_RESTART);
        $act->safe(0); sigaction(SIGUSR1, $act);
        socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un(shift)); listen(S, 1);
        accept(C, S) or exit 1; exit($n + 10);";
    let mut tracee = Tracee::launch(&["perl", "-e", script, path.to_str().unwrap()]);
    let first = tracee.first;
    let accepts = |event: &Event| matches!(event, Event::Entry { call: "accept" | "accept4", .. });
    let mut replay = Replay::default();
    let mut event = tracee.until(|event| {
        replay.see(event);
        accepts(event)
    });
    for _ in 0..3 {
        tracee.pass(event, Pace::ToCall);
        wait_until("accept that waits", || state(first) == Some('S'));
        send(first, libc::SIGUSR1);
        // The handler's own calls aside, the next thing is the same call again.
        event = tracee.next();
        assert!(accepts(&event), "{event:?}");
        replay.see(&event);
    }
    tracee.pass(event, Pace::ToCall);
    wait_until("accept that waits", || state(first) == Some('S'));
    let client = UnixStream::connect(&path).unwrap();
    let (mut accepted, mut ended) = (0, None);
    tracee.run(Pace::ToCall, |event| {
        replay.see(event);
        match event {
            Event::Step { step, .. } if step.call.starts_with("accept") => {
                assert_eq!(step.changes.len(), 1, "{step:?}");
                accepted += 1;
            }
            Event::Ended { fate, .. } => ended = Some(*fate),
            _ => {}
        }
    });
    drop(client);
    assert_eq!((accepted, ended), (1, Some(Fate::Exited(13))));
}

fn job_control() {
    if !installed("perl") {
        return;
    }
    // The status is a bit for each thing that was seen as it should be.
    let script = "use POSIX; my $child = fork;
        if (!$child) { $SIG{CONT} = sub { open F, '<', '/dev/null'; exit 9 }; kill STOP => $$; sleep 1 while 1 }
        waitpid($child, WUNTRACED) == $child && WIFSTOPPED(${^CHILD_ERROR_NATIVE}) or exit 1;
        WSTOPSIG(${^CHILD_ERROR_NATIVE}) == SIGSTOP or exit 2;
        kill CONT => $child; waitpid($child, 0) == $child && $? >> 8 == 9 or exit 3; exit 42";
    for pace in [Pace::ToCall, Pace::Free] {
        let mut tracee = Tracee::launch(&["perl", "-e", script]);
        let (first, mut ended, mut opened, mut replay) = (tracee.first, None, 0, Replay::default());
        tracee.run(pace, |event| {
            if pace == Pace::ToCall {
                replay.see(event);
            }
            match event {
                Event::Ended { tid, fate } if *tid == first => ended = Some(*fate),
                Event::Step { step, .. } if step.pid != first && step.call == "openat" => opened += 1,
                _ => {}
            }
        });
        assert_eq!(ended, Some(Fate::Exited(42)));
        assert_eq!(opened, i32::from(pace == Pace::ToCall), "it went on being followed");
    }
}

fn stopped() {
    let (mut tracer, first) = launch(&["sh", "-c", "kill -STOP $$; exit 6"]);
    let (mut kinds, mut ended) = (Vec::new(), None);
    loop {
        match tracer.next(Some(Instant::now() + Duration::from_secs(60))).unwrap() {
            Next::Stop(stop) => {
                let kind = match &stop {
                    Stop::Group(group) => Some(("group", group.kind.signal)),
                    Stop::Delivery(delivery) => Some(("delivery", delivery.kind.signal)),
                    Stop::Attached(_) => Some(("attached", 0)),
                    _ => None,
                };
                stop.go(Pace::ToCall).unwrap();
                kinds.extend(kind);
                if kind.is_some_and(|(kind, _)| kind == "group") {
                    assert!(matches!(state(first), Some('t' | 'T')));
                    let soon = Instant::now() + Duration::from_millis(50);
                    assert!(matches!(tracer.next(Some(soon)).unwrap(), Next::Late), "it goes on by itself");
                    send(first, libc::SIGCONT);
                }
            }
            Next::Ended { how, .. } => ended = Some(how),
            Next::Nobody => break,
            other => panic!("{other:?}"),
        }
    }
    let expected =
        [("delivery", libc::SIGSTOP), ("group", libc::SIGSTOP), ("attached", 0), ("delivery", libc::SIGCONT)];
    assert_eq!((kinds.as_slice(), ended), (expected.as_slice(), Some(Ended::Exited(6))));
}

/// Its first stop is told as its birth while the signal waits, and it stops as soon as it is let go.
fn stopped_at_birth() {
    let mut tracee = Tracee::launch(&["sh", "-c", "(exit 8) & wait $!; exit $?"]);
    let event = tracee.until(|event| matches!(event, Event::Born { .. }));
    let Event::Born { birth, stop } = event else { unreachable!() };
    send(birth.child, libc::SIGSTOP);
    tracee.go(stop, Pace::ToCall);
    // Continued before or after it has stopped: either way it goes on.
    send(birth.child, libc::SIGCONT);
    let (mut births, mut ends) = (1, Vec::new());
    tracee.run(Pace::ToCall, |event| match event {
        Event::Born { .. } => births += 1,
        Event::Ended { fate, .. } => ends.push(*fate),
        _ => {}
    });
    assert_eq!((births, ends), (1, vec![Fate::Exited(8), Fate::Exited(8)]));
}

fn clean_start() {
    let mut tracee = Tracee::launch(&["sh", "-c", "read line </dev/null; exit 0"]);
    let event = tracee.until(|event| matches!(event, Event::Exec { .. }));
    let status = fs::read_to_string(format!("/proc/{}/status", tracee.first)).unwrap();
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!((mask("SigBlk:"), mask("SigIgn:") & (1 << (libc::SIGPIPE - 1))), (0, 0));
    let fds: Vec<i32> = table(tracee.first).into_keys().collect();
    assert_eq!(fds, [0, 1, 2]);
    tracee.pass(event, Pace::ToCall);
    tracee.run(Pace::ToCall, |_| {});
}

/// Programs that make calls without a pause.
fn busy() -> Tracee {
    let script = "for i in 1 2 3 4; do (while :; do exec 3</dev/null 3<&-; done) & done; wait";
    let mut tracee = Tracee::launch(&["sh", "-c", script]);
    let mut births = 0;
    let event = tracee.until(|event| {
        births += usize::from(matches!(event, Event::Born { .. }));
        births == 4
    });
    tracee.pass(event, Pace::ToCall);
    tracee
}

fn asked() {
    let mut tracee = busy();
    for _ in 0..50 {
        let event = tracee.next();
        tracee.pass(event, Pace::ToCall);
    }
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM).unwrap();
    let event = tracee.next();
    assert!(matches!(event, Event::Asked(libc::SIGTERM)), "{event:?}");
    assert_eq!(tracee.follower.end_all().len(), 5);
}

fn late() {
    let mut tracee = busy();
    let deadline = Instant::now();
    let event = tracee.follower.next(Some(deadline)).unwrap();
    assert!(matches!(event, Event::Late), "{:?}", into_stop(event).map(|stop: Stop| stop.tid()));
    assert_eq!(tracee.follower.end_all().len(), 5);
}
