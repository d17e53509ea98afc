//! A real program under the stop engine, and what the kernel says of its table.

use crate::common::program;
use ganariya_fd::collect::follow::{Event, Follower};
use ganariya_fd::kernel::ptrace::{Pace, Stop, Tracer};
use ganariya_fd::kernel::signals::Signals;
use ganariya_fd::kernel::{Live, spawn};
use ganariya_fd::model::{Fate, Step};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is followed.
pub struct Tracee {
    pub follower: Follower<'static>,
    /// Its pid.
    pub first: i32,
}

/// A tracer with a tracee of its own.
pub fn launch(words: &[&str]) -> (Tracer, i32) {
    let mut tracer = Tracer::new(Signals::take().unwrap());
    let argv: Vec<CString> = words.iter().map(|word| CString::new(*word).unwrap()).collect();
    let program = CString::new(found(words[0]).into_os_string().into_vec()).unwrap();
    let first = spawn::launch(&mut tracer, &program, &argv).unwrap();
    (tracer, first)
}

/// A program of PATH, unless it is a path.
fn found(name: &str) -> PathBuf {
    if name.contains('/') {
        return name.into();
    }
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap()
}

/// The example of this name.
pub fn example(name: &str) -> String {
    let path = program().with_file_name("examples").join(name);
    assert!(path.exists(), "{} is not there: run `cargo build --examples`", path.display());
    path.into_os_string().into_string().unwrap()
}

impl Tracee {
    pub fn launch(words: &[&str]) -> Self {
        let (tracer, first) = launch(words);
        let source: &'static Live = Box::leak(Box::new(Live::new()));
        Self { follower: Follower::new(source, tracer, first), first }
    }

    /// The next event; that none comes is a failure.
    pub fn next(&mut self) -> Event {
        match self.follower.next(Some(Instant::now() + PATIENCE)).unwrap() {
            Event::Late => panic!("nothing happens"),
            event => event,
        }
    }

    pub fn go(&mut self, stop: Stop, pace: Pace) {
        self.follower.go(stop, pace).unwrap();
    }

    /// Lets all go on at `pace` until nobody is left, and shows each event before.
    pub fn run(&mut self, pace: Pace, mut see: impl FnMut(&Event)) {
        loop {
            let event = self.next();
            see(&event);
            match event {
                Event::Nobody => return,
                event => self.pass(event, pace),
            }
        }
    }

    /// Lets whoever stands at an event go on.
    pub fn pass(&mut self, event: Event, pace: Pace) {
        if let Some(stop) = into_stop(event) {
            self.go(stop, pace);
        }
    }

    /// Goes on until an event of which `reached` is true, which is given with its task standing there.
    pub fn until(&mut self, mut reached: impl FnMut(&Event) -> bool) -> Event {
        loop {
            let event = self.next();
            if reached(&event) {
                return event;
            }
            assert!(!matches!(event, Event::Nobody), "it never came");
            self.pass(event, Pace::ToCall);
        }
    }
}

/// Where the task of an event stands.
pub fn into_stop(event: Event) -> Option<Stop> {
    match event {
        Event::Entry { stop, .. }
        | Event::Step { stop, .. }
        | Event::Born { stop, .. }
        | Event::Exec { stop, .. }
        | Event::Exiting { stop } => Some(stop),
        Event::Ended { .. } | Event::Asked(_) | Event::Late | Event::Nobody => None,
    }
}

/// Whose event it is.
pub fn tid(event: &Event) -> Option<i32> {
    match event {
        Event::Entry { stop, .. }
        | Event::Step { stop, .. }
        | Event::Born { stop, .. }
        | Event::Exec { stop, .. }
        | Event::Exiting { stop } => Some(stop.tid()),
        Event::Ended { tid, .. } => Some(*tid),
        Event::Asked(_) | Event::Late | Event::Nobody => None,
    }
}

/// How the first process ended, seen in a run to the end.
pub fn fate_of(words: &[&str]) -> Option<Fate> {
    let mut tracee = Tracee::launch(words);
    let (first, mut seen) = (tracee.first, None);
    tracee.run(Pace::ToCall, |event| match event {
        Event::Ended { tid, fate } if *tid == first => seen = Some(*fate),
        _ => {}
    });
    seen
}

/// The steps between the two prctl(2) of an example's scenario.
pub fn scenario(words: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    Tracee::launch(words).run(Pace::ToCall, |event| {
        if let Event::Step { step, .. } | Event::Exec { step, .. } = event {
            steps.push(step.clone());
        }
    });
    let mut marks = steps.iter().enumerate().filter(|(_, step)| step.call == "prctl").map(|(at, _)| at);
    let begin = marks.next().expect("a mark at the begin");
    let end = marks.next_back().unwrap_or(steps.len());
    steps[begin + 1..end].to_vec()
}

/// What a number refers to, in the words of `/proc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    /// As open(2) numbers it; 3 besides where the descriptor is only a path.
    pub access: u32,
    pub cloexec: bool,
}

pub type Table = BTreeMap<i32, Row>;

const O_PATH: u32 = 0o10_000_000;
const O_CLOEXEC: u32 = 0o2_000_000;

/// The table of a task that stands still, read without the library.
pub fn table(tid: i32) -> Table {
    let mut table = Table::new();
    for entry in fs::read_dir(format!("/proc/{tid}/fd")).unwrap() {
        let number = entry.unwrap().file_name().into_string().unwrap();
        // It may share its table with a thread that runs.
        let Ok(link) = fs::read_link(format!("/proc/{tid}/fd/{number}")) else { continue };
        let Ok(info) = fs::read_to_string(format!("/proc/{tid}/fdinfo/{number}")) else { continue };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let flags = u32::from_str_radix(flags, 8).unwrap();
        let access = if flags & O_PATH != 0 { O_PATH } else { flags & 3 };
        let name = bare(&link.to_string_lossy());
        let row = Row { name, access, cloexec: flags & O_CLOEXEC != 0 };
        table.insert(number.parse().unwrap(), row);
    }
    table
}

/// A name without what the kernel says of whether it is still one.
pub fn bare(link: &str) -> String {
    link.trim_end_matches(" (deleted)").to_owned()
}
