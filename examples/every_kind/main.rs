//! Opens one descriptor of each kind of file, says what it opened, and waits.
//!
//! A zoo to look at: run `cargo run --example every_kind` in one terminal, and in another
//! `ganariya-fd inspect PID` with the pid that it prints (or lsof, lsfd, `ls -l /proc/PID/fd`). The
//! tests hold what `inspect` shows against what this program says of itself. So it says only what it
//! knows from its own calls (open, fcntl, fstat, lseek, getsockname, getpeername) and reads nothing of
//! `/proc`, where it only opens its namespaces. What takes `unsafe` calls is opened by `tests/inspect/zoo.py`.
//!
//! It prints one line of JSON, works in a temporary directory of its own, and at the end of its
//! standard input (Ctrl-D) removes that and exits.
//!
//! With `--own-network` it does so in a new network namespace, where it needs no permission but root's and
//! is alone with its addresses. With `--port N` its sockets have the ports from N on, instead of those of
//! the kernel's choice: two of these in two namespaces have the same ones.
//!
//! `every_kind --many N` opens /dev/null N times instead, for a table of that size.

mod anonymous;
mod files;
mod inet;
mod kernel_side;
mod local;
mod network;
mod report;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use report::Report;
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write as _};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments.iter().map(String::as_str);
    let (mut own_network, mut ports) = (false, Ports::default());
    while let Some(word) = words.next() {
        match (word, words.len()) {
            ("--many", 1) if arguments.len() == 2 => {
                return many(words.next().unwrap_or_default().parse()?);
            }
            ("--own-network", _) => own_network = true,
            ("--port", 1..) => ports = Ports::from(words.next().unwrap_or_default().parse::<u16>()?),
            _ => return Err("usage: every_kind [--own-network] [--port N] | --many N".into()),
        }
    }
    if own_network {
        network::enter_a_new_one()?;
    }
    every_kind(&mut ports)
}

/// The ports that sockets are bound to: of the kernel's choice, or one after the other.
#[derive(Debug, Default)]
pub struct Ports(Option<u16>);

impl From<u16> for Ports {
    fn from(first: u16) -> Self {
        Self(Some(first))
    }
}

impl Ports {
    /// The next; 0 leaves the choice to the kernel.
    pub fn take(&mut self) -> u16 {
        let port = self.0.unwrap_or_default();
        self.0 = self.0.map(|port| port + 1);
        port
    }
}

fn every_kind(ports: &mut Ports) -> Outcome<()> {
    let directory = tempfile::Builder::new().prefix("every_kind.").tempdir()?;
    // Links in /proc show the path without any symbolic link in it.
    let path = directory.path().canonicalize()?;
    let mut report = Report::default();
    files::open_all(&mut report, &path)?;
    inet::open_all(&mut report, ports)?;
    local::open_all(&mut report, &path)?;
    kernel_side::open_all(&mut report)?;
    anonymous::open_all(&mut report, &path)?;
    say(&json!({
        "pid": std::process::id(),
        "directory": path.to_string_lossy(),
        "descriptors": report.describe()?,
        "skipped": report.skipped,
    }))?;
    wait_for_the_end()?;
    directory.close()?;
    Ok(())
}

/// Opens `count` descriptors, or as many as the limits allow: the soft one is raised to the hard one,
/// and the hard one where this process may.
fn many(count: u64) -> Outcome<()> {
    // Some are open already, and the numbers have to fit below the limit.
    let wanted = count + 64;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).is_err() {
        setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard)?;
    }
    let mut files = Vec::new();
    let limit = loop {
        if u64::try_from(files.len())? == count {
            break None;
        }
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break Some(error.to_string()),
        }
    };
    say(&json!({ "pid": std::process::id(), "opened": files.len(), "limit": limit }))?;
    wait_for_the_end()
}

fn say(line: &serde_json::Value) -> Outcome<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

fn wait_for_the_end() -> Outcome<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}
