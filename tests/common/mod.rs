//! What the tests of the binary share: the program run as a person would, real processes to run it
//! on, and the word on what is skipped.
//!
//! All processes are started through here, one at a time, and the program runs while no other is
//! being started: a process between its fork and its exec holds a copy of every descriptor of the
//! tests, and would for that moment be seen as one more holder of each pipe.
#![allow(dead_code, reason = "each of the test binaries uses a part")]

pub mod terminal;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

static STARTING: Mutex<()> = Mutex::new(());

fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ganariya-fd"))
}

/// The example that opens one descriptor of each kind.
pub fn every_kind() -> Command {
    let path = program().with_file_name("examples").join("every_kind");
    assert!(path.exists(), "{} is not there: run `cargo build --examples`", path.display());
    let mut command = Command::new(path);
    command.stderr(own_errors());
    command
}

/// A standard error that is nobody else's: that of the tests may be a file, whose offset moves with each
/// line that a test prints, so that no two readings of it are the same.
fn own_errors() -> Stdio {
    Stdio::null()
}

/// `ganariya-fd inspect ARGUMENTS`, in English and without what the environment says of colours.
pub fn inspect<A: AsRef<str>>(arguments: &[A]) -> Command {
    let mut command = Command::new(program());
    command.arg("inspect").args(arguments.iter().map(AsRef::as_ref));
    plain(&mut command);
    command
}

/// Takes away what the environment would change in the output.
pub fn plain(command: &mut Command) {
    for name in ["GANARIYA_FD_LANG", "LC_ALL", "LC_MESSAGES", "NO_COLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("LANG", "C").env("TERM", "xterm");
}

/// What a command that has ended gave.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    /// Standard output as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// Standard output of a program that prints the names of other processes as they are: of some tests they are
    /// no text.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.out)
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.out)))
    }

    /// Standard output as one JSON object a line.
    pub fn json_lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Expects status 0 and nothing on standard error. Other ends cannot always be looked for in
    /// everybody's tables, not even by root in a container: then the note on that is right.
    pub fn clean(self) -> Self {
        let note = "ganariya-fd: could not be read: other ends in the tables of ";
        let quiet = self.err.is_empty() || self.err.starts_with(note);
        assert!(self.status == 0 && quiet, "{}: {}", self.status, self.err);
        self
    }
}

/// Runs a command to its end, with an empty standard input unless it has another. A signal that killed
/// it is 128 + its number.
pub fn run(command: &mut Command) -> Ran {
    use std::os::unix::process::ExitStatusExt as _;
    let _alone = starting();
    let output = command.output().unwrap();
    let status = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap());
    Ran { status, out: output.stdout, err: String::from_utf8_lossy(&output.stderr).into_owned() }
}

/// Those of `signals` that whoever runs the tests does not ignore. What is ignored stays so in all that is
/// started from there, as nohup(1) wants it, and a server that keeps to it hears none.
pub fn heard(signals: &[Signal]) -> Vec<Signal> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(line.trim(), 16).unwrap();
    signals.iter().copied().filter(|signal| ignored >> (*signal as i32 - 1) & 1 == 0).collect()
}

/// Starts a command. It has begun when this returns: its exec is done.
pub fn start(command: &mut Command) -> Child {
    let _alone = starting();
    command.spawn().unwrap()
}

/// A process that has said a line and now waits for the end of its standard input.
pub struct Actor {
    pub pid: i32,
    /// What it said first.
    pub line: String,
    /// Held, so that it lives.
    pub stdin: Option<ChildStdin>,
    pub stdout: BufReader<ChildStdout>,
    child: Child,
}

