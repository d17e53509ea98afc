//! The other ends of what is shown, in the tables of all processes that may be read.
//!
//! The ends are found by the links, inodes and fdinfo in `/proc`. They are never opened: opening
//! `/proc/PID/fd/N` of a pipe makes a new end of it, and would keep its reader from seeing EOF.

use super::files::Describer;
use super::processes::id_of;
use super::sockets::Tables;
use super::{Request, Which, cause, threads};
use crate::kernel::{Ask, Failure, FdRow, FileStat, LinkTest, Read, Source, TaskRow, bits};
use crate::model::{self, Channel, ChannelKey, Holder, Inode, KindName, ProcessId, Snapshot};
use crate::shares::share_out;
use std::collections::HashSet;

/// Finds who else holds an end of a channel of which the snapshot shows one, and notes whose tables
/// were not to be read.
pub fn search(
    source: &dyn Source,
    request: &Request,
    describer: &Describer<'_>,
    lists: &Tables,
    snapshot: &mut Snapshot,
) {
    if request.which == Which::All {
        snapshot.coverage.whole_host = true;
        return;
    }
    let ends = snapshot.files.iter().flat_map(|file| &file.ends);
    let channels: HashSet<Channel> = ends.map(|end| end.channel).collect();
    if channels.is_empty() {
        return;
    }
    let pids = match source.pids() {
        Ok(pids) => pids,
        Err(failure) => {
            snapshot.gaps.push(super::gap(None, crate::model::Subject::ProcessList, failure));
            return;
        }
    };
    let shown: HashSet<i32> = snapshot.processes.iter().map(|process| process.id.pid).collect();
    let wanted = Wanted::new(&channels, &lists.of_channels(&channels));
    let passes = |link: &[u8]| wanted.passes(link);
    let fdinfo_of: Option<&LinkTest<'_>> = if wanted.fdinfo { Some(&tells_by_fdinfo) } else { None };
    let passes_file = |stat: &FileStat| wanted.passes_file(stat);
    let ask = Ask {
        only: Some(&passes),
        only_files: Some(&passes_file),
        fdinfo_of,
        protocols: true,
        ..Ask::default()
    };
    let others: Vec<i32> = pids.into_iter().filter(|pid| !shown.contains(pid)).collect();
    let search = Search { source, ask, channels: &channels, describer, lists };
    for seen in share_out(&others, &|pid| search.process(pid)) {
        snapshot.holders.extend(seen.holders);
        snapshot.coverage.unreadable.extend(seen.unreadable);
    }
    snapshot.coverage.whole_host = true;
}

/// Whether a file's link leaves it to fdinfo which file it is, or what it watches: of eventfds and epoll
/// instances all links are alike, and of the masters of pseudoterminals nearly all.
pub fn tells_by_fdinfo(link: &[u8]) -> bool {
    link == EVENTFD || link == b"anon_inode:[eventpoll]" || link.ends_with(b"ptmx")
}

const EVENTFD: &[u8] = b"anon_inode:[eventfd]";

/// Which links may be those of an end of the channels.
struct Wanted {
    /// Links that tell the inode.
    links: HashSet<Vec<u8>>,
    /// A file's path differs from one mount namespace to the next, so that of every file with a path the
    /// inode has to decide.
    paths: bool,
    fdinfo: bool,
    /// The files that are channels themselves.
    inodes: HashSet<Inode>,
    /// Whether a device's number may be that of a channel.
    devices: bool,
}

impl Wanted {
    fn new(channels: &HashSet<Channel>, sockets: &[u64]) -> Self {
        let links = sockets.iter().map(|ino| format!("socket:[{ino}]").into_bytes()).collect();
        let mut wanted = Self { links, paths: false, fdinfo: false, inodes: HashSet::new(), devices: false };
        for channel in channels {
            match channel.key {
                ChannelKey::File(inode) => {
                    wanted.inodes.insert(inode);
                    if channel.medium == PIPE {
                        wanted.links.insert(format!("pipe:[{}]", inode.ino).into_bytes());
                    } else {
                        wanted.paths = true;
                    }
                }
                ChannelKey::Number { .. } => {
                    wanted.fdinfo = true;
                    if channel.medium == EVENTFDS {
                        wanted.links.insert(EVENTFD.to_vec());
                    } else {
                        (wanted.paths, wanted.devices) = (true, true);
                    }
                }
                // Their inodes are known already.
                ChannelKey::Connection(..) | ChannelKey::Inbox(_) | ChannelKey::Backlog(_) => {}
            }
        }
        wanted
    }

    fn passes(&self, link: &[u8]) -> bool {
        match link.first() {
            Some(b'/' | b'(') => self.paths,
            _ => self.links.contains(link),
        }
    }

