//! From a process's row to the process.

use super::ends::tells_by_fdinfo;
use super::{Ends, Request, Which, gap};
use crate::kernel::{Ask, Source, TaskRow};
use crate::model::{Failure, Gap, Limit, Process, ProcessId, State, Subject};
use std::collections::HashMap;

/// Reads the processes that are asked for. One that exits before it is read is left out of a listing
/// of all, where nobody asked for it, and is a gap where its pid was given.
pub fn read(source: &dyn Source, request: &Request, gaps: &mut Vec<Gap>) -> Vec<TaskRow> {
    let (pids, named) = match &request.which {
        Which::Pids(pids) => (pids.clone(), true),
        Which::All => match source.pids() {
            Ok(pids) => (pids, false),
            Err(failure) => {
                gaps.push(gap(None, Subject::ProcessList, failure));
                return Vec::new();
            }
        },
    };
    let ask = Ask {
        details: request.need.details,
        fdinfo: request.need.fdinfo,
        fdinfo_of: if request.need.ends == Ends::All { Some(&tells_by_fdinfo) } else { None },
        only: None,
    };
    let mut rows = Vec::with_capacity(pids.len());
    for pid in pids {
        match source.task(pid, &ask) {
            Ok(row) if !named && row.stat.is_kernel_thread() => {}
            Ok(row) => rows.push(row),
            Err(failure) if !named && failure.means_gone() => {}
            Err(failure) => gaps.push(gap(Some(pid), Subject::Process, failure)),
        }
    }
    rows
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

/// Describes a process; its table is filled in by the caller.
pub fn describe(row: &TaskRow, users: &mut Users<'_>, gaps: &mut Vec<Gap>) -> Process {
    let mut process = Process {
        id: ProcessId { pid: row.pid, start_ticks: row.stat.start_ticks },
        ppid: row.stat.ppid,
        comm: row.stat.comm.clone(),
        argv: Vec::new(),
        uid: None,
        user: None,
        state: state(row.stat.state),
        ns_pids: Vec::new(),
        cgroup: None,
        container: None,
        limit: None,
        table: Err(Failure { call: String::new(), error: String::new() }),
    };
    let Some(details) = &row.details else {
        return process;
    };
    let mut missing = |file, failure| gaps.push(gap(Some(row.pid), Subject::ProcessFact(file), failure));
    match &details.argv {
        Ok(argv) => process.argv.clone_from(argv),
        Err(failure) => missing("cmdline", *failure),
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
        Ok(limit) => process.limit = Some(Limit { soft: limit.soft, hard: limit.hard }),
        Err(failure) => missing("limits", *failure),
    }
    match &details.cgroups {
        Ok(groups) => {
            process.cgroup = control_group(groups).map(str::to_owned);
            process.container = groups.iter().find_map(|(_, path)| container_id(path)).map(str::to_owned);
        }
        Err(failure) => missing("cgroup", *failure),
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
