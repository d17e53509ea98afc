//! From a process's row to the process.

use super::described::Described;
use super::ends::{is_seen, tells_by_fdinfo};
use super::files::Describer;
use super::socket_lists::Sockets;
use super::{Ends, Need, Only, Request, Threads, Which, gap, threads};
use crate::kernel::{Ask, FileStat, Netns, Read, Source, StatRow, TaskRow};
use crate::model::{FdTable, Gap, Limit, Process, ProcessId, State, Subject};
use crate::shares::share_out;
use std::collections::HashMap;

/// A process, or a thread that is shown for itself.
#[derive(Debug)]
pub struct Task {
    /// Without its table and places, which are described as soon as they are read.
    pub row: TaskRow,
    pub described: Described,
    /// The network namespace that it is in, where it has sockets to look up.
    pub netns: Option<Read<u64>>,
    /// Of a thread, its process.
    pub leader: Option<ProcessId>,
    /// The threads that use its table and are shown all the same.
    pub sharing: Vec<(i32, StatRow)>,
}

/// Reads the processes that are asked for. One that exits before it is read is left out of a listing
/// of all, where nobody asked for it, and is a gap where its pid was given.
///
/// `others` are sockets that are known to be none of those looked for.
pub fn read(
    source: &dyn Source,
    request: &Request,
    describer: &Describer<'_>,
    others: &Sockets,
    gaps: &mut Vec<Gap>,
) -> Vec<Task> {
    let (pids, named) = match &request.which {
        Which::Pids(pids) => (pids.clone(), true),
        Which::Those(ids) => (ids.iter().map(|id| id.pid).collect(), false),
        Which::All => match source.pids() {
            Ok(pids) => (pids, false),
            Err(failure) => {
                gaps.push(gap(None, Subject::ProcessList, failure));
                return Vec::new();
            }
        },
    };
    let by_link = |link: &[u8]| request.only.passes_link(link) && !others.has_link(link);
    let by_file = |stat: &FileStat| request.only.passes_file(stat);
    let by_number = |ino: u64| request.only.passes_number(ino);
    let chooses = request.only != Only::All;
    let by_what_it_is = matches!(request.only, Only::Files(_));
    // Where many processes are read and the lists of sockets with them, the lists tell what each socket is, and they
    // need not be asked one by one.
    let listed = request.need.sockets && pids.len() > MANY;
    let ask = Ask {
        details: request.need.details,
        users: request.need.users,
        protocols: !listed,
        fdinfo: request.need.fdinfo,
        fdinfo_of: if request.need.ends == Ends::All { Some(&tells_by_fdinfo) } else { None },
        only: if chooses { Some(&by_link) } else { None },
        only_files: by_what_it_is.then_some(&by_file),
        files_first: by_what_it_is,
        only_mapped: by_what_it_is.then_some(&by_number),
        places: request.need.places,
    };
    let is_meant = |row: &TaskRow| match &request.which {
        Which::Pids(_) => true,
        Which::All => !row.stat.is_kernel_thread(),
        // The pid may be another process's by now.
        Which::Those(ids) => ids.contains(&id_of(row)),
    };
    let reader = Reader { source, describer, ask, need: request.need };
    let read = |pid: i32| match source.task(pid, &reader.ask) {
        Ok(row) if !is_meant(&row) => Found::default(),
        Ok(row) => reader.with_threads(row),
        Err(failure) if !named && failure.means_gone() => Found::default(),
        Err(failure) => Found { tasks: Vec::new(), gaps: vec![gap(Some(pid), Subject::Process, failure)] },
    };
    let mut tasks = Vec::with_capacity(pids.len());
    for found in share_out(&pids, &read) {
        tasks.extend(found.tasks);
        gaps.extend(found.gaps);
    }
    tasks
}

/// How many processes are so many that their sockets are looked up in lists, and not asked one by one.
const MANY: usize = 16;

/// What was read of one process.
#[derive(Default)]
struct Found {
    tasks: Vec<Task>,
    gaps: Vec<Gap>,
}

/// Which process or thread a row is of.
pub fn id_of(row: &TaskRow) -> ProcessId {
    ProcessId { pid: row.pid, start_ticks: row.stat.start_ticks }
}

/// Reads tasks.
struct Reader<'a> {
    source: &'a dyn Source,
    describer: &'a Describer<'a>,
    ask: Ask<'a>,
    need: Need,
}

impl Reader<'_> {
    /// A process, and those of its threads that are to be shown.
    fn with_threads(&self, row: TaskRow) -> Found {
        let id = id_of(&row);
        let (source, shown) = (self.source, self.need.threads);
        let mut found = Found::default();
        let mut of_it = threads::Threads::default();
        // Whoever may not read the table, or follow its links, may not compare it either, and is told so once.
        if shown != Threads::None && is_seen(&row) {
            match threads::of(source, &row) {
                Ok(threads) => of_it = threads,
                Err(failure) => found.gaps.push(gap(Some(row.pid), Subject::Threads, failure)),
            }
        }
        let sharing = if shown == Threads::All { of_it.sharing } else { Vec::new() };
        let sharing = sharing.into_iter().filter_map(|tid| Some((tid, source.stat(tid).ok()?))).collect();
        found.tasks.push(self.task(row, None, sharing));
        for tid in of_it.apart {
            match source.task(tid, &self.ask) {
                // One that is about to end has let go of its table.
                Ok(row) if row.table.as_ref().is_ok_and(Vec::is_empty) => {}
                Ok(row) => found.tasks.push(self.task(row, Some(id), Vec::new())),
                Err(failure) if failure.means_gone() => {}
                Err(failure) => found.gaps.push(gap(Some(tid), Subject::Process, failure)),
            }
        }
        found
    }

    fn task(&self, mut row: TaskRow, leader: Option<ProcessId>, sharing: Vec<(i32, StatRow)>) -> Task {
        let described = Described::of(&mut row, self.describer);
        let looks_up = self.need.sockets && described.sockets().next().is_some();
        let netns = looks_up.then(|| self.source.net_namespace(Netns::OfProcess(row.pid)));
        Task { row, described, netns, leader, sharing }
    }
}

