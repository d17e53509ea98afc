//! Files with names, terminals, devices, pipes and FIFOs.

use crate::Outcome;
use crate::report::{Opened, Report};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::libc::{F_RDLCK, F_WRLCK, c_int, flock};
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_open, mq_unlink};
use nix::pty::openpty;
use nix::sys::stat::Mode;
use nix::unistd::{dup, mkfifo, pipe2, ttyname};
use serde_json::json;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::{Path, PathBuf};

pub fn open_all(report: &mut Report, directory: &Path) -> Outcome<()> {
    regular(report, directory)?;
    locked(report, directory)?;
    named(report, directory)?;
    terminals(report)?;
    devices(report)?;
    queue(report)?;
    pipes(report, directory)
}

fn opened(what: &str, kind: &str, access: &str, path: &Path, flags: OFlag) -> Outcome<Opened> {
    let file = open(path, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    Ok(Opened::new(what, kind, access, file).with("name", path.to_string_lossy()))
}

fn regular(report: &mut Report, directory: &Path) -> Outcome<()> {
    let path = directory.join("text");
    fs::write(&path, "0123456789")?;
    let mut file = fs::File::open(&path)?;
    file.read_exact(&mut [0; 5])?;
    let copy = dup(&file)?;
    let name = path.to_string_lossy();
    let first = report.add(Opened::new("a file read to its middle", "file", "r", file).with("name", &*name));
    report.add(
        Opened::new("the same open file description, by dup", "file", "r", copy)
            .with("name", &*name)
            .with("open_file", first),
    );
    report.add(opened("the same file, opened again", "file", "r", &path, OFlag::O_RDONLY)?);
    report.add(opened("the same file, for reading and writing", "file", "rw", &path, OFlag::O_RDWR)?);
    report.add(opened("the same file as a mere place", "file", "path", &path, OFlag::O_PATH)?);

    let flags = OFlag::O_WRONLY
        | OFlag::O_CREAT
        | OFlag::O_APPEND
        | OFlag::O_NONBLOCK
        | OFlag::O_SYNC
        | OFlag::O_CLOEXEC;
    report.add(opened("a log", "file", "w", &directory.join("log"), flags)?);

    let path = directory.join("removed");
    let mut file = fs::File::create(&path)?;
    file.write_all(b"nobody finds this")?;
    fs::remove_file(&path)?;
    let name = path.to_string_lossy();
    report.add(
        Opened::new("a file that was removed", "file", "w", file).with("name", &*name).with("deleted", true),
    );
    let path = directory.join("a name that ends in (deleted)");
    fs::write(&path, "")?;
    report.add(opened("a file of a misleading name", "file", "r", &path, OFlag::O_RDONLY)?);

    let path = directory.join("one of two names");
    fs::write(&path, "")?;
    fs::hard_link(&path, directory.join("the other name"))?;
    let one = opened("a file that has lost one of its names", "file", "r", &path, OFlag::O_RDONLY)?;
    fs::remove_file(&path)?;
    report.add(one.with("deleted", true));
    Ok(())
}

/// Locks of all sorts, on files of their own.
fn locked(report: &mut Report, directory: &Path) -> Outcome<()> {
    let pid = std::process::id();
    let file = |name: &str| {
        let path = directory.join(name);
        let flags = OFlag::O_RDWR | OFlag::O_CREAT;
        Outcome::Ok((open(&path, flags, Mode::S_IRUSR | Mode::S_IWUSR)?, path))
    };
    let range = |kind: c_int, start: i64, length: i64| {
        let kind = i16::try_from(kind).unwrap_or_default();
        flock { l_type: kind, l_whence: 0, l_start: start, l_len: length, l_pid: 0 }
    };
    let mut add = |what: &str, (file, path): (OwnedFd, PathBuf), locks: serde_json::Value| {
        let opened = Opened::new(what, "file", "rw", file);
        report.add(opened.with("name", path.to_string_lossy()).with("locks", locks));
    };
    let whole = file("a whole lock")?;
    rustix::fs::flock(&whole.0, rustix::fs::FlockOperation::LockExclusive)?;
    let lock = json!({"type": "FLOCK", "mode": "WRITE", "advisory": true, "pid": pid, "start": 0});
    add("a file that is locked", whole, json!([lock]));

    let parts = file("a lock of parts")?;
    fcntl(&parts.0, FcntlArg::F_SETLK(&range(F_WRLCK, 5, 10)))?;
    fcntl(&parts.0, FcntlArg::F_SETLK(&range(F_RDLCK, 100, 0)))?;
    fcntl(&parts.0, FcntlArg::F_OFD_SETLK(&range(F_RDLCK, 50, 10)))?;
    let posix = json!({"type": "POSIX", "advisory": true, "pid": pid});
    let with = |lock: &serde_json::Value, mode: &str, start: i64, end: Option<i64>| {
        let mut lock = lock.clone();
        lock["mode"] = mode.into();
        lock["start"] = start.into();
        if let Some(end) = end {
            lock["end"] = end.into();
        }
        lock
    };
    let own = json!({"type": "OFDLCK", "advisory": true});
    let locks = [
        with(&posix, "WRITE", 5, Some(14)),
        with(&posix, "READ", 100, None),
        with(&own, "READ", 50, Some(59)),
    ];
    add("a file of which parts are locked", parts, json!(locks));
    Ok(())
}

fn named(report: &mut Report, directory: &Path) -> Outcome<()> {
    report.add(opened("a directory", "dir", "r", directory, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?);
    let path = directory.join("removed directory");
    fs::create_dir(&path)?;
    let removed = opened("a directory that was removed", "dir", "r", &path, OFlag::O_RDONLY)?;
    fs::remove_dir(&path)?;
    report.add(removed.with("deleted", true));
    let path = directory.join("link");
    symlink("nowhere", &path)?;
    report.add(opened("a symbolic link", "symlink", "path", &path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?);
    Ok(())
}

fn terminals(report: &mut Report) -> Outcome<()> {
    // Some systems have /dev/ptmx as a link into /dev/pts.
    let multiplexer = fs::canonicalize("/dev/ptmx")?;
    let pty = openpty(None, None)?;
    let slave = ttyname(&pty.slave)?;
    let master = report.add(
        Opened::new("the master side of a pty", "tty", "rw", pty.master)
            .with("name", multiplexer.to_string_lossy()),
    );
    let slave = report.add(
        Opened::new("the slave side of a pty", "tty", "rw", pty.slave).with("name", slave.to_string_lossy()),
    );
    report.connect(&[master], &[slave]);
    Ok(())
}

fn devices(report: &mut Report) -> Outcome<()> {
    report.add(opened("the null device", "char", "rw", Path::new("/dev/null"), OFlag::O_RDWR)?);
    // O_PATH asks for no right to the device itself.
    match block_device() {
        Some(path) => {
            report.add(opened("a block device, as a mere place", "block", "path", &path, OFlag::O_PATH)?);
        }
        None => report.skip("block", "there is none under /dev"),
    }
    Ok(())
}

/// A message queue has a name in no directory of this program, so it is taken away at once.
fn queue(report: &mut Report) -> Outcome<()> {
    let name = format!("/every_kind.{}", std::process::id());
    // Small: there is a limit to what the queues of one user may hold together.
    let size = MqAttr::new(0, 2, 64, 0);
    let make = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDONLY;
    let reader = match mq_open(name.as_str(), make, Mode::S_IRUSR | Mode::S_IWUSR, Some(&size)) {
        Ok(reader) => reader,
        Err(error) => {
            report.skip("mqueue", error);
            return Ok(());
        }
    };
    let writer = mq_open(name.as_str(), MQ_OFlag::O_WRONLY | MQ_OFlag::O_NONBLOCK, Mode::empty(), None);
    mq_unlink(name.as_str())?;
    let opened = |what: &str, access: &str, queue: MqdT| {
        Opened::new(what, "mqueue", access, queue).with("name", &*name).with("deleted", true)
    };
    let reader = report.add(opened("a message queue, for reading", "r", reader));
    let writer = report.add(opened("the same queue, for writing", "w", writer?));
    report.connect(&[reader], &[writer]);
    Ok(())
}

fn block_device() -> Option<PathBuf> {
    let entries = fs::read_dir("/dev").ok()?.flatten();
    let is_block = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_block_device());
    entries.filter(is_block).map(|entry| entry.path()).min()
}

fn pipes(report: &mut Report, directory: &Path) -> Outcome<()> {
    let (reader, writer) = pipe2(OFlag::O_NONBLOCK)?;
    let reader = report.add(Opened::new("the reading end of a pipe", "pipe", "r", reader));
    let writer = report.add(Opened::new("the writing end of a pipe", "pipe", "w", writer));
    report.connect(&[reader], &[writer]);

    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    drop(writer);
    report.add(Opened::new("a pipe that nobody writes to", "pipe", "r", reader));

    let path = directory.join("fifo");
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let both = report.add(opened("a FIFO, both ends in one", "fifo", "rw", &path, OFlag::O_RDWR)?);
    let reader = report.add(opened("a FIFO's reading end", "fifo", "r", &path, OFlag::O_RDONLY)?);
    let writer = report.add(opened("a FIFO's writing end", "fifo", "w", &path, OFlag::O_WRONLY)?);
    let place = opened("a FIFO as a mere place", "fifo", "path", &path, OFlag::O_PATH)?;
    report.add(place);
    report.connect(&[reader], &[writer]);
    report.connect(&[both], &[reader, writer]);

    // dup2 in a shell's redirection clears the flag; so here is one number with it and one without.
    let null = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let copy = inherited_copy(&null)?;
    let first = report.add(Opened::new("closed at exec", "char", "r", null).with("name", "/dev/null"));
    report.add(
        Opened::new("its copy, kept at exec", "char", "r", copy)
            .with("name", "/dev/null")
            .with("open_file", first),
    );
    Ok(())
}

fn inherited_copy(file: impl AsFd) -> Outcome<OwnedFd> {
    let copy = dup(file)?;
    fcntl(&copy, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(copy)
}
