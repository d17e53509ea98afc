//! `who`: which processes hold a file, a port, a socket or a pipe.

use super::{Fatal, INCOMPLETE, NOTHING, Streams};
use crate::collect::{Among, Files, Need, Only, Request, Threads, Which, collect};
use crate::kernel::{Errno, Failure, FileStat, Live, PlaceAsk, Source};
use crate::model::{Inode, Snapshot};
use crate::query::{Known, Listing, Origins, Target};
use crate::view::{self, Found, Holding, KernelHolding, Style, escape, lang};
use clap::ValueEnum;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;

/// Show which processes hold a file, port, socket or pipe, and how they came to it
#[derive(Debug, clap::Args)]
#[command(after_help = "Targets:
  PATH                      a file, directory, device or socket; ./:80 for one that looks like another target
  :8080                     a port of TCP or UDP
  tcp:8080  udp:[::1]:53    of one protocol, of one address
  unix:/run/x  @name        a unix socket by the name that it is bound to
  pipe:[4711]  socket:[42]  what such a link in /proc/PID/fd means

Examples:
  ganariya-fd who /var/log/syslog              who has it open, maps it, or runs it
  ganariya-fd who --recursive /srv/data        or anything below it
  ganariya-fd who --mount /mnt                 what keeps it from being unmounted
  ganariya-fd who :8080                        who keeps the port, and who inherited it from whom
  ganariya-fd who --deleted --mount /          deleted files that still take room
  kill $(ganariya-fd who --pids :8080)

Files are compared by device and inode, not by name: hard links, bind mounts and other mount
namespaces are seen through.

Exit status: 0 somebody holds one, 1 nobody does, 2 wrong usage or a target that is not there,
3 with --strict when anything could not be read.")]
pub struct Args {
    /// What to look for
    #[arg(value_name = "TARGET", required_unless_present = "deleted")]
    targets: Vec<OsString>,
    /// Of a directory: everything below it as well
    #[arg(short, long, conflicts_with = "mount")]
    recursive: bool,
    /// Everything on the filesystem that is mounted at the target, or on the device that it is
    #[arg(short, long)]
    mount: bool,
    /// Only files whose name is gone; without a target, all of them
    #[arg(long)]
    deleted: bool,
    /// Print nothing but the pids, one a line
    #[arg(long, conflicts_with = "format")]
    pids: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// End with status 3 when anything could not be read
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table on a terminal, else a line for each holder
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
}

/// What is looked for: among which files, and which of them are meant.
struct Question {
    only: Only,
    target: Target,
    /// Of a file: what of the kernel's own may hold it.
    file: Option<Files>,
}

/// The kinds that have ports.
const PORTS: [(&str, &[&str]); 4] =
    [("", &["tcp", "udp", "udplite"]), ("tcp:", &["tcp"]), ("udp:", &["udp"]), ("udplite:", &["udplite"])];

pub fn run(args: &Args, style: Style, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    let source = Live::new();
    let mut names: Vec<String> = Vec::new();
    let mut questions = Vec::new();
    let mut unread: Vec<(Vec<u8>, Failure)> = Vec::new();
    for target in &args.targets {
        questions.push(question(args, target, &source, style, &mut unread)?);
        names.push(String::from_utf8_lossy(target.as_bytes()).into_owned());
    }
    if questions.is_empty() {
        questions.push(Question { only: Only::Deleted, target: Target::Read, file: None });
        names.push(String::new());
    }
    let snapshots: Vec<Snapshot> = questions.iter().map(|question| look(&source, question, args)).collect();
    let known: Vec<Known<'_>> = snapshots.iter().map(Known::new).collect();
    let mut found = Found { known: &known, targets: &names, holdings: Vec::new(), of_kernel: Vec::new() };
    for ((question, known), name) in questions.iter().zip(&known).zip(&names) {
        let listing = Listing::new(known);
        let is_meant = |file| question.target.is(file) && (!args.deleted || file.deleted);
        let holders: Vec<_> = listing.entries().filter(|entry| is_meant(entry.file)).collect();
        let origins = Origins::new(known, &holders);
        found.holdings.extend(holders.iter().map(|entry| Holding {
            target: name,
            entry: *entry,
            origin: origins.of(entry),
        }));
        if let Some(files) = question.file.as_ref().filter(|_| !args.deleted) {
            let held = source.kernel_holders().into_iter();
            let held = held.filter(|holder| holder.stat.as_ref().is_ok_and(|stat| files.has(stat)));
            found.of_kernel.extend(held.map(|holder| KernelHolding {
                target: name,
                by: holder.name,
                path: holder.path,
            }));
        }
    }
    let nobody = found.holdings.is_empty() && found.of_kernel.is_empty();
    print(args, &found, nobody, style, streams)?;
    let complete = unread.is_empty() && snapshots.iter().all(Snapshot::is_complete);
    tell_unread(&unread, &snapshots, style, streams);
    Ok(match (nobody, args.strict && !complete) {
        (_, true) => INCOMPLETE,
        (true, false) => NOTHING,
        (false, false) => 0,
    })
}

fn print(
    args: &Args,
    found: &Found<'_>,
    nobody: bool,
    style: Style,
    streams: &mut Streams<'_>,
) -> Result<(), Fatal> {
    let out = &mut streams.out;
    match args.format {
        _ if args.pids => view::pids(out, found)?,
        Format::Table if nobody => {}
        Format::Table => view::who(out, found, style)?,
        Format::Json => view::who_document(out, found)?,
        Format::Jsonl => view::who_lines(out, found)?,
    }
    Ok(streams.out.flush()?)
}

