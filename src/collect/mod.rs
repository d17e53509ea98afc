//! The one bridge from rows to nouns: asks a [`Source`], lets `kind` say what each row means, and
//! gives a [`Snapshot`].
//!
//! What to read is decided once, in a [`Request`], from what is to be shown. Five passes, each of
//! which runs only where the one before found work for it:
//!
//! 1. each process asked for, with its table, through one held directory;
//! 2. the tables of the sockets found, one for each network namespace and protocol;
//! 3. what every descriptor is;
//! 4. the other ends of the pipes and FIFOs found, in the tables of all other processes;
//! 5. which descriptors share an open file description, by kcmp(2).
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

pub use ancestry::{Ancestor, nearest_shell};

use crate::kernel::{self, Source};
use crate::model::{Coverage, Descriptor, Failure, FdTable, FileId, Gap, Hint, Host, Snapshot, Subject};
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
    /// The other ends, in all processes that may be read.
    pub ends: bool,
    /// Which descriptors share an open file description.
    pub identity: bool,
}

impl Need {
    /// Everything.
    pub const ALL: Self = Self { details: true, fdinfo: true, sockets: true, ends: true, identity: true };
    /// The processes and the names of their descriptors' files, and nothing besides.
    pub const NAMES: Self =
        Self { details: false, fdinfo: false, sockets: false, ends: false, identity: false };
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
    let sockets = if request.need.sockets {
        sockets::Tables::load(source, &rows, &mut gaps)
    } else {
        sockets::Tables::default()
    };
    let devices = source.devices();
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
                        let file = files::describe(pid, fd, &devices, &sockets, &mut snapshot.gaps);
                        let id = FileId(snapshot.files.len());
                        snapshot.files.push(file);
                        Descriptor { fd: fd.fd, cloexec: files::cloexec(fd), file: id }
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
    if request.need.ends {
        ends::search(source, request, &mut snapshot);
    }
    if request.need.identity {
        identity::prove(source, &mut snapshot);
    }
    snapshot
}

/// A failure in the words of the model.
fn cause(failure: kernel::Failure) -> Failure {
    Failure { call: failure.call.to_owned(), error: format!("{:?}", failure.errno) }
}

fn gap(pid: Option<i32>, subject: Subject, failure: kernel::Failure) -> Gap {
    use kernel::Errno;
    let hint = match failure.errno {
        Errno::EACCES | Errno::EPERM => Some(Hint::PtraceRights),
        Errno::ENOENT | Errno::ESRCH if pid.is_some() => Some(Hint::Gone),
        Errno::ESTALE | Errno::EIO | Errno::ENOTCONN => Some(Hint::StaleFile),
        Errno::ENOSYS | Errno::ENOTSUP => Some(Hint::Kernel),
        _ => None,
    };
    Gap { pid, subject, failure: cause(failure), hint }
}
