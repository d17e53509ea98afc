//! Runs the cases one after the other, each in a process of its own that is this test again, and tells
//! of them as cargo's own tests do.
//!
//! A case that hangs is killed, with whoever it traces, and failed by its name.

use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A case: its name and what it does.
pub type Case = (&'static str, fn());

/// How long a case may take.
const WATCH: Duration = Duration::from_secs(120);

/// Tells the process which case it is to be.
const CASE: &str = "GANARIYA_FD_TEST_CASE";

pub fn run(rooms: &[(&str, &[Case])]) -> ! {
    let cases = rooms
        .iter()
        .flat_map(|(room, cases)| cases.iter().map(move |(name, case)| (format!("{room}::{name}"), *case)));
    let cases: Vec<(String, fn())> = cases.collect();
    if let Ok(wanted) = std::env::var(CASE) {
        let (_, case) = cases.iter().find(|(name, _)| *name == wanted).expect("a case of this name");
        case();
        std::process::exit(0);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--list") {
        for (name, _) in &cases {
            println!("{name}: test");
        }
        std::process::exit(0);
    }
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| match has("--exact") {
        _ if filters.is_empty() => true,
        true => filters.iter().any(|filter| *filter == name),
        false => filters.iter().any(|filter| name.contains(*filter)),
    };
    let (wanted, others): (Vec<_>, Vec<_>) = cases.iter().partition(|(name, _)| is_wanted(name));
    println!("\nrunning {} tests", wanted.len());
    let failed = wanted.iter().filter(|(name, _)| !passes(name, has("--nocapture"))).count();
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        if failed == 0 { "ok" } else { "FAILED" },
        wanted.len() - failed,
        others.len(),
    );
    std::process::exit(i32::from(failed != 0))
}

/// Runs one case, and tells how it went.
fn passes(name: &str, shows_output: bool) -> bool {
    print!("test {name} ... ");
    std::io::stdout().flush().unwrap();
    // A file, because tracees that hold a pipe's end could keep its reader waiting.
    let mut output = tempfile::tempfile().unwrap();
    let stream = || Stdio::from(output.try_clone().unwrap());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(CASE, name).stdin(Stdio::null()).stdout(stream()).stderr(stream());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + WATCH;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => break None,
            None => std::thread::park_timeout(Duration::from_millis(1)),
        }
    };
    if status.is_none() {
        // Its tracees die with it.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut text = String::new();
    output.rewind().unwrap();
    let _ = output.read_to_string(&mut text);
    let passed = status.is_some_and(|status| status.success());
    println!("{}", if passed { "ok" } else { "FAILED" });
    match status {
        None => println!("it did not end within {} s, and was killed", WATCH.as_secs()),
        Some(status) if !passed => println!("{status}"),
        Some(_) => {}
    }
    let skipped = text.lines().filter(|line| line.starts_with("skipped"));
    if !passed || shows_output {
        println!("{text}");
    } else {
        skipped.for_each(|line| println!("{line}"));
    }
    passed
}