    /// Whether a file whose link passed may be an end of the channels: what is a file of its own has that inode.
    fn passes_file(&self, stat: &FileStat) -> bool {
        match stat.mode & bits::S_IFMT {
            // The link told which socket; anonymous files are told by fdinfo.
            bits::S_IFSOCK | 0 => true,
            bits::S_IFCHR => self.devices,
            _ => self.inodes.contains(&Inode { dev: stat.dev, ino: stat.ino }),
        }
    }
}

/// The medium whose ends' links tell the inode.
const PIPE: KindName = KindName(&"pipe");
/// The medium whose ends' links are all alike.
const EVENTFDS: KindName = KindName(&"eventfd");

/// Looks for the other ends, by as many threads as there are processors: so the tables of the whole machine, of which
/// hardly anything is kept, are never there at once.
struct Search<'a> {
    source: &'a dyn Source,
    ask: Ask<'a>,
    channels: &'a HashSet<Channel>,
    describer: &'a Describer<'a>,
    lists: &'a Tables,
}

/// What was found in the tables of a process and of its threads.
#[derive(Default)]
struct Seen {
    holders: Vec<Holder>,
    unreadable: Vec<(i32, model::Failure)>,
}

impl Search<'_> {
    /// Looks through the tables of a process.
    fn process(&self, pid: i32) -> Seen {
        let mut seen = Seen::default();
        let task = self.source.task(pid, &self.ask);
        // A thread with a table of its own may be the one that holds the end. Of whose files nothing can be seen,
        // that is told anyway.
        let apart = task.as_ref().ok().filter(|task| is_seen(task));
        let apart = apart.map(|task| (id_of(task), threads::of(self.source, task)));
        self.table(pid, None, task, &mut seen);
        match apart {
            None => {}
            Some((id, Ok(threads))) => {
                for tid in threads.apart {
                    self.table(tid, Some(id), self.source.task(tid, &self.ask), &mut seen);
                }
            }
            Some((_, Err(failure))) => self.table(pid, None, Err(failure), &mut seen),
        }
        seen
    }

    /// Looks through the table of a process, or of a thread of the process `leader`.
    fn table(&self, pid: i32, leader: Option<ProcessId>, task: Read<TaskRow>, seen: &mut Seen) {
        let task = match task {
            Ok(task) => task,
            Err(failure) if failure.means_gone() => return,
            Err(failure) => return seen.unreadable.push((pid, cause(failure))),
        };
        let process = id_of(&task);
        let table = match task.table {
            Ok(table) => table,
            // The table of a kernel thread or a zombie is empty, whoever may look at it.
            Err(_) if task.stat.is_kernel_thread() || task.stat.is_dead() => return,
            Err(failure) if failure.means_gone() => return,
            Err(failure) => return seen.unreadable.push((pid, cause(failure))),
        };
        seen.unreadable.extend(unseen(&table).map(|failure| (pid, cause(failure))));
        for mut fd in table {
            let (file, _) = self.describer.describe(pid, &mut fd, self.lists, &mut Vec::new());
            for &endpoint in file.ends.iter().filter(|end| self.channels.contains(&end.channel)) {
                seen.holders.push(Holder {
                    process,
                    leader,
                    comm: task.stat.comm.clone(),
                    fd: fd.fd,
                    access: file.access,
                    endpoint,
                });
            }
        }
    }
}

/// Whether a task's table was listed, and hides nothing.
pub fn is_seen(task: &TaskRow) -> bool {
    task.table.as_ref().is_ok_and(|table| unseen(table).is_none())
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
    use crate::kernel::Errno;

    #[test]
    fn a_table_whose_links_may_not_be_followed_hides_ends() {
        let row = |link, stat| FdRow {
            fd: 3,
            link,
            link_mode: None,
            stat,
            info: None,
            protocol: None,
            filesystem: None,
            at_name: None,
        };
        let seen = row(Ok(b"pipe:[7]".to_vec()), Ok(FileStat::default()));
        let forbidden = Failure::new("readlinkat", Errno::EACCES);
        let hidden = row(Err(forbidden), Err(Failure::new("statx", Errno::EACCES)));
        let gone = Failure::new("statx", Errno::ESRCH);
        let closing = row(Ok(b"/tmp/x".to_vec()), Err(gone));
        assert_eq!(unseen(&[seen.clone(), closing]), None);
        assert_eq!(unseen(&[seen, hidden]), Some(forbidden));
    }

    #[test]
    fn the_media_named_here_are_kinds() {
        for medium in [PIPE, EVENTFDS] {
            assert!(crate::kind::KINDS.iter().any(|kind| kind.name == medium));
        }
    }
}
