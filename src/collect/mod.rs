//! The one bridge from rows to nouns: asks a [`Source`], lets `kind` say what each row means, and
//! gives a [`Snapshot`].
//!
//! What to read is decided once, in a [`Request`], from what is to be shown. Six passes, each of
//! which runs only where the one before found work for it:
//!
//! 1. each process asked for, with its table, through one held directory, and what every descriptor is and of what it
//!    is an end, but for sockets;
//! 2. the lists of the sockets found, one for each network namespace and protocol, and who among them is
//!    connected to whom;
//! 3. what the sockets are, and of what they are ends;
//! 4. the other ends of what was found, in the tables of all other processes;
//! 5. whether what epoll instances watch is still what the numbers mean;
//! 6. which descriptors share an open file description, by kcmp(2).
//!
//! Nothing here fails as a whole. What could not be read becomes a [`Gap`] where it was found missing.

mod ancestry;
mod described;
mod ends;
mod event;
mod files;
pub mod follow;
mod identity;
mod processes;
mod questions;
mod roll_call;
mod socket_lists;
mod sockets;
mod tables;
mod tcp_info;
mod threads;
mod waiting;
mod watches;
mod wires;

pub use ancestry::{Ancestor, nearest_shell};
pub use roll_call::roll_call;

use crate::kernel::{self, FileStat, PlaceAsk, PlaceKind, SocketDetail, Source};
use crate::model::{
    Coverage, Failure, Files as OpenFiles, Gap, Hint, Host, Inode, Lingering, Place, Placed, ProcessId,
    Snapshot, Subject,
};
use crate::shares::share_mut;
use described::Described;
use std::collections::HashSet;
use std::time::SystemTime;

/// Which processes to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These, in this order.
    Pids(Vec<i32>),
    /// All, without the kernel's own threads: they have no descriptors.
    All,
    /// These of a listing of all: one that has ended since is left out, as it would be of a new listing.
    Those(Vec<ProcessId>),
}

/// What to read, besides the processes and the names of their descriptors' files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// argv, limits and control groups, and users.
    pub details: bool,
    /// Users alone.
    pub users: bool,
    /// Flags, CLOEXEC and offsets.
    pub fdinfo: bool,
    /// Addresses and states of sockets, from the tables of their network namespaces.
    pub sockets: bool,
    /// What TCP measures of its connections.
    pub tcp_info: bool,
    /// The other ends, in all processes that may be read.
    pub ends: Ends,
    /// Which descriptors share an open file description.
    pub identity: Among,
    /// What is referred to without a descriptor.
    pub places: PlaceAsk,
    /// Which threads to show for themselves.
    pub threads: Threads,
}

/// Among which descriptors to find out which share an open file description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// None.
    Nobody,
    /// Those of a process and of the processes above it, from which it may have inherited them.
    Relatives,
    /// All of them.
    All,
}

/// Which threads to show for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// None.
    None,
    /// Those with a table of their own.
    Apart,
    /// Those that use their process's table as well.
    All,
}

/// Whose other ends to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nobody's.
    None,
    /// Those of pipes, FIFOs and message queues.
    Pipes,
    /// Those of sockets as well, and what epoll instances watch.
    Sockets,
    /// Those of all kinds.
    All,
}

impl Ends {
    /// Whether those of sockets are among them.
    fn has_sockets(self) -> bool {
        matches!(self, Self::Sockets | Self::All)
    }
}

impl Need {
    /// Everything but what TCP measures and what is referred to without a descriptor.
    pub const ALL: Self = Self {
        details: true,
        users: true,
        fdinfo: true,
        sockets: true,
        tcp_info: false,
        ends: Ends::All,
        identity: Among::All,
        places: PlaceAsk { links: false, mapped: false },
        threads: Threads::Apart,
    };
    /// The processes and the names of their descriptors' files, and nothing besides.
    pub const NAMES: Self = Self {
        details: false,
        users: false,
        fdinfo: false,
        sockets: false,
        tcp_info: false,
        ends: Ends::None,
        identity: Among::Nobody,
        places: PlaceAsk { links: false, mapped: false },
        threads: Threads::None,
    };
}

/// A question to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Of which processes.
    pub which: Which,
    /// What.
    pub need: Need,
    /// Of which of their files.
    pub only: Only,
}

