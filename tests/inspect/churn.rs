//! A machine that does not hold still: processes that come, go and change their tables while they are
//! read, and tables of the largest size.

use crate::common::{Actor, descriptors, every_kind, inspect, pid_of, process, run, skip_for_want_of, start};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How often the machine is read while it changes: all of it, or some processes, in turn.
const ROUNDS: usize = 100;

/// How many short-lived processes there are at a time.
const ALIVE: usize = 2;

/// Keeps the two tests apart: reading all processes a hundred times is slow while one of them has the
/// largest table there is.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The pids of the short-lived processes, and whether more are to be made.
#[derive(Default)]
struct Churn {
    pids: Mutex<Vec<i32>>,
    enough: AtomicBool,
}

impl Churn {
    /// Starts processes that open and close descriptors all the time, and kills the oldest.
    fn go_on(&self) {
        let mut children = Vec::new();
        while !self.enough.load(Ordering::Relaxed) {
            let restless = "while :; do exec 3</dev/null 4<&3 5<>/dev/null; exec 3<&- 4<&- 5<&-; done";
            let mut command = Command::new("sh");
            children.push(start(command.args(["-c", restless]).stdin(Stdio::null()).stdout(Stdio::piped())));
            if children.len() > ALIVE {
                let mut oldest = children.remove(0);
                oldest.kill().unwrap();
                // Between the two it is a zombie.
                thread::yield_now();
                oldest.wait().unwrap();
            }
            let pids = children.iter().map(pid_of).collect();
            *self.pids.lock().unwrap() = pids;
        }
        for mut child in children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn pids(&self) -> Vec<String> {
        self.pids.lock().unwrap().iter().map(i32::to_string).collect()
    }
}

#[test]
fn reading_a_machine_that_changes_never_fails() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let churn = Churn::default();
    thread::scope(|scope| {
        scope.spawn(|| churn.go_on());
        // The processes are ended also when an assertion fails.
        let _end = End(&churn.enough);
        let mut found = 0;
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                read_all(["json", "table", "jsonl"][round / 2 % 3]);
            } else {
                found += read_some(&churn.pids());
            }
        }
        assert!(found > 0);
    });
}

fn read_all(format: &str) {
    let ran = run(&mut inspect(&["--all", "--format", format]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    match format {
        "json" => assert!(!ran.json()["processes"].as_array().unwrap().is_empty()),
        "jsonl" => assert!(!ran.json_lines().is_empty()),
        _ => assert!(ran.text().lines().count() > 1),
    }
}

/// Reads these processes and gives how many of them were still there: each is shown or told.
fn read_some(pids: &[String]) -> usize {
    if pids.is_empty() {
        return 0;
    }
    let ran = run(&mut inspect(&[&["--format".to_owned(), "json".to_owned()], pids].concat()));
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    let document = ran.json();
    let shown = document["processes"].as_array().unwrap().len();
    assert_eq!(ran.status, i32::from(shown == 0), "{}", ran.err);
    let gone = document["gaps"].as_array().unwrap().iter().filter(|gap| gap["what"] == "process");
    assert_eq!(shown + gone.count(), pids.len(), "one is neither shown nor told: {document}");
    shown
}

/// Ends the making of processes.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_hundred_thousand_descriptors_are_listed_completely() {
    const COUNT: usize = 100_000;
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let actor = Actor::start(every_kind().args(["--many", &COUNT.to_string()]));
    let report: serde_json::Value = serde_json::from_str(&actor.line).unwrap();
    let opened = usize::try_from(report["opened"].as_u64().unwrap()).unwrap();
    if opened < COUNT {
        skip_for_want_of(&format!("the right to open more than {opened} files: that many are tested"));
    }
    let fds = std::fs::read_dir(format!("/proc/{}/fd", actor.pid)).unwrap().count();
    assert!(fds >= opened);
    let pid = actor.pid.to_string();
    let document = run(&mut inspect(&["--format", "json", &pid])).clean().json();
    let shown = descriptors(&document, actor.pid);
    assert_eq!(shown.len(), fds);
    let numbers: Vec<_> = shown.iter().map(|shown| shown["fd"].as_i64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let null = shown.iter().filter(|shown| shown["name"] == "/dev/null" && shown["access"] == "r");
    assert!(null.clone().count() >= opened);
    // Each was opened for itself.
    assert!(null.filter(|shown| shown["shared_with"].as_array().unwrap().is_empty()).count() >= opened);
    assert!(process(&document, actor.pid)["limit"]["soft"].as_u64().unwrap() >= opened as u64);
    let listing = run(&mut inspect(&[&pid])).clean();
    assert_eq!(listing.text().lines().count(), fds + 1);
}