/// Says what could not be read, of directories and of processes.
fn tell_unread(
    unread: &[(Vec<u8>, Failure)],
    snapshots: &[Snapshot],
    style: Style,
    streams: &mut Streams<'_>,
) {
    let mut notes: Vec<String> = Vec::new();
    if let Some((path, failure)) = unread.first() {
        let path = escape::show(path);
        notes.push(lang::not_walked(style.lang, unread.len(), &path, &failure.to_string()));
    }
    notes.extend(view::notes::notes_on(&snapshots.iter().collect::<Vec<_>>(), style.lang));
    for note in notes {
        let _ = writeln!(streams.err, "ganariya-fd: {note}");
    }
}

/// Reads what is asked for.
fn look(source: &Live, question: &Question, args: &Args) -> Snapshot {
    // A table tells from which process a descriptor is, a document also with whom else it is shared.
    let identity = match args.format {
        _ if args.pids => Among::Nobody,
        Format::Table => Among::Relatives,
        Format::Json | Format::Jsonl => Among::All,
    };
    let by_path = matches!(question.only, Only::Files(_) | Only::Deleted);
    let need = Need {
        users: true,
        sockets: matches!(question.only, Only::Sockets | Only::Port(_)),
        identity,
        places: PlaceAsk { links: by_path, mapped: by_path },
        threads: Threads::Apart,
        ..Need::NAMES
    };
    collect(source, &Request { which: Which::All, need, only: question.only.clone() })
}

/// What a target means.
fn question(
    args: &Args,
    target: &OsString,
    source: &Live,
    style: Style,
    unread: &mut Vec<(Vec<u8>, Failure)>,
) -> Result<Question, Fatal> {
    let bytes = target.as_bytes();
    let text = target.to_string_lossy();
    let of_sockets = |target| Question { only: Only::Sockets, target, file: None };
    if bytes.starts_with(b"@") {
        return Ok(of_sockets(Target::Unix(bytes.to_vec())));
    }
    if let Some(name) = bytes.strip_prefix(b"unix:") {
        return Ok(of_sockets(Target::Unix(name.to_vec())));
    }
    let is_link = ["pipe:[", "socket:["].iter().any(|prefix| text.starts_with(prefix)) && text.ends_with(']');
    if is_link {
        let links = std::iter::once(bytes.to_vec()).collect();
        return Ok(Question { only: Only::Links(links), target: Target::Read, file: None });
    }
    for (prefix, kinds) in PORTS {
        let Some(rest) = text.strip_prefix(prefix) else { continue };
        // A bare number, or an address alone, may as well be a file.
        if prefix.is_empty() && !rest.starts_with(':') {
            continue;
        }
        let (address, port) =
            port(rest).ok_or_else(|| Fatal::Message(lang::bad_port(style.lang, &escape::show(bytes))))?;
        let target = Target::Port { kinds, address, port };
        return Ok(Question { only: Only::Port(port), target, file: None });
    }
    file(args, bytes, source, style, unread)
}

/// `8080`, `:8080`, `127.0.0.1:8080`, `[::1]:8080` or `*:8080`.
fn port(text: &str) -> Option<(Option<IpAddr>, u16)> {
    let bare = text.strip_prefix("*:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = bare.parse() {
        return Some((None, port));
    }
    let address: SocketAddr = text.parse().ok()?;
    Some((Some(address.ip()), address.port()))
}

/// What a path means.
fn file(
    args: &Args,
    path: &[u8],
    source: &Live,
    style: Style,
    unread: &mut Vec<(Vec<u8>, Failure)>,
) -> Result<Question, Fatal> {
    let of_files =
        |files: Files| Question { only: Only::Files(files.clone()), target: Target::Read, file: Some(files) };
    let stat = match source.file_at(path) {
        Ok(stat) => stat,
        // The name that it had, as the kernel's links have it.
        Err(failure) if args.deleted && failure.errno == Errno::ENOENT => {
            return Ok(Question { only: Only::Deleted, target: Target::Lost(absolute(path)), file: None });
        }
        Err(failure) => {
            let failure = failure.to_string();
            return Err(Fatal::Message(lang::no_target(style.lang, &escape::show(path), &failure)));
        }
    };
    let inode = Inode { dev: stat.dev, ino: stat.ino };
    let mut files = Files::default();
    if args.mount {
        if stat.is_device() {
            files.filesystems.insert(stat.rdev);
        } else if stat.is_mount_root {
            files.filesystems.insert(stat.dev);
            files.mounts.extend(stat.mount);
        } else {
            return Err(Fatal::Message(lang::no_mount(style.lang, &escape::show(path))));
        }
        return Ok(of_files(files));
    }
    if stat.is_socket() {
        let name = source.real_path(path).unwrap_or_else(|_| path.to_vec());
        return Ok(Question { only: Only::Sockets, target: Target::Bound(inode, name), file: None });
    }
    files.inodes.insert(inode);
    if stat.is_device() {
        files.devices.insert(stat.rdev);
    }
    if args.recursive {
        let mut found = |stat: &FileStat| {
            files.inodes.insert(Inode { dev: stat.dev, ino: stat.ino });
        };
        source.walk(path, &mut found, &mut |path, failure| unread.push((path, failure)));
        files.nameless = true;
        let folder = source.real_path(path).unwrap_or_else(|_| absolute(path));
        let target = Target::Below(files.inodes.clone(), folder);
        return Ok(Question { target, ..of_files(files) });
    }
    Ok(of_files(files))
}

fn absolute(path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    let here = std::env::current_dir().unwrap_or_default();
    let below = path.strip_prefix(b"./").unwrap_or(path);
    here.join(std::ffi::OsStr::from_bytes(below)).into_os_string().as_bytes().to_vec()
}