/// The names of users, each asked for once: the answer may come over a network (nsswitch.conf(5)).
pub struct Users<'a> {
    source: &'a dyn Source,
    names: HashMap<u32, Option<String>>,
}

impl<'a> Users<'a> {
    pub fn new(source: &'a dyn Source) -> Self {
        Self { source, names: HashMap::new() }
    }

    fn name(&mut self, uid: u32) -> Option<String> {
        self.names.entry(uid).or_insert_with(|| self.source.user_name(uid)).clone()
    }
}

/// The same process by one of its threads, which uses its table.
pub fn thread_of(process: &Process, tid: i32, stat: StatRow) -> Process {
    Process {
        id: ProcessId { pid: tid, start_ticks: stat.start_ticks },
        leader: Some(process.id),
        shares_table: true,
        comm: stat.comm,
        state: state(stat.state),
        places: Vec::new(),
        ..process.clone()
    }
}

/// Describes a process; its table and places are filled in by the caller.
pub fn describe(task: &Task, users: &mut Users<'_>, gaps: &mut Vec<Gap>) -> Process {
    let Task { row, leader, .. } = task;
    let mut process = Process {
        id: id_of(row),
        leader: *leader,
        shares_table: false,
        ppid: row.stat.ppid,
        group: row.stat.pgrp,
        comm: row.stat.comm.clone(),
        argv: Vec::new(),
        uid: None,
        user: None,
        state: state(row.stat.state),
        ns_pids: Vec::new(),
        cgroup: None,
        container: None,
        limit: None,
        table: Ok(FdTable::default()),
        places: Vec::new(),
    };
    let Some(details) = &row.details else {
        return process;
    };
    let mut missing = |file, failure| gaps.push(gap(Some(row.pid), Subject::ProcessFact(file), failure));
    match &details.argv {
        None => {}
        Some(Ok(argv)) => process.argv.clone_from(argv),
        Some(Err(failure)) => missing("cmdline", *failure),
    }
    match &details.status {
        Ok(status) => {
            process.uid = Some(status.uid);
            process.user = users.name(status.uid);
            process.ns_pids.clone_from(&status.ns_pids);
        }
        Err(failure) => missing("status", *failure),
    }
    match &details.limit {
        None => {}
        Some(Ok(limit)) => process.limit = Some(Limit { soft: limit.soft, hard: limit.hard }),
        Some(Err(failure)) => missing("limits", *failure),
    }
    match &details.cgroups {
        None => {}
        Some(Ok(groups)) => {
            process.cgroup = control_group(groups).map(str::to_owned);
            process.container = groups.iter().find_map(|(_, path)| container_id(path)).map(str::to_owned);
        }
        Some(Err(failure)) => missing("cgroup", *failure),
    }
    process
}

fn state(letter: u8) -> State {
    match letter {
        b'R' => State::Running,
        b'S' => State::Sleeping,
        b'D' => State::DiskSleep,
        b'T' => State::Stopped,
        b't' => State::Tracing,
        b'Z' => State::Zombie,
        b'X' | b'x' => State::Dead,
        b'I' => State::Idle,
        other => State::Other(char::from(other)),
    }
}

/// The group that says most: that of the unified hierarchy (number 0, cgroups(7)), or where the
/// process is in its root, the first of the others in which it is not.
fn control_group(groups: &[(u32, String)]) -> Option<&str> {
    let outside_root = |(_, path): &&(u32, String)| path != "/";
    groups
        .iter()
        .filter(|(hierarchy, _)| *hierarchy == 0)
        .find(outside_root)
        .or_else(|| groups.iter().find(outside_root))
        .map(|(_, path)| path.as_str())
}

/// The runtime's id of a container, where the path of a control group holds one: Docker, containerd,
/// CRI-O and Podman name groups by 64 hexadecimal digits, with or without a prefix and `.scope`; LXC
/// puts the container's name after `lxc.payload.`.
fn container_id(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(|part| {
        if let Some(name) = part.strip_prefix("lxc.payload.") {
            return Some(name);
        }
        let id = part.strip_suffix(".scope").unwrap_or(part);
        let id = id.rsplit('-').next().unwrap_or(id);
        (id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_the_names_of_their_groups() {
        let id = "3f".repeat(32);
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/kubepods/besteffort/pod12-34/{id}"),
            format!("/machine.slice/libpod-{id}.scope/container"),
        ] {
            assert_eq!(container_id(&path), Some(id.as_str()), "{path}");
        }
        assert_eq!(container_id("/lxc.payload.web/init.scope"), Some("web"));
        assert_eq!(container_id("/user.slice/user-1000.slice/session-1.scope"), None);
        assert_eq!(container_id("/"), None);
    }

    #[test]
    fn the_unified_group_goes_first() {
        let groups = [(4, "/v1/memory".to_owned()), (0, "/v2".to_owned())];
        assert_eq!(control_group(&groups), Some("/v2"));
        let groups = [(4, "/v1/memory".to_owned()), (0, "/".to_owned())];
        assert_eq!(control_group(&groups), Some("/v1/memory"));
        assert_eq!(control_group(&[(0, "/".to_owned())]), None);
    }
}
