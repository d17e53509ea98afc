//! The one bridge from rows to nouns: asks a [`Source`], lets `kind` say what each row means, and
//! gives a [`Snapshot`].
//!
//! What to read is decided once, in a [`Request`], from what is to be shown. Six passes, each of
//! which runs only where the one before found work for it:
//!
//! 1. each process asked for, with its table, through one held directory;
//! 2. the lists of the sockets found, one for each network namespace and protocol, and who among them is
//!    connected to whom;
//! 3. what every descriptor is, and of what it is an end;
//! 4. the other ends of what was found, in the tables of all other processes;
//! 5. whether what epoll instances watch is still what the numbers mean;
//! 6. which descriptors share an open file description, by kcmp(2).
//!
//! Nothing here fails as a whole. What could not be read becomes a [`Gap`] where it was found missing.

mod ancestry;
mod ends;
mod event;
mod files;
pub mod follow;
mod identity;
mod processes;
mod sockets;
mod tables;
mod tcp_info;
mod watches;
mod wires;

pub use ancestry::{Ancestor, nearest_shell};

use crate::kernel::{self, SocketDetail, Source};
use crate::model::{
    Coverage, Descriptor, Failure, FdTable, FileId, Gap, Hint, Host, Lingering, Snapshot, Subject,
};
use std::time::SystemTime;

/// Which processes to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These, in this order.
    Pids(Vec<i32>),
    /// All, without the kernel's own threads: they have no descriptors.
    All,
}

/// What to read, besides the processes and the names of their descriptors' files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// argv, users, limits and control groups.
    pub details: bool,
    /// Flags, CLOEXEC and offsets.
    pub fdinfo: bool,
    /// Addresses and states of sockets, from the tables of their network namespaces.
    pub sockets: bool,
    /// What TCP measures of its connections.
    pub tcp_info: bool,
    /// The other ends, in all processes that may be read.
    pub ends: Ends,
    /// Which descriptors share an open file description.
    pub identity: bool,
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
    /// Everything but what TCP measures.
    pub const ALL: Self =
        Self { details: true, fdinfo: true, sockets: true, tcp_info: false, ends: Ends::All, identity: true };
    /// The processes and the names of their descriptors' files, and nothing besides.
    pub const NAMES: Self = Self {
        details: false,
        fdinfo: false,
        sockets: false,
        tcp_info: false,
        ends: Ends::None,
        identity: false,
    };
}

/// A question to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Of which processes.
    pub which: Which,
    /// What.
    pub need: Need,
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
    let rows = processes::read(source, request, &mut gaps);
    let need = request.need;
    let sockets = if need.sockets {
        let depth = sockets::Depth { ends: need.ends.has_sockets(), tcp_info: need.tcp_info };
        sockets::Tables::load(source, &rows, depth, &mut gaps)
    } else {
        sockets::Tables::default()
    };
    let mut describer = files::Describer::new(source, sockets, need.ends);
    let mut snapshot = Snapshot {
        taken_at,
        host,
        processes: Vec::with_capacity(rows.len()),
        files: Vec::new(),
        holders: Vec::new(),
        coverage: Coverage::default(),
        gaps,
    };
    let mut users = processes::Users::new(source);
    for row in rows {
        let pid = row.pid;
        let mut process = processes::describe(&row, &mut users, &mut snapshot.gaps);
        let unseen = row.table.as_ref().ok().and_then(|fds| ends::unseen(fds));
        snapshot.coverage.unreadable.extend(unseen.map(|failure| (pid, cause(failure))));
        process.table = match row.table {
            Ok(fds) => Ok(FdTable {
                descriptors: fds
                    .iter()
                    .map(|fd| {
                        let (file, watches) = describer.describe(pid, fd, &mut snapshot.gaps);
                        let id = FileId(snapshot.files.len());
                        snapshot.files.push(file);
                        Descriptor { fd: fd.fd, cloexec: files::cloexec(fd), file: id, watches }
                    })
                    .collect(),
            }),
            // A zombie's was closed at exit and a kernel thread has none, whoever may look at it.
            Err(_) if row.stat.is_dead() || row.stat.is_kernel_thread() => {
                Ok(FdTable { descriptors: Vec::new() })
            }
            Err(failure) => {
                snapshot.gaps.push(gap(Some(pid), Subject::FdTable, failure));
                snapshot.coverage.unreadable.push((pid, cause(failure)));
                Err(cause(failure))
            }
        };
        snapshot.processes.push(process);
    }
    if need.ends != Ends::None {
        ends::search(source, request, &mut describer, &mut snapshot);
    }
    if need.ends.has_sockets() {
        watches::verify(source, &mut snapshot);
    }
    if request.need.identity {
        identity::prove(source, &mut snapshot);
    }
    snapshot
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
    Failure { call: failure.call.to_owned(), error: format!("{:?}", failure.errno) }
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