impl Request {
    /// Asks for all files of these processes.
    pub fn new(which: Which, need: Need) -> Self {
        Self { which, need, only: Only::All }
    }
}

/// Which files to read more of than it takes to leave them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    /// All.
    All,
    /// Those whose link in `/proc/PID/fd` has one of these texts.
    Links(HashSet<Vec<u8>>),
    /// Sockets.
    Sockets,
    /// Sockets with this local port.
    Port(u16),
    /// Pipes.
    Pipes,
    /// Those that the kernel marks as having lost their name, and those that may have.
    Deleted,
    /// These.
    Files(Files),
}

/// Files by what they are, whatever they are called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// These inodes.
    pub inodes: HashSet<Inode>,
    /// Those that stand for one of these devices.
    pub devices: HashSet<(u32, u32)>,
    /// All on the filesystems with these device numbers.
    pub filesystems: HashSet<(u32, u32)>,
    /// All on these mounts.
    pub mounts: HashSet<u64>,
    /// All that have no name any more: what tells them is left to whoever asks.
    pub nameless: bool,
}

impl Files {
    /// Whether a file is one of them.
    pub fn has(&self, stat: &FileStat) -> bool {
        self.inodes.contains(&Inode { dev: stat.dev, ino: stat.ino })
            || (stat.rdev != (0, 0) && self.devices.contains(&stat.rdev))
            || self.filesystems.contains(&stat.dev)
            || stat.mount.is_some_and(|mount| self.mounts.contains(&mount))
            || (self.nameless && stat.nlink == 0)
    }
}

impl Only {
    /// Whether a descriptor with this link may be one of them.
    fn passes_link(&self, link: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Links(links) => links.contains(link),
            Self::Sockets | Self::Port(_) => link.starts_with(b"socket:["),
            Self::Pipes => link.starts_with(b"pipe:["),
            Self::Deleted => link.ends_with(files::DELETED),
            // What has no path is on a filesystem that nobody can name.
            Self::Files(_) => link.starts_with(b"/") || link.starts_with(b"(unreachable)"),
        }
    }

    /// Whether a socket may be one of them.
    fn has_sockets(&self) -> bool {
        !matches!(self, Self::Pipes | Self::Deleted | Self::Files(_))
    }

    /// Whether a file with this inode number may be one of them.
    fn passes_number(&self, ino: u64) -> bool {
        match self {
            Self::Files(files)
                if files.filesystems.is_empty() && files.mounts.is_empty() && !files.nameless =>
            {
                files.inodes.iter().any(|inode| inode.ino == ino)
            }
            _ => true,
        }
    }

    /// Whether a file is one of them, as far as that can be told by it.
    fn passes_file(&self, stat: &FileStat) -> bool {
        match self {
            Self::Files(files) => files.has(stat),
            _ => true,
        }
    }
}

/// Reads what `request` asks for.
pub fn collect(source: &dyn Source, request: &Request) -> Snapshot {
    let taken_at = SystemTime::now();
    let mut gaps = Vec::new();
    let host = match source.host() {
        Ok(row) => Some(Host { name: row.name, kernel: row.kernel }),
        Err(failure) => {
            gaps.push(gap(None, Subject::Host, failure));
            None
        }
    };
    let need = request.need;
    let depth = sockets::Depth { ends: need.ends.has_sockets(), tcp_info: need.tcp_info };
    // The lists of sockets are nearly always wanted where all processes are, and are read meanwhile.
    let ahead = need.sockets && request.which == Which::All && request.only.has_sockets();
    let describer = files::Describer::new(source, need);
    let (mut tasks, lists) = if let Only::Port(port) = request.only {
        // Before the tables: of these only what may be one of the sockets is read then.
        let lists = socket_lists::Ahead::read(source, depth);
        let others = lists.as_ref().map(|lists| lists.without_port(port)).unwrap_or_default();
        (processes::read(source, request, &describer, &others, &mut gaps), lists)
    } else {
        std::thread::scope(|scope| {
            let lists = ahead.then(|| scope.spawn(|| socket_lists::Ahead::read(source, depth)));
            let others = socket_lists::Sockets::default();
            let tasks = processes::read(source, request, &describer, &others, &mut gaps);
            (tasks, lists.and_then(|lists| lists.join().ok().flatten()))
        })
    };
    let mut sockets = if need.sockets {
        socket_lists::load(source, &mut tasks, depth, lists, &mut gaps)
    } else {
        sockets::Tables::default()
    };
    let mut snapshot = Snapshot {
        taken_at,
        host,
        processes: Vec::with_capacity(tasks.len()),
        files: OpenFiles::default(),
        holders: Vec::new(),
        coverage: Coverage::default(),
        gaps,
    };
    let mut users = processes::Users::new(source);
    let mut sharers = Vec::new();
    share_mut(&mut tasks, &|task: &mut processes::Task| {
        task.described.look_up(task.row.pid, &describer, &sockets);
    });
    if request.which == Which::All {
        // Nobody is left to be looked through, and the lists have told what they know.
        sockets = sockets::Tables::default();
    }
    for task in tasks {
        sharers.push(add(task, &mut users, &mut snapshot));
    }
    if need.ends != Ends::None {
        ends::search(source, request, &describer, &sockets, &mut snapshot);
    }
    if need.ends.has_sockets() {
        watches::verify(source, &mut snapshot);
    }
    identity::prove(source, request.need.identity, &mut snapshot);
    // Last, when all is known of the tables that they use.
    let processes = std::mem::take(&mut snapshot.processes);
    for (process, sharing) in processes.into_iter().zip(sharers) {
        let threads: Vec<_> =
            sharing.into_iter().map(|(tid, stat)| processes::thread_of(&process, tid, stat)).collect();
        snapshot.processes.push(process);
        snapshot.processes.extend(threads);
    }
    snapshot
}