impl Actor {
    /// Starts a command that says a line when it is ready. Standard error stays as it was set.
    pub fn start(command: &mut Command) -> Self {
        let mut child = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "{command:?} ended without a line");
        let pid = pid_of(&child);
        // Between the line and the wait it still runs.
        wait_until("process that waits", || state(pid) != Some('R'));
        Self { pid, line, stdin: child.stdin.take(), stdout, child }
    }

    /// A shell that does `script` and then waits.
    pub fn shell(script: &str) -> Self {
        Self::start(&mut shell(script))
    }

    /// Ends it, so that its table is gone, and does not wait for it: it is a zombie until this is
    /// dropped.
    pub fn end_unwaited(&mut self) {
        self.stdin = None;
        self.child.kill().unwrap();
        wait_until("zombie", || state(self.pid) == Some('Z'));
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Given the chance, it removes what it has made.
        self.stdin = None;
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            pause();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The pids that a lab says it holds, by their names. Waits for that line of its errors.
pub fn held_pids(lab: &mut Child) -> Vec<(String, i32)> {
    let mut line = String::new();
    BufReader::new(lab.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    let list = line.trim().strip_prefix("held: ").unwrap_or_else(|| panic!("{line}"));
    let pids = list.split(' ').map(|word| {
        let (name, pid) = word.split_once('=').unwrap();
        (name.to_owned(), pid.parse().unwrap())
    });
    pids.collect()
}

/// The command for [`Actor::shell`].
pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{script}\necho ready\nread line")).stderr(own_errors());
    command
}

/// The example at work, with what it said of itself.
pub fn fixture() -> (Actor, Value) {
    let actor = Actor::start(&mut every_kind());
    let report = serde_json::from_str(&actor.line).unwrap();
    (actor, report)
}

/// A program in Python that does `script` and then waits.
pub fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    let waits = "print('ready', flush=True)\nimport sys; sys.stdin.read()\n";
    command.arg("-c").arg(format!("{script}\n{waits}")).stderr(own_errors());
    command
}

/// `around` with `inner` as the last of its arguments: `unshare -n` around a shell.
pub fn within(around: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(around[0]);
    command.args(&around[1..]).arg(inner.get_program()).args(inner.get_args()).stderr(own_errors());
    command
}

/// Whether a process may have a namespace of its own; where not, the test is skipped.
pub fn may_unshare(option: &str) -> bool {
    if !installed("unshare") {
        return false;
    }
    let may = run(Command::new("unshare").args([option, "true"])).status == 0;
    if !may {
        skip_for_want_of(&format!("the right to unshare {option}"));
    }
    may
}

/// The descriptors of a process that are sockets.
pub fn sockets_of(pid: i32) -> Vec<i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap());
    let is_socket = |link: PathBuf| link.to_str().is_some_and(|link| link.starts_with("socket:"));
    let sockets = entries.filter(|entry| fs::read_link(entry.path()).is_ok_and(is_socket));
    let mut numbers: Vec<i32> =
        sockets.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

pub fn pid_of(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

/// This process.
pub fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// A pid that names no process: that of a child that was waited for.
pub fn gone_pid() -> i32 {
    let mut child = start(&mut Command::new("true"));
    child.wait().unwrap();
    pid_of(&child)
}

/// The letter of a process's state in `/proc/PID/stat`; nothing when it is gone.
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits for a state of the world, and fails when it does not come.
pub fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < deadline, "no {what} within 30 s");
        pause();
    }
}

/// Lets others run before a state is looked at again.
fn pause() {
    std::thread::park_timeout(Duration::from_millis(1));
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a program that a test compares with is installed. Where it is not, the test is skipped.
pub fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_program = |path: PathBuf| {
        fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let found = std::env::split_paths(&path).any(|folder| is_program(folder.join(name)));
    if !found {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// Says that a test is skipped; where a machine has to run them all, that is a failure.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "skipped: {why}");
    eprintln!("skipped: {why}");
}

/// Says that a test is skipped because whoever runs it lacks a right; no machine can have them all.
pub fn skip_for_want_of(what: &str) {
    eprintln!("skipped for want of {what}");
}

/// The process `pid` of a JSON document.
pub fn process(document: &Value, pid: i32) -> &Value {
    let processes = document["processes"].as_array().unwrap();
    processes.iter().find(|process| process["pid"] == pid).unwrap_or_else(|| panic!("no {pid}: {document}"))
}

/// The descriptors of a process of a JSON document.
pub fn descriptors(document: &Value, pid: i32) -> &[Value] {
    process(document, pid)["descriptors"].as_array().unwrap()
}

/// One descriptor of a JSON document.
pub fn descriptor(document: &Value, pid: i32, fd: i32) -> &Value {
    let found = descriptors(document, pid).iter().find(|descriptor| descriptor["fd"] == fd);
    found.unwrap_or_else(|| panic!("no fd {fd}: {document}"))
}

/// The peers of an end that has none: not known for certain where some tables could not be read.
pub fn nobody(document: &Value) -> Vec<Value> {
    let gaps = document["gaps"].as_array().unwrap();
    let unread = gaps.iter().find(|gap| gap["what"] == "other ends");
    unread.map(|gap| json!({"unknown": {"call": gap["call"], "error": gap["error"]}})).into_iter().collect()
}

/// `inspect --format json PIDS`, which finds all there is to find.
pub fn document(pids: &[i32]) -> Value {
    let mut arguments = vec!["--format".to_owned(), "json".to_owned()];
    arguments.extend(pids.iter().map(i32::to_string));
    run(&mut inspect(&arguments)).clean().json()
}
