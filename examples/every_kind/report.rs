//! What was opened, in the words of `inspect --format json`, as far as this process itself knows.

use crate::Outcome;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::stat::{SFlag, fstat, major, minor};
use nix::unistd::{Whence, lseek};
use serde_json::{Map, Value, json};
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// One descriptor, kept open.
pub struct Opened {
    file: Box<dyn AsFd>,
    fields: Map<String, Value>,
}

impl Opened {
    /// A descriptor: what it is for people, its kind, and what it was opened for.
    pub fn new(what: &str, kind: &str, access: &str, file: impl AsFd + 'static) -> Self {
        let mut fields = Map::new();
        fields.insert("what".to_owned(), what.into());
        fields.insert("kind".to_owned(), kind.into());
        fields.insert("access".to_owned(), access.into());
        Self { file: Box::new(file), fields }
    }

    /// Adds what else is known.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(key.to_owned(), value.into());
        self
    }

    /// Its number.
    pub fn fd(&self) -> RawFd {
        self.file.as_fd().as_raw_fd()
    }
}

/// All that is open.
#[derive(Default)]
pub struct Report {
    opened: Vec<Opened>,
    /// What this machine does not have, with why.
    pub skipped: Vec<String>,
}

impl Report {
    /// Keeps a descriptor and gives its number.
    pub fn add(&mut self, opened: Opened) -> RawFd {
        let fd = opened.fd();
        self.opened.push(opened);
        fd
    }

    /// Notes that each of `near` is at the other end of each of `far`.
    pub fn connect(&mut self, near: &[RawFd], far: &[RawFd]) {
        self.note("peers", near, far);
    }

    /// Notes that a client waits for a listening socket to accept it.
    pub fn connect_in_backlog(&mut self, listener: RawFd, client: RawFd) {
        self.note("backlog_peers", &[listener], &[client]);
    }

    fn note(&mut self, key: &str, near: &[RawFd], far: &[RawFd]) {
        for opened in &mut self.opened {
            let fd = opened.fd();
            let others = match (near.contains(&fd), far.contains(&fd)) {
                (true, _) => far,
                (_, true) => near,
                _ => continue,
            };
            let peers = opened.fields.entry(key).or_insert_with(|| json!([]));
            if let Some(peers) = peers.as_array_mut() {
                peers.extend(others.iter().filter(|&&other| other != fd).map(|&other| json!(other)));
            }
        }
    }

    /// Notes that something is not on this machine.
    pub fn skip(&mut self, what: &str, why: impl std::fmt::Display) {
        self.skipped.push(format!("{what}: {why}"));
    }

    /// Asks the kernel what it says of each descriptor now, and describes them all.
    pub fn describe(&self) -> Outcome<Vec<Value>> {
        self.opened.iter().map(describe).collect()
    }
}

fn describe(opened: &Opened) -> Outcome<Value> {
    let fd = opened.file.as_fd();
    let stat = fstat(fd)?;
    let mut fields = opened.fields.clone();
    fields.insert("fd".to_owned(), opened.fd().into());
    let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD)?);
    fields.insert("cloexec".to_owned(), flags.contains(FdFlag::FD_CLOEXEC).into());
    // The access mode and the status flags, as a number: O_LARGEFILE has no name in every C library.
    fields.insert("status_flags".to_owned(), fcntl(fd, FcntlArg::F_GETFL)?.into());
    // What cannot be seeked has no offset, and the kernel shows 0.
    fields.insert("offset".to_owned(), lseek(fd, 0, Whence::SeekCur).unwrap_or(0).into());
    fields.insert("dev".to_owned(), device(stat.st_dev).into());
    fields.insert("ino".to_owned(), stat.st_ino.into());
    let is_device =
        matches!(SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT, SFlag::S_IFCHR | SFlag::S_IFBLK);
    if matches!(fields["kind"].as_str(), Some("file" | "dir" | "symlink" | "memfd" | "mqueue")) {
        fields.insert("size".to_owned(), stat.st_size.into());
        fields.insert("allocated".to_owned(), (stat.st_blocks * 512).into());
        fields.insert("nlink".to_owned(), stat.st_nlink.into());
        fields.insert("permissions".to_owned(), format!("{:04o}", stat.st_mode & 0o7777).into());
    }
    if is_device {
        fields.insert("rdev".to_owned(), device(stat.st_rdev).into());
    }
    for (key, default) in [
        ("deleted", json!(false)),
        ("open_file", json!(opened.fd())),
        ("peers", json!([])),
        ("backlog_peers", json!([])),
    ] {
        fields.entry(key).or_insert(default);
    }
    let nameless = match fields["kind"].as_str() {
        Some("pipe") => Some("pipe"),
        _ if fields.contains_key("family") => Some("socket"),
        _ => None,
    };
    if let Some(word) = nameless {
        fields.insert("name".to_owned(), format!("{word}:[{}]", stat.st_ino).into());
    }
    Ok(Value::Object(fields))
}

fn device(number: u64) -> String {
    format!("{}:{}", major(number), minor(number))
}
