//! `cargo bench --bench scale`: this program beside lsof, lsfd, fuser and ss on a busy machine, in one run.
//!
//! The load is that of the example `load`: 500 processes with 200 descriptors each, or others with
//! `-- PROCESSES DESCRIPTORS [THREADS]`. Both commands of a row run in turn, in as many rounds as `ROUNDS` says, to
//! /dev/null and with RLIMIT_NOFILE at 1024, and what is printed are medians, of the ratios those of each round.
//! A row has the ratio that this program wants to stay below. Run it as root: others may not see the tables.
//!
//! `bare` is the least that a listing takes: getdents64, readlinkat and lstat of every descriptor, by as many
//! threads as there are processors, and nothing made of it.
//!
//! What is left, in seconds of processor time on 2 cores, where a command took half of that and a little more:
//!
//! - `inspect --all` has 0.72. The kernel has 0.55 of them: the bare calls 0.40, of which readlink is the half, and
//!   the rest stat of what has a path, fdinfo of eventfds (which have no other name), the lists of sockets and what
//!   there is to read of each process. Of the 0.17 in user space half writes the lines, and the rest joins. One
//!   thread alone has 0.035 s: it looks sockets up in the lists and joins ends.
//! - As JSON lines it has 1.6: fdinfo of every file, three calls each, takes 0.5, and kcmp of 24,000 descriptors
//!   of one file, which are sorted in 340,000 comparisons, 0.3. Fewer cannot order them, and fdinfo has
//!   no number of an open file description to go by instead.
//! - `inspect PID` with other ends is readlink and getdents64 of every descriptor of the machine, 0.34 of 0.42, and
//!   without them the kernel's dump of all TCP sockets, 0.018 of 0.024. To ask for these in two halves by their ports
//!   is no sooner: each half goes through all of them. The tables of others have to wait for it: it tells which
//!   sockets to look for.
//! - Memory is 112 bytes for each open file description, and what hangs from it: its name, its ends, its socket. It
//!   takes the most while all sockets wait for the lists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![allow(clippy::print_stdout, reason = "what it is for")]
#![allow(clippy::cast_precision_loss, reason = "times are told to a few digits")]
#![allow(clippy::disallowed_methods, reason = "it starts programs as anybody would")]

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::stat::{Mode, fstatat};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// How often each pair is measured.
const ROUNDS: usize = 7;

/// What this program is called in a row.
const OURS: &str = "ganariya-fd";

/// Our arguments, the peer's command, and the ratio to stay below. PID, FILE and PORT are those of the load.
const ROWS: [(&str, &str, f64); 12] = [
    ("inspect --all", "lsof -nP", 1.0 / 8.0),
    ("inspect --all", "lsfd", 1.0 / 7.0),
    ("inspect --all", "bare", 1.4),
    ("inspect --all --format jsonl", "lsfd --json", 1.0 / 2.5),
    ("inspect PID --columns fd,access,kind,name", "lsof -nP -p PID", 1.0 / 5.0),
    ("inspect PID", "lsof -nP +E -p PID", 1.0 / 10.0),
    ("who FILE", "fuser FILE", 0.6),
    ("who :PORT", "lsof -nP -i :PORT", 1.0 / 6.0),
    ("who :PORT", "ss -tlnp", 0.5),
    ("inspect --all --columns pid,fd,kind,name", "lsof -nP", 1.0),
    ("inspect --all --deleted", "lsof -nP +L1", 1.0),
    ("inspect --tree LOAD -k tcp", "lsof -nP -iTCP", 1.0),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match &arguments[..] {
        [first] if first == "--bare" => return bare(),
        [first, command @ ..] if first == "--memory" => return memory(command),
        _ => {}
    }
    let numbers: Vec<String> = arguments.into_iter().filter(|word| word.parse::<u32>().is_ok()).collect();
    let numbers = if numbers.is_empty() { vec!["500".to_owned(), "200".to_owned()] } else { numbers };
    let load = Load::start(&numbers);
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 1024, hard).unwrap();
    println!("{}", machine());
    for peer in ["lsof", "lsfd", "fuser", "ss"] {
        println!("{}", version(peer));
    }
    println!("{} with {ROUNDS} rounds, medians\n", load.words);
    println!(
        "{:<44} {:<20} {:>8} {:>8} {:>6} {:>6}",
        "ganariya-fd", "peer", "ours", "peer's", "ratio", "bound"
    );
    for (ours, peer, bound) in ROWS {
        compare(&load, ours, peer, bound);
    }
    println!("\npeak resident memory, MiB");
    for command in
        ["ganariya-fd inspect --all", "ganariya-fd inspect --all --format jsonl", "lsof -nP", "lsfd"]
    {
        println!(
            "{:<44} {}",
            command,
            load.memory(command).map_or("missing".to_owned(), |kib| (kib / 1024).to_string())
        );
    }
    let version = load.median(&format!("{OURS} --version"), 41);
    println!("\n{OURS} --version: {:.2} ms (bound 2)", version.unwrap() * 1e3);
}

