//! Makes a busy machine: processes with many open files of many kinds, which stand still until this one ends.
//!
//! `cargo run --release --example load -- PROCESSES DESCRIPTORS [THREADS]` starts that many processes with that
//! many descriptors each, and with that many threads. It prints a line of JSON when all are ready, and ends, with
//! all of them, at the end of its standard input. The benchmark of scale and its tests use it, and it serves to
//! look at one's own machine: what would lsof take, and what this program?
//!
//! A process has a listening socket, connections over loopback to itself, unix socket pairs, pipes, eventfds, and
//! regular files, some opened for writing and some to be closed at an exec.

use ganariya_fd::kernel::actor::fork;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getppid, pipe2};
use serde_json::json;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let (processes, descriptors, threads) = match numbers[..] {
        [processes, descriptors] => (processes, descriptors, 1),
        [processes, descriptors, threads] => (processes, descriptors, threads),
        _ => return Err("usage: load PROCESSES DESCRIPTORS [THREADS]".into()),
    };
    // A few are open besides while the others are made.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let limit = hard.max(u64::try_from(descriptors)? + 64);
    setrlimit(Resource::RLIMIT_NOFILE, limit, limit)
        .map_err(|errno| format!("{descriptors} descriptors: setrlimit: {errno}"))?;
    let folder = tempfile::Builder::new().prefix("load.").tempdir()?;
    let data = folder.path().join("data");
    std::fs::write(&data, "data")?;
    let own = Pid::this();
    let mut pids = Vec::with_capacity(processes);
    for _ in 0..processes {
        match fork()? {
            Some(pid) => pids.push(pid),
            None => return stand(own, &data, descriptors, threads),
        }
    }
    for &pid in &pids {
        match waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WUNTRACED))? {
            WaitStatus::Stopped(..) => {}
            // It has said why. The others go when this ends.
            status => return Err(format!("not all processes are ready: {status:?}").into()),
        }
    }
    let ready = json!({"processes": pids.len(), "descriptors": descriptors, "threads": threads, "pids": pids, "file": data});
    let mut out = io::stdout().lock();
    writeln!(out, "{ready}")?;
    out.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    for &pid in &pids {
        kill(Pid::from_raw(pid), Signal::SIGKILL)?;
    }
    for &pid in &pids {
        waitpid(Pid::from_raw(pid), None)?;
    }
    folder.close()?;
    Ok(())
}

/// The part of one process: opens all, and stops.
fn stand(parent: Pid, data: &Path, descriptors: usize, threads: usize) -> Outcome<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != parent {
        return Ok(());
    }
    // Whatever the generator was given is there as well.
    let mut fds: Vec<OwnedFd> = Vec::with_capacity(descriptors);
    let wanted = descriptors.saturating_sub(3);
    if wanted > 20 {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        // Of ten, two are connected by TCP and two by unix sockets, two are a pipe's and one counts.
        for _ in 0..wanted / 9 {
            let client = TcpStream::connect(listener.local_addr()?)?;
            let (server, _) = listener.accept()?;
            fds.extend([client.into(), server.into()]);
        }
        fds.push(listener.into());
        for _ in 0..wanted / 9 {
            let (one, other) = UnixStream::pair()?;
            fds.extend([one.into(), other.into()]);
        }
        for _ in 0..wanted / 10 {
            let (reader, writer) = pipe2(nix::fcntl::OFlag::empty())?;
            fds.extend([reader, writer]);
        }
        for _ in 0..wanted / 10 {
            fds.push(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?.into());
        }
    }
    while fds.len() < wanted {
        let file = if fds.len().is_multiple_of(2) {
            File::open(data)?
        } else {
            OpenOptions::new().append(true).open(data)?
        };
        fds.push(file.into());
    }
    for _ in 1..threads {
        std::thread::Builder::new().stack_size(1 << 14).spawn(std::thread::park)?;
    }
    raise(Signal::SIGSTOP)?;
    Ok(())
}
