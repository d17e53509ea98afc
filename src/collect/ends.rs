//! The other ends of pipes and FIFOs, in the tables of all processes that may be read.
//!
//! The ends are found by the links and inodes in `/proc`. They are never opened: opening
//! `/proc/PID/fd/N` of a pipe makes a new end of it, and would keep its reader from seeing EOF.

use super::{Request, Which, cause};
use crate::kernel::{Ask, DeviceTables, Failure, FdRow, Source, bits};
use crate::model::{Channel, Coverage, Holder, ProcessId, Snapshot};
use std::collections::HashSet;

/// Finds who else holds an end of a channel of which the snapshot shows one, and notes whose tables
/// were not to be read.
pub fn search(source: &dyn Source, request: &Request, snapshot: &mut Snapshot) {
    let channels: HashSet<Channel> =
        snapshot.files.iter().filter_map(|file| Some(file.endpoint?.channel)).collect();
    if request.which == Which::All {
        snapshot.coverage.whole_host = true;
        return;
    }
    if channels.is_empty() {
        return;
    }
    let shown: HashSet<i32> = snapshot.processes.iter().map(|process| process.id.pid).collect();
    let links: HashSet<Vec<u8>> = channels
        .iter()
        .filter(|channel| channel.medium == PIPE)
        .map(|channel| format!("pipe:[{}]", channel.inode.ino).into_bytes())
        .collect();
    // A FIFO's path differs from one mount namespace to the next, so every file that has one is
    // looked at; the inode decides.
    let has_fifo = channels.iter().any(|channel| channel.medium != PIPE);
    let wanted = |link: &[u8]| match link.first() {
        Some(b'/' | b'(') => has_fifo,
        _ => links.contains(link),
    };
    let ask = Ask { only: Some(&wanted), ..Ask::default() };
    let pids = match source.pids() {
        Ok(pids) => pids,
        Err(failure) => {
            snapshot.gaps.push(super::gap(None, crate::model::Subject::ProcessList, failure));
            return;
        }
    };
    for pid in pids.into_iter().filter(|pid| !shown.contains(pid)) {
        look_through(source, pid, &ask, &channels, snapshot);
    }
    snapshot.coverage.whole_host = true;
}

/// The medium whose ends' links tell the inode.
const PIPE: crate::model::KindName = crate::model::KindName("pipe");

fn look_through(
    source: &dyn Source,
    pid: i32,
    ask: &Ask<'_>,
    channels: &HashSet<Channel>,
    snapshot: &mut Snapshot,
) {
    let Snapshot { holders, coverage: Coverage { unreadable, .. }, .. } = snapshot;
    let task = match source.task(pid, ask) {
        Ok(task) => task,
        Err(failure) if failure.means_gone() => return,
        Err(failure) => {
            unreadable.push((pid, cause(failure)));
            return;
        }
    };
    let table = match task.table {
        Ok(table) => table,
        // The table of a kernel thread or a zombie is empty, whoever may look at it.
        Err(_) if task.stat.is_kernel_thread() || task.stat.is_dead() => return,
        Err(failure) if failure.means_gone() => return,
        Err(failure) => {
            unreadable.push((pid, cause(failure)));
            return;
        }
    };
    unreadable.extend(unseen(&table).map(|failure| (pid, cause(failure))));
    let (devices, sockets) = (DeviceTables::default(), super::sockets::Tables::default());
    for fd in &table {
        if !fd.stat.is_ok_and(|stat| stat.mode & bits::S_IFMT == bits::S_IFIFO) {
            continue;
        }
        let file = super::files::describe(pid, fd, &devices, &sockets, &mut Vec::new());
        if let Some(endpoint) = file.endpoint.filter(|end| channels.contains(&end.channel)) {
            holders.push(Holder {
                process: ProcessId { pid, start_ticks: task.stat.start_ticks },
                comm: task.stat.comm.clone(),
                fd: fd.fd,
                access: file.access,
                endpoint,
            });
        }
    }
}

/// Why a table that was listed may still hold ends that nobody can see: the rights to list it and to
/// follow its links are not the same, and a security module may give one without the other.
pub fn unseen(table: &[FdRow]) -> Option<Failure> {
    table
        .iter()
        .filter_map(|fd| fd.link.as_ref().err().or(fd.stat.as_ref().err()))
        .find(|failure| !failure.means_gone())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Errno, FileStat};

    #[test]
    fn a_table_whose_links_may_not_be_followed_hides_ends() {
        let row = |link, stat| FdRow { fd: 3, link, link_mode: None, stat, info: None, protocol: None };
        let seen = row(Ok(b"pipe:[7]".to_vec()), Ok(FileStat::default()));
        let forbidden = Failure::new("readlinkat", Errno::EACCES);
        let hidden = row(Err(forbidden), Err(Failure::new("statx", Errno::EACCES)));
        let gone = Failure::new("statx", Errno::ESRCH);
        let closing = row(Ok(b"/tmp/x".to_vec()), Err(gone));
        assert_eq!(unseen(&[seen.clone(), closing]), None);
        assert_eq!(unseen(&[seen, hidden]), Some(forbidden));
    }

    #[test]
    fn the_medium_named_here_is_a_kind() {
        assert!(crate::kind::KINDS.iter().any(|kind| kind.name == PIPE));
    }
}