/// The busy machine, as long as this lives.
struct Load {
    child: Child,
    words: String,
    places: HashMap<&'static str, String>,
}

impl Load {
    fn start(numbers: &[String]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_ganariya-fd")).with_file_name("examples").join("load");
        assert!(program.exists(), "{} is missing: cargo build --release --example load", program.display());
        let mut command = Command::new(program);
        let mut child = command.args(numbers).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let pids = ready["pids"].as_array().unwrap();
        let pid = pids[pids.len() / 2].to_string();
        let mut places = HashMap::from([
            ("LOAD", child.id().to_string()),
            ("FILE", ready["file"].as_str().unwrap().to_owned()),
        ]);
        if let Some(port) = port_of(&pid) {
            places.insert("PORT", port);
        }
        places.insert("PID", pid);
        let words = format!(
            "{} processes of {} descriptors and {} threads",
            ready["processes"], ready["descriptors"], ready["threads"]
        );
        Self { child, words, places }
    }

    /// The command of a row; nothing where its program is missing.
    fn command(&self, words: &str) -> Option<Command> {
        let mut words = words.split(' ').map(|word| {
            let place = self.places.iter().find(|(name, _)| word.trim_start_matches(':') == **name);
            place.map_or_else(|| word.to_owned(), |(name, value)| word.replace(*name, value))
        });
        let program = words.next()?;
        let mut command = match program.as_str() {
            OURS => Command::new(env!("CARGO_BIN_EXE_ganariya-fd")),
            "bare" => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.arg("--bare");
                command
            }
            peer => Command::new(installed(peer)?),
        };
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Some(command)
    }

    /// How long it takes, in seconds.
    fn time(&self, words: &str) -> Option<f64> {
        let mut command = self.command(words)?;
        let started = Instant::now();
        command.status().unwrap();
        Some(started.elapsed().as_secs_f64())
    }

    fn median(&self, words: &str, rounds: usize) -> Option<f64> {
        let times: Option<Vec<f64>> = (0..rounds).map(|_| self.time(words)).collect();
        times.map(median)
    }

    /// The most memory that it had, in KiB.
    fn memory(&self, words: &str) -> Option<u64> {
        let command = self.command(words)?;
        let mut measured = Command::new(std::env::current_exe().unwrap());
        measured.arg("--memory").arg(command.get_program()).args(command.get_args());
        let out = measured.output().unwrap().stdout;
        String::from_utf8_lossy(&out).trim().parse().ok()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The port of a process's listening socket.
fn port_of(pid: &str) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ganariya-fd"));
    let words = ["inspect", "--format", "csv", "--columns", "local", "-w", "facts.state = LISTEN", pid];
    let out = command.args(words).stderr(Stdio::null()).output().unwrap().stdout;
    let text = String::from_utf8_lossy(&out).into_owned();
    text.lines().nth(1)?.rsplit_once(':').map(|(_, port)| port.to_owned())
}

fn compare(load: &Load, ours: &str, peer: &str, bound: f64) {
    let words = format!("{OURS} {ours}");
    // The first of each is for the caches.
    let (Some(_), Some(_)) = (load.time(&words), load.time(peer)) else {
        println!("{ours:<44} {peer:<20} missing");
        return;
    };
    let rounds: Vec<(f64, f64)> =
        (0..ROUNDS).map(|_| (load.time(&words).unwrap(), load.time(peer).unwrap())).collect();
    let of = |value: fn(&(f64, f64)) -> f64| median(rounds.iter().map(value).collect());
    let (mine, theirs, ratio) = (of(|round| round.0), of(|round| round.1), of(|round| round.0 / round.1));
    let mark = if ratio <= bound { ' ' } else { '!' };
    println!("{ours:<44} {peer:<20} {mine:>8.3} {theirs:>8.3} {ratio:>6.3} {bound:>6.3} {mark}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| Some(Path::new("/usr/sbin").join(name)).filter(|file| file.is_file()))
}

fn version(peer: &str) -> String {
    let Some(program) = installed(peer) else { return format!("{peer}: missing") };
    let option = if peer == "lsof" { "-v" } else { "-V" };
    let out = Command::new(program).arg(option).output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line =
        text.lines().find(|line| line.contains(|char: char| char.is_ascii_digit())).unwrap_or_default();
    format!("{peer}: {}", line.trim())
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!("Linux {}, {cores} cores, {}", kernel.trim(), model.trim_start_matches([' ', '\t', ':']).trim())
}

/// Runs a command and prints the most memory that it had.
fn memory(command: &[String]) {
    let (program, arguments) = command.split_first().unwrap();
    Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss());
}

/// The least that a listing takes.
fn bare() {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(pid) = pids.get(next.fetch_add(1, Ordering::Relaxed)) {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            let Ok(mut dir) = Dir::open(format!("/proc/{pid}/fd").as_str(), flags, Mode::empty()) else {
                continue;
            };
            let names: Vec<_> = dir.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
            for name in names.iter().filter(|name| name.to_bytes()[0] != b'.') {
                let _ = readlinkat(&dir, name.as_c_str());
                let _ = fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
        work();
    });
}