/// Adds a task, and gives back the threads that use its table and are shown all the same.
fn add(
    task: processes::Task,
    users: &mut processes::Users<'_>,
    snapshot: &mut Snapshot,
) -> Vec<(i32, kernel::StatRow)> {
    let mut process = processes::describe(&task, users, &mut snapshot.gaps);
    let Described { table, places, unreadable, gaps } = task.described;
    snapshot.gaps.extend(gaps);
    snapshot.coverage.unreadable.extend(unreadable.map(|failure| (process.id.pid, failure)));
    process.table = table.map(|table| table.finish(&mut snapshot.files));
    let (places, files): (Vec<_>, Vec<_>) = places.into_iter().unzip();
    let placed = places.into_iter().zip(snapshot.files.add(files));
    process.places = placed.map(|(place, file)| Placed { place, file }).collect();
    snapshot.processes.push(process);
    task.sharing
}

fn place_of(kind: PlaceKind) -> Place {
    match kind {
        PlaceKind::Cwd => Place::Cwd,
        PlaceKind::Root => Place::Root,
        PlaceKind::Exe => Place::Exe,
        PlaceKind::Mapped => Place::Mem,
    }
}

/// The TCP connections in TIME_WAIT of the network namespace that a process is in.
pub fn lingering(source: &dyn Source, pid: i32) -> Result<Vec<Lingering>, Failure> {
    let rows = source.time_wait(pid).map_err(cause)?;
    let addresses = rows.into_iter().filter_map(|row| match row.detail {
        SocketDetail::Inet(inet) => {
            Some(Lingering { local: inet.local.to_string(), remote: inet.remote.to_string() })
        }
        _ => None,
    });
    Ok(addresses.collect())
}

/// A failure in the words of the model.
fn cause(failure: kernel::Failure) -> Failure {
    Failure::new(failure.call, format!("{:?}", failure.errno))
}

fn gap(pid: Option<i32>, subject: Subject, failure: kernel::Failure) -> Gap {
    use kernel::Errno;
    let hint = match failure.errno {
        // Not a right, but a sandbox around this program.
        Errno::EACCES | Errno::EPERM if failure.call == "socket" => None,
        Errno::EACCES | Errno::EPERM => Some(Hint::PtraceRights),
        Errno::ENOENT if matches!(subject, Subject::Sockets(_) | Subject::SocketDiag(_)) => {
            Some(Hint::Kernel)
        }
        Errno::ENOENT | Errno::ESRCH if pid.is_some() => Some(Hint::Gone),
        Errno::ESTALE | Errno::EIO | Errno::ENOTCONN => Some(Hint::StaleFile),
        Errno::ENOSYS | Errno::ENOTSUP | Errno::EPROTONOSUPPORT => Some(Hint::Kernel),
        _ => None,
    };
    Gap { pid, subject, failure: cause(failure), hint }
}
